//! Where a daemon is met: a folder that is its user's alone, and in it the socket, the lock and the log of each daemon.

use std::ffi::OsString;
use std::fs::{self, DirBuilder};
use std::io;
use std::path::{Path, PathBuf};

use interprocess::local_socket::Name;

/// Where one daemon is met. Daemons with different settings have different names in one folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    folder: PathBuf,
    stem: OsString,
}

/// Why a place is not to be trusted or cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlaceError {
    /// It cannot be made or looked at.
    #[error("cannot use `{}`: {source}", path.display())]
    Io {
        /// The folder.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// Something else lies there.
    #[error("`{}` is not a folder", path.display())]
    NotAFolder {
        /// The path.
        path: PathBuf,
    },
    /// It belongs to another user.
    #[error("`{}` belongs to another user", path.display())]
    Foreign {
        /// The folder.
        path: PathBuf,
    },
    /// Others may enter it.
    #[error("`{}` is open to others; `chmod 700` it", path.display())]
    Open {
        /// The folder.
        path: PathBuf,
    },
}

impl Place {
    /// In `folder`, for the daemon whose files are called `stem`.
    pub fn new(folder: PathBuf, stem: impl Into<OsString>) -> Self {
        Self { folder, stem: stem.into() }
    }

    /// With the socket at a path; lock and log lie beside it.
    pub fn at(socket: &Path) -> Self {
        let stem = socket.file_stem().unwrap_or_default().to_owned();
        Self { folder: socket.parent().map(Path::to_path_buf).unwrap_or_default(), stem }
    }

    /// The folder of this user's daemons: `riskgate` in `XDG_RUNTIME_DIR` or in what that usually is, so that a hook without
    /// the variable meets the same daemon; else a folder with the user's number in its name among the temporary files, which
    /// on macOS are each user's own.
    pub fn usual_folder(runtime_folder: Option<&Path>) -> PathBuf {
        let usual = PathBuf::from(format!("/run/user/{}", user()));
        match runtime_folder.filter(|folder| folder.is_absolute()) {
            Some(folder) => folder.join("riskgate"),
            None if check_owned_by(&usual, user()).is_ok() => usual.join("riskgate"),
            None => std::env::temp_dir().join(format!("riskgate-{}", user())),
        }
    }

    /// Every daemon's place in a folder, running or not, by name.
    pub fn all_in(folder: &Path) -> Vec<Self> {
        let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
        let locks = entries.filter(|path| path.extension().is_some_and(|extension| extension == "lock"));
        let mut places: Vec<Self> = locks.map(|lock| Self::at(&lock)).collect();
        places.sort_by(|a, b| a.stem.cmp(&b.stem));
        places
    }

    /// The socket.
    pub fn socket(&self) -> PathBuf {
        self.file("sock")
    }

    /// The file that a daemon holds locked as long as it lives.
    pub fn lock(&self) -> PathBuf {
        self.file("lock")
    }

    /// What a daemon in the background has to say.
    pub fn log(&self) -> PathBuf {
        self.file("log")
    }

    /// A note that the daemon kept somebody waiting in vain, with the time at which it was made.
    pub(super) fn silence(&self) -> PathBuf {
        self.file("silent")
    }

    fn file(&self, extension: &str) -> PathBuf {
        let mut name = self.stem.clone();
        name.push(".");
        name.push(extension);
        self.folder.join(name)
    }

    /// Makes the folder if there is none, for this user alone; one that others own or may enter is refused.
    pub fn prepare(&self) -> Result<(), PlaceError> {
        let mut builder = DirBuilder::new();
        builder.recursive(true);
        private(&mut builder);
        let error = |source| PlaceError::Io { path: self.folder.clone(), source };
        builder.create(&self.folder).map_err(error)?;
        self.check()
    }

    /// Refuses a folder that is not this user's alone: whoever else can write there could answer in a daemon's place.
    pub fn check(&self) -> Result<(), PlaceError> {
        check_owned_by(&self.folder, user())
    }

    /// The socket as the library that connects wants it.
    #[cfg(unix)]
    pub(super) fn name(&self) -> io::Result<Name<'static>> {
        use interprocess::local_socket::{GenericFilePath, ToFsName as _};
        self.socket().to_fs_name::<GenericFilePath>()
    }

    /// The named pipe, called after the place: pipes have no folders.
    #[cfg(not(unix))]
    pub(super) fn name(&self) -> io::Result<Name<'static>> {
        use crate::sha256::Sha256;
        use interprocess::local_socket::{GenericNamespaced, ToNsName as _};
        let folder = hex::encode(Sha256::digest(self.folder.as_os_str().as_encoded_bytes()));
        let short: String = folder.chars().take(12).collect();
        format!("riskgate-{short}-{}", self.stem.to_string_lossy()).to_ns_name::<GenericNamespaced>()
    }
}

