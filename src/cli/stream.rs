//! JSON lines through a function on all cores: order kept, memory bounded by the chunks in flight, however long the input.
//!
//! The input is cut into chunks; the answers to a chunk are written together.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde_json::Value;

use crate::engine::STACK;
use crate::parallel::{self, Answering, Pieces};
use crate::record::{self, ActionRecord, MAX_RECORD, RecordError};

/// Lines of one chunk: enough to sort rows of like length together, few enough to keep every core busy at the end.
const CHUNK_LINES: usize = 256;
/// Bytes after which a chunk is closed whatever its number of lines.
pub(super) const CHUNK_BYTES: usize = 4 * 1024 * 1024;

/// One line of input, without its line end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Line {
    /// The bytes as read.
    Whole(Vec<u8>),
    /// Longer than [`MAX_RECORD`]; skipped to its end. The number of its bytes.
    TooLong(usize),
}

impl Line {
    /// The action record on this line.
    pub(super) fn parse(&self) -> Result<ActionRecord, (Value, RecordError)> {
        match self {
            Self::Whole(bytes) => record::parse(bytes),
            Self::TooLong(bytes) => Err((Value::Null, RecordError::TooLarge { bytes: *bytes })),
        }
    }

    /// Whether there is nothing on it.
    pub(super) fn is_blank(&self) -> bool {
        matches!(self, Self::Whole(line) if line.iter().all(u8::is_ascii_whitespace))
    }

    /// Its bytes in memory.
    pub(super) fn n_bytes(&self) -> usize {
        match self {
            Self::Whole(bytes) => bytes.len(),
            Self::TooLong(_) => 0,
        }
    }
}

/// Answers a chunk: one answer for every item, an input line as a rule, in order. Where the answers are written, an answer is a
/// line of output without its line end.
pub(super) trait Worker<A = Vec<u8>, T = Line>: Send {
    fn answer(&mut self, items: &[T]) -> Vec<A>;
}

/// Bytes read at once.
pub(super) const READ_BUFFER: usize = 256 * 1024;

/// Runs every non-empty line of `input` through the workers and writes the answers to `output` in order. Calls `progress`
/// with the number of lines written. Returns how many were.
pub(super) fn run(
    input: impl Read + Send,
    mut output: impl Write,
    workers: Vec<Box<dyn Worker + '_>>,
    progress: impl FnMut(usize),
) -> io::Result<usize> {
    run_into(input, workers, |lines| write_lines(&mut output, &lines), progress)
}

/// As [`run`], but gives the answers to `take`, chunk by chunk and in order.
pub(super) fn run_into<A: Send>(
    input: impl Read + Send,
    workers: Vec<Box<dyn Worker<A> + '_>>,
    take: impl FnMut(Vec<A>) -> io::Result<()>,
    progress: impl FnMut(usize),
) -> io::Result<usize> {
    let input = BufReader::with_capacity(READ_BUFFER, input);
    run_chunks(move |chunks| read_chunks(input, chunks), workers, take, progress)
}

/// As [`run_into`], with items that `read` makes and sends.
pub(super) fn run_chunks<A: Send, T: Send>(
    read: impl FnOnce(Pieces<Vec<T>>) -> io::Result<()> + Send,
    workers: Vec<Box<dyn Worker<A, T> + '_>>,
    mut take: impl FnMut(Vec<A>) -> io::Result<()>,
    mut progress: impl FnMut(usize),
) -> io::Result<usize> {
    let mut taken = 0;
    let take = |answers: Vec<A>| {
        taken += answers.len();
        take(answers)?;
        progress(taken);
        Ok(())
    };
    parallel::in_order(read, workers.into_iter().map(answering).collect(), STACK, take)?;
    Ok(taken)
}

fn answering<'a, A: 'a, T: 'a>(mut worker: Box<dyn Worker<A, T> + 'a>) -> Answering<'a, Vec<T>, Vec<A>> {
    Box::new(move |items| worker.answer(&items))
}

static WRITING: Mutex<()> = Mutex::new(());

/// Held while lines are written. Whoever ends the process holds it too, so that the output ends with a whole line.
pub(super) fn whole_lines() -> MutexGuard<'static, ()> {
    WRITING.lock().unwrap_or_else(PoisonError::into_inner)
}

