//! The integration tests: one program, one module a topic, all through the doors that everyone uses.
//!
//! - `layers`: the arrows between the modules of `src` point where `ARCHITECTURE.md` says.
//! - `corpus`: every labelled action of `tests/corpus` through the whole engine.
//! - `properties`: what must hold for any action (normalising twice, wrappers, padding, batches).
//! - `oracle`: the Bash parser against an independent one.
//! - `hostile`: inputs made to hurt: answered in time, and never `allow`.
//! - `cli`, `hook`: the binary as scripts and as agent programs see it.
//! - `install`: riskgate in a harness's settings file.
//! - `audit`: the log of decisions, and what proves that it is whole.
//! - `replay`: the past under other settings, and the rules that it suggests.
//! - `review`: remote review against a reviewer on the loopback.
//! - `session`: what one call leaves behind for the next.
//! - `serve`, `http`: the daemon's two doors, with everything that can go wrong at them.
//! - `claude_code`: the real Claude Code in a cage, gated by the binary.
//! - `eval`: labels, figures and reports.
//! - `policy`: rules, settings and modes: the examples, Claude Code's documented cases, the commands.
//! - `parity`: Python and Rust read the same tokens and logits off the shipped bundle.
//!
//! What needs the bundle or ONNX Runtime fails with a hint when they are absent; nothing is skipped but `claude_code`, loudly,
//! on a machine that cannot run it.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "a panic in a test is a failed test")]
#![allow(clippy::indexing_slicing, clippy::string_slice, reason = "a panic in a test is a failed test")]
#![allow(clippy::print_stdout, clippy::print_stderr, reason = "tests print what they measured")]

mod support;
mod toy;

mod audit;
#[cfg(all(feature = "serve", feature = "review"))]
mod claude_code;
mod cli;
mod corpus;
mod eval;
mod hook;
mod hostile;
#[cfg(all(unix, feature = "serve"))]
mod http;
mod install;
mod layers;
mod oracle;
mod parity;
mod policy;
mod properties;
mod replay;
#[cfg(feature = "review")]
mod review;
#[cfg(all(unix, feature = "serve"))]
mod serve;
mod session;
