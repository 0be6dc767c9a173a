//! The daemon behind its socket, on real processes: started, raced for, killed, fed with garbage, replaced, drained. Whatever
//! becomes of it, every call is answered, and none is let through that a process by itself would not let through.

use std::fs::{self, Permissions};
use std::io::{Read as _, Write as _};
use std::os::fd::OwnedFd;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use riskgate::serve::{Answer, Place, Request, Status, client, is_running, wait_until_gone};
use serde_json::{Value, json};

use crate::hook::{assert_stopped, before};
use crate::support::{Outcome, Sandbox, finish, outcome};

const LONG: Duration = Duration::from_secs(60);

/// A sandbox in which daemons are asked, at one socket, and stopped at the end.
pub(crate) struct World {
    pub(crate) sandbox: Sandbox,
}

impl World {
    pub(crate) fn new() -> Self {
        Self { sandbox: Sandbox::new() }
    }

    fn folder(&self) -> PathBuf {
        self.sandbox.path("run/riskgate")
    }

    pub(crate) fn place(&self) -> Place {
        Place::new(self.folder(), "d")
    }

    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.sandbox.command(arguments);
        command.env_remove("RISKGATE_NO_DAEMON").env("RISKGATE_SOCKET", self.place().socket());
        command
    }

    fn run(&self, arguments: &[&str], input: &str) -> Outcome {
        finish(self.command(arguments), input.as_bytes())
    }

    /// A hook call for a command, and the permission decision it got.
    fn hook(&self, command: &str, arguments: &[&str]) -> String {
        decision(&self.run(&[&["hook", "claude-code"], arguments].concat(), &bash(command)))
    }

    fn score(&self, command: &str) -> Value {
        self.run(&["score", "--json", "--command", command], "").records().remove(0)
    }

    /// A daemon of this world, listening.
    pub(crate) fn serve(&self, arguments: &[&str]) -> Daemon {
        let mut command = self.command(&[&["serve"], arguments].concat());
        self.started(command.stdin(Stdio::null()).spawn().unwrap())
    }

    fn started(&self, child: Child) -> Daemon {
        let daemon = Daemon { child: Some(child), place: self.place() };
        daemon.wait_for(|_| true);
        daemon
    }

    /// The status of the daemon at the socket, whoever started it, once it is as wanted.
    #[track_caller]
    fn status_when(&self, wanted: impl Fn(&Status) -> bool) -> Status {
        status_when(&self.place(), wanted)
    }

    /// The place as a stranger finds it who is let in.
    fn prepare(&self) {
        self.place().prepare().unwrap();
    }
}

impl Drop for World {
    fn drop(&mut self) {
        for place in Place::all_in(&self.folder()).iter().filter(|place| is_running(place)) {
            let _ = client::ask(place, &Request::Stop, b"", soon());
            wait_until_gone(place, Duration::from_secs(20));
        }
    }
}

/// A daemon that a test started.
pub(crate) struct Daemon {
    child: Option<Child>,
    place: Place,
}

impl Daemon {
    #[track_caller]
    pub(crate) fn wait_for(&self, wanted: impl Fn(&Status) -> bool) -> Status {
        status_when(&self.place, wanted)
    }

    fn signal(&self, name: &str) {
        let pid = self.child.as_ref().unwrap().id().to_string();
        assert!(Command::new("kill").args([name, &pid]).status().unwrap().success());
    }

