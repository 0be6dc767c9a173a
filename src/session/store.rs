//! The folder of one session: `state.json`, and the texts that it names.
//!
//! The file begins with a state; each line after it is a change ([`Step`]). Changes are appended under a lock, and the file is
//! replaced as a whole by its last state when it has grown. A change that was not written to its end belongs to a process that
//! died before it had answered, and counts as not made; anything else that cannot be read is an error.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use super::kept::Kept;
use super::state::{Changed, State, Text};
use super::step::Step;
use crate::engine::SessionError;
use crate::private::{self, Access, Sync};
use crate::sha256::Sha256;

/// Longest wait for the lock. Whoever has it holds it for less than a millisecond, unless it was stopped.
const LOCK_WAIT: Duration = Duration::from_millis(500);
/// Most bytes of a state: more than its bounds allow is not ours.
const MAX_STATE: u64 = 1024 * 1024;
/// Bytes from which on the file is replaced instead of added to: some hundred changes, read in a millisecond.
const MAX_GROWN: u64 = 256 * 1024;
/// Folders that are looked at when a session begins, to see whether they are out of date.
const MAX_PRUNED: usize = 512;

/// Where one session is kept.
#[derive(Debug)]
pub(super) struct Store<'a> {
    all: PathBuf,
    folder: PathBuf,
    expiry: Duration,
    kept: &'a Kept,
}

/// What was looked for.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Read<T> {
    There(T),
    Gone,
}

impl<'a> Store<'a> {
    /// In riskgate's folder for state. A session's name may hold anything, so its hash names the folder.
    pub(super) fn new(state: &Path, session: &str, expiry: Duration, kept: &'a Kept) -> Self {
        let all = state.join("sessions");
        let name: String = hex::encode(Sha256::digest(session)).chars().take(16).collect();
        Self { folder: all.join(name), all, expiry, kept }
    }

    pub(super) fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// The state as it is; a new one where there is none or it is out of date.
    pub(super) fn read(&self, now: u64) -> Result<Arc<State>, SessionError> {
        let read = || -> io::Result<_> {
            let found = self.try_read(now)?;
            if !found.torn {
                return Ok(found.state);
            }
            // Somebody is writing, or died over it: once the lock is ours it is whole, or will never be.
            let _lock = lock(&self.folder, LOCK_WAIT)?;
            Ok(self.try_read(now)?.state)
        };
        read().map_err(|error| self.failed(&error))
    }

