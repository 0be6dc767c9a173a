//! The key: where it comes from, and that a file with it is its owner's alone.

use std::fs::{self, File};
use std::io::Read as _;
use std::path::{Path, PathBuf};

use super::options::Auth;
use crate::engine::ReviewError;
use crate::redact::Secret;

/// Most bytes of a key file.
const MAX_KEY: u64 = 16 * 1024;

/// Where the key comes from. It is read when it is first needed: without one, everything but reviews works.
#[derive(Debug, Clone)]
pub enum KeySource {
    /// A file, read when needed.
    File(PathBuf),
    /// Given by the environment, with how keys of its kind are sent.
    Given(Secret, Auth),
    /// There is none.
    Missing,
}

impl KeySource {
    /// The key and how it is sent; `None` where none is.
    pub(super) fn resolve(&self, auth: Option<Auth>) -> Result<Option<(Secret, Auth)>, ReviewError> {
        if auth == Some(Auth::None) {
            return Ok(None);
        }
        let (key, usual) = match self {
            Self::File(path) => (read(path)?, Auth::XApiKey),
            Self::Given(key, usual) => (key.clone(), *usual),
            Self::Missing => {
                return Err(ReviewError::Configuration(
                    "no key for the reviewing model: set ANTHROPIC_API_KEY, or `key_file` in the settings".to_owned(),
                ));
            }
        };
        Ok(Some((key, auth.unwrap_or(usual))))
    }
}

/// The key in a file that nobody but its owner can read.
fn read(path: &Path) -> Result<Secret, ReviewError> {
    let bad = |what: &str| ReviewError::Configuration(format!("the key file `{}` {what}", path.display()));
    let file = File::open(path).map_err(|error| bad(&format!("cannot be read: {error}")))?;
    // Of the file that was opened, not of what its name means a moment later.
    let metadata = file.metadata().map_err(|error| bad(&format!("cannot be read: {error}")))?;
    if !metadata.is_file() || metadata.len() > MAX_KEY {
        return Err(bad("is not a plain small file"));
    }
    if is_open_to_others(&metadata) {
        return Err(bad("can be read by others; run `chmod 600` on it"));
    }
    let mut text = String::new();
    file.take(MAX_KEY).read_to_string(&mut text).map_err(|error| bad(&format!("cannot be read: {error}")))?;
    let key = text.trim();
    if key.is_empty() || key.contains(char::is_whitespace) {
        return Err(bad("does not hold a key and nothing else"));
    }
    Ok(Secret::new(key))
}

#[cfg(unix)]
fn is_open_to_others(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    const OTHERS: u32 = 0o077;
    metadata.permissions().mode() & OTHERS != 0
}

/// Elsewhere a file in the user's folder is the user's by default.
#[cfg(not(unix))]
fn is_open_to_others(_: &fs::Metadata) -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    fn file(text: &str, mode: u32) -> (tempfile::TempDir, KeySource) {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        fs::write(&path, text).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(mode)).unwrap();
        (folder, KeySource::File(path))
    }

    #[cfg(unix)]
    #[test]
    fn a_key_file_is_its_owner_s_alone() {
        let (_folder, source) = file("EXAMPLE-key\n", 0o600);
        let (key, auth) = source.resolve(None).unwrap().unwrap();
        assert_eq!((key.expose(), auth), ("EXAMPLE-key", Auth::XApiKey));
        for mode in [0o640, 0o604, 0o644] {
            let (_folder, source) = file("EXAMPLE-key", mode);
            let error = source.resolve(None).unwrap_err().to_string();
            assert!(error.contains("chmod 600") && !error.contains("EXAMPLE-key"), "{error}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn a_file_with_anything_else_in_it_is_refused() {
        for text in ["", "  \n", "key = EXAMPLE", "EXAMPLE\nEXAMPLE"] {
            let (_folder, source) = file(text, 0o600);
            assert!(source.resolve(None).is_err(), "{text:?}");
        }
        assert!(KeySource::File(PathBuf::from("/nowhere")).resolve(None).is_err());
    }

    #[test]
    fn a_key_is_sent_as_its_kind_wants_unless_told_otherwise() {
        let source = KeySource::Given(Secret::new("EXAMPLE"), Auth::Bearer);
        assert_eq!(source.resolve(None).unwrap().unwrap().1, Auth::Bearer);
        assert_eq!(source.resolve(Some(Auth::ApiKey)).unwrap().unwrap().1, Auth::ApiKey);
        assert!(KeySource::Missing.resolve(Some(Auth::None)).unwrap().is_none());
        assert!(matches!(KeySource::Missing.resolve(None), Err(ReviewError::Configuration(_))));
    }
}
