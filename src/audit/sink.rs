//! The log as the engine knows it: one for a process, shared by its engines.

use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use super::chain::Link;
use super::entry::{self, Keep, Rendering};
use super::error::LogError;
use super::writer::{Fsync, Options, Writer};
use crate::engine::{AuditEntry, AuditError, AuditSink};

/// How long records wait for one another before they are forced onto the disk together.
const GROUP: Duration = Duration::from_millis(100);

/// A log that a process appends to.
pub struct Log {
    writer: Arc<Mutex<Writer>>,
    keep: Keep,
    rendering: Rendering,
    monitoring: bool,
    flusher: Option<Mutex<Flusher>>,
}

impl Log {
    /// Opens nothing yet. `rendering` writes a decision.
    pub fn new(options: Options, keep: Keep, rendering: Rendering) -> Self {
        let is_grouped = options.fsync == Fsync::Group;
        let writer = Arc::new(Mutex::new(Writer::new(options)));
        let flusher = is_grouped.then(|| Mutex::new(Flusher::new(Arc::clone(&writer))));
        Self { writer, keep, rendering, monitoring: false, flusher }
    }

    /// The same for decisions that interfere with nothing: then nobody was asked, and the records say so.
    #[must_use]
    pub fn monitoring(self, monitoring: bool) -> Self {
        Self { monitoring, ..self }
    }

    /// Appends a decision.
    pub fn append(&self, entry: &AuditEntry<'_>) -> Result<Link, LogError> {
        let call = entry::call_json(entry);
        let code = self.writer().code(call.to_string().as_bytes())?;
        // What takes long is done before the lock is taken.
        let fields = entry::fields(entry, (self.keep, self.monitoring), call, code, &self.rendering);
        let link = self.writer().append(&fields)?;
        if let Some(flusher) = &self.flusher {
            flusher.lock().unwrap_or_else(PoisonError::into_inner).wake();
        }
        Ok(link)
    }

    /// A sink for one engine.
    pub fn sink(self: &Arc<Self>) -> Box<dyn AuditSink> {
        Box::new(Sink(Arc::clone(self)))
    }

    fn writer(&self) -> std::sync::MutexGuard<'_, Writer> {
        // A writer that panicked has let go of its files: the next append looks at everything anew.
        self.writer.lock().unwrap_or_else(PoisonError::into_inner)
    }
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
