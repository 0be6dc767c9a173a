//! The log against everything that may befall it: changes of every field, crashes at every byte, many writers at once.

use std::fs::{self, OpenOptions};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::chain::{Link, seal};
use super::key::Key;
use super::*;
use crate::action::{Context, ToolCall};
use crate::assessment::{Assessment, Probability, Risk};
use crate::calibrate::Thresholds;
use crate::engine::{Asking, AuditEntry, Timings};
use crate::verdict::{Decision, Reason, Source, Verdict, Zone};

fn options(folder: &Path) -> Options {
    Options {
        folder: folder.join("audit"),
        fsync: Fsync::Never,
        segment_bytes: 64 * 1024 * 1024,
        retention: Retention::default(),
    }
}

fn assessment() -> Assessment {
    let number = |value| Probability::new(value);
    Assessment {
        risk: Risk { allow: number(0.1), ask: number(0.7), deny: number(0.2) },
        permission: [number(0.2); _],
        effects: [number(0.6); _],
        injection: number(0.01),
        novelty: 1.5,
    }
}

fn call(command: &str) -> ToolCall {
    let input = Map::from_iter([("command".to_owned(), Value::from(command))]);
    let context = Context {
        harness: Some("claude-code".to_owned()),
        session_id: Some("s-1".to_owned()),
        user_request: Some("tidy up".to_owned()),
        ..Context::default()
    };
    ToolCall { tool: "Bash".to_owned(), input, context }
}

fn log(options: Options, keep: Keep) -> Arc<Log> {
    let rendering: Rendering = Arc::new(|decision, us| {
        let reasons: Vec<Value> = decision.reasons.iter().map(|r| json!({"code": r.code, "text": r.text})).collect();
        json!({"verdict": <&str>::from(decision.verdict), "source": "model", "reasons": reasons, "elapsed_us": us})
            .to_string()
    });
    Arc::new(Log::new(options, keep, rendering))
}

fn record(log: &Log, command: &str) -> Link {
    let decision = Decision {
        verdict: Verdict::Ask,
        source: Source::Model,
        zone: Some(Zone::Uncertain),
        assessment: Some(assessment()),
        reasons: vec![
            Reason::new("policy.gate", "changes the gate"),
            Reason::new("review", format!("it runs {command}")),
        ],
        n_tokens: 7,
        n_windows: 1,
    };
    let call = call(command);
    let action = crate::normalize::normalize(&call);
    let entry = AuditEntry {
        call: &call,
        action: Some(&action),
        decision: &decision,
        policy: "default",
        thresholds: Some(&Thresholds { allow_below: 0.1, deny_above: 0.9, injection_above: 0.5, novel_above: 9.0 }),
        asking: Asking::Possible,
        timings: Timings { total_us: 812, review_us: Some(300) },
        deadline: crate::engine::Deadline::none(),
        reply_id: Some("msg_1"),
    };
    log.append(&entry).unwrap()
}

/// A log of `n` decisions.
fn some(n: usize) -> (tempfile::TempDir, Options) {
    let folder = tempfile::tempdir().unwrap();
    let options = options(folder.path());
    let log = log(options.clone(), Keep::Text);
    (0..n).for_each(|n| {
        record(&log, &format!("rm -rf build-{n}"));
    });
    (folder, options)
}

fn append(options: &Options, n: usize) -> Link {
    let mut writer = Writer::new(options.clone());
    let mut last = Link::GENESIS;
    for n in 0..n {
        last = writer.append(&json!({"kind": "decision", "n": n}).to_string()).unwrap();
    }
    last
}

fn checked(options: &Options) -> Report {
    verify(&options.folder, None, None).unwrap()
}

fn codes(report: &Report) -> Vec<&'static str> {
    report.findings.iter().map(|finding| finding.code).collect()
}

#[track_caller]
fn assert_sound(options: &Options) -> Report {
    let report = checked(options);
    assert!(report.is_sound(), "{report:#?}");
    report
}

fn segment(options: &Options) -> std::path::PathBuf {
    segment::path(&options.folder, 1)
}

fn lines(options: &Options) -> Vec<String> {
    fs::read_to_string(segment(options)).unwrap().lines().map(str::to_owned).collect()
}

fn write_lines(options: &Options, lines: &[String]) {
    fs::write(segment(options), lines.iter().map(|line| format!("{line}\n")).collect::<String>()).unwrap();
}

// ── What is recorded ────────────────────────────────────────────────────────────────────────────────────────────────────

