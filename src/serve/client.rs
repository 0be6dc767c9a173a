//! The thin side: connect, ask, leave. Plain blocking input and output, no model, no runtime, no more than it needs.

use std::io::{self, BufReader, Read, Write};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs};

use interprocess::ConnectWaitMode;
use interprocess::local_socket::traits::Stream as _;
use interprocess::local_socket::{ConnectOptions, Stream};

use super::place::{self, Place, PlaceError};
use super::protocol::{self, Answer, FrameError, Request};
use crate::config::env_vars;

/// Why there is no answer. None of these says anything about the action.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum AskError {
    /// Nobody listens there.
    #[error("no daemon is running")]
    Absent,
    /// Somebody else may be listening there.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// Somebody else is.
    #[error("the daemon belongs to another user")]
    Foreign,
    /// It has just kept somebody waiting in vain.
    #[error("the daemon does not answer")]
    Silent,
    /// It did not answer, or not in a form that can be trusted.
    #[error("the daemon did not answer: {0}")]
    Broken(#[from] FrameError),
}

/// Patience from which on a silence says something of the daemon.
const LONG_SILENCE: Duration = Duration::from_secs(1);
/// How long a daemon that was silent is not asked again.
const LEFT_ALONE: Duration = Duration::from_secs(10);

impl AskError {
    /// Whether there is somebody who says nothing.
    fn is_silence(&self) -> bool {
        let silent = |kind| matches!(kind, io::ErrorKind::TimedOut | io::ErrorKind::WouldBlock);
        matches!(self, Self::Broken(FrameError::Io(error)) if silent(error.kind()))
    }
}

/// How long a client waits for an answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Patience {
    /// From the start.
    pub usual: Duration,
    /// From the start, when the daemon says that a reviewer may be asked.
    pub reviewed: Duration,
}

/// Asks the daemon at a place to judge; `waits_longer` is called when it says that a reviewer may be asked. A daemon that has just
/// kept somebody waiting in vain is not asked: with one that hangs, every call would take half of its deadline.
pub fn consult(
    place: &Place,
    request: &Request,
    body: &[u8],
    patience: Patience,
    waits_longer: &dyn Fn(),
) -> Result<(Answer, Vec<u8>), AskError> {
    if is_left_alone(place) {
        return Err(AskError::Silent);
    }
    let started = Instant::now();
    let mut limit = patience.usual;
    let answered = ask_twice(place, request, body, started + limit, || {
        limit = patience.reviewed;
        waits_longer();
        started + patience.reviewed
    });
    if limit >= LONG_SILENCE && answered.as_ref().is_err_and(AskError::is_silence) {
        // Without the note the next one waits, too, which is no more than slow.
        let _ = fs::File::create(place.silence());
    }
    answered
}

fn is_left_alone(place: &Place) -> bool {
    let noted = fs::metadata(place.silence()).and_then(|metadata| metadata.modified());
    // A time in the future is a clock that was set back: it says nothing.
    noted.is_ok_and(|at| at.elapsed().is_ok_and(|since| since < LEFT_ALONE))
}

/// Asks the daemon at a place and waits for its answer until then, no longer.
pub fn ask(place: &Place, request: &Request, body: &[u8], until: Instant) -> Result<(Answer, Vec<u8>), AskError> {
    ask_twice(place, request, body, until, || until)
}

/// The same, with another end of waiting when the daemon asks for patience. It may do so once.
fn ask_twice(
    place: &Place,
    request: &Request,
    body: &[u8],
    until: Instant,
    later: impl FnOnce() -> Instant,
) -> Result<(Answer, Vec<u8>), AskError> {
    let stream = connect(place, until)?;
    let mut stream = Timed { stream, until };
    protocol::send(&mut stream, request, body)?;
    // An answer of a hook is one read, not one for each of its parts.
    let mut reader = BufReader::new(stream);
    let answered = protocol::receive(&mut reader)?;
    if answered.0 != Answer::Patience {
        return Ok(answered);
    }
    reader.get_mut().until = later();
    Ok(protocol::receive(&mut reader)?)
}

/// Connects to a daemon that is this user's own.
fn connect(place: &Place, until: Instant) -> Result<Stream, AskError> {
    match place.check() {
        Ok(()) => {}
        Err(PlaceError::Io { source, .. }) if source.kind() == io::ErrorKind::NotFound => return Err(AskError::Absent),
        Err(error) => return Err(error.into()),
    }
    let name = place.name().map_err(FrameError::Io)?;
    let wait = ConnectWaitMode::Timeout(time_until(until).map_err(FrameError::Io)?);
    let stream =
        ConnectOptions::new().name(name).wait_mode(wait).connect_sync().map_err(|error| match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused => AskError::Absent,
            _ => AskError::Broken(error.into()),
        })?;
    if is_own(&stream) { Ok(stream) } else { Err(AskError::Foreign) }
}

/// Whether the other side of a connection is a process of this user.
#[cfg(unix)]
pub(super) fn is_own(stream: &impl interprocess::local_socket::traits::StreamCommon) -> bool {
    stream.peer_creds().is_ok_and(|peer| peer.euid() == Some(place::user()))
}

/// The system lets nobody else write to a pipe of this user's.
#[cfg(not(unix))]
pub(super) fn is_own(_: &impl interprocess::local_socket::traits::StreamCommon) -> bool {
    true
}

/// A stream all of whose reads and writes together end at an instant.
struct Timed {
    stream: Stream,
    until: Instant,
}

impl Read for Timed {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        limited(self.stream.set_recv_timeout(Some(time_until(self.until)?)))?;
        self.stream.read(buffer)
    }
}

impl Write for Timed {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        limited(self.stream.set_send_timeout(Some(time_until(self.until)?)))?;
        self.stream.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.stream.flush()
    }
}

/// Named pipes know no time limits; there, the limit of the whole call stands alone.
fn limited(outcome: io::Result<()>) -> io::Result<()> {
    match outcome {
        Err(error) if error.kind() == io::ErrorKind::Unsupported => Ok(()),
        outcome => outcome,
    }
}

fn time_until(until: Instant) -> io::Result<Duration> {
    let left = until.saturating_duration_since(Instant::now());
    if left.is_zero() { Err(io::ErrorKind::TimedOut.into()) } else { Ok(left) }
}

/// Starts a daemon in the background with this program and the arguments of `riskgate serve`. It shares nothing with this
/// process: a standard stream kept open would make whoever called us wait for the daemon's end.
pub fn start(place: &Place, arguments: impl IntoIterator<Item = std::ffi::OsString>) -> io::Result<()> {
    place.prepare().map_err(io::Error::other)?;
    let log = fs::OpenOptions::new().append(true).create(true).open(place.log())?;
    let mut command = Command::new(env::current_exe()?);
    command.arg("serve").args(arguments);
    // A port is opened only where somebody asks for it, not by every daemon that starts by itself.
    command.env_remove(env_vars::HTTP).env_remove(env_vars::HTTP_TOKEN_FILE);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(log);
    // A folder that somebody wants to remove or unmount must not be held.
    if let Some(root) = place.socket().ancestors().last().filter(|root| root.is_absolute()) {
        command.current_dir(root);
    }
    command.spawn().map(drop)
}
