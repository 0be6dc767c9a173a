//! A log line by line: what breaks its chain, what its own records say of it, and what lies beside it.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use super::chain::{Hash, Link, Sealed};
use super::head::{self, Head};
use super::verify::{Examined, ExaminedLine, Finding, Report, Severity};
use super::{key, retention, segment, writer};

/// Findings after which the rest is only counted.
const MOST_FINDINGS: usize = 100;

/// A line of a segment.
#[derive(Debug, Clone, Copy)]
struct Place {
    segment: u64,
    line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", segment::name(self.segment), self.line)
    }
}

/// A check under way.
pub(super) struct Check {
    pub(super) report: Report,
    public: Option<String>,
    /// The record before the first.
    first: Option<Link>,
    /// Where a log may begin, as signed retention records say.
    beginnings: Vec<Link>,
    /// The number of the segment read last.
    segment: Option<u64>,
    /// Lines of it so far.
    n_lines: usize,
    /// What stands behind its last line end.
    rest: usize,
    wanted: Option<Hash>,
    found: bool,
    /// The hashes of the records that the head and the checkpoints beside the log name, as they are found.
    hashes: BTreeMap<u64, Option<Hash>>,
}

impl Check {
    pub(super) fn new(public: Option<String>, expected: Option<Hash>) -> Self {
        let report =
            Report { n_records: 0, n_segments: 0, n_checkpoints: 0, last: None, findings: Vec::new(), n_findings: 0 };
        Self {
            report,
            public,
            first: None,
            beginnings: vec![Link::GENESIS],
            segment: None,
            n_lines: 0,
            rest: 0,
            wanted: expected,
            found: false,
            hashes: BTreeMap::new(),
        }
    }

    /// Keeps the hashes of the records that the head and the checkpoints beside the log name.
    pub(super) fn look_for(&mut self, head: Option<Head>, checkpoints: &str) {
        self.hashes.extend(lines(checkpoints).filter_map(noted).map(|(noted, _)| (noted.seq, None)));
        self.hashes.extend(head.map(|head| (head.link.seq, None)));
    }

    fn find(&mut self, severity: Severity, code: &'static str, place: impl ToString, text: impl Into<String>) {
        self.report.n_findings += 1;
        // What breaks the log must not be crowded out by notes.
        if self.report.findings.len() < MOST_FINDINGS || (severity == Severity::Broken && self.report.is_sound()) {
            self.report.findings.push(Finding { severity, code, place: place.to_string(), text: text.into() });
        }
    }

    /// The pieces of all segments, in order.
    pub(super) fn piece(&mut self, piece: Examined) {
        if self.segment != Some(piece.segment) {
            self.segment(piece.segment);
        }
        let mut start = 0;
        for line in piece.lines {
            self.n_lines += 1;
            let bytes = piece.bytes.get(start..line.end).unwrap_or_default();
            start = line.end;
            self.line(Place { segment: piece.segment, line: self.n_lines }, bytes, &line);
        }
        self.rest = piece.bytes.len() - start;
    }

    /// Begins with a segment.
    fn segment(&mut self, number: u64) {
        self.torn();
        if let Some(before) = self.segment.filter(|before| before + 1 != number) {
            let missing = if before + 2 == number { "a segment is" } else { "segments are" };
            self.find(
                Severity::Broken,
                "segment_missing",
                segment::name(number),
                format!("{missing} missing between {before} and {number}"),
            );
        }
        self.report.n_segments += 1;
        (self.segment, self.n_lines) = (Some(number), 0);
    }

    /// What stands behind the last line of a segment.
    fn torn(&mut self) {
        let rest = std::mem::take(&mut self.rest);
        if let Some(segment) = self.segment.filter(|_| rest > 0) {
            let text = format!("{rest} bytes of a record whose writing broke off; the next append sets them aside");
            self.find(Severity::Note, "torn", Place { segment, line: self.n_lines + 1 }, text);
        }
    }

