//! Rules as people meet them: the examples of the repository, Claude Code's documented cases, and the commands.

use std::fs;

use riskgate::action::ToolCall;
use riskgate::normalize::normalize;
use riskgate::policy::{Layer, Lists, Policy, PolicyOptions, RuleSource, RuleText, shipped};
use riskgate::verdict::Verdict;
use serde_json::{Value, json};

use crate::support::{Sandbox, bash, call, masked, repository};

/// What rules alone say: `allow`, `ask`, `deny`, or `-` when the model decides.
fn says(policy: &Policy, call: &ToolCall) -> &'static str {
    let ruling = policy.before(call, &normalize(call));
    match (ruling.floor(), ruling.allowed.is_some()) {
        (Verdict::Allow, false) => "-",
        (floor, _) => floor.into(),
    }
}

// ── Claude Code's permission rules, as its documentation describes them ─────────────────────────────────────────────────

fn imported(allow: &[&str], ask: &[&str], deny: &[&str]) -> Policy {
    let owned = |list: &[&str]| list.iter().map(|text| (*text).to_owned()).collect();
    let lists = Lists { allow: owned(allow), ask: owned(ask), deny: owned(deny) };
    let source = RuleSource { layer: Layer::User, name: "settings.json".to_owned(), rules: RuleText::Lists(lists) };
    Policy::load(&[source], &PolicyOptions::default()).unwrap()
}

/// A tool's call with its one telling argument, in the workspace of [`bash`].
fn used(tool: &str, argument: &str) -> ToolCall {
    let name = match tool {
        "Bash" | "PowerShell" => "command",
        "Glob" | "Grep" => "path",
        "NotebookEdit" => "notebook_path",
        "WebFetch" => "url",
        "Agent" | "Task" => "subagent_type",
        _ => "file_path",
    };
    let more =
        [("content", json!("x")), ("pattern", json!("x")), ("prompt", json!("look")), ("description", json!("x"))];
    let fitting = |key: &str| match tool {
        "Write" => key == "content",
        "Glob" | "Grep" => key == "pattern",
        "WebFetch" => key == "prompt",
        "Agent" | "Task" => key == "prompt" || key == "description",
        _ => false,
    };
    let mut input = vec![(name, json!(argument))];
    input.extend(more.into_iter().filter(|(key, _)| fitting(key)));
    if tool == "Edit" {
        input.extend([("old_string", json!("a")), ("new_string", json!("b"))]);
    }
    call(tool, &input, bash("ls").context)
}

#[track_caller]
fn documented(rule: &str, tool: &str, yes: &[&str], no: &[&str]) {
    let (allow, deny) = (imported(&[rule], &[], &[]), imported(&[], &[], &[rule]));
    for argument in yes {
        assert_eq!(says(&allow, &used(tool, argument)), "allow", "`{rule}` should allow {tool} `{argument}`");
        assert_eq!(says(&deny, &used(tool, argument)), "deny", "`{rule}` should deny {tool} `{argument}`");
    }
    for argument in no {
        assert_ne!(says(&allow, &used(tool, argument)), "allow", "`{rule}` should not allow {tool} `{argument}`");
        assert_ne!(says(&deny, &used(tool, argument)), "deny", "`{rule}` should not deny {tool} `{argument}`");
    }
}

