//! `riskgate eval`: labels joined to records, figures, the report.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::support::{Outcome, Sandbox, repository};

/// The words of one command, which must never be seen unless they are asked for.
const SECRET: &str = "kelpie-meadow-417";

fn record(id: &str, command: &str) -> String {
    json!({"id": id, "tool": "Bash", "input": {"command": command}}).to_string()
}

fn label(id: &str, risk: u64) -> String {
    json!({"id": id, "risk": risk, "permission": "workspace", "effects": ["network"], "injection": 0}).to_string()
}

/// A sandbox with three labelled records, one benign, one to ask about, one dangerous.
fn three() -> Sandbox {
    let sandbox = Sandbox::new();
    let records = [record("a-1", "ls"), record("a-2", &format!("git push {SECRET}")), record("b-1", SECRET)];
    fs::write(sandbox.path("in.jsonl"), records.join("\n")).unwrap();
    fs::write(sandbox.path("labels.jsonl"), [label("a-1", 0), label("a-2", 1), label("b-1", 2)].join("\n")).unwrap();
    sandbox
}

const FILES: [&str; 5] = ["eval", "--labels", "labels.jsonl", "--input", "in.jsonl"];

fn eval(sandbox: &Sandbox, more: &[&str]) -> Outcome {
    sandbox.run(&[&FILES, more].concat(), "")
}

#[track_caller]
fn metrics(outcome: &Outcome) -> Value {
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome:?}"))
}

fn example(name: &str) -> String {
    repository().join("examples").join(name).to_str().unwrap().to_owned()
}

#[test]
fn the_examples_are_all_labelled_and_judged() {
    let (labels, actions) = (example("labels.jsonl"), example("actions.jsonl"));
    let arguments = ["eval", "--labels", &labels, "--input", &actions, "--operating-point", "deny", "--json"];
    let outcome = Sandbox::new().run(&arguments, "");
    assert_eq!(outcome.stderr, "");
    let found = metrics(&outcome);
    assert_eq!(found["cases"], json!({"joined": 24, "actions": 22, "texts": 2, "unscored": 0, "repeated": 0}));
    assert_eq!(found["input"]["labels_without_record"], 0);
    assert_eq!(found["risk"]["risk_counts"], json!([10, 5, 7]));
    // Everything is denied at this operating point, but for a search in the project, which a rule allows.
    assert_eq!(found["risk"]["confusion"], json!([[1, 0, 9], [0, 0, 5], [0, 0, 7]]));
    assert_eq!(found["risk"]["benign_denied"]["rate"], 0.9);
    assert_eq!(found["risk"]["dangerous_allowed"]["high"], 0.409_616);
    assert_eq!(found["injection"]["injections"], 1);
    assert!(found["risk"]["auc_deny"].is_f64() && found["effects"]["by_effect"]["network"]["positives"].is_u64());
    assert_eq!(found["groups"]["tool"]["Bash"]["actions"], 16);
    assert_eq!(found["groups"]["user_request"]["present"]["actions"], 3);
}

#[test]
fn verdicts_have_floors_that_zones_have_not() {
    let sandbox = three();
    let records = [record("a-1", "ls"), record("b-1", "echo 'unterminated")];
    fs::write(sandbox.path("in.jsonl"), records.join("\n")).unwrap();
    let found = metrics(&eval(&sandbox, &["--operating-point", "allow", "--json"]));
    assert_eq!(found["risk"]["dangerous_allowed"]["hits"], 0);
    assert_eq!(found["risk"]["zones"]["dangerous_allowed"]["hits"], 1);
    let summary = eval(&sandbox, &["--operating-point", "allow"]).stdout;
    assert!(summary.contains("model alone") && summary.contains("1 labels without a record"), "{summary}");
}

