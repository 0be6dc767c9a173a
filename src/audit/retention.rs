//! What is kept: whole segments go, oldest first, and a signed record says up to where, so that the chain still has a
//! beginning that can be checked.

use std::fs;
use std::path::Path;
use std::time::{Duration, SystemTime};

use serde_json::json;

use super::chain::{Hash, Link, Sealed};
use super::error::LogError;
use super::key::Key;
use super::segment;

/// What a signature of a retention record is about.
pub(super) const ABOUT: &str = "retention";

/// What is kept. Segments go as wholes, so a little more than that is kept.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Retention {
    /// Age after which records go; forever when absent.
    pub age: Option<Duration>,
    /// Bytes of all segments above which the oldest go; without limit when absent.
    pub bytes: Option<u64>,
}

/// Segments that go.
pub(super) struct Removal {
    /// Their numbers.
    pub(super) segments: Vec<u64>,
    /// The last record of the last of them.
    pub(super) through: Link,
}

impl Removal {
    /// What a log with `current` as its last segment has too much; none when that is nothing.
    pub(super) fn plan(folder: &Path, current: u64, retention: Retention) -> Result<Option<Self>, LogError> {
        if retention == Retention::default() {
            return Ok(None);
        }
        let mut files = Vec::new();
        for number in segment::list(folder)?.into_iter().filter(|number| *number <= current) {
            let path = segment::path(folder, number);
            files.push((number, fs::metadata(&path).map_err(LogError::io("look at", &path))?));
        }
        let mut total: u64 = files.iter().map(|(_, metadata)| metadata.len()).sum();
        let mut segments = Vec::new();
        for (number, metadata) in files.iter().filter(|(number, _)| *number < current) {
            let age = metadata.modified().ok().and_then(|at| SystemTime::now().duration_since(at).ok());
            let too_old = retention.age.is_some_and(|most| age.is_some_and(|age| age > most));
            let too_much = retention.bytes.is_some_and(|most| total > most);
            if !too_old && !too_much {
                break;
            }
            total = total.saturating_sub(metadata.len());
            segments.push(*number);
        }
        let Some(last) = segments.last() else { return Ok(None) };
        // Where the next segment cannot be read nothing goes: its beginning is what the record would have to say.
        Ok(before(folder, last + 1)?.map(|through| Self { segments, through }))
    }

    /// The record of it.
    pub(super) fn fields(&self, time: &str, key: &Key) -> String {
        let Link { seq, hash } = self.through;
        json!({
            "kind": "retention", "time": time, "segments": self.segments.len(),
            "through": {"segment": self.segments.last(), "seq": seq, "hash": hash.to_string()},
            "key": key.public(), "signature": key.sign(ABOUT, self.through),
        })
        .to_string()
    }

    /// Removes the files.
    pub(super) fn carry_out(&self, folder: &Path) -> Result<(), LogError> {
        for number in &self.segments {
            let path = segment::path(folder, *number);
            fs::remove_file(&path).map_err(LogError::io("remove", &path))?;
        }
        Ok(())
    }
}

/// The record before the first of a segment, as that segment says.
fn before(folder: &Path, number: u64) -> Result<Option<Link>, LogError> {
    use std::io::{BufRead as _, BufReader};
    let path = segment::path(folder, number);
    let file = fs::File::open(&path).map_err(LogError::io("open", &path))?;
    let mut line = Vec::new();
    BufReader::new(file).read_until(b'\n', &mut line).map_err(LogError::io("read", &path))?;
    let first = line.strip_suffix(b"\n").and_then(Sealed::read).filter(|sealed| sealed.is_sound);
    Ok(first.map(|first| Link { seq: first.link.seq.saturating_sub(1), hash: Hash(first.prev.0) }))
}
