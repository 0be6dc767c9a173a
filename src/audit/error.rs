//! Why the log cannot be written or read.

use std::io;
use std::path::{Path, PathBuf};

/// Why the log cannot be written or read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The disk refuses.
    #[error("audit log: cannot {what} `{}`: {source}", path.display())]
    Io {
        /// What was tried.
        what: &'static str,
        /// On which file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// The key file does not hold a key.
    #[error("audit log: the key file `{}` {problem}", path.display())]
    Key {
        /// The file.
        path: PathBuf,
        /// What is wrong with it.
        problem: &'static str,
    },
    /// The other threads of this process needed it for too long.
    #[error("audit log: it is in use")]
    Busy,
    /// The system gives no random bytes.
    #[error("audit log: the system gives no random bytes for a key")]
    Random,
    /// The export cannot be made.
    #[error("audit log: cannot export: {0}")]
    Export(String),
}

impl LogError {
    /// For `map_err`: what was tried on which file.
    pub(super) fn io(what: &'static str, path: &Path) -> impl FnOnce(io::Error) -> Self {
        let path = path.to_owned();
        move |source| Self::Io { what, path, source }
    }
}