#[test]
fn bash_rules_match_as_documented() {
    documented("Bash", "Bash", &["ls", "make all"], &[]);
    documented("Bash(*)", "Bash", &["ls", "make all"], &[]);
    documented(
        "Bash(npm run build)",
        "Bash",
        &["npm run build"],
        &["npm run build --watch", "npm run builds", "npm run test"],
    );
    documented("Bash(npm run test *)", "Bash", &["npm run test unit", "npm run test"], &["npm run tests", "npm test"]);
    documented("Bash(npm run test:*)", "Bash", &["npm run test unit", "npm run test"], &["npm run tests"]);
    documented("Bash(npm *)", "Bash", &["npm install", "npm run build", "npm"], &["npx x", "npmx"]);
    documented("Bash(ls *)", "Bash", &["ls -la", "ls"], &["lsof"]);
    documented("Bash(ls*)", "Bash", &["ls -la", "lsof"], &["cat x"]);
    documented("Bash(* install)", "Bash", &["npm install", "make install"], &["npm install x", "installer"]);
    documented(
        "Bash(git * main)",
        "Bash",
        &["git checkout main", "git merge main", "git push origin main"],
        &["git checkout dev"],
    );
    documented("Bash(* --version)", "Bash", &["node --version", "git --version"], &["node --version x"]);
    documented("Bash(git:* push)", "Bash", &[], &["git push", "git x push"]);
    documented("PowerShell(Get-ChildItem *)", "PowerShell", &["Get-ChildItem -Path x"], &["Remove-Item x"]);
}

#[test]
fn each_command_of_a_compound_line_counts() {
    let allow = imported(&["Bash(safe-cmd *)", "Bash(git status)", "Bash(npm test)"], &[], &[]);
    for (line, expected) in [
        ("safe-cmd x && other-cmd", "-"),
        ("git status && npm test", "allow"),
        ("git status; npm test", "allow"),
        ("git status || rm x", "-"),
        ("git status | npm test", "allow"),
        ("git status |& rm x", "-"),
        ("git status & rm x", "-"),
        ("git status\nrm x", "-"),
    ] {
        assert_eq!(says(&allow, &bash(line)), expected, "{line}");
    }
    let deny = imported(&["Bash"], &[], &["Bash(aws *)"]);
    for line in [
        "aws s3 ls",
        "ls && aws s3 ls",
        "FOO=bar aws s3 ls",
        "timeout 5 aws s3 ls",
        "nohup aws s3 ls",
        "bash -c 'aws s3 ls'",
    ] {
        assert_eq!(says(&deny, &bash(line)), "deny", "{line}");
    }
}

#[test]
fn deny_beats_ask_beats_allow_whatever_is_more_specific() {
    let policy = imported(&["Bash(aws s3 ls)", "Bash(git push origin x)"], &["Bash(git push *)"], &["Bash(aws *)"]);
    assert_eq!(says(&policy, &bash("aws s3 ls")), "deny");
    assert_eq!(says(&policy, &bash("git push origin x")), "ask");
}

#[test]
fn path_rules_match_as_documented() {
    // The workspace is /home/me/src/app, the home /home/me.
    documented("Read(//etc/**)", "Read", &["/etc/hosts", "/etc/ssl/a.pem"], &["etc/hosts", "/usr/etc"]);
    documented("Read(~/.zshrc)", "Read", &["/home/me/.zshrc"], &["/home/you/.zshrc", ".zshrc"]);
    documented(
        "Edit(/docs/**)",
        "Edit",
        &["docs/a.md", "/home/me/src/app/docs/x/b.md"],
        &["/docs/a.md", "src/docs.md", "a/docs/b.md"],
    );
    documented("Edit(/src/**/*.ts)", "Edit", &["src/a.ts", "src/x/y/b.ts"], &["src/a.js", "lib/a.ts"]);
    documented("Edit(docs/**)", "Write", &["docs/a.md"], &["src/a.md"]);
    documented("Read(src/**)", "Grep", &["src/x"], &["tests/x"]);
    documented("Read(*.env)", "Read", &["x.env", "a/b/x.env"], &["x.environment", "/other/x.env"]);
    documented("Read(./secrets/**)", "Read", &["secrets/a", "secrets/b/c"], &["other/secrets/a"]);
    // `*` stays in one folder for what allows; what denies also covers what is below.
    let (allow, deny) = (imported(&["Read(/logs/*)"], &[], &[]), imported(&[], &[], &["Read(/logs/*)"]));
    assert_eq!([says(&allow, &used("Read", "logs/a")), says(&allow, &used("Read", "logs/x/a"))], ["allow", "-"]);
    assert_eq!([says(&deny, &used("Read", "logs/a")), says(&deny, &used("Read", "logs/x/a"))], ["deny", "deny"]);
}