#[test]
fn a_decision_is_recorded_with_everything_that_it_followed_from() {
    let (_folder, options) = some(1);
    let mut records = Vec::new();
    read_all(&options.folder, |record| {
        records.push(record);
        true
    })
    .unwrap();
    let [record] = records.as_slice() else { panic!("{records:?}") };
    assert!(record.is_sound);
    let exact = exact(&assessment());
    for (pointer, expected) in [
        ("/kind", json!("decision")),
        ("/who/harness", json!("claude-code")),
        ("/who/session", json!("s-1")),
        ("/what/tool", json!("Bash")),
        ("/what/kept", json!("whole")),
        ("/what/call/input/command", json!("rm -rf build-0")),
        ("/what/call/context/user_request", json!("tidy up")),
        ("/rules", json!(["policy.gate"])),
        ("/asking", json!("possible")),
        ("/exact", json!(exact)),
        ("/review", json!({"reply_id": "msg_1", "us": 300})),
        ("/total_us", json!(812)),
        ("/decision/verdict", json!("ask")),
        ("/decision/elapsed_us", json!(812)),
    ] {
        assert_eq!(record.json.pointer(pointer), Some(&expected), "{pointer}");
    }
    assert!(record.list("/facts").any(|fact| fact.starts_with("delete")), "{}", record.json);
    let cut = record.float("/thresholds/allow_below").unwrap() as f32;
    assert_eq!(cut.to_bits(), 0.1_f32.to_bits());
    assert_eq!(exact.len(), 24 * 8);
}

#[test]
fn secrets_are_masked_and_text_is_optional() {
    let folder = tempfile::tempdir().unwrap();
    let secret = "AKIAIOSFODNN7EXAMPLE";
    record(&log(options(folder.path()), Keep::Text), &format!("aws configure set key {secret}"));
    record(&log(options(folder.path()), Keep::Nothing), "rm -rf private");
    let text = fs::read_to_string(segment(&options(folder.path()))).unwrap();
    assert!(
        !text.contains(secret) && text.contains("[REDACTED:aws-access-key]") && !text.contains("private"),
        "{text}"
    );
    assert!(!text.lines().last().unwrap().contains("tidy up"));
    let kept: Vec<String> = text
        .lines()
        .filter_map(|line| {
            serde_json::from_str::<Value>(line)
                .unwrap()
                .pointer("/what/kept")
                .map(|kept| kept.as_str().unwrap().to_owned())
        })
        .collect();
    assert_eq!(kept, ["redacted", "nothing"]);
    assert_sound(&options(folder.path()));
}

#[cfg(unix)]
#[test]
fn the_log_is_its_users_alone() {
    use std::os::unix::fs::PermissionsExt as _;
    let (_folder, options) = some(1);
    assert_eq!(fs::metadata(&options.folder).unwrap().permissions().mode() & 0o777, 0o700);
    for entry in fs::read_dir(&options.folder).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{:?}", entry.path());
    }
}

// ── Tampering ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/// Every value in a record, as the path to it.
fn leaves(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(fields) => fields.iter().for_each(|(key, value)| leaves(value, &format!("{path}/{key}"), found)),
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(at, value)| leaves(value, &format!("{path}/{at}"), found))
        }
        _ => found.push(path.to_owned()),
    }
}

fn changed(value: &Value) -> Value {
    match value {
        Value::Null => json!("x"),
        Value::Bool(flag) => json!(!flag),
        Value::Number(number) => json!(number.as_f64().unwrap() + 1.0),
        Value::String(text) => json!(format!("{text}x")),
        other => panic!("{other}"),
    }
}

#[test]
fn a_change_of_any_field_is_found_where_it_was_made() {
    let (_folder, options) = some(4);
    let whole = lines(&options);
    let at = whole.iter().position(|line| line.contains("build-1")).unwrap();
    let record: Value = serde_json::from_str(&whole[at]).unwrap();
    let mut paths = Vec::new();
    leaves(&record, "", &mut paths);
    assert!(paths.len() >= 30, "{paths:?}");
    for path in paths {
        let (mut edited, mut text) = (record.clone(), whole.clone());
        let value = edited.pointer_mut(&path).unwrap();
        *value = changed(value);
        text[at] = edited.to_string();
        write_lines(&options, &text);
        let report = checked(&options);
        assert!(!report.is_sound(), "{path}");
        let place = format!("0000000001.jsonl:{}", at + 1);
        assert!(report.findings.iter().any(|finding| finding.place == place), "{path}: {report:#?}");
    }
    // A field that is taken out or put in is a change, too.
    for key in record.as_object().unwrap().keys() {
        let (mut edited, mut text) = (record.clone(), whole.clone());
        edited.as_object_mut().unwrap().shift_remove(key);
        text[at] = edited.to_string();
        write_lines(&options, &text);
        assert!(!checked(&options).is_sound(), "{key}");
    }
}