    fn try_read(&self, now: u64) -> io::Result<Found> {
        let path = self.path("state.json");
        let file = match private::open(&path, Access::Read) {
            Ok(file) => file,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::default()),
            Err(error) => return Err(error),
        };
        let metadata = file.metadata()?;
        match self.known(file, &metadata) {
            Ok(found) if now.saturating_sub(found.state.used) > self.expiry.as_secs() => Ok(Found::default()),
            Ok(found) => Ok(found),
            // What is broken is out of date at some time, too.
            Err(_) if is_older(&metadata, self.expiry) => Ok(Found::default()),
            Err(error) => Err(error),
        }
    }

    /// What stands in a file that was just opened: what is kept of it, or else what is read.
    fn known(&self, file: File, metadata: &fs::Metadata) -> io::Result<Found> {
        if let Some(state) = self.kept.get(&self.folder, metadata) {
            return Ok(Found { state, torn: false });
        }
        if metadata.len() > MAX_STATE {
            return Err(io::Error::other("it is too large"));
        }
        let found = parse(&io::read_to_string(&file)?)?;
        if !found.torn {
            self.kept.put(&self.folder, file, metadata, &found.state);
        }
        Ok(found)
    }

    /// A text by its name.
    pub(super) fn text(&self, name: &str) -> Result<Read<String>, SessionError> {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).map_err(io::Error::other);
        let read = private::read(&self.path(name), MAX_STATE).and_then(|bytes| bytes.map(text).transpose());
        Ok(read.map_err(|error| self.failed(&error))?.map_or(Read::Gone, Read::There))
    }

    /// Writes down what becomes of `before`, which was just read, unless that is nothing; if somebody else has written meanwhile,
    /// what becomes of that. There is nobody else between the last look and the writing.
    pub(super) fn update(
        &self,
        now: u64,
        before: &Arc<State>,
        change: impl Fn(&State) -> Option<Changed>,
    ) -> Result<(), SessionError> {
        let Some(changed) = change(before) else { return Ok(()) };
        let mut result = self.try_update(now, Some((before, changed)), &change);
        if result.as_ref().is_err_and(|error| error.kind() == io::ErrorKind::NotFound) {
            // Somebody found the folder out of date and took it away.
            result = self.try_update(now, None, &change);
        }
        result.map_err(|error| self.failed(&error))
    }

    /// With what becomes of a state that was read before, if it is still the one.
    fn try_update(
        &self,
        now: u64,
        expected: Option<(&Arc<State>, Changed)>,
        change: &impl Fn(&State) -> Option<Changed>,
    ) -> io::Result<()> {
        let begins = !self.folder.exists();
        private::create_folder(&self.folder)?;
        {
            let _lock = lock(&self.folder, LOCK_WAIT)?;
            let current = self.try_read(now)?;
            let changed = match expected {
                Some((before, changed)) if Arc::ptr_eq(&current.state, before) => Some(changed),
                _ => change(&current.state),
            };
            let Some(changed) = changed else { return Ok(()) };
            self.write(&current, &changed)?;
        }
        if begins {
            self.prune();
        }
        Ok(())
    }

    /// Texts first, so that no state names one that is not there yet.
    fn write(&self, Found { state: before, torn }: &Found, Changed { state, texts }: &Changed) -> io::Result<()> {
        let used: BTreeSet<&str> = state.texts().collect();
        for Text { name, text } in texts.iter().filter(|text| used.contains(text.name.as_str())) {
            let path = self.path(name);
            if !path.exists() {
                private::replace(&path, text.as_bytes(), Sync::Later)?;
            }
        }
        let appended = if before.is_new() || *torn { None } else { self.append(before, state)? };
        let file = match appended {
            Some(file) => file,
            None => private::replaced(&self.path("state.json"), &serde_json::to_vec(state.as_ref())?, Sync::Later)?,
        };
        // Written it is, whatever the look at it brings; what is not kept is read again.
        if let Ok(metadata) = file.metadata() {
            self.kept.put(&self.folder, file, &metadata, state);
        }
        // A text that stays too long takes room and does no other harm.
        for unused in before.texts().filter(|name| !used.contains(name)) {
            let _ = fs::remove_file(self.path(unused));
        }
        if before.is_new() {
            self.remove_unused(&used);
        }
        Ok(())
    }

    /// Adds what changed to the file; `None` when there is no room or it cannot be said so.
    fn append(&self, before: &State, after: &State) -> io::Result<Option<File>> {
        let Some(step) = Step::between(before, after) else { return Ok(None) };
        let line = [b"\n", step.as_slice()].concat();
        let mut file = private::open(&self.path("state.json"), Access::Append)?;
        let n_before = file.metadata()?.len();
        if n_before + line.len() as u64 > MAX_GROWN {
            return Ok(None);
        }
        if let Err(error) = file.write_all(&line) {
            // A part of it may be there: whoever reads it knows it for what it is.
            let _ = file.set_len(n_before);
            return Err(error);
        }
        Ok(Some(file))
    }

    /// Removes what a session of the same name left that is out of date.
    fn remove_unused(&self, used: &BTreeSet<&str>) {
        let entries = fs::read_dir(&self.folder).into_iter().flatten().flatten();
        for entry in entries {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            if is_text_name(&name) && !used.contains(&*name) {
                let _ = fs::remove_file(entry.path());
            }
        }
    }

    /// Takes away what other sessions left that are out of date. One that is in use holds its lock.
    fn prune(&self) {
        let entries = fs::read_dir(&self.all).into_iter().flatten().flatten();
        for folder in entries.take(MAX_PRUNED).map(|entry| entry.path()).filter(|folder| *folder != self.folder) {
            let is_old = || {
                let metadata = fs::metadata(folder.join("state.json")).or_else(|_| fs::metadata(&folder));
                metadata.is_ok_and(|metadata| is_older(&metadata, self.expiry))
            };
            if is_old()
                && let Ok(_lock) = lock(&folder, Duration::ZERO)
                && is_old()
            {
                let _ = fs::remove_dir_all(&folder);
            }
        }
    }

    fn failed(&self, error: &io::Error) -> SessionError {
        SessionError(format!("`{}`: {error}", self.folder.display()))
    }
}

/// A text's name is the hash of what stands in it.
fn is_text_name(name: &str) -> bool {
    name.len() == 32 && name.bytes().all(|byte| byte.is_ascii_hexdigit())
}

/// A state as it was found.
#[derive(Debug, Default)]
struct Found {
    state: Arc<State>,
    /// Whether a change stands behind it that was not written to its end.
    torn: bool,
}

/// A state and the changes after it, one a line.
fn parse(text: &str) -> io::Result<Found> {
    let mut lines = text.split('\n');
    let mut state: State = serde_json::from_str(lines.next().unwrap_or_default()).map_err(io::Error::other)?;
    if !state.is_readable() {
        return Err(io::Error::other("another version of riskgate wrote it"));
    }
    let mut lines = lines.peekable();
    while let Some(line) = lines.next() {
        match serde_json::from_str::<Step>(line) {
            Ok(step) => {
                if !step.apply(&mut state) {
                    return Err(io::Error::other("a change does not fit what stands before it"));
                }
            }
            Err(error) if error.is_eof() && lines.peek().is_none() => {
                return Ok(Found { state: Arc::new(state), torn: true });
            }
            Err(error) => return Err(error.into()),
        }
    }
    Ok(Found { state: Arc::new(state), torn: false })
}

/// By the clock that marks files, which is the system's own.
fn is_older(metadata: &fs::Metadata, than: Duration) -> bool {
    let age = metadata.modified().ok().and_then(|at| SystemTime::now().duration_since(at).ok());
    age.is_some_and(|age| age > than)
}

fn lock(folder: &Path, patience: Duration) -> io::Result<File> {
    let file = private::open(&folder.join("lock"), Access::ReadWrite)?;
    private::lock(&file, patience)?;
    Ok(file)
}
