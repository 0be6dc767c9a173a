//! Lines of the log, transcripts and action records as actions of the past.

use serde_json::Value;

use super::super::score;
use super::super::stream::Line;
use crate::action::ToolCall;
use crate::audit::{self, Record};
use crate::engine::Logged;
use crate::harness::{Seen, SeenCall};
use crate::record;
use crate::transcript::Outcome;
use crate::verdict::{Source, Verdict};

/// Most characters of an action and of a request that are shown.
const SHOWN: usize = 160;
/// The tool under which texts come that another tool returned.
pub(super) const TEXT_TOOL: &str = "text";

/// A call by its session and the harness's name for it.
pub(super) type CallKey = (String, String);

/// What is known of an action's text.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Text {
    /// All of it.
    Whole(ToolCall),
    /// All but its secrets.
    Masked(ToolCall),
    /// Nothing.
    Nothing,
}

/// An action of the past.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Past {
    pub(super) id: String,
    /// Seconds since 1970.
    pub(super) at: Option<i64>,
    pub(super) tool: String,
    pub(super) text: Text,
    pub(super) subject: String,
    pub(super) request: Option<String>,
    pub(super) logged: Option<Logged>,
    /// Whether its record is what was written.
    pub(super) is_sound: bool,
    /// Whether this version of riskgate made the decision: then it read the action as it would now.
    pub(super) is_ours: bool,
    /// Whether the decision was only recorded: then nobody was asked.
    pub(super) monitored: bool,
    pub(super) outcome: Outcome,
    pub(super) key: Option<CallKey>,
}

/// What a line says.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Item {
    /// An action.
    Past(Box<Past>),
    /// What became of a call.
    Became(CallKey, Outcome),
    /// Not readable.
    Damaged,
    /// Nothing of interest.
    Nothing,
}

/// How a line of a source is read.
pub(super) trait Readable: Send {
    /// What it says.
    fn read(&self) -> Item;
}

/// A line of the log.
pub(super) struct LogLine(pub(super) Line);

impl Readable for LogLine {
    fn read(&self) -> Item {
        let Line::Whole(bytes) = &self.0 else { return Item::Damaged };
        match Record::read(bytes) {
            Some(record) => of_record(record).map_or(Item::Damaged, |past| Item::Past(Box::new(past))),
            // Records of the log itself end as all do; what was torn off does not.
            None if bytes.starts_with(b"{\"seq\":") && bytes.ends_with(b"\"}") => Item::Nothing,
            None => Item::Damaged,
        }
    }
}

fn of_record(mut record: Record) -> Option<Past> {
    let logged = logged(&record)?;
    let owned = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
    let key = owned(record.text("/who/session")).zip(owned(record.text("/who/call")));
    let (id, tool) = (record.text("/id").to_owned(), record.text("/what/tool").to_owned());
    let at = seconds(record.text("/time"));
    let (kept, monitored) = (record.text("/what/kept").to_owned(), record.text("/mode") == "monitor");
    let call = record.json.pointer_mut("/what/call").map(Value::take).unwrap_or_default();
    let call = record::from_value(call).ok().map(|record| record.call);
    let subject = call.as_ref().map_or_else(|| format!("{tool} (text not kept)"), subject);
    let text = match (call, kept.as_str()) {
        (Some(call), "whole") => Text::Whole(call),
        (Some(call), "redacted") => Text::Masked(call),
        _ => Text::Nothing,
    };
    let is_sound = record.is_sound;
    let is_ours = record.text("/who/program") == audit::PROGRAM;
    Some(Past {
        id,
        at,
        tool,
        text,
        subject,
        request: None,
        logged: Some(logged),
        is_sound,
        is_ours,
        monitored,
        outcome: Outcome::Unknown,
        key,
    })
}

