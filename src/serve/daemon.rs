//! A daemon's life: lock, load, listen, answer, drain.

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use interprocess::local_socket::tokio::Listener;
use tokio::runtime;
use tokio::time::{sleep, timeout};

use super::desk::{Desk, Parts};
use super::generation::{Current, Generation, Loader};
use super::http::{self, Http};
use super::lock::{self, DaemonLock};
use super::log::remark;
use super::metrics::Metrics;
use super::place::{Place, PlaceError};
use super::pool::Pool;
use super::protocol::{Answer, Request};
use super::watch::{Bell, Looks, Watch, Watched};
use super::{client, socket};
use crate::app::AppError;

/// How long a start waits for the lock: only clients that look whether there is a daemon hold it for an instant.
const LOCK_PATIENCE: Duration = Duration::from_millis(500);
/// How long a daemon may take to answer us.
const ASK_PATIENCE: Duration = Duration::from_secs(2);
/// How long the end of calls that were begun is waited for.
const DRAIN: Duration = Duration::from_secs(10);
/// How long a daemon that is to be replaced may take, drain included.
const REPLACE_PATIENCE: Duration = Duration::from_secs(15);

/// How a daemon runs.
#[derive(Debug, Clone)]
pub struct Options {
    /// Where it is met.
    pub place: Place,
    /// Workers and sessions; one a core when absent.
    pub workers: Option<usize>,
    /// Workers more, for calls that wait for something else than a session.
    pub waiting_workers: usize,
    /// Decisions remembered.
    pub cache_entries: usize,
    /// It leaves when nothing was asked for this long; never when absent.
    pub idle_exit: Option<Duration>,
    /// HTTP beside the socket.
    pub http: Option<HttpOptions>,
    /// Asks a daemon that runs already to leave, and waits for it.
    pub replace: bool,
    /// Leaves the session of the process that started it, so that it outlives a closed terminal.
    pub detached: bool,
}

/// How HTTP is spoken.
#[derive(Debug, Clone)]
pub struct HttpOptions {
    /// Where.
    pub address: SocketAddr,
    /// A file with the token that every request must bear. Needed when others than this machine can connect.
    pub token_file: Option<PathBuf>,
    /// How long a call may take.
    pub deadline: Duration,
}

/// Why a daemon does not run.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DaemonError {
    /// Its place is not safe.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// There is one.
    #[error("a daemon is running already at `{}`", socket.display())]
    Running {
        /// Its socket.
        socket: PathBuf,
    },
    /// Nothing to judge with.
    #[error(transparent)]
    App(#[from] AppError),
    /// HTTP as asked for would be open to anybody, or cannot be had.
    #[error(transparent)]
    Http(#[from] http::HttpError),
    /// The system refuses.
    #[error("cannot {what}: {source}")]
    Io {
        /// What was tried.
        what: &'static str,
        /// The cause.
        source: io::Error,
    },
}

/// Runs a daemon to its end: a signal, `stop`, or idleness. `Ok` when every call that it took was answered, which `false`
/// says it was not.
pub fn run(options: &Options, loader: Loader) -> Result<bool, DaemonError> {
    if options.detached {
        leave_session();
    }
    options.place.prepare()?;
    let lock = take_lock(options, &loader)?;
    let runtime = runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|source| DaemonError::Io { what: "start a runtime", source })?;
    let (desk, doors) = runtime.block_on(open(options, loader))?;
    let drained = runtime.block_on(attend(&desk, doors, options.idle_exit));
    if drained {
        desk.pool.finish();
    }
    drop(lock);
    Ok(drained)
}

/// Started by a hook, it belongs to the harness's session and would end with it.
#[cfg(unix)]
fn leave_session() {
    // It fails for the leader of a group, who is in nobody else's session.
    let _ = rustix::process::setsid();
}

#[cfg(not(unix))]
fn leave_session() {}

fn take_lock(options: &Options, loader: &Loader) -> Result<DaemonLock, DaemonError> {
    let place = &options.place;
    let running = || DaemonError::Running { socket: place.socket() };
    // Of several that set out to replace an old one, the first to come has done it.
    let is_done = || options.detached && is_same(place, &(loader.identity)());
    let given_up = Instant::now() + if options.replace { REPLACE_PATIENCE } else { Duration::ZERO };
    if options.replace {
        if is_done() {
            return Err(running());
        }
        // One that does not answer is given the time to end all the same.
        let _ = client::ask(place, &Request::Stop, b"", Instant::now() + ASK_PATIENCE);
    }
    loop {
        let lock = lock::take(place, LOCK_PATIENCE);
        match lock.map_err(|source| DaemonError::Io { what: "take the lock", source })? {
            Some(lock) => return Ok(lock),
            None if Instant::now() >= given_up || is_done() => return Err(running()),
            None => {}
        }
    }
}

/// Whether the daemon at a place is what we would be.
fn is_same(place: &Place, identity: &str) -> bool {
    let answered = client::ask(place, &Request::Status, b"", Instant::now() + ASK_PATIENCE);
    matches!(answered, Ok((Answer::Status(status), _)) if status.identity == identity)
}

/// What a daemon listens on.
struct Doors {
    socket: Listener,
    http: Option<Http>,
}

