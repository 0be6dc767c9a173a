//! What `hook` and `score --command` ask the daemon, and what they make of its answers: nothing that is not sound is taken,
//! and whatever it does not answer is judged in this process.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::args::{EngineArguments, HookArguments, ReviewArguments, ScoreArguments};
use super::engine;
use crate::action::{Context, ToolCall};
use crate::config::{self, LayerPlaces, ReviewSettings, env_vars};
use crate::engine::{Asking, Deadline, Failure, fail_safe};
use crate::harness::{HookEnvironment, HookReply};
use crate::model::Device;
use crate::serve::client::{self, AskError};
use crate::serve::{Answer, Place, Request, identity, is_running, is_same_program};
use crate::verdict::Verdict;

/// Variables that decide where things are found.
const FINDING: [&str; 4] =
    [env_vars::ORT_DYLIB_PATH, env_vars::XDG_DATA_HOME, env_vars::XDG_CONFIG_HOME, env_vars::XDG_STATE_HOME];

/// A daemon that nobody asks for so many seconds leaves.
const IDLE_EXIT: &str = "3600";
/// How long `score --command` waits for a daemon.
const PATIENCE: Duration = Duration::from_secs(4);
/// How long it waits for one that may have to wait for a reviewer.
const REVIEW_PATIENCE: Duration = Duration::from_secs(9);
/// What judging here takes, with room to spare, when the daemon did not answer; a reviewer is not waited for twice.
const OWN_TIME: Duration = Duration::from_millis(1_500);
/// The daemon's deadline lies this much before our own patience ends, so that its word for being late arrives.
const MARGIN: Duration = Duration::from_millis(350);

/// The daemon's reply to a hook call, when there is a daemon and its reply is sound.
pub(super) fn hook(
    arguments: &HookArguments,
    review: Option<&ReviewSettings>,
    environment: &HookEnvironment,
    input: &[u8],
    deadline: Deadline,
) -> Option<HookReply> {
    if arguments.daemon.no_daemon {
        return None;
    }
    let patience = patience(deadline, review.is_some());
    let reach = Reach::of(&arguments.engine, &arguments.review, review, arguments.daemon.socket.as_deref());
    let ask = |deadline_ms| Request::Hook {
        identity: reach.identity(),
        deadline_ms,
        harness: <&str>::from(arguments.harness).to_owned(),
        workspace: environment.workspace.clone(),
        home: environment.home.clone(),
    };
    let (answer, body) = reach.ask(ask, input, patience)?;
    let by_table = |failure: &Failure| {
        let decision = fail_safe(
            failure,
            engine::resolve(&arguments.engine).map_or(Asking::Impossible, |resolved| resolved.asking),
        );
        arguments.harness.answer(input, environment, |_| Ok::<_, crate::harness::HookError>(decision)).ok()
    };
    match answer {
        Answer::Hook { exit_code, stderr } => {
            let reply = HookReply { stdout: String::from_utf8(body).ok()?, stderr, exit_code };
            arguments.harness.is_sound(&reply).then_some(reply)
        }
        Answer::Busy => by_table(&Failure::Busy),
        Answer::Late => by_table(&Failure::Deadline),
        _ => None,
    }
}

/// The daemon's decision record for a call, when there is a daemon and its record is sound.
pub(super) fn score(
    arguments: &ScoreArguments,
    review: Option<&ReviewSettings>,
    call: &ToolCall,
) -> Option<(Verdict, Value)> {
    if arguments.daemon.no_daemon {
        return None;
    }
    let reach = Reach::of(&arguments.engine, &arguments.review, review, arguments.daemon.socket.as_deref());
    let ask = |deadline_ms| Request::Score { identity: reach.identity(), deadline_ms };
    let patience = if review.is_some() { REVIEW_PATIENCE } else { PATIENCE };
    let (answer, body) = reach.ask(ask, record(call).to_string().as_bytes(), patience)?;
    let record: Value = match answer {
        Answer::Record => serde_json::from_slice(&body).ok()?,
        _ => return None,
    };
    // An error record is no decision.
    let verdict = record.get("assessment").and(record.get("verdict"))?.as_str()?.parse().ok()?;
    Some((verdict, record))
}

