//! The binary as Claude Code calls it: whatever happens, the call is answered or stopped.

use std::fs;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::hostile;
use crate::support::{Outcome, Sandbox, finish};

/// Claude Code's JSON before a tool runs.
pub(crate) fn before(tool: &str, input: &Value) -> String {
    before_in("default", tool, input)
}

fn before_in(mode: &str, tool: &str, input: &Value) -> String {
    let call = json!({
        "session_id": "6f1c", "transcript_path": "/home/me/.claude/projects/x/6f1c.jsonl", "cwd": "/home/me/src/app",
        "permission_mode": mode, "hook_event_name": "PreToolUse", "tool_name": tool, "tool_input": input,
        "tool_use_id": "toolu_01", "effort": {"level": "high"},
    });
    call.to_string()
}

fn after(response: &Value) -> String {
    let call = json!({
        "session_id": "6f1c", "cwd": "/home/me/src/app", "permission_mode": "default", "hook_event_name": "PostToolUse",
        "tool_name": "WebFetch", "tool_input": {"url": "https://example.com"}, "tool_response": response,
    });
    call.to_string()
}

/// Exit code 2 with a reason, the one form that stops a call whatever else is wrong.
#[track_caller]
pub(crate) fn assert_stopped(name: &str, outcome: &Outcome) {
    assert_eq!(outcome.code, Some(2), "{name}: {outcome:?}");
    assert_eq!(outcome.stdout, "", "{name}");
    let opening = "riskgate could not judge this call, so it does not run: ";
    assert!(
        outcome.stderr.starts_with(opening) && outcome.stderr.trim_end().len() > opening.len(),
        "{name}: {outcome:?}"
    );
}

/// The permission decision of a reply.
#[track_caller]
fn decision(outcome: &Outcome) -> String {
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let reply: Value = serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome:?}"));
    let output = &reply["hookSpecificOutput"];
    assert_eq!(output["hookEventName"], "PreToolUse");
    assert!(output["permissionDecisionReason"].as_str().is_some_and(|reason| reason.contains("riskgate")), "{reply}");
    output["permissionDecision"].as_str().unwrap().to_owned()
}

fn tools() -> Vec<(&'static str, Value)> {
    vec![
        ("Bash", json!({"command": "git status", "description": "look"})),
        ("Edit", json!({"file_path": "/home/me/src/app/a.py", "old_string": "a", "new_string": "b"})),
        ("Write", json!({"file_path": "/home/me/src/app/a.py", "content": "print(1)\n"})),
        ("Read", json!({"file_path": "/home/me/src/app/a.py"})),
        ("mcp__github__create_issue", json!({"owner": "me", "repo": "app", "title": "t"})),
        ("WebFetch", json!({"url": "https://docs.rs", "prompt": "summarise"})),
        ("Teleport", json!({"to": "moon"})),
        ("Task", json!({"prompt": "look around", "subagent_type": "general"})),
    ]
}

#[test]
fn every_tool_gets_every_decision() {
    let sandbox = Sandbox::new();
    for (tool, input) in tools() {
        for point in ["allow", "ask", "deny"] {
            let outcome = sandbox.run(&["hook", "claude-code", "--operating-point", point], before(tool, &input));
            assert_eq!(decision(&outcome), point, "{tool}");
        }
    }
}

#[test]
fn the_session_s_mode_is_kept_in_mind() {
    let sandbox = Sandbox::new();
    let reply = |mode, point| {
        let input = before_in(mode, "Bash", &json!({"command": "ls"}));
        sandbox.run(&["hook", "claude-code", "--operating-point", point], input)
    };
    for mode in ["dontAsk", "bypassPermissions"] {
        assert_eq!(decision(&reply(mode, "ask")), "deny");
        assert_eq!(decision(&reply(mode, "allow")), "allow");
    }
    let silent = reply("plan", "allow");
    assert_eq!((silent.code, silent.stdout.as_str()), (Some(0), ""));
    assert_eq!(decision(&reply("plan", "deny")), "deny");
}

#[test]
fn a_poisoned_output_is_warned_of_and_a_clean_one_is_not() {
    let sandbox = Sandbox::new();
    let run =
        |point| sandbox.run(&["hook", "claude-code", "--operating-point", point], after(&json!({"result": "hello"})));
    let poisoned = run("deny");
    assert_eq!(poisoned.code, Some(0), "{poisoned:?}");
    let reply: Value = serde_json::from_str(&poisoned.stdout).unwrap();
    assert_eq!(reply["hookSpecificOutput"]["hookEventName"], "PostToolUse");
    assert!(reply["hookSpecificOutput"]["additionalContext"].as_str().unwrap().starts_with("riskgate warning"));
    let clean = run("allow");
    assert_eq!((clean.code, clean.stdout.as_str()), (Some(0), ""));
}

