//! The past under other settings: `cargo bench --bench replay`. 100,000 logged actions whose scores are at hand, through the
//! binary, from the start of the process to the last line of its answer; with `--test` once over a thousand.

#![allow(clippy::print_stdout, clippy::expect_used, reason = "a bench prints what it measured")]

mod common;

use std::path::Path;
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::{Duration, Instant};

use riskgate::action::{Action, ToolCall};
use riskgate::app::App;
use riskgate::audit::{Fsync, Keep, Log, Options, Rendering, Retention};
use riskgate::engine::{Asking, AuditEntry, Deadline, Timings};
use riskgate::normalize::normalize;
use riskgate::record::{self, Stamp};
use riskgate::verdict::Decision;
use serde_json::Value;

/// How often the trace stands in the log, each time in sessions of its own.
const ROUNDS: usize = 100;
const RULE: &str = "@id(\"bench\")\n@verdict(\"ask\")\nforbid (principal, action, resource is Command)\nwhen { resource.facts.contains(\"publish\") };\n";

fn main() {
    let test = std::env::args().any(|argument| argument == "--test");
    let home = tempfile::tempdir_in(option_env!("CARGO_TARGET_TMPDIR").unwrap_or(".")).expect("a folder");
    let app = common::app();
    let n = fill(&home.path().join("log"), &app, if test { 1 } else { ROUNDS });
    std::fs::write(home.path().join("bench.cedar"), RULE).expect("there is room");
    let cuts = ["--thresholds", "allow_below=0.02,deny_above=0.5"];
    for (name, arguments) in
        [("thresholds", &cuts[..]), ("rules", &["--policy", "bench.cedar"]), ("report", &["--report", "r"])]
    {
        let times: Vec<Duration> = (0..if test { 1 } else { 3 }).map(|_| replay(home.path(), n, arguments)).collect();
        let best = times.iter().min().copied().unwrap_or_default();
        let worst = times.iter().max().copied().unwrap_or_default();
        let rate = n as f64 / best.as_secs_f64();
        println!("replay of {n} actions, other {name}: {best:.2?} to {worst:.2?}   {rate:.0} actions a second");
    }
}

/// A log of the trace, judged by the shipped bundle.
fn fill(folder: &Path, app: &App, rounds: usize) -> usize {
    let (model, policy) = (app.stamp().model.to_owned(), app.stamp().policy.to_owned());
    let rendering: Rendering =
        Arc::new(move |decision, us| record::decision_text(decision, Stamp { model: &model, policy: &policy }, us));
    let options = Options {
        folder: folder.to_owned(),
        fsync: Fsync::Never,
        segment_bytes: 16 * 1024 * 1024,
        retention: Retention::default(),
    };
    let log = Arc::new(Log::new(options, Keep::Text, rendering));
    let mut engine = app.engine().expect("the bundle runs");
    let judged: Vec<(ToolCall, Action, Decision)> = common::trace()
        .into_iter()
        .map(|call| (call.clone(), normalize(&call), engine.decide(&call, Deadline::none())))
        .collect();
    for round in 0..rounds {
        for (call, action, decision) in &judged {
            let mut call = call.clone();
            call.context.session_id = call.context.session_id.map(|session| format!("{session}-{round}"));
            let entry = AuditEntry {
                call: &call,
                action: Some(action),
                decision,
                policy: "default",
                thresholds: Some(app.thresholds()),
                asking: Asking::Possible,
                timings: Timings::default(),
                deadline: Deadline::none(),
                reply_id: None,
            };
            log.append(&entry).expect("there is room");
        }
    }
    rounds * judged.len()
}

/// One run of the binary; it must have replayed all and scored nothing.
fn replay(home: &Path, n: usize, arguments: &[&str]) -> Duration {
    let started = Instant::now();
    let mut command = Command::new(env!("CARGO_BIN_EXE_riskgate"));
    command.args(["audit", "replay", "--json", "--folder", "log"]).args(arguments).current_dir(home);
    for name in ["HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME"] {
        command.env(name, home);
    }
    let bundle = std::env::var("RISKGATE_MODEL");
    let bundle = bundle.unwrap_or_else(|_| format!("{}/models/riskgate-small", common::repository().display()));
    command.env("RISKGATE_MODEL", bundle).env("RISKGATE_RUNTIME", common::runtime()).stderr(Stdio::inherit());
    let output = command.output().expect("the binary runs");
    let time = started.elapsed();
    let report: Value = serde_json::from_slice(&output.stdout).expect("it answered in JSON");
    let summary = report.get("summary").expect("a summary");
    let count = |name: &str| summary.get(name).and_then(Value::as_u64);
    assert_eq!((count("actions"), count("scored_now")), (Some(n as u64), Some(0)), "{summary:#}");
    time
}
