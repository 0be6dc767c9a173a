//! What an append does when the log does not end where its head says: after a crash, and after somebody changed it.
//!
//! Sound records after the head are taken in: a process died before it wrote the head. What follows the last sound record
//! is set aside, into a record of its own. What is lost or cannot be accounted for gets a record, too, which `verify` goes on
//! reporting: the log lives on, and cannot be made to forget.

use std::fs;

use base64::Engine as _;
use serde_json::{Value, json};

use super::chain::{Hash, Link, seal};
use super::error::LogError;
use super::head::Head;
use super::segment::{self, Walk};
use super::writer::{Open, Options, opening};

/// Most bytes of what is set aside that its record holds.
const MOST_ASIDE: usize = 64 * 1024;

/// Where the log ends, and what is to be written there before anything else.
pub(super) struct Recovered {
    pub(super) head: Head,
    pub(super) lines: String,
}

/// The end of a log as its segments show it.
struct End {
    segment: u64,
    walk: Walk,
    /// What follows the last sound record.
    rest: Vec<u8>,
}

impl Open {
    /// Finds the end of the log and makes it sound.
    pub(super) fn recover(&mut self, options: &Options) -> Result<Recovered, LogError> {
        // The one that is open may have lost its name.
        self.segment = None;
        let noted = self.noted_head();
        let usable = noted.filter(|_| !self.is_new_key);
        let numbers = segment::list(&options.folder)?;
        let mut events = Vec::new();
        let Some(end) = self.end(options, &numbers, usable)? else {
            return self.begin(options, usable);
        };
        let link = end.walk.link.unwrap_or(Link::GENESIS);
        if !end.rest.is_empty() {
            events.push(set_aside(&end.rest));
        }
        match usable {
            _ if self.is_new_key => events.push(json!({"what": "new_key", "key": self.key.public()})),
            None => events.push(json!({"what": "no_head"})),
            Some(head) if head.link.seq > link.seq => events.push(lost(head.link)),
            Some(_) => {}
        }
        let file = self.segment_file(options, end.segment)?;
        let path = segment::path(&options.folder, end.segment);
        file.set_len(end.walk.bytes as u64).map_err(LogError::io("cut", &path))?;
        self.is_new_key = false;
        let mut head = Head {
            segment: end.segment,
            offset: end.walk.bytes as u64,
            link,
            signed_s: usable.map_or(0, |head| head.signed_s),
        };
        let mut lines = String::new();
        if head.offset == 0 {
            head.link = seal(head.link, &opening(end.segment, &self.key), &mut lines);
        }
        for event in events {
            head.link = seal(head.link, &recorded(event), &mut lines);
        }
        Ok(Recovered { head, lines })
    }

    /// The beginning of a log of which there is nothing; or nothing any more.
    fn begin(&mut self, options: &Options, noted: Option<Head>) -> Result<Recovered, LogError> {
        let mut lines = String::new();
        let segment = noted.map_or(1, |head| head.segment);
        let mut head = Head { segment, offset: 0, link: Link::GENESIS, signed_s: 0 };
        if noted.is_none() {
            // Before the first record, so that a crash between the two leaves a head that says what is missing: nothing.
            self.note(options, head)?;
        }
        head.link = seal(Link::GENESIS, &opening(segment, &self.key), &mut lines);
        if let Some(noted) = noted.filter(|noted| noted.link.seq > 0) {
            head.link = seal(head.link, &recorded(lost(noted.link)), &mut lines);
        }
        self.is_new_key = false;
        Ok(Recovered { head, lines })
    }

    /// The last record that is sound: after the head where that fits, else by walking the last segment that has any.
    fn end(&self, options: &Options, numbers: &[u64], head: Option<Head>) -> Result<Option<End>, LogError> {
        let mut later = None;
        for number in numbers.iter().rev() {
            let path = segment::path(&options.folder, *number);
            let bytes = fs::read(&path).map_err(LogError::io("read", &path))?;
            let walk = walk_segment(&bytes, head.filter(|head| head.segment == *number));
            let rest = bytes.get(walk.bytes..).unwrap_or_default().to_vec();
            if walk.link.is_some() {
                // A later segment that holds no sound record begins after this one's last.
                let end = later.map_or(End { segment: *number, walk, rest }, |(segment, rest)| End {
                    segment,
                    walk: Walk { link: walk.link, bytes: 0 },
                    rest,
                });
                return Ok(Some(end));
            }
            later = Some((*number, rest));
        }
        let nothing = |(segment, rest)| End { segment, walk: Walk { link: None, bytes: 0 }, rest };
        Ok(later.filter(|(_, rest)| !rest.is_empty()).map(nothing))
    }
}

/// How far a segment is sound; what lies before a head that fits need not be walked.
fn walk_segment(bytes: &[u8], head: Option<Head>) -> Walk {
    let after = head.and_then(|head| {
        let offset = usize::try_from(head.offset).ok()?;
        let rest = bytes.get(offset..)?;
        let walk = segment::walk(rest, Some(head.link));
        Some(Walk { link: walk.link, bytes: offset + walk.bytes })
    });
    after.unwrap_or_else(|| segment::walk(bytes, None))
}

/// A write that broke off has no line end; anything else was put there.
fn set_aside(rest: &[u8]) -> Value {
    let what = if rest.contains(&b'\n') { "foreign" } else { "torn" };
    let kept = rest.get(..rest.len().min(MOST_ASIDE)).unwrap_or_default();
    json!({
        "what": what, "bytes": rest.len(), "sha256": Hash::of(rest).to_string(),
        "content": base64::engine::general_purpose::STANDARD.encode(kept),
    })
}

fn lost(link: Link) -> Value {
    json!({"what": "lost", "through": {"seq": link.seq, "hash": link.hash.to_string()}})
}

fn recorded(event: Value) -> String {
    json!({"kind": "recovery", "time": jiff::Timestamp::now().to_string(), "event": event}).to_string()
}