    fn line(&mut self, place: Place, bytes: &[u8], line: &ExaminedLine) {
        self.report.n_records += 1;
        let Some(sealed) = line.sealed else {
            let text = "not a record; it was changed or put there";
            return self.find(Severity::Broken, "unreadable", place, text);
        };
        let seq = sealed.link.seq;
        if !sealed.is_sound {
            let text = format!("record {seq} was edited: its content does not fit its hash");
            self.find(Severity::Broken, "edited", place, text);
        }
        self.order(place, &sealed);
        self.found |= self.wanted == Some(sealed.link.hash);
        if let Some(hash) = self.hashes.get_mut(&seq) {
            *hash = Some(sealed.link.hash);
        }
        self.report.last = Some(sealed.link);
        if sealed.is_sound && line.may_be_special {
            self.special(place, bytes, &sealed);
        }
    }

    fn order(&mut self, place: Place, sealed: &Sealed) {
        let Link { seq, .. } = sealed.link;
        let Some(last) = self.report.last else {
            self.first = Some(Link { seq: seq.saturating_sub(1), hash: sealed.prev });
            return;
        };
        let next = last.seq.saturating_add(1);
        let (code, text) = match seq {
            _ if seq == next && sealed.prev == last.hash => return,
            _ if seq == next => (
                "replaced",
                format!(
                    "record {seq} does not follow from the record {} before it: that one, or this, was replaced",
                    last.seq
                ),
            ),
            _ if seq > next && seq - next == 1 => ("deleted", format!("record {next} is missing before record {seq}")),
            _ if seq > next => ("deleted", format!("records {next} to {} are missing before record {seq}", seq - 1)),
            _ => ("moved", format!("record {seq} stands after record {}: it was moved or repeated", last.seq)),
        };
        self.find(Severity::Broken, code, place, text);
    }

    /// Records that say something of the log itself.
    fn special(&mut self, place: Place, line: &[u8], sealed: &Sealed) {
        let Ok(record) = serde_json::from_slice::<Value>(line) else { return };
        match record.get("kind").and_then(Value::as_str) {
            Some("checkpoint") => self.checkpoint(place, &record, sealed),
            Some("retention") => self.retention(place, &record),
            Some("recovery") => self.recovery(place, &record),
            Some("segment") => self.opening(place, &record),
            _ => {}
        }
    }

    fn checkpoint(&mut self, place: Place, record: &Value, sealed: &Sealed) {
        self.report.n_checkpoints += 1;
        // What is signed is the record before: an old signature in a chain that was made anew covers another one.
        let before = Link { seq: sealed.link.seq.saturating_sub(1), hash: sealed.prev };
        if link(record.get("covers")) != Some(before) || !self.is_signed(writer::ABOUT, before, record) {
            self.find(Severity::Broken, "signature", place, "the checkpoint was not signed by this log's key");
        }
    }

    fn retention(&mut self, place: Place, record: &Value) {
        match link(record.get("through")) {
            Some(through) if self.is_signed(retention::ABOUT, through, record) => self.beginnings.push(through),
            _ => self.find(
                Severity::Broken,
                "signature",
                place,
                "the removal of old segments was not signed by this log's key",
            ),
        }
    }

    fn recovery(&mut self, place: Place, record: &Value) {
        let event = record.get("event").unwrap_or(&Value::Null);
        let number = |name: &str| event.pointer(name).and_then(Value::as_u64).unwrap_or_default();
        match event.get("what").and_then(Value::as_str) {
            Some("torn") => {
                let text = format!(
                    "after a crash, {} bytes of a record whose writing broke off were set aside",
                    number("/bytes")
                );
                self.find(Severity::Note, "torn", place, text);
            }
            Some("foreign") => {
                let text = format!(
                    "{} bytes that were no records stood at the end of the log and were set aside",
                    number("/bytes")
                );
                self.find(Severity::Broken, "foreign", place, text);
            }
            Some("lost") => {
                let text = format!(
                    "records up to {} had been written and were gone: cut off, or lost in a power failure",
                    number("/through/seq")
                );
                self.find(Severity::Broken, "lost", place, text);
            }
            Some("new_key") => {
                self.find(Severity::Broken, "new_key", place, "the log's key was gone; a new one was made")
            }
            _ => self.find(Severity::Broken, "no_head", place, "the head of the log was gone or not made with its key"),
        }
    }

