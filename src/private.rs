//! Files that are this user's alone: sessions, reviews, grants and the log of decisions are kept in them.
//!
//! Whoever can write one of these files decides what the gate remembers, and whoever can read one sees what an agent did. So
//! no link at a file's own place is followed, a file that belongs to somebody else or that others may write is refused, and
//! what is made can be read by its owner alone. Files are replaced as a whole, and locks are waited for so long and no longer.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// The first and the longest pause between two looks at a lock that is held.
const PAUSES: [Duration; 2] = [Duration::from_micros(50), Duration::from_millis(5)];

/// What a file is opened for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Access {
    /// To be read; it must be there.
    Read,
    /// To be read and written; it is made where there is none.
    ReadWrite,
    /// To be read, and written at its end; it is made where there is none.
    Append,
}

/// Whether what was written is forced onto the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sync {
    /// The system writes when it likes: a power failure may bring the old file back.
    Later,
    /// Before anything else is done.
    Now,
}

/// Makes a folder that nobody but its owner enters, and those above it.
pub fn create_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)?;
    let found = fs::metadata(folder)?;
    if !found.is_dir() {
        return Err(io::ErrorKind::NotADirectory.into());
    }
    check(&found)
}

/// Opens a file of this user's.
pub fn open(path: &Path, access: Access) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    match access {
        Access::Read => {}
        Access::ReadWrite => drop(options.write(true).create(true).truncate(false)),
        Access::Append => drop(options.append(true).create(true)),
    }
    opened(&mut options, path)
}

/// The whole of a file of this user's, when there is one; more than `most` bytes are an error.
pub fn read(path: &Path, most: u64) -> io::Result<Option<Vec<u8>>> {
    let file = match open(path, Access::Read) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        file => file?,
    };
    let mut bytes = Vec::new();
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > most { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(Some(bytes)) }
}

/// Puts a file in place as a whole: whoever reads it meanwhile sees the old one or the new one.
pub fn replace(path: &Path, bytes: &[u8], sync: Sync) -> io::Result<()> {
    replaced(path, bytes, sync).map(drop)
}

/// The same; the file that lies there now, to be known again.
pub fn replaced(path: &Path, bytes: &[u8], sync: Sync) -> io::Result<File> {
    let new = beside(path);
    let written = write_new(&new, bytes, sync).and_then(|file| fs::rename(&new, path).map(|()| file));
    if written.is_err() {
        // It may never have been there.
        let _ = fs::remove_file(&new);
    }
    written
}

fn write_new(path: &Path, bytes: &[u8], sync: Sync) -> io::Result<File> {
    let mut file = opened(OpenOptions::new().write(true).create_new(true), path)?;
    file.write_all(bytes)?;
    if sync == Sync::Now {
        file.sync_all()?;
    }
    Ok(file)
}

/// A name that no other thread or process takes.
fn beside(path: &Path) -> PathBuf {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let mut name = path.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.{}.new", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed)));
    path.with_file_name(name)
}

/// Takes the lock of a file, waiting for it as long as `patience`. It is let go when the file is closed.
pub fn lock(file: &File, patience: Duration) -> io::Result<()> {
    wait_for(patience, || file.try_lock())
}

/// The same beside others who only read.
pub fn lock_shared(file: &File, patience: Duration) -> io::Result<()> {
    wait_for(patience, || file.try_lock_shared())
}

fn wait_for(patience: Duration, take: impl Fn() -> Result<(), TryLockError>) -> io::Result<()> {
    let [mut pause, longest] = PAUSES;
    let given_up = Instant::now() + patience;
    loop {
        match take() {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if Instant::now() >= given_up => {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "another process holds its lock"));
            }
            Err(TryLockError::WouldBlock) => thread::sleep(pause),
        }
        pause = (pause * 2).min(longest);
    }
}

#[cfg(unix)]
fn opened(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    use std::os::unix::fs::OpenOptionsExt as _;
    // A pipe in the place of a file would be waited for without end.
    let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
    let file = options.mode(0o600).custom_flags(flags.bits().cast_signed()).open(path)?;
    let found = file.metadata()?;
    if !found.is_file() {
        return Err(io::Error::other("it is not a plain file"));
    }
    check(&found)?;
    Ok(file)
}

#[cfg(not(unix))]
fn opened(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    options.open(path)
}

/// Refuses what others own or may write. What others may only read is none of what is made here, but an administrator may have
/// let a collector of logs read it.
#[cfg(unix)]
fn check(found: &fs::Metadata) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt as _;
    const ADMINISTRATOR: u32 = 0;
    const WRITABLE_BY_OTHERS: u32 = 0o022;
    let refused = |problem: &str| Err(io::Error::new(io::ErrorKind::PermissionDenied, problem));
    if found.uid() != rustix::process::geteuid().as_raw() && found.uid() != ADMINISTRATOR {
        return refused("it belongs to somebody else");
    }
    if found.mode() & WRITABLE_BY_OTHERS != 0 {
        return refused("it may be written by the group or by anybody: `chmod go-w` it");
    }
    Ok(())
}

