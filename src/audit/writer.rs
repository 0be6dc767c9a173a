//! Appends records: under the lock of the log, after the record that is the last one by then.
//!
//! An append is one write to the segment and one to the head, so a process that dies between two bytes leaves the head of
//! the state before; `recovery` takes it from there. An append that fails leaves nothing behind, where the disk lets it.

use std::fs::{self, File, Metadata};
use std::io::{self, Write as _};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use serde_json::json;

use super::chain::{Link, seal};
use super::error::LogError;
use super::head::{self, Head};
use super::key::Key;
use super::retention::{Removal, Retention};
use super::segment;
use crate::private::{self, Access};

/// The file that is locked.
pub(super) const LOCK: &str = "lock";
/// The file of the signed checkpoints.
pub(super) const CHECKPOINTS: &str = "checkpoints";
/// What a signature of a checkpoint is about.
pub(super) const ABOUT: &str = "checkpoint";
/// Records after which a checkpoint is signed.
const CHECKPOINT_RECORDS: u64 = 256;
/// Seconds after which the next record is followed by a checkpoint.
const CHECKPOINT_SECONDS: u64 = 3_600;

/// How long the lock is waited for where nothing else is due: one that holds it and stands still must not hold up everybody
/// for good.
pub(super) const PATIENCE: Duration = Duration::from_secs(10);

/// When what was written is forced onto the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fsync {
    /// When the system likes: a power failure may cost the last half minute. A crash of the process costs nothing.
    Never,
    /// Together with what others wrote within a tenth of a second, in the background.
    Group,
    /// Before the decision is answered.
    Always,
}

/// Where and how a log is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Options {
    /// The log's folder.
    pub folder: PathBuf,
    /// When what was written is forced onto the disk.
    pub fsync: Fsync,
    /// Bytes after which a segment is closed.
    pub segment_bytes: u64,
    /// What is kept.
    pub retention: Retention,
}

/// Appends to a log. Any number of them, in any number of processes, may have the same log open.
pub struct Writer {
    options: Options,
    open: Option<Open>,
}

/// The files of a log that is open.
pub(super) struct Open {
    pub(super) key: Key,
    /// Whether the key was made although there was a log.
    pub(super) is_new_key: bool,
    lock: File,
    head: File,
    pub(super) segment: Option<(u64, File)>,
    /// The head that this process wrote last, and the file's content then: read again, it need not be understood again.
    noted: Option<(Head, [u8; head::SIZE])>,
}

impl Writer {
    /// Opens nothing yet: a log that cannot be written is an error of the append.
    pub fn new(options: Options) -> Self {
        Self { options, open: None }
    }

    /// Appends one record, a JSON object, and says where the chain stands then.
    pub fn append(&mut self, fields: &str) -> Result<Link, LogError> {
        self.append_within(fields, PATIENCE)
    }

    /// The same, waiting no longer than `patience` for whoever else appends.
    pub(super) fn append_within(&mut self, fields: &str, patience: Duration) -> Result<Link, LogError> {
        let started = Instant::now();
        loop {
            let mut open = match self.open.take() {
                Some(open) => open,
                None => Open::new(&self.options, patience)?,
            };
            let left = patience.saturating_sub(started.elapsed());
            private::lock(&open.lock, left).map_err(LogError::io("lock", &self.options.folder.join(LOCK)))?;
            // Whoever removed the folder and made it anew has a lock of its own.
            if open.lock.metadata().map_or(true, |metadata| is_removed(&metadata)) {
                continue;
            }
            let appended = open.append(&self.options, fields);
            open.lock.unlock().map_err(LogError::io("unlock", &self.options.folder.join(LOCK)))?;
            // After a failure everything is looked at anew.
            if appended.is_ok() {
                self.open = Some(open);
            }
            return appended;
        }
    }

    /// A keyed code over a text: whoever does not hold the log's key cannot try texts out on it.
    pub(super) fn code(&mut self, text: &[u8], patience: Duration) -> Result<String, LogError> {
        let open = match self.open.take() {
            Some(open) => open,
            None => Open::new(&self.options, patience)?,
        };
        Ok(self.open.insert(open).key.code(text))
    }

    /// The open segment, to be forced onto the disk by another thread.
    pub(super) fn segment(&self) -> Option<File> {
        self.open.as_ref().and_then(|open| open.segment.as_ref()).and_then(|(_, file)| file.try_clone().ok())
    }
}

impl Open {
    fn new(options: &Options, patience: Duration) -> Result<Self, LogError> {
        let folder = &options.folder;
        private::create_folder(folder).map_err(LogError::io("make", folder))?;
        let lock = open_file(folder, LOCK)?;
        // Of many that start at once, one makes the key.
        private::lock(&lock, patience).map_err(LogError::io("lock", &folder.join(LOCK)))?;
        let found = Key::load(folder)?;
        let is_new_key = found.is_none() && !segment::list(folder)?.is_empty();
        let key = found.map_or_else(|| Key::create(folder), Ok)?;
        let head = open_file(folder, head::FILE)?;
        lock.unlock().map_err(LogError::io("unlock", &folder.join(LOCK)))?;
        Ok(Self { key, is_new_key, lock, head, segment: None, noted: None })
    }

