//! The local door: frames from this user's own processes, each connection a task of its own.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use interprocess::local_socket::ListenerOptions;
use interprocess::local_socket::tokio::{Listener, Stream};
use interprocess::local_socket::traits::tokio::Listener as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::sync::SemaphorePermit;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::client::is_own;
use super::desk::{Desk, NotJudged};
use super::judge::{Outcome, Task, Whose};
use super::log::remark;
use super::metrics::{Door, Refusal};
use super::place::Place;
use super::protocol::{self, Answer, Asked, FrameError, Lengths, PREFIX, Request};
use crate::harness::{Harness, HookEnvironment};

/// Connections at a time. A hook's lasts as long as its answer takes.
const MOST_CONNECTIONS: usize = 512;
/// How long a client may take for a frame once it has begun, and we for an answer.
const SLOW: Duration = Duration::from_secs(5);
/// How long a client may say nothing between two frames.
const SILENT: Duration = Duration::from_secs(10);

/// Listens at a place. Only whoever holds the place's lock may: what lies there is a dead daemon's.
pub(super) fn listen(place: &Place) -> io::Result<Listener> {
    let options = ListenerOptions::new().name(place.name()?).try_overwrite(true);
    let listener = options.create_tokio()?;
    make_private(place)?;
    Ok(listener)
}

/// The folder keeps others out already; the mode says so to whoever looks.
#[cfg(unix)]
fn make_private(place: &Place) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::set_permissions(place.socket(), std::fs::Permissions::from_mode(0o600))
}

#[cfg(not(unix))]
fn make_private(_: &Place) -> io::Result<()> {
    Ok(())
}

/// Answers until the daemon stops, then finishes the conversations that have begun.
pub(super) async fn serve(listener: Listener, desk: Arc<Desk>) {
    let mut talks = JoinSet::new();
    loop {
        tokio::select! {
            () = desk.stopping() => break,
            Some(_) = talks.join_next() => {}
            accepted = listener.accept() => match accepted {
                Ok(stream) => drop(talks.spawn(converse(stream, Arc::clone(&desk), talks.len()))),
                Err(error) => {
                    // Most likely too many open files: those that are open have to be closed first.
                    remark(format_args!("cannot accept a connection: {error}"));
                    sleep(Duration::from_millis(20)).await;
                }
            }
        }
    }
    drop(listener);
    while talks.join_next().await.is_some() {}
}

async fn converse(mut stream: Stream, desk: Arc<Desk>, n_others: usize) {
    if !is_own(&stream) {
        desk.metrics.refused(Door::Socket, Refusal::Foreign);
        return;
    }
    if n_others >= MOST_CONNECTIONS {
        desk.metrics.refused(Door::Socket, Refusal::Busy);
        answer(&mut stream, &Answer::Busy, b"").await;
        return;
    }
    while let Some(received) = receive(&mut stream, &desk).await {
        let (reply, body) = match received {
            Ok((request, body, _room)) => {
                // Whoever has read no settings does not know how long it may take.
                if takes_patience(&request, &desk) && !answer(&mut stream, &Answer::Patience, b"").await {
                    return;
                }
                respond(request, body, &desk).await
            }
            Err(error) => {
                desk.metrics.refused(Door::Socket, Refusal::Malformed);
                (Some(Answer::Refused { problem: error.to_string() }), Vec::new())
            }
        };
        // Without an answer the client sees the connection close, and judges by itself.
        let Some(reply) = reply else { return };
        let goes_on = matches!(
            reply,
            Answer::Record | Answer::Hook { .. } | Answer::Status(_) | Answer::Late | Answer::Unsettled
        );
        if !answer(&mut stream, &reply, &body).await || !goes_on {
            return;
        }
    }
}

type Received<'a> = Result<(Request, Vec<u8>, Option<SemaphorePermit<'a>>), FrameError>;

