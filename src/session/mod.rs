//! What sessions remember, on disk: a folder a session, shared by the daemon and every process that judges by itself.
//!
//! A call reads one small file without a lock, since it is only ever replaced as a whole or added to; a lock is taken and something
//! written only when something changed. What was read or written is kept as long as its file is still the one that lies there, so
//! that a call parses it once, and a daemon only what others wrote. Texts of files that the session wrote lie beside it, named by
//! their hash, and are read when a call may run them. What cannot be read, or not be written when it has to be, is an error and
//! never an empty memory.

mod kept;
mod state;
mod step;
mod store;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use crate::action::{Context, FileVersion, KnownFile};
use crate::engine::{DenialLimits, Note, Recollection, SessionError, SessionMemory};
use kept::Kept;
use state::{Circumstances, State};
use store::{Read, Store};

/// How long the memory of a session is in use before that is written down again.
const TOUCH: Duration = Duration::from_secs(3_600);

/// How often texts are looked for before they count as gone.
const MAX_LOOKS: usize = 5;

/// The limits that a project asks for; they count where they are lower.
pub type ProjectLimits = Arc<dyn Fn(&Path) -> Result<DenialLimits, String> + Send + Sync>;

/// Seconds since 1970.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// The system's clock. One before 1970 stands still.
pub fn system_clock() -> Clock {
    Arc::new(|| SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_secs()))
}

/// How sessions are remembered.
#[derive(Debug, Clone)]
pub struct Options {
    /// riskgate's folder for state; without one nothing can be remembered, and every call of a session is a failure.
    pub state: Option<PathBuf>,
    /// How many denials are too many.
    pub limits: DenialLimits,
    /// How long after its last use a session is forgotten.
    pub expiry: Duration,
}

/// The sessions of this user.
pub struct Sessions {
    options: Options,
    project_limits: ProjectLimits,
    clock: Clock,
    kept: Kept,
}

impl Sessions {
    /// Touches nothing yet.
    pub fn new(options: Options, project_limits: ProjectLimits, clock: Clock) -> Self {
        Self { options, project_limits, clock, kept: Kept::default() }
    }

    fn store(&self, context: &Context) -> Result<Store<'_>, SessionError> {
        let state = self.options.state.as_deref();
        let state = state.ok_or_else(|| SessionError("there is no folder for it".to_owned()))?;
        Ok(Store::new(state, context.session_id.as_deref().unwrap_or_default(), self.options.expiry, &self.kept))
    }

    /// The limits in force for a call.
    fn limits(&self, context: &Context) -> Result<DenialLimits, SessionError> {
        let own = self.options.limits;
        let Some(workspace) = context.workspace.as_deref().or(context.cwd.as_deref()) else { return Ok(own) };
        let project = (self.project_limits)(Path::new(workspace)).map_err(SessionError)?;
        Ok(DenialLimits { in_a_row: own.in_a_row.min(project.in_a_row), total: own.total.min(project.total) })
    }

    /// Writes down that a session is in use. That it cannot be is no matter: it is forgotten the sooner.
    fn touch(&self, store: &Store<'_>, state: &Arc<State>, now: u64) {
        if !state.is_new() && now.saturating_sub(state.used) > TOUCH.as_secs() {
            let _ = store.update(now, state, |state| state.used_at(now));
        }
    }
}

impl SessionMemory for Sessions {
    fn recall(&self, context: &Context) -> Result<Recollection, SessionError> {
        let (store, now) = (self.store(context)?, (self.clock)());
        let state = store.read(now)?;
        self.touch(&store, &state, now);
        // A project's file is only looked at when there is something to count.
        let limits = if state.has_denials() { self.limits(context)? } else { self.options.limits };
        Ok(state.recollection(limits, now))
    }

    fn files(&self, context: &Context, paths: &[&str]) -> Result<Vec<KnownFile>, SessionError> {
        let (store, now) = (self.store(context)?, (self.clock)());
        // Another process may replace a text between the look at the list and the look at the text.
        for _ in 0..MAX_LOOKS {
            if let Read::There(files) = known_files(&store, store.read(now)?.as_ref(), paths)? {
                return Ok(files);
            }
        }
        Err(SessionError("a text that was kept is gone".to_owned()))
    }

    fn note(&self, context: &Context, notes: &[Note]) -> Result<(), SessionError> {
        let (store, now) = (self.store(context)?, (self.clock)());
        let before = store.read(now)?;
        let limits = if before.has_denials() { self.limits(context)? } else { self.options.limits };
        let circumstances = Circumstances { call: context.call_id.as_deref(), limits, now };
        store.update(now, &before, |state| state.with(notes, &circumstances))
    }
}

fn known_files(store: &Store<'_>, state: &State, paths: &[&str]) -> Result<Read<Vec<KnownFile>>, SessionError> {
    let mut known = Vec::new();
    for file in state.files.iter().filter(|file| paths.contains(&file.path.as_str())) {
        let mut versions = Vec::with_capacity(file.versions.len());
        for version in &file.versions {
            let Read::There(text) = store.text(&version.text)? else { return Ok(Read::Gone) };
            versions.push(FileVersion { text, decoded: version.decoded, extent: version.extent.into() });
        }
        known.push(KnownFile { path: file.path.clone(), versions, fetched: file.fetched });
    }
    Ok(Read::There(known))
}

#[cfg(test)]
mod tests;
