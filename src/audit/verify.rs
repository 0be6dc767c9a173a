//! Whether a log is what was written: every record's hash, the chain over all segments, the checkpoints' signatures, the
//! head, and what the log itself says was lost. Each finding says where.

use std::fs::{self, File};
use std::io::{self, Read as _};
use std::path::Path;
use std::thread;

use super::chain::{Hash, Link, Sealed};
use super::check::Check;
use super::error::LogError;
use super::head::{self, Head};
use super::key::{self, Key};
use super::{segment, writer};
use crate::private;

/// Lines that one thread checks at a time, at least.
const CHUNK: usize = 1_024;

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
    for (number, file, length) in snapshot.segments {
        let path = segment::path(folder, number);
        let mut bytes = Vec::new();
        file.take(length).read_to_end(&mut bytes).map_err(LogError::io("read", &path))?;
        check.segment(number, &bytes);
    }
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

/// Reads lines on all cores.
pub(super) fn read_all(lines: &[&[u8]]) -> Vec<Option<Sealed>> {
    let read = |line: &&[u8]| line.strip_suffix(b"\n").and_then(Sealed::read);
    let n_threads = thread::available_parallelism().map_or(1, usize::from);
    let size = lines.len().div_ceil(n_threads).max(CHUNK);
    if lines.len() <= size {
        return lines.iter().map(read).collect();
    }
    thread::scope(|scope| {
        let chunks: Vec<_> = lines
            .chunks(size)
            .map(|chunk| (chunk, scope.spawn(move || chunk.iter().map(read).collect::<Vec<_>>())))
            .collect();
        // A record that makes a thread panic is none.
        chunks.into_iter().flat_map(|(chunk, read)| read.join().unwrap_or_else(|_| vec![None; chunk.len()])).collect()
    })
}
