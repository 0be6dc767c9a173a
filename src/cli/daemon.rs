//! What `hook` and `score --command` ask the daemon, and what they make of its answers: nothing that is not sound is taken,
//! and whatever it does not answer is judged in this process.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::args::{EngineArguments, HookArguments, ScoreArguments};
use super::engine;
use crate::action::{Context, ToolCall};
use crate::config::env_vars;
use crate::engine::{Deadline, Failure, fail_safe};
use crate::harness::{HookEnvironment, HookReply};
use crate::model::Device;
use crate::serve::client::{self, AskError};
use crate::serve::{Answer, Place, Request, identity, is_running};
use crate::verdict::Verdict;

/// A daemon that nobody asks for so many seconds leaves.
const IDLE_EXIT: &str = "3600";
/// How long `score --command` waits for a daemon.
const PATIENCE: Duration = Duration::from_secs(4);
/// The daemon's deadline lies this much before our own patience ends, so that its word for being late arrives.
const MARGIN: Duration = Duration::from_millis(350);

/// The daemon's reply to a hook call, when there is a daemon and its reply is sound.
pub(super) fn hook(
    arguments: &HookArguments,
    environment: &HookEnvironment,
    input: &[u8],
    deadline: Deadline,
) -> Option<HookReply> {
    if arguments.daemon.no_daemon {
        return None;
    }
    // The other half is for judging here.
    let patience = deadline.remaining().map_or(PATIENCE, |left| left / 2);
    let reach = Reach::of(&arguments.engine, arguments.daemon.socket.as_deref());
    let ask = |deadline_ms| Request::Hook {
        identity: reach.identity(),
        deadline_ms,
        harness: <&str>::from(arguments.harness).to_owned(),
        workspace: environment.workspace.clone(),
        home: environment.home.clone(),
    };
    let (answer, body) = reach.ask(ask, input, patience)?;
    let by_table = |failure: &Failure| {
        let decision = fail_safe(failure, engine::asking(&arguments.engine));
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
pub(super) fn score(arguments: &ScoreArguments, call: &ToolCall) -> Option<(Verdict, Value)> {
    if arguments.daemon.no_daemon {
        return None;
    }
    let reach = Reach::of(&arguments.engine, arguments.daemon.socket.as_deref());
    let ask = |deadline_ms| Request::Score { identity: reach.identity(), deadline_ms };
    let (answer, body) = reach.ask(ask, record(call).to_string().as_bytes(), PATIENCE)?;
    let record: Value = match answer {
        Answer::Record => serde_json::from_slice(&body).ok()?,
        _ => return None,
    };
    // An error record is no decision.
    let verdict = record.get("assessment").and(record.get("verdict"))?.as_str()?.parse().ok()?;
    Some((verdict, record))
}

fn record(call: &ToolCall) -> Value {
    let Context { harness, session_id, cwd, workspace, home, user_request, permission_mode, shell } = &call.context;
    json!({"tool": call.tool, "input": call.input, "context": {
        "harness": harness, "session_id": session_id, "cwd": cwd, "workspace": workspace, "home": home,
        "user_request": user_request, "permission_mode": permission_mode, "shell": shell,
    }})
}

/// Where the daemon for some settings is met, and how it is started. Other settings are another daemon's.
pub(super) struct Reach {
    pub(super) place: Place,
    flags: Vec<OsString>,
    /// What else decides where things are found.
    variables: [OsString; 2],
}

impl Reach {
    pub(super) fn of(engine: &EngineArguments, socket: Option<&Path>) -> Self {
        let flags = flags(engine);
        let variables = [env_vars::ORT_DYLIB_PATH, env_vars::XDG_DATA_HOME];
        let variables = variables.map(|name| env::var_os(name).unwrap_or_default());
        let place = match socket {
            Some(socket) => Place::at(&absolute(socket)),
            None => Place::new(usual_folder(), stem(&flags, &variables)),
        };
        Self { place, flags, variables }
    }

    /// Which riskgate asks.
    pub(super) fn identity(&self) -> String {
        identity(self.flags.iter().chain(&self.variables).map(OsString::as_os_str))
    }

    /// The answer to a request that is made with the daemon's deadline in milliseconds. Without a daemon of this very
    /// riskgate one is started, for the next time.
    fn ask(&self, request: impl FnOnce(u64) -> Request, body: &[u8], patience: Duration) -> Option<(Answer, Vec<u8>)> {
        let deadline = patience.saturating_sub(MARGIN).max(patience / 2);
        let request = request(u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX));
        match client::consult(&self.place, &request, body, patience) {
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

/// The arguments again, as far as they differ from the defaults, with paths that hold in any folder.
fn flags(engine: &EngineArguments) -> Vec<OsString> {
    let EngineArguments { model, runtime, device, operating_point, max_miss_rate, max_false_block_rate, no_ask } =
        engine;
    let model = model.as_ref().map(|model| match model {
        folder if folder.contains(std::path::is_separator) => absolute(Path::new(folder)).into_os_string(),
        name => name.into(),
    });
    let valued = [
        ("--model", model),
        ("--runtime", runtime.as_deref().map(|path| absolute(path).into_os_string())),
        ("--device", (*device != Device::Auto).then(|| device.to_string().into())),
        ("--operating-point", (operating_point != "default").then(|| operating_point.into())),
        ("--max-miss-rate", max_miss_rate.map(|rate| rate.to_string().into())),
        ("--max-false-block-rate", max_false_block_rate.map(|rate| rate.to_string().into())),
    ];
    let valued = valued.into_iter().filter_map(|(flag, value)| Some([flag.into(), value?])).flatten();
    valued.chain(no_ask.then(|| "--no-ask".into())).collect()
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
        assert_eq!(flags(&typed(&arguments)), expected);
        assert!(flags(&typed(&[])).is_empty());
    }

    #[test]
    fn a_path_holds_in_any_folder() {
        let flags = flags(&typed(&["--model", "./bundle", "--runtime", "lib.so"]));
        assert!(Path::new(&flags[1]).is_absolute() && Path::new(&flags[3]).is_absolute(), "{flags:?}");
    }

    #[test]
    fn other_settings_are_another_daemon_s() {
        let stems = [&[][..], &["--no-ask"], &["--operating-point", "strict"], &["--model", "x"]]
            .map(|arguments| stem(&flags(&typed(arguments)), &[]));
        let distinct: std::collections::HashSet<&String> = stems.iter().collect();
        assert_eq!(distinct.len(), stems.len());
        assert_eq!((stems[0].as_str(), &stems[1]), ("riskgate", &stem(&flags(&typed(&["--no-ask"])), &[])));
        assert_ne!(stem(&[], &["/data".into()]), "riskgate");
    }
}