#[test]
fn an_edit_with_a_new_hash_breaks_the_next_record() {
    let (_folder, options) = some(3);
    let mut text = lines(&options);
    let before = super::chain::Sealed::read(text[1].as_bytes()).unwrap();
    let mut forged = String::new();
    seal(before.link, r#"{"kind":"decision","forged":true}"#, &mut forged);
    text[2] = forged.trim_end().to_owned();
    write_lines(&options, &text);
    assert!(codes(&checked(&options)).contains(&"replaced") || codes(&checked(&options)).contains(&"truncated"));
}

#[test]
fn a_chain_that_was_made_anew_does_not_fit_head_or_checkpoints() {
    let (_folder, options) = some(5);
    let mut link = Link::GENESIS;
    let mut forged = String::new();
    for line in lines(&options) {
        let mut record: Value = serde_json::from_str(&line).unwrap();
        for key in ["seq", "prev", "hash"] {
            record.as_object_mut().unwrap().shift_remove(key);
        }
        if record["kind"] == "decision" {
            record["decision"]["verdict"] = json!("allow");
        }
        link = seal(link, &record.to_string(), &mut forged);
    }
    fs::write(segment(&options), forged).unwrap();
    let found = codes(&checked(&options));
    assert!(found.contains(&"truncated") && found.contains(&"signature"), "{found:?}");
    // Without checkpoints and head it is no better.
    fs::remove_file(options.folder.join("checkpoints")).unwrap();
    fs::remove_file(options.folder.join("head")).unwrap();
    assert!(!checked(&options).is_sound());
}

#[test]
fn deletions_moves_and_repetitions_are_found() {
    let (_folder, options) = some(6);
    let whole = lines(&options);
    let check = |change: fn(&mut Vec<String>), code: &str| {
        let mut text = whole.clone();
        change(&mut text);
        write_lines(&options, &text);
        let report = checked(&options);
        assert!(codes(&report).contains(&code), "{code}: {report:#?}");
        assert!(!report.is_sound());
    };
    check(|text| drop(text.remove(3)), "deleted");
    check(|text| drop(text.drain(2..5)), "deleted");
    check(|text| drop(text.remove(0)), "beginning");
    check(|text| text.swap(3, 4), "moved");
    check(|text| text.push(text[3].clone()), "moved");
    check(|text| text.insert(2, "{}".to_owned()), "unreadable");
    check(|text| text.truncate(5), "truncated");
    check(|text| text.truncate(1), "truncated");
    check(Vec::clear, "truncated");
    write_lines(&options, &whole);
    assert_sound(&options);
}

#[test]
fn what_is_taken_from_beside_the_log_is_missed() {
    for (name, code) in [("head", "head"), ("0000000001.jsonl", "truncated")] {
        let (_folder, options) = some(3);
        fs::remove_file(options.folder.join(name)).unwrap();
        assert!(codes(&checked(&options)).contains(&code), "{name}");
    }
    let (_folder, options) = some(3);
    let other = tempfile::tempdir().unwrap();
    let public = Key::create(other.path()).unwrap().public().to_owned();
    let report = verify(&options.folder, None, Some(&public)).unwrap();
    assert!(codes(&report).contains(&"key") && codes(&report).contains(&"signature"), "{report:#?}");
}

#[test]
fn an_append_after_a_truncation_does_not_make_it_forgotten() {
    let (_folder, options) = some(6);
    let mut text = lines(&options);
    text.truncate(4);
    write_lines(&options, &text);
    append(&options, 3);
    let report = checked(&options);
    assert!(codes(&report).contains(&"lost"), "{report:#?}");
    let (_folder, options) = some(3);
    fs::remove_file(segment(&options)).unwrap();
    append(&options, 1);
    assert!(codes(&checked(&options)).contains(&"lost"));
    let (_folder, options) = some(3);
    fs::remove_file(options.folder.join("key")).unwrap();
    append(&options, 1);
    assert!(codes(&checked(&options)).contains(&"new_key"));
    let (_folder, options) = some(3);
    OpenOptions::new().append(true).open(segment(&options)).unwrap().write_all(b"{\"forged\":1}\n").unwrap();
    append(&options, 1);
    assert!(codes(&checked(&options)).contains(&"foreign"));
}

#[test]
fn a_hash_that_was_written_down_elsewhere_must_still_be_there() {
    let (_folder, options) = some(3);
    let noted = checked(&options).last.unwrap().hash;
    append(&options, 2);
    assert!(verify(&options.folder, Some(noted), None).unwrap().is_sound());
    let other = Link::GENESIS.hash;
    assert!(codes(&verify(&options.folder, Some(other), None).unwrap()).contains(&"expected"));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn no_changed_byte_goes_unseen(place in 0.0..1.0_f64, bit in 0_u32..8) {
        let (_folder, options) = some(3);
        let mut bytes = fs::read(segment(&options)).unwrap();
        let at = (place * bytes.len() as f64) as usize;
        bytes[at] ^= 1 << bit;
        fs::write(segment(&options), bytes).unwrap();
        prop_assert!(!checked(&options).is_sound());
    }
}

#[test]
fn the_messages_say_what_and_where() {
    let (_folder, options) = some(6);
    let mut text = lines(&options);
    text[3] = text[3].replace("ask", "allow");
    text.remove(5);
    write_lines(&options, &text);
    let report = checked(&options);
    let found: Vec<String> = report
        .findings
        .iter()
        .map(|finding| format!("{}: {}: {}", finding.code, finding.place, finding.text))
        .collect();
    insta::assert_snapshot!(found.join("\n"), @r"
    edited: 0000000001.jsonl:4: record 4 was edited: its content does not fit its hash
    deleted: 0000000001.jsonl:6: record 6 is missing before record 7
    ");
}

// ── Segments ────────────────────────────────────────────────────────────────────────────────────────────────────────────

#[test]
fn full_segments_are_closed_and_the_chain_goes_on() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { segment_bytes: 4_096, ..options(folder.path()) };
    append(&options, 200);
    let report = assert_sound(&options);
    assert!(report.n_segments > 5 && report.n_checkpoints > 5, "{report:?}");
    fs::remove_file(segment::path(&options.folder, 3)).unwrap();
    let report = checked(&options);
    assert!(codes(&report).contains(&"segment_missing") && codes(&report).contains(&"deleted"), "{report:#?}");
}

#[test]
fn old_segments_go_and_the_chain_still_has_a_beginning() {
    let folder = tempfile::tempdir().unwrap();
    let retention = Retention { bytes: Some(16 * 1024), age: None };
    let options = Options { segment_bytes: 4_096, retention, ..options(folder.path()) };
    append(&options, 500);
    let numbers = segment::list(&options.folder).unwrap();
    assert!(numbers[0] > 5 && numbers.len() <= 6, "{numbers:?}");
    assert_sound(&options);
    // One more than was said is one too many.
    fs::remove_file(segment::path(&options.folder, numbers[0])).unwrap();
    assert!(codes(&checked(&options)).contains(&"beginning"));
}

#[test]
fn what_is_old_goes() {
    let folder = tempfile::tempdir().unwrap();
    let retention = Retention { bytes: None, age: Some(Duration::from_millis(50)) };
    let options = Options { segment_bytes: 4_096, retention, ..options(folder.path()) };
    append(&options, 40);
    thread::sleep(Duration::from_millis(100));
    append(&options, 40);
    assert!(segment::list(&options.folder).unwrap()[0] > 1);
    assert_sound(&options);
}

// ── Crashes ─────────────────────────────────────────────────────────────────────────────────────────────────────────────

/// The log of `options` with its last segment cut to `length`, and the head as it was before the last append.
fn crashed(whole: &[u8], head: &[u8], length: usize, options: &Options) {
    fs::write(segment(options), &whole[..length]).unwrap();
    fs::write(options.folder.join("head"), head).unwrap();
}

#[test]
fn a_crash_at_any_byte_of_an_append_is_recovered_from() {
    let (_folder, options) = some(2);
    let (before, head) = (fs::read(segment(&options)).unwrap(), fs::read(options.folder.join("head")).unwrap());
    append(&options, 1);
    let whole = fs::read(segment(&options)).unwrap();
    for length in before.len()..=whole.len() {
        crashed(&whole, &head, length, &options);
        assert_sound(&options);
        append(&options, 1);
        let report = assert_sound(&options);
        let torn = length != before.len() && length != whole.len();
        assert_eq!(codes(&report) == ["torn"], torn, "{length}: {report:#?}");
    }
}

#[test]
fn a_crash_at_any_byte_of_the_first_append_is_recovered_from() {
    let folder = tempfile::tempdir().unwrap();
    let options = options(folder.path());
    let genesis = {
        append(&options, 1);
        let key = Key::load(&options.folder).unwrap().unwrap();
        super::head::Head { segment: 1, offset: 0, link: Link::GENESIS, signed_s: 0 }.write(&key)
    };
    let whole = fs::read(segment(&options)).unwrap();
    fs::remove_file(options.folder.join("checkpoints")).unwrap();
    for length in (0..whole.len()).step_by(7) {
        crashed(&whole, &genesis, length, &options);
        append(&options, 1);
        assert_sound(&options);
        let _ = fs::remove_file(options.folder.join("checkpoints"));
    }
}

#[test]
fn a_crash_between_two_segments_is_recovered_from() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { segment_bytes: 2_048, ..options(folder.path()) };
    append(&options, 8);
    let head = loop {
        let head = fs::read(options.folder.join("head")).unwrap();
        let n = segment::list(&options.folder).unwrap().len();
        append(&options, 1);
        if segment::list(&options.folder).unwrap().len() > n {
            break head;
        }
    };
    let last = *segment::list(&options.folder).unwrap().last().unwrap();
    let whole = fs::read(segment::path(&options.folder, last)).unwrap();
    for length in (0..=whole.len()).step_by(5).chain([whole.len()]) {
        fs::write(segment::path(&options.folder, last), &whole[..length]).unwrap();
        fs::write(options.folder.join("head"), &head).unwrap();
        append(&options, 1);
        assert_sound(&options);
    }
}