    /// What it leaves when it ends by itself.
    fn end(mut self) -> Outcome {
        outcome(self.child.take().unwrap())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

#[track_caller]
fn status_when(place: &Place, wanted: impl Fn(&Status) -> bool) -> Status {
    let given_up = Instant::now() + LONG;
    loop {
        let last = client::ask(place, &Request::Status, b"", soon());
        if let Ok((Answer::Status(status), _)) = &last
            && wanted(status)
        {
            return status.clone();
        }
        assert!(
            Instant::now() < given_up,
            "the daemon is not as wanted: {last:?}\n{:?}",
            fs::read_to_string(place.log())
        );
        thread::sleep(Duration::from_millis(10));
    }
}

fn soon() -> Instant {
    Instant::now() + Duration::from_secs(20)
}

fn bash(command: &str) -> String {
    before("Bash", &json!({"command": command}))
}

#[track_caller]
fn decision(outcome: &Outcome) -> String {
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let reply: Value = serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome:?}"));
    reply["hookSpecificOutput"]["permissionDecision"].as_str().unwrap().to_owned()
}

fn frame(head: &str, body: &[u8]) -> Vec<u8> {
    let length = |bytes: &[u8]| u32::try_from(bytes.len()).unwrap().to_le_bytes();
    [b"RGT1", &length(head.as_bytes())[..], &length(body), head.as_bytes(), body].concat()
}

fn connect(place: &Place) -> UnixStream {
    let stream = UnixStream::connect(place.socket()).unwrap();
    stream.set_read_timeout(Some(LONG)).unwrap();
    stream
}

/// The head and the body of the next frame.
fn read_frame(stream: &mut UnixStream) -> (Value, Vec<u8>) {
    let mut prefix = [0; 12];
    stream.read_exact(&mut prefix).unwrap();
    assert_eq!(&prefix[..4], b"RGT1");
    let length = |at: usize| u32::from_le_bytes(prefix[at..at + 4].try_into().unwrap()) as usize;
    let (mut head, mut body) = (vec![0; length(4)], vec![0; length(8)]);
    stream.read_exact(&mut head).unwrap();
    stream.read_exact(&mut body).unwrap();
    (serde_json::from_slice(&head).unwrap(), body)
}

fn is_closed(stream: &mut UnixStream) -> bool {
    // What was sent and not read makes it a reset.
    matches!(stream.read(&mut [0]), Ok(0) | Err(_))
}

// ── Answers ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

#[test]
fn a_daemon_answers_as_a_process_by_itself_does() {
    for point in ["allow", "ask", "deny"] {
        let world = World::new();
        let arguments = ["--operating-point", point];
        let daemon = world.serve(&arguments);
        for (tool, input) in [("Bash", json!({"command": "git push"})), ("Read", json!({"file_path": "/w/a"}))] {
            // Without a session, since the second answer of one is about a call that was seen before.
            let mut call: Value = serde_json::from_str(&before(tool, &input)).unwrap();
            call.as_object_mut().unwrap().remove("session_id");
            let ask = |more: &[&str]| {
                world.run(&[&["hook", "claude-code"], &arguments[..], more].concat(), &call.to_string())
            };
            let (asked, alone) = (ask(&[]), ask(&["--no-daemon"]));
            assert_eq!((decision(&asked), asked.stdout, asked.stderr), (point.to_owned(), alone.stdout, alone.stderr));
        }
        let score =
            |more: &[&str]| world.run(&[&["score", "--command", "git push origin"], &arguments[..], more].concat(), "");
        let (asked, alone) = (score(&[]), score(&["--no-daemon"]));
        assert_eq!((asked.code, asked.stdout, asked.stderr), (alone.code, alone.stdout, alone.stderr));
        assert_eq!(daemon.wait_for(|_| true).calls, 3);
    }
}

#[test]
fn what_is_no_hook_call_stops_and_other_events_do_not() {
    let world = World::new();
    let daemon = world.serve(&["--operating-point", "allow"]);
    let arguments = ["hook", "claude-code", "--operating-point", "allow"];
    for input in ["", "rm -rf ~", "[]", "{\"hook_event_name\":\"PreToolUse\"}"] {
        assert_stopped(input, &world.run(&arguments, input));
    }
    let other = world.run(&arguments, r#"{"hook_event_name":"Stop","session_id":"s"}"#);
    assert_eq!((other.code, other.stdout.as_str(), other.stderr.as_str()), (Some(0), "", ""));
    assert_eq!(daemon.wait_for(|_| true).calls, 5);
}

#[test]
fn the_same_action_is_answered_from_memory_however_it_is_spelled() {
    let world = World::new();
    let daemon = world.serve(&[]);
    let first = world.score("rm -rf build");
    let again = world.score("rm  -rf   'build'");
    assert_eq!((&first["source"], &again["source"]), (&json!("model"), &json!("cache")));
    for field in ["verdict", "zone", "assessment", "model", "policy"] {
        assert_eq!(first[field], again[field], "{field}");
    }
    assert_eq!(world.score("rm -rf src")["source"], "model");
    let mut elsewhere = world.command(&["score", "--json", "--command", "rm -rf build"]);
    elsewhere.current_dir(world.folder());
    assert_eq!(finish(elsewhere, b"").records()[0]["source"], "model");
    assert_eq!(daemon.wait_for(|_| true).cached, 3);
}

#[test]
fn nothing_is_remembered_of_a_call_that_came_too_late() {
    let world = World::new();
    let daemon = world.serve(&["--operating-point", "allow"]);
    let identity = daemon.wait_for(|_| true).identity;
    let record = json!({"tool": "Bash", "input": {"command": "ls"}}).to_string();
    let ask = |deadline_ms| {
        let request = Request::Score { identity: identity.clone(), deadline_ms, settings: None };
        let (answer, body) = client::ask(&world.place(), &request, record.as_bytes(), soon()).unwrap();
        assert_eq!(answer, Answer::Record);
        serde_json::from_slice::<Value>(&body).unwrap()
    };
    let late = ask(0);
    assert_eq!((&late["verdict"], &late["source"]), (&json!("ask"), &json!("fail_safe")));
    let in_time = ask(20_000);
    assert_eq!((&in_time["verdict"], &in_time["source"]), (&json!("allow"), &json!("model")));
}

// ── Starts and ends ─────────────────────────────────────────────────────────────────────────────────────────────────────

#[test]
fn without_a_daemon_the_call_is_judged_here_and_one_is_started_for_the_next() {
    let world = World::new();
    assert_eq!(world.hook("ls", &["--operating-point", "deny"]), "deny");
    let status = world.status_when(|_| true);
    assert_eq!(status.calls, 0);
    assert_eq!(world.hook("ls", &["--operating-point", "deny"]), "deny");
    assert_eq!(world.status_when(|_| true).calls, 1);
    let mode = |path: PathBuf| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(world.folder()), mode(world.place().socket())), (0o700, 0o600));
}

