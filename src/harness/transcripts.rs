//! What Claude Code's own transcripts (`~/.claude/projects`) say of the past: the calls as a hook would have seen them, and what
//! became of them.
//!
//! A call has no request of the user's, since a hook is not told any; it stands beside the call. Whoever reads the files feeds
//! their lines in here, one session after the other.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use crate::action::{Context, ToolCall};
use crate::transcript::{self, Entry, Outcome};

/// How deep folders are looked into, and how many files are read: a folder that somebody made endless ends.
const MAX_DEPTH: usize = 8;
const MAX_FILES: usize = 100_000;

/// Modes in which nobody is asked.
const UNASKING: [&str; 3] = ["bypassPermissions", "dontAsk", "auto"];

/// Something that a transcript says.
#[derive(Debug, Clone, PartialEq)]
pub enum Seen {
    /// A call.
    Call(Box<SeenCall>),
    /// What became of a call.
    Became {
        /// The harness's name for it.
        call: String,
        /// What became of it.
        outcome: Outcome,
    },
    /// A line that is none of a transcript.
    Damaged,
}

/// A call as a hook would have seen it.
#[derive(Debug, Clone, PartialEq)]
pub struct SeenCall {
    /// When, as the line says: RFC 3339.
    pub time: Option<String>,
    /// What the user had asked for last.
    pub request: Option<String>,
    /// The call; its context has the harness's name for it.
    pub call: ToolCall,
}

/// A session on its way through its transcript.
#[derive(Debug, Clone, Default)]
pub struct SessionReader {
    home: Option<String>,
    workspace: Option<String>,
    request: Option<String>,
    permission_mode: Option<String>,
}

impl SessionReader {
    /// Before the first line of a file; `home` is the user's.
    pub fn new(home: Option<&str>) -> Self {
        Self { home: home.map(str::to_owned), ..Self::default() }
    }

    /// What the next line says.
    pub fn line(&mut self, line: &[u8]) -> Vec<Seen> {
        let Some(mut said) = transcript::parse(line) else { return vec![Seen::Damaged] };
        // A session begins in its project.
        self.workspace = self.workspace.take().or_else(|| said.cwd.clone());
        self.permission_mode = said.permission_mode.take().or(self.permission_mode.take());
        let entries = std::mem::take(&mut said.entries);
        entries.into_iter().filter_map(|entry| self.entry(entry, &said)).collect()
    }

    fn entry(&mut self, entry: Entry, line: &transcript::Line) -> Option<Seen> {
        match entry {
            Entry::User(text) => {
                self.request = Some(text);
                None
            }
            Entry::Call { id, tool, input } => {
                let context = Context {
                    harness: Some("claude-code".to_owned()),
                    session_id: line.session.clone(),
                    git_branch: line.git_branch.clone(),
                    cwd: line.cwd.clone(),
                    workspace: self.workspace.clone().or_else(|| line.cwd.clone()),
                    home: self.home.clone(),
                    permission_mode: self.permission_mode.clone(),
                    call_id: Some(id).filter(|id| !id.is_empty()),
                    ..Context::default()
                };
                let call = ToolCall { tool, input, context };
                Some(Seen::Call(Box::new(SeenCall { time: line.time.clone(), request: self.request.clone(), call })))
            }
            Entry::Result { id, outcome } => Some(Seen::Became { call: id, outcome: self.refined(outcome) }),
        }
    }

    /// Where the mode asks nobody, a call that ran was no question.
    fn refined(&self, outcome: Outcome) -> Outcome {
        let unasking = self.permission_mode.as_deref().is_some_and(|mode| UNASKING.contains(&mode));
        if outcome == Outcome::Ran && unasking { Outcome::RanUnasked } else { outcome }
    }
}

/// The transcripts of a folder, by name, or the one file that is named; and how many links and other things were passed over.
/// Links are not followed below the folder, so that no circle is endless.
pub fn files(path: &Path) -> io::Result<(Vec<PathBuf>, usize)> {
    let found = fs::metadata(path)?;
    if found.is_file() {
        return Ok((vec![path.to_owned()], 0));
    }
    let (mut files, mut passed_over) = (Vec::new(), 0);
    walk(path, 0, &mut files, &mut passed_over)?;
    files.sort();
    Ok((files, passed_over))
}

