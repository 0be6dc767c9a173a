//! A change of the mode as a record: a gate that was off for a while must not look like one that had nothing to do.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};
use uuid::Uuid;

use super::chain::Sealed;
use super::entry;
use super::error::LogError;
use super::reader::Record;
use super::segment;

/// The kind of these records, beside `decision`.
const KIND: &str = "mode";

/// A change of the mode.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ModeEntry<'a> {
    /// The mode before, with all settings counted.
    pub from: &'a str,
    /// The mode that the file says then.
    pub to: &'a str,
    /// The settings file.
    pub file: &'a str,
    /// Where it was changed from.
    pub cwd: Option<&'a str>,
}

impl ModeEntry<'_> {
    /// The record's fields as a JSON object.
    pub(super) fn fields(&self) -> String {
        let Self { from, to, file, cwd } = self;
        json!({
            "kind": KIND, "id": Uuid::now_v7().to_string(), "time": jiff::Timestamp::now().to_string(),
            "who": {"user": entry::user(), "pid": std::process::id(), "program": entry::PROGRAM},
            "from": from, "to": to, "file": file, "cwd": cwd,
        })
        .to_string()
    }
}

impl Record {
    /// A decision or a change of the mode.
    pub(super) fn read_any(line: &[u8]) -> Option<Self> {
        let json: Value = serde_json::from_slice(line).ok()?;
        let is_sound = Sealed::read(line).is_some_and(|sealed| sealed.is_sound);
        matches!(json.get("kind")?.as_str()?, "decision" | KIND).then_some(Self { json, is_sound })
    }

    /// What a change of the mode changed: from, to, in which file; `None` for a decision.
    pub fn mode_change(&self) -> Option<[&str; 3]> {
        (self.text("/kind") == KIND).then(|| ["/from", "/to", "/file"].map(|name| self.text(name)))
    }
}

/// Gives every decision and every change of the mode of a log in order to `take`, until that wants no more.
pub fn read_with_changes(folder: &Path, mut take: impl FnMut(Record) -> bool) -> Result<(), LogError> {
    for number in segment::list(folder)? {
        let path = segment::path(folder, number);
        let bytes = fs::read(&path).map_err(LogError::io("read", &path))?;
        for record in bytes.split(|byte| *byte == b'\n').filter_map(Record::read_any) {
            if !take(record) {
                return Ok(());
            }
        }
    }
    Ok(())
}
