//! The log of decisions: `cargo bench --bench audit`. Appends without and with fsync, one after the other and at a thousand a
//! second, and the speed of `verify`; with `--test` once over a few.

#![allow(clippy::print_stdout, clippy::expect_used, reason = "a bench prints what it measured")]

use std::path::Path;
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use riskgate::action::{Action, Context, ToolCall};
use riskgate::assessment::{Assessment, Probability, Risk};
use riskgate::audit::{Fsync, Keep, Log, Options, Rendering, Retention, Writer, verify};
use riskgate::calibrate::Thresholds;
use riskgate::engine::{Asking, AuditEntry, Timings};
use riskgate::normalize::normalize;
use riskgate::record::{self, Stamp};
use riskgate::verdict::{Decision, Reason, Source, Verdict, Zone};
use serde_json::{Map, Value};

fn main() {
    let test = std::env::args().any(|argument| argument == "--test");
    let n = if test { 200 } else { 20_000 };
    // Where a temporary folder lives in memory, syncing measures nothing: the build folder is on a disk.
    let home = tempfile::tempdir_in(option_env!("CARGO_TARGET_TMPDIR").unwrap_or(".")).expect("a folder");
    let entry = Sample::new();
    for (name, fsync) in [("no fsync", Fsync::Never), ("group fsync", Fsync::Group)] {
        let log = log(&home.path().join(name), fsync);
        show(&format!("append a decision, {name}"), &times(n, Duration::ZERO, || entry.append(&log)));
    }
    let paced = log(&home.path().join("paced"), Fsync::Group);
    let pace = Duration::from_millis(1);
    show("append a decision, group fsync, 1,000 a second", &times(n.min(5_000), pace, || entry.append(&paced)));
    let always = log(&home.path().join("always"), Fsync::Always);
    show("append a decision, fsync always", &times(n.min(200), Duration::ZERO, || entry.append(&always)));
    let mut writer = Writer::new(options(&home.path().join("bare"), Fsync::Never));
    let fields = r#"{"kind":"decision","x":"the text alone, without the making of it"}"#;
    show(
        "append a small record, no fsync",
        &times(n, Duration::ZERO, || {
            writer.append(fields).expect("there is room");
        }),
    );
    verified(&home.path().join("no fsync"));
}

fn options(folder: &Path, fsync: Fsync) -> Options {
    Options { folder: folder.to_owned(), fsync, segment_bytes: 16 * 1024 * 1024, retention: Retention::default() }
}

fn log(folder: &Path, fsync: Fsync) -> Arc<Log> {
    let stamp = Stamp { model: "riskgate-small@sha256:0123456789ab", policy: "default@sha256:0123456789ab" };
    let rendering: Rendering = Arc::new(move |decision, us| record::decision_text(decision, stamp, us));
    Arc::new(Log::new(options(folder, fsync), Keep::Text, rendering))
}

/// A decision of the usual size.
struct Sample {
    call: ToolCall,
    action: Action,
    decision: Decision,
}

impl Sample {
    fn new() -> Self {
        let command = "cd /w/app && cargo test --workspace 2>&1 | tail -20";
        let input = Map::from_iter([("command".to_owned(), Value::from(command))]);
        let text = |text: &str| Some(text.to_owned());
        let context = Context {
            harness: text("claude-code"),
            session_id: text("6f1c2d3e-0000-4000-8000-000000000000"),
            cwd: text("/w/app"),
            workspace: text("/w/app"),
            home: text("/home/me"),
            user_request: text("run the tests and say what fails"),
            ..Context::default()
        };
        let call = ToolCall { tool: "Bash".to_owned(), input, context };
        let number = Probability::new;
        let assessment = Assessment {
            risk: Risk { allow: number(0.9), ask: number(0.08), deny: number(0.02) },
            permission: [number(0.2); _],
            effects: [number(0.06); _],
            injection: number(0.01),
            novelty: 1.5,
        };
        let decision = Decision {
            verdict: Verdict::Ask,
            source: Source::Model,
            zone: Some(Zone::Uncertain),
            assessment: Some(assessment),
            reasons: vec![Reason::new("risk.uncertain", "builds and runs the code of the workspace")],
            n_tokens: 40,
            n_windows: 1,
        };
        Self { action: normalize(&call), call, decision }
    }

    fn append(&self, log: &Log) {
        let entry = AuditEntry {
            call: &self.call,
            action: Some(&self.action),
            decision: &self.decision,
            policy: "default",
            thresholds: Some(&Thresholds { allow_below: 0.1, deny_above: 0.9, injection_above: 0.5, novel_above: 9.0 }),
            asking: Asking::Possible,
            timings: Timings { total_us: 800, review_us: None },
            deadline: riskgate::engine::Deadline::none(),
            reply_id: None,
        };
        log.append(&entry).expect("there is room");
    }
}

/// The sorted times of `n` runs, one begun each `pace`.
fn times(n: usize, pace: Duration, mut run: impl FnMut()) -> Vec<Duration> {
    (0..n.min(50)).for_each(|_| run());
    let begun = Instant::now();
    let mut times: Vec<Duration> = (0..n)
        .map(|index| {
            let due = begun + pace * u32::try_from(index).unwrap_or(u32::MAX);
            thread::sleep(due.saturating_duration_since(Instant::now()));
            let started = Instant::now();
            run();
            started.elapsed()
        })
        .collect();
    times.sort_unstable();
    times
}

fn show(name: &str, times: &[Duration]) {
    let micros = |time: Duration| time.as_secs_f64() * 1e6;
    let at = |percent: usize| times.get((times.len() - 1) * percent / 100).map_or(0.0, |time| micros(*time));
    let mean = micros(times.iter().sum::<Duration>()) / times.len() as f64;
    println!("{name}: mean {mean:.1} us   p50 {:.1} us   p99 {:.1} us   max {:.1} us", at(50), at(99), at(100));
}

fn verified(folder: &Path) {
    let runs: Vec<(f64, u64)> = (0..5)
        .map(|_| {
            let started = Instant::now();
            let report = verify(folder, None, None).expect("it can be read");
            assert!(report.is_sound(), "{report:?}");
            (started.elapsed().as_secs_f64(), report.n_records)
        })
        .collect();
    let best = runs.iter().map(|(seconds, n)| *n as f64 / seconds).fold(0.0, f64::max);
    println!("verify: {best:.0} records a second of {} records", runs.first().map_or(0, |(_, n)| *n));
}