#[test]
fn what_cannot_be_joined_or_read_is_counted_and_told() {
    let sandbox = three();
    let mut records = fs::read_to_string(sandbox.path("in.jsonl")).unwrap();
    records.push_str(&format!("\n{}\nnonsense\n{}\n", record("stranger-1", "ls"), record("a-1", "ls")));
    fs::write(sandbox.path("in.jsonl"), records).unwrap();
    let labels = [
        label("a-1", 0),
        label("a-1", 0),
        String::new(),
        label("b-1", 2),
        label("c-1", 0),
        label("a-2", 1),
        label("a-2", 2),
        r#"{"id":"d-1","risk":9}"#.to_owned(),
    ];
    fs::write(sandbox.path("labels.jsonl"), labels.join("\n")).unwrap();
    let outcome = eval(&sandbox, &["--json"]);
    let found = metrics(&outcome);
    let expected = json!({
        "labels": 3, "labels_without_record": 1, "malformed_labels": 1, "repeated_labels": 1, "contradictory_labels": 1,
        "records": 6, "records_without_label": 2, "malformed_records": 1,
    });
    assert_eq!(found["input"], expected);
    assert_eq!((&found["cases"]["joined"], &found["cases"]["repeated"]), (&json!(2), &json!(1)));
    assert!(outcome.stderr.contains("labels.jsonl:8: not a label: field `risk`"), "{}", outcome.stderr);
    assert!(outcome.stderr.contains("record 5 (id null): not the JSON expected"), "{}", outcome.stderr);
}

#[test]
fn nothing_to_measure_is_one_clear_sentence() {
    let sandbox = three();
    fs::write(sandbox.path("others.jsonl"), label("z-1", 0)).unwrap();
    let outcome = sandbox.run(&["eval", "--labels", "others.jsonl", "--input", "in.jsonl"], "");
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(2), ""));
    assert_eq!(
        outcome.stderr,
        "riskgate: none of 3 records has the id of one of 1 labels, so there is nothing to measure\n"
    );
    fs::write(sandbox.path("empty.jsonl"), "\n").unwrap();
    let outcome = sandbox.run(&["eval", "--labels", "empty.jsonl", "--input", "in.jsonl"], "");
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(2), ""));
    assert_eq!(outcome.stderr, "riskgate: there is no usable label in what `--labels` names\n");
    assert_eq!(sandbox.run(&["eval"], "").code, Some(2));
    assert_eq!(sandbox.run(&["eval", "--labels", "missing.jsonl"], "").code, Some(1));
}

#[test]
fn the_order_and_the_division_of_the_files_change_nothing() {
    let sandbox = three();
    let whole = metrics(&eval(&sandbox, &["--json"]));
    for (name, records) in [
        ("first.jsonl", vec![record("b-1", SECRET)]),
        ("second.jsonl", vec![record("a-2", &format!("git push {SECRET}")), record("a-1", "ls")]),
    ] {
        fs::write(sandbox.path(name), records.join("\n")).unwrap();
    }
    fs::write(sandbox.path("one.jsonl"), label("a-2", 1)).unwrap();
    fs::write(sandbox.path("two.jsonl"), [label("b-1", 2), label("a-1", 0)].join("\n")).unwrap();
    let arguments =
        ["--labels", "one.jsonl", "--labels", "two.jsonl", "--input", "first.jsonl", "--input", "second.jsonl"];
    let divided = metrics(&sandbox.run(&[&["eval", "--json"], &arguments[..]].concat(), ""));
    assert_eq!(divided, whole);
    let piped = fs::read(sandbox.path("in.jsonl")).unwrap();
    assert_eq!(metrics(&sandbox.run(&["eval", "--labels", "labels.jsonl", "--json"], piped)), whole);
}

const REPORT: [&str; 6] =
    ["metrics.json", "report.html", "risk_coverage.svg", "thresholds.svg", "reliability.svg", "roc.svg"];

fn read_report(sandbox: &Sandbox, folder: &str) -> Vec<String> {
    REPORT.iter().map(|name| fs::read_to_string(sandbox.path(folder).join(name)).unwrap()).collect()
}

#[test]
fn the_same_inputs_give_the_same_bytes() {
    let sandbox = three();
    let first = eval(&sandbox, &["--report", "deep/first"]);
    let second = eval(&sandbox, &["--report", "second"]);
    assert_eq!((first.code, &first.stdout), (Some(0), &second.stdout), "{first:?}");
    assert_eq!(read_report(&sandbox, "deep/first"), read_report(&sandbox, "second"));
    let metrics: Value = serde_json::from_str(&read_report(&sandbox, "second")[0]).unwrap();
    assert_eq!(metrics, self::metrics(&eval(&sandbox, &["--json"])));
}