fn write_lines(output: &mut impl Write, lines: &[Vec<u8>]) -> io::Result<()> {
    let _whole = whole_lines();
    for line in lines {
        output.write_all(line)?;
        output.write_all(b"\n")?;
    }
    // A stream may be read by a program that waits for each answer.
    output.flush()
}

fn read_chunks(mut input: BufReader<impl Read>, mut chunks: Pieces<Vec<Line>>) -> io::Result<()> {
    loop {
        let (lines, more) = read_chunk(&mut input)?;
        // Nobody takes chunks any more when the output has broken.
        if (!lines.is_empty() && !chunks.send(lines)) || !more {
            return Ok(());
        }
    }
}

/// The next lines, and whether there may be more. A chunk also ends where the next line is not in the buffer yet, so that
/// a slow stream is answered line by line.
fn read_chunk(input: &mut BufReader<impl Read>) -> io::Result<(Vec<Line>, bool)> {
    let (mut lines, mut bytes) = (Vec::new(), 0);
    while lines.len() < CHUNK_LINES && bytes < CHUNK_BYTES {
        match read_line(input)? {
            None => return Ok((lines, false)),
            Some(line) if line.is_blank() => continue,
            Some(line) => {
                bytes += line.n_bytes();
                lines.push(line);
            }
        }
        if !input.buffer().contains(&b'\n') {
            break;
        }
    }
    Ok((lines, true))
}

/// The next line; none at the end.
pub(super) fn read_line(input: &mut impl BufRead) -> io::Result<Option<Line>> {
    let mut line = Vec::new();
    let limit = MAX_RECORD + 1;
    if input.by_ref().take(limit as u64).read_until(b'\n', &mut line)? == 0 {
        return Ok(None);
    }
    if line.last() == Some(&b'\n') {
        line.pop();
    } else if line.len() == limit {
        return Ok(Some(Line::TooLong(limit + skip_line(input)?)));
    }
    Ok(Some(Line::Whole(line)))
}

/// Reads to the end of the line without keeping it; the number of bytes passed.
fn skip_line(input: &mut impl BufRead) -> io::Result<usize> {
    let mut skipped = 0;
    loop {
        let buffer = input.fill_buf()?;
        let end = buffer.iter().position(|byte| *byte == b'\n');
        let n = end.map_or(buffer.len(), |at| at + 1);
        input.consume(n);
        skipped += n;
        if end.is_some() || n == 0 {
            return Ok(skipped);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Echo;

    impl Worker for Echo {
        fn answer(&mut self, lines: &[Line]) -> Vec<Vec<u8>> {
            let text = |line: &Line| match line {
                Line::Whole(bytes) => bytes.clone(),
                Line::TooLong(_) => b"too long".to_vec(),
            };
            lines.iter().map(text).collect()
        }
    }

    fn echo(input: &[u8], n_workers: usize) -> (String, usize) {
        let workers = (0..n_workers).map(|_| Box::new(Echo) as Box<dyn Worker>).collect();
        let mut output = Vec::new();
        let n = run(input, &mut output, workers, |_| {}).unwrap();
        (String::from_utf8(output).unwrap(), n)
    }

    #[test]
    fn order_is_kept_over_many_chunks_and_workers() {
        let input: String = (0..10_000).map(|n| format!("{n}\n")).collect();
        assert_eq!(echo(input.as_bytes(), 4), (input.clone(), 10_000));
    }

    #[test]
    fn blank_lines_are_passed_over_and_the_last_line_needs_no_end() {
        assert_eq!(echo(b"a\n\n  \nb", 1), ("a\nb\n".to_owned(), 2));
    }

    #[test]
    fn a_line_over_the_limit_is_answered_and_the_run_goes_on() {
        let mut input = vec![b'x'; MAX_RECORD + 10];
        input.extend(b"\nnext\n");
        assert_eq!(echo(&input, 1), ("too long\nnext\n".to_owned(), 2));
    }

    #[test]
    fn a_broken_pipe_ends_the_run() {
        struct Broken;
        impl Write for Broken {
            fn write(&mut self, _: &[u8]) -> io::Result<usize> {
                Err(io::ErrorKind::BrokenPipe.into())
            }
            fn flush(&mut self) -> io::Result<()> {
                Ok(())
            }
        }
        let input: String = (0..100_000).map(|n| format!("{n}\n")).collect();
        let workers: Vec<Box<dyn Worker>> = vec![Box::new(Echo), Box::new(Echo)];
        let result = run(input.as_bytes(), Broken, workers, |_| {});
        assert_eq!(result.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}