#[test]
fn of_racing_starts_one_wins() {
    let world = World::new();
    thread::scope(|scope| {
        let hooks: Vec<_> = (0..6).map(|_| scope.spawn(|| world.hook("ls", &["--operating-point", "allow"]))).collect();
        assert!(hooks.into_iter().all(|hook| hook.join().unwrap() == "allow"));
    });
    let pid = world.status_when(|_| true).pid;
    let mut more: Vec<Child> =
        (0..3).map(|_| world.command(&["serve", "--operating-point", "allow"]).spawn().unwrap()).collect();
    for child in more.drain(..) {
        let outcome = outcome(child);
        assert_eq!(outcome.code, Some(1), "{outcome:?}");
        assert!(outcome.stderr.contains("running already"), "{outcome:?}");
    }
    assert_eq!(world.status_when(|_| true).pid, pid);
    let log = fs::read_to_string(world.place().log()).unwrap();
    assert_eq!(log.matches("listening at").count(), 1, "{log}");
}

#[test]
fn other_settings_have_a_daemon_of_their_own() {
    let world = World::new();
    let run = |point: &str| {
        let mut command = world.command(&["hook", "claude-code", "--operating-point", point]);
        command.env_remove("RISKGATE_SOCKET");
        decision(&finish(command, bash("ls").as_bytes()))
    };
    for point in ["allow", "deny", "allow", "deny"] {
        assert_eq!(run(point), point);
    }
    let places = Place::all_in(&world.folder());
    assert_eq!(places.len(), 2, "{places:?}");
    let calls = |place: &Place| status_when(place, |_| true).calls;
    let before: Vec<u64> = places.iter().map(calls).collect();
    for point in ["allow", "deny"] {
        assert_eq!(run(point), point);
    }
    assert!(places.iter().zip(before).all(|(place, before)| calls(place) == before + 1));
    let status = world.run(&["status", "--json"], "");
    // The variable names one socket, at which there is nobody.
    assert_eq!((status.code, status.records()), (Some(1), vec![json!([])]));
    let mut all = world.command(&["status", "--json"]);
    all.env_remove("RISKGATE_SOCKET");
    assert_eq!(finish(all, b"").records()[0].as_array().unwrap().len(), 2);
    let mut stop = world.command(&["stop"]);
    stop.env_remove("RISKGATE_SOCKET");
    let stopped = finish(stop, b"");
    assert_eq!((stopped.code, stopped.stdout.lines().count()), (Some(0), 2), "{stopped:?}");
    assert!(places.iter().all(|place| !is_running(place)));
}

#[test]
fn a_daemon_at_a_named_socket_with_other_settings_is_replaced_and_never_believed() {
    let world = World::new();
    let daemon = world.serve(&["--operating-point", "allow"]);
    let old = daemon.wait_for(|_| true);
    assert_eq!(world.hook("ls", &["--operating-point", "deny"]), "deny");
    assert_eq!(daemon.end().code, Some(0));
    let new = world.status_when(|status| status.pid != old.pid);
    assert_ne!(new.identity, old.identity);
    assert_eq!(world.hook("ls", &["--operating-point", "deny"]), "deny");
    assert_eq!(world.status_when(|_| true).calls, 1);
}

#[cfg(feature = "review")]
#[test]
fn a_key_that_nobody_uses_makes_no_other_daemon() {
    let world = World::new();
    let folder = world.sandbox.path("config/riskgate");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("config.toml"), "[review]\nmode = \"uncertain\"\nkey_file = \"/nowhere/key\"\n").unwrap();
    let daemon = world.serve(&["--operating-point", "allow"]);
    for key in ["EXAMPLE-one", "EXAMPLE-two"] {
        let mut command = world.command(&["hook", "claude-code", "--operating-point", "allow"]);
        command.env("ANTHROPIC_API_KEY", key);
        assert_eq!(decision(&finish(command, bash("ls").as_bytes())), "allow");
    }
    assert_eq!(daemon.wait_for(|_| true).calls, 2);
}

#[test]
fn a_service_manager_s_socket_is_used_and_left_where_it_is() {
    let world = World::new();
    world.prepare();
    let listener = UnixListener::bind(world.place().socket()).unwrap();
    // Before there is a daemon: the manager starts it for this one.
    let early = thread::spawn({
        let (place, until) = (world.place(), Instant::now() + LONG);
        move || client::ask(&place, &Request::Status, b"", until).unwrap()
    });
    let mut command = world.command(&["serve"]);
    command.env("LISTEN_FDS", "1").env("LISTEN_FDS_FIRST_FD", "0").stdin(OwnedFd::from(listener));
    let daemon = world.started(command.spawn().unwrap());
    assert!(matches!(early.join().unwrap().0, Answer::Status(_)));
    assert_eq!(world.run(&["stop"], "").code, Some(0));
    assert_eq!(daemon.end().code, Some(0));
    assert!(world.place().socket().exists());
}

#[test]
fn of_many_that_find_an_old_daemon_one_takes_its_place() {
    let world = World::new();
    let daemon = world.serve(&["--operating-point", "allow"]);
    let old = daemon.wait_for(|_| true);
    thread::scope(|scope| {
        let hooks: Vec<_> = (0..6).map(|_| scope.spawn(|| world.hook("ls", &["--operating-point", "deny"]))).collect();
        assert!(hooks.into_iter().all(|hook| hook.join().unwrap() == "deny"));
    });
    assert_eq!(daemon.end().code, Some(0));
    let new = world.status_when(|status| status.pid != old.pid);
    // Longer than those that came too late look for the lock.
    thread::sleep(Duration::from_secs(2));
    assert_eq!(world.status_when(|_| true).pid, new.pid);
    let log = fs::read_to_string(world.place().log()).unwrap();
    assert_eq!(log.matches("listening at").count(), 1, "{log}");
}