    fn opening(&mut self, place: Place, record: &Value) {
        let (signer, number) =
            (record.get("key").and_then(Value::as_str), record.get("segment").and_then(Value::as_u64));
        if signer != self.public.as_deref() && self.public.is_some() {
            self.find(Severity::Broken, "key", place, "the segment was begun with another key");
        }
        if number != self.segment {
            self.find(Severity::Broken, "renamed", place, "the segment's own number is not that of its file");
        }
    }

    fn is_signed(&self, about: &str, link: Link, record: &Value) -> bool {
        let text = |name: &str| record.get(name).and_then(Value::as_str).unwrap_or_default();
        let public = self.public.as_deref().unwrap_or_else(|| text("key"));
        key::is_signed(public, about, link, text("signature"))
    }

    /// After the last segment: whether the log begins where it may.
    pub(super) fn start(&mut self) {
        self.torn();
        if let Some(first) = self.first.filter(|first| !self.beginnings.contains(first)) {
            let text = format!(
                "the log begins after record {}, and no signed record says that what came before was removed",
                first.seq
            );
            self.find(Severity::Broken, "beginning", "the first segment", text);
        }
    }

    /// The checkpoints beside the log: each must be a record that is there, or one that was removed by retention.
    pub(super) fn noted_checkpoints(&mut self, text: &str) {
        let first = self.first.map_or(0, |first| first.seq);
        if text.is_empty() && self.report.n_checkpoints > 1 {
            self.find(Severity::Broken, "truncated", writer::CHECKPOINTS, "the checkpoints beside the log are gone");
        }
        for (index, line) in lines(text).enumerate() {
            let place = format!("{}:{}", writer::CHECKPOINTS, index + 1);
            let Some((noted, signature)) = noted(line) else {
                self.find(Severity::Broken, "unreadable", place, "not a checkpoint");
                continue;
            };
            let signed =
                self.public.as_deref().is_some_and(|public| key::is_signed(public, writer::ABOUT, noted, signature));
            self.report.n_checkpoints += 1;
            if !signed {
                self.find(Severity::Broken, "signature", place, "the checkpoint was not signed by this log's key");
            } else if noted.seq > first && self.hashes.get(&noted.seq).copied().flatten() != Some(noted.hash) {
                let text = match self.report.last {
                    Some(last) if last.seq >= noted.seq => {
                        format!("record {} is not the one that was signed", noted.seq)
                    }
                    last => format!(
                        "record {} was signed and is not there: the log ends with record {}",
                        noted.seq,
                        last.map_or(0, |last| last.seq)
                    ),
                };
                self.find(Severity::Broken, "truncated", place, text);
            }
        }
    }

    pub(super) fn head(&mut self, head: Option<Head>) {
        let Some(head) = head else {
            if self.report.n_records > 0 {
                self.find(
                    Severity::Broken,
                    "head",
                    head::FILE,
                    "the head is missing or was not made with this log's key",
                );
            }
            return;
        };
        let last = self.report.last.unwrap_or(Link::GENESIS);
        if head.link == last || self.hashes.get(&head.link.seq).copied().flatten() == Some(head.link.hash) {
            // Later records were written and their head was not: the next append takes them in.
            return;
        }
        let text = if head.link.seq > last.seq {
            format!("the log was cut off: it ends with record {}, and {} had been written", last.seq, head.link.seq)
        } else {
            format!("record {} is not the one that was written last", head.link.seq)
        };
        self.find(Severity::Broken, "truncated", head::FILE, text);
    }

    pub(super) fn expected(&mut self) {
        if let Some(wanted) = self.wanted.filter(|_| !self.found) {
            self.find(Severity::Broken, "expected", "the log", format!("no record has the expected hash {wanted}"));
        }
    }
}

fn link(value: Option<&Value>) -> Option<Link> {
    let value = value?;
    Some(Link { seq: value.get("seq")?.as_u64()?, hash: Hash::parse(value.get("hash")?.as_str()?)? })
}

/// The whole lines of the checkpoints beside the log; one whose writing broke off is none.
fn lines(checkpoints: &str) -> impl Iterator<Item = &str> {
    checkpoints.rfind('\n').and_then(|at| checkpoints.get(..at)).unwrap_or_default().lines()
}

fn noted(line: &str) -> Option<(Link, &str)> {
    let mut words = line.split(' ');
    let link = Link { seq: words.next()?.parse().ok()?, hash: Hash::parse(words.next()?)? };
    Some((link, words.next()?))
}