#[test]
fn a_denied_path_is_denied_to_every_tool() {
    let policy = imported(&["Bash", "Read", "Edit"], &[], &["Read(./.env)", "Edit(~/.ssh/**)"]);
    for call in [
        used("Read", ".env"),
        used("Edit", ".env"),
        bash("cat .env"),
        bash("head -1 .env"),
        bash("grep x < .env"),
        bash("cp .env /tmp/x"),
        bash("echo k >> ~/.ssh/authorized_keys"),
    ] {
        assert_eq!(says(&policy, &call), "deny", "{call:?}");
    }
    assert_eq!(says(&policy, &bash("cat .envrc")), "allow");
    assert_eq!(says(&policy, &bash("ls ~/.ssh")), "allow");
}

#[test]
fn rules_of_other_tools_match_as_documented() {
    documented(
        "WebFetch(domain:example.com)",
        "WebFetch",
        &["https://example.com/a", "http://EXAMPLE.com"],
        &["https://sub.example.com", "https://example.com.evil.example", "https://evil.example/?example.com"],
    );
    documented(
        "WebFetch(domain:*.example.com)",
        "WebFetch",
        &["https://a.example.com/x"],
        &["https://example.com", "https://example.com.evil.example"],
    );
    documented("WebFetch", "WebFetch", &["https://anything.example"], &[]);
    documented("mcp__puppeteer", "mcp__puppeteer__navigate", &["x"], &[]);
    documented("mcp__puppeteer__*", "mcp__puppeteer__navigate", &["x"], &[]);
    documented("mcp__puppeteer__navigate", "mcp__puppeteer__navigate", &["x"], &[]);
    documented("mcp__puppeteer__navigate", "mcp__puppeteer__click", &[], &["x"]);
    documented("mcp__puppet", "mcp__puppeteer__navigate", &[], &["x"]);
    documented("Agent(Explore)", "Agent", &["Explore"], &["Plan"]);
    documented("Task(Explore)", "Agent", &["Explore"], &["Plan"]);
}

#[test]
fn what_is_not_understood_never_loosens() {
    let policy = imported(&["WebFetch(path:x)", "Skill(commit)", "Bash(ls"], &[], &[]);
    assert_eq!(policy.rules().count(), 0);
    let policy = imported(&[], &[], &["WebFetch(path:x)", "Bash(ls"]);
    assert_eq!(says(&policy, &used("WebFetch", "https://example.com")), "ask");
    assert_eq!(says(&policy, &bash("anything")), "ask");
}

// ── The examples of the repository ──────────────────────────────────────────────────────────────────────────────────────

#[test]
fn the_examples_are_sound_and_do_what_their_cases_say() {
    let folder = repository().join("examples/policy");
    let sandbox = Sandbox::new();
    let mut n = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "cedar") {
            continue;
        }
        n += 1;
        let rules = path.to_str().unwrap();
        let checked = sandbox.run(&["policy", "check", rules], "");
        assert_eq!(checked.code, Some(0), "{checked:?}");
        assert!(checked.stdout.contains("0 errors, 0 warnings"), "{checked:?}");
        let cases = path.with_extension("jsonl");
        let tested = sandbox.run(&["policy", "test", cases.to_str().unwrap(), "--rules", rules], "");
        assert_eq!(tested.code, Some(0), "{tested:?}");
    }
    assert!(n >= 3, "only {n} examples");
}

#[test]
fn the_example_settings_are_sound() {
    let sandbox = Sandbox::new();
    let folder = sandbox.path("config/riskgate");
    fs::create_dir_all(&folder).unwrap();
    fs::copy(repository().join("examples/policy/config.toml"), folder.join("config.toml")).unwrap();
    let shown = sandbox.run(&["config", "show", "--json"], "");
    assert_eq!(shown.code, Some(0), "{shown:?}");
    let value: Value = serde_json::from_str(&shown.stdout).unwrap();
    let settings = value["settings"].as_array().unwrap();
    let of =
        |key: &str| settings.iter().find(|setting| setting["key"] == key).unwrap_or_else(|| panic!("no {key}")).clone();
    assert!(of("thresholds.name")["source"].as_str().unwrap().starts_with("user ("));
    let checked = sandbox.run(&["policy", "check"], "");
    assert_eq!(checked.code, Some(0), "{checked:?}");
}