/// What a record says of the decision; `None` when it does not say what every decision has.
fn logged(record: &Record) -> Option<Logged> {
    let reasons = record.json.pointer("/decision/reasons").and_then(Value::as_array);
    let code = |reason: &Value| reason.get("code").and_then(Value::as_str).map(str::to_owned);
    Some(Logged {
        verdict: record.text("/decision/verdict").parse::<Verdict>().ok()?,
        source: record.text("/decision/source").parse::<Source>().ok()?,
        zone: record.text("/decision/zone").parse().ok(),
        codes: reasons.into_iter().flatten().filter_map(code).collect(),
        assessment: audit::scores(record.text("/exact")),
        model: record.text("/decision/model").to_owned(),
        policy: record.text("/decision/policy").to_owned(),
    })
}

impl Readable for Seen {
    fn read(&self) -> Item {
        match self {
            Self::Call(seen) => Item::Past(Box::new(of_seen(seen))),
            // A call's name is its own in all sessions: one that was resumed has another.
            Self::Became { call, outcome } => Item::Became((String::new(), call.clone()), *outcome),
            Self::Damaged => Item::Damaged,
        }
    }
}

fn of_seen(seen: &SeenCall) -> Past {
    let SeenCall { time, request, call } = seen;
    let id = call.context.call_id.clone().unwrap_or_default();
    Past {
        key: call.context.call_id.clone().map(|id| (String::new(), id)),
        id,
        at: time.as_deref().and_then(seconds),
        tool: call.tool.clone(),
        subject: subject(call),
        request: request.as_deref().map(|request| plain(&score::shortened(request, SHOWN))),
        text: Text::Whole(call.clone()),
        logged: None,
        is_sound: true,
        is_ours: true,
        monitored: false,
        outcome: Outcome::Unknown,
    }
}

/// A line of action records.
pub(super) struct RecordLine(pub(super) Line);

/// What a record may say beside the call, for a replay alone.
#[derive(Default, serde::Deserialize)]
struct BesideWire {
    /// When it was: RFC 3339.
    #[serde(default)]
    time: Value,
    /// `ran` after a question, `unasked` when it ran without one, or `refused`.
    #[serde(default)]
    outcome: Value,
}

impl BesideWire {
    fn of(line: &Line) -> Self {
        match line {
            Line::Whole(bytes) => serde_json::from_slice(bytes).unwrap_or_default(),
            Line::TooLong(_) => Self::default(),
        }
    }

    fn outcome(&self) -> Outcome {
        match self.outcome.as_str() {
            Some("ran") => Outcome::Approved,
            Some("unasked") => Outcome::RanUnasked,
            Some("refused") => Outcome::Refused,
            _ => Outcome::Unknown,
        }
    }
}

impl Readable for RecordLine {
    fn read(&self) -> Item {
        let Ok(record) = self.0.parse() else { return Item::Damaged };
        let (call, beside) = (record.call, BesideWire::of(&self.0));
        Item::Past(Box::new(Past {
            id: super::super::labels::key(&record.id),
            at: beside.time.as_str().and_then(seconds),
            outcome: beside.outcome(),
            tool: call.tool.clone(),
            subject: subject(&call),
            request: call.context.user_request.as_deref().map(|text| plain(&score::shortened(text, SHOWN))),
            text: Text::Whole(call),
            logged: None,
            is_sound: true,
            is_ours: true,
            monitored: false,
            key: None,
        }))
    }
}

fn subject(call: &ToolCall) -> String {
    plain(&score::shortened(&score::summary(call), SHOWN))
}

/// On one line, and without anything that could steer a terminal or pose as something else.
fn plain(text: &str) -> String {
    let is_shown = |c: char| matches!(c, '"' | '\'' | '\\') || c.escape_debug().count() == 1;
    text.chars().map(|c| if is_shown(c) { c } else { char::REPLACEMENT_CHARACTER }).collect()
}

fn seconds(time: &str) -> Option<i64> {
    time.parse::<jiff::Timestamp>().ok().map(jiff::Timestamp::as_second)
}
