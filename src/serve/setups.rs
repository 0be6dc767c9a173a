//! What one generation judges with in different places: a bundle is loaded once, and its rules, cuts and mode are those of the
//! settings that hold where a call comes from.
//!
//! Settings are looked at for every call and read when they look different than before: the look comes first, so a file that
//! changes while it is read is read again for the next call.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use super::cache::VerdictCache;
use super::sessions::{Borrower, Sessions};
use crate::app::{App, AppError};
use crate::config::{Search, Settings};
use crate::engine::{DecisionCache, Engine};

/// Places whose settings are remembered.
const MOST_PLACES: usize = 256;
/// Settings that differ, each with rules and a memory of decisions of its own.
const MOST_SETUPS: usize = 16;
/// The memory of decisions in other settings than the daemon's own is this much smaller.
const SMALLER: usize = 8;

/// Reads the settings that hold for a call.
pub type Resolve = Arc<dyn Fn(&Search) -> Result<Settings, AppError> + Send + Sync>;

/// A bundle and the settings that it is used in.
pub(super) struct Setup {
    app: App,
    cache: Arc<VerdictCache>,
    sessions: Arc<Sessions>,
}

impl Setup {
    pub(super) fn new(app: App, cache: Arc<VerdictCache>, sessions: Arc<Sessions>) -> Self {
        Self { app, cache, sessions }
    }

    /// What it was made from.
    pub(super) fn app(&self) -> &App {
        &self.app
    }

    /// An engine for one worker, on whichever session is free when it scores.
    pub(super) fn engine(&self) -> Engine {
        self.app.engine_on(Box::new(Borrower(Arc::clone(&self.sessions))))
    }
}

/// Why the settings that a call wants are not served.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unserved {
    /// They look different to whoever asks.
    #[error("the settings have just changed")]
    Different,
    /// They want another bundle, reviewer, log or memory of sessions than the daemon has: it is about to load them.
    #[error("the settings have just changed: the daemon does not have what they want yet")]
    Elsewhere,
    /// They cannot be used.
    #[error(transparent)]
    Unusable(AppError),
}

/// The settings that are in use.
pub(super) struct Setups {
    own: Arc<Setup>,
    resolve: Resolve,
    cache_entries: usize,
    known: Mutex<Known>,
}

/// What was read, least lately used first.
#[derive(Default)]
struct Known {
    places: Vec<PlaceKnown>,
    setups: Vec<Arc<Setup>>,
}

struct PlaceKnown {
    folder: Option<PathBuf>,
    look: String,
    setup: Arc<Setup>,
}

impl Setups {
    /// With those that the daemon was started with.
    pub(super) fn new(own: Arc<Setup>, resolve: Resolve, cache_entries: usize) -> Self {
        Self { own, resolve, cache_entries, known: Mutex::default() }
    }

    /// Those that the daemon was started with.
    pub(super) fn own(&self) -> &Arc<Setup> {
        &self.own
    }

    /// Decisions remembered in any of them.
    pub(super) fn cached(&self) -> usize {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.setups.iter().chain([&self.own]).map(|setup| setup.cache.len()).sum()
    }

    /// Those for a call from a folder; when it is said how they look to whoever asks, they must look so here, too.
    pub(super) fn of(&self, folder: Option<&Path>, wanted: Option<&str>) -> Result<Arc<Setup>, Unserved> {
        let search = Search::from(folder);
        let look = search.look();
        if wanted.is_some_and(|wanted| wanted != look.digest()) {
            return Err(Unserved::Different);
        }
        if !look.is_settled() {
            return self.read(&search);
        }
        if let Some(setup) = self.known(search.folder(), look.digest()) {
            return Ok(setup);
        }
        let setup = self.read(&search)?;
        self.keep(PlaceKnown {
            folder: search.folder().map(Path::to_path_buf),
            look: look.digest().to_owned(),
            setup: Arc::clone(&setup),
        });
        Ok(setup)
    }

    fn known(&self, folder: Option<&Path>, look: &str) -> Option<Arc<Setup>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let at = known.places.iter().rposition(|place| place.look == look && place.folder.as_deref() == folder)?;
        let place = known.places.remove(at);
        let setup = Arc::clone(&place.setup);
        known.places.push(place);
        Some(setup)
    }

    fn keep(&self, place: PlaceKnown) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.places.retain(|other| other.folder != place.folder);
        known.places.push(place);
        let excess = known.places.len().saturating_sub(MOST_PLACES);
        known.places.drain(..excess);
    }

    /// The settings as they are now. Places in which the same holds share what is made of them.
    fn read(&self, search: &Search) -> Result<Arc<Setup>, Unserved> {
        let settings = (self.resolve)(search).map_err(Unserved::Unusable)?;
        if *self.own.app.settings() == settings {
            return Ok(Arc::clone(&self.own));
        }
        if !self.own.app.has_parts_for(&settings) {
            return Err(Unserved::Elsewhere);
        }
        if let Some(setup) = self.same(&settings) {
            return Ok(setup);
        }
        let cache = Arc::new(VerdictCache::new(self.cache_entries / SMALLER));
        let app = self.own.app.under(settings, Arc::clone(&cache) as Arc<dyn DecisionCache>);
        let setup = Arc::new(Setup::new(app.map_err(Unserved::Unusable)?, cache, Arc::clone(&self.own.sessions)));
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.setups.push(Arc::clone(&setup));
        if known.setups.len() > MOST_SETUPS {
            let oldest = known.setups.remove(0);
            known.places.retain(|place| !Arc::ptr_eq(&place.setup, &oldest));
        }
        Ok(setup)
    }

    fn same(&self, settings: &Settings) -> Option<Arc<Setup>> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let at = known.setups.iter().position(|setup| setup.app.settings() == settings)?;
        let setup = known.setups.remove(at);
        known.setups.push(Arc::clone(&setup));
        Some(setup)
    }
}