/// The next frame; none when the client leaves or says nothing, or the daemon stops before it has begun.
async fn receive<'a>(stream: &mut Stream, desk: &'a Desk) -> Option<Received<'a>> {
    let mut prefix = [0; PREFIX];
    let begun = tokio::select! {
        () = desk.stopping() => return None,
        begun = timeout(SILENT, stream.read(&mut prefix)) => begun.ok()?.ok()?,
    };
    if begun == 0 {
        return None;
    }
    let rest = async {
        stream.read_exact(prefix.get_mut(begun..).unwrap_or_default()).await?;
        let lengths = Lengths::read(&prefix)?;
        let room = desk.room(lengths.body).await;
        let head = exactly(stream, lengths.head).await?;
        let body = exactly(stream, lengths.body).await?;
        Ok((serde_json::from_slice(&head)?, body, room))
    };
    match timeout(SLOW, rest).await {
        Ok(received) => Some(received),
        Err(_) => Some(Err(FrameError::Io(io::ErrorKind::TimedOut.into()))),
    }
}

/// Memory follows what arrives, not what was announced.
async fn exactly(stream: &mut Stream, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    stream.take(length as u64).read_to_end(&mut bytes).await?;
    if bytes.len() == length { Ok(bytes) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

/// Sends an answer; whether it arrived.
async fn answer(stream: &mut Stream, head: &Answer, body: &[u8]) -> bool {
    let Ok(frame) = protocol::frame(head, body) else { return false };
    matches!(timeout(SLOW, stream.write_all(&frame)).await, Ok(Ok(())))
}

/// Whether a reviewer may be asked for it.
fn takes_patience(request: &Request, desk: &Desk) -> bool {
    match request {
        Request::Score { settings: Some(_), .. } | Request::Hook { settings: Some(_), .. } => {
            desk.current.get().reviews()
        }
        _ => false,
    }
}

/// The answer to a request and its body; none when the task broke.
async fn respond(request: Request, body: Vec<u8>, desk: &Desk) -> (Option<Answer>, Vec<u8>) {
    let (identity, deadline_ms, settings, task) = match request {
        Request::Status => return (Some(Answer::Status(desk.status())), Vec::new()),
        Request::Stop => {
            desk.stop();
            return (Some(Answer::Stopping), Vec::new());
        }
        Request::Score { identity, deadline_ms, settings } => {
            (identity, deadline_ms, settings, Task::Score { bytes: body, in_sessions: false })
        }
        Request::Hook { identity, deadline_ms, harness, workspace, home, settings } => {
            let Ok(harness) = harness.parse::<Harness>() else {
                return (Some(Answer::Refused { problem: format!("no harness `{harness}`") }), Vec::new());
            };
            let environment = HookEnvironment { workspace, home };
            (identity, deadline_ms, settings, Task::Hook { harness, environment, input: body })
        }
    };
    let current = desk.current.get();
    let is_same = match &settings {
        None => identity == current.identity(),
        Some(asked) => identity == current.program() && current.has_key(&asked.key),
    };
    if !is_same {
        desk.metrics.refused(Door::Socket, Refusal::Mismatch);
        return (Some(Answer::Mismatch { identity: current.identity().to_owned() }), Vec::new());
    }
    let (time, whose) = match settings {
        None => (deadline_ms, Whose::Own),
        Some(Asked { folder, look, reviewed_ms, .. }) => {
            let time = if current.reviews() { reviewed_ms } else { deadline_ms };
            (time, Whose::Client { folder: folder.map(PathBuf::from), look })
        }
    };
    drop(current);
    judged(desk.judge(task, whose, Duration::from_millis(time)).await, desk)
}

fn judged(outcome: Result<Outcome, NotJudged>, desk: &Desk) -> (Option<Answer>, Vec<u8>) {
    match outcome {
        Ok(Outcome::Records(record) | Outcome::Unreadable(record)) => (Some(Answer::Record), record),
        Ok(Outcome::Hook(reply)) => {
            let (answer, body) = Answer::of_hook(reply);
            (Some(answer), body)
        }
        Ok(Outcome::Unsettled) => (Some(Answer::Unsettled), Vec::new()),
        Err(not_judged) => {
            if let Some(refusal) = not_judged.refusal() {
                desk.metrics.refused(Door::Socket, refusal);
            }
            let answer = match not_judged {
                NotJudged::Busy => Some(Answer::Busy),
                NotJudged::Late => Some(Answer::Late),
                NotJudged::Broken => None,
            };
            (answer, Vec::new())
        }
    }
}