#[test]
fn no_daemon_means_none() {
    let world = World::new();
    for (value, starts) in [("1", false), ("true", false), ("0", true)] {
        let mut command = world.command(&["score", "--command", "ls", "--operating-point", "allow"]);
        command.env("RISKGATE_NO_DAEMON", value);
        assert_eq!(finish(command, b"").code, Some(0));
        assert_eq!(world.folder().exists(), starts, "{value}");
    }
    let world = World::new();
    assert_eq!(world.hook("ls", &["--operating-point", "ask", "--no-daemon"]), "ask");
    assert_eq!(world.run(&["score", "--no-daemon", "--command", "ls"], "").stderr, "");
    assert!(!world.folder().exists());
}

#[test]
fn without_a_bundle_the_call_is_stopped_and_no_daemon_stays() {
    let world = World::new();
    assert_stopped("no bundle", &world.run(&["hook", "claude-code", "--model", "./nowhere"], &bash("ls")));
    assert!(wait_until_gone(&world.place(), LONG));
    let outcome = world.run(&["serve", "--model", "./nowhere"], "");
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(1), ""), "{outcome:?}");
    assert!(outcome.stderr.contains("nowhere"), "{outcome:?}");
}

#[test]
fn a_daemon_that_is_not_asked_leaves() {
    let world = World::new();
    let daemon = world.serve(&["--idle-exit", "1"]);
    let outcome = daemon.end();
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(outcome.stderr.contains("nothing was asked"), "{outcome:?}");
    assert!(!world.place().socket().exists());
}

#[test]
fn a_signal_ends_it_in_order() {
    for signal in ["-TERM", "-INT"] {
        let world = World::new();
        let daemon = world.serve(&[]);
        daemon.signal(signal);
        let outcome = daemon.end();
        assert_eq!(outcome.code, Some(0), "{signal}: {outcome:?}");
        assert!(!world.place().socket().exists());
    }
}

#[test]
fn stop_lets_what_was_begun_be_finished() {
    let world = World::new();
    let daemon = world.serve(&["--operating-point", "allow"]);
    let identity = daemon.wait_for(|_| true).identity;
    let script: String = (0..4_000).map(|n| format!("echo {n} > file{n}\n")).collect();
    let record = json!({"id": 7, "tool": "Bash", "input": {"command": script}}).to_string();
    let head = json!({"ask": "score", "identity": identity, "deadline_ms": 60_000}).to_string();
    let mut stream = connect(&world.place());
    stream.write_all(&frame(&head, record.as_bytes())).unwrap();
    daemon.wait_for(|status| status.in_flight == 1);
    let stopped = world.run(&["stop"], "");
    assert_eq!(stopped.code, Some(0), "{stopped:?}");
    assert!(stopped.stdout.starts_with("stopped"), "{stopped:?}");
    let (head, body) = read_frame(&mut stream);
    let record: Value = serde_json::from_slice(&body).unwrap();
    assert_eq!((&head["answer"], &record["id"]), (&json!("record"), &json!(7)));
    assert_eq!(daemon.end().code, Some(0));
    let nobody = world.run(&["stop"], "");
    assert_eq!((nobody.code, nobody.stderr.trim()), (Some(0), "no daemon is running"));
}

#[test]
fn status_says_how_it_is() {
    let world = World::new();
    let nobody = world.run(&["status"], "");
    assert_eq!((nobody.code, nobody.stdout.trim()), (Some(1), "no daemon is running"));
    let daemon = world.serve(&["--workers", "3"]);
    let text = world.run(&["status"], "");
    assert_eq!(text.code, Some(0));
    assert!(text.stdout.contains("tiny@sha256:") && text.stdout.contains("3 workers"), "{}", text.stdout);
    let json = world.run(&["status", "--json"], "").records().remove(0);
    assert_eq!(json[0]["pid"], daemon.child.as_ref().unwrap().id());
}

// ── Settings ────────────────────────────────────────────────────────────────────────────────────────────────────────────

const ALLOW: [&str; 2] = ["--operating-point", "allow"];

impl World {
    /// What a hook process in a project leaves for a command.
    fn hook_in(&self, project: &str, command: &str) -> Outcome {
        let mut hook = self.command(&[&["hook", "claude-code"][..], &ALLOW].concat());
        hook.env("CLAUDE_PROJECT_DIR", self.sandbox.path(project));
        finish(hook, bash(command).as_bytes())
    }

    fn write(&self, name: &str, text: &str) {
        let path = self.sandbox.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }

    fn make_folder(&self, name: &str) {
        fs::create_dir_all(self.sandbox.path(name)).unwrap();
    }
}

const RULES: &str = "@id(\"no-make\")\n@reason(\"we build with cargo\")\nforbid (principal, action, resource is Command)\nwhen { resource.program == \"make\" };\n";

const USER: &str = "config/riskgate/config.toml";

