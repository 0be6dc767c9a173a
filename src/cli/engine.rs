//! From the arguments that every judging command shares to an [`App`], with what the environment of the process adds; and
//! the engine of one worker.

use std::env;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use super::args::{EngineArguments, ReviewArguments};
use crate::action::{Context, ToolCall};
use crate::app::{App, AppError};
use crate::artifact::Places;
use crate::calibrate::Rates;
use crate::config::{AuditSettings, ReviewFlags, ReviewSettings, Settings, env_vars};
use crate::engine::{Asking, Deadline, Engine, ReviewMode};
use crate::verdict::Decision;

/// How long a call may take without and with remote review.
const LOCAL_TIME: Duration = Duration::from_secs(3);
const REVIEWED_TIME: Duration = Duration::from_secs(8);

/// Loads what the arguments ask for, without a reviewer.
pub(super) fn load(arguments: &EngineArguments) -> anyhow::Result<App> {
    load_reviewing(arguments, None, None)
}

/// Loads what the arguments ask for, with the reviewer that `review` describes and the log of decisions
/// that `audit` describes.
pub(super) fn load_reviewing(
    arguments: &EngineArguments,
    review: Option<ReviewSettings>,
    audit: Option<AuditSettings>,
) -> anyhow::Result<App> {
    let library = env::var_os(env_vars::ORT_DYLIB_PATH).map(PathBuf::from);
    Ok(App::load(settings(arguments, review, audit), &Places::here(), library.as_deref())?)
}

/// What the file, the environment and the flags say of remote review; `None` when that is less than `least`. To be shown a
/// request, nobody has to turn it on.
pub(super) fn review_settings(
    arguments: &ReviewArguments,
    least: ReviewMode,
) -> Result<Option<ReviewSettings>, AppError> {
    let flags = ReviewFlags {
        mode: arguments.mode,
        model: arguments.model.clone(),
        base_url: arguments.base_url.clone(),
        timeout_ms: arguments.review_timeout_ms,
    };
    let mut settings = ReviewSettings::load(flags)?;
    let mode = settings.mode.unwrap_or(ReviewMode::Off).max(least);
    settings.mode = Some(mode);
    Ok((mode != ReviewMode::Off).then_some(settings))
}

/// What the user's file says of the log of decisions; where `asked` for on the command line, it is on whatever the file says.
pub(super) fn audit_settings(asked: bool) -> Result<AuditSettings, AppError> {
    let mut settings = AuditSettings::load()?;
    if asked {
        settings.enabled = Some(true);
    }
    Ok(settings)
}

/// What the arguments say.
pub(super) fn settings(
    arguments: &EngineArguments,
    review: Option<ReviewSettings>,
    audit: Option<AuditSettings>,
) -> Settings {
    Settings {
        model: arguments.model.clone(),
        runtime: arguments.runtime.clone(),
        device: arguments.device,
        operating_point: arguments.operating_point.clone(),
        rates: Rates { max_miss_rate: arguments.max_miss_rate, max_false_block_rate: arguments.max_false_block_rate },
        asking: asking(arguments),
        review,
        audit,
    }
}

/// Whether there is a person to ask.
pub(super) fn asking(arguments: &EngineArguments) -> Asking {
    if arguments.no_ask { Asking::Impossible } else { Asking::Possible }
}

/// How long a call may take, in milliseconds as asked for or by what has to be done for it.
pub(super) fn time(deadline_ms: Option<u64>, reviewing: bool) -> Duration {
    let usual = if reviewing { REVIEWED_TIME } else { LOCAL_TIME };
    deadline_ms.map_or(usual, Duration::from_millis)
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

/// Why an action would not be sent to a reviewer.
pub(super) fn not_sent(decision: &Decision) -> String {
    let zone = decision.zone.map_or("no zone", <&str>::from);
    let reason = decision.reasons.first().map_or("", |reason| reason.text.as_str());
    format!(
        "nothing would be sent: {} by {} ({zone}): {reason}",
        <&str>::from(decision.verdict),
        <&str>::from(decision.source)
    )
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
