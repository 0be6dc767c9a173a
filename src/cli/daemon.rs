//! What `hook` and `score --command` ask the daemon, and what they make of its answers: nothing that is not sound is taken,
//! and whatever it does not answer is judged in this process.
//!
//! It is asked before any settings file is read, since reading them takes longer than all else in such a process.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::{Value, json};

use super::args::{EngineArguments, HookArguments, ReviewArguments, ScoreArguments};
use super::engine;
use super::told::{Told, Wish};
use crate::action::{Context, ToolCall};
use crate::config::{self, EnvironmentKey, ReviewSettings, Search, env_vars};
use crate::engine::Failure;
use crate::harness::{HookEnvironment, HookReply};
use crate::model::Device;
use crate::serve::client::{self, AskError, Patience};
use crate::serve::{Answer, Asked, Place, Request, identity, is_running, program};
use crate::sha256::Sha256;
use crate::verdict::Verdict;

/// Variables that decide where things are found.
const FINDING: [&str; 4] =
    [env_vars::ORT_DYLIB_PATH, env_vars::XDG_DATA_HOME, env_vars::XDG_CONFIG_HOME, env_vars::XDG_STATE_HOME];

/// A daemon that nobody asks for so many seconds leaves.
const IDLE_EXIT: &str = "3600";
/// How long `score --command` waits for a daemon, and for one that may have to wait for a reviewer.
const PATIENCE: Patience = Patience { usual: Duration::from_secs(4), reviewed: Duration::from_secs(9) };
/// What judging here takes, with room to spare, when the daemon did not answer; a reviewer is not waited for twice.
const OWN_TIME: Duration = Duration::from_millis(1_500);
/// The daemon's deadline lies this much before our own patience ends, so that its word for being late arrives.
const MARGIN: Duration = Duration::from_millis(350);

/// What the daemon says to a hook call. No settings file is read for it: the daemon has read them, and says so only when all of
/// them look to it as they do here. `waits_longer` is called when a reviewer may be asked.
pub(super) fn hook(
    arguments: &HookArguments,
    environment: &HookEnvironment,
    input: &[u8],
    waits_longer: &dyn Fn(),
) -> Told<HookReply> {
    let reach = hook_reach(arguments);
    let ask = |deadline_ms, settings| Request::Hook {
        identity: reach.program(),
        deadline_ms,
        harness: <&str>::from(arguments.harness).to_owned(),
        workspace: environment.workspace.clone(),
        home: environment.home.clone(),
        settings: Some(settings),
    };
    let time = |reviewing| engine::time(arguments.deadline_ms, reviewing);
    let patience = Patience {
        // The other half is for judging here.
        usual: time(false) / 2,
        reviewed: time(true).saturating_sub(OWN_TIME).max(time(true) / 2),
    };
    let (answer, body) = match reach.ask(ask, input, patience, waits_longer) {
        Ok(answered) => answered,
        Err(wish) => return Told::Nothing(wish),
    };
    match answer {
        Answer::Hook { exit_code, stderr } => {
            let reply = String::from_utf8(body).ok().map(|stdout| HookReply { stdout, stderr, exit_code });
            let sound = reply.filter(|reply| arguments.harness.is_sound(reply));
            sound.map_or(Told::Nothing(Wish::None), Told::Answer)
        }
        Answer::Busy => Told::Not(Failure::Busy),
        Answer::Late => Told::Not(Failure::Deadline),
        _ => Told::Nothing(Wish::None),
    }
}

/// Does what is wished about the daemon for hook calls.
pub(super) fn see_to(arguments: &HookArguments, wish: Wish) {
    if wish != Wish::None {
        hook_reach(arguments).see_to(wish);
    }
}

fn hook_reach(arguments: &HookArguments) -> Reach {
    Reach::of(&arguments.engine, &arguments.review, arguments.daemon.socket.as_deref())
}