#[test]
fn each_project_s_settings_hold_in_one_daemon_as_they_are_at_the_moment() {
    let world = World::new();
    let daemon = world.serve(&ALLOW);
    let pid = daemon.wait_for(|_| true).pid;
    world.make_folder("plain/src");
    world.write("strict/.riskgate.toml", "[policy]\ndeny = [\"Bash(make *)\"]\n");
    world.make_folder("strict/src");
    for (folder, expected) in [("plain", "allow"), ("strict", "deny"), ("strict/src", "deny"), ("plain/src", "allow")] {
        assert_eq!(decision(&world.hook_in(folder, "make all")), expected, "{folder}");
    }
    world.write("plain/.riskgate/policy/a.cedar", RULES);
    assert_eq!(decision(&world.hook_in("plain/src", "make all")), "deny");
    fs::remove_dir_all(world.sandbox.path("plain/.riskgate")).unwrap();
    assert_eq!(decision(&world.hook_in("plain/src", "make all")), "allow");
    let status = daemon.wait_for(|_| true);
    assert_eq!((status.pid, status.calls), (pid, 6));
}

#[test]
fn a_change_within_an_instant_and_of_no_length_is_seen() {
    let world = World::new();
    let daemon = world.serve(&ALLOW);
    for n in 0..12 {
        let (word, expected) = if n % 2 == 0 { ("make", "deny") } else { ("moke", "allow") };
        world.write("app/.riskgate.toml", &format!("[policy]\ndeny = [\"Bash({word} *)\"]\n"));
        assert_eq!(decision(&world.hook_in("app", "make all")), expected, "{n}");
    }
    assert!(daemon.wait_for(|_| true).calls > 0);
}

#[test]
fn a_new_mode_holds_at_once() {
    let world = World::new();
    let daemon = world.serve(&["--operating-point", "allow"]);
    let pid = daemon.wait_for(|_| true).pid;
    world.make_folder("app");
    let reply = || world.hook_in("app", "ls");
    assert_eq!(decision(&reply()), "allow");
    for mode in ["off", "monitor"] {
        world.write(USER, &format!("mode = \"{mode}\"\n"));
        let silent = reply();
        assert_eq!((silent.code, silent.stdout.as_str(), silent.stderr.as_str()), (Some(0), "", ""), "{mode}");
        world.write(USER, "mode = \"enforce\"\n");
        assert_eq!(decision(&reply()), "allow", "{mode}");
    }
    // A project may only tighten.
    world.write("app/.riskgate.toml", "mode = \"off\"\n");
    assert_eq!(decision(&reply()), "allow");
    world.write(USER, "mode = \"monitor\"\n");
    world.write("app/.riskgate.toml", "mode = \"enforce\"\n");
    assert_eq!(decision(&reply()), "allow");
    assert_eq!(daemon.wait_for(|_| true).pid, pid);
}