    fn append(&mut self, options: &Options, fields: &str) -> Result<Link, LogError> {
        let mut head = match self.head(options)? {
            Some(head) if head.offset < options.segment_bytes => head,
            Some(head) => self.rotate(options, head)?,
            None => {
                let recovered = self.recover(options)?;
                self.put(options, recovered.head, &recovered.lines)?
            }
        };
        let mut lines = String::with_capacity(fields.len() + 256);
        let link = seal(head.link, fields, &mut lines);
        let mut last = link;
        if self.is_checkpoint_due(head, link) {
            let now = jiff::Timestamp::now();
            let signature = self.key.sign(ABOUT, link);
            last = seal(link, &checkpoint(&now.to_string(), link, &self.key, &signature), &mut lines);
            head.signed_s = u64::try_from(now.as_second()).unwrap_or_default();
            self.put(options, Head { link: last, ..head }, &lines)?;
            note_checkpoint(options, &now.to_string(), link, &signature);
        } else {
            self.put(options, Head { link: last, ..head }, &lines)?;
        }
        Ok(link)
    }

    fn is_checkpoint_due(&self, head: Head, link: Link) -> bool {
        let now = u64::try_from(jiff::Timestamp::now().as_second()).unwrap_or_default();
        link.seq.is_multiple_of(CHECKPOINT_RECORDS) || now.saturating_sub(head.signed_s) >= CHECKPOINT_SECONDS
    }

    /// Writes lines to the end of the segment that the head names, then the head for where the log ends after them.
    fn put(&mut self, options: &Options, head: Head, lines: &str) -> Result<Head, LogError> {
        let path = segment::path(&options.folder, head.segment);
        let file = self.segment_file(options, head.segment)?;
        let written = (&mut &*file).write_all(lines.as_bytes());
        let synced = written.and_then(|()| if options.fsync == Fsync::Always { file.sync_data() } else { Ok(()) });
        let next = Head { offset: head.offset + lines.len() as u64, ..head };
        if let Err(error) = synced.map_err(LogError::io("write", &path)).and_then(|()| self.note(options, next)) {
            // A record whose decision is refused must not stand; where it cannot be cut off, `recovery` finds it.
            let _ = self.segment_file(options, head.segment)?.set_len(head.offset);
            return Err(error);
        }
        Ok(next)
    }

    /// Writes the head.
    pub(super) fn note(&mut self, options: &Options, head: Head) -> Result<(), LogError> {
        let bytes = head.write(&self.key);
        self.noted = None;
        write_start(&self.head, &bytes)
            .map_err(|error| LogError::io("write", &options.folder.join(head::FILE))(error))?;
        self.noted = Some((head, bytes));
        Ok(())
    }

    /// The head as it stands in its file; none when it was not made with this key.
    pub(super) fn noted_head(&self) -> Option<Head> {
        let mut bytes = [0; head::SIZE];
        read_start(&self.head, &mut bytes).ok()?;
        match &self.noted {
            Some((head, noted)) if *noted == bytes => Some(*head),
            _ => Head::read(&bytes, Some(&self.key)),
        }
    }

    /// Where the log ends; none when that has to be found out.
    fn head(&mut self, options: &Options) -> Result<Option<Head>, LogError> {
        let Some(head) = self.noted_head().filter(|_| !self.is_new_key) else { return Ok(None) };
        let length = self.segment_length(options, head.segment)?;
        // A log at its very beginning has no first record yet.
        Ok((length == head.offset && head.offset > 0).then_some(head))
    }

    /// The length of a segment, which is the one that this process has open only while it still has a name.
    fn segment_length(&mut self, options: &Options, number: u64) -> Result<u64, LogError> {
        loop {
            let file = self.segment_file(options, number)?;
            let metadata = file.metadata();
            let metadata =
                metadata.map_err(|error| LogError::io("look at", &segment::path(&options.folder, number))(error))?;
            if !is_removed(&metadata) {
                return Ok(metadata.len());
            }
            self.segment = None;
        }
    }

