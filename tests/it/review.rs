//! Remote review through the binary: settings, the hook, what is shown, what is kept. The reviewer stands on the loopback.

use std::fs;
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::thread;

use serde_json::{Value, json};

use crate::hook::{assert_stopped, before};
use crate::support::{Outcome, Sandbox, finish};

/// A Messages API that gives one verdict to everything and remembers the questions.
struct Reviewer {
    base_url: String,
    questions: Arc<Mutex<Vec<String>>>,
}

impl Reviewer {
    fn new(verdict: &str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let base_url = format!("http://{}", listener.local_addr().unwrap());
        let questions: Arc<Mutex<Vec<String>>> = Arc::default();
        let (asked, verdict) = (Arc::clone(&questions), verdict.to_owned());
        thread::spawn(move || listener.incoming().flatten().for_each(|connection| serve(connection, &verdict, &asked)));
        Self { base_url, questions }
    }

    fn n_questions(&self) -> usize {
        self.questions.lock().unwrap().len()
    }
}

fn serve(mut connection: TcpStream, verdict: &str, questions: &Mutex<Vec<String>>) {
    let mut reader = BufReader::new(connection.try_clone().unwrap());
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap() == 0 || line == "\r\n" {
            break;
        }
        if let Some(value) = line.to_ascii_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    questions.lock().unwrap().push(String::from_utf8(body).unwrap());
    let answer = json!({"summary": "looked at", "permission": "external", "effects": ["network"], "injection": false,
                        "rule": "x", "verdict": verdict});
    let reply = json!({"type": "message", "content": [{"type": "text", "text": answer.to_string()}],
                       "stop_reason": "end_turn", "usage": {"input_tokens": 1, "output_tokens": 1}})
    .to_string();
    write!(connection, "HTTP/1.1 200 OK\r\nconnection: close\r\ncontent-length: {}\r\n\r\n{reply}", reply.len())
        .unwrap();
}

/// A sandbox whose user turned review on.
fn reviewed_by(base_url: &str, more: &str) -> Sandbox {
    let sandbox = Sandbox::new();
    let folder = sandbox.path("config/riskgate");
    fs::create_dir_all(&folder).unwrap();
    let text = format!("[review]\nmode = \"uncertain\"\nbase_url = \"{base_url}\"\ngit = false\n{more}\n");
    fs::write(folder.join("config.toml"), text).unwrap();
    sandbox
}

fn hook(sandbox: &Sandbox, point: &str, more: &[&str]) -> Command {
    let mut command = sandbox.command(&[&["hook", "claude-code", "--operating-point", point], more].concat());
    command.env("ANTHROPIC_API_KEY", "EXAMPLE-key");
    command
}

fn push() -> String {
    before("Bash", &json!({"command": "git push origin main"}))
}

#[track_caller]
fn decision(outcome: &Outcome) -> (String, String) {
    assert_eq!(outcome.code, Some(0), "{outcome:?}");
    let reply: Value = serde_json::from_str(&outcome.stdout).unwrap_or_else(|error| panic!("{error}: {outcome:?}"));
    let output = &reply["hookSpecificOutput"];
    let text = |key: &str| output[key].as_str().unwrap().to_owned();
    (text("permissionDecision"), text("permissionDecisionReason"))
}

#[test]
fn an_uncertain_call_is_settled_by_the_reviewer() {
    for verdict in ["allow", "ask", "deny"] {
        let reviewer = Reviewer::new(verdict);
        let sandbox = reviewed_by(&reviewer.base_url, "");
        let (decision, reason) = decision(&finish(hook(&sandbox, "ask", &[]), push().as_bytes()));
        assert_eq!(decision, verdict);
        assert!(reason.contains("looked at (x; reviewed by claude-haiku-5-5)"), "{reason}");
        assert_eq!(reviewer.n_questions(), 1);
    }
}

#[test]
fn a_settled_call_stays_here() {
    let reviewer = Reviewer::new("allow");
    let sandbox = reviewed_by(&reviewer.base_url, "");
    for point in ["allow", "deny"] {
        assert_eq!(decision(&finish(hook(&sandbox, point, &[]), push().as_bytes())).0, point);
    }
    let after =
        json!({"hook_event_name": "PostToolUse", "tool_name": "WebFetch", "tool_response": {"result": "hello"}});
    finish(hook(&sandbox, "ask", &[]), after.to_string().as_bytes());
    assert_eq!(reviewer.n_questions(), 0);
}

