//! What is remembered of one session, and how it changes. Everything in it is bounded; what is dropped for want of room leaves a
//! mark that is at least as strict.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::action::{FileExtent, FileVersion, KnownFile};
use crate::engine::{DenialLimits, Denials, FileMark, LostFiles, Note, Operation, Recollection};
use crate::sha256::Sha256;

/// The form of the file; one of another form is not read.
pub(super) const VERSION: u32 = 1;

/// Files that are remembered, and texts of one file.
pub(super) const MAX_FILES: usize = 128;
const MAX_VERSIONS: usize = 4;
/// Bytes of one text, and of all.
pub(super) const MAX_TEXT: usize = 64 * 1024;
pub(super) const MAX_TEXTS: usize = 2 * 1024 * 1024;
/// Longest path of a file that is remembered.
const MAX_PATH: usize = 1024;
/// Files of which it is only remembered that there was more to remember.
const MAX_LOST: usize = 256;
/// Denied operations.
pub(super) const MAX_DENIED: usize = 256;
/// Calls that somebody was asked about and that have not run.
const MAX_ASKED: usize = 64;
/// Limits that the user set.
const MAX_BOUNDARIES: usize = 16;
/// Seconds for which a secret that was read is thought of.
pub(super) const SECRET_SECONDS: u64 = 30 * 60;

/// One session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct State {
    version: u32,
    /// When it was last in use, in seconds since 1970.
    pub(super) used: u64,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) in_a_row: u32,
    #[serde(default, skip_serializing_if = "is_zero")]
    pub(super) total: u32,
    /// Whether more was denied than can be remembered: then a person looks at everything, as long as the session lasts.
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) denied_too_much: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) denied: Vec<OperationWire>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) asked: Vec<Asked>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) secret: Option<Secret>,
    /// The file that was written last comes last.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) files: Vec<File>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) lost: Vec<u64>,
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) lost_any: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) boundaries: Vec<String>,
}

/// A denied operation, in hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct OperationWire(#[serde(with = "hex::serde")] [u8; 16]);

/// A call that somebody was asked about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Asked {
    /// A hash of its name.
    call: u64,
    escalated: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Secret {
    kind: String,
    /// When it was read.
    at: u64,
}

/// A file that was written or fetched.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct File {
    pub(super) path: String,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) versions: Vec<Version>,
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) fetched: bool,
}

/// A text that may stand in it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Version {
    /// The name under which it is kept.
    pub(super) text: String,
    bytes: usize,
    #[serde(default, skip_serializing_if = "is_false")]
    pub(super) decoded: bool,
    pub(super) extent: ExtentWire,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum ExtentWire {
    Whole,
    Passage,
    Beginning,
}

impl From<ExtentWire> for FileExtent {
    fn from(extent: ExtentWire) -> Self {
        match extent {
            ExtentWire::Whole => Self::Whole,
            ExtentWire::Passage => Self::Passage,
            ExtentWire::Beginning => Self::Beginning,
        }
    }
}

/// What becomes of a state, and the texts that have to be kept for it.
#[derive(Debug)]
pub(super) struct Changed {
    pub(super) state: Arc<State>,
    pub(super) texts: Vec<Text>,
}

/// A text to be kept under a name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Text {
    pub(super) name: String,
    pub(super) text: String,
}

/// What a change depends on besides the notes.
pub(super) struct Circumstances<'a> {
    pub(super) call: Option<&'a str>,
    pub(super) limits: DenialLimits,
    pub(super) now: u64,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

fn is_false(value: &bool) -> bool {
    !*value
}

impl Default for State {
    /// A session that begins.
    fn default() -> Self {
        Self {
            version: VERSION,
            used: 0,
            in_a_row: 0,
            total: 0,
            denied_too_much: false,
            denied: Vec::new(),
            asked: Vec::new(),
            secret: None,
            files: Vec::new(),
            lost: Vec::new(),
            lost_any: false,
            boundaries: Vec::new(),
        }
    }
}

impl State {
    /// Whether nothing was ever remembered.
    pub(super) fn is_new(&self) -> bool {
        self.used == 0
    }

    /// Whether it is of a form that is known here.
    pub(super) fn is_readable(&self) -> bool {
        self.version == VERSION
    }

