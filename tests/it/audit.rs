//! The log of decisions through the doors that everyone uses: who writes it, what the commands say of it, and that a log that
//! cannot be written stops what would have gone unseen.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::hook::{assert_stopped, before};
use crate::support::{Outcome, Sandbox, masked};

fn log(sandbox: &Sandbox) -> PathBuf {
    sandbox.path("home/.local/state/riskgate/audit")
}

fn settings(sandbox: &Sandbox, text: &str) {
    let folder = sandbox.path("config/riskgate");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("config.toml"), text).unwrap();
}

fn hook(sandbox: &Sandbox, command: &str, point: &str) -> Outcome {
    sandbox.run(&["hook", "claude-code", "--operating-point", point], before("Bash", &json!({"command": command})))
}

fn permission(outcome: &Outcome) -> String {
    let reply: Value = serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome:?}"));
    reply["hookSpecificOutput"]["permissionDecision"].as_str().unwrap().to_owned()
}

#[track_caller]
fn audit(sandbox: &Sandbox, arguments: &[&str]) -> Outcome {
    sandbox.run(&[&["audit"], arguments].concat(), "")
}

#[track_caller]
fn shown(sandbox: &Sandbox, arguments: &[&str]) -> Vec<Value> {
    let outcome = audit(sandbox, &[&["show", "--json"], arguments].concat());
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    outcome.records()
}

#[test]
fn hooks_are_recorded_and_found_again() {
    let sandbox = Sandbox::new();
    assert_eq!(permission(&hook(&sandbox, "ls -l", "allow")), "allow");
    assert_eq!(permission(&hook(&sandbox, "git push --force", "ask")), "ask");
    assert_eq!(permission(&hook(&sandbox, "rm -rf build", "deny")), "deny");
    let all = shown(&sandbox, &[]);
    let verdicts: Vec<&Value> = all.iter().map(|record| &record["decision"]["verdict"]).collect();
    assert_eq!(verdicts, ["allow", "ask", "deny"]);
    assert!(all.iter().all(|record| record["who"]["harness"] == "claude-code"));
    let session = all[1]["who"]["session"].as_str().unwrap();
    let find = |arguments: &[&str]| shown(&sandbox, arguments).len();
    assert_eq!(find(&["--verdict", "deny"]), 1);
    assert_eq!(find(&["--tool", "Bash", "--since", "1h"]), 3);
    assert_eq!(find(&["--tool", "Bash", "--session", session]), 1);
    assert_eq!(
        (find(&["--tool", "Edit"]), find(&["--until", "2020-01-01T00:00:00Z"]), find(&["--last", "2"])),
        (0, 0, 2)
    );
    assert_eq!(find(&["--contains", "push"]), 1);
    let verified = audit(&sandbox, &["verify"]);
    assert_eq!(verified.code, Some(0), "{verified:?}");
    assert!(verified.stdout.starts_with("sound: 5 records in 1 segments, 2 checkpoints\nhead  5 "), "{verified:?}");
    assert_eq!(audit(&sandbox, &["show", "--since", "soon"]).code, Some(1));
}

#[test]
fn a_change_is_shown_by_verify_and_by_show() {
    let sandbox = Sandbox::new();
    hook(&sandbox, "ls -l", "allow");
    hook(&sandbox, "rm -rf build", "deny");
    let head = audit(&sandbox, &["verify", "--json"]).records().remove(0)["head"]["hash"].as_str().unwrap().to_owned();
    assert_eq!(audit(&sandbox, &["verify", "--expect", &head]).code, Some(0));
    let file = log(&sandbox).join("0000000001.jsonl");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("rm -rf build", "rm -rf dist!")).unwrap();
    let outcome = audit(&sandbox, &["verify"]);
    assert_eq!(outcome.code, Some(1));
    insta::assert_snapshot!(masked(&outcome.stdout), @r"
    BAD   0000000001.jsonl:4  record 4 was edited: its content does not fit its hash  (edited)
    NOT SOUND: 4 records in 1 segments, 2 checkpoints
    head  4 [hash]
    ");
    assert!(audit(&sandbox, &["show"]).stdout.trim_end().ends_with("CHANGED"));
}

#[test]
fn what_is_asked_for_is_recorded_and_nothing_else() {
    let sandbox = Sandbox::new();
    sandbox.run(&["score", "--command", "ls"], "");
    assert!(!log(&sandbox).exists());
    sandbox.run(&["score", "--audit", "--command", "ls"], "");
    sandbox.run(&["score", "--audit"], "{\"id\":1,\"tool\":\"Bash\",\"input\":{\"command\":\"pwd\"}}\n");
    assert_eq!(shown(&sandbox, &[]).len(), 2);
    settings(&sandbox, "[audit]\nenabled = false\n");
    hook(&sandbox, "ls", "allow");
    assert_eq!(shown(&sandbox, &[]).len(), 2);
    settings(&sandbox, "[audit]\nenabled = perhaps\n");
    assert_eq!(hook(&sandbox, "ls", "allow").code, Some(2));
}

