//! What the memory of a long session costs a call, without the model: `cargo bench --bench sessions`.

#![allow(clippy::expect_used, clippy::unwrap_used, reason = "a bench without its inputs ends here")]

mod common;

use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use divan::Bencher;
use riskgate::action::{Context, FileExtent, FileVersion, KnownFile, ToolCall};
use riskgate::assessment::RowLogits;
use riskgate::config::SessionSettings;
use riskgate::engine::{Deadline, DenialLimits, Engine, Note, Operation, SessionMemory as _};
use riskgate::model::{Batch, Classifier, Logits, ModelError};
use riskgate::session::{Options, Sessions, system_clock};
use serde_json::json;
use tempfile::TempDir;

const LIMITS: DenialLimits = DenialLimits { in_a_row: 1_000, total: 1_000 };
const EXPIRY: Duration = Duration::from_secs(86_400);

/// A session as full as it gets: files, more of which were lost, and denials.
static FOLDER: LazyLock<TempDir> = LazyLock::new(|| {
    let folder = tempfile::tempdir().unwrap();
    let wrote: Vec<Note> = (0..200).map(|n| wrote(n, 2_000)).collect();
    let denied = (0..200_u8).map(|n| Note::Denied(vec![Operation([n; 16])]));
    let notes: Vec<Note> = wrote.into_iter().chain(denied).chain([Note::Ran]).collect();
    sessions(folder.path()).note(&context(), &notes).unwrap();
    folder
});

fn main() {
    divan::main();
}

fn sessions(state: &Path) -> Sessions {
    let options = Options { state: Some(state.to_owned()), limits: LIMITS, expiry: EXPIRY };
    Sessions::new(options, Arc::new(|_| Ok(LIMITS)), system_clock())
}

fn wrote(n: usize, n_bytes: usize) -> Note {
    let text = format!("# {n}\n{}", "x = 1\n".repeat(n_bytes / 6));
    let versions = vec![FileVersion { text, decoded: false, extent: FileExtent::Whole }];
    let path = format!("/home/me/src/app/services/billing/handler_{n}.py");
    Note::Wrote { files: vec![KnownFile { path, versions, fetched: false }], may_stand: false }
}

fn context() -> Context {
    let folder = || Some("/home/me/src/app".to_owned());
    Context {
        session_id: Some("long".into()),
        call_id: Some("c".into()),
        cwd: folder(),
        workspace: folder(),
        home: Some("/home/me".into()),
        ..Context::default()
    }
}

// ── The memory alone ────────────────────────────────────────────────────────────────────────────────────────────────────────

/// A process that judges one call.
#[divan::bench]
fn recalled_by_a_new_process(bencher: Bencher) {
    bencher.bench_local(|| sessions(FOLDER.path()).recall(&context()).unwrap());
}

/// A daemon that judged the call before.
#[divan::bench]
fn recalled_again(bencher: Bencher) {
    let sessions = sessions(FOLDER.path());
    bencher.bench_local(|| sessions.recall(&context()).unwrap());
}

#[divan::bench]
fn nothing_to_write(bencher: Bencher) {
    let sessions = sessions(FOLDER.path());
    bencher.bench_local(|| sessions.note(&context(), &[Note::Limited(Vec::new())]).unwrap());
}

#[divan::bench]
fn one_file_written(bencher: Bencher) {
    let (sessions, mut n) = (sessions(FOLDER.path()), 0);
    bencher.bench_local(|| {
        n += 1;
        sessions.note(&context(), &[wrote(n % 40, 2_000 + n)]).unwrap();
    });
}

// ── Whole decisions ─────────────────────────────────────────────────────────────────────────────────────────────────────────

struct Calm;

impl Classifier for Calm {
    fn classify(&mut self, batch: &Batch) -> Result<Logits, ModelError> {
        let row = RowLogits {
            risk: [9.0, -9.0, -9.0],
            permission: [0.0; _],
            effects: [-9.0; _],
            injection: -9.0,
            novelty: 0.0,
        };
        Ok(Logits { rows: vec![row; batch.n_rows()] })
    }
}

fn engine(in_session: bool) -> Engine {
    let session = SessionSettings { limits: LIMITS, expiry: EXPIRY, state: Some(FOLDER.path().to_owned()) };
    common::app_with(in_session.then_some(session)).engine_on(Box::new(Calm))
}

fn bash(command: &str) -> ToolCall {
    ToolCall {
        tool: "Bash".into(),
        input: json!({ "command": command }).as_object().unwrap().clone(),
        context: context(),
    }
}

const COMMANDS: [&str; 3] = ["cargo test --lib", "sed -n 1,40p src/main.rs", "python3 services/billing/handler_190.py"];

#[divan::bench(args = COMMANDS)]
fn decided_alone(bencher: Bencher, command: &str) {
    let (mut engine, call) = (engine(false), bash(command));
    bencher.bench_local(|| engine.decide(&call, Deadline::none()));
}

#[divan::bench(args = COMMANDS)]
fn decided_in_a_long_session(bencher: Bencher, command: &str) {
    let (mut engine, call) = (engine(true), bash(command));
    bencher.bench_local(|| engine.decide(&call, Deadline::none()));
}

#[divan::bench]
fn a_file_written_in_a_long_session(bencher: Bencher) {
    let (mut engine, mut n) = (engine(true), 0);
    bencher.bench_local(|| {
        n += 1;
        let input = json!({"file_path": "/home/me/src/app/services/x.py", "content": format!("x = {n}\n")});
        let call = ToolCall { tool: "Write".into(), input: input.as_object().unwrap().clone(), context: context() };
        engine.decide(&call, Deadline::none())
    });
}