/// The folders of a user's state are each user's own on other systems.
#[cfg(not(unix))]
#[expect(clippy::unnecessary_wraps, reason = "as on other systems")]
fn check(_: &fs::Metadata) -> io::Result<()> {
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder() -> (tempfile::TempDir, PathBuf) {
        let root = tempfile::tempdir().unwrap();
        let folder = root.path().join("state/x");
        create_folder(&folder).unwrap();
        (root, folder)
    }

    #[test]
    fn what_is_replaced_is_whole_and_leaves_nothing_beside() {
        let (_root, folder) = folder();
        let path = folder.join("a.json");
        assert_eq!(read(&path, 10).unwrap(), None);
        for (text, sync) in [("one", Sync::Later), ("two", Sync::Now)] {
            replace(&path, text.as_bytes(), sync).unwrap();
            assert_eq!(read(&path, 3).unwrap().unwrap(), text.as_bytes());
        }
        assert!(read(&path, 2).is_err());
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1);
        fs::create_dir(folder.join("b")).unwrap();
        assert!(replace(&folder.join("b"), b"x", Sync::Later).is_err());
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 2);
    }

    #[test]
    fn a_lock_is_waited_for_so_long_and_no_longer() {
        let (_root, folder) = folder();
        let path = folder.join("lock");
        let [first, second] = [(); 2].map(|()| open(&path, Access::ReadWrite).unwrap());
        lock(&first, Duration::ZERO).unwrap();
        let started = Instant::now();
        let error = lock(&second, Duration::from_millis(30)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert!((30..3_000).contains(&started.elapsed().as_millis()));
        assert!(lock_shared(&second, Duration::ZERO).is_err());
        thread::scope(|scope| {
            let waiting = scope.spawn(|| lock(&second, Duration::from_secs(20)));
            thread::sleep(Duration::from_millis(20));
            drop(first);
            waiting.join().unwrap().unwrap();
        });
    }

    #[cfg(unix)]
    mod unix {
        use std::fs::Permissions;
        use std::os::unix::fs::{PermissionsExt as _, symlink};

        use super::*;

        fn mode(path: &Path) -> u32 {
            fs::metadata(path).unwrap().permissions().mode() & 0o777
        }

        #[test]
        fn nobody_else_reads_what_is_made() {
            let (_root, folder) = folder();
            assert_eq!(mode(&folder), 0o700);
            for access in [Access::ReadWrite, Access::Append] {
                let path = folder.join(format!("{access:?}"));
                open(&path, access).unwrap();
                assert_eq!(mode(&path), 0o600);
            }
            replace(&folder.join("new"), b"", Sync::Later).unwrap();
            assert_eq!(mode(&folder.join("new")), 0o600);
        }

        #[test]
        fn a_link_a_pipe_and_a_folder_are_no_files() {
            let (_root, folder) = folder();
            fs::write(folder.join("real"), "x").unwrap();
            symlink(folder.join("real"), folder.join("link")).unwrap();
            symlink(folder.join("nowhere"), folder.join("dangling")).unwrap();
            fs::create_dir(folder.join("folder")).unwrap();
            let pipe = folder.join("pipe");
            assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
            for name in ["link", "dangling", "folder", "pipe"] {
                for access in [Access::Read, Access::ReadWrite, Access::Append] {
                    assert!(open(&folder.join(name), access).is_err(), "{name} {access:?}");
                }
            }
            assert!(!folder.join("nowhere").exists());
            // Whatever lies there is taken away, and what it leads to stays.
            replace(&folder.join("link"), b"y", Sync::Later).unwrap();
            assert_eq!(fs::read(folder.join("real")).unwrap(), b"x");
        }

        #[test]
        fn what_others_may_write_or_own_is_refused() {
            let (_root, folder) = folder();
            let path = folder.join("a");
            fs::write(&path, "x").unwrap();
            for refused in [0o620, 0o602, 0o666] {
                fs::set_permissions(&path, Permissions::from_mode(refused)).unwrap();
                assert_eq!(read(&path, 9).unwrap_err().kind(), io::ErrorKind::PermissionDenied, "{refused:o}");
            }
            fs::set_permissions(&path, Permissions::from_mode(0o640)).unwrap();
            assert!(read(&path, 9).unwrap().is_some());
            fs::set_permissions(&folder, Permissions::from_mode(0o770)).unwrap();
            assert!(create_folder(&folder).is_err());
            // Only root can give a file away.
            if std::os::unix::fs::chown(&path, Some(65_534), None).is_ok() {
                assert!(read(&path, 9).is_err());
            }
        }
    }
}