#[test]
fn what_cannot_be_recorded_is_not_let_through() {
    let sandbox = Sandbox::new();
    fs::create_dir_all(sandbox.path("home/.local/state/riskgate")).unwrap();
    // No folder can be made where a file is.
    fs::write(log(&sandbox), "").unwrap();
    let outcome = hook(&sandbox, "ls -l", "allow");
    assert_eq!(permission(&outcome), "ask");
    assert!(outcome.stdout.contains("could not be recorded"), "{outcome:?}");
}

#[test]
fn a_call_that_nothing_could_judge_is_recorded_too() {
    let sandbox = Sandbox::new();
    let outcome =
        sandbox.run(&["hook", "claude-code", "--model", "nowhere"], before("Bash", &json!({"command": "ls"})));
    assert_stopped("no bundle", &outcome);
    let record = shown(&sandbox, &[]).remove(0);
    assert_eq!((&record["decision"]["verdict"], &record["decision"]["source"]), (&json!("deny"), &json!("fail_safe")));
    assert_eq!((&record["who"]["harness"], &record["thresholds"]), (&json!("claude-code"), &Value::Null));
}

#[test]
fn a_logged_decision_is_made_again_to_the_last_bit() {
    let sandbox = Sandbox::new();
    hook(&sandbox, "git push --force", "ask");
    let id = shown(&sandbox, &[])[0]["id"].as_str().unwrap().to_owned();
    // The thresholds are the record's own, whatever is in force now.
    let outcome = audit(&sandbox, &["explain", &id, "--operating-point", "allow"]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    assert!(outcome.stdout.ends_with("reproduced: the same to the last bit\n"), "{outcome:?}");
    let json = audit(&sandbox, &["explain", &id, "--json"]).records().remove(0);
    assert_eq!(json["comparison"], json!({"reproduced": true}));
    assert_eq!(json["now"]["verdict"], "ask");
}

#[test]
fn what_cannot_be_made_again_says_why() {
    let sandbox = Sandbox::new();
    hook(&sandbox, "export AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE", "ask");
    settings(&sandbox, "[audit]\nkeep_text = false\n");
    hook(&sandbox, "git push --force", "ask");
    let records = shown(&sandbox, &[]);
    let explain = |index: usize| audit(&sandbox, &["explain", records[index]["id"].as_str().unwrap()]);
    let (redacted, unkept) = (explain(0), explain(1));
    assert_eq!((redacted.code, unkept.code), (Some(1), Some(1)));
    assert!(
        redacted.stdout.contains("cannot be reproduced: the call was not kept whole: it held secrets"),
        "{redacted:?}"
    );
    assert!(unkept.stdout.contains("not kept whole: the settings keep no text"), "{unkept:?}");
    assert!(!fs::read_to_string(log(&sandbox).join("0000000001.jsonl")).unwrap().contains("AKIAIOSFODNN7EXAMPLE"));
    settings(&sandbox, "");
    hook(&sandbox, "ls", "ask");
    let last = shown(&sandbox, &[]).pop().unwrap();
    sandbox.change_manifest(|manifest| manifest["version"] = json!("9"));
    let other = audit(&sandbox, &["explain", last["id"].as_str().unwrap()]);
    assert!(other.stdout.contains("it was judged with the bundle"), "{other:?}");
    assert_eq!(audit(&sandbox, &["explain", "nothing"]).code, Some(1));
}

#[test]
fn decisions_are_counted_and_exported() {
    let sandbox = Sandbox::new();
    hook(&sandbox, "ls -l", "allow");
    hook(&sandbox, "git push --force", "ask");
    let stats = audit(&sandbox, &["stats", "--json"]).records().remove(0);
    assert_eq!((&stats["n_decisions"], &stats["verdicts"]), (&json!(2), &json!({"allow": 1, "ask": 1})));
    assert_eq!(stats["tools"], json!({"Bash": {"allow": 1, "ask": 1}}));
    assert_eq!(stats["latency"]["n"], 2);
    assert!(audit(&sandbox, &["stats"]).stdout.contains("by source"));
    let exported = audit(&sandbox, &["export"]).records().remove(0);
    let logs = exported.pointer("/resourceLogs/0/scopeLogs/0/logRecords").unwrap().as_array().unwrap();
    assert_eq!(logs.len(), 2);
    assert_eq!((&logs[1]["severityText"], &logs[1]["severityNumber"]), (&json!("WARN"), &json!(13)));
    assert!(logs[0]["timeUnixNano"].as_str().unwrap().parse::<u64>().unwrap() > 1_700_000_000_000_000_000);
    let file = sandbox.path("out.jsonl");
    let outcome =
        audit(&sandbox, &["export", "--format", "jsonl", "--output", file.to_str().unwrap(), "--verdict", "ask"]);
    assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), "1 decisions\n"));
    assert_eq!(fs::read_to_string(file).unwrap().lines().count(), 1);
}

