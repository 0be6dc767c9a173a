//! The files of a log: numbered segments, each beginning with a record that names it.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use super::chain::{Link, Sealed};
use super::error::LogError;

/// The path of a segment.
pub(super) fn path(folder: &Path, number: u64) -> PathBuf {
    folder.join(name(number))
}

/// A segment's file name.
pub(super) fn name(number: u64) -> String {
    format!("{number:010}.jsonl")
}

/// The numbers of the segments that are there, rising.
pub(super) fn list(folder: &Path) -> Result<Vec<u64>, LogError> {
    let entries = match fs::read_dir(folder) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(LogError::io("read", folder)(error)),
    };
    let mut numbers = Vec::new();
    for entry in entries {
        let entry = entry.map_err(LogError::io("read", folder))?;
        let name = entry.file_name();
        let digits = name.to_str().and_then(|name| name.strip_suffix(".jsonl")).filter(|digits| digits.len() == 10);
        numbers.extend(digits.and_then(|digits| digits.parse::<u64>().ok()).filter(|number| *number > 0));
    }
    numbers.sort_unstable();
    Ok(numbers)
}

/// How far bytes are a sound chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Walk {
    /// The last sound record; none when the first line is not sound.
    pub(super) link: Option<Link>,
    /// Bytes up to its end.
    pub(super) bytes: usize,
}

/// Follows a chain from its start, or from after `link`, as far as it is sound.
pub(super) fn walk(bytes: &[u8], link: Option<Link>) -> Walk {
    let mut walk = Walk { link, bytes: 0 };
    for line in bytes.split_inclusive(|byte| *byte == b'\n') {
        let sealed = line.strip_suffix(b"\n").and_then(Sealed::read).filter(|sealed| sealed.is_sound);
        let Some(sealed) = sealed.filter(|sealed| walk.link.is_none_or(|link| sealed.follows(link))) else { break };
        walk = Walk { link: Some(sealed.link), bytes: walk.bytes + line.len() };
    }
    walk
}
