//! The audit log: every decision as one line of JSON in a chain that shows whether anything was changed.
//!
//! A line holds the hash of the line before it and ends with its own, so that an edit, a deletion or a move breaks the
//! chain where it was made. Where the log ends is written beside it: in a head that only the holder of the log's key can
//! make, and in checkpoints that the key has signed. Many processes append under one file lock.
//!
//! In the order of the data: `entry` makes the text of a decision, `call` that of its call, `change` that of a change of the mode, `chain` links it, `writer` appends it (`head`, `segment`,
//! `recovery`, `retention` and `key` are its parts), `verify` and `check` check, `reader` and what follows it look.

mod call;
mod chain;
mod change;
mod check;
mod entry;
mod error;
mod head;
mod key;
mod otlp;
mod reader;
mod recovery;
mod retention;
mod segment;
mod sink;
mod stats;
#[cfg(feature = "parquet")]
mod table;
mod verify;
mod writer;

pub use chain::{Hash, Link};
pub use change::{ModeEntry, read_with_changes};
pub use entry::{Keep, PROGRAM, Rendering, exact, scores};
pub use error::LogError;
pub use otlp::otlp;
pub use reader::{Filter, Follower, Record, Segments, read_all, record_by_id};
pub use retention::Retention;
pub use sink::Log;
pub use stats::{Latency, Stats};
#[cfg(feature = "parquet")]
pub use table::write_parquet;
pub use verify::{Finding, Report, Severity, verify};
pub use writer::{Fsync, Options, Writer};

#[cfg(test)]
mod tests;