/// The commands of the README's section, as they stand there.
#[test]
fn the_commands_of_the_readme_work() {
    let readme = include_str!("../../README.md");
    let section = readme.split("\n## The record of decisions\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let block = section.split("```sh\n").nth(1).unwrap().split("```").next().unwrap();
    let sandbox = Sandbox::new();
    hook(&sandbox, "git push --force", "ask");
    let id = shown(&sandbox, &[])[0]["id"].as_str().unwrap().to_owned();
    let head = audit(&sandbox, &["verify", "--json"]).records().remove(0)["head"]["hash"].as_str().unwrap().to_owned();
    let mut n_commands = 0;
    for line in block.lines() {
        let command = line.split('#').next().unwrap().replace("$ID", &id).replace("$HASH", &head);
        let words: Vec<&str> = command.split_whitespace().collect();
        let Some(("riskgate", arguments)) = words.split_first().map(|(first, rest)| (*first, rest)) else { continue };
        let outcome = sandbox.run(arguments, "");
        assert_eq!(outcome.code, Some(0), "{command}: {outcome:?}");
        n_commands += 1;
    }
    assert!(n_commands >= 6, "{n_commands}");
}

#[test]
fn a_change_of_the_mode_is_a_record_of_the_chain_and_no_decision() {
    let sandbox = Sandbox::new();
    hook(&sandbox, "ls -l", "allow");
    for mode in ["monitor", "enforce"] {
        let outcome = sandbox.run(&["mode", mode], "");
        assert_eq!((outcome.code, outcome.stderr.as_str()), (Some(0), ""), "{outcome:?}");
        assert!(outcome.stdout.contains(log(&sandbox).to_str().unwrap()), "{outcome:?}");
    }
    assert!(!sandbox.path("home/.local/state/riskgate/changes.jsonl").exists());
    let kinds: Vec<Value> = shown(&sandbox, &[]).into_iter().map(|record| record["kind"].clone()).collect();
    assert_eq!(kinds, ["decision", "mode", "mode"]);
    let change = shown(&sandbox, &["--last", "2"]).remove(0);
    assert_eq!((&change["from"], &change["to"]), (&json!("enforce"), &json!("monitor")));
    assert!(change["file"].as_str().unwrap().ends_with("config.toml"), "{change}");
    assert!(audit(&sandbox, &["show"]).stdout.contains("enforce → monitor"));
    assert_eq!(shown(&sandbox, &["--verdict", "allow"]).len(), 1);
    let counted = audit(&sandbox, &["stats", "--json"]).records().remove(0);
    assert_eq!(counted["n_decisions"], 1);
    let exported = audit(&sandbox, &["export", "--format", "jsonl"]);
    assert_eq!((exported.records().len(), exported.stderr.trim()), (3, "1 decisions, 2 changes of the mode"));
    assert_eq!(audit(&sandbox, &["verify"]).code, Some(0));
    // What is taken out is missed.
    let segment = log(&sandbox).join("0000000001.jsonl");
    let text = fs::read_to_string(&segment).unwrap();
    let without: Vec<&str> = text.lines().filter(|line| !line.contains("\"to\":\"monitor\"")).collect();
    fs::write(&segment, format!("{}\n", without.join("\n"))).unwrap();
    assert_eq!(audit(&sandbox, &["verify"]).code, Some(1));
}

#[test]
fn a_change_of_the_mode_that_the_log_cannot_take_is_noted_elsewhere_and_said_aloud() {
    for text in ["[audit]\nenabled = false\n", "[audit]\nfolder = \"/dev/null/no\"\n"] {
        let sandbox = Sandbox::new();
        settings(&sandbox, text);
        let outcome = sandbox.run(&["mode", "monitor"], "");
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        assert!(outcome.stderr.contains("not in the log of decisions"), "{outcome:?}");
        let noted = fs::read_to_string(sandbox.path("home/.local/state/riskgate/changes.jsonl")).unwrap();
        assert!(noted.contains("\"to\":\"monitor\""), "{noted}");
    }
}

/// A harness lets a call run whose hook takes too long: ten seconds, as the README has it.
#[test]
fn a_lock_that_somebody_holds_is_waited_for_no_longer_than_the_decision_has_time() {
    let sandbox = Sandbox::new();
    hook(&sandbox, "ls", "allow");
    let lock = fs::File::open(log(&sandbox).join("lock")).unwrap();
    lock.lock().unwrap();
    let started = Instant::now();
    let arguments = ["hook", "claude-code", "--operating-point", "allow", "--deadline-ms", "2500"];
    let outcome = sandbox.run(&arguments, before("Bash", &json!({"command": "ls"})));
    assert!(started.elapsed() < Duration::from_secs(6), "{:?}", started.elapsed());
    assert!(outcome.code == Some(2) || permission(&outcome) == "ask", "{outcome:?}");
    let verified = audit(&sandbox, &["verify"]);
    assert!(started.elapsed() < Duration::from_secs(25), "{:?}", started.elapsed());
    assert!(verified.code == Some(1) && verified.stderr.contains("lock"), "{verified:?}");
}
