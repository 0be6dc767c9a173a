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
use crate::config::{
    AuditSettings, Files, LayerPlaces, Resolved, ReviewFlags, ReviewSettings, Search, SessionSettings, Settings,
    TypedValue, env_vars,
};
use crate::engine::{Deadline, Engine, ReviewMode};
use crate::verdict::Decision;

/// How long a call may take without and with remote review.
const LOCAL_TIME: Duration = Duration::from_secs(3);
const REVIEWED_TIME: Duration = Duration::from_secs(8);

/// Loads what the arguments ask for, without a reviewer.
pub(super) fn load(arguments: &EngineArguments) -> anyhow::Result<App> {
    load_with(arguments, Beside::default())
}

/// What an engine may have beside the model.
#[derive(Debug, Clone, Default)]
pub(super) struct Beside {
    /// A reviewer.
    pub(super) review: Option<ReviewSettings>,
    /// A memory of sessions.
    pub(super) session: Option<SessionSettings>,
    /// A record of decisions.
    pub(super) audit: Option<AuditSettings>,
}

/// Loads what the arguments ask for, with what stands beside it.
pub(super) fn load_with(arguments: &EngineArguments, beside: Beside) -> anyhow::Result<App> {
    load_from(&files(arguments)?, arguments, beside)
}

/// The same from files that were read.
pub(super) fn load_from(files: &Files, arguments: &EngineArguments, beside: Beside) -> anyhow::Result<App> {
    let library = env::var_os(env_vars::ORT_DYLIB_PATH).map(PathBuf::from);
    Ok(App::load(settings(files, arguments, beside)?, &Places::here(), library.as_deref())?)
}

/// Loads what the arguments ask for, with the reviewer that `review` describes; each call stands alone.
pub(super) fn load_reviewing(
    files: &Files,
    arguments: &EngineArguments,
    review: Option<ReviewSettings>,
) -> anyhow::Result<App> {
    load_from(files, arguments, Beside { review, ..Beside::default() })
}

/// What the files, the environment and the flags say of remote review; `None` when that is less than `least`, or when
/// nothing may leave this machine. To be shown a request, nobody has to turn it on.
pub(super) fn review_settings(
    files: &Files,
    arguments: &ReviewArguments,
    least: ReviewMode,
) -> Result<Option<ReviewSettings>, AppError> {
    let flags = ReviewFlags {
        mode: arguments.mode,
        model: arguments.model.clone(),
        base_url: arguments.base_url.clone(),
        timeout_ms: arguments.review_timeout_ms,
    };
    let mut settings = ReviewSettings::of(flags, files)?;
    let mode = settings.mode.unwrap_or(ReviewMode::Off).max(least);
    settings.mode = Some(mode);
    Ok((mode != ReviewMode::Off).then_some(settings))
}

/// What the files say of the record of decisions; where `asked` for on the command line, it is on whatever they say.
pub(super) fn audit_settings(files: &Files, asked: bool) -> Result<AuditSettings, AppError> {
    let mut settings = AuditSettings::of(files)?;
    if asked {
        settings.enabled = Some(true);
    }
    Ok(settings)
}

/// Everything that decides how a daemon judges the calls of a place.
#[cfg(feature = "serve")]
pub(super) fn daemon_settings(
    arguments: &EngineArguments,
    review: &ReviewArguments,
    search: &Search,
) -> Result<Settings, AppError> {
    let files = Files::read(&search.places())?;
    let review = review_settings(&files, review, ReviewMode::Off)?;
    let (session, audit) = (SessionSettings::of(&files)?, Some(audit_settings(&files, false)?));
    settings(&files, arguments, Beside { review, session, audit })
}

/// Everything that decides how an engine is put together.
fn settings(files: &Files, arguments: &EngineArguments, beside: Beside) -> Result<Settings, AppError> {
    let Beside { review, session, audit } = beside;
    let resolved = resolve_from(files, arguments)?;
    let review = review.filter(|_| !resolved.air_gapped);
    Ok(Settings { resolved, review, session, audit })
}

/// What the files, the environment and the flags say, but for remote review.
pub(super) fn resolve(arguments: &EngineArguments) -> Result<Resolved, AppError> {
    resolve_from(&files(arguments)?, arguments)
}

/// The same of files that were read.
pub(super) fn resolve_from(files: &Files, arguments: &EngineArguments) -> Result<Resolved, AppError> {
    Ok(Resolved::of(files, &typed(arguments))?)
}

/// The settings files for the project that is named or the one that this folder is in, to be read once.
pub(super) fn files(arguments: &EngineArguments) -> Result<Files, AppError> {
    Ok(Files::read(&layer_places(arguments))?)
}

/// Where the settings files lie, for the project that is named or the one that this folder is in.
pub(super) fn layer_places(arguments: &EngineArguments) -> LayerPlaces {
    search(arguments).places()
}

/// Where they are searched.
pub(super) fn search(arguments: &EngineArguments) -> Search {
    let here = || env::current_dir().ok();
    Search::from(arguments.project.clone().or_else(here).as_deref())
}

/// The flags and variables as settings.
pub(super) fn typed(arguments: &EngineArguments) -> Vec<TypedValue> {
    let EngineArguments {
        model,
        runtime,
        device,
        operating_point,
        max_miss_rate,
        max_false_block_rate,
        no_ask,
        project: _,
    } = arguments;
    let text = |text: &String| toml::Value::from(text.as_str());
    // By its text: 0.01 in half the digits is no 0.01.
    let number = |number: &f32| toml::Value::from(number.to_string().parse::<f64>().unwrap_or(f64::from(*number)));
    let values = [
        ("model", env_vars::MODEL, model.as_ref().map(text)),
        ("runtime", env_vars::RUNTIME, runtime.as_ref().map(|path| path.to_string_lossy().into_owned().into())),
        ("device", env_vars::DEVICE, device.as_ref().map(|device| device.to_string().into())),
        ("thresholds.name", env_vars::OPERATING_POINT, operating_point.as_ref().map(text)),
        ("thresholds.max_miss_rate", env_vars::MAX_MISS_RATE, max_miss_rate.as_ref().map(number)),
        ("thresholds.max_false_block_rate", env_vars::MAX_FALSE_BLOCK_RATE, max_false_block_rate.as_ref().map(number)),
        ("no_ask", env_vars::NO_ASK, no_ask.then_some(toml::Value::Boolean(true))),
    ];
    values.into_iter().filter_map(|(key, variable, value)| Some(typed_value(key, variable, value?))).collect()
}

/// The source of what was typed.
pub(super) const TYPED: &str = "command line";

/// A value that is also a variable's was not typed: a flag beats its variable, so they differ where it was.
fn typed_value(key: &'static str, variable: &str, value: toml::Value) -> TypedValue {
    let as_text = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let set = env::var(variable).ok();
    let is_variable =
        set.is_some_and(|set| set == as_text || set.parse::<f64>().ok() == value.as_float() || value.is_bool());
    let source = if is_variable { format!("environment ({variable})") } else { TYPED.to_owned() };
    TypedValue { key, value, source }
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
