//! Whom a settings file may belong to, and who may write to it. A file that others may write to is theirs.

use std::path::{Path, PathBuf};
use std::{fs, io};

use super::ConfigError;

/// Most bytes of a settings or rule file: one that an agent made huge must not hold up every call.
pub(super) const MAX_FILE: u64 = 1024 * 1024;

/// What is asked of a file before it is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trust {
    /// It may only tighten, so anybody may write it.
    Anybody,
    /// It must belong to the user or the administrator, and nobody else may write it.
    Owner,
    /// It must belong to the administrator, as must its folder, and nobody else may write either.
    Administrator,
}

/// The text of a file, when there is one and it can be trusted.
pub(super) fn read(path: &Path, trust: Trust) -> Result<Option<String>, ConfigError> {
    let failed = |source| ConfigError::Read { path: path.to_owned(), source };
    let found = match fs::metadata(path) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        found => found.map_err(failed)?,
    };
    if !found.is_file() || found.len() > MAX_FILE {
        let message = format!("not a plain file of at most {MAX_FILE} bytes");
        return Err(ConfigError::Parse { path: path.to_owned(), message });
    }
    check(path, &found, trust)?;
    if trust == Trust::Administrator
        && let Some(folder) = path.parent()
    {
        check(folder, &fs::metadata(folder).map_err(failed)?, trust)?;
    }
    fs::read_to_string(path).map(Some).map_err(failed)
}

/// The files of a folder with an ending, by name; none when there is no such folder.
pub(super) fn list(folder: &Path, ending: &str) -> Result<Vec<PathBuf>, ConfigError> {
    let failed = |source| ConfigError::Read { path: folder.to_owned(), source };
    let entries = match fs::read_dir(folder) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(Vec::new());
        }
        entries => entries.map_err(failed)?,
    };
    let mut paths = Vec::new();
    for entry in entries {
        let path = entry.map_err(failed)?.path();
        if path.extension().is_some_and(|extension| extension == ending) {
            paths.push(path);
        }
    }
    paths.sort();
    Ok(paths)
}

#[cfg(unix)]
fn check(path: &Path, found: &fs::Metadata, trust: Trust) -> Result<(), ConfigError> {
    use std::os::unix::fs::MetadataExt as _;
    const ADMINISTRATOR: u32 = 0;
    const WRITABLE_BY_OTHERS: u32 = 0o022;
    let refused = |problem: &'static str| ConfigError::Untrusted { path: path.to_owned(), problem };
    let own = || rustix::process::geteuid().as_raw();
    match trust {
        Trust::Anybody => return Ok(()),
        Trust::Owner if found.uid() != ADMINISTRATOR && found.uid() != own() => {
            return Err(refused("belongs to somebody else"));
        }
        Trust::Administrator if found.uid() != ADMINISTRATOR => return Err(refused("does not belong to root")),
        Trust::Owner | Trust::Administrator => {}
    }
    if found.mode() & WRITABLE_BY_OTHERS != 0 {
        return Err(refused("may be written by the group or by anybody: `chmod go-w` it"));
    }
    Ok(())
}

/// On Windows a file is trusted for where it lies: only administrators write below `ProgramData`, only the user in the
/// profile.
#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "as on other systems")]
fn check(_: &Path, _: &fs::Metadata, _: Trust) -> Result<(), ConfigError> {
    Ok(())
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    fn file(mode: u32) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("config.toml");
        fs::write(&path, "mode = \"off\"\n").unwrap();
        fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
        (folder, path)
    }

    #[test]
    fn what_others_may_write_is_refused_unless_it_can_only_tighten() {
        for mode in [0o664, 0o646, 0o666] {
            let (_folder, path) = file(mode);
            assert!(matches!(read(&path, Trust::Owner), Err(ConfigError::Untrusted { .. })), "{mode:o}");
            assert!(read(&path, Trust::Anybody).unwrap().is_some());
        }
        let (_folder, path) = file(0o644);
        assert!(read(&path, Trust::Owner).unwrap().is_some());
    }

    #[test]
    fn an_absent_file_says_nothing_and_an_odd_one_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(read(&folder.path().join("none"), Trust::Administrator).unwrap(), None);
        assert!(read(folder.path(), Trust::Anybody).is_err());
        assert!(list(&folder.path().join("none"), "cedar").unwrap().is_empty());
    }

    #[test]
    fn a_managed_file_is_root_s_in_a_folder_of_root_s() {
        let (folder, path) = file(0o644);
        let managed = || read(&path, Trust::Administrator);
        if rustix::process::geteuid().is_root() {
            assert!(managed().unwrap().is_some());
            fs::set_permissions(folder.path(), Permissions::from_mode(0o777)).unwrap();
        }
        assert!(matches!(managed(), Err(ConfigError::Untrusted { .. })));
    }
}