/// This process's user.
#[cfg(unix)]
pub(super) fn user() -> u32 {
    rustix::process::geteuid().as_raw()
}

#[cfg(not(unix))]
pub(super) fn user() -> String {
    std::env::var("USERNAME").unwrap_or_default()
}

#[cfg(unix)]
fn private(builder: &mut DirBuilder) {
    use std::os::unix::fs::DirBuilderExt as _;
    builder.mode(0o700);
}

/// Other systems' temporary folders are each user's own already.
#[cfg(not(unix))]
fn private(_: &mut DirBuilder) {}

#[cfg(unix)]
fn check_owned_by(folder: &Path, user: u32) -> Result<(), PlaceError> {
    use std::os::unix::fs::MetadataExt as _;
    const OTHERS: u32 = 0o077;
    let path = || folder.to_path_buf();
    // A link could be made to point elsewhere after it was looked at.
    let metadata = fs::symlink_metadata(folder).map_err(|source| PlaceError::Io { path: path(), source })?;
    if !metadata.is_dir() {
        return Err(PlaceError::NotAFolder { path: path() });
    }
    if metadata.uid() != user {
        return Err(PlaceError::Foreign { path: path() });
    }
    if metadata.mode() & OTHERS != 0 { Err(PlaceError::Open { path: path() }) } else { Ok(()) }
}

#[cfg(not(unix))]
fn check_owned_by(folder: &Path, _: String) -> Result<(), PlaceError> {
    let metadata = fs::metadata(folder).map_err(|source| PlaceError::Io { path: folder.to_path_buf(), source })?;
    if metadata.is_dir() { Ok(()) } else { Err(PlaceError::NotAFolder { path: folder.to_path_buf() }) }
}

#[cfg(all(test, unix))]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt as _, symlink};

    use super::*;

    #[test]
    fn a_place_is_made_for_its_user_alone() {
        let root = tempfile::tempdir().unwrap();
        let place = Place::new(root.path().join("run/riskgate"), "riskgate");
        assert!(matches!(place.check(), Err(PlaceError::Io { .. })));
        place.prepare().unwrap();
        let mode = fs::metadata(root.path().join("run/riskgate")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o700);
        place.prepare().unwrap();
    }

    #[test]
    fn a_folder_that_others_own_or_may_enter_is_refused() {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("x");
        fs::create_dir(&folder).unwrap();
        fs::set_permissions(&folder, Permissions::from_mode(0o700)).unwrap();
        check_owned_by(&folder, user()).unwrap();
        assert!(matches!(check_owned_by(&folder, user() + 1), Err(PlaceError::Foreign { .. })));
        for mode in [0o701, 0o710, 0o750, 0o777] {
            fs::set_permissions(&folder, Permissions::from_mode(mode)).unwrap();
            assert!(matches!(check_owned_by(&folder, user()), Err(PlaceError::Open { .. })), "{mode:o}");
        }
    }

    #[test]
    fn a_link_or_a_file_is_no_place() {
        let root = tempfile::tempdir().unwrap();
        let (real, link, file) = (root.path().join("real"), root.path().join("link"), root.path().join("file"));
        fs::create_dir(&real).unwrap();
        symlink(&real, &link).unwrap();
        fs::write(&file, "").unwrap();
        for path in [link, file] {
            assert!(matches!(check_owned_by(&path, user()), Err(PlaceError::NotAFolder { .. })));
        }
    }

    #[test]
    fn the_usual_folder_is_the_user_s() {
        assert_eq!(Place::usual_folder(Some(Path::new("/run/user/7"))), Path::new("/run/user/7/riskgate"));
        for unusable in [None, Some(Path::new("relative"))] {
            let folder = Place::usual_folder(unusable);
            let (own, temporary) = (format!("{}/riskgate", user()), format!("riskgate-{}", user()));
            assert!(folder.ends_with(own) || folder.ends_with(temporary), "{}", folder.display());
        }
    }

    #[test]
    fn the_files_of_a_daemon_lie_together() {
        let place = Place::at(Path::new("/r/other.sock"));
        assert_eq!(place, Place::new("/r".into(), "other"));
        assert_eq!((place.socket(), place.lock()), ("/r/other.sock".into(), "/r/other.lock".into()));
    }
}
