//! Which bundles there are, and where.

use std::fs;
use std::path::{Path, PathBuf};

use super::bundle::{identity, is_plain, read_manifest};
use super::{BundleError, Places};
use crate::manifest::Manifest;

/// The bundle that is used when none is named.
pub const DEFAULT_BUNDLE: &str = "riskgate-small";

const FOLDER: &str = "models";

/// A bundle in one of the folders. Only its manifest was read.
#[derive(Debug)]
pub struct Listed {
    /// The name of its folder, by which it can be asked for.
    pub name: String,
    /// Its folder.
    pub folder: PathBuf,
    /// Its manifest and identity, or why it cannot be used.
    pub manifest: Result<(Manifest, String), BundleError>,
}

/// The folders in which bundles lie, first choice first: the user's data folder, beside the executable, the repository in
/// which the executable was built. Only those that exist.
pub fn bundle_folders(places: &Places) -> Vec<PathBuf> {
    let user = places.user_folder().map(|folder| folder.join(FOLDER));
    let beside = places.beside_executable().map(|folder| folder.join(FOLDER));
    let repository = places.in_repository(Path::new(FOLDER));
    [user, beside, repository].into_iter().flatten().filter(|folder| folder.is_dir()).collect()
}

/// The folder of a bundle. `wanted` is a name, looked up in [`bundle_folders`], or a folder when it has a separator in it;
/// without it, [`DEFAULT_BUNDLE`] is meant, or the only bundle that there is.
pub fn find_bundle(wanted: Option<&str>, places: &Places) -> Result<PathBuf, BundleError> {
    match wanted {
        Some(folder) if folder.contains(std::path::is_separator) => Ok(PathBuf::from(folder)),
        Some(name) if is_plain(name) => find_named(name, places),
        Some(name) => Err(BundleError::Name { name: name.to_owned() }),
        None => find_named(DEFAULT_BUNDLE, places).or_else(|missing| only_bundle(places, missing)),
    }
}

/// All bundles of [`bundle_folders`], by name within each folder. A name that appears twice means the first.
pub fn list_bundles(places: &Places) -> Vec<Listed> {
    bundle_folders(places).iter().flat_map(|folder| bundles_in(folder)).map(listed).collect()
}

fn find_named(name: &str, places: &Places) -> Result<PathBuf, BundleError> {
    let searched = bundle_folders(places);
    let found = searched.iter().map(|folder| folder.join(name)).find(|folder| is_bundle(folder));
    found.ok_or_else(|| BundleError::NotFound { name: name.to_owned(), searched })
}

fn only_bundle(places: &Places, missing: BundleError) -> Result<PathBuf, BundleError> {
    let mut found: Vec<PathBuf> = bundle_folders(places).iter().flat_map(|folder| bundles_in(folder)).collect();
    match (found.pop(), found.is_empty()) {
        (None, _) => Err(missing),
        (Some(only), true) => Ok(only),
        (Some(last), false) => {
            found.push(last);
            Err(BundleError::Ambiguous { names: found.iter().map(|folder| name_of(folder)).collect() })
        }
    }
}

/// The bundles directly in a folder, sorted. A folder that cannot be read has none.
fn bundles_in(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = entries.map(|entry| entry.path()).filter(|path| is_bundle(path)).collect();
    found.sort_unstable();
    found
}

fn is_bundle(folder: &Path) -> bool {
    folder.join("manifest.json").is_file()
}

fn name_of(folder: &Path) -> String {
    folder.file_name().unwrap_or_default().to_string_lossy().into_owned()
}

fn named_manifest(folder: &Path) -> Result<(Manifest, String), BundleError> {
    let (manifest, sha256) = read_manifest(folder)?;
    let identity = identity(&manifest, &sha256);
    Ok((manifest, identity))
}

fn listed(folder: PathBuf) -> Listed {
    Listed { name: name_of(&folder), manifest: named_manifest(&folder), folder }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn place(root: &Path, bundles: &[&str]) {
        for bundle in bundles {
            let folder = root.join(bundle);
            fs::create_dir_all(&folder).unwrap();
            fs::write(folder.join("manifest.json"), "{}").unwrap();
        }
    }

    fn places(root: &Path) -> Places {
        Places { executable: Some(root.join("repo/target/release/riskgate")), data_home: Some(root.join("data")) }
    }

    #[test]
    fn the_users_folder_comes_before_the_executables_and_the_repositorys() {
        let root = tempfile::tempdir().unwrap();
        place(
            root.path(),
            &["data/riskgate/models/a", "repo/target/release/models/a", "repo/models/a", "repo/models/b"],
        );
        let places = places(root.path());
        let names: Vec<String> = list_bundles(&places).into_iter().map(|listed| listed.name).collect();
        assert_eq!(names, ["a", "a", "a", "b"]);
        assert_eq!(find_bundle(Some("a"), &places).unwrap(), root.path().join("data/riskgate/models/a"));
        assert_eq!(find_bundle(Some("b"), &places).unwrap(), root.path().join("repo/models/b"));
    }

    #[test]
    fn without_a_name_the_default_or_the_only_bundle_is_meant() {
        let root = tempfile::tempdir().unwrap();
        let places = places(root.path());
        let error = find_bundle(None, &places).unwrap_err();
        assert!(matches!(error, BundleError::NotFound { .. }), "{error}");
        place(root.path(), &["repo/models/x"]);
        assert_eq!(find_bundle(None, &places).unwrap(), root.path().join("repo/models/x"));
        place(root.path(), &["repo/models/y"]);
        assert!(matches!(find_bundle(None, &places), Err(BundleError::Ambiguous { names }) if names == ["x", "y"]));
        place(root.path(), &["repo/models/riskgate-small"]);
        assert_eq!(find_bundle(None, &places).unwrap(), root.path().join("repo/models/riskgate-small"));
    }

    #[test]
    fn a_separator_means_a_folder_and_a_name_never_leaves_the_search() {
        let places = Places::default();
        assert_eq!(find_bundle(Some("./x"), &places).unwrap(), Path::new("./x"));
        assert!(matches!(find_bundle(Some(".."), &places), Err(BundleError::Name { .. })));
        assert!(matches!(find_bundle(Some("x"), &places), Err(BundleError::NotFound { .. })));
    }
}