/// The body of a child process: appends until it is killed, and says what was acknowledged.
#[test]
fn child_that_appends() {
    let Some(folder) = std::env::var_os("RISKGATE_TEST_AUDIT_FOLDER") else { return };
    let n: usize = std::env::var("RISKGATE_TEST_AUDIT_RECORDS").unwrap().parse().unwrap();
    let n_threads: usize = std::env::var("RISKGATE_TEST_AUDIT_THREADS").unwrap().parse().unwrap();
    let options = Options { segment_bytes: 64 * 1024, ..options(Path::new(&folder)) };
    thread::scope(|scope| {
        for _ in 0..n_threads {
            scope.spawn(|| {
                let mut writer = Writer::new(options.clone());
                for _ in 0..n {
                    let link = writer.append(r#"{"kind":"decision","x":"0123456789"}"#).unwrap();
                    let mut output = std::io::stdout().lock();
                    writeln!(output, "appended {} {}", link.seq, link.hash).unwrap();
                    output.flush().unwrap();
                }
            });
        }
    });
}

fn child(folder: &Path, n_records: usize, n_threads: usize) -> std::process::Child {
    let mut program = Command::new(std::env::current_exe().unwrap());
    appending(&mut program, folder, n_records, n_threads).spawn().unwrap()
}

/// This program, to append and do nothing else.
fn appending<'a>(program: &'a mut Command, folder: &Path, n_records: usize, n_threads: usize) -> &'a mut Command {
    program
        .args(["--exact", "audit::tests::child_that_appends", "--nocapture", "--test-threads", "1"])
        .env("RISKGATE_TEST_AUDIT_FOLDER", folder)
        .env("RISKGATE_TEST_AUDIT_RECORDS", n_records.to_string())
        .env("RISKGATE_TEST_AUDIT_THREADS", n_threads.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
}