/// How long a hook waits for the daemon: half of its time, the other half is for judging here; with a reviewer, whom the
/// daemon may wait for, all but what judging here takes.
fn patience(deadline: Deadline, reviewing: bool) -> Duration {
    let half = |left: Duration| left / 2;
    let most = |left: Duration| left.saturating_sub(OWN_TIME).max(half(left));
    deadline.remaining().map_or(PATIENCE, |left| if reviewing { most(left) } else { half(left) })
}

/// The call again. A command that was typed has no transcript.
fn record(call: &ToolCall) -> Value {
    // A command that was typed belongs to no session and has no transcript.
    let Context { harness, session_id, agent, git_branch, cwd, workspace, home, .. } = &call.context;
    let Context { user_request, permission_mode, shell, .. } = &call.context;
    json!({"tool": call.tool, "input": call.input, "context": {
        "harness": harness, "session_id": session_id, "cwd": cwd, "workspace": workspace, "home": home,
        "user_request": user_request, "agent": agent, "git_branch": git_branch, "permission_mode": permission_mode, "shell": shell,
    }})
}

/// Where the daemon for some settings is met, and how it is started. Other settings are another daemon's.
pub(super) struct Reach {
    pub(super) place: Place,
    flags: Vec<OsString>,
    /// What else decides where things are found.
    variables: Vec<OsString>,
    /// Where the settings files lie.
    layers: LayerPlaces,
    /// Whether there is a reviewer, and the key for it: a daemon keeps both as they were at its start.
    review: Vec<OsString>,
}

impl Reach {
    pub(super) fn of(
        engine: &EngineArguments,
        review: &ReviewArguments,
        reviewing: Option<&ReviewSettings>,
        socket: Option<&Path>,
    ) -> Self {
        let layers = engine::layer_places(engine);
        let flags = [flags(engine, layers.project.as_deref()), review_flags(review)].concat();
        let variables = FINDING.iter().map(|name| env::var_os(name).unwrap_or_default()).collect::<Vec<_>>();
        let place = match socket {
            Some(socket) => Place::at(&absolute(socket)),
            None => Place::new(usual_folder(), stem(&flags, &variables)),
        };
        let review = reviewing.map(|settings| settings.environment_key.as_ref().map_or("", |key| key.expose()).into());
        Self { place, flags, variables, layers, review: review.into_iter().collect() }
    }

    /// Which riskgate asks.
    pub(super) fn identity(&self) -> String {
        let home = env::home_dir().map(PathBuf::into_os_string);
        let settings = self.flags.iter().chain(&self.variables).chain(&self.review).chain(&home);
        identity(settings.map(OsString::as_os_str), &config::fingerprint(&self.layers))
    }

    /// The answer to a request that is made with the daemon's deadline in milliseconds. Without a daemon of this very
    /// riskgate one is started, for the next time.
    fn ask(&self, request: impl FnOnce(u64) -> Request, body: &[u8], patience: Duration) -> Option<(Answer, Vec<u8>)> {
        let deadline = patience.saturating_sub(MARGIN).max(patience / 2);
        let request = request(u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX));
        match client::consult(&self.place, &request, body, patience) {
            // One that differs in what the settings files say reads them again by itself.
            Ok((Answer::Mismatch { identity }, _)) if is_same_program(&identity, &self.identity()) => {}
            Ok((Answer::Mismatch { .. }, _)) => self.start(true),
            Ok(answered) => return Some(answered),
            Err(AskError::Absent) => self.start(false),
            Err(_) => {}
        }
        None
    }

    /// Starts a daemon in the background. That it cannot be started is no reason not to judge.
    fn start(&self, replace: bool) {
        if !replace && is_running(&self.place) {
            return;
        }
        let socket = self.place.socket().into_os_string();
        let ours = ["--detached".into(), "--idle-exit".into(), IDLE_EXIT.into(), "--socket".into(), socket];
        let replace = replace.then(|| "--replace".into());
        let _ = client::start(&self.place, ours.into_iter().chain(replace).chain(self.flags.iter().cloned()));
    }
}

/// The folder of this user's daemons.
pub(super) fn usual_folder() -> PathBuf {
    Place::usual_folder(env::var_os(env_vars::XDG_RUNTIME_DIR).map(PathBuf::from).as_deref())
}

