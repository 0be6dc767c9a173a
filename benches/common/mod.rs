//! What the benches share: the shipped bundle, the trace as hook calls, the way from a hook's bytes to its reply.

#![allow(dead_code, reason = "each bench uses a part")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a bench without its inputs ends here")]

use std::fs;
use std::path::{Path, PathBuf};

use riskgate::action::ToolCall;
use riskgate::app::App;
use riskgate::artifact::Places;
use riskgate::config::{LayerPlaces, Resolved, SessionSettings, Settings, TypedValue};
use riskgate::engine::{Deadline, Engine};
use riskgate::harness::{Harness, HookEnvironment, HookEvent};
use riskgate::record;
use serde_json::{Value, json};

pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// The shipped bundle on the processor.
pub(crate) fn app() -> App {
    app_with(None)
}

/// The same with a memory of sessions.
pub(crate) fn app_with(session: Option<SessionSettings>) -> App {
    let bundle =
        std::env::var("RISKGATE_MODEL").unwrap_or_else(|_| format!("{}/models/riskgate-small", repository().display()));
    let typed = |key, value: String| TypedValue { key, value: value.into(), source: "test".to_owned() };
    let runtime = runtime().to_str().expect("a plain path").to_owned();
    let typed = [typed("model", bundle), typed("runtime", runtime), typed("device", "cpu".to_owned())];
    let resolved = Resolved::load(&LayerPlaces::default(), &typed).expect("the built-in settings are sound");
    let settings = Settings { resolved, review: None, session, audit: None };
    App::load(settings, &Places::default(), None).expect("run `python3 scripts/setup.py` first")
}

pub(crate) fn runtime() -> PathBuf {
    if let Some(named) = std::env::var_os("ORT_DYLIB_PATH") {
        return PathBuf::from(named);
    }
    let folder = repository().join(".riskgate/lib");
    let entries = fs::read_dir(&folder).expect("run `python3 scripts/setup.py` first");
    let named =
        |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with("libonnxruntime."));
    entries.map(|entry| entry.unwrap().path()).find(named).expect("run `python3 scripts/setup.py` first")
}

/// The trace: 1,000 calls whose tools and lengths follow recorded agents.
pub(crate) fn trace() -> Vec<ToolCall> {
    let text = fs::read_to_string(repository().join("benches/data/trace.jsonl")).unwrap();
    text.lines().map(|line| record::parse(line.as_bytes()).unwrap().call).collect()
}

/// Outputs of tools, short to 20 kB.
pub(crate) fn texts() -> Vec<ToolCall> {
    let text = fs::read_to_string(repository().join("benches/data/texts.jsonl")).unwrap();
    text.lines().map(|line| record::parse(line.as_bytes()).unwrap().call).collect()
}

/// A call as Claude Code sends it.
pub(crate) fn hook_bytes(call: &ToolCall) -> Vec<u8> {
    let input = Value::Object(call.input.clone());
    json!({"session_id": "s", "cwd": call.context.cwd, "permission_mode": "default", "hook_event_name": "PreToolUse",
           "tool_name": call.tool, "tool_input": input})
    .to_string()
    .into_bytes()
}

/// The environment of the trace's hook calls.
pub(crate) fn environment() -> HookEnvironment {
    HookEnvironment { workspace: None, home: Some("/home/ada".to_owned()) }
}

/// Hook JSON bytes to reply bytes.
pub(crate) fn answer(engine: &mut Engine, environment: &HookEnvironment, input: &[u8]) -> String {
    let harness = Harness::ClaudeCode;
    match harness.parse(input, environment).expect("the trace is sound") {
        HookEvent::Before(before) => {
            harness.reply_before(&engine.decide(&before.call, Deadline::none()), before.mode).stdout
        }
        HookEvent::After(after) => harness.reply_after(&engine.decide(&after.call, Deadline::none()), after.end).stdout,
        HookEvent::Other => String::new(),
    }
}
