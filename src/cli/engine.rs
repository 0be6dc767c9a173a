//! From the arguments that every judging command shares to an [`App`], with what the environment of the process adds; and
//! the engine of one worker.

use std::env;
use std::path::PathBuf;
use std::sync::Arc;

use super::args::EngineArguments;
use crate::action::{Context, ToolCall};
use crate::app::App;
use crate::artifact::Places;
use crate::calibrate::Rates;
use crate::config::{Settings, env_vars};
use crate::engine::{Asking, Deadline, Engine};
use crate::verdict::Decision;

/// Loads what the arguments ask for.
pub(super) fn load(arguments: &EngineArguments) -> anyhow::Result<App> {
    let library = env::var_os(env_vars::ORT_DYLIB_PATH).map(PathBuf::from);
    Ok(App::load(settings(arguments), &Places::here(), library.as_deref())?)
}

/// What the arguments say.
pub(super) fn settings(arguments: &EngineArguments) -> Settings {
    Settings {
        model: arguments.model.clone(),
        runtime: arguments.runtime.clone(),
        device: arguments.device,
        operating_point: arguments.operating_point.clone(),
        rates: Rates { max_miss_rate: arguments.max_miss_rate, max_false_block_rate: arguments.max_false_block_rate },
        asking: asking(arguments),
    }
}

/// Whether there is a person to ask.
pub(super) fn asking(arguments: &EngineArguments) -> Asking {
    if arguments.no_ask { Asking::Impossible } else { Asking::Possible }
}

/// The engine of one worker, made when the first call comes.
pub(super) struct Judge {
    app: Arc<App>,
    engine: Option<Engine>,
}

impl Judge {
    /// With an engine that is ready, if there is one.
    pub(super) fn new(app: &Arc<App>, engine: Option<Engine>) -> Self {
        Self { app: Arc::clone(app), engine }
    }

    /// What it was made from.
    pub(super) fn app(&self) -> &App {
        &self.app
    }

    /// A decision for each call, in order; those of the fail-safe table when there is no engine.
    pub(super) fn decide(&mut self, calls: &[ToolCall]) -> Vec<Decision> {
        let engine = match self.engine.take().map_or_else(|| self.app.engine(), Ok) {
            Ok(engine) => self.engine.insert(engine),
            Err(error) => return calls.iter().map(|_| self.app.fail_safe(&error)).collect(),
        };
        engine.decide_all(calls, Deadline::none())
    }
}

/// The circumstances of a command typed here: this folder is the workspace.
pub(super) fn local_context() -> Context {
    let cwd = env::current_dir().ok().map(|path| path.to_string_lossy().into_owned());
    Context { workspace: cwd.clone(), cwd, home: home(), ..Context::default() }
}

/// The user's home.
pub(super) fn home() -> Option<String> {
    env::home_dir().map(|path| path.to_string_lossy().into_owned())
}
