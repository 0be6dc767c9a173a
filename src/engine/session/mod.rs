//! The seam to the memory of a session: what earlier calls of one session left behind, and what this call adds.
//!
//! The rules are here ([`rules`]), and which operation a denial was about ([`operation`]); where it is kept is an adapter's
//! matter. A session makes a verdict stricter or leaves it as it is, never looser. A call without a session has none.

mod files;
mod operation;
mod rules;
mod step;

use crate::action::{Context, KnownFile};
use crate::verdict::{Reason, Verdict};

use files::informed;
pub use operation::Operation;
use operation::operations_of;
pub(super) use operation::{carriers, telling_at};
use rules::{after, names_a_script, retried};

/// Remembers sessions. Shared by all workers, and by all processes of a user.
///
/// Every context that is given to it names a session.
pub trait SessionMemory: Send + Sync {
    /// What is remembered of a session.
    fn recall(&self, context: &Context) -> Result<Recollection, SessionError>;
    /// The texts of files that the session wrote, by the paths that the recollection has. What is not known any more is left
    /// out.
    fn files(&self, context: &Context, paths: &[&str]) -> Result<Vec<KnownFile>, SessionError>;
    /// Adds what happened, unless it changes nothing.
    fn note(&self, context: &Context, notes: &[Note]) -> Result<(), SessionError>;
}

/// What is remembered of a session; empty for one that begins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Recollection {
    /// How often it was denied something.
    pub denials: Denials,
    /// The operations that were denied.
    pub denied: Vec<Operation>,
    /// The kind of secret that was read a short while ago, in words.
    pub secret: Option<String>,
    /// Paths of files that it wrote or fetched.
    pub files: Vec<String>,
    /// What became of files for which there was no room any more.
    pub lost_files: LostFiles,
    /// Limits that the user set, in the user's words.
    pub boundaries: Vec<String>,
}

/// How often a session was denied something since a person looked at it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Denials {
    /// Since a call last ran.
    pub in_a_row: u32,
    /// In all.
    pub total: u32,
    /// Whether it is enough to let a person look before anything else is done.
    pub are_too_many: bool,
}

/// How many denials are too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DenialLimits {
    /// Since a call last ran.
    pub in_a_row: u32,
    /// In all, since a person looked.
    pub total: u32,
}

/// Files of which it is known that they were written, and no more.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum LostFiles {
    /// There are none.
    #[default]
    None,
    /// These.
    Named(Vec<FileMark>),
    /// More than could be noted: it may be any.
    Any,
}

/// What the path of a file is known by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileMark(pub u64);

impl FileMark {
    /// Of a path.
    pub fn of(path: &str) -> Self {
        Self(operation::short_hash(path.as_bytes()))
    }
}

impl LostFiles {
    /// Whether the file of a path is among them.
    pub fn may_contain(&self, path: &str) -> bool {
        match self {
            Self::None => false,
            Self::Named(marks) => marks.contains(&FileMark::of(path)),
            Self::Any => true,
        }
    }
}

/// Something that happened in a session.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Note {
    /// A call was denied; the operations that it was denied for.
    Denied(Vec<Operation>),
    /// A person is asked about a call.
    Asked {
        /// Whether because of the denials before it.
        escalated: bool,
    },
    /// A call ran.
    Ran,
    /// Files may have been written.
    Wrote {
        /// The files.
        files: Vec<KnownFile>,
        /// Whether what stood in them before may still do so.
        may_stand: bool,
    },
    /// A secret of this kind, in words, may have been read.
    ReadSecret(&'static str),
    /// The user set limits, in these words.
    Limited(Vec<String>),
}

/// A memory that cannot be read or added to.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SessionError(pub String);

/// A verdict below which a session's history lets no decision fall.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Raise {
    pub(super) floor: Verdict,
    pub(super) reason: Reason,
}

#[cfg(test)]
mod tests;
