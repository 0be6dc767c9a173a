//! Why a bundle is refused.

use std::io;
use std::path::PathBuf;

use crate::manifest::ManifestError;

/// A bundle that is missing, incomplete or not what its manifest says.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// A file cannot be read.
    #[error("cannot read `{}`", .path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What the system said.
        #[source]
        source: io::Error,
    },
    /// Something else than a file lies where a file is expected.
    #[error("`{}` is not a regular file", .path.display())]
    NotAFile {
        /// What was found.
        path: PathBuf,
    },
    /// A file is larger than any bundle needs.
    #[error("`{}` has {found} bytes; at most {limit} are accepted", .path.display())]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// Largest size accepted, in bytes.
        limit: u64,
        /// Its size in bytes.
        found: u64,
    },
    /// The manifest cannot be used.
    #[error("bundle manifest `{}` cannot be used", .path.display())]
    Manifest {
        /// The manifest.
        path: PathBuf,
        /// What is wrong.
        #[source]
        source: ManifestError,
    },
    /// A name in the manifest is more than a plain file name.
    #[error("manifest `{}` names the file `{name}`, which is not a plain file name", .path.display())]
    FileName {
        /// The manifest.
        path: PathBuf,
        /// The name.
        name: String,
    },
    /// The manifest does not vouch for a file that is needed.
    #[error("manifest `{}` does not list `{name}`; make the bundle anew", .path.display())]
    NotListed {
        /// The manifest.
        path: PathBuf,
        /// The missing entry.
        name: String,
    },
    /// A file has another size than the manifest says.
    #[error("`{}` has {found} bytes, but its manifest says {expected}; restore the bundle from where it came", .path.display())]
    Size {
        /// The file.
        path: PathBuf,
        /// Bytes by the manifest.
        expected: u64,
        /// Bytes found.
        found: u64,
    },
    /// A file has other contents than the manifest says.
    #[error(
        "`{}` has SHA-256 {found}, but its manifest says {expected}; it was changed: restore the bundle from where it came",
        .path.display()
    )]
    Hash {
        /// The file.
        path: PathBuf,
        /// Hash by the manifest, lower-case hex.
        expected: String,
        /// Hash found, lower-case hex.
        found: String,
    },
    /// No bundle of that name.
    #[error("no model bundle `{name}`; looked in {}; name its folder with `--model ./FOLDER`", list(.searched))]
    NotFound {
        /// The name asked for.
        name: String,
        /// The folders searched, in order.
        searched: Vec<PathBuf>,
    },
    /// No bundle was asked for by name, and there is not exactly one.
    #[error("there are several model bundles and none is the default: {}; choose one with `--model NAME`", .names.join(", "))]
    Ambiguous {
        /// Their names.
        names: Vec<String>,
    },
    /// A bundle name that is none.
    #[error("`{name}` is not a bundle name; give a plain name, or a folder with at least one `/`")]
    Name {
        /// The name asked for.
        name: String,
    },
}

fn list(folders: &[PathBuf]) -> String {
    let folders: Vec<String> = folders.iter().map(|folder| format!("`{}`", folder.display())).collect();
    if folders.is_empty() { "no folder".to_owned() } else { folders.join(", ") }
}
