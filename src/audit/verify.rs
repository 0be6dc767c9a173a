//! Whether a log is what was written: every record's hash, the chain over all segments, the checkpoints' signatures, the
//! head, and what the log itself says was lost. Each finding says where.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::panic;
use std::path::Path;

use memchr::memmem::Finder;

use super::chain::{Hash, Link, Sealed};
use super::check::Check;
use super::error::LogError;
use super::head::{self, Head};
use super::key::{self, Key};
use super::{segment, writer};
use crate::parallel::{self, Pieces};
use crate::private;

/// Bytes that are read and hashed at a time, and a line more.
const PIECE: u64 = 512 * 1024;
/// Bytes of the stack of a thread that hashes.
const STACK: usize = 256 * 1024;
/// Bytes of a line within which its kind stands: number, predecessor and kind are its first fields.
const KIND_WITHIN: usize = 160;
const KIND: &[u8] = b"\"kind\":\"";
/// Kinds of records that say something of the log itself, each with the quote that ends it.
const SPECIAL: [&[u8]; 4] = [b"checkpoint\"", b"retention\"", b"recovery\"", b"segment\""];

/// How bad a finding is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// What a crash leaves; nothing that was acknowledged is missing.
    Note,
    /// The log is not what was written.
    Broken,
}

/// Something that is not as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// How bad it is.
    pub severity: Severity,
    /// A stable code, for example `edited`.
    pub code: &'static str,
    /// The file, and the line from 1 where there is one.
    pub place: String,
    /// For a person.
    pub text: String,
}

/// What was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    /// Records read.
    pub n_records: u64,
    /// Segments read.
    pub n_segments: usize,
    /// Checkpoints whose signatures were checked.
    pub n_checkpoints: usize,
    /// The last record.
    pub last: Option<Link>,
    /// The first findings, in the order of the log.
    pub findings: Vec<Finding>,
    /// All findings.
    pub n_findings: usize,
}

impl Report {
    /// Whether nothing is wrong.
    pub fn is_sound(&self) -> bool {
        self.findings.iter().all(|finding| finding.severity == Severity::Note)
    }
}

/// A log as it was at one moment.
struct Snapshot {
    segments: Vec<(u64, File, u64)>,
    head: Vec<u8>,
    checkpoints: String,
}

/// Checks the log in a folder. `expected` is a hash that was written down elsewhere and must be a record's; `public` a key, in
/// hex, that must have signed.
pub fn verify(folder: &Path, expected: Option<Hash>, public: Option<&str>) -> Result<Report, LogError> {
    let key = Key::load_to_check(folder);
    let beside = key.as_ref().map(|key| key.public().to_owned()).or_else(|| key::public_in(folder));
    let snapshot = Snapshot::take(folder)?;
    let head = Head::read(&snapshot.head, key.as_ref());
    let mut check = Check::new(public.map(str::to_owned).or(beside), expected);
    check.look_for(head, &snapshot.checkpoints);
    let mut unread = None;
    let (segments, failed) = (snapshot.segments, &mut unread);
    let read = move |mut pieces: Pieces<Piece>| {
        let mut segments = segments.into_iter();
        *failed = segments.find_map(|(number, file, length)| {
            let read = read_segment(number, file.take(length), &mut pieces);
            read.map_err(LogError::io("read", &segment::path(folder, number))).err()
        });
        Ok(())
    };
    let workers = (0..parallel::n_cores()).map(|_| Box::new(Piece::examined) as _).collect();
    let take = |examined| {
        check.piece(examined);
        Ok(())
    };
    parallel::in_order(read, workers, STACK, take).map_err(LogError::io("check", folder))?;
    unread.map_or(Ok(()), Err)?;
    check.start();
    check.noted_checkpoints(&snapshot.checkpoints);
    check.head(head);
    check.expected();
    Ok(check.report)
}