/// The daemon's decision record for a call, when there is a daemon and its record is sound.
pub(super) fn score(arguments: &ScoreArguments, call: &ToolCall) -> Option<(Verdict, Value)> {
    if arguments.daemon.no_daemon {
        return None;
    }
    let reach = Reach::of(&arguments.engine, &arguments.review, arguments.daemon.socket.as_deref());
    let ask =
        |deadline_ms, settings| Request::Score { identity: reach.program(), deadline_ms, settings: Some(settings) };
    let record: Value = match reach.ask(ask, record(call).to_string().as_bytes(), PATIENCE, &|| ()) {
        Ok((Answer::Record, body)) => serde_json::from_slice(&body).ok()?,
        Ok(_) => return None,
        Err(wish) => {
            reach.see_to(wish);
            return None;
        }
    };
    // An error record is no decision.
    let verdict = record.get("assessment").and(record.get("verdict"))?.as_str()?.parse().ok()?;
    Some((verdict, record))
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

/// Where the daemon for some flags and variables is met, and how it is started. Others are another daemon's.
pub(super) struct Reach {
    pub(super) place: Place,
    flags: Vec<OsString>,
    /// What else decides where things are found.
    variables: Vec<OsString>,
    /// Where the settings of the call are searched.
    search: Search,
}

impl Reach {
    pub(super) fn of(engine: &EngineArguments, review: &ReviewArguments, socket: Option<&Path>) -> Self {
        let flags = [flags(engine), review_flags(review)].concat();
        let variables = FINDING.iter().map(|name| env::var_os(name).unwrap_or_default()).collect::<Vec<_>>();
        let place = match socket {
            Some(socket) => Place::at(&absolute(socket)),
            None => Place::new(usual_folder(), stem(&flags, &variables)),
        };
        Self { place, flags, variables, search: engine::search(engine) }
    }

    /// Which riskgate asks, without what the settings files say.
    pub(super) fn program(&self) -> String {
        self.program_with(None)
    }

    /// Which riskgate it is that is started now; with a reviewer, the key for it counts, which a daemon keeps as it was.
    pub(super) fn identity(&self, reviewing: Option<&ReviewSettings>) -> String {
        let key = reviewing.map(|settings| settings.environment_key.as_ref().map(EnvironmentKey::mark));
        let program = self.program_with(key.map(|key| key.unwrap_or_default().into()));
        identity(&program, &config::fingerprint(&self.search.places()))
    }

    fn program_with(&self, key: Option<OsString>) -> String {
        let home = env::home_dir().map(PathBuf::into_os_string);
        let settings = self.flags.iter().chain(&self.variables).chain(&key).chain(&home);
        program(settings.map(OsString::as_os_str))
    }

    /// What the client knows of the settings without reading them; none when their place has no name in Unicode.
    fn asked(&self, reviewed: Duration) -> Option<Asked> {
        let folder = self.search.folder().map(|folder| folder.to_str().map(str::to_owned));
        Some(Asked {
            folder: match folder {
                Some(folder) => Some(folder?),
                None => None,
            },
            look: self.search.look().digest().to_owned(),
            key: EnvironmentKey::here().as_ref().map(EnvironmentKey::mark).unwrap_or_default(),
            reviewed_ms: deadline_ms(reviewed),
        })
    }

    /// The answer to a request that is made with the daemon's deadline in milliseconds, or what is to be done about the daemon.
    fn ask(
        &self,
        request: impl FnOnce(u64, Asked) -> Request,
        body: &[u8],
        patience: Patience,
        waits_longer: &dyn Fn(),
    ) -> Result<(Answer, Vec<u8>), Wish> {
        let asked = self.asked(patience.reviewed).ok_or(Wish::None)?;
        let request = request(deadline_ms(patience.usual), asked);
        match client::consult(&self.place, &request, body, patience, waits_longer) {
            Ok((Answer::Mismatch { .. }, _)) => Err(Wish::Replace),
            Ok(answered) => Ok(answered),
            Err(AskError::Absent) => Err(Wish::Start),
            Err(_) => Err(Wish::None),
        }
    }

    /// Starts a daemon in the background, for the next time. That it cannot be started is no reason not to judge.
    fn see_to(&self, wish: Wish) {
        let replace = match wish {
            Wish::None => return,
            Wish::Start if is_running(&self.place) => return,
            Wish::Start => None,
            Wish::Replace => Some("--replace".into()),
        };
        let socket = self.place.socket().into_os_string();
        let ours = ["--detached".into(), "--idle-exit".into(), IDLE_EXIT.into(), "--socket".into(), socket];
        let _ = client::start(&self.place, ours.into_iter().chain(replace).chain(self.flags.iter().cloned()));
    }
}

/// The daemon's deadline for a client with so much patience.
fn deadline_ms(patience: Duration) -> u64 {
    let deadline = patience.saturating_sub(MARGIN).max(patience / 2);
    u64::try_from(deadline.as_millis()).unwrap_or(u64::MAX)
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

/// The arguments again, as far as they differ from the defaults, with paths that hold in any folder. The project is none of
/// them: each call says where it comes from.
fn flags(engine: &EngineArguments) -> Vec<OsString> {
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
