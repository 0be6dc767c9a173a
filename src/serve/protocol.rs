//! What goes over the local socket: frames of a JSON head and a body of bytes, both bounded.
//!
//! A frame is `RGT1`, the length of the head and that of the body (four bytes each, little-endian), the head, the body. The
//! body is what the harness sent or gets back, as it is: nobody copies it into JSON. That form and the requests `status` and
//! `stop` stay as they are in every version, so that any riskgate can ask any daemon to leave; all else is spoken only
//! between two that are the same program.

use std::io::{self, Read, Write};

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::harness::HookReply;
use crate::record::MAX_RECORD;

const MAGIC: [u8; 4] = *b"RGT1";
/// Bytes in front of the head.
pub(super) const PREFIX: usize = 12;
/// Most bytes of a head: two paths and a few numbers.
pub(super) const MAX_HEAD: usize = 64 * 1024;
/// Most bytes of a body.
pub const MAX_BODY: usize = MAX_RECORD;

/// What a client asks.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "ask", rename_all = "snake_case")]
pub enum Request {
    /// Judge the action record in the body.
    Score {
        /// Which riskgate asks.
        identity: String,
        /// Milliseconds until the answer is of no use.
        deadline_ms: u64,
        /// In whose settings; those that the daemon was started with when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        settings: Option<Asked>,
    },
    /// Answer the hook call in the body.
    Hook {
        /// Which riskgate asks.
        identity: String,
        /// Milliseconds until the answer is of no use.
        deadline_ms: u64,
        /// The agent program.
        harness: String,
        /// The project's folder, from the hook's environment.
        workspace: Option<String>,
        /// The user's home, from the hook's environment.
        home: Option<String>,
        /// In whose settings; those that the daemon was started with when absent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        settings: Option<Asked>,
    },
    /// Tell how you are.
    Status,
    /// Finish what you have begun and leave.
    Stop,
}

/// What a client that has read no settings knows of those that hold for its call.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Asked {
    /// The folder from which the project is searched upwards.
    pub folder: Option<String>,
    /// How everything looks that the settings depend on. The daemon answers only when it looks the same to it.
    pub look: String,
    /// What the key for a reviewer in the client's environment is known by; empty without one.
    pub key: String,
    /// Milliseconds until the answer is of no use where a reviewer may be asked.
    pub reviewed_ms: u64,
}

/// What a daemon answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "answer", rename_all = "snake_case")]
pub enum Answer {
    /// The decision record is in the body.
    Record,
    /// The hook's reply; its standard output is the body.
    Hook {
        /// The exit code.
        exit_code: u8,
        /// The standard error.
        stderr: String,
    },
    /// Too many calls wait already.
    Busy,
    /// Not judged within the time allowed.
    Late,
    /// A reviewer may be asked, which takes longer: the answer follows.
    Patience,
    /// The settings of the call look different to the daemon, or it cannot use them: the client has to read them by itself.
    Unsettled,
    /// Client and daemon are not the same program.
    Mismatch {
        /// Which riskgate the daemon is.
        identity: String,
    },
    /// The request cannot be understood.
    Refused {
        /// Why.
        problem: String,
    },
    /// How the daemon is.
    Status(Status),
    /// It takes no more calls and ends when the last is answered.
    Stopping,
}

/// How a daemon is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Status {
    /// Which riskgate it is.
    pub identity: String,
    /// Its process.
    pub pid: u32,
    /// Seconds since its start.
    pub uptime_s: u64,
    /// The bundle it judges with.
    pub model: String,
    /// The policy it judges with.
    pub policy: String,
    /// How often a bundle was loaded: 1 for the first.
    pub generation: u64,
    /// Why a newer bundle is not in use, when there is one that cannot be loaded.
    pub reload_problem: Option<String>,
    /// Workers, each with a session.
    pub workers: usize,
    /// Calls answered.
    pub calls: u64,
    /// Calls that wait or are being judged.
    pub in_flight: usize,
    /// Decisions remembered.
    pub cached: usize,
    /// Where HTTP is spoken.
    pub http: Option<String>,
}

/// Why a frame cannot be read or written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FrameError {
    /// The connection broke, ended within a frame, or time ran out.
    #[error("the connection broke: {0}")]
    Io(#[from] io::Error),
    /// Not our protocol.
    #[error("not a riskgate frame")]
    Magic,
    /// Longer than anything that is meant.
    #[error("a frame's {part} of {bytes} bytes; at most {most} are read")]
    TooLong {
        /// Head or body.
        part: &'static str,
        /// Its length as announced.
        bytes: usize,
        /// The limit.
        most: usize,
    },
    /// A head that means nothing.
    #[error("a frame's head cannot be read: {0}")]
    Head(#[from] serde_json::Error),
}

/// The lengths that a frame announces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Lengths {
    pub(super) head: usize,
    pub(super) body: usize,
}

impl Lengths {
    /// Reads and bounds them, before anything is read or kept on their word.
    pub(super) fn read(prefix: &[u8; PREFIX]) -> Result<Self, FrameError> {
        let [a, b, c, d, h0, h1, h2, h3, b0, b1, b2, b3] = *prefix;
        if [a, b, c, d] != MAGIC {
            return Err(FrameError::Magic);
        }
        let head = bounded("head", [h0, h1, h2, h3], MAX_HEAD)?;
        let body = bounded("body", [b0, b1, b2, b3], MAX_BODY)?;
        Ok(Self { head, body })
    }
}

