//! The past under other settings, and the rules that it suggests: the log, transcripts and records through the commands, what
//! each may never do, and damage of every kind.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

use crate::support::{Outcome, Sandbox, masked};

// ── The past, made ──────────────────────────────────────────────────────────────────────────────────────────────────────

const SESSION: &str = "6f1c-0";
const CWD: &str = "/home/me/src/app";

/// A sandbox whose model finds every action harmless but not surely so: at the point `ask` all are asked about.
fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    calibrate(&sandbox, |_| {});
    sandbox
}

/// Scores that do not depend on the action.
fn calibrate(sandbox: &Sandbox, change: impl FnOnce(&mut Value)) {
    let fixed = |log_odds: f64| json!({"a": 1e-9, "b": log_odds});
    sandbox.change_manifest(|manifest| {
        let calibration = &mut manifest["calibration"];
        calibration["risk"]["stop"] = fixed(0.0);
        calibration["risk"]["deny"] = fixed(-3.0);
        calibration["injection"] = fixed(-6.0);
        calibration["effects"].as_array_mut().unwrap().iter_mut().for_each(|effect| *effect = fixed(-6.0));
        change(calibration);
    });
}

fn hook(sandbox: &Sandbox, point: &str, event: &Value) -> Outcome {
    sandbox.run(&["hook", "claude-code", "--operating-point", point], event.to_string())
}

fn event(name: &str, id: &str, command: &str) -> Value {
    json!({
        "session_id": SESSION, "cwd": CWD, "permission_mode": "default", "hook_event_name": name, "tool_name": "Bash",
        "tool_use_id": id, "tool_input": {"command": command}, "tool_response": {"stdout": "done"},
    })
}

/// A call that was asked about, and whether it then ran.
fn asked(sandbox: &Sandbox, id: &str, command: &str, ran: bool) {
    let outcome = hook(sandbox, "ask", &event("PreToolUse", id, command));
    assert!(outcome.stdout.contains("\"ask\""), "{outcome:?}");
    if ran {
        assert_eq!(hook(sandbox, "ask", &event("PostToolUse", id, command)).code, Some(0));
    }
}

fn settings(sandbox: &Sandbox, text: &str) {
    let folder = sandbox.path("config/riskgate");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("config.toml"), text).unwrap();
}

/// The point at which the sandbox's settings stand.
fn settle_at(sandbox: &Sandbox, point: &str) {
    settings(sandbox, &format!("[thresholds]\nname = \"{point}\"\n"));
}

fn log(sandbox: &Sandbox) -> PathBuf {
    sandbox.path("home/.local/state/riskgate/audit")
}

/// Every file below a folder with its contents.
fn contents(folder: &Path) -> BTreeMap<PathBuf, Vec<u8>> {
    let mut found = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => found.extend(contents(&path)),
            false => drop(found.insert(path.clone(), fs::read(&path).unwrap())),
        }
    }
    found
}

fn replay(sandbox: &Sandbox, arguments: &[&str]) -> Outcome {
    sandbox.run(&[&["audit", "replay"], arguments].concat(), "")
}

#[track_caller]
fn json_of(outcome: &Outcome) -> Value {
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome:?}"))
}

fn replayed(sandbox: &Sandbox, arguments: &[&str]) -> Value {
    json_of(&replay(sandbox, &[&["--json"], arguments].concat()))
}

fn suggest(sandbox: &Sandbox, arguments: &[&str]) -> Outcome {
    sandbox.run(&[&["suggest"], arguments].concat(), "")
}

fn suggested(sandbox: &Sandbox, arguments: &[&str]) -> Value {
    json_of(&suggest(sandbox, &[&["--json"], arguments].concat()))
}

/// A call of a transcript: id, command, and the result's text with whether it is an error.
type Called<'a> = (&'a str, &'a str, Option<(&'a str, bool)>);