#[test]
fn nothing_is_sent_or_written_unless_review_is_on() {
    let reviewer = Reviewer::new("allow");
    let sandbox = Sandbox::new();
    assert_eq!(
        decision(&finish(hook(&sandbox, "ask", &["--review-base-url", &reviewer.base_url]), push().as_bytes())).0,
        "ask"
    );
    assert_eq!(reviewer.n_questions(), 0);
    assert!(!sandbox.path("home/.local/state/riskgate/review").exists());
}

#[test]
fn a_reviewer_out_of_reach_is_named_and_the_call_does_not_run() {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let sandbox = reviewed_by(&format!("http://{free}"), "");
    let (first, reason) = decision(&finish(hook(&sandbox, "ask", &[]), push().as_bytes()));
    assert!(first == "ask" && reason.contains("offline"), "{reason}");
    let (second, reason) = decision(&finish(hook(&sandbox, "ask", &["--no-ask"]), push().as_bytes()));
    assert!(second == "deny" && reason.contains("paused"), "{reason}");
}

#[test]
fn what_would_be_sent_is_shown_and_stops_the_call() {
    let reviewer = Reviewer::new("allow");
    let sandbox = reviewed_by(&reviewer.base_url, "");
    let outcome = finish(hook(&sandbox, "ask", &["--show-request"]), push().as_bytes());
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    let request: Value = serde_json::from_str(&outcome.stdout).unwrap();
    assert_eq!(request["model"], "claude-haiku-5-5");
    let single = sandbox.run(&["score", "--operating-point", "ask", "--show-request", "--command", "git push"], "");
    assert!(single.code == Some(0) && single.stdout.contains("git push"), "{single:?}");
    let certain = sandbox.run(&["score", "--operating-point", "allow", "--show-request", "--command", "git push"], "");
    assert!(certain.stdout.is_empty() && certain.stderr.contains("nothing would be sent"), "{certain:?}");
    assert_eq!(reviewer.n_questions(), 0);
}

#[test]
fn settings_that_cannot_be_used_stop_the_call_and_are_named() {
    let sandbox = reviewed_by("http://example.com", "");
    let outcome = finish(hook(&sandbox, "ask", &[]), push().as_bytes());
    assert_stopped("base_url", &outcome);
    assert!(outcome.stderr.contains("base_url"), "{outcome:?}");
    assert_eq!(sandbox.run(&["score", "--command", "ls"], "").code, Some(2));
}

#[test]
fn a_project_keeps_its_actions_here() {
    let reviewer = Reviewer::new("allow");
    let sandbox = reviewed_by(&reviewer.base_url, "");
    fs::create_dir_all(sandbox.path("project")).unwrap();
    fs::write(sandbox.path("project/.riskgate.toml"), "[review]\nmode = \"off\"\n").unwrap();
    let mut command = hook(&sandbox, "ask", &[]);
    command.env("CLAUDE_PROJECT_DIR", sandbox.path("project"));
    assert_eq!(decision(&finish(command, push().as_bytes())).0, "ask");
    assert_eq!(reviewer.n_questions(), 0);
}

#[test]
fn kept_verdicts_become_records_and_labels() {
    let reviewer = Reviewer::new("deny");
    let sandbox = reviewed_by(&reviewer.base_url, "keep = true");
    finish(hook(&sandbox, "ask", &[]), push().as_bytes());
    let (records, labels) = (sandbox.path("records.jsonl"), sandbox.path("labels.jsonl"));
    let exported = sandbox
        .run(&["review", "export", "--records", records.to_str().unwrap(), "--labels", labels.to_str().unwrap()], "");
    assert_eq!((exported.code, exported.stderr.as_str()), (Some(0), "1 verdicts\n"));
    let figures = sandbox
        .run(&["eval", "--labels", labels.to_str().unwrap(), "--input", records.to_str().unwrap(), "--json"], "");
    assert_eq!(figures.code, Some(0), "{figures:?}");
    let status = sandbox.run(&["review", "status"], "");
    assert!(status.stdout.contains("kept      1 verdicts"), "{status:?}");
}