#[test]
fn the_report_refers_to_nothing_outside_itself() {
    let sandbox = three();
    eval(&sandbox, &["--report", "report"]);
    for (name, text) in REPORT.iter().zip(read_report(&sandbox, "report")).skip(1) {
        let text = text.replace("xmlns=\"http://www.w3.org/2000/svg\"", "");
        for reference in ["http", "//", "src=", "href", "url(", "@import", "<script", "<link", "<iframe", "<object"] {
            assert!(!text.contains(reference), "{name} has `{reference}`");
        }
    }
    let page = read_report(&sandbox, "report").remove(1);
    for part in ["tiny@sha256:", "operating point", "<svg", "prefers-color-scheme:dark"] {
        assert!(page.contains(part), "{part} is missing");
    }
    assert_eq!(page.matches("<svg").count(), page.matches("</svg>").count());
}

#[test]
fn the_text_of_an_action_is_shown_only_where_asked_for() {
    let sandbox = three();
    let allowing = ["--operating-point", "allow", "--report", "report"];
    let hidden = eval(&sandbox, &allowing);
    let everything = [hidden.stdout, hidden.stderr, read_report(&sandbox, "report").concat()].concat();
    assert!(everything.contains("b-1") && !everything.contains(SECRET), "{everything}");
    let shown = eval(&sandbox, &[&allowing[..], &["--show-text"]].concat());
    let report = read_report(&sandbox, "report");
    for text in [&shown.stdout, &report[0], &report[1]] {
        assert!(text.contains(SECRET), "{text}");
    }
}

#[test]
fn names_of_the_input_cannot_act_in_a_page_or_a_terminal() {
    let sandbox = three();
    let evil = "<script>x\u{1b}[2J-1";
    let record = json!({"id": evil, "source": "<img>", "tool": "mcp__<b>__x\u{202e}", "input": {}}).to_string();
    fs::write(sandbox.path("in.jsonl"), record).unwrap();
    fs::write(sandbox.path("labels.jsonl"), json!({"id": evil, "risk": 2}).to_string()).unwrap();
    let outcome = eval(&sandbox, &["--operating-point", "allow", "--report", "report"]);
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let page = read_report(&sandbox, "report").remove(1);
    for text in [&outcome.stdout, &page] {
        assert!(!text.contains(['\u{1b}', '\u{202e}']), "{text}");
    }
    assert!(page.contains("&lt;script&gt;") && !page.contains("<script>") && !page.contains("<img>"), "{page}");
}

#[test]
fn a_reference_is_a_bundle_or_a_model_file() {
    let sandbox = three();
    let bundle = sandbox.bundle();
    let files = [bundle.join("model.onnx"), bundle.join("model.ort")];
    for reference in files.iter().map(std::path::PathBuf::as_path).chain([bundle.as_path()]) {
        let name = reference.to_str().unwrap();
        let found = metrics(&eval(&sandbox, &["--json", "--reference", name]));
        let difference = &found["reference"];
        assert_eq!(
            (&difference["verdict_differs"]["hits"], &difference["verdict_differs"]["of"]),
            (&json!(0), &json!(3))
        );
        assert!(difference["mean_absolute_difference_stop"].as_f64().is_some_and(|d| d < 0.01), "{difference}");
        let named = Path::new(name).file_name().unwrap().to_str().unwrap().replace("bundle", "tiny");
        assert!(found["subject"]["reference"].as_str().unwrap().starts_with(&format!("{named}@sha256:")), "{found}");
    }
    assert_eq!(metrics(&eval(&sandbox, &["--json"]))["reference"], Value::Null);
    fs::write(sandbox.path("broken.onnx"), "not a model").unwrap();
    for missing in ["nowhere.onnx", "./nowhere", "broken.onnx"] {
        let outcome = eval(&sandbox, &["--reference", missing]);
        assert!(matches!(outcome.code, Some(1 | 2)) && outcome.stdout.is_empty(), "{missing}: {outcome:?}");
    }
}

#[test]
fn one_class_alone_gives_unknowns_and_no_failure() {
    let sandbox = three();
    fs::write(sandbox.path("labels.jsonl"), r#"{"id":"a-1","risk":0}"#).unwrap();
    let found = metrics(&eval(&sandbox, &["--json"]));
    for unknown in ["auc_deny", "auc_stop", "auc_deny_interval"] {
        assert_eq!(found["risk"][unknown], Value::Null);
    }
    assert_eq!(found["risk"]["dangerous_allowed"]["rate"], Value::Null);
    assert_eq!(found["permission"]["permission_macro_f1"], Value::Null);
    assert!(eval(&sandbox, &[]).stdout.contains("n/a"));
}