fn transcript(calls: &[Called<'_>]) -> String {
    let line = |kind: &str, content: Value| {
        json!({"type": kind, "sessionId": SESSION, "cwd": CWD, "timestamp": "2026-11-27T10:00:00.000Z", "permissionMode": "default",
               "message": {"role": kind, "content": content}})
        .to_string()
    };
    let mut lines = vec![line("user", json!("tidy up, please"))];
    for (id, command, result) in calls {
        let block = json!({"type": "tool_use", "id": id, "name": "Bash", "input": {"command": command}});
        lines.push(line("assistant", json!([block])));
        if let Some((text, is_error)) = result {
            let block = json!({"type": "tool_result", "tool_use_id": id, "content": text, "is_error": is_error});
            lines.push(line("user", json!([block])));
        }
    }
    lines.join("\n") + "\n"
}

const RAN: Option<(&str, bool)> = Some(("done", false));
const REFUSED: Option<(&str, bool)> =
    Some(("The user doesn't want to proceed with this tool use. The tool use was rejected.", true));

/// The transcripts in the place where Claude Code keeps them.
fn keep(sandbox: &Sandbox, name: &str, text: impl AsRef<[u8]>) -> PathBuf {
    let folder = sandbox.path("home/.claude/projects/-home-me-src-app");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join(name), text).unwrap();
    folder
}

/// The same command so many times, each time run.
fn often<'a>(ids: &'a [String], command: &'a str) -> Vec<Called<'a>> {
    ids.iter().map(|id| (id.as_str(), command, RAN)).collect()
}

fn ids(n: usize) -> Vec<String> {
    (0..n).map(|n| format!("toolu_{n}")).collect()
}

// ── audit replay ────────────────────────────────────────────────────────────────────────────────────────────────────────

#[test]
fn the_same_settings_change_nothing_and_others_are_summed() {
    let sandbox = sandbox();
    for (index, command) in ["ls -l", "git push --force", "git push --force"].iter().enumerate() {
        asked(&sandbox, &format!("t{index}"), command, index == 0);
    }
    settle_at(&sandbox, "ask");
    let before = contents(&log(&sandbox));
    let same = replayed(&sandbox, &[]);
    assert_eq!(same["summary"]["table"], json!([[0, 0, 0], [0, 3, 0], [0, 0, 0]]));
    assert_eq!((&same["summary"]["groups"], &same["summary"]["scored_now"]), (&json!([]), &json!(0)));
    assert_eq!((&same["compared"], &same["summary"]["texts"]["texts"]), (&json!("logged"), &json!(1)));

    let loose = replayed(&sandbox, &["--thresholds", "allow", "--list"]);
    assert_eq!(loose["summary"]["table"], json!([[0, 0, 0], [3, 0, 0], [0, 0, 0]]));
    assert_eq!(loose["summary"]["interruptions"], json!({"before": 3.0, "after": 0.0}));
    let expected = loose["summary"]["expected_dangerous_allowed"]["after"].as_f64().unwrap();
    assert!((expected - 3.0 * 0.047_426).abs() < 1e-5, "{expected}");
    let groups: Vec<(&str, u64)> = loose["summary"]["groups"]
        .as_array()
        .unwrap()
        .iter()
        .map(|group| (group["name"].as_str().unwrap(), group["actions"].as_u64().unwrap()))
        .collect();
    assert_eq!(groups, [("Bash git", 2), ("Bash ls", 1)]);
    assert_eq!(loose["changes"].as_array().unwrap().len(), 3);
    let strict = replayed(&sandbox, &["--thresholds", "allow_below=0.0, deny_above=0.01"]);
    assert_eq!(strict["summary"]["table"], json!([[0, 0, 0], [0, 0, 3], [0, 0, 0]]));
    // An operating point may also be named as everywhere else, and nobody to be asked is a setting, too.
    let headless = replayed(&sandbox, &["--operating-point", "ask", "--no-ask"]);
    assert_eq!(headless["summary"]["table"], json!([[0, 0, 0], [0, 0, 3], [0, 0, 0]]));
    assert_eq!(contents(&log(&sandbox)), before, "the log was written to");
}

