//! What a daemon judges with between two reloads: one bundle, its engines and what was decided with it.

use std::path::PathBuf;
use std::sync::{Arc, PoisonError, RwLock};
use std::thread;

use super::cache::VerdictCache;
use super::sessions::Sessions;
use super::setups::{Resolve, Setup, Setups};
use crate::app::{App, AppError};
use crate::config::EnvironmentKey;
use crate::engine::DecisionCache;
use crate::model::Classifier;

/// Where engines come from: called at the start and for every reload.
pub struct Loader {
    /// Loads the bundle that the settings name now.
    pub load: Box<dyn Fn() -> Result<App, AppError> + Send + Sync>,
    /// Finds the folder of that bundle without loading it.
    pub find: Box<dyn Fn() -> Option<PathBuf> + Send + Sync>,
    /// Which riskgate it is that would be loaded now.
    pub identity: Box<dyn Fn() -> String + Send + Sync>,
    /// The same without what the settings files say.
    pub program: Box<dyn Fn() -> String + Send + Sync>,
    /// Reads the settings that hold for a call.
    pub resolve: Resolve,
    /// The files whose change makes it another.
    pub settings: Vec<PathBuf>,
}

/// A bundle in use.
pub(super) struct Generation {
    number: u64,
    identity: String,
    program: String,
    setups: Setups,
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
        let (identity, program) = ((loader.identity)(), (loader.program)());
        let cache = Arc::new(VerdictCache::new(cache_entries));
        let app = (loader.load)()?.remembering(Arc::clone(&cache) as Arc<dyn DecisionCache>);
        let sessions = thread::scope(|scope| {
            let makers: Vec<_> = (0..n_sessions).map(|_| scope.spawn(|| app.classifier())).collect();
            let made = makers.into_iter().map(|maker| maker.join().unwrap_or(Err(AppError::Panic)));
            made.map(|made| made.map(|session| Box::new(session) as Box<dyn Classifier>)).collect::<Result<_, _>>()
        })?;
        let own = Arc::new(Setup::new(app, cache, Arc::new(Sessions::new(sessions))));
        let setups = Setups::new(own, Arc::clone(&loader.resolve), cache_entries);
        Ok(Self { number, identity, program, setups })
    }

    /// What is judged with in which settings.
    pub(super) fn setups(&self) -> &Setups {
        &self.setups
    }

    /// What the daemon was started with.
    pub(super) fn app(&self) -> &App {
        self.setups.own().app()
    }

    /// Which riskgate it is: only clients with the same are answered.
    pub(super) fn identity(&self) -> &str {
        &self.identity
    }

    /// The same without what the settings files say: those are compared for each call of a client that has not read them.
    pub(super) fn program(&self) -> &str {
        &self.program
    }

    /// Whether somebody with that key in the environment would ask the same reviewer.
    pub(super) fn has_key(&self, mark: &str) -> bool {
        // A key that is not used makes no difference.
        let uses = self.app().settings().review.as_ref().filter(|review| review.key_file.is_none());
        uses.is_none_or(|review| review.environment_key.as_ref().map(EnvironmentKey::mark).unwrap_or_default() == mark)
    }

    /// Whether a reviewer may be asked, which takes longer than all else.
    pub(super) fn reviews(&self) -> bool {
        self.app().settings().review.is_some()
    }

    /// 1 for the first.
    pub(super) fn number(&self) -> u64 {
        self.number
    }

    /// Decisions remembered.
    pub(super) fn cached(&self) -> usize {
        self.setups.cached()
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
