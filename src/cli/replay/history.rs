//! The past, read and judged: rows in order, each call once, with what became of it.

use std::collections::{HashMap, HashSet};
use std::io::{self, BufReader, Read};
use std::path::PathBuf;
use std::sync::Arc;

use anyhow::Context as _;

use super::super::args::PastArguments;
use super::super::stream::{self, Line, Worker};
use super::super::{audit as audit_command, engine, io as cli_io};
use super::judge::{Answer, Judged, Kept, ReplayWorker};
use super::past::{CallKey, LogLine, Past, Readable, RecordLine};
use super::settings::Book;
use crate::app::App;
use crate::audit::Segments;
use crate::config::in_home;
use crate::harness::{Seen, SessionReader, transcript_files};
use crate::parallel::{self, Pieces};
use crate::replay::Row;
use crate::transcript::Outcome;

/// Items of one chunk.
const CHUNK: usize = 256;

/// Which actions are wanted.
#[derive(Debug, Clone, Default)]
pub(super) struct Wanted {
    since: Option<i64>,
    until: Option<i64>,
    tool: Option<String>,
}

impl Wanted {
    fn of(arguments: &PastArguments) -> anyhow::Result<Self> {
        let instant = |text: &Option<String>| text.as_deref().map(audit_command::instant).transpose();
        Ok(Self {
            since: instant(&arguments.since)?.map(jiff::Timestamp::as_second),
            until: instant(&arguments.until)?.map(jiff::Timestamp::as_second),
            tool: arguments.tool.clone(),
        })
    }

    /// Whether an action is. One whose time is not known is looked at rather than left out.
    pub(super) fn wants(&self, past: &Past) -> bool {
        self.tool.as_deref().is_none_or(|tool| past.tool == tool)
            && self.since.zip(past.at).is_none_or(|(since, at)| at >= since)
            && self.until.zip(past.at).is_none_or(|(until, at)| at < until)
    }
}

/// Where the past comes from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(in crate::cli) enum Origin {
    /// The log in a folder.
    Log(PathBuf),
    /// Transcripts.
    Transcripts(PathBuf),
    /// Action records.
    Records(PathBuf),
}

impl Origin {
    fn of(arguments: &PastArguments) -> anyhow::Result<Self> {
        Ok(match (&arguments.transcripts, &arguments.input) {
            (Some(path), _) => Self::Transcripts(in_home(path)),
            (None, Some(input)) => Self::Records(input.clone()),
            (None, None) => Self::Log(audit_command::folder(arguments.folder.as_deref())?),
        })
    }

    /// What it is, for a person.
    pub(in crate::cli) fn describe(&self) -> String {
        match self {
            Self::Log(folder) => format!("the log in {}", folder.display()),
            Self::Transcripts(path) => format!("transcripts in {}", path.display()),
            Self::Records(path) => format!("action records in {}", path.display()),
        }
    }
}

/// The past as it was read.
pub(in crate::cli) struct History {
    pub(in crate::cli) origin: Origin,
    pub(in crate::cli) rows: Vec<Row>,
    /// What further rules could let through, with the places of their rows.
    pub(in crate::cli) kept: Vec<(usize, Kept)>,
    /// Lines that could not be read.
    pub(in crate::cli) damaged: usize,
    /// Calls that stood there more than once: a session that was resumed begins with the old one's lines.
    pub(in crate::cli) repeated: usize,
    /// Files, links and folders that were passed over.
    pub(in crate::cli) passed_over: usize,
    /// Whether the source says what became of calls.
    pub(in crate::cli) tells_outcomes: bool,
}

/// Reads all of it and judges it, on all cores. `keep` is whether further rules are to be tried.
pub(in crate::cli) fn read(
    arguments: &PastArguments,
    app: &Arc<App>,
    book: &Arc<Book>,
    keep: bool,
) -> anyhow::Result<History> {
    let (origin, wanted) = (Origin::of(arguments)?, Wanted::of(arguments)?);
    let mut collector = Collector::new(origin.clone());
    let worker =
        || ReplayWorker { app: Arc::clone(app), book: Arc::clone(book), engine: None, wanted: wanted.clone(), keep };
    match &origin {
        Origin::Log(folder) => {
            let segments = Segments::open(folder)?;
            let bar = cli_io::bar(segments.n_bytes)?;
            let input = bar.wrap_read(segments);
            run(|chunks| lines(input, chunks, LogLine), worker, &mut collector, &bar)?;
        }
        Origin::Records(path) => {
            let bar = cli_io::progress_bar(std::slice::from_ref(path), false)?;
            let input = bar.wrap_read(cli_io::open_input(path)?);
            run(|chunks| lines(input, chunks, RecordLine), worker, &mut collector, &bar)?;
        }
        Origin::Transcripts(path) => {
            let found = transcript_files(path).with_context(|| format!("cannot look into `{}`", path.display()))?;
            let (files, passed_over) = found;
            collector.history.passed_over = passed_over;
            let bar = cli_io::progress_bar(&files, false)?;
            let mut unread = 0;
            run(|chunks| sessions(&files, chunks, &bar, &mut unread), worker, &mut collector, &bar)?;
            collector.history.passed_over += unread;
        }
    }
    Ok(collector.history)
}

