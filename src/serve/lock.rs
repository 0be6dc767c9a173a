//! The lock that a daemon holds as long as it lives: of racing starts one wins, and whoever waits for an end sees it.

use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, Write as _};
use std::thread;
use std::time::{Duration, Instant};

use super::place::Place;

/// How often a held lock is looked at.
const POLL: Duration = Duration::from_millis(5);

/// Held by a running daemon; the system lets go of it however the process ends.
#[derive(Debug)]
pub(super) struct DaemonLock {
    _file: File,
}

/// Takes the lock, waiting at most `patience` for whoever has it; none when it is held still.
///
/// Even without a daemon it may be held for an instant, by a client that looks whether there is one.
pub(super) fn take(place: &Place, patience: Duration) -> io::Result<Option<DaemonLock>> {
    let file = open(place)?;
    let given_up = Instant::now() + patience;
    loop {
        match file.try_lock() {
            Ok(()) => return note_process(file).map(Some),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if Instant::now() >= given_up => return Ok(None),
            Err(TryLockError::WouldBlock) => thread::sleep(POLL),
        }
    }
}

/// Whether a daemon runs or starts there. What cannot be looked at counts as one, so that none is started on top of it.
pub fn is_running(place: &Place) -> bool {
    match OpenOptions::new().read(true).write(true).open(place.lock()) {
        Ok(file) => file.try_lock_shared().is_err(),
        Err(error) => error.kind() != io::ErrorKind::NotFound,
    }
}

/// Waits for a daemon to end; whether it has.
pub fn wait_until_gone(place: &Place, patience: Duration) -> bool {
    let given_up = Instant::now() + patience;
    while is_running(place) {
        if Instant::now() >= given_up {
            return false;
        }
        thread::sleep(POLL);
    }
    true
}

fn open(place: &Place) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    options.open(place.lock())
}

/// Leaves the process's number for a person who looks.
fn note_process(mut file: File) -> io::Result<DaemonLock> {
    file.set_len(0)?;
    writeln!(file, "{}", std::process::id())?;
    Ok(DaemonLock { _file: file })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_holds_it_and_the_next_waits() {
        let folder = tempfile::tempdir().unwrap();
        let place = Place::new(folder.path().to_path_buf(), "d");
        assert!(!is_running(&place));
        let first = take(&place, Duration::ZERO).unwrap().unwrap();
        assert!(is_running(&place));
        assert!(take(&place, Duration::from_millis(20)).unwrap().is_none());
        assert!(!wait_until_gone(&place, Duration::from_millis(20)));
        thread::scope(|scope| {
            let second = scope.spawn(|| take(&place, Duration::from_secs(10)).unwrap());
            thread::sleep(Duration::from_millis(30));
            drop(first);
            assert!(second.join().unwrap().is_some());
        });
        assert!(wait_until_gone(&place, Duration::from_secs(10)));
    }
}
