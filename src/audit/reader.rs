//! The decisions of a log as values, and which of them somebody wants to see.

use std::collections::VecDeque;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::chain::Sealed;
use super::error::LogError;
use super::segment;

/// A decision that was logged.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// All of it.
    pub json: Value,
    /// Whether its content fits its hash; `verify` looks at more than that.
    pub is_sound: bool,
}

impl Record {
    /// The decision on a line of the log; `None` for what is no decision.
    pub fn read(line: &[u8]) -> Option<Self> {
        let json: Value = serde_json::from_slice(line).ok()?;
        let is_sound = Sealed::read(line).is_some_and(|sealed| sealed.is_sound);
        (json.get("kind")?.as_str()? == "decision").then_some(Self { json, is_sound })
    }

    /// A string in it; empty when there is none.
    pub fn text(&self, pointer: &str) -> &str {
        self.json.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
    }

    /// A whole number in it; 0 when there is none.
    pub fn number(&self, pointer: &str) -> u64 {
        self.json.pointer(pointer).and_then(Value::as_u64).unwrap_or_default()
    }

    /// A number in it.
    pub fn float(&self, pointer: &str) -> Option<f64> {
        self.json.pointer(pointer).and_then(Value::as_f64)
    }

    /// The strings of a list in it.
    pub fn list(&self, pointer: &str) -> impl Iterator<Item = &str> {
        self.json.pointer(pointer).and_then(Value::as_array).into_iter().flatten().filter_map(Value::as_str)
    }

    /// The side effects that are likelier than not.
    pub fn effects(&self) -> impl Iterator<Item = &str> {
        let effects = self.json.pointer("/decision/assessment/effects").and_then(Value::as_object);
        let likely = |(_, value): &(&String, &Value)| value.as_f64().is_some_and(|probability| probability >= 0.5);
        effects.into_iter().flatten().filter(likely).map(|(name, _)| name.as_str())
    }

    /// The action in a line: the command, the path or address, else the arguments; empty when no text was kept.
    pub fn subject(&self) -> String {
        let input = self.json.pointer("/what/call/input").unwrap_or(&Value::Null);
        let known = ["command", "file_path", "notebook_path", "url", "path", "pattern", "query", "text"];
        let named = known.iter().find_map(|name| input.get(name).and_then(Value::as_str));
        let text = named.map_or_else(|| if input.is_null() { String::new() } else { input.to_string() }, str::to_owned);
        text.chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
    }
}

/// Which decisions; what is absent does not matter.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Filter {
    /// `allow`, `ask` or `deny`.
    pub verdict: Option<String>,
    /// The tool's name.
    pub tool: Option<String>,
    /// Who settled it, for example `model`.
    pub source: Option<String>,
    /// A side effect that is likelier than not.
    pub effect: Option<String>,
    /// The harness's session.
    pub session: Option<String>,
    /// The code of a reason.
    pub rule: Option<String>,
    /// A part of the action's text.
    pub contains: Option<String>,
    /// Not before.
    pub since: Option<jiff::Timestamp>,
    /// Before.
    pub until: Option<jiff::Timestamp>,
}

impl Filter {
    /// Whether it wants a record.
    pub fn wants(&self, record: &Record) -> bool {
        let is =
            |wanted: &Option<String>, pointer: &str| wanted.as_deref().is_none_or(|text| text == record.text(pointer));
        let has_reason = |code: &String| {
            let reasons = record.json.pointer("/decision/reasons").and_then(Value::as_array);
            reasons.into_iter().flatten().any(|reason| reason.get("code").and_then(Value::as_str) == Some(code))
        };
        is(&self.verdict, "/decision/verdict")
            && is(&self.tool, "/what/tool")
            && is(&self.source, "/decision/source")
            && is(&self.session, "/who/session")
            && self.effect.as_deref().is_none_or(|effect| record.effects().any(|found| found == effect))
            && self.rule.as_ref().is_none_or(has_reason)
            && self.contains.as_ref().is_none_or(|part| record.subject().contains(part))
            && self.is_in_time(record)
    }