    /// Whether anything was denied since a person looked.
    pub(super) fn has_denials(&self) -> bool {
        self.in_a_row > 0 || self.total > 0
    }

    /// The names of the texts that are in use.
    pub(super) fn texts(&self) -> impl Iterator<Item = &str> {
        self.files.iter().flat_map(|file| &file.versions).map(|version| version.text.as_str())
    }

    pub(super) fn recollection(&self, limits: DenialLimits, now: u64) -> Recollection {
        let is_recent = |secret: &&Secret| now.saturating_sub(secret.at) <= SECRET_SECONDS;
        Recollection {
            denials: Denials { in_a_row: self.in_a_row, total: self.total, are_too_many: self.are_too_many(limits) },
            denied: self.denied.iter().map(|operation| Operation(operation.0)).collect(),
            secret: self.secret.as_ref().filter(is_recent).map(|secret| secret.kind.clone()),
            files: self.files.iter().map(|file| file.path.clone()).collect(),
            lost_files: match self.lost_any {
                true => LostFiles::Any,
                false if self.lost.is_empty() => LostFiles::None,
                false => LostFiles::Named(self.lost.iter().copied().map(FileMark).collect()),
            },
            boundaries: self.boundaries.clone(),
        }
    }

    fn are_too_many(&self, limits: DenialLimits) -> bool {
        self.denied_too_much || self.in_a_row >= limits.in_a_row || self.total >= limits.total
    }

    // ── Changes ─────────────────────────────────────────────────────────────────────────────────────────────────────────

    /// What becomes of it with what happened; `None` when that is nothing.
    pub(super) fn with(&self, notes: &[Note], circumstances: &Circumstances<'_>) -> Option<Changed> {
        let (mut after, mut texts) = (self.clone(), Vec::new());
        notes.iter().for_each(|note| after.apply(note, circumstances, &mut texts));
        if after == *self {
            return None;
        }
        after.used = circumstances.now;
        Some(Changed { state: Arc::new(after), texts })
    }

    /// What becomes of it when it is only in use.
    pub(super) fn used_at(&self, now: u64) -> Option<Changed> {
        (self.used != now).then(|| Changed { state: Arc::new(Self { used: now, ..self.clone() }), texts: Vec::new() })
    }

    fn apply(&mut self, note: &Note, circumstances: &Circumstances<'_>, texts: &mut Vec<Text>) {
        match note {
            Note::Denied(operations) => self.deny(operations),
            Note::Asked { escalated } => self.ask(circumstances.call, *escalated),
            Note::Ran => self.ran(circumstances),
            Note::Wrote { files, may_stand } => files.iter().for_each(|file| self.wrote(file, *may_stand, texts)),
            Note::ReadSecret(kind) => self.secret = Some(Secret { kind: (*kind).to_owned(), at: circumstances.now }),
            Note::Limited(boundaries) => boundaries.iter().for_each(|boundary| self.limit(boundary)),
        }
    }

    fn deny(&mut self, operations: &[Operation]) {
        self.in_a_row = self.in_a_row.saturating_add(1);
        self.total = self.total.saturating_add(1);
        for operation in operations.iter().map(|operation| OperationWire(operation.0)) {
            if self.denied.contains(&operation) {
                continue;
            }
            if self.denied.len() < MAX_DENIED {
                self.denied.push(operation);
            } else {
                self.denied_too_much = true;
            }
        }
    }

    fn ask(&mut self, call: Option<&str>, escalated: bool) {
        let Some(call) = call else { return };
        let asked = Asked { call: FileMark::of(call).0, escalated };
        self.asked.retain(|other| other.call != asked.call);
        self.asked.push(asked);
        // Of one that is forgotten it is not learnt that somebody agreed to it, which is the stricter side.
        self.asked.drain(..self.asked.len().saturating_sub(MAX_ASKED));
    }

    /// A call that ran ends the row of denials, unless there were too many of them: then only one does that somebody was
    /// asked about because of them.
    fn ran(&mut self, circumstances: &Circumstances<'_>) {
        let call = circumstances.call.map(|call| FileMark::of(call).0);
        let asked = self.asked.iter().position(|asked| Some(asked.call) == call).map(|at| self.asked.remove(at));
        if asked.is_some_and(|asked| asked.escalated) {
            (self.in_a_row, self.total) = (0, 0);
        } else if !self.are_too_many(circumstances.limits) {
            self.in_a_row = 0;
        }
    }