#[test]
fn the_summary_reads_as_people_do() {
    let sandbox = sandbox();
    asked(&sandbox, "t0", "git push --force", true);
    settle_at(&sandbox, "ask");
    let outcome = replay(&sandbox, &["--thresholds", "allow", "--list"]);
    let home = sandbox.path("home").display().to_string();
    let text = outcome.stdout.replace(&home, "~");
    let id = text.split("  (").nth(1).unwrap().split(')').next().unwrap().to_owned();
    insta::assert_snapshot!(masked(&text.replace(&id, "[id]")), @r"
    ask -> allow  git push --force  risk.allow  ([id])
    1 action on one day, from the log in ~/.local/state/riskgate/audit
    tiny@sha256:[hash]; rules default@sha256:[hash]; allow_below 0 -> 1; deny_above 1

    as logged             allow      ask     deny   with the new settings
                 allow        0        0        0
                   ask        1        0        0
                  deny        0        0        0

    questions               #.## -> #.## a day
    denials                 #.## -> #.## a day
    dangers allowed        #.## -> #.## in all, expected from the model's own probabilities
    warnings                  0 -> 0 of 1 texts that tools returned

    1 action would change
           1 x ask → allow   Bash git, by risk.allow
               git push --force  ([id])
    ");
}

#[test]
fn rules_are_tried_beside_the_present_ones_and_in_the_place_of_their_namesakes() {
    let sandbox = sandbox();
    asked(&sandbox, "t0", "git push --force", true);
    asked(&sandbox, "t1", "git status", true);
    settle_at(&sandbox, "ask");
    let rule = |id: &str, verdict: &str, program: &str| {
        let effect = if verdict == "allow" { "permit" } else { "forbid" };
        format!(
            "@id(\"{id}\")\n@verdict(\"{verdict}\")\n{effect} (principal, action, resource is Command)\nwhen {{ resource.text like \"{program}*\" }};\n"
        )
    };
    fs::create_dir_all(sandbox.path("config/riskgate/policy")).unwrap();
    fs::write(sandbox.path("config/riskgate/policy/mine.cedar"), rule("mine", "deny", "git status")).unwrap();
    fs::write(sandbox.path("new.cedar"), rule("new", "allow", "git push")).unwrap();
    fs::create_dir_all(sandbox.path("other")).unwrap();
    fs::write(sandbox.path("other/mine.cedar"), rule("mine", "allow", "git status")).unwrap();
    // The rule in force denies one; the new one lets the other through.
    let both = replayed(&sandbox, &["--policy", "new.cedar", "--list"]);
    assert_eq!(both["summary"]["table"], json!([[0, 0, 0], [1, 0, 1], [0, 0, 0]]));
    let whys: Vec<&str> = both["changes"].as_array().unwrap().iter().map(|row| row["why"].as_str().unwrap()).collect();
    assert_eq!(whys, ["policy.new", "policy.mine"]);
    let replaced = replayed(&sandbox, &["--policy", "new.cedar", "other/mine.cedar"]);
    assert_eq!(replaced["summary"]["table"], json!([[0, 0, 0], [2, 0, 0], [0, 0, 0]]));
    fs::write(sandbox.path("broken.cedar"), "permit (").unwrap();
    let broken = replay(&sandbox, &["--policy", "broken.cedar"]);
    assert_eq!(broken.code, Some(2), "{broken:?}");
}

#[test]
fn what_cannot_be_replayed_is_counted_and_never_guessed() {
    let sandbox = sandbox();
    settings(&sandbox, "[thresholds]\nname = \"ask\"\n[audit]\nkeep_text = false\n");
    asked(&sandbox, "t0", "git push --force", false);
    // The cuts alone need no text, the rules do.
    let cuts = replayed(&sandbox, &["--thresholds", "allow"]);
    assert_eq!((&cuts["summary"]["table"][1], &cuts["summary"]["unmade"]), (&json!([1, 0, 0]), &json!({})));
    fs::write(sandbox.path("new.cedar"), "@id(\"new\")\nforbid (principal, action, resource is Command);\n").unwrap();
    let rules = replayed(&sandbox, &["--policy", "new.cedar"]);
    assert_eq!((&rules["summary"]["table"][1], &rules["summary"]["unmade"]), (&json!([0, 1, 0]), &json!({"text": 1})));
    // Another model has other scores, and nothing to score.
    sandbox.change_manifest(|manifest| manifest["version"] = json!("9"));
    let other = replayed(&sandbox, &["--thresholds", "allow"]);
    assert_eq!((&other["summary"]["table"][1], &other["summary"]["unmade"]), (&json!([0, 1, 0]), &json!({"text": 1})));
}

#[test]
fn another_model_scores_what_was_kept_and_masked_secrets_are_not_scored() {
    let sandbox = sandbox();
    asked(&sandbox, "t0", "git push --force", false);
    asked(&sandbox, "t1", "export AWS_ACCESS_KEY_ID=AKIAIOSFODNN7EXAMPLE", false);
    settle_at(&sandbox, "ask");
    let same = replayed(&sandbox, &["--thresholds", "allow"]);
    assert_eq!((&same["summary"]["scored_now"], &same["summary"]["masked"]), (&json!(0), &json!(1)));
    sandbox.change_manifest(|manifest| manifest["version"] = json!("9"));
    let other = replayed(&sandbox, &["--thresholds", "allow"]);
    assert_eq!(other["summary"]["table"][1], json!([1, 1, 0]));
    assert_eq!((&other["summary"]["scored_now"], &other["summary"]["unmade"]), (&json!(1), &json!({"masked": 1})));
}

#[test]
fn a_changed_record_is_not_believed() {
    let sandbox = sandbox();
    asked(&sandbox, "t0", "git push --force", false);
    settle_at(&sandbox, "ask");
    let file = log(&sandbox).join("0000000001.jsonl");
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("git push --force", "git push --farce")).unwrap();
    let report = replayed(&sandbox, &["--thresholds", "allow"]);
    assert_eq!(
        (&report["summary"]["table"][1], &report["summary"]["unmade"]),
        (&json!([0, 1, 0]), &json!({"changed": 1}))
    );
}

