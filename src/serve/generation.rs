//! What a daemon judges with between two reloads: one bundle, its engines and what was decided with it.

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread;

use super::cache::VerdictCache;
use crate::app::{App, AppError};
use crate::engine::{DecisionCache, Engine, Failure};

/// Where engines come from: called at the start and for every reload.
pub struct Loader {
    /// Loads the bundle that the settings name now.
    pub load: Box<dyn Fn() -> Result<App, AppError> + Send + Sync>,
    /// Finds the folder of that bundle without loading it.
    pub find: Box<dyn Fn() -> Option<PathBuf> + Send + Sync>,
}

/// Why there is no generation.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// Nothing to judge with.
    #[error(transparent)]
    App(#[from] AppError),
    /// No engine works.
    #[error("{0}")]
    Engine(#[from] Failure),
}

/// A bundle in use.
pub(super) struct Generation {
    number: u64,
    app: App,
    cache: Arc<VerdictCache>,
    /// Engines that were made ahead, so that no call waits for one.
    spare: Mutex<Vec<Engine>>,
}

impl Generation {
    /// Loads a bundle and makes `n_engines` engines, each with golden answers checked.
    pub(super) fn load(
        number: u64,
        loader: &Loader,
        n_engines: usize,
        cache_entries: usize,
    ) -> Result<Self, LoadError> {
        let cache = Arc::new(VerdictCache::new(cache_entries));
        let app = (loader.load)()?.resident(Arc::clone(&cache) as Arc<dyn DecisionCache>)?;
        let spare = thread::scope(|scope| {
            let makers: Vec<_> = (0..n_engines).map(|_| scope.spawn(|| app.engine())).collect();
            let engines = makers.into_iter().map(|maker| maker.join().unwrap_or(Err(Failure::Panic)));
            engines.collect::<Result<Vec<Engine>, Failure>>()
        })?;
        Ok(Self { number, app, cache, spare: Mutex::new(spare) })
    }

    /// An engine of this generation; made now when none was made ahead.
    pub(super) fn engine(&self) -> Result<Engine, Failure> {
        let spare = self.spare.lock().unwrap_or_else(PoisonError::into_inner).pop();
        spare.map_or_else(|| self.app.engine(), Ok)
    }

    pub(super) fn app(&self) -> &App {
        &self.app
    }

    /// 1 for the first.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Decisions remembered.
    pub(super) fn cached(&self) -> usize {
        self.cache.len()
    }
}

/// The generation in use, exchanged while calls are answered: each call is judged by the one that it began with.
pub(super) struct Current(RwLock<Arc<Generation>>);

impl Current {
    pub(super) fn new(first: Generation) -> Self {
        Self(RwLock::new(Arc::new(first)))
    }

    pub(super) fn get(&self) -> Arc<Generation> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    pub(super) fn replace(&self, next: Generation) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(next);
    }
}
