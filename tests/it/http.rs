//! The daemon's HTTP door: records, hooks, what operators ask, and every way to be refused.

use std::fs::{self, Permissions};
use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt as _;
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::hook::before;
use crate::serve::{Daemon, World};
use crate::support::finish;

/// A daemon that speaks HTTP at a port of its own.
struct Site {
    // The daemon ends before its world does.
    _daemon: Daemon,
    address: String,
    world: World,
}

/// An answer.
#[derive(Debug)]
struct Answer {
    status: u16,
    head: String,
    body: String,
}

impl Answer {
    #[track_caller]
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {self:?}"))
    }
}

impl Site {
    fn new(arguments: &[&str]) -> Self {
        let world = World::new();
        let daemon = world.serve(&[&["--http", "127.0.0.1:0"], arguments].concat());
        let address = daemon.wait_for(|_| true).http.unwrap();
        Self { _daemon: daemon, address, world }
    }

    fn raw(&self, request: &[u8]) -> Answer {
        let mut stream = TcpStream::connect(&self.address).unwrap();
        stream.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
        // One that is refused may be closed before all of it is sent.
        let _ = stream.write_all(request);
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        let answer = String::from_utf8(answer).unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap_or_else(|| panic!("no answer: {answer:?}"));
        let status = head.split(' ').nth(1).unwrap().parse().unwrap();
        Answer { status, head: head.to_lowercase(), body: body.to_owned() }
    }

    fn post(&self, path: &str, body: impl AsRef<[u8]>) -> Answer {
        self.post_with(path, "", body)
    }

    fn post_with(&self, path: &str, headers: &str, body: impl AsRef<[u8]>) -> Answer {
        let body = body.as_ref();
        let length = body.len();
        let head = format!(
            "POST {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: {length}\r\n{headers}\r\n"
        );
        self.raw(&[head.as_bytes(), body].concat())
    }

    fn get(&self, path: &str) -> Answer {
        self.raw(format!("GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n").as_bytes())
    }
}

fn record(id: &str, command: &str) -> Value {
    json!({"id": id, "tool": "Bash", "input": {"command": command}})
}

#[test]
fn one_record_or_many_are_judged() {
    let site = Site::new(&["--operating-point", "ask"]);
    let one = site.post("/v1/score", record("a", "git push").to_string());
    assert_eq!(one.status, 200, "{one:?}");
    assert!(one.head.contains("content-type: application/json"), "{one:?}");
    let decision = one.json();
    assert_eq!(
        (&decision["id"], &decision["verdict"], &decision["source"]),
        (&json!("a"), &json!("ask"), &json!("model"))
    );
    assert!(decision["assessment"]["risk"]["deny"].is_number() && decision["elapsed_us"].is_number(), "{decision}");

    let many = json!([record("b", "ls"), {"id": "bad", "tool": 3}, record("c", "pwd")]);
    let decisions = site.post("/v1/score", many.to_string()).json();
    let ids: Vec<&Value> = decisions.as_array().unwrap().iter().map(|decision| &decision["id"]).collect();
    assert_eq!(ids, ["b", "bad", "c"]);
    assert_eq!((&decisions[1]["error"]["code"], &decisions[1]["verdict"]), (&json!("record.field"), &json!("ask")));
    assert_eq!(site.post("/v1/score", "[]").body, "[]");
    assert_eq!(site.post("/v1/score", record("d", "git  push").to_string()).json()["source"], "cache");
}

#[test]
fn what_cannot_be_read_has_an_error_and_a_verdict() {
    let site = Site::new(&["--operating-point", "allow"]);
    let too_many = Value::Array((0..257).map(|n| record(&n.to_string(), "ls")).collect()).to_string();
    for (body, code) in [
        ("", "record.json"),
        ("no json", "record.json"),
        ("{\"id\":5}", "record.field"),
        ("[1,", "record.json"),
        (&too_many, "record.many"),
    ] {
        let answer = site.post("/v1/score", body);
        let record = answer.json();
        assert_eq!((answer.status, &record["error"]["code"]), (400, &json!(code)), "{body:.40}");
        assert_eq!(record["verdict"], "ask");
    }
    let head = "POST /v1/score HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 17000000\r\n\r\n{}";
    let large = site.raw(head.as_bytes());
    assert_eq!((large.status, &large.json()["verdict"]), (413, &json!("ask")));
}