fn acknowledged(output: &str) -> Vec<(u64, String)> {
    let read = |line: &str| {
        let (seq, hash) = line.split_once("appended ")?.1.split_once(' ')?;
        (hash.len() == 64).then(|| (seq.parse().unwrap(), hash.to_owned()))
    };
    output.lines().filter_map(read).collect()
}

fn hashes(options: &Options) -> std::collections::HashMap<u64, String> {
    let mut found = std::collections::HashMap::new();
    read_all(&options.folder, |record| {
        found.insert(record.number("/seq"), record.text("/hash").to_owned());
        true
    })
    .unwrap();
    found
}

#[test]
fn nothing_that_was_acknowledged_is_lost_when_processes_are_killed_anywhere() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { segment_bytes: 64 * 1024, ..options(folder.path()) };
    let mut said = Vec::new();
    for round in 0..30_u64 {
        let mut children: Vec<_> = (0..2).map(|_| child(folder.path(), usize::MAX, 1)).collect();
        // Something must be going on; then anywhere.
        let mut first = BufReader::new(children[0].stdout.take().unwrap());
        let (mut line, mut output) = (String::new(), String::new());
        while !line.contains("appended") && first.read_line(&mut line).unwrap() > 0 {
            output.push_str(&std::mem::take(&mut line));
            if output.contains("appended") {
                break;
            }
        }
        thread::sleep(Duration::from_micros(round * 1_237 % 20_000));
        children.iter_mut().for_each(|child| child.kill().unwrap());
        first.read_to_string(&mut output).unwrap();
        said.extend(acknowledged(&output));
        for mut child in children {
            let mut output = String::new();
            if let Some(mut stdout) = child.stdout.take() {
                stdout.read_to_string(&mut output).unwrap();
            }
            child.wait().unwrap();
            said.extend(acknowledged(&output));
        }
        assert_sound(&options);
    }
    append(&options, 1);
    assert_sound(&options);
    let there = hashes(&options);
    assert!(said.len() > 100, "{} appended", said.len());
    for (seq, hash) in said {
        assert_eq!(there.get(&seq), Some(&hash), "record {seq}");
    }
}