/// Loads first and listens then: a client that finds nobody judges by itself and does not wait for us.
async fn open(options: &Options, loader: Loader) -> Result<(Arc<Desk>, Doors), DaemonError> {
    let io_error = |what| move |source| DaemonError::Io { what, source };
    let (inherited_socket, inherited_http) = inherited().map_err(io_error("use the sockets of the service manager"))?;
    // Before anything is loaded: an address that cannot be had is known at once.
    let http = match &options.http {
        Some(options) => Some(Http::listen(options, inherited_http).await?),
        None => None,
    };
    let workers = options.workers.unwrap_or_else(n_cores).max(1);
    let looks = Looks::of((loader.find)(), &loader.settings);
    let generation = Generation::load(1, &loader, workers, options.cache_entries)?;
    remark(format_args!("judging with {}, {workers} workers", generation.app().bundle().identity()));
    let (current, metrics) = (Arc::new(Current::new(generation)), Arc::new(Metrics::new()));
    metrics.loaded();
    let pool =
        Pool::start(workers + options.waiting_workers, &current, &metrics).map_err(io_error("start the workers"))?;
    let watched = Watched {
        loader,
        current: Arc::clone(&current),
        metrics: Arc::clone(&metrics),
        workers,
        cache_entries: options.cache_entries,
        looks,
    };
    let watch = Watch::start(watched).map_err(io_error("watch the bundle"))?;
    let address = http.as_ref().map(|http| http.address().to_string());
    let desk = Desk::new(Parts { pool, current, metrics, watch, workers, http: address.clone() });
    let socket = match inherited_socket {
        Some(socket) => socket,
        None => socket::listen(&options.place).map_err(io_error("listen"))?,
    };
    // What was noted about the daemon before.
    let _ = std::fs::remove_file(options.place.silence());
    remark(format_args!("listening at {}", options.place.socket().display()));
    if let Some(address) = address {
        remark(format_args!("listening at http://{address}"));
    }
    Ok((Arc::new(desk), Doors { socket, http }))
}

/// Most workers by default: a session takes ten megabytes, and no single user's agents ask for more at once.
const MOST_WORKERS: usize = 8;

fn n_cores() -> usize {
    std::thread::available_parallelism().map_or(1, usize::from).min(MOST_WORKERS)
}

/// Opens the doors until the daemon is to stop, then waits for what was begun; whether all of it was finished.
async fn attend(desk: &Arc<Desk>, doors: Doors, idle_exit: Option<Duration>) -> bool {
    tokio::spawn(heed_signals(Arc::clone(desk), desk.watch.bell()));
    if let Some(idle_exit) = idle_exit {
        tokio::spawn(leave_when_idle(Arc::clone(desk), idle_exit));
    }
    let socket = socket::serve(doors.socket, Arc::clone(desk));
    let http = http::serve(doors.http, Arc::clone(desk));
    let doors = tokio::spawn(async move { tokio::join!(socket, http) });
    desk.stopping().await;
    remark("stopping");
    let drained = timeout(DRAIN, doors).await.is_ok();
    if !drained {
        remark(format_args!("{} calls are not answered yet; leaving all the same", desk.activity.in_flight()));
    }
    drained
}

async fn leave_when_idle(desk: Arc<Desk>, idle_exit: Duration) {
    loop {
        let left = idle_exit.saturating_sub(desk.activity.idle());
        if left.is_zero() {
            remark(format_args!("nothing was asked for {} s", idle_exit.as_secs()));
            return desk.stop();
        }
        sleep(left.max(Duration::from_millis(10))).await;
    }
}

/// Ends at SIGTERM and SIGINT, loads the bundle anew at SIGHUP.
#[cfg(unix)]
async fn heed_signals(desk: Arc<Desk>, bell: Bell) {
    use tokio::signal::unix::{SignalKind, signal};
    let signals = [SignalKind::terminate(), SignalKind::interrupt(), SignalKind::hangup()].map(signal);
    let [Ok(mut terminate), Ok(mut interrupt), Ok(mut hang_up)] = signals else {
        return remark("cannot listen to signals");
    };
    loop {
        tokio::select! {
            _ = terminate.recv() => break,
            _ = interrupt.recv() => break,
            _ = hang_up.recv() => bell.ring(),
        }
    }
    desk.stop();
}

#[cfg(not(unix))]
async fn heed_signals(desk: Arc<Desk>, _: Bell) {
    if tokio::signal::ctrl_c().await.is_ok() {
        desk.stop();
    }
}

type Inherited = (Option<Listener>, Option<std::net::TcpListener>);

/// The sockets that a service manager (systemd) listens on for us, by their kind.
#[cfg(unix)]
fn inherited() -> io::Result<Inherited> {
    use std::os::fd::OwnedFd;

    use interprocess::os::unix::uds_local_socket::tokio::Listener as UnixListener;
    let mut given = listenfd::ListenFd::from_env();
    let (mut socket, mut http) = (None, None);
    for index in 0..given.len() {
        if let Ok(Some(found)) = given.take_unix_listener(index) {
            socket = Some(Listener::UdSocket(UnixListener::try_from(OwnedFd::from(found))?));
        } else if let Some(found) = given.take_tcp_listener(index)? {
            http = Some(found);
        }
    }
    Ok((socket, http))
}

#[cfg(not(unix))]
fn inherited() -> io::Result<Inherited> {
    Ok((None, None))
}