fn bounded(part: &'static str, length: [u8; 4], most: usize) -> Result<usize, FrameError> {
    let bytes = usize::try_from(u32::from_le_bytes(length)).unwrap_or(usize::MAX);
    if bytes <= most { Ok(bytes) } else { Err(FrameError::TooLong { part, bytes, most }) }
}

/// A frame as it is sent.
pub(super) fn frame(head: &impl Serialize, body: &[u8]) -> Result<Vec<u8>, FrameError> {
    let head = serde_json::to_vec(head)?;
    let too_long = |part, bytes, most| FrameError::TooLong { part, bytes, most };
    let length = |part, bytes: usize, most| {
        u32::try_from(bytes).ok().filter(|_| bytes <= most).ok_or(too_long(part, bytes, most))
    };
    let lengths = [length("head", head.len(), MAX_HEAD)?, length("body", body.len(), MAX_BODY)?];
    let mut frame = Vec::with_capacity(PREFIX + head.len() + body.len());
    frame.extend(MAGIC);
    frame.extend(lengths.map(u32::to_le_bytes).concat());
    frame.extend(head);
    frame.extend(body);
    Ok(frame)
}

/// Sends one frame.
pub(super) fn send(output: &mut impl Write, head: &impl Serialize, body: &[u8]) -> Result<(), FrameError> {
    output.write_all(&frame(head, body)?)?;
    Ok(output.flush()?)
}

/// Receives one frame.
pub(super) fn receive<H: DeserializeOwned>(input: &mut impl Read) -> Result<(H, Vec<u8>), FrameError> {
    let mut prefix = [0; PREFIX];
    input.read_exact(&mut prefix)?;
    let lengths = Lengths::read(&prefix)?;
    let head = exactly(input, lengths.head)?;
    let body = exactly(input, lengths.body)?;
    Ok((serde_json::from_slice(&head)?, body))
}

/// Memory follows what arrives, not what was announced.
fn exactly(input: &mut impl Read, length: usize) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    input.take(length as u64).read_to_end(&mut bytes)?;
    if bytes.len() == length { Ok(bytes) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

impl Answer {
    /// The head and the body for a hook's reply.
    pub(super) fn of_hook(reply: HookReply) -> (Self, Vec<u8>) {
        (Self::Hook { exit_code: reply.exit_code, stderr: reply.stderr }, reply.stdout.into_bytes())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn request() -> Request {
        Request::Hook {
            identity: "1+a".into(),
            deadline_ms: 5,
            harness: "claude-code".into(),
            workspace: Some("/w".into()),
            home: None,
            settings: Some(Asked { folder: Some("/w".into()), look: "1".into(), key: String::new(), reviewed_ms: 6 }),
        }
    }

    fn read(bytes: &[u8]) -> Result<(Request, Vec<u8>), FrameError> {
        receive(&mut &*bytes)
    }

    #[test]
    fn a_frame_comes_back_as_it_was_sent() {
        let mut bytes = Vec::new();
        send(&mut bytes, &request(), b"{\xff}").unwrap();
        send(&mut bytes, &Request::Stop, b"").unwrap();
        let mut input = &*bytes;
        assert_eq!(receive::<Request>(&mut input).unwrap(), (request(), b"{\xff}".to_vec()));
        assert_eq!(receive::<Request>(&mut input).unwrap(), (Request::Stop, Vec::new()));
        assert!(input.is_empty());
    }

    #[test]
    fn a_request_of_a_riskgate_that_knew_nothing_of_settings_is_understood_and_told_who_is_here() {
        let old = br#"{"ask":"score","identity":"0+a/1","deadline_ms":5}"#;
        let request: Request = serde_json::from_slice(old).unwrap();
        assert_eq!(request, Request::Score { identity: "0+a/1".into(), deadline_ms: 5, settings: None });
    }

    #[test]
    fn status_and_stop_are_spelled_as_ever() {
        // Any version must be able to ask any other to leave.
        assert_eq!(frame(&Request::Stop, b"").unwrap(), b"RGT1\x0e\0\0\0\0\0\0\0{\"ask\":\"stop\"}");
        assert_eq!(frame(&Request::Status, b"").unwrap(), b"RGT1\x10\0\0\0\0\0\0\0{\"ask\":\"status\"}");
    }

    #[test]
    fn lengths_are_bounded_before_anything_is_read() {
        let prefix = |head: u32, body: u32| [&MAGIC[..], &head.to_le_bytes(), &body.to_le_bytes()].concat();
        for (frame, part) in [(prefix(u32::MAX, 0), "head"), (prefix(2, MAX_BODY as u32 + 1), "body")] {
            assert!(matches!(read(&frame), Err(FrameError::TooLong { part: found, .. }) if found == part));
        }
        assert!(matches!(frame(&Request::Stop, &vec![0; MAX_BODY + 1]), Err(FrameError::TooLong { .. })));
    }

    #[test]
    fn half_a_frame_and_another_protocol_are_errors() {
        let whole = frame(&request(), b"body").unwrap();
        for end in 0..whole.len() {
            assert!(matches!(read(&whole[..end]), Err(FrameError::Io(_))), "{end}");
        }
        assert!(matches!(read(b"GET / HTTP/1.1\r\n"), Err(FrameError::Magic)));
        assert!(matches!(read(b"RGT1\x02\0\0\0\0\0\0\0{}"), Err(FrameError::Head(_))));
    }

    proptest! {
        #[test]
        fn garbage_is_an_error_and_never_a_panic(bytes in proptest::collection::vec(any::<u8>(), 0..200)) {
            prop_assert!(read(&bytes).is_err());
            let framed = [&b"RGT1\x10\0\0\0\0\0\0\0"[..], &*bytes].concat();
            let _ = read(&framed);
        }
    }
}