#[test]
fn settings_that_cannot_be_trusted_or_read_stop_the_call_although_there_is_a_daemon() {
    let world = World::new();
    world.write(USER, "no_ask = false\n");
    let daemon = world.serve(&ALLOW);
    world.make_folder("app");
    assert_eq!(decision(&world.hook_in("app", "ls")), "allow");
    let path = world.sandbox.path(USER);
    fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap();
    assert_stopped("others may write", &world.hook_in("app", "ls"));
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    assert_eq!(decision(&world.hook_in("app", "ls")), "allow");
    for (name, text) in [("app/.riskgate.toml", "mode = "), (USER, "modle = \"off\"\n")] {
        world.write(name, text);
        assert_stopped(name, &world.hook_in("app", "ls"));
        world.write(name, "");
    }
    assert_eq!(decision(&world.hook_in("app", "ls")), "allow");
    world.write("app/.claude/settings.json", r#"{"env": {"RISKGATE_OPERATING_POINT": "allow"}}"#);
    assert_stopped("our variable", &world.hook_in("app", "ls"));
    drop(daemon);
}

#[test]
fn where_the_gate_is_off_no_daemon_is_started() {
    let world = World::new();
    world.make_folder("app");
    world.write(USER, "mode = \"off\"\n");
    let silent = world.hook_in("app", "ls");
    assert_eq!((silent.code, silent.stdout.as_str()), (Some(0), ""));
    assert!(!world.folder().exists());
}

#[test]
fn a_daemon_answers_only_for_settings_that_look_the_same_to_both() {
    let world = World::new();
    let daemon = world.serve(&ALLOW);
    let identity = daemon.wait_for(|_| true).identity;
    let (program, _) = identity.rsplit_once('/').unwrap();
    let folder = world.sandbox.path("app").to_str().unwrap().to_owned();
    let ask = |program: &str, look: &str| {
        let settings = json!({"folder": folder, "look": look, "key": "", "reviewed_ms": 20_000});
        let head = json!({"ask": "score", "identity": program, "deadline_ms": 20_000, "settings": settings});
        let mut stream = connect(&world.place());
        let record = json!({"tool": "Bash", "input": {"command": "ls"}}).to_string();
        stream.write_all(&frame(&head.to_string(), record.as_bytes())).unwrap();
        read_frame(&mut stream).0
    };
    for look in ["", "0", "00000000000000000000000000000000"] {
        assert_eq!(ask(program, look), json!({"answer": "unsettled"}));
    }
    assert_eq!(ask("0.0.1+abc", "")["answer"], "mismatch");
    assert_eq!(ask(&identity, "")["answer"], "mismatch");
}

// ── Daemons that fail their clients ─────────────────────────────────────────────────────────────────────────────────────

/// Something that is no daemon, at the daemon's socket: what it does with each connection is up to a function.
fn impostor(world: &World, mut act: impl FnMut(UnixStream) + Send + 'static) {
    world.prepare();
    let listener = UnixListener::bind(world.place().socket()).unwrap();
    thread::spawn(move || listener.incoming().for_each(|stream| act(stream.unwrap())));
}

#[test]
fn whatever_is_no_sound_answer_is_judged_here() {
    let hook = |exit_code: u8| json!({"answer": "hook", "exit_code": exit_code, "stderr": ""}).to_string();
    let allow = br#"{"hookSpecificOutput":{"permissionDecision":"allow"}}"#;
    let answers: Vec<(&str, Vec<u8>)> = vec![
        ("nothing", Vec::new()),
        ("text", b"allow\n".to_vec()),
        ("HTTP", b"HTTP/1.1 200 OK\r\n\r\n".to_vec()),
        ("half a prefix", b"RGT1\x02".to_vec()),
        ("half a frame", frame(&hook(0), allow)[..60].to_vec()),
        ("an endless head", b"RGT1\xff\xff\xff\xff\0\0\0\0{}".to_vec()),
        ("an endless body", b"RGT1\x02\0\0\0\xff\xff\xff\xff{}".to_vec()),
        ("a head that is no JSON", frame("allow", b"")),
        ("an unknown answer", frame(r#"{"answer":"allow"}"#, allow)),
        ("the answer to another question", frame(r#"{"answer":"record"}"#, br#"{"verdict":"allow"}"#)),
        ("a reply that is no JSON", frame(&hook(0), b"allow")),
        ("a reply that is no text", frame(&hook(0), b"\xff\xfe")),
        ("an exit code that lets the call run", frame(&hook(1), allow)),
        ("a refusal", frame(r#"{"answer":"refused","problem":"no"}"#, b"")),
        ("other settings", frame(r#"{"answer":"unsettled"}"#, allow)),
        ("patience and nothing", frame(r#"{"answer":"patience"}"#, b"")),
        ("patience without end", frame(r#"{"answer":"patience"}"#, b"").repeat(3)),
    ];
    for (name, answer) in answers {
        let world = World::new();
        impostor(&world, move |mut stream| {
            let _ = stream.read(&mut [0; 4096]);
            let _ = stream.write_all(&answer);
        });
        assert_eq!(world.hook("ls", &["--operating-point", "deny"]), "deny", "{name}");
        assert_eq!(world.run(&["score", "--operating-point", "deny", "--command", "ls"], "").code, Some(20), "{name}");
    }
}

#[test]
fn too_many_calls_at_once_are_asked_about() {
    let world = World::new();
    impostor(&world, |mut stream| {
        let _ = stream.read(&mut [0; 4096]);
        let _ = stream.write_all(&frame(r#"{"answer":"busy"}"#, b""));
    });
    assert_eq!(world.hook("ls", &["--operating-point", "allow"]), "ask");
    assert_eq!(world.hook("ls", &["--operating-point", "allow", "--no-ask"]), "deny");
}

#[test]
fn a_daemon_that_hangs_is_given_up_and_one_that_dies_at_once() {
    let world = World::new();
    let daemon = world.serve(&["--operating-point", "deny"]);
    let hook = |deadline: &str| world.hook("ls", &["--operating-point", "deny", "--deadline-ms", deadline]);
    assert_eq!(hook("60000"), "deny");
    daemon.signal("-STOP");
    let started = Instant::now();
    assert_eq!(hook("8000"), "deny");
    assert!((4..8).contains(&started.elapsed().as_secs()), "{:?}", started.elapsed());
    // The next one does not wait: it is known now.
    let started = Instant::now();
    assert_eq!(hook("60000"), "deny");
    assert!(started.elapsed() < Duration::from_secs(20), "{:?}", started.elapsed());
    fs::remove_file(world.folder().join("d.silent")).unwrap();
    thread::scope(|scope| {
        let waiting = scope.spawn(|| {
            let started = Instant::now();
            (hook("60000"), started.elapsed())
        });
        thread::sleep(Duration::from_millis(500));
        daemon.signal("-KILL");
        let (verdict, elapsed) = waiting.join().unwrap();
        assert_eq!(verdict, "deny");
        assert!(elapsed < Duration::from_secs(25), "{elapsed:?}");
    });
    // The socket of the dead one still lies there.
    assert!(world.place().socket().exists());
    assert_eq!(hook("60000"), "deny");
    world.status_when(|_| true);
}

#[test]
fn a_place_that_others_may_enter_or_own_is_not_believed() {
    let world = World::new();
    impostor(&world, |mut stream| {
        let _ = stream.read(&mut [0; 4096]);
        let head = json!({"answer": "hook", "exit_code": 0, "stderr": ""}).to_string();
        let _ = stream.write_all(&frame(&head, br#"{"hookSpecificOutput":{"permissionDecision":"allow"}}"#));
    });
    let hook = || world.hook("ls", &["--operating-point", "deny"]);
    // The same user's impostor is believed: whoever is that could change the gate itself.
    assert_eq!(hook(), "allow");
    fs::set_permissions(world.folder(), Permissions::from_mode(0o755)).unwrap();
    assert_eq!(hook(), "deny");
    fs::set_permissions(world.folder(), Permissions::from_mode(0o700)).unwrap();
    // Only root can give a folder away.
    if chown(world.folder(), Some(65_534), None).is_ok() {
        assert_eq!(hook(), "deny");
        chown(world.folder(), Some(0), None).unwrap();
    }
    assert_eq!(hook(), "allow");
}

// ── Clients that mean no good ───────────────────────────────────────────────────────────────────────────────────────────

#[test]
fn garbage_and_oversized_frames_are_refused_and_hurt_nobody() {
    let world = World::new();
    let daemon = world.serve(&["--operating-point", "allow"]);
    let unknown = json!({"ask": "everything"}).to_string();
    let no_harness = json!({"ask": "hook", "identity": "x", "deadline_ms": 1, "harness": "emacs"}).to_string();
    let frames: Vec<(&str, Vec<u8>)> = vec![
        ("HTTP", b"GET / HTTP/1.1\r\n\r\n".to_vec()),
        ("an endless head", b"RGT1\xff\xff\xff\xff\0\0\0\0".to_vec()),
        ("an endless body", b"RGT1\x02\0\0\0\xff\xff\xff\xff{}".to_vec()),
        ("a body one byte too long", [&b"RGT1\x02\0\0\0"[..], &(16_u32 * 1024 * 1024 + 1).to_le_bytes()].concat()),
        ("no JSON", frame("{", b"")),
        ("an unknown question", frame(&unknown, b"")),
        ("an unknown harness", frame(&no_harness, b"")),
        ("a deep head", frame(&"[".repeat(60_000), b"")),
    ];
    for (name, bytes) in frames {
        let mut stream = connect(&world.place());
        stream.write_all(&bytes).unwrap();
        let (head, _) = read_frame(&mut stream);
        assert_eq!(head["answer"], "refused", "{name}: {head}");
        assert!(is_closed(&mut stream), "{name}");
    }
    let mut broken_off = connect(&world.place());
    broken_off.write_all(b"RGT1\x02\0\0\0\0\x01\0\0{").unwrap();
    drop(broken_off);
    assert_eq!(world.hook("ls", &["--operating-point", "allow"]), "allow");
    assert_eq!(daemon.wait_for(|_| true).calls, 1);
}

#[test]
fn slow_and_silent_clients_keep_nobody_waiting() {
    let world = World::new();
    let daemon = world.serve(&["--operating-point", "allow"]);
    let mut slow: Vec<UnixStream> = (0..20).map(|_| connect(&world.place())).collect();
    slow.iter_mut().step_by(2).for_each(|stream| stream.write_all(b"RGT1\x02").unwrap());
    let started = Instant::now();
    for _ in 0..3 {
        assert_eq!(world.hook("ls", &["--operating-point", "allow"]), "allow");
    }
    assert_eq!(daemon.wait_for(|_| true).calls, 3);
    // The slow ones are told so, the silent ones are let go.
    let (head, _) = read_frame(&mut slow[0]);
    assert_eq!(head["answer"], "refused");
    assert!(is_closed(&mut slow[0]) && is_closed(&mut slow[1]));
    assert!(started.elapsed() < LONG);
}

#[test]
fn a_client_that_goes_away_costs_nobody_an_answer() {
    let world = World::new();
    let daemon = world.serve(&["--operating-point", "allow", "--workers", "1"]);
    let identity = daemon.wait_for(|_| true).identity;
    let head = json!({"ask": "score", "identity": identity, "deadline_ms": 60_000}).to_string();
    for n in 0..20 {
        let record = json!({"tool": "Bash", "input": {"command": format!("ls {n}")}}).to_string();
        connect(&world.place()).write_all(&frame(&head, record.as_bytes())).unwrap();
    }
    assert_eq!(world.hook("ls", &["--operating-point", "allow"]), "allow");
    daemon.wait_for(|status| status.in_flight == 0);
}

#[test]
fn one_connection_may_ask_again_and_again() {
    let world = World::new();
    let daemon = world.serve(&["--operating-point", "allow"]);
    let identity = daemon.wait_for(|_| true).identity;
    let head = json!({"ask": "score", "identity": identity, "deadline_ms": 60_000}).to_string();
    let mut stream = connect(&world.place());
    for id in 0..50 {
        let record = json!({"id": id, "tool": "Bash", "input": {"command": "ls"}}).to_string();
        stream.write_all(&frame(&head, record.as_bytes())).unwrap();
        let (_, body) = read_frame(&mut stream);
        assert_eq!(serde_json::from_slice::<Value>(&body).unwrap()["id"], id);
    }
}

// ── Replacements ────────────────────────────────────────────────────────────────────────────────────────────────────────

#[test]
fn another_version_is_told_so_and_takes_the_daemon_s_place() {
    let world = World::new();
    let program = world.sandbox.path("riskgate");
    fs::copy(env!("CARGO_BIN_EXE_riskgate"), &program).unwrap();
    let command = |arguments: &[&str]| {
        let mut command = world.sandbox.bare(&program, arguments);
        command.env_remove("RISKGATE_NO_DAEMON").env("RISKGATE_SOCKET", world.place().socket());
        command.env("RISKGATE_MODEL", world.sandbox.bundle()).env("RISKGATE_RUNTIME", crate::support::runtime());
        command
    };
    let daemon = world.started(command(&["serve"]).stdin(Stdio::null()).spawn().unwrap());
    let old = daemon.wait_for(|_| true);

    let head = json!({"ask": "score", "identity": "0.0.1+abc", "deadline_ms": 1000}).to_string();
    let mut stream = connect(&world.place());
    stream.write_all(&frame(&head, b"{}")).unwrap();
    assert_eq!(read_frame(&mut stream).0, json!({"answer": "mismatch", "identity": old.identity}));

    replace_program(&program);
    let hook = || decision(&finish(command(&["hook", "claude-code"]), bash("ls").as_bytes()));
    let first = hook();
    assert_eq!(daemon.end().code, Some(0));
    let new = world.status_when(|status| status.pid != old.pid);
    assert_ne!(new.identity, old.identity);
    assert_eq!(hook(), first);
    assert_eq!(world.status_when(|_| true).calls, 1);
}

/// As an installer does: a new file renamed over the old one.
fn replace_program(program: &Path) {
    let newer = program.with_extension("new");
    let mut bytes = fs::read(program).unwrap();
    bytes.push(0);
    fs::write(&newer, bytes).unwrap();
    fs::set_permissions(&newer, Permissions::from_mode(0o755)).unwrap();
    fs::rename(newer, program).unwrap();
}

#[test]
fn a_new_bundle_is_taken_up_and_no_call_is_lost() {
    let world = World::new();
    let daemon = world.serve(&[]);
    let identity = daemon.wait_for(|_| true).identity;
    let ask = |command: &str| {
        let request = Request::Score { identity: identity.clone(), deadline_ms: 20_000, settings: None };
        let record = json!({"tool": "Bash", "input": {"command": command}}).to_string();
        let (answer, body) = client::ask(&world.place(), &request, record.as_bytes(), soon()).unwrap();
        assert_eq!(answer, Answer::Record);
        serde_json::from_slice::<Value>(&body).unwrap()
    };
    let first = ask("ls")["model"].clone();
    thread::scope(|scope| {
        let asking: Vec<_> = (0..4)
            .map(|client| {
                let (ask, first) = (&ask, &first);
                scope.spawn(move || {
                    let mut n_answers = 0;
                    loop {
                        let record = ask(&format!("ls {client} {n_answers}"));
                        assert!(record["assessment"].is_object(), "{record}");
                        n_answers += 1;
                        if record["model"] != *first {
                            return n_answers;
                        }
                    }
                })
            })
            .collect();
        thread::sleep(Duration::from_millis(100));
        world.sandbox.change_manifest(|manifest| manifest["description"] = json!("another"));
        daemon.wait_for(|status| status.generation == 2);
        assert!(asking.into_iter().all(|asking| asking.join().unwrap() > 1));
    });
    assert_ne!(json!(daemon.wait_for(|_| true).model), first);
    // What was remembered went with the old bundle.
    assert_eq!(ask("ls")["source"], "model");
    daemon.signal("-HUP");
    daemon.wait_for(|status| status.generation == 3);
}

/// A tokenizer remembers words for each thread, and longer than it lives itself.
#[cfg(target_os = "linux")]
#[test]
fn a_daemon_that_loads_its_bundle_again_and_again_does_not_grow() {
    let world = World::new();
    let daemon = world.serve(&["--operating-point", "allow", "--workers", "1", "--cache-entries", "0"]);
    let words: Vec<String> =
        (0..6_000).map(|n: u32| hex::encode(n.wrapping_mul(2_654_435_761).to_le_bytes())).collect();
    let call = before("Write", &json!({"file_path": "/home/me/src/app/words.txt", "content": words.join(" ")}));
    let resident_after = |reloads: std::ops::Range<u64>| {
        for generation in reloads {
            daemon.wait_for(|status| status.generation >= generation);
            assert_eq!(world.run(&["hook", "claude-code", "--operating-point", "allow"], &call).code, Some(0));
            daemon.signal("-HUP");
        }
        let pid = daemon.wait_for(|_| true).pid;
        let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmRSS")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() / 1024
    };
    let (first, last) = (resident_after(1..6), resident_after(6..31));
    assert!(last < first + 16, "{first} MiB after 5 reloads, {last} MiB after 30");
}

#[test]
fn a_broken_bundle_is_not_taken_up_and_a_mended_one_is() {
    let world = World::new();
    let daemon = world.serve(&[]);
    let model = world.sandbox.bundle().join("model.ort");
    let sound = fs::read(&model).unwrap();
    // In place and shorter: a mapping of it would end the process.
    fs::write(&model, b"broken").unwrap();
    let problem = daemon.wait_for(|status| status.reload_problem.is_some()).reload_problem.unwrap();
    assert!(problem.contains("model.ort"), "{problem}");
    assert_eq!(world.score("ls")["source"], "model");
    assert!(world.run(&["status"], "").stdout.contains("BAD"));
    fs::write(&model, sound).unwrap();
    daemon.wait_for(|status| status.reload_problem.is_none());
    assert_eq!(world.score("ls -la")["source"], "model");
}
