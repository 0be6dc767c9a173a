//! What a daemon judges with between two reloads: one bundle, its engines and what was decided with it.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::thread;

use super::cache::VerdictCache;
use super::sessions::{Borrower, Sessions};
use crate::app::{App, AppError};
use crate::engine::{DecisionCache, Engine};
use crate::model::Classifier;

/// Where engines come from: called at the start and for every reload.
pub struct Loader {
    /// Loads the bundle that the settings name now.
    pub load: Box<dyn Fn() -> Result<App, AppError> + Send + Sync>,
    /// Finds the folder of that bundle without loading it.
    pub find: Box<dyn Fn() -> Option<PathBuf> + Send + Sync>,
    /// Which riskgate it is that would be loaded now.
    pub identity: Box<dyn Fn() -> String + Send + Sync>,
    /// The files whose change makes it another.
    pub settings: Vec<PathBuf>,
}

/// A bundle in use.
pub(super) struct Generation {
    number: u64,
    identity: String,
    app: App,
    cache: Arc<VerdictCache>,
    sessions: Arc<Sessions>,
}

impl Generation {
    /// Loads a bundle and makes `n_sessions` sessions, each with golden answers checked.
    pub(super) fn load(
        number: u64,
        loader: &Loader,
        n_sessions: usize,
        cache_entries: usize,
    ) -> Result<Self, AppError> {
        // Before what it is made of is read: of a file that changes meanwhile the next look takes notice.
        let identity = (loader.identity)();
        let cache = Arc::new(VerdictCache::new(cache_entries));
        let app = (loader.load)()?.resident(Arc::clone(&cache) as Arc<dyn DecisionCache>)?;
        let sessions = thread::scope(|scope| {
            let makers: Vec<_> = (0..n_sessions).map(|_| scope.spawn(|| app.classifier())).collect();
            let made = makers.into_iter().map(|maker| maker.join().unwrap_or(Err(AppError::Panic)));
            made.map(|made| made.map(|session| Box::new(session) as Box<dyn Classifier>)).collect::<Result<_, _>>()
        })?;
        Ok(Self { number, identity, app, cache, sessions: Arc::new(Sessions::new(sessions)) })
    }

    /// An engine of this generation, for one worker.
    pub(super) fn engine(&self) -> Engine {
        self.app.engine_on(Box::new(Borrower(Arc::clone(&self.sessions))))
    }

    pub(super) fn app(&self) -> &App {
        &self.app
    }

    /// Which riskgate it is: only clients with the same are answered.
    pub(super) fn identity(&self) -> &str {
        &self.identity
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
