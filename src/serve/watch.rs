//! Notices that the bundle or a settings file has changed on disk, loads the new one beside the old and exchanges them.
//!
//! The folder is looked at rather than watched through the system: it may be a link that is pointed elsewhere, on a file
//! system that tells nobody, or not exist yet.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, SystemTime};

use super::generation::{Current, Generation, Loader};
use super::log::remark;
use super::metrics::Metrics;

/// How often is looked.
const EVERY: Duration = Duration::from_millis(500);
/// The files that make a bundle another.
const FILES: [&str; 3] = ["manifest.json", "model.ort", "tokenizer.json"];

/// How a bundle and the settings files lie on the disk: where the bundle is, and the size, time of change and number of every
/// file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Looks {
    bundle: Option<PathBuf>,
    files: Vec<Option<FileLooks>>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct FileLooks {
    bytes: u64,
    changed: Option<SystemTime>,
    number: u64,
}

impl Looks {
    pub(super) fn of(bundle: Option<PathBuf>, settings: &[PathBuf]) -> Self {
        let inside = bundle.iter().flat_map(|folder| FILES.map(|name| folder.join(name)));
        let files = inside.chain(settings.iter().cloned()).map(|path| file_looks(&path)).collect();
        Self { bundle, files }
    }
}

fn file_looks(path: &Path) -> Option<FileLooks> {
    let metadata = fs::metadata(path).ok()?;
    Some(FileLooks { bytes: metadata.len(), changed: metadata.modified().ok(), number: number(&metadata) })
}

#[cfg(unix)]
fn number(metadata: &fs::Metadata) -> u64 {
    std::os::unix::fs::MetadataExt::ino(metadata)
}

#[cfg(not(unix))]
fn number(_: &fs::Metadata) -> u64 {
    0
}

/// What a watch needs.
pub(super) struct Watched {
    pub(super) loader: Loader,
    pub(super) current: Arc<Current>,
    pub(super) metrics: Arc<Metrics>,
    pub(super) workers: usize,
    pub(super) cache_entries: usize,
    /// How the bundle in use looked before it was loaded.
    pub(super) looks: Looks,
}

/// The thread that looks. It ends when this is dropped.
pub(super) struct Watch {
    wishes: Sender<Wish>,
    problem: Arc<Mutex<Option<String>>>,
    thread: Option<JoinHandle<()>>,
}

/// What somebody asks of the thread.
#[derive(Debug, Clone, Copy)]
enum Wish {
    /// To load the bundle anew, changed or not.
    Reload,
    /// To end.
    End,
}

/// Asks for a reload, from anywhere.
#[derive(Debug, Clone)]
pub(super) struct Bell(Sender<Wish>);

impl Bell {
    /// Loads the bundle anew, whether it has changed or not.
    pub(super) fn ring(&self) {
        // At the end of the daemon nobody listens any more.
        let _ = self.0.send(Wish::Reload);
    }
}

impl Watch {
    pub(super) fn start(watched: Watched) -> std::io::Result<Self> {
        let (wishes, receiver) = channel();
        let problem = Arc::new(Mutex::new(None));
        let looker = Looker {
            loaded: watched.looks.clone(),
            watched,
            refused: None,
            settling: None,
            problem: Arc::clone(&problem),
        };
        let thread = thread::Builder::new().name("watch".to_owned()).spawn(move || looker.run(&receiver))?;
        Ok(Self { wishes, problem, thread: Some(thread) })
    }

    /// To ask for reloads.
    pub(super) fn bell(&self) -> Bell {
        Bell(self.wishes.clone())
    }

    /// Why the newest bundle is not in use.
    pub(super) fn problem(&self) -> Option<String> {
        self.problem.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.wishes.send(Wish::End);
        if let Some(thread) = self.thread.take() {
            // Loading works with the runtime, so the process must not end before it has.
            drop(thread.join());
        }
    }
}

struct Looker {
    watched: Watched,
    loaded: Looks,
    refused: Option<Looks>,
    settling: Option<Looks>,
    problem: Arc<Mutex<Option<String>>>,
}

impl Looker {
    fn run(mut self, wishes: &Receiver<Wish>) {
        loop {
            match wishes.recv_timeout(EVERY) {
                Ok(Wish::Reload) => self.load(self.look()),
                Err(RecvTimeoutError::Timeout) => self.tick(),
                Ok(Wish::End) | Err(RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn look(&self) -> Looks {
        Looks::of((self.watched.loader.find)(), &self.watched.loader.settings)
    }

    /// Loads a bundle that looks different and has looked so twice: one that is being written is left alone.
    fn tick(&mut self) {
        let looks = self.look();
        if looks == self.loaded || self.refused.as_ref() == Some(&looks) {
            self.settling = None;
        } else if self.settling.as_ref() == Some(&looks) {
            self.load(looks);
        } else {
            self.settling = Some(looks);
        }
    }

    /// The old generation stays in use when the new one cannot be loaded: it was found sound, and it is in memory.
    fn load(&mut self, looks: Looks) {
        self.settling = None;
        let Watched { loader, current, metrics, workers, cache_entries, .. } = &self.watched;
        let number = current.get().number() + 1;
        let problem = match Generation::load(number, loader, *workers, *cache_entries) {
            Ok(generation) => {
                remark(format_args!("now judging with {}", generation.app().bundle().identity()));
                current.replace(generation);
                metrics.reloaded(number);
                (self.loaded, self.refused) = (looks, None);
                None
            }
            Err(error) => {
                remark(format_args!("what has changed cannot be loaded, the old stays in use: {error}"));
                metrics.reload_failed();
                self.refused = Some(looks);
                Some(error.to_string())
            }
        };
        *self.problem.lock().unwrap_or_else(PoisonError::into_inner) = problem;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bundle_looks_different_when_a_file_is_replaced_or_the_folder_is_another() {
        let root = tempfile::tempdir().unwrap();
        let folder = |name: &str| root.path().join(name);
        for name in ["a", "b"] {
            fs::create_dir(folder(name)).unwrap();
            fs::write(folder(name).join("manifest.json"), "{}").unwrap();
        }
        let of = |bundle: Option<&str>| Looks::of(bundle.map(folder), &[folder("config.toml")]);
        let looks = of(Some("a"));
        assert_eq!(looks, of(Some("a")));
        assert_ne!(looks, of(Some("b")));
        assert_ne!(looks, of(None));
        fs::write(folder("a").join("model.ort"), "x").unwrap();
        let changed = of(Some("a"));
        assert_ne!(looks, changed);
        fs::write(folder("config.toml"), "").unwrap();
        assert_ne!(changed, of(Some("a")));
    }
}
