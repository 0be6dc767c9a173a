//! The log as the engine knows it: one for a process, shared by its engines.

use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, TryLockError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::call::CallWire;
use super::chain::Link;
use super::change::ModeEntry;
use super::entry::{self, Keep, Rendering};
use super::error::LogError;
use super::writer::{Fsync, Options, PATIENCE, Writer};
use crate::engine::{AuditEntry, AuditError, AuditSink, Deadline};

/// How long records wait for one another before they are forced onto the disk together.
const GROUP: Duration = Duration::from_millis(100);

/// Between two looks at a writer that another thread uses: an append takes less.
const PAUSE: Duration = Duration::from_micros(50);
/// A decision that is late is recorded all the same, if that takes no longer than usual.
const LEAST_PATIENCE: Duration = Duration::from_millis(50);

/// A log that a process appends to.
pub struct Log {
    writer: Arc<Mutex<Writer>>,
    keep: Keep,
    rendering: Rendering,
    monitoring: bool,
    flusher: Option<Arc<Mutex<Flusher>>>,
}

impl Log {
    /// Opens nothing yet. `rendering` writes a decision.
    pub fn new(options: Options, keep: Keep, rendering: Rendering) -> Self {
        let is_grouped = options.fsync == Fsync::Group;
        let writer = Arc::new(Mutex::new(Writer::new(options)));
        let flusher = is_grouped.then(|| Arc::new(Mutex::new(Flusher::new(Arc::clone(&writer)))));
        Self { writer, keep, rendering, monitoring: false, flusher }
    }

    /// The same for decisions that interfere with nothing: then nobody was asked, and the records say so.
    #[must_use]
    pub fn monitoring(self, monitoring: bool) -> Self {
        Self { monitoring, ..self }
    }

    /// The same log, in which decisions are written another way.
    #[must_use]
    pub fn with_rendering(&self, rendering: Rendering) -> Self {
        let Self { writer, keep, rendering: _, monitoring, flusher } = self;
        Self { writer: Arc::clone(writer), keep: *keep, rendering, monitoring: *monitoring, flusher: flusher.clone() }
    }

    /// Appends a decision.
    pub fn append(&self, entry: &AuditEntry<'_>) -> Result<Link, LogError> {
        let call = CallWire::of(entry.call).text();
        let given_up = Instant::now() + patience(entry.deadline);
        let left = || given_up.saturating_duration_since(Instant::now());
        let code = self.writer(given_up)?.code(call.as_bytes(), left())?;
        // What takes long is done before the lock is taken.
        let fields = entry::fields(entry, (self.keep, self.monitoring), (call.len(), code), &self.rendering);
        let link = self.writer(given_up)?.append_within(&fields, left())?;
        if let Some(flusher) = &self.flusher {
            flusher.lock().unwrap_or_else(PoisonError::into_inner).wake();
        }
        Ok(link)
    }

    /// Appends a change of the mode.
    pub fn append_change(&self, change: &ModeEntry<'_>) -> Result<Link, LogError> {
        self.writer(Instant::now() + PATIENCE)?.append(&change.fields())
    }

    /// A sink for one engine.
    pub fn sink(self: &Arc<Self>) -> Box<dyn AuditSink> {
        Box::new(Sink(Arc::clone(self)))
    }

    /// The writer, when the other threads of this process are done with it in time. One of them may be waiting for another
    /// process, and each of them as long as it likes.
    fn writer(&self, given_up: Instant) -> Result<MutexGuard<'_, Writer>, LogError> {
        loop {
            match self.writer.try_lock() {
                Ok(writer) => return Ok(writer),
                // A writer that panicked has let go of its files: the next append looks at everything anew.
                Err(TryLockError::Poisoned(poisoned)) => return Ok(poisoned.into_inner()),
                Err(TryLockError::WouldBlock) if Instant::now() >= given_up => return Err(LogError::Busy),
                Err(TryLockError::WouldBlock) => thread::sleep(PAUSE),
            }
        }
    }
}

/// How long a record may wait for other writers: as long as its decision, or else as long as anything does.
fn patience(deadline: Deadline) -> Duration {
    deadline.remaining().map_or(PATIENCE, |left| left.clamp(LEAST_PATIENCE, PATIENCE))
}

struct Sink(Arc<Log>);

impl AuditSink for Sink {
    fn record(&mut self, entry: &AuditEntry<'_>) -> Result<(), AuditError> {
        self.0.append(entry).map(drop).map_err(|error| AuditError(error.to_string()))
    }
}

/// Forces onto the disk what was written, a moment later, on a thread that starts with the first record.
struct Flusher {
    writer: Arc<Mutex<Writer>>,
    running: Option<(SyncSender<()>, JoinHandle<()>)>,
}

impl Flusher {
    fn new(writer: Arc<Mutex<Writer>>) -> Self {
        Self { writer, running: None }
    }

    fn wake(&mut self) {
        if self.running.is_none() {
            let (sender, receiver) = sync_channel(1);
            let writer = Arc::clone(&self.writer);
            let flush = move || {
                while receiver.recv().is_ok() {
                    // The end of the log is no time to wait for others.
                    let until = Instant::now() + GROUP;
                    while Instant::now() < until {
                        let left = until.saturating_duration_since(Instant::now());
                        if receiver.recv_timeout(left) == Err(RecvTimeoutError::Disconnected) {
                            break;
                        }
                    }
                    let segment = writer.lock().unwrap_or_else(PoisonError::into_inner).segment();
                    // What cannot be synced now is tried again with the next; the records are in the system's hands.
                    let _ = segment.map(|file| file.sync_data());
                }
            };
            // Without the thread the system writes when it likes.
            self.running = thread::Builder::new().name("audit".to_owned()).spawn(flush).ok().map(|t| (sender, t));
        }
        if let Some((sender, _)) = &self.running {
            let _ = sender.try_send(());
        }
    }
}

impl Drop for Flusher {
    fn drop(&mut self) {
        if let Some((sender, thread)) = self.running.take() {
            drop(sender);
            let _ = thread.join();
        }
    }
}