#[test]
fn other_events_are_none_of_our_business() {
    let outcome = Sandbox::new().run(&["hook", "claude-code"], r#"{"hook_event_name":"Stop","session_id":"s"}"#);
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(0), ""));
}

#[test]
fn what_is_no_hook_call_stops() {
    let sandbox = Sandbox::new();
    let inputs: [(&str, Vec<u8>); 9] = [
        ("nothing", Vec::new()),
        ("garbage", b"rm -rf ~".to_vec()),
        ("half a call", b"{\"hook_event_name\":\"PreToolUse\",".to_vec()),
        ("no event", b"{\"tool_name\":\"Bash\"}".to_vec()),
        ("no tool", b"{\"hook_event_name\":\"PreToolUse\"}".to_vec()),
        ("a list", b"[]".to_vec()),
        ("no text", b"{\"hook_event_name\":\"PreToolUse\",\"tool_name\":\"\xff\xfe\"}".to_vec()),
        (
            "deep",
            [
                b"{\"hook_event_name\":\"PreToolUse\",\"tool_name\":\"Bash\",\"tool_input\":".to_vec(),
                vec![b'['; 10_000],
            ]
            .concat(),
        ),
        (
            "17 MiB",
            [b"{\"hook_event_name\":\"PreToolUse\",\"x\":\"".to_vec(), vec![b'x'; 17 << 20], b"\"}".to_vec()].concat(),
        ),
    ];
    for (name, input) in inputs {
        assert_stopped(name, &sandbox.run(&["hook", "claude-code", "--operating-point", "allow"], input));
    }
}

#[test]
fn a_deadline_that_passes_stops_the_call() {
    let sandbox = Sandbox::new();
    let call = before("Bash", &json!({"command": "ls"}));
    let outcome = sandbox.run(&["hook", "claude-code", "--operating-point", "allow", "--deadline-ms", "1"], call);
    assert_stopped("1 ms", &outcome);
    assert!(outcome.stderr.contains("1 ms"), "{}", outcome.stderr);
}

#[test]
fn an_input_that_never_comes_is_given_up() {
    let sandbox = Sandbox::new();
    let mut child = sandbox.command(&["hook", "claude-code", "--deadline-ms", "200"]).spawn().unwrap();
    let open = child.stdin.take().unwrap();
    let started = Instant::now();
    let outcome = crate::support::outcome(child);
    assert!(started.elapsed() < Duration::from_secs(5));
    drop(open);
    assert_stopped("silence", &outcome);
}

#[test]
fn a_harness_s_environment_tells_the_workspace() {
    let sandbox = Sandbox::new();
    let call = before("Bash", &json!({"command": "ls"}));
    let mut command = sandbox.command(&["hook", "claude-code", "--operating-point", "allow"]);
    command.env("CLAUDE_PROJECT_DIR", "/home/me/src");
    assert_eq!(decision(&finish(command, call.as_bytes())), "allow");
}

#[test]
fn a_project_cannot_choose_its_judge() {
    let sandbox = Sandbox::new();
    let (project, call) = (sandbox.path("project"), before("Bash", &json!({"command": "ls"})));
    fs::create_dir_all(project.join(".claude")).unwrap();
    let hook = |settings: &str| {
        fs::write(project.join(".claude/settings.json"), settings).unwrap();
        let mut command = sandbox.command(&["hook", "claude-code", "--operating-point", "allow"]);
        command.env("CLAUDE_PROJECT_DIR", &project);
        finish(command, call.as_bytes())
    };
    assert_eq!(decision(&hook(r#"{"env": {"RUST_LOG": "info"}}"#)), "allow");
    assert_stopped("our variable", &hook(r#"{"env": {"RISKGATE_OPERATING_POINT": "allow"}}"#));
    assert_stopped("no settings", &hook("{"));
}

#[test]
fn a_missing_bundle_stops_the_call() {
    let sandbox = Sandbox::new();
    let call = before("Bash", &json!({"command": "ls"}));
    assert_stopped("no bundle", &sandbox.run(&["hook", "claude-code", "--model", "./nowhere"], &call));
    assert_stopped("no runtime", &sandbox.run(&["hook", "claude-code", "--runtime", "/nowhere/lib.so"], &call));
    assert_stopped("no device", &sandbox.run(&["hook", "claude-code", "--device", "cuda"], &call));
    assert_stopped("no point", &sandbox.run(&["hook", "claude-code", "--operating-point", "x"], &call));
}

#[test]
fn hostile_calls_are_answered_or_stopped() {
    let sandbox = Sandbox::new();
    for (name, command) in hostile::commands() {
        let call = before("Bash", &json!({"command": command}));
        let outcome = sandbox.run(&["hook", "claude-code", "--deadline-ms", "60000"], call);
        assert!(matches!(outcome.code, Some(0 | 2)), "{name}: {:?} {}", outcome.code, outcome.stderr);
        assert!(outcome.code == Some(2) || outcome.stdout.contains("permissionDecision"), "{name}: {outcome:?}");
    }
}
