//! What both doors share: where tasks are handed in, and what is known of the daemon.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{Semaphore, SemaphorePermit, watch};
use tokio::time::timeout;

use super::activity::Activity;
use super::generation::Current;
use super::judge::{Outcome, Task, Whose};
use super::metrics::{Metrics, Refusal};
use super::pool::{Full, Pool};
use super::protocol::Status;
use super::watch::Watch;
use crate::engine::Failure;

/// The longest time that anybody may ask for.
const MOST_TIME: Duration = Duration::from_secs(60);
/// A worker sees a deadline between two runs of the model; this much later something hangs.
const GRACE: Duration = Duration::from_millis(250);
/// Bodies up to this size are read at once; larger ones share [`ROOM`].
const SMALL: usize = 256 * 1024;
/// Kilobytes of large bodies in memory at a time.
const ROOM: u32 = 64 * 1024;

/// The middle of a daemon.
pub(super) struct Desk {
    pub(super) pool: Pool,
    pub(super) current: Arc<Current>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) activity: Activity,
    pub(super) watch: Watch,
    pub(super) workers: usize,
    pub(super) http: Option<String>,
    stop: watch::Sender<bool>,
    room: Semaphore,
}

/// Why a task was not judged.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum NotJudged {
    /// Too many wait.
    Busy,
    /// No answer in time.
    Late,
    /// The worker broke.
    Broken,
}

impl NotJudged {
    /// What the fail-safe table calls it.
    pub(super) fn failure(self) -> Failure {
        match self {
            Self::Busy => Failure::Busy,
            Self::Late => Failure::Deadline,
            Self::Broken => Failure::Panic,
        }
    }

    /// What is counted; a worker that broke is in the log.
    pub(super) fn refusal(self) -> Option<Refusal> {
        match self {
            Self::Busy => Some(Refusal::Busy),
            Self::Late => Some(Refusal::Late),
            Self::Broken => None,
        }
    }
}

/// The parts of a desk.
pub(super) struct Parts {
    pub(super) pool: Pool,
    pub(super) current: Arc<Current>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) watch: Watch,
    pub(super) workers: usize,
    pub(super) http: Option<String>,
}

impl Desk {
    pub(super) fn new(parts: Parts) -> Self {
        let Parts { pool, current, metrics, watch, workers, http } = parts;
        let (stop, _) = watch::channel(false);
        let (activity, room) = (Activity::new(), Semaphore::new(ROOM as usize));
        Self { pool, current, metrics, activity, watch, workers, http, stop, room }
    }

    /// Has a task judged within a time.
    pub(super) async fn judge(&self, task: Task, whose: Whose, time: Duration) -> Result<Outcome, NotJudged> {
        let _call = self.activity.begin();
        let time = time.min(MOST_TIME);
        let deadline = crate::engine::Deadline::after(time);
        let outcome = self.pool.submit(task, whose, deadline).map_err(|Full| NotJudged::Busy)?;
        match timeout(time + GRACE, outcome).await {
            Ok(Ok(outcome)) => Ok(outcome),
            Ok(Err(_)) => Err(NotJudged::Broken),
            Err(_) => Err(NotJudged::Late),
        }
    }

    /// Room for a body of this size, to be kept as long as the body is; waits for other large ones to be done with.
    pub(super) async fn room(&self, bytes: usize) -> Option<SemaphorePermit<'_>> {
        if bytes <= SMALL {
            return None;
        }
        let kilobytes = u32::try_from(bytes / 1024).unwrap_or(ROOM).min(ROOM);
        self.room.acquire_many(kilobytes).await.ok()
    }

    /// Begins the end: no more is taken, what was begun is finished.
    pub(super) fn stop(&self) {
        self.stop.send_replace(true);
    }

    pub(super) fn is_stopping(&self) -> bool {
        *self.stop.borrow()
    }

    /// Waits for the beginning of the end.
    pub(super) async fn stopping(&self) {
        let mut stop = self.stop.subscribe();
        // The sender lives as long as `self`.
        let _ = stop.wait_for(|stop| *stop).await;
    }

    pub(super) fn status(&self) -> Status {
        let generation = self.current.get();
        let stamp = generation.app().stamp();
        Status {
            identity: generation.identity().to_owned(),
            pid: std::process::id(),
            uptime_s: self.activity.uptime().as_secs(),
            model: stamp.model.to_owned(),
            policy: stamp.policy.to_owned(),
            generation: generation.number(),
            reload_problem: self.watch.problem(),
            workers: self.workers,
            calls: self.activity.calls(),
            in_flight: self.activity.in_flight(),
            cached: generation.cached(),
            http: self.http.clone(),
        }
    }
}