#[test]
fn a_report_is_one_page_without_anything_from_elsewhere() {
    let sandbox = sandbox();
    asked(&sandbox, "t0", "echo '<script>alert(1)</script>'", false);
    settle_at(&sandbox, "ask");
    let outcome = replay(&sandbox, &["--thresholds", "allow", "--report", "report"]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let page = fs::read_to_string(sandbox.path("report/replay.html")).unwrap();
    for wanted in ["model's own probabilities", "new cut", "present cut", "&lt;script&gt;", "<svg"] {
        assert!(page.contains(wanted), "{wanted}");
    }
    for foreign in ["<script", "src=", "href=", "@import", "url("] {
        assert!(!page.contains(foreign), "{foreign}");
    }
    let figures: Value = serde_json::from_slice(&fs::read(sandbox.path("report/replay.json")).unwrap()).unwrap();
    assert_eq!(figures["summary"]["table"][1], json!([1, 0, 0]));
    for picture in ["replay_tradeoff.svg", "replay_cuts.svg"] {
        assert!(fs::read_to_string(sandbox.path("report").join(picture)).unwrap().starts_with("<svg"));
    }
}

#[test]
fn transcripts_are_judged_as_a_hook_would_have_and_compared_with_the_present_settings() {
    let sandbox = sandbox();
    settle_at(&sandbox, "ask");
    let calls = [("t1", "git fetch", RAN), ("t2", "git push --force", REFUSED), ("t3", "git status", None)];
    let folder = keep(&sandbox, "a.jsonl", transcript(&calls));
    // A session that was resumed begins with the lines of the old one.
    keep(&sandbox, "b.jsonl", transcript(&calls[..1]) + &transcript(&[("t4", "git log", RAN)]));
    let report = replayed(&sandbox, &["--transcripts", folder.to_str().unwrap(), "--thresholds", "allow", "--list"]);
    assert_eq!(
        (&report["summary"]["table"], &report["compared"]),
        (&json!([[0, 0, 0], [4, 0, 0], [0, 0, 0]]), &json!("present"))
    );
    assert_eq!(
        (&report["left_out"]["repeated_calls"], &report["summary"]["refused_and_allowed"]),
        (&json!(1), &json!(1))
    );
    assert_eq!(
        (&report["changes"][0]["id"], &report["changes"][0]["request"]),
        (&json!("t1"), &json!("tidy up, please"))
    );
    // Where Claude Code keeps them is where they are looked for.
    let usual = replayed(&sandbox, &["--transcripts", "--thresholds", "allow"]);
    assert_eq!(usual["summary"]["actions"], 4);
    let day = replayed(&sandbox, &["--transcripts", "--until", "2026-11-27T09:00:00Z"]);
    assert_eq!(day["summary"]["actions"], 0);
    assert!(!log(&sandbox).exists(), "a replay was recorded");
}

#[test]
fn damage_in_transcripts_is_counted_and_the_rest_is_read() {
    let sandbox = sandbox();
    settle_at(&sandbox, "ask");
    let mut text = transcript(&[("t1", "git fetch", RAN)]).into_bytes();
    text.extend(b"\xff\xfe not text\n{\"type\":\"assistant\",\"message\":{\"content\":[{\"type\":\"tool_use\n[1]\n\n");
    let mut deep = "[".repeat(5_000);
    deep.push('\n');
    text.extend(deep.as_bytes());
    // Longer than any line that is read.
    text.extend(b"{\"type\":\"user\",\"x\":\"");
    text.extend(std::iter::repeat_n(b'x', 17 * 1024 * 1024));
    text.extend(b"\"}\n");
    text.extend(transcript(&[("t2", "git pull", RAN)]).into_bytes());
    let folder = keep(&sandbox, "a.jsonl", &text);
    fs::create_dir_all(folder.join("sub.jsonl")).unwrap();
    #[cfg(unix)]
    std::os::unix::fs::symlink(&folder, folder.join("sub.jsonl/round")).unwrap();
    let report = replayed(&sandbox, &["--transcripts"]);
    assert_eq!(
        (&report["summary"]["actions"], &report["left_out"]["damaged_lines"]),
        (&json!(2), &json!(5)),
        "{report:#}"
    );
    let missing = replay(&sandbox, &["--transcripts", "nowhere"]);
    assert_eq!(missing.code, Some(1), "{missing:?}");
}

#[test]
fn a_torn_or_foreign_line_in_the_log_is_counted() {
    let sandbox = sandbox();
    asked(&sandbox, "t0", "git fetch", false);
    settle_at(&sandbox, "ask");
    let file = log(&sandbox).join("0000000001.jsonl");
    let mut log = fs::OpenOptions::new().append(true).open(file).unwrap();
    log.write_all(b"\xff\n{\"seq\":99,\"prev\":\"torn").unwrap();
    let report = replayed(&sandbox, &[]);
    assert_eq!((&report["summary"]["actions"], &report["left_out"]["damaged_lines"]), (&json!(1), &json!(2)));
}

#[test]
fn records_are_replayed_and_labels_say_what_was_dangerous() {
    let sandbox = sandbox();
    settle_at(&sandbox, "ask");
    let record = |id: &str, command: &str| json!({"id": id, "tool": "Bash", "input": {"command": command}, "time": "2026-11-27T10:00:00Z"});
    let records = format!("{}\n{}\nnonsense\n", record("a", "git fetch"), record("b", "git push --force"));
    fs::write(sandbox.path("labels.jsonl"), "{\"id\":\"b\",\"risk\":2}\n{\"id\":\"a\",\"risk\":0}\n").unwrap();
    let arguments =
        ["audit", "replay", "--json", "--list", "--input", "-", "--labels", "labels.jsonl", "--thresholds", "allow"];
    let report = json_of(&sandbox.run(&arguments, records));
    let labelled = &report["summary"]["labelled"];
    assert_eq!((&labelled["dangerous"], &labelled["allowed"]), (&json!(1), &json!({"before": 0, "after": 1})));
    assert_eq!((&report["changes"][0]["id"], &report["changes"][0]["dangerous"]), (&json!("b"), &json!(true)));
    assert_eq!((&report["left_out"]["damaged_lines"], &report["summary"]["active_days"]), (&json!(1), &json!(1)));
    assert!(report["sweep"]["allow"].as_array().unwrap().iter().all(|point| point["labelled_dangerous"].is_number()));
}

#[test]
fn what_a_person_types_wrong_is_said() {
    let sandbox = sandbox();
    for (arguments, words) in [
        (vec!["--thresholds", "nobody"], "no operating point named `nobody`"),
        (vec!["--thresholds", "allow_under=1"], "`allow_under` is no threshold"),
        (vec!["--thresholds", "none.toml"], "cannot read `none.toml`"),
        (vec!["--policy", "none.cedar"], "none.cedar"),
        (vec!["--since", "soon"], "neither a time"),
    ] {
        fs::create_dir_all(log(&sandbox)).unwrap();
        let outcome = replay(&sandbox, &arguments);
        assert!(outcome.code != Some(0) && outcome.stderr.contains(words), "{arguments:?}: {outcome:?}");
    }
}

#[test]
fn a_project_s_own_settings_hold_for_its_actions() {
    let sandbox = sandbox();
    settle_at(&sandbox, "allow");
    let project = sandbox.path("project");
    fs::create_dir_all(&project).unwrap();
    fs::write(project.join(".riskgate.toml"), "[thresholds]\nname = \"ask\"\n").unwrap();
    let record = |id: &str, cwd: &str| json!({"id": id, "tool": "Bash", "input": {"command": "git push"}, "context": {"cwd": cwd, "workspace": cwd}});
    let records = format!("{}\n{}\n", record("in", project.to_str().unwrap()), record("out", CWD));
    let report = json_of(&sandbox.run(&["audit", "replay", "--json", "--input", "-"], records));
    assert_eq!(report["summary"]["table"], json!([[1, 0, 0], [0, 1, 0], [0, 0, 0]]));
}

// ── suggest ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

#[test]
fn what_ran_each_time_after_a_question_is_suggested_from_the_log() {
    let sandbox = sandbox();
    for id in ids(3) {
        asked(&sandbox, &id, "git fetch --all", true);
    }
    asked(&sandbox, "x", "git pull", true);
    settle_at(&sandbox, "ask");
    let before = contents(&sandbox.path("home/.local"));
    let found = suggested(&sandbox, &[]);
    let suggestions = found["suggestions"].as_array().unwrap();
    assert_eq!(suggestions.len(), 1, "{found:#}");
    assert_eq!((&suggestions[0]["action"], &suggestions[0]["questions"]), (&json!("git fetch --all"), &json!(3)));
    assert_eq!((&suggestions[0]["folders"], &found["questions_too_rare"]), (&json!([CWD]), &json!(1)));
    let shown = suggest(&sandbox, &["--min", "1"]);
    assert!(
        shown.stdout.starts_with("--- /dev/null\n+++ ") && shown.stdout.contains("+permit (principal"),
        "{shown:?}"
    );
    assert!(shown.stderr.contains("2 rules would have spared 4 questions"), "{shown:?}");
    assert_eq!(contents(&sandbox.path("home/.local")), before, "something was written");
    assert!(!sandbox.path("config/riskgate/policy").exists());
}

#[test]
fn a_proposal_does_what_it_claims() {
    let sandbox = sandbox();
    let calls = ids(4);
    keep(&sandbox, "a.jsonl", transcript(&often(&calls, "git fetch --all")) + &transcript(&[("x", "git push", RAN)]));
    settle_at(&sandbox, "ask");
    let outcome = suggest(&sandbox, &["--transcripts", "--output", "proposal.cedar"]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let check = sandbox.run(&["policy", "check", "proposal.cedar"], "");
    assert!(check.stdout.ends_with("0 errors, 0 warnings\n"), "{check:?}");
    let report = replayed(&sandbox, &["--transcripts", "--policy", "proposal.cedar", "--list"]);
    assert_eq!(report["summary"]["table"], json!([[0, 0, 0], [4, 1, 0], [0, 0, 0]]));
    assert!(report["changes"][0]["why"].as_str().unwrap().starts_with("policy.suggested-"));
    // A file that is there is nobody's to overwrite.
    assert_eq!(suggest(&sandbox, &["--transcripts", "--output", "proposal.cedar"]).code, Some(1));
    // Put where rules are read from, it is no question any more.
    fs::create_dir_all(sandbox.path("config/riskgate/policy")).unwrap();
    fs::copy(sandbox.path("proposal.cedar"), sandbox.path("config/riskgate/policy/suggested.cedar")).unwrap();
    let again = suggested(&sandbox, &["--transcripts", "--min", "1"]);
    assert_eq!(again["suggestions"].as_array().unwrap().len(), 1, "{again:#}");
    let diff = again["diff"].as_str().unwrap();
    assert!(diff.contains("\n }\n") || diff.contains("\n };\n"), "the context of what stands there: {diff}");
}

/// Nothing is suggested for these calls; the reasons that are given.
#[track_caller]
fn never(sandbox: &Sandbox, calls: &[Called<'_>], why: &str) {
    settle_at(sandbox, "ask");
    keep(sandbox, "a.jsonl", transcript(calls));
    let found = suggested(sandbox, &["--transcripts", "--min", "1"]);
    assert_eq!(found["suggestions"], json!([]), "{found:#}");
    let left = found["questions_left"].as_object().unwrap();
    assert!(left.keys().any(|reason| reason.contains(why)), "`{why}` is not among {left:?}");
}

#[test]
fn never_what_was_refused_once() {
    let calls = ids(20);
    let mut all = often(&calls, "git fetch --all");
    all.push(("no", "git fetch --all", REFUSED));
    never(&sandbox(), &all, "refused");
}

#[test]
fn never_what_is_not_known_to_have_run() {
    never(
        &sandbox(),
        &[("t1", "git fetch --all", RAN), ("t2", "git fetch --all", None)],
        "refused, or not known to have run",
    );
}

#[test]
fn never_what_has_an_effect_that_is_to_be_denied() {
    let labels = [
        "data_destruction",
        "exfiltration",
        "credential_access",
        "untrusted_execution",
        "privilege_escalation",
        "persistence",
        "defense_evasion",
        "service_disruption",
        "exposure",
    ];
    let sandbox = sandbox();
    let manifest: Value = serde_json::from_slice(&fs::read(sandbox.bundle().join("manifest.json")).unwrap()).unwrap();
    let names: Vec<String> = serde_json::from_value(manifest["labels"]["effects"].clone()).unwrap();
    for label in labels {
        let place = names.iter().position(|name| name == label).unwrap();
        calibrate(&sandbox, |calibration| calibration["effects"][place] = json!({"a": 1e-9, "b": -0.8}));
        never(&sandbox, &often(&ids(3), "git fetch --all"), "may destroy data");
    }
}

#[test]
fn never_what_the_model_finds_dangerous() {
    let sandbox = sandbox();
    calibrate(&sandbox, |calibration| calibration["risk"]["deny"] = json!({"a": 1e-9, "b": -0.8}));
    never(&sandbox, &often(&ids(3), "git fetch --all"), "sees a danger");
}

#[test]
fn never_what_may_be_an_injection() {
    let sandbox = sandbox();
    calibrate(&sandbox, |calibration| calibration["injection"] = json!({"a": 1e-9, "b": -2.9}));
    never(&sandbox, &often(&ids(3), "git fetch --all"), "instructions to an agent");
}

#[test]
fn never_what_a_rule_or_a_floor_asks_about() {
    never(&sandbox(), &often(&ids(3), "cp hook.sh .git/hooks/pre-commit"), "a rule or a floor");
    never(&sandbox(), &often(&ids(3), "echo 'unclosed"), "a rule or a floor");
}

#[test]
fn never_what_a_rule_cannot_name_narrowly() {
    never(&sandbox(), &often(&ids(3), "git fetch --all && git push"), "each of its commands alone");
    never(&sandbox(), &often(&ids(3), "git log > notes.txt"), "what it writes");
    never(&sandbox(), &often(&ids(3), "frobnicate --all"), "not all of it was understood");
    never(&sandbox(), &often(&ids(3), "git fetch $REMOTE"), "only known when it runs");
    never(&sandbox(), &often(&ids(3), "GIT_SSH=x git fetch"), "variables, wrappers");
}

#[test]
fn never_from_what_nobody_was_asked_about() {
    let sandbox = sandbox();
    settle_at(&sandbox, "ask");
    let unasked = transcript(&often(&ids(5), "git fetch --all")).replace("\"default\"", "\"bypassPermissions\"");
    keep(&sandbox, "a.jsonl", unasked);
    assert_eq!(suggested(&sandbox, &["--transcripts", "--min", "1"])["suggestions"], json!([]));
    // A gate that only watches asks nobody, either.
    settings(&sandbox, "mode = \"monitor\"\n[thresholds]\nname = \"ask\"\n");
    for id in ids(3) {
        for name in ["PreToolUse", "PostToolUse"] {
            assert_eq!(hook(&sandbox, "ask", &event(name, &id, "git fetch --all")).stdout, "");
        }
    }
    assert_eq!(suggested(&sandbox, &["--min", "1"])["suggestions"], json!([]));
}

#[test]
fn never_what_does_something_else_when_it_is_tried() {
    let sandbox = sandbox();
    settle_at(&sandbox, "ask");
    keep(&sandbox, "a.jsonl", transcript(&often(&ids(3), "git fetch --all")));
    let found = suggested(&sandbox, &["--transcripts"]);
    let id = found["suggestions"][0]["id"].as_str().unwrap();
    // Its name is taken: with this rule beside it no rule could be used at all.
    let other = format!(
        "@id(\"{id}\")\nforbid (principal, action, resource is Command)\nwhen {{ resource.program == \"dd\" }};\n"
    );
    fs::create_dir_all(sandbox.path("config/riskgate/policy")).unwrap();
    fs::write(sandbox.path("config/riskgate/policy/other.cedar"), other).unwrap();
    let tried = suggested(&sandbox, &["--transcripts"]);
    assert_eq!((&tried["suggestions"], &tried["rules_dropped"]), (&json!([]), &json!(1)), "{tried:#}");
}

#[test]
fn records_that_say_what_became_of_them_are_enough() {
    let sandbox = sandbox();
    settle_at(&sandbox, "ask");
    let record = |id: usize, outcome: &str| json!({"id": id, "tool": "Bash", "input": {"command": "git fetch"}, "context": {"cwd": CWD, "workspace": CWD}, "outcome": outcome});
    let found = |outcomes: &[&str]| {
        let lines: Vec<String> =
            outcomes.iter().enumerate().map(|(id, outcome)| record(id, outcome).to_string()).collect();
        let found = json_of(&sandbox.run(&["suggest", "--json", "--input", "-", "--min", "2"], lines.join("\n")));
        found["questions_spared"].as_u64().unwrap()
    };
    assert_eq!(found(&["ran", "ran", "unasked"]), 2);
    assert_eq!(found(&["ran", "ran", "refused"]), 0);
    assert_eq!(found(&["ran", "ran", "who knows"]), 0);
    assert_eq!(found(&["unasked", "unasked"]), 0);
}

#[test]
fn a_proposal_is_never_written_where_rules_are_read_from() {
    let sandbox = sandbox();
    keep(&sandbox, "a.jsonl", transcript(&often(&ids(3), "git fetch --all")));
    settle_at(&sandbox, "ask");
    fs::create_dir_all(sandbox.path("config/riskgate/policy")).unwrap();
    fs::create_dir_all(sandbox.path(".riskgate/policy")).unwrap();
    let mut places = vec![
        "config/riskgate/policy/a.cedar",
        "config/riskgate/config2.toml",
        ".riskgate/policy/a.cedar",
        "config/riskgate/policy/../policy/a.cedar",
    ];
    #[cfg(unix)]
    {
        std::os::unix::fs::symlink(sandbox.path("config/riskgate/policy"), sandbox.path("link")).unwrap();
        places.push("link/a.cedar");
    }
    for place in places {
        let outcome = suggest(&sandbox, &["--transcripts", "--output", place]);
        assert!(outcome.code == Some(1) && outcome.stderr.contains("a person puts them there"), "{place}: {outcome:?}");
        assert!(!sandbox.path(place).exists());
    }
}

// ── The README ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/// The commands of the README's section, as they stand there.
#[test]
fn the_commands_of_the_readme_work() {
    let readme = include_str!("../../README.md");
    let section =
        readme.split("\n## What would another setting have done?\n").nth(1).unwrap().split("\n## ").next().unwrap();
    let block = section.split("```sh\n").nth(1).unwrap().split("```").next().unwrap();
    let sandbox = sandbox();
    for id in ids(3) {
        asked(&sandbox, &id, "git fetch --all", true);
    }
    keep(&sandbox, "a.jsonl", transcript(&often(&ids(3), "git fetch --all")));
    // The example's strict point is the sandbox's own.
    sandbox.change_manifest(|manifest| {
        manifest["operating_points"]["strict"] = manifest["operating_points"]["deny"].clone();
    });
    settle_at(&sandbox, "ask");
    let mut n_commands = 0;
    for line in block.lines() {
        let words: Vec<&str> = line.split('#').next().unwrap().split_whitespace().collect();
        let Some(("riskgate", arguments)) = words.split_first().map(|(first, rest)| (*first, rest)) else { continue };
        let outcome = sandbox.run(arguments, "");
        assert_eq!(outcome.code, Some(0), "{line}: {outcome:?}");
        n_commands += 1;
    }
    assert!(n_commands >= 5, "{n_commands}");
    assert!(sandbox.path("proposal.cedar").exists() && sandbox.path("report/replay.html").exists());
}