    fn is_in_time(&self, record: &Record) -> bool {
        if self.since.is_none() && self.until.is_none() {
            return true;
        }
        // A time that cannot be read is shown rather than hidden.
        let Ok(at) = record.text("/time").parse::<jiff::Timestamp>() else { return true };
        self.since.is_none_or(|since| at >= since) && self.until.is_none_or(|until| at < until)
    }
}

/// All segments of a log, one after the other, as they stand: for readers that look at lines by themselves.
pub struct Segments {
    paths: VecDeque<PathBuf>,
    current: Option<File>,
    /// The bytes of all.
    pub n_bytes: u64,
}

impl Segments {
    /// Of a folder; nothing is read yet, and nothing ever written.
    pub fn open(folder: &Path) -> Result<Self, LogError> {
        let paths: VecDeque<PathBuf> =
            segment::list(folder)?.into_iter().map(|number| segment::path(folder, number)).collect();
        let n_bytes = paths.iter().map(|path| fs::metadata(path).map_or(0, |found| found.len())).sum();
        Ok(Self { paths, current: None, n_bytes })
    }
}

impl Read for Segments {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if buffer.is_empty() {
            return Ok(0);
        }
        if let Some(file) = &mut self.current {
            let n = file.read(buffer)?;
            if n > 0 {
                return Ok(n);
            }
            self.current = None;
            // A record whose writing broke off has no line end, and what follows is no part of it.
            buffer.iter_mut().take(1).for_each(|byte| *byte = b'\n');
            return Ok(1);
        }
        let Some(path) = self.paths.pop_front() else { return Ok(0) };
        self.current = Some(File::open(path)?);
        self.read(buffer)
    }
}

/// Gives every decision of a log in order to `take`, until that wants no more.
pub fn read_all(folder: &Path, mut take: impl FnMut(Record) -> bool) -> Result<(), LogError> {
    for number in segment::list(folder)? {
        let path = segment::path(folder, number);
        let bytes = fs::read(&path).map_err(LogError::io("read", &path))?;
        for record in bytes.split(|byte| *byte == b'\n').filter_map(Record::read) {
            if !take(record) {
                return Ok(());
            }
        }
    }
    Ok(())
}

/// The decision with an id, or the only one whose id begins or ends so.
pub fn record_by_id(folder: &Path, id: &str) -> Result<Option<Record>, LogError> {
    let (mut exact, mut alike, mut n_alike) = (None, None, 0_usize);
    read_all(folder, |record| {
        let found = record.text("/id");
        if found == id {
            exact = Some(record);
            return false;
        }
        if id.len() >= 4 && (found.starts_with(id) || found.ends_with(id)) {
            n_alike += 1;
            alike = Some(record);
        }
        true
    })?;
    Ok(exact.or(alike.filter(|_| n_alike == 1)))
}

/// Gives the decisions and changes of the mode that are appended from now on.
pub struct Follower {
    folder: PathBuf,
    segment: u64,
    offset: usize,
}

impl Follower {
    /// From the present end of the log.
    pub fn at_end(folder: &Path) -> Result<Self, LogError> {
        let segment = segment::list(folder)?.last().copied().unwrap_or(1);
        let offset = fs::metadata(segment::path(folder, segment)).map_or(0, |found| found.len());
        Ok(Self { folder: folder.to_owned(), segment, offset: usize::try_from(offset).unwrap_or(usize::MAX) })
    }

    /// What was appended since the last time.
    pub fn appended(&mut self) -> Result<Vec<Record>, LogError> {
        let mut records = Vec::new();
        let first = self.segment;
        for number in segment::list(&self.folder)?.into_iter().filter(|number| *number >= first) {
            let path = segment::path(&self.folder, number);
            let bytes = fs::read(&path).map_err(LogError::io("read", &path))?;
            let offset = if number == self.segment { self.offset } else { 0 };
            // After a crash the end is cut back.
            let new = bytes.get(offset..).unwrap_or_default();
            let whole = new.iter().rposition(|byte| *byte == b'\n').map_or(0, |at| at + 1);
            let lines = new.get(..whole).unwrap_or_default();
            records.extend(lines.split(|byte| *byte == b'\n').filter_map(Record::read_any));
            (self.segment, self.offset) = (number, offset.min(bytes.len()) + whole);
        }
        Ok(records)
    }
}