    fn limit(&mut self, boundary: &str) {
        if !self.boundaries.iter().any(|other| other == boundary) {
            self.boundaries.push(boundary.to_owned());
            self.boundaries.drain(..self.boundaries.len().saturating_sub(MAX_BOUNDARIES));
        }
    }

    // ── Files ───────────────────────────────────────────────────────────────────────────────────────────────────────────

    fn wrote(&mut self, written: &KnownFile, may_stand: bool, texts: &mut Vec<Text>) {
        if written.path.len() > MAX_PATH {
            self.lose(&written.path);
            return;
        }
        let is_whole = |version: &FileVersion| version.extent != FileExtent::Passage;
        let replaces = !may_stand && !written.versions.is_empty() && written.versions.iter().all(is_whole);
        let old = self.files.iter().position(|file| file.path == written.path).map(|at| self.files.remove(at));
        let mut file = old.unwrap_or_else(|| File { path: written.path.clone(), versions: Vec::new(), fetched: false });
        if replaces {
            file.versions.clear();
            file.fetched = false;
            self.lost.retain(|mark| *mark != FileMark::of(&written.path).0);
        }
        file.fetched |= written.fetched;
        for version in &written.versions {
            let version = kept(version, texts);
            file.versions.retain(|other| *other != version);
            file.versions.push(version);
        }
        self.files.push(file);
        self.trim_versions();
        self.trim_files();
    }

    /// Of the file that was written last, the newest texts.
    fn trim_versions(&mut self) {
        let Some(file) = self.files.last_mut() else { return };
        let excess = file.versions.len().saturating_sub(MAX_VERSIONS);
        let dropped: Vec<Version> = file.versions.drain(..excess).collect();
        let path = file.path.clone();
        if dropped.iter().any(|version| version.extent != ExtentWire::Passage) {
            self.lose(&path);
        }
    }

    /// What is known by passages goes first: the larger part of such a file was never known. Then what was written first.
    fn trim_files(&mut self) {
        while self.files.len() > MAX_FILES || self.n_bytes() > MAX_TEXTS {
            let last = self.files.len().saturating_sub(1);
            let by_passages = self.files.iter().take(last).position(File::is_known_by_passages);
            let dropped = self.files.remove(by_passages.unwrap_or(0));
            if by_passages.is_none() {
                self.lose(&dropped.path);
            }
        }
    }

    fn n_bytes(&self) -> usize {
        self.files.iter().flat_map(|file| &file.versions).map(|version| version.bytes).sum()
    }

    /// Remembers of a file that there was more to remember.
    fn lose(&mut self, path: &str) {
        let mark = FileMark::of(path).0;
        if self.lost.contains(&mark) {
            return;
        }
        if self.lost.len() < MAX_LOST {
            self.lost.push(mark);
        } else {
            self.lost_any = true;
        }
    }
}

impl File {
    fn is_known_by_passages(&self) -> bool {
        !self.fetched && self.versions.iter().all(|version| version.extent == ExtentWire::Passage)
    }
}

/// A text as it is kept, cut where it is too long.
fn kept(version: &FileVersion, texts: &mut Vec<Text>) -> Version {
    let text = version.text.as_str();
    let (text, extent) = match version.extent {
        FileExtent::Passage => (
            text.get(text.ceil_char_boundary(text.len().saturating_sub(MAX_TEXT))..).unwrap_or_default(),
            ExtentWire::Passage,
        ),
        FileExtent::Whole if text.len() <= MAX_TEXT => (text, ExtentWire::Whole),
        FileExtent::Whole | FileExtent::Beginning => {
            (text.get(..text.floor_char_boundary(MAX_TEXT)).unwrap_or_default(), ExtentWire::Beginning)
        }
    };
    let name: String = hex::encode(Sha256::digest(text)).chars().take(32).collect();
    texts.push(Text { name: name.clone(), text: text.to_owned() });
    Version { text: name, bytes: text.len(), decoded: version.decoded, extent }
}