impl Snapshot {
    /// Under the lock, so that no append stands half there.
    fn take(folder: &Path) -> Result<Self, LogError> {
        let path = folder.join(writer::LOCK);
        let lock = File::open(&path).ok();
        match lock.as_ref().map(|lock| private::lock_shared(lock, writer::PATIENCE)) {
            // Without it an append could stand half there, and look like a log that was cut off.
            Some(Err(error)) if error.kind() == io::ErrorKind::TimedOut => {
                return Err(LogError::io("lock", &path)(error));
            }
            // A log that is not locked, on a disk that cannot lock, say, can be read all the same.
            _ => {}
        }
        let mut segments = Vec::new();
        for number in segment::list(folder)? {
            let path = segment::path(folder, number);
            let file = File::open(&path).map_err(LogError::io("open", &path))?;
            let length = file.metadata().map_err(LogError::io("look at", &path))?.len();
            segments.push((number, file, length));
        }
        let head = read_if_there(&folder.join(head::FILE))?;
        let checkpoints = String::from_utf8_lossy(&read_if_there(&folder.join(writer::CHECKPOINTS))?).into_owned();
        Ok(Self { segments, head, checkpoints })
    }
}

fn read_if_there(path: &Path) -> Result<Vec<u8>, LogError> {
    match fs::read(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Vec::new()),
        outcome => outcome.map_err(LogError::io("read", path)),
    }
}

/// A part of a segment that is read at once.
struct Piece {
    segment: u64,
    /// Whole lines; after the last piece of a segment perhaps a part of one.
    bytes: Vec<u8>,
}

/// A piece whose lines were hashed.
pub(super) struct Examined {
    pub(super) segment: u64,
    pub(super) bytes: Vec<u8>,
    pub(super) lines: Vec<ExaminedLine>,
}

/// A line that was hashed.
pub(super) struct ExaminedLine {
    /// Where it ends, behind its line end.
    pub(super) end: usize,
    /// None when it has not the form of a record.
    pub(super) sealed: Option<Sealed>,
    /// Whether it may say something of the log itself.
    pub(super) may_be_special: bool,
}

/// Sends a segment piece by piece, at least one.
fn read_segment(segment: u64, mut file: impl io::Read, pieces: &mut Pieces<Piece>) -> io::Result<()> {
    let mut bytes = Vec::new();
    loop {
        let before = bytes.len();
        bytes.reserve_exact(usize::try_from(PIECE).unwrap_or_default());
        let is_end = file.by_ref().take(PIECE).read_to_end(&mut bytes)? == 0;
        let new = bytes.get(before..).unwrap_or_default();
        let last_line = memchr::memrchr(b'\n', new).map(|at| before + at + 1);
        if is_end {
            pieces.send(Piece { segment, bytes });
            return Ok(());
        }
        if let Some(end) = last_line {
            let rest = bytes.split_off(end);
            pieces.send(Piece { segment, bytes: std::mem::replace(&mut bytes, rest) });
        }
    }
}

impl Piece {
    fn examined(self) -> Examined {
        let Self { segment, bytes } = self;
        let kind = Finder::new(KIND);
        let (mut lines, mut start) = (Vec::new(), 0);
        for at in memchr::memchr_iter(b'\n', &bytes) {
            let line = bytes.get(start..at).unwrap_or_default();
            // A record that makes it panic is none.
            let sealed = panic::catch_unwind(|| Sealed::read(line)).unwrap_or_default();
            lines.push(ExaminedLine { end: at + 1, sealed, may_be_special: may_be_special(line, &kind) });
            start = at + 1;
        }
        Examined { segment, bytes, lines }
    }
}

/// Whether a kind that says something of the log itself stands among the first fields of a line.
fn may_be_special(line: &[u8], kind: &Finder<'_>) -> bool {
    let head = line.get(..KIND_WITHIN.min(line.len())).unwrap_or_default();
    let is_special = |at: usize| {
        let rest = head.get(at + KIND.len()..).unwrap_or_default();
        SPECIAL.iter().any(|special| rest.starts_with(special))
    };
    kind.find_iter(head).any(is_special)
}
