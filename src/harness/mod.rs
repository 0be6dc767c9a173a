//! One file per agent program: its JSON in, a [`HookEvent`] out; a decision in, its reply out. Nothing else knows these shapes.

mod claude_code;
mod transcripts;

use std::path::{Path, PathBuf};

use serde_json::{Map, Value};
use strum::{EnumString, IntoStaticStr, VariantNames};

pub use transcripts::{Seen, SeenCall, SessionReader, files as transcript_files};

use crate::action::ToolCall;
use crate::verdict::Decision;

/// The agent programs whose hooks riskgate speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString, IntoStaticStr, VariantNames)]
#[strum(serialize_all = "kebab-case")]
pub enum Harness {
    /// Claude Code.
    ClaudeCode,
}

/// What the environment of a hook process says of the session.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HookEnvironment {
    /// The project's folder.
    pub workspace: Option<String>,
    /// The user's home.
    pub home: Option<String>,
}

/// One call of the hook.
#[derive(Debug, Clone, PartialEq)]
pub enum HookEvent {
    /// A tool is about to run.
    Before(Before),
    /// A tool has run.
    After(After),
    /// Nothing that riskgate judges.
    Other,
}

/// A call that is about to run.
#[derive(Debug, Clone, PartialEq)]
pub struct Before {
    /// The call.
    pub call: ToolCall,
    /// What the session does with an answer.
    pub mode: Mode,
}

/// A call that has run.
#[derive(Debug, Clone, PartialEq)]
pub struct After {
    /// What it returned, as a `text` call.
    pub call: ToolCall,
    /// How it ended.
    pub end: End,
}

/// How a call that ran has ended. In either way it was let run, and what it put out reaches the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    /// It did what it was to do.
    Done,
    /// It failed on the way.
    Failed,
}

/// How a session treats the hook's answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mode {
    /// An `ask` reaches the person, an `allow` skips the prompt.
    Ordinary,
    /// An `ask` would be dropped and the call would run.
    CannotAsk,
    /// An `allow` would widen what the session may do; the harness decides by itself.
    CannotAllow,
}

/// What a hook process gives back. Standard output and exit code belong together: either alone may mean "go on".
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct HookReply {
    /// For the standard output; empty for no opinion.
    pub stdout: String,
    /// For the standard error.
    pub stderr: String,
    /// The exit code.
    pub exit_code: u8,
}

/// Input that is not a hook call of this harness.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HookError {
    /// Not JSON.
    #[error("the hook input is not JSON")]
    Json(#[from] serde_json::Error),
    /// A field that decides is missing.
    #[error("the hook input lacks `{0}`")]
    Field(&'static str),
}

/// Why riskgate cannot be put into a harness's settings.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum WiringError {
    /// A key holds something else than the harness would read there.
    #[error("`{0}` has a shape that this riskgate does not know; nothing was changed")]
    Shape(&'static str),
}

impl Harness {
    /// The user's settings file, below a home.
    pub fn settings_file(self, home: &Path) -> PathBuf {
        match self {
            Self::ClaudeCode => claude_code::wiring::settings_file(home),
        }
    }

    /// The harness's settings with riskgate, which lies at `program`, before and after every tool. Installing twice changes nothing.
    pub fn install(self, settings: Map<String, Value>, program: &str) -> Result<Map<String, Value>, WiringError> {
        match self {
            Self::ClaudeCode => claude_code::wiring::install(settings, program),
        }
    }

    /// The harness's settings without riskgate.
    pub fn uninstall(self, settings: Map<String, Value>) -> Map<String, Value> {
        match self {
            Self::ClaudeCode => claude_code::wiring::uninstall(settings),
        }
    }

    /// The program that the settings put before every tool, when it is a riskgate.
    pub fn installed(self, settings: &Map<String, Value>) -> Option<&str> {
        match self {
            Self::ClaudeCode => claude_code::wiring::installed(settings),
        }
    }

    /// What in the settings keeps riskgate from being asked, in words.
    pub fn obstacle(self, settings: &Map<String, Value>) -> Option<&'static str> {
        match self {
            Self::ClaudeCode => claude_code::wiring::obstacle(settings),
        }
    }

    /// Reads one call.
    pub fn parse(self, input: &[u8], environment: &HookEnvironment) -> Result<HookEvent, HookError> {
        match self {
            Self::ClaudeCode => claude_code::parse(input, environment),
        }
    }

    /// Where the settings of a project lie in its folder: a repository brings them along.
    pub fn project_settings(self) -> &'static [&'static str] {
        match self {
            Self::ClaudeCode => &claude_code::PROJECT_SETTINGS,
        }
    }

    /// The environment variables that a settings file sets for hooks.
    pub fn variables_set(self, settings: &[u8]) -> Result<Vec<String>, serde_json::Error> {
        match self {
            Self::ClaudeCode => claude_code::variables_set(settings),
        }
    }

    /// Answers one call: reads it, lets `decide` judge what there is to judge, and replies in the harness's own terms.
    pub fn answer<E: From<HookError>>(
        self,
        input: &[u8],
        environment: &HookEnvironment,
        decide: impl FnOnce(&ToolCall) -> Result<Decision, E>,
    ) -> Result<HookReply, E> {
        Ok(match self.parse(input, environment)? {
            HookEvent::Before(before) => self.reply_before(&decide(&before.call)?, before.mode),
            HookEvent::After(after) => self.reply_after(&decide(&after.call)?, after.end),
            HookEvent::Other => HookReply::default(),
        })
    }

    /// A reply in the form in which the harness takes it over HTTP: JSON alone, so that what an exit code says by itself has
    /// to be said in it.
    pub fn http_body(self, reply: &HookReply) -> String {
        match self {
            Self::ClaudeCode => claude_code::http_body(reply),
        }
    }

    /// Whether a reply that came from elsewhere means something to the harness: what it does not understand lets a call run.
    pub fn is_sound(self, reply: &HookReply) -> bool {
        match self {
            Self::ClaudeCode => claude_code::is_sound(reply),
        }
    }

    /// The reply before a tool runs.
    pub fn reply_before(self, decision: &Decision, mode: Mode) -> HookReply {
        match self {
            Self::ClaudeCode => claude_code::reply_before(decision, mode),
        }
    }

    /// The reply after a tool has run.
    pub fn reply_after(self, decision: &Decision, end: End) -> HookReply {
        match self {
            Self::ClaudeCode => claude_code::reply_after(decision, end),
        }
    }

    /// The reply when nothing could be judged: it must stop the call.
    pub fn reply_failure(self, problem: &str) -> HookReply {
        match self {
            Self::ClaudeCode => claude_code::reply_failure(problem),
        }
    }
}
