//! States that this process has read or written, so that one whose file nobody has replaced since is not parsed again.
//!
//! Whether the file is the same is not a matter of time. It is only ever replaced as a whole or added to, so another one has another
//! number or is longer: what is kept here keeps the file open, and as long as it is open no other file gets its number,
//! however many writers there are within one tick of the clock. Times are compared as well, for those who edit such a file in place.

use std::fs::{File, Metadata};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::state::State;

/// Sessions that are kept: more than anybody's agents have at once, and few open files.
const MAX_SESSIONS: usize = 64;
/// Bytes of the files of all that is kept: those of twenty long sessions.
const MAX_BYTES: u64 = 1024 * 1024;

/// The states, the one that was used last at the end.
#[derive(Debug, Default)]
pub(super) struct Kept(Mutex<Vec<Entry>>);

#[derive(Debug)]
struct Entry {
    folder: PathBuf,
    /// Open, so that its number stays its own.
    _file: File,
    mark: Mark,
    state: Arc<State>,
}

/// What a file is known by.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Mark {
    device: u64,
    inode: u64,
    size: u64,
    /// Seconds and nanoseconds.
    modified: [i64; 2],
    changed: [i64; 2],
}

impl Mark {
    #[cfg(unix)]
    fn of(metadata: &Metadata) -> Option<Self> {
        use std::os::unix::fs::MetadataExt as _;
        Some(Self {
            device: metadata.dev(),
            inode: metadata.ino(),
            size: metadata.size(),
            modified: [metadata.mtime(), metadata.mtime_nsec()],
            changed: [metadata.ctime(), metadata.ctime_nsec()],
        })
    }

    /// Elsewhere a file's number cannot be had, and nothing is kept.
    #[cfg(not(unix))]
    fn of(_: &Metadata) -> Option<Self> {
        None
    }
}

impl Kept {
    /// What is kept of a session, if its file is the one that was just opened and looked at.
    pub(super) fn get(&self, folder: &Path, metadata: &Metadata) -> Option<Arc<State>> {
        let mark = Mark::of(metadata)?;
        let mut entries = self.entries();
        let at = entries.iter().position(|entry| entry.folder == folder && entry.mark == mark)?;
        let entry = entries.remove(at);
        let state = Arc::clone(&entry.state);
        entries.push(entry);
        Some(state)
    }

    /// Keeps what stands in a file, in the place of what was kept of that session.
    pub(super) fn put(&self, folder: &Path, file: File, metadata: &Metadata, state: &Arc<State>) {
        let Some(mark) = Mark::of(metadata) else { return };
        let mut entries = self.entries();
        entries.retain(|entry| entry.folder != folder);
        entries.push(Entry { folder: folder.to_owned(), _file: file, mark, state: Arc::clone(state) });
        while entries.len() > MAX_SESSIONS || entries.iter().map(|entry| entry.mark.size).sum::<u64>() > MAX_BYTES {
            entries.remove(0);
        }
    }

    /// Nothing that is done under this lock panics or waits.
    fn entries(&self) -> MutexGuard<'_, Vec<Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
