//! The daemon's memory of decisions: bounded, shared by its workers, as old as the bundle that it judges with.

use quick_cache::sync::Cache;

use crate::engine::{CacheKey, DecisionCache, Remembered};

/// Remembers the decisions that are asked for most.
pub(super) struct VerdictCache(Cache<CacheKey, Remembered>);

impl VerdictCache {
    /// With room for `capacity` decisions, about a kilobyte each.
    pub(super) fn new(capacity: usize) -> Self {
        Self(Cache::new(capacity))
    }

    /// Decisions remembered.
    pub(super) fn len(&self) -> usize {
        self.0.len()
    }
}

impl DecisionCache for VerdictCache {
    fn get(&self, key: &CacheKey) -> Option<Remembered> {
        self.0.get(key)
    }

    fn put(&self, key: CacheKey, remembered: Remembered) {
        self.0.insert(key, remembered);
    }
}