// ── The commands ────────────────────────────────────────────────────────────────────────────────────────────────────────

#[test]
fn check_names_what_is_wrong_and_where() {
    let sandbox = Sandbox::new();
    let path = sandbox.path("mine.cedar");
    fs::write(
        &path,
        "@id(\"typo\")\nforbid (principal, action, resource is Path)\nwhen { resource.scop == \"ci\" };\n",
    )
    .unwrap();
    let outcome = sandbox.run(&["policy", "check", path.to_str().unwrap()], "");
    assert_eq!(outcome.code, Some(2));
    assert!(outcome.stdout.contains("mine.cedar:3:") && outcome.stdout.contains("scop"), "{}", outcome.stdout);
    fs::write(&path, "forbid (principal, action, resource is Path when").unwrap();
    let outcome = sandbox.run(&["policy", "check", path.to_str().unwrap()], "");
    assert!(outcome.code == Some(2) && outcome.stdout.contains("mine.cedar:1:"), "{outcome:?}");
}

#[test]
fn show_lists_every_rule_with_where_it_came_from() {
    let sandbox = Sandbox::new();
    let folder = sandbox.path("config/riskgate/policy");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("own.cedar"), "@id(\"no-make\")\n@reason(\"we build with cargo\")\nforbid (principal, action, resource is Command)\nwhen { resource.program == \"make\" };\n").unwrap();
    let outcome = sandbox.run(&["policy", "show", "--json"], "");
    let value: Value = serde_json::from_str(&outcome.stdout).unwrap();
    let own = value["rules"].as_array().unwrap().iter().find(|rule| rule["id"] == "no-make").unwrap();
    assert_eq!((own["layer"].as_str(), own["line"].as_u64()), (Some("user"), Some(1)));
    let text = sandbox.run(&["policy", "show"], "").stdout;
    assert!(text.contains("policy.gate") && text.contains("own.cedar:1 (user)"), "{text}");
    let one = sandbox.run(&["policy", "show", "no-make"], "").stdout;
    assert!(one.contains("resource.program == \"make\""), "{one}");
    let schema = sandbox.run(&["policy", "show", "--schema", "after"], "").stdout;
    assert!(schema.contains("assessment: Assessment"), "{schema}");
}

#[test]
fn explain_shows_the_parts_and_what_is_missing() {
    let sandbox = Sandbox::new();
    let outcome = sandbox.run(&["policy", "explain", "git log && rm -rf /"], "");
    insta::assert_snapshot!(masked(&outcome.stdout));
}

#[test]
fn a_failing_case_fails_the_test_and_says_why() {
    let sandbox = Sandbox::new();
    let path = sandbox.path("cases.jsonl");
    let case = |command: &str, verdict: &str| {
        json!({"tool": "Bash", "input": {"command": command}, "expect": {"verdict": verdict}}).to_string()
    };
    fs::write(&path, [case("rm -rf /", "deny"), case("rm -rf /", "allow"), "{}".to_owned()].join("\n")).unwrap();
    let outcome = sandbox.run(&["policy", "test", path.to_str().unwrap()], "");
    assert_eq!(outcome.code, Some(1));
    assert!(outcome.stdout.contains("cases.jsonl:2: deny, not allow (by policy.destroy-root)"), "{}", outcome.stdout);
    assert!(outcome.stdout.contains("1 passed, 2 failed"), "{}", outcome.stdout);
}

