//! The daemon: an engine that stays, behind a local socket for this user's own processes and HTTP for others.
//!
//! [`client`] is the thin side: it connects, asks and leaves, and neither it nor what it uses loads a model. The rest is the
//! thick side: [`socket`] and [`http`] are doors, both of which hand tasks to one [`pool`] of workers with a session each;
//! [`generation`] is what they judge with until a new bundle takes its place.
//!
//! A daemon is a convenience and no authority: whatever it fails to answer, its client judges by itself.

mod activity;
mod cache;
pub mod client;
mod daemon;
mod desk;
mod generation;
mod http;
mod identity;
mod judge;
mod lock;
mod log;
mod metrics;
mod place;
mod pool;
mod protocol;
mod sessions;
mod setups;
mod socket;
mod watch;

pub use daemon::{DaemonError, HttpOptions, Options, run};
pub use generation::Loader;
pub use http::{HttpError, openapi};
pub use identity::{identity, program};
pub use lock::{is_running, wait_until_gone};
pub use place::{Place, PlaceError};
pub use protocol::{Answer, Asked, MAX_BODY, Request, Status};
pub use setups::Resolve;
