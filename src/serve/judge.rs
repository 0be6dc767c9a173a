//! One task and an engine: what a door was given in, what it gives back out. Both doors' tasks are answered here alone.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use serde_json::Value;

use super::metrics::Metrics;
use super::setups::{Setup, Setups};
use crate::action::ToolCall;
use crate::app::App;
use crate::config::Mode;
use crate::engine::{Deadline, Failure};
use crate::harness::{Harness, HookEnvironment, HookError, HookEvent, HookReply};
use crate::record::{self, ActionRecord, RecordError};
use crate::verdict::Decision;

/// Most records of one request: what one worker answers well within a deadline.
pub(super) const MAX_RECORDS: usize = 256;

/// Something to be judged.
#[derive(Debug)]
pub(super) enum Task {
    /// An action record, or a list of them.
    Score {
        /// The JSON.
        bytes: Vec<u8>,
        /// Whether those with a session are judged with what is remembered of it.
        in_sessions: bool,
    },
    /// A hook call.
    Hook { harness: Harness, environment: HookEnvironment, input: Vec<u8> },
}

/// In whose settings a task is judged.
#[derive(Debug)]
pub(super) enum Whose {
    /// In those that the daemon was started with.
    Own,
    /// In those of a client's folder, if they look to the daemon as to the client.
    Client { folder: Option<PathBuf>, look: String },
    /// In those of the folder that the call itself names.
    Call,
}

/// What became of it.
#[derive(Debug)]
pub(super) enum Outcome {
    /// Decision records in the form in which the action records came.
    Records(Vec<u8>),
    /// Nothing in it could be read; the error record.
    Unreadable(Vec<u8>),
    /// The hook's reply.
    Hook(HookReply),
    /// Whoever asks has to read the settings.
    Unsettled,
}

/// What a task is judged with: the worker's engine, or the fail-safe table in its place.
pub(super) trait Decide {
    /// One decision for each call, in order.
    fn decide(&mut self, calls: &[ToolCall], deadline: Deadline) -> Vec<Decision>;
}

/// What a task is judged with, or its outcome when its settings are not served.
pub(super) fn setup(task: &Task, whose: &Whose, setups: &Setups) -> Result<Arc<Setup>, Outcome> {
    let found = match whose {
        Whose::Own => return Ok(Arc::clone(setups.own())),
        Whose::Client { folder, look } => setups.of(folder.as_deref(), Some(look)),
        Whose::Call => match folder(task) {
            Some(folder) => setups.of(Some(&folder), None),
            None => return Ok(Arc::clone(setups.own())),
        },
    };
    found.map_err(|unserved| match (whose, task) {
        // Nobody else reads them for such a call.
        (Whose::Call, Task::Hook { harness, .. }) => Outcome::Hook(harness.reply_failure(&unserved.to_string())),
        _ => Outcome::Unsettled,
    })
}

/// Where a hook call comes from, by its own word. What that word can do is to make things stricter.
fn folder(task: &Task) -> Option<PathBuf> {
    let Task::Hook { harness, environment, input } = task else { return None };
    let call = match harness.parse(input, environment).ok()? {
        HookEvent::Before(before) => before.call,
        HookEvent::After(after) => after.call,
        HookEvent::Other => return None,
    };
    let context = call.context;
    let folder = environment.workspace.clone().or(context.workspace).or(context.cwd)?;
    // A relative one would be sought from wherever the daemon runs.
    Some(PathBuf::from(folder)).filter(|folder| Path::is_absolute(folder))
}

/// Answers a task.
pub(super) fn answer(
    task: &Task,
    engine: &mut dyn Decide,
    app: &App,
    metrics: &Metrics,
    deadline: Deadline,
) -> Outcome {
    let mut judge = Judge { engine, app, metrics, deadline };
    match task {
        Task::Score { bytes, in_sessions } if is_list(bytes) => judge.score_many(bytes, *in_sessions),
        Task::Score { bytes, in_sessions } => judge.score(bytes, *in_sessions),
        Task::Hook { harness, environment, input } => judge.hook(*harness, environment, input),
    }
}