#[test]
fn a_thousand_writers_in_twenty_processes_make_one_chain() {
    let folder = tempfile::tempdir().unwrap();
    let options = Options { segment_bytes: 64 * 1024, ..options(folder.path()) };
    let children: Vec<_> = (0..20).map(|_| child(folder.path(), 5, 50)).collect();
    let mut said = Vec::new();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        said.extend(acknowledged(&String::from_utf8_lossy(&output.stdout)));
    }
    let there = hashes(&options);
    assert_eq!((said.len(), there.len()), (5_000, 5_000));
    assert!(said.iter().all(|(seq, hash)| there.get(seq) == Some(hash)));
    let report = assert_sound(&options);
    assert!(report.findings.is_empty(), "{report:#?}");
}

// ── Disks ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

#[test]
fn a_log_that_cannot_be_written_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("file"), "").unwrap();
    let options = options(&folder.path().join("file"));
    let error = Writer::new(options).append("{}").unwrap_err().to_string();
    assert!(error.contains("audit log: cannot make"), "{error}");
    let (_folder, options) = some(1);
    fs::write(options.folder.join("key"), "nonsense").unwrap();
    assert!(matches!(Writer::new(options).append("{}"), Err(LogError::Key { .. })));
}

/// A limit on the size of files stands in for a disk: a write that reaches it fails half-way.
#[cfg(unix)]
#[test]
fn a_full_disk_is_an_error_and_leaves_a_sound_log() {
    let folder = tempfile::tempdir().unwrap();
    let options = options(folder.path());
    let mut shell = Command::new("sh");
    shell.args(["-c", "trap '' XFSZ; ulimit -f 12; exec \"$0\" \"$@\""]).arg(std::env::current_exe().unwrap());
    let output = appending(&mut shell, folder.path(), usize::MAX, 1).spawn().unwrap().wait_with_output().unwrap();
    assert!(!output.status.success(), "{output:?}");
    let text = String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr);
    assert!(text.contains(r#"what: "write""#), "{text}");
    let report = assert_sound(&options);
    assert!(report.findings.is_empty(), "{report:#?}");
    append(&options, 1);
    assert_sound(&options);
    let (there, said) = (hashes(&options), acknowledged(&text));
    assert!(said.len() > 10 && there.len() == said.len() + 1, "{} of {}", said.len(), there.len());
}

#[test]
fn every_way_to_sync_keeps_the_same_log() {
    for fsync in [Fsync::Never, Fsync::Group, Fsync::Always] {
        let folder = tempfile::tempdir().unwrap();
        let options = Options { fsync, ..options(folder.path()) };
        let log = log(options.clone(), Keep::Text);
        (0..20).for_each(|_| {
            record(&log, "ls");
        });
        drop(log);
        assert_eq!(assert_sound(&options).n_records, 22);
    }
}

#[test]
fn a_log_that_is_removed_while_it_is_open_is_begun_anew() {
    let (_folder, options) = some(1);
    let mut writer = Writer::new(options.clone());
    writer.append(r#"{"kind":"decision"}"#).unwrap();
    fs::remove_dir_all(&options.folder).unwrap();
    writer.append(r#"{"kind":"decision"}"#).unwrap();
    assert!(segment(&options).is_file());
    assert_sound(&options);
}