/// One name for the usual settings; one with their hash for any others.
fn stem(flags: &[OsString], variables: &[OsString]) -> String {
    if flags.is_empty() && variables.iter().all(|variable| variable.is_empty()) {
        return "riskgate".to_owned();
    }
    let mut hash = Sha256::new();
    for part in flags.iter().chain(variables) {
        hash.update(part.as_encoded_bytes());
        hash.update([0]);
    }
    let digits: String = hex::encode(hash.finalize()).chars().take(8).collect();
    format!("riskgate-{digits}")
}

/// The arguments again, as far as they differ from the defaults, with paths that hold in any folder. A project with settings
/// of its own has a daemon of its own, wherever in it a call comes from.
fn flags(engine: &EngineArguments, project: Option<&Path>) -> Vec<OsString> {
    let EngineArguments {
        model,
        runtime,
        device,
        operating_point,
        max_miss_rate,
        max_false_block_rate,
        no_ask,
        project: _,
    } = engine;
    let model = model.as_ref().map(|model| match model {
        folder if folder.contains(std::path::is_separator) => absolute(Path::new(folder)).into_os_string(),
        name => name.into(),
    });
    let valued = [
        ("--model", model),
        ("--runtime", runtime.as_deref().map(|path| absolute(path).into_os_string())),
        ("--device", device.as_ref().filter(|device| **device != Device::Auto).map(|device| device.to_string().into())),
        ("--project", project.map(Into::into)),
        ("--operating-point", operating_point.as_ref().map(Into::into)),
        ("--max-miss-rate", max_miss_rate.map(|rate| rate.to_string().into())),
        ("--max-false-block-rate", max_false_block_rate.map(|rate| rate.to_string().into())),
    ];
    let valued = valued.into_iter().filter_map(|(flag, value)| Some([flag.into(), value?])).flatten();
    valued.chain(no_ask.then(|| "--no-ask".into())).collect()
}

fn review_flags(review: &ReviewArguments) -> Vec<OsString> {
    let ReviewArguments { mode, model, base_url, review_timeout_ms } = review;
    let valued = [
        ("--review", mode.map(|mode| <&str>::from(mode).into())),
        ("--review-model", model.as_ref().map(Into::into)),
        ("--review-base-url", base_url.as_ref().map(Into::into)),
        ("--review-timeout-ms", review_timeout_ms.map(|time| time.to_string().into())),
    ];
    valued
        .into_iter()
        .filter_map(|(flag, value): (_, Option<OsString>)| Some([flag.into(), value?]))
        .flatten()
        .collect()
}

/// The path seen from the root.
pub(super) fn absolute(path: &Path) -> PathBuf {
    std::path::absolute(path).unwrap_or_else(|_| path.to_path_buf())
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::*;

    #[derive(Parser)]
    struct Typed {
        #[command(flatten)]
        engine: EngineArguments,
    }

    fn typed(arguments: &[&str]) -> EngineArguments {
        Typed::parse_from([&["riskgate"], arguments].concat()).engine
    }

    #[test]
    fn a_daemon_is_started_with_the_settings_of_whoever_starts_it() {
        let arguments = ["--model", "small", "--device", "cpu", "--max-miss-rate", "0.01", "--no-ask"];
        let expected = ["--model", "small", "--device", "cpu", "--max-miss-rate", "0.01", "--no-ask"];
        assert_eq!(flags(&typed(&arguments), None), expected);
        assert!(flags(&typed(&[]), None).is_empty());
    }

    #[test]
    fn a_path_holds_in_any_folder() {
        let flags = flags(&typed(&["--model", "./bundle", "--runtime", "lib.so"]), None);
        assert!(Path::new(&flags[1]).is_absolute() && Path::new(&flags[3]).is_absolute(), "{flags:?}");
    }

    #[test]
    fn other_settings_are_another_daemon_s() {
        let stems = [&[][..], &["--no-ask"], &["--operating-point", "strict"], &["--model", "x"]]
            .map(|arguments| stem(&flags(&typed(arguments), None), &[]));
        let distinct: std::collections::HashSet<&String> = stems.iter().collect();
        assert_eq!(distinct.len(), stems.len());
        assert_eq!((stems[0].as_str(), &stems[1]), ("riskgate", &stem(&flags(&typed(&["--no-ask"]), None), &[])));
        assert_ne!(stem(&[], &["/data".into()]), "riskgate");
    }
}
