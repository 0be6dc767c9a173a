//! What reviews remember between processes: one small file, changed under a lock and replaced as a whole.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::breaker::Breaker;
use super::budget::Ledger;
use super::options::Output;
use crate::engine::ReviewError;
use crate::private::{self, Access, Sync};

/// Longest wait for the lock. Whoever has it holds it for less than a millisecond, unless it was stopped.
const LOCK_WAIT: Duration = Duration::from_secs(1);
/// Most bytes of a state: some hours of a budget take a few kilobytes.
const MAX_STATE: u64 = 1024 * 1024;

/// What reviews remember.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct State {
    /// Whether the reviewer may be asked.
    pub breaker: Breaker,
    /// What was spent.
    pub ledger: Ledger,
    /// How which model, at which address, wants to be asked.
    pub accepted: Option<Accepted>,
}

/// The way of asking that a model accepted.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Accepted {
    /// Address and model.
    pub by: String,
    /// The way.
    pub output: Output,
}

/// The folder with the state and what else reviews keep.
#[derive(Debug, Clone)]
pub struct Store {
    folder: PathBuf,
}

impl Store {
    /// In riskgate's state folder.
    pub fn new(state: &Path) -> Self {
        Self { folder: state.join("review") }
    }

    /// The path of a file or folder in it.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// Reads the state, lets `change` change it and writes it back, with nobody else in between.
    pub fn update<T>(&self, change: impl FnOnce(&mut State) -> T) -> Result<T, ReviewError> {
        let failed = |error: io::Error| {
            ReviewError::State(format!("the state of reviews in `{}` cannot be used: {error}", self.folder.display()))
        };
        let _lock = self.lock().map_err(failed)?;
        let before = self.read().map_err(failed)?;
        let mut state = before.clone();
        let result = change(&mut state);
        if state != before {
            self.write(&state).map_err(failed)?;
        }
        Ok(result)
    }

    /// The state as it is.
    pub fn read(&self) -> io::Result<State> {
        match private::read(&self.path("state.json"), MAX_STATE)? {
            // What is not readable is no reason to believe that nothing was spent.
            Some(bytes) => serde_json::from_slice(&bytes).map_err(io::Error::other),
            None => Ok(State::default()),
        }
    }

    fn write(&self, state: &State) -> io::Result<()> {
        private::replace(&self.path("state.json"), &serde_json::to_vec(state)?, Sync::Later)
    }

    fn lock(&self) -> io::Result<File> {
        private::create_folder(&self.folder)?;
        let file = private::open(&self.path("state.lock"), Access::ReadWrite)?;
        private::lock(&file, LOCK_WAIT)?;
        Ok(file)
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;
    use std::{fs, thread};

    use super::*;
    use crate::review::breaker::Ending;
    use crate::review::budget::{Amount, Limits};

    const UNLIMITED: Limits = Limits { hour: Amount::UNLIMITED, day: Amount::UNLIMITED };

    fn store() -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(folder.path());
        (folder, store)
    }

    #[test]
    fn what_one_process_has_learnt_the_next_knows() {
        let (_folder, store) = store();
        store.update(|state| state.breaker.record(Ending::Unreachable("x".to_owned()), 100)).unwrap();
        let again = Store { folder: store.folder.clone() };
        assert!(again.update(|state| state.breaker.check(101)).unwrap().is_err());
    }

    #[test]
    fn nothing_is_lost_between_threads() {
        let (_folder, store) = store();
        let amount = Amount { tokens: 1, micro_usd: 2 };
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..25 {
                        store.update(|state| state.ledger.reserve(amount, &UNLIMITED, 5).map(drop)).unwrap().unwrap();
                    }
                });
            }
        });
        assert_eq!(store.read().unwrap().ledger.spent(5).0, Amount { tokens: 100, micro_usd: 200 });
    }

    #[test]
    fn a_broken_state_is_an_error_and_not_an_empty_one() {
        let (_folder, store) = store();
        store.update(|_| ()).unwrap();
        fs::write(store.path("state.json"), "{\"ledger\":").unwrap();
        assert!(matches!(store.update(|_| ()), Err(ReviewError::State(_))));
    }

    #[test]
    fn a_held_lock_is_not_waited_for_without_end() {
        let (_folder, store) = store();
        let _held = store.lock().unwrap();
        let started = Instant::now();
        assert!(matches!(store.update(|_| ()), Err(ReviewError::State(_))));
        assert!(started.elapsed() < LOCK_WAIT * 8);
    }

    #[cfg(unix)]
    #[test]
    fn nobody_else_reads_it() {
        use std::os::unix::fs::PermissionsExt as _;
        let (_folder, store) = store();
        store.update(|state| state.breaker.record(Ending::Failed("x".to_owned()), 1)).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&store.folder), mode(&store.path("state.json"))), (0o700, 0o600));
    }

    #[test]
    fn what_cannot_be_written_is_an_error() {
        let (_folder, store) = store();
        store.update(|_| ()).unwrap();
        let change = |state: &mut State| state.breaker.record(Ending::Failed("x".to_owned()), 1);
        // Nobody reads it before it is written.
        fs::create_dir(store.path("state.json")).unwrap();
        assert!(matches!(store.update(change), Err(ReviewError::State(_))));
    }
}