fn is_list(bytes: &[u8]) -> bool {
    bytes.trim_ascii_start().starts_with(b"[")
}

struct Judge<'a> {
    engine: &'a mut dyn Decide,
    app: &'a App,
    metrics: &'a Metrics,
    deadline: Deadline,
}

impl Judge<'_> {
    fn score(&mut self, bytes: &[u8], in_sessions: bool) -> Outcome {
        match record::parse(bytes) {
            Ok(record) => {
                Outcome::Records(self.rendered(vec![Ok(record)], in_sessions).remove(0).to_string().into_bytes())
            }
            Err((id, error)) => self.unreadable(&id, &error),
        }
    }

    fn score_many(&mut self, bytes: &[u8], in_sessions: bool) -> Outcome {
        let values: Vec<Value> = match serde_json::from_slice(bytes) {
            Ok(values) => values,
            Err(error) => return self.unreadable(&Value::Null, &error.into()),
        };
        if values.len() > MAX_RECORDS {
            return self.unreadable(&Value::Null, &RecordError::TooMany { records: values.len(), most: MAX_RECORDS });
        }
        let records = values.into_iter().map(record::from_value).collect();
        Outcome::Records(Value::Array(self.rendered(records, in_sessions)).to_string().into_bytes())
    }

    /// One answer for each record, in order.
    fn rendered(&mut self, records: Vec<Result<ActionRecord, (Value, RecordError)>>, in_sessions: bool) -> Vec<Value> {
        let started = Instant::now();
        let mut calls: Vec<ToolCall> = records.iter().flatten().map(|record| record.call.clone()).collect();
        if !in_sessions {
            calls.iter_mut().for_each(|call| call.context.session_id = None);
        }
        let mut decisions = self.decide(&calls).into_iter();
        let share = started.elapsed().as_micros() / records.len().max(1) as u128;
        let elapsed = u64::try_from(share).unwrap_or(u64::MAX);
        let answer = |record: Result<ActionRecord, (Value, RecordError)>| match record {
            Ok(record) => {
                let decision = decisions.next().unwrap_or_else(|| self.app.fail_safe(&Failure::Score));
                record::decision_json(&record.id, &decision, self.app.stamp(), elapsed)
            }
            Err((id, error)) => self.error(&id, &error),
        };
        records.into_iter().map(answer).collect()
    }

    fn hook(&mut self, harness: Harness, environment: &HookEnvironment, input: &[u8]) -> Outcome {
        let reply = match self.app.settings().resolved.mode {
            Mode::Off => HookReply::default(),
            // The decision is made and recorded, and nobody is told.
            Mode::Monitor => {
                drop(self.hook_reply(harness, environment, input));
                HookReply::default()
            }
            Mode::Enforce => self.hook_reply(harness, environment, input),
        };
        Outcome::Hook(reply)
    }

    fn hook_reply(&mut self, harness: Harness, environment: &HookEnvironment, input: &[u8]) -> HookReply {
        let decide = |call: &ToolCall| {
            let call = self.app.informed(call);
            let decision = self.decide(std::slice::from_ref(call.as_ref())).pop();
            Ok::<_, HookError>(decision.unwrap_or_else(|| self.app.fail_safe(&Failure::Score)))
        };
        let reply = harness.answer(input, environment, decide);
        reply.unwrap_or_else(|error| harness.reply_failure(&error.to_string()))
    }

    fn decide(&mut self, calls: &[ToolCall]) -> Vec<Decision> {
        let started = Instant::now();
        let decisions = self.engine.decide(calls, self.deadline);
        self.metrics.decided(&decisions, started.elapsed());
        decisions
    }

    fn unreadable(&self, id: &Value, error: &RecordError) -> Outcome {
        Outcome::Unreadable(self.error(id, error).to_string().into_bytes())
    }

    fn error(&self, id: &Value, error: &RecordError) -> Value {
        let verdict = self.app.fail_safe(&Failure::Input(error.to_string())).verdict;
        record::error_json(id, error, verdict)
    }
}
