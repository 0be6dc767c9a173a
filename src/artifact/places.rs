//! Where riskgate's own files may lie. Never the working directory: an agent decides what is in there.

use std::env;
use std::path::{Path, PathBuf};

use etcetera::BaseStrategy;

/// How many folders above the executable's are searched for a repository: enough for `target/<triple>/release/deps`.
const MAX_CLIMB: usize = 6;

/// The two starting points of every search.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Places {
    /// The running executable, links resolved.
    pub executable: Option<PathBuf>,
    /// The user's data folder, for example `~/.local/share`.
    pub data_home: Option<PathBuf>,
}

impl Places {
    /// Of this process and user: asks the system and the environment (`XDG_DATA_HOME` and its kin).
    pub fn here() -> Self {
        Self {
            executable: env::current_exe().and_then(|path| path.canonicalize()).ok(),
            data_home: etcetera::base_strategy::choose_native_strategy().ok().map(|strategy| strategy.data_dir()),
        }
    }

    /// riskgate's folder among the user's data.
    pub(super) fn user_folder(&self) -> Option<PathBuf> {
        self.data_home.as_ref().map(|data| data.join("riskgate"))
    }

    /// The folder of the executable.
    pub(super) fn beside_executable(&self) -> Option<&Path> {
        self.executable.as_deref().and_then(Path::parent)
    }

    /// The nearest folder above the executable's that has `wanted` in it: the repository in which the executable was built.
    /// Folders that anybody may write to, such as `/tmp`, are passed over.
    pub(super) fn in_repository(&self, wanted: &Path) -> Option<PathBuf> {
        let above = self.beside_executable()?.ancestors().skip(1).take(MAX_CLIMB);
        above.filter(|folder| !is_open_to_all(folder)).map(|folder| folder.join(wanted)).find(|found| found.is_dir())
    }
}

#[cfg(unix)]
fn is_open_to_all(folder: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt as _;
    const WRITABLE_BY_OTHERS: u32 = 0o002;
    folder.metadata().is_ok_and(|metadata| metadata.permissions().mode() & WRITABLE_BY_OTHERS != 0)
}

#[cfg(not(unix))]
fn is_open_to_all(_folder: &Path) -> bool {
    false
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs::{self, Permissions};
    use std::os::unix::fs::PermissionsExt as _;

    use super::*;

    #[test]
    fn the_nearest_folder_above_the_executable_is_meant_but_none_that_anybody_may_write_to() {
        let root = tempfile::tempdir().unwrap();
        let near = root.path().join("repo");
        for folder in [root.path(), &near] {
            fs::create_dir_all(folder.join("models")).unwrap();
        }
        let executable = Some(near.join("target/release/riskgate"));
        let places = Places { executable, data_home: None };
        let found = || places.in_repository(Path::new("models"));
        assert_eq!(found(), Some(near.join("models")));
        fs::set_permissions(&near, Permissions::from_mode(0o777)).unwrap();
        assert_eq!(found(), Some(root.path().join("models")));
        fs::set_permissions(root.path(), Permissions::from_mode(0o1777)).unwrap();
        assert_eq!(found(), None);
    }
}
