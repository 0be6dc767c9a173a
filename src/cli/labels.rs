//! Labels files: read, joined into one table, with everything that is wrong with them told.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use serde_json::Value;

use super::io;
use super::printer::Printer;
use super::stream::Line;
use crate::evaluate::Label;
use crate::record::{self, RecordError};

/// Most single complaints of one kind; the rest is counted.
pub(super) const MOST_COMPLAINTS: usize = 5;

/// All labels by the JSON text of their id.
#[derive(Debug, Default)]
pub(super) struct Labels {
    by_id: BTreeMap<String, Label>,
    contradictory: BTreeSet<String>,
    /// Labels that only repeat another.
    pub(super) repeated: usize,
    /// Lines that are no label.
    pub(super) malformed: usize,
}

impl Labels {
    /// Reads all files and complains on `printer` about lines that are no label.
    pub(super) fn read(files: &[PathBuf], printer: &Printer) -> anyhow::Result<Self> {
        let mut labels = Self::default();
        for file in files {
            let lines = io::lines(file)?;
            let lines = lines.iter().enumerate().filter(|(_, line)| !line.is_blank());
            lines.for_each(|(index, line)| labels.take(file, index + 1, line, printer));
        }
        if labels.malformed > MOST_COMPLAINTS {
            printer.remark(format!("{} malformed labels in all", labels.malformed));
        }
        // What a contradictory id really is nobody knows.
        for id in &labels.contradictory {
            labels.by_id.remove(id);
        }
        Ok(labels)
    }

    fn take(&mut self, file: &Path, number: usize, line: &Line, printer: &Printer) {
        let parsed = match line {
            Line::Whole(bytes) => record::parse_label(bytes),
            Line::TooLong(bytes) => Err(RecordError::TooLarge { bytes: *bytes }),
        };
        match parsed {
            Ok((id, label)) => self.add(key(&id), label),
            Err(error) => {
                self.malformed += 1;
                if self.malformed <= MOST_COMPLAINTS {
                    printer.remark(format!("{}:{number}: not a label: {error}", file.display()));
                }
            }
        }
    }

    fn add(&mut self, id: String, label: Label) {
        match self.by_id.entry(id) {
            Entry::Vacant(place) => {
                place.insert(label);
            }
            Entry::Occupied(known) if *known.get() == label => self.repeated += 1,
            Entry::Occupied(known) => {
                self.contradictory.insert(known.key().clone());
            }
        }
    }

    /// The label for a record's id.
    pub(super) fn get(&self, id: &Value) -> Option<&Label> {
        self.by_id.get(&key(id))
    }

    /// Distinct ids.
    pub(super) fn len(&self) -> usize {
        self.by_id.len()
    }

    /// Ids whose labels contradict each other.
    pub(super) fn n_contradictory(&self) -> usize {
        self.contradictory.len()
    }
}

/// An id as text, by which labels and records are joined: `7` and `"7"` are one.
pub(super) fn key(id: &Value) -> String {
    id.as_str().map_or_else(|| id.to_string(), str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn repeated_labels_count_once_and_contradictory_ones_not_at_all() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("labels.jsonl");
        let lines = [
            r#"{"id":"a","risk":0}"#,
            r#"{"id":"a","risk":0}"#,
            r#"{"id":"b","risk":0}"#,
            "",
            r#"{"id":"b","risk":2}"#,
            r#"{"id":"b","risk":0}"#,
            r#"{"id":7,"risk":1}"#,
            "nonsense",
        ];
        std::fs::write(&path, lines.join("\n")).unwrap();
        let labels = Labels::read(&[path], &Printer).unwrap();
        assert_eq!((labels.len(), labels.repeated, labels.malformed, labels.n_contradictory()), (2, 2, 1, 1));
        assert!(labels.get(&Value::from("b")).is_none());
        assert!(labels.get(&Value::from(7)).is_some() && labels.get(&Value::from("7")).is_some());
    }
}