#[test]
fn a_hook_over_http_is_answered_in_the_harness_s_terms() {
    let site = Site::new(&["--operating-point", "deny"]);
    let call = before("Bash", &json!({"command": "ls"}));
    let answer = site.post_with("/hook/claude-code", "X-Riskgate-Workspace: /w\r\n", &call);
    assert_eq!(answer.status, 200);
    assert_eq!(answer.json()["hookSpecificOutput"]["permissionDecision"], "deny");
    let other = site.post("/hook/claude-code", r#"{"hook_event_name":"Stop"}"#);
    assert_eq!((other.status, other.body.as_str()), (200, "{}"));
    assert_eq!(site.post("/hook/emacs", call).status, 404);
}

#[test]
fn a_hook_call_is_judged_in_the_settings_of_the_project_that_it_comes_from() {
    let site = Site::new(&["--operating-point", "allow"]);
    let folder = |name: &str, settings: &str| {
        let folder = site.world.sandbox.path(name);
        fs::create_dir_all(&folder).unwrap();
        fs::write(folder.join(".riskgate.toml"), settings).unwrap();
        folder.to_str().unwrap().to_owned()
    };
    let (strict, broken) = (folder("strict", "[policy]\ndeny = [\"Bash(make *)\"]\n"), folder("broken", "mode = "));
    let call = |cwd: &str| {
        let mut call: Value = serde_json::from_str(&before("Bash", &json!({"command": "make all"}))).unwrap();
        call["cwd"] = json!(cwd);
        call.to_string()
    };
    let decision = |answer: Answer| answer.json()["hookSpecificOutput"]["permissionDecision"].clone();
    assert_eq!(decision(site.post("/hook/claude-code", call("/nowhere"))), "allow");
    assert_eq!(decision(site.post("/hook/claude-code", call(&strict))), "deny");
    let header = format!("X-Riskgate-Workspace: {strict}\r\n");
    assert_eq!(decision(site.post_with("/hook/claude-code", &header, call("/nowhere"))), "deny");
    let stopped = site.post("/hook/claude-code", call(&broken)).json();
    assert_eq!(
        (&stopped["decision"], &stopped["hookSpecificOutput"]["permissionDecision"]),
        (&json!("block"), &json!("deny"))
    );
    assert!(stopped["reason"].as_str().unwrap().contains(".riskgate.toml"), "{stopped}");
}

#[test]
fn a_hook_call_that_is_not_judged_is_stopped_under_a_status_that_the_harness_heeds() {
    let site = Site::new(&["--operating-point", "allow"]);
    let large = "POST /hook/claude-code HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 17000000\r\n\r\n{}";
    for answer in
        [site.post("/hook/claude-code", "no json"), site.post("/hook/claude-code", "{}"), site.raw(large.as_bytes())]
    {
        assert_eq!(answer.status, 200, "{answer:?}");
        let reply = answer.json();
        assert_eq!(reply["decision"], "block");
        assert_eq!(reply["hookSpecificOutput"]["permissionDecision"], "deny");
        assert!(!reply["reason"].as_str().unwrap().is_empty());
    }
}

#[test]
fn operators_and_probes_are_told() {
    let site = Site::new(&[]);
    assert_eq!(site.get("/healthz").body, "ok\n");
    assert_eq!((site.get("/readyz").status, site.get("/nowhere").status), (200, 404));
    site.post("/v1/score", record("a", "ls").to_string());
    let metrics = site.get("/metrics");
    assert!(metrics.head.contains("openmetrics"), "{metrics:?}");
    assert!(metrics.body.contains("riskgate_decision_seconds_count 1"), "{}", metrics.body);
    assert!(metrics.body.contains("riskgate_generation 1"), "{}", metrics.body);
    let document = site.get("/openapi.json").json();
    assert!(document["paths"]["/v1/score"]["post"].is_object());
    let printed = site.world.sandbox.run(&["serve", "--openapi"], "");
    assert_eq!(serde_json::from_str::<Value>(&printed.stdout).unwrap(), document);
}

#[test]
fn every_answer_is_as_the_document_says() {
    let site = Site::new(&[]);
    let document = site.get("/openapi.json").json();
    let decision = site.post("/v1/score", record("a", "curl x | sh").to_string()).json();
    check_fields(&document, "DecisionRecord", &decision);
    check_fields(&document, "Assessment", &decision["assessment"]);
    check_fields(&document, "Risk", &decision["assessment"]["risk"]);
    check_fields(&document, "Reason", &decision["reasons"][0]);
    let error = site.post("/v1/score", "{}").json();
    check_fields(&document, "ErrorRecord", &error);
    check_fields(&document, "Problem", &error["error"]);
}

/// Every field is described, and every one that is promised is there.
#[track_caller]
fn check_fields(document: &Value, schema: &str, value: &Value) {
    let schema = &document["components"]["schemas"][schema];
    let described = schema["properties"].as_object().unwrap();
    assert!(value.as_object().unwrap().keys().all(|field| described.contains_key(field)), "{value}\n{schema}");
    let promised = schema["required"].as_array().unwrap();
    assert!(promised.iter().all(|field| value.get(field.as_str().unwrap()).is_some()), "{value}\n{schema}");
}

#[test]
fn with_a_token_nobody_is_judged_without_it() {
    let world = World::new();
    let file = world.sandbox.path("token");
    fs::write(&file, "a token of some length\n").unwrap();
    fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
    let site = Site::new(&["--operating-point", "allow", "--http-token-file", file.to_str().unwrap()]);
    let score = |headers: &str| site.post_with("/v1/score", headers, record("a", "ls").to_string());
    assert_eq!(score("Authorization: Bearer a token of some length\r\n").json()["verdict"], "allow");
    for headers in ["", "Authorization: Bearer another\r\n", "Authorization: Basic a token of some length\r\n"] {
        let answer = score(headers);
        assert_eq!((answer.status, &answer.json()["verdict"]), (401, &json!("ask")), "{headers}");
        assert!(answer.head.contains("www-authenticate: bearer"), "{answer:?}");
    }
    assert_eq!(site.get("/metrics").status, 401);
    assert_eq!(site.get("/healthz").status, 200);
    // To a harness a 401 would mean "go on".
    let hook = site.post("/hook/claude-code", before("Bash", &json!({"command": "ls"})));
    assert_eq!((hook.status, &hook.json()["hookSpecificOutput"]["permissionDecision"]), (200, &json!("deny")));
}

#[test]
fn without_a_token_only_this_machine_can_connect() {
    let world = World::new();
    let outcome = finish(world.command(&["serve", "--http", "0.0.0.0:0"]), b"");
    assert_eq!((outcome.code, outcome.stdout.as_str()), (Some(2), ""), "{outcome:?}");
    assert!(outcome.stderr.contains("--http-token-file"), "{outcome:?}");
    let open = world.sandbox.path("open");
    fs::write(&open, "a token of some length").unwrap();
    fs::set_permissions(&open, Permissions::from_mode(0o644)).unwrap();
    let arguments = ["serve", "--http", "0.0.0.0:0", "--http-token-file", open.to_str().unwrap()];
    let outcome = finish(world.command(&arguments), b"");
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
}

#[test]
fn more_calls_than_can_be_judged_are_refused_at_once_with_a_verdict() {
    let site = Site::new(&["--operating-point", "allow", "--workers", "1", "--deadline-ms", "20000"]);
    let script: String = (0..300).map(|n| format!("echo {n} > file{n}\n")).collect();
    let answers: Vec<Answer> = thread::scope(|scope| {
        let post = |n: usize| {
            let body = record(&n.to_string(), &format!("{script}# {n}")).to_string();
            let site = &site;
            scope.spawn(move || site.post("/v1/score", body))
        };
        let posts: Vec<_> = (0..150).map(post).collect();
        posts.into_iter().map(|post| post.join().unwrap()).collect()
    });
    let busy: Vec<&Answer> = answers.iter().filter(|answer| answer.status == 503).collect();
    assert!(!busy.is_empty() && busy.len() < answers.len(), "{} of {}", busy.len(), answers.len());
    for answer in &busy {
        let record = answer.json();
        assert_eq!((&record["verdict"], &record["error"]["code"]), (&json!("ask"), &json!("fail_safe.busy")));
        assert!(answer.head.contains("retry-after: 1"), "{answer:?}");
    }
    assert!(answers.iter().all(|answer| answer.status == 200 || answer.status == 503));
}

#[test]
fn a_body_that_does_not_arrive_is_given_up() {
    let site = Site::new(&["--operating-point", "allow"]);
    let started = Instant::now();
    let head = "POST /v1/score HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 100\r\n\r\n{";
    let answer = site.raw(head.as_bytes());
    assert_eq!((answer.status, &answer.json()["verdict"]), (408, &json!("ask")));
    assert!(started.elapsed() < Duration::from_secs(30));
}
