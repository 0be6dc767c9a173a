//! The Messages API on the loopback, as bad as it can be: answers by a script and remembers what it was asked.

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::Duration;

use serde_json::{Value, json};

/// One reply.
#[derive(Debug, Clone)]
pub(super) enum Reply {
    /// A status, headers and a body.
    Http(u16, Vec<(&'static str, String)>, String),
    /// A part of a reply, then the end.
    Broken,
    /// Nothing for as long as anyone waits.
    Silence,
    /// A body without end.
    Endless,
}

impl Reply {
    /// A whole answer that follows the schema.
    pub(super) fn verdict(verdict: &str) -> Self {
        Self::text(&json!({
            "summary": "pushes to a shared branch", "permission": "external", "effects": ["external_change", "network"],
            "injection": false, "rule": "pushing", "verdict": verdict,
        }))
    }

    /// An answer as text.
    pub(super) fn text(answer: &Value) -> Self {
        Self::message(&json!([{"type": "text", "text": answer.to_string()}]), "end_turn")
    }

    /// A reply of the model.
    pub(super) fn message(content: &Value, stop_reason: &str) -> Self {
        let usage = json!({"input_tokens": 100, "output_tokens": 20, "cache_read_input_tokens": 1000, "cache_creation_input_tokens": 0});
        let message = json!({
            "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-x", "content": content,
            "stop_reason": stop_reason, "stop_sequence": null, "usage": usage,
        });
        Self::Http(200, Vec::new(), message.to_string())
    }

    /// A reply of the API itself.
    pub(super) fn error(status: u16, kind: &str, message: &str) -> Self {
        let error = json!({"type": "error", "error": {"type": kind, "message": message}, "request_id": "req_1"});
        Self::Http(status, Vec::new(), error.to_string())
    }

    /// The same reply with one more header.
    pub(super) fn with_header(self, name: &'static str, value: &str) -> Self {
        match self {
            Self::Http(status, mut headers, body) => {
                headers.push((name, value.to_owned()));
                Self::Http(status, headers, body)
            }
            other => other,
        }
    }
}

/// One request, as it came.
#[derive(Debug, Clone)]
pub(super) struct Received {
    pub(super) head: String,
    pub(super) body: String,
}

impl Received {
    pub(super) fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap()
    }
}

/// A running stub; its last reply is given for ever.
pub(super) struct Stub {
    address: SocketAddr,
    received: Arc<Mutex<Vec<Received>>>,
}

impl Stub {
    pub(super) fn new(replies: Vec<Reply>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let received: Arc<Mutex<Vec<Received>>> = Arc::default();
        let seen = Arc::clone(&received);
        // Lives as long as the test process; nobody connects to it after its test.
        thread::spawn(move || {
            for (n, connection) in listener.incoming().flatten().enumerate() {
                let reply = replies[n.min(replies.len() - 1)].clone();
                let seen = Arc::clone(&seen);
                thread::spawn(move || serve(connection, &reply, &seen));
            }
        });
        Self { address, received }
    }

    pub(super) fn base_url(&self) -> String {
        format!("http://{}", self.address)
    }

    pub(super) fn received(&self) -> Vec<Received> {
        self.received.lock().unwrap().clone()
    }
}

/// An address at which nobody listens.
pub(super) fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

fn serve(connection: TcpStream, reply: &Reply, seen: &Mutex<Vec<Received>>) {
    let mut reader = BufReader::new(connection.try_clone().unwrap());
    let (mut head, mut length) = (String::new(), 0);
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 || line == "\r\n" {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        head.push_str(&line);
    }
    let mut body = vec![0; length];
    if reader.read_exact(&mut body).is_err() {
        return;
    }
    seen.lock().unwrap().push(Received { head, body: String::from_utf8(body).unwrap() });
    answer(connection, reply);
}

fn answer(mut connection: TcpStream, reply: &Reply) {
    // Whoever asked may have gone.
    let _ = match reply {
        Reply::Http(status, headers, body) => {
            let headers: String = headers.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
            let length = body.len();
            write!(
                connection,
                "HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {length}\r\n{headers}\r\n{body}"
            )
        }
        Reply::Broken => {
            write!(connection, "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: 999\r\n\r\n{{\"id\"")
        }
        Reply::Silence => {
            thread::sleep(Duration::from_secs(20));
            Ok(())
        }
        Reply::Endless => {
            let begun = write!(connection, "HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n");
            let chunk = [b' '; 64 * 1024];
            while connection.write_all(&chunk).is_ok() {}
            begun
        }
    };
}