    /// Closes a full segment with a checkpoint and begins the next.
    fn rotate(&mut self, options: &Options, head: Head) -> Result<Head, LogError> {
        let next = head.segment + 1;
        let is_begun = fs::metadata(segment::path(&options.folder, next)).is_ok_and(|found| found.len() > 0);
        if is_begun {
            // A crash in the midst of this, or an old head that was put back: the segments say which.
            let recovered = self.recover(options)?;
            return self.put(options, recovered.head, &recovered.lines);
        }
        let time = jiff::Timestamp::now();
        let (mut lines, signature) = (String::new(), self.key.sign(ABOUT, head.link));
        let last = seal(head.link, &checkpoint(&time.to_string(), head.link, &self.key, &signature), &mut lines);
        let signed_s = u64::try_from(time.as_second()).unwrap_or_default();
        let closed = self.put(options, Head { link: last, signed_s, ..head }, &lines)?;
        note_checkpoint(options, &time.to_string(), head.link, &signature);
        if options.fsync != Fsync::Never {
            let path = segment::path(&options.folder, head.segment);
            self.segment_file(options, head.segment)?.sync_data().map_err(LogError::io("write", &path))?;
        }
        let mut lines = String::new();
        let last = seal(closed.link, &opening(next, &self.key), &mut lines);
        let opened = self.put(options, Head { segment: next, offset: 0, link: last, ..closed }, &lines)?;
        self.retain(options, opened)
    }

    /// Removes what need not be kept any more: first the record of it, then the files.
    fn retain(&mut self, options: &Options, head: Head) -> Result<Head, LogError> {
        let Some(removal) = Removal::plan(&options.folder, head.segment, options.retention)? else { return Ok(head) };
        let mut lines = String::new();
        let fields = removal.fields(&jiff::Timestamp::now().to_string(), &self.key);
        let link = seal(head.link, &fields, &mut lines);
        let head = self.put(options, Head { link, ..head }, &lines)?;
        if options.fsync != Fsync::Never {
            let path = segment::path(&options.folder, head.segment);
            self.segment_file(options, head.segment)?.sync_data().map_err(LogError::io("write", &path))?;
        }
        removal.carry_out(&options.folder)?;
        Ok(head)
    }

    /// A segment, open for appending.
    pub(super) fn segment_file(&mut self, options: &Options, number: u64) -> Result<&File, LogError> {
        let found = match self.segment.take().filter(|(kept, _)| *kept == number) {
            Some(found) => found,
            None => {
                let path = segment::path(&options.folder, number);
                let file = private::open(&path, Access::Append);
                (number, file.map_err(LogError::io("open", &path))?)
            }
        };
        Ok(&self.segment.insert(found).1)
    }
}

/// The record with which a segment begins.
pub(super) fn opening(number: u64, key: &Key) -> String {
    json!({
        "kind": "segment", "time": jiff::Timestamp::now().to_string(), "format": 1, "segment": number, "key": key.public(),
        "program": concat!("riskgate ", env!("CARGO_PKG_VERSION")),
    })
    .to_string()
}

/// The record of a checkpoint.
fn checkpoint(time: &str, link: Link, key: &Key, signature: &str) -> String {
    let covers = json!({"seq": link.seq, "hash": link.hash.to_string()});
    json!({"kind": "checkpoint", "time": time, "covers": covers, "key": key.public(), "signature": signature})
        .to_string()
}

/// Keeps a checkpoint outside the segments, where cutting off their end does not reach it. After the record that it covers, or
/// a crash between the two would look like a record that was cut off. It stands in the chain, too, so a disk that has no room
/// for it costs nothing but the time until the next.
fn note_checkpoint(options: &Options, time: &str, link: Link, signature: &str) {
    let file = private::open(&options.folder.join(CHECKPOINTS), Access::Append);
    let line = format!("{} {} {signature} {time}\n", link.seq, link.hash);
    let _ = file.and_then(|mut file| file.write_all(line.as_bytes()));
}

/// Reads the beginning of a file.
#[cfg(unix)]
fn read_start(file: &File, bytes: &mut [u8]) -> io::Result<()> {
    std::os::unix::fs::FileExt::read_exact_at(file, bytes, 0)
}

/// Writes over the beginning of a file.
#[cfg(unix)]
fn write_start(file: &File, bytes: &[u8]) -> io::Result<()> {
    std::os::unix::fs::FileExt::write_all_at(file, bytes, 0)
}

/// Reads the beginning of a file.
#[cfg(not(unix))]
fn read_start(mut file: &File, bytes: &mut [u8]) -> io::Result<()> {
    use io::{Read as _, Seek as _};
    file.seek(io::SeekFrom::Start(0))?;
    file.read_exact(bytes)
}

/// Writes over the beginning of a file.
#[cfg(not(unix))]
fn write_start(mut file: &File, bytes: &[u8]) -> io::Result<()> {
    use io::Seek as _;
    file.seek(io::SeekFrom::Start(0))?;
    file.write_all(bytes)
}

fn open_file(folder: &std::path::Path, name: &str) -> Result<File, LogError> {
    let path = folder.join(name);
    private::open(&path, Access::ReadWrite).map_err(LogError::io("open", &path))
}

/// Whether an open file has no name any more: what is written to it is lost.
#[cfg(unix)]
fn is_removed(metadata: &Metadata) -> bool {
    std::os::unix::fs::MetadataExt::nlink(metadata) == 0
}

/// Where open files cannot be removed.
#[cfg(not(unix))]
fn is_removed(_: &Metadata) -> bool {
    false
}
