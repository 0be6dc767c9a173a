//! riskgate in a harness's settings file, put in and taken out by the binary.

use std::fs;

use serde_json::{Value, json};

use crate::support::Sandbox;

const SETTINGS: &str = "home/.claude/settings.json";

fn settings(sandbox: &Sandbox) -> Value {
    serde_json::from_slice(&fs::read(sandbox.path(SETTINGS)).unwrap()).unwrap()
}

fn write(sandbox: &Sandbox, text: &str) {
    fs::create_dir_all(sandbox.path("home/.claude")).unwrap();
    fs::write(sandbox.path(SETTINGS), text).unwrap();
}

#[test]
fn what_is_installed_calls_this_program_and_can_be_taken_out() {
    let sandbox = Sandbox::new();
    let before = json!({"model": "x", "hooks": {"Stop": [{"hooks": [{"type": "command", "command": "/bin/true"}]}]}});
    write(&sandbox, &before.to_string());
    for said in ["changed", "as it was"] {
        let outcome = sandbox.run(&["install", "claude-code"], "");
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        assert!(outcome.stdout.contains(said), "{outcome:?}");
    }
    let hook = settings(&sandbox)["hooks"]["PreToolUse"][0]["hooks"][0].clone();
    assert_eq!(hook["args"], json!(["hook", "claude-code"]));
    // The installed line answers a call.
    let program = hook["command"].as_str().unwrap().to_owned();
    assert_eq!(fs::canonicalize(program).unwrap(), fs::canonicalize(env!("CARGO_BIN_EXE_riskgate")).unwrap());
    assert_eq!(sandbox.run(&["uninstall", "claude-code"], "").code, Some(0));
    assert_eq!(settings(&sandbox), before);
}

#[test]
fn a_dry_run_shows_and_changes_nothing() {
    let sandbox = Sandbox::new();
    let outcome = sandbox.run(&["install", "claude-code", "--dry-run"], "");
    let shown: Value = serde_json::from_str(&outcome.stdout).unwrap();
    for event in ["PreToolUse", "PostToolUse", "PostToolUseFailure"] {
        assert_eq!(shown["hooks"][event][0]["matcher"], "*", "{event}");
    }
    assert!(!sandbox.path(SETTINGS).exists());
}

#[test]
fn a_file_that_is_not_understood_is_left_alone() {
    let sandbox = Sandbox::new();
    for text in ["{\"hooks\": 1}", "[]", "{ // a comment\n}", "{\"hooks\": {\"PreToolUse\": 1}}"] {
        write(&sandbox, text);
        let outcome = sandbox.run(&["install", "claude-code"], "");
        assert_eq!(outcome.code, Some(1), "{text}: {outcome:?}");
        assert_eq!(fs::read_to_string(sandbox.path(SETTINGS)).unwrap(), text);
    }
}

#[test]
fn hooks_that_are_turned_off_are_told_of() {
    let sandbox = Sandbox::new();
    write(&sandbox, "{\"disableAllHooks\": true}");
    let outcome = sandbox.run(&["install", "claude-code"], "");
    assert!(outcome.stderr.contains("disableAllHooks"), "{outcome:?}");
}

#[cfg(unix)]
#[test]
fn a_linked_file_stays_linked_and_keeps_its_permissions() {
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    let sandbox = Sandbox::new();
    fs::create_dir_all(sandbox.path("home/.claude")).unwrap();
    let real = sandbox.path("dotfiles.json");
    fs::write(&real, "{}").unwrap();
    fs::set_permissions(&real, fs::Permissions::from_mode(0o600)).unwrap();
    symlink(&real, sandbox.path(SETTINGS)).unwrap();
    assert_eq!(sandbox.run(&["install", "claude-code"], "").code, Some(0));
    assert!(fs::symlink_metadata(sandbox.path(SETTINGS)).unwrap().is_symlink());
    assert_eq!(fs::metadata(&real).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(settings(&sandbox)["hooks"].is_object());
}