fn run<T: Readable>(
    read: impl FnOnce(Pieces<Vec<T>>) -> io::Result<()> + Send,
    worker: impl Fn() -> ReplayWorker,
    collector: &mut Collector,
    bar: &indicatif::ProgressBar,
) -> anyhow::Result<()> {
    let workers = (0..parallel::n_cores()).map(|_| Box::new(worker()) as Box<dyn Worker<Answer, T>>).collect();
    let take = |answers: Vec<Answer>| {
        answers.into_iter().for_each(|answer| collector.take(answer));
        Ok(())
    };
    let outcome = stream::run_chunks(read, workers, take, |n| bar.set_message(format!("{n} lines")));
    bar.finish_and_clear();
    outcome.context("reading the past broke off")?;
    Ok(())
}

/// Lines, chunk by chunk.
fn lines<T>(input: impl Read, chunks: Pieces<Vec<T>>, wrap: impl Fn(Line) -> T) -> io::Result<()> {
    let mut input = BufReader::with_capacity(stream::READ_BUFFER, input);
    let mut sender = Chunks::new(chunks);
    while let Some(line) = stream::read_line(&mut input)? {
        let n_bytes = line.n_bytes();
        if !line.is_blank() && !sender.push(wrap(line), n_bytes) {
            return Ok(());
        }
    }
    sender.flush();
    Ok(())
}

/// What transcripts say, file by file. One that cannot be read is passed over.
fn sessions(
    files: &[PathBuf],
    chunks: Pieces<Vec<Seen>>,
    bar: &indicatif::ProgressBar,
    unread: &mut usize,
) -> io::Result<()> {
    let home = engine::home();
    let mut sender = Chunks::new(chunks);
    for path in files {
        let Ok(file) = std::fs::File::open(path) else {
            *unread += 1;
            continue;
        };
        let mut input = BufReader::with_capacity(stream::READ_BUFFER, bar.wrap_read(file));
        let mut session = SessionReader::new(home.as_deref());
        loop {
            let line = match stream::read_line(&mut input) {
                Ok(Some(line)) => line,
                Ok(None) => break,
                Err(_) => {
                    *unread += 1;
                    break;
                }
            };
            let seen = match &line {
                _ if line.is_blank() => Vec::new(),
                Line::Whole(bytes) => session.line(bytes),
                Line::TooLong(_) => vec![Seen::Damaged],
            };
            let n_bytes = line.n_bytes();
            if seen.into_iter().any(|seen| !sender.push(seen, n_bytes)) {
                return Ok(());
            }
        }
    }
    sender.flush();
    Ok(())
}

/// Items gathered into chunks.
struct Chunks<T> {
    chunks: Pieces<Vec<T>>,
    waiting: Vec<T>,
    n_bytes: usize,
}

impl<T> Chunks<T> {
    fn new(chunks: Pieces<Vec<T>>) -> Self {
        Self { chunks, waiting: Vec::new(), n_bytes: 0 }
    }

    /// Whether anybody still takes items.
    fn push(&mut self, item: T, n_bytes: usize) -> bool {
        self.waiting.push(item);
        self.n_bytes += n_bytes;
        self.waiting.len() < CHUNK && self.n_bytes < stream::CHUNK_BYTES || self.flush()
    }

    fn flush(&mut self) -> bool {
        let waiting = std::mem::take(&mut self.waiting);
        self.n_bytes = 0;
        waiting.is_empty() || self.chunks.send(waiting)
    }
}

/// Rows as they come in, and where each call is.
struct Collector {
    history: History,
    calls: HashMap<CallKey, (usize, bool)>,
    seen: HashSet<String>,
}

impl Collector {
    fn new(origin: Origin) -> Self {
        let history = History {
            origin,
            rows: Vec::new(),
            kept: Vec::new(),
            damaged: 0,
            repeated: 0,
            passed_over: 0,
            tells_outcomes: false,
        };
        Self { history, calls: HashMap::new(), seen: HashSet::new() }
    }

    fn take(&mut self, answer: Answer) {
        match answer {
            Answer::Judged(judged) => self.judged(*judged),
            Answer::Became(key, outcome) => self.became(&key, outcome),
            Answer::Damaged => self.history.damaged += 1,
            Answer::Nothing => {}
        }
    }

    fn judged(&mut self, judged: Judged) {
        let Judged { row, key, monitored, kept } = judged;
        if row.is_text {
            // What a tool returned says that the call ran.
            if let Some(key) = &key {
                self.became(key, Outcome::Ran);
            }
            self.history.rows.push(row);
            return;
        }
        let is_transcript = matches!(self.history.origin, Origin::Transcripts(_));
        if is_transcript && !row.id.is_empty() && !self.seen.insert(row.id.clone()) {
            self.history.repeated += 1;
            return;
        }
        self.history.tells_outcomes |= row.outcome != Outcome::Unknown;
        let place = self.history.rows.len();
        if let Some(key) = key {
            self.history.tells_outcomes |= !is_transcript;
            self.calls.insert(key, (place, monitored));
        }
        self.history.kept.extend(kept.map(|kept| (place, kept)));
        self.history.rows.push(row);
    }

    fn became(&mut self, key: &CallKey, outcome: Outcome) {
        self.history.tells_outcomes = true;
        let Some((place, monitored)) = self.calls.get(key) else { return };
        if let Some(row) = self.history.rows.get_mut(*place) {
            row.outcome = if *monitored && outcome == Outcome::Ran { Outcome::RanUnasked } else { outcome };
        }
    }
}