fn walk(folder: &Path, depth: usize, files: &mut Vec<PathBuf>, passed_over: &mut usize) -> io::Result<()> {
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        let is_transcript = path.extension().is_some_and(|extension| extension == "jsonl");
        if kind.is_dir() && depth < MAX_DEPTH {
            // What cannot be opened belongs to somebody else.
            if walk(&path, depth + 1, files, passed_over).is_err() {
                *passed_over += 1;
            }
        } else if kind.is_file() && is_transcript && files.len() < MAX_FILES {
            files.push(path);
        } else if is_transcript || kind.is_dir() || kind.is_symlink() {
            *passed_over += 1;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn read(lines: &[Value]) -> Vec<Seen> {
        let mut reader = SessionReader::new(Some("/home/me"));
        lines.iter().flat_map(|line| reader.line(line.to_string().as_bytes())).collect()
    }

    fn user(content: &Value, mode: &str) -> Value {
        json!({"type": "user", "cwd": "/w/app", "permissionMode": mode, "message": {"content": content}})
    }

    fn used(id: &str, cwd: &str) -> Value {
        let block = json!({"type": "tool_use", "id": id, "name": "Bash", "input": {"command": "ls"}});
        json!({"type": "assistant", "sessionId": "s", "cwd": cwd, "timestamp": "2026-11-28T11:10:48Z", "message": {"content": [block]}})
    }

    fn result(id: &str) -> Value {
        json!({"type": "user", "message": {"content": [{"type": "tool_result", "tool_use_id": id, "content": "x"}]}})
    }

    #[test]
    fn a_call_is_what_a_hook_would_have_seen() {
        let seen = read(&[user(&json!("tidy up"), "default"), used("t1", "/w/app/sub"), result("t1")]);
        let [Seen::Call(call), Seen::Became { call: id, outcome: Outcome::Ran }] = seen.as_slice() else {
            panic!("{seen:?}")
        };
        assert_eq!((id.as_str(), call.request.as_deref()), ("t1", Some("tidy up")));
        let context = &call.call.context;
        assert_eq!((context.workspace.as_deref(), context.cwd.as_deref()), (Some("/w/app"), Some("/w/app/sub")));
        assert_eq!((context.user_request.as_deref(), context.home.as_deref()), (None, Some("/home/me")));
        assert_eq!((context.call_id.as_deref(), context.permission_mode.as_deref()), (Some("t1"), Some("default")));
    }

    #[test]
    fn what_ran_where_nobody_is_asked_was_no_question() {
        let outcome = |mode: &str| match read(&[user(&json!("x"), mode), result("t1")]).as_slice() {
            [Seen::Became { outcome, .. }] => *outcome,
            other => panic!("{other:?}"),
        };
        assert_eq!(outcome("default"), Outcome::Ran);
        for mode in UNASKING {
            assert_eq!(outcome(mode), Outcome::RanUnasked, "{mode}");
        }
    }

    #[test]
    fn a_damaged_line_is_told_and_the_next_is_read() {
        let mut reader = SessionReader::new(None);
        assert_eq!(reader.line(b"\xff{"), [Seen::Damaged]);
        assert_eq!(reader.line(used("t", "/w").to_string().as_bytes()).len(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_circle_of_links_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let inner = folder.path().join("a/b");
        fs::create_dir_all(&inner).unwrap();
        fs::write(inner.join("s.jsonl"), "").unwrap();
        fs::write(inner.join("notes.txt"), "").unwrap();
        std::os::unix::fs::symlink(folder.path(), inner.join("round")).unwrap();
        std::os::unix::fs::symlink(inner.join("s.jsonl"), inner.join("t.jsonl")).unwrap();
        let (found, passed_over) = files(folder.path()).unwrap();
        assert_eq!((found, passed_over), (vec![inner.join("s.jsonl")], 2));
        assert_eq!(files(&inner.join("s.jsonl")).unwrap().0.len(), 1);
        assert!(files(&folder.path().join("nowhere")).is_err());
    }
}
