//! What may come of asking a daemon, in builds with and without one.

use crate::engine::Failure;

/// What came of asking the daemon.
#[derive(Debug)]
#[cfg_attr(not(feature = "serve"), expect(dead_code, reason = "nobody answers in a build without the daemon"))]
pub(super) enum Told<T> {
    /// A sound answer.
    Answer(T),
    /// Why the call was not judged; the fail-safe table has a verdict for it.
    Not(Failure),
    /// Nothing that can be used: the call is judged here. What is to be done about the daemon.
    Nothing(Wish),
}

/// What a client does about a daemon that it could not use, once it knows that daemons are wanted at all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Wish {
    /// Nothing.
    #[default]
    None,
    /// Starts one.
    #[cfg(feature = "serve")]
    Start,
    /// Starts one in the place of another riskgate's.
    #[cfg(feature = "serve")]
    Replace,
}