#[test]
fn broken_rules_stop_the_call() {
    let sandbox = Sandbox::new();
    let folder = sandbox.path("config/riskgate/policy");
    fs::create_dir_all(&folder).unwrap();
    fs::write(folder.join("broken.cedar"), "permit (principal, action").unwrap();
    let hook = json!({"session_id": "s", "hook_event_name": "PreToolUse", "tool_name": "Bash", "tool_input": {"command": "ls"}});
    let outcome = sandbox.run(&["hook", "claude-code", "--no-daemon", "--operating-point", "allow"], hook.to_string());
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    assert!(outcome.stderr.contains("broken.cedar"), "{}", outcome.stderr);
}

// ── Modes ───────────────────────────────────────────────────────────────────────────────────────────────────────────────

fn hook(sandbox: &Sandbox, command: &str) -> crate::support::Outcome {
    let hook = json!({"session_id": "s", "cwd": sandbox.path(""), "hook_event_name": "PreToolUse", "tool_name": "Bash", "tool_input": {"command": command}});
    sandbox.run(&["hook", "claude-code", "--no-daemon", "--operating-point", "allow"], hook.to_string())
}

#[test]
fn the_mode_is_set_shown_recorded_and_obeyed() {
    let sandbox = Sandbox::new();
    assert!(hook(&sandbox, "rm -rf /").stdout.contains("\"deny\""));
    for mode in ["monitor", "off"] {
        let outcome = sandbox.run(&["mode", mode], "");
        assert_eq!(outcome.code, Some(0), "{outcome:?}");
        let outcome = hook(&sandbox, "rm -rf /");
        assert_eq!((outcome.code, outcome.stdout.as_str(), outcome.stderr.as_str()), (Some(0), "", ""));
    }
    assert!(sandbox.run(&["mode"], "").stdout.starts_with("off  (user ("));
    let config = fs::read_to_string(sandbox.path("config/riskgate/config.toml")).unwrap();
    assert_eq!(config, "mode = \"off\"\n");
    // A project tightens what the user loosened.
    fs::write(sandbox.path(".riskgate.toml"), "mode = \"enforce\"\n").unwrap();
    assert!(hook(&sandbox, "rm -rf /").stdout.contains("\"deny\""));
    let refused = sandbox.run(&["mode", "monitor", "--here"], "");
    assert_eq!(refused.code, Some(2), "{refused:?}");
}

#[test]
fn settings_that_cannot_be_read_enforce() {
    let sandbox = Sandbox::new();
    fs::create_dir_all(sandbox.path("config/riskgate")).unwrap();
    fs::write(sandbox.path("config/riskgate/config.toml"), "mode = \"off\"\nmodle = 1\n").unwrap();
    let outcome = hook(&sandbox, "ls");
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
}

// ── Grants ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

#[test]
fn only_a_person_at_a_terminal_grants() {
    let sandbox = Sandbox::new();
    let stopped = hook(&sandbox, "rm -rf /").stdout;
    let code: String = stopped.split("allow-once ").nth(1).expect("a code is offered").chars().take(16).collect();
    let listed = sandbox.run(&["allow-once"], "").stdout;
    assert!(listed.contains(&code) && listed.contains("rm -rf /"), "{listed}");
    let outcome = sandbox.run(&["allow-once", &code], "yes\n");
    assert_eq!(outcome.code, Some(2), "{outcome:?}");
    assert!(hook(&sandbox, "rm -rf /").stdout.contains("\"deny\""));
    // The agent's own attempt is stopped, and not even offered.
    let outcome = hook(&sandbox, &format!("riskgate allow-once {code}"));
    assert!(outcome.stdout.contains("\"deny\"") && !outcome.stdout.contains("can let exactly this run"), "{outcome:?}");
}

#[test]
fn the_shipped_rules_leave_everyday_work_to_the_model() {
    let policy = Policy::load(&[shipped()], &PolicyOptions::default()).unwrap();
    for command in [
        "cargo test",
        "git commit -am x",
        "npm install",
        "rm -rf target",
        "echo x > src/a.txt",
        "git config user.name x",
        "mkdir -p a/b",
        "ls -la ~",
        "cat ~/.bashrc",
    ] {
        assert_eq!(says(&policy, &bash(command)), "-", "{command}");
    }
}
