//! What git says of the repository: branch, remotes, what is not committed.
//!
//! An agent may have written to the repository's configuration, and git runs programs that are named there. So everything
//! that `git status` would run is switched off: the monitor, hooks, and the filters by name.

use std::env;
use std::path::{Path, PathBuf};
use std::process::{Output, Stdio};

use serde_json::{Map, Value, json};
use tokio::process::Command;
use tokio::time::{Instant, timeout_at};

use crate::action::{Action, Fact, PathScope, Scope};
use crate::redact::redact;

/// Most lines of each kind that are sent.
const MAX_LINES: usize = 20;

/// Whether the state of the repository matters for what the action does: it uses git or a forge, or deletes or overwrites
/// what may not be committed.
pub(super) fn matters(action: &Action) -> bool {
    let commands = || action.units.iter().flat_map(|unit| &unit.commands);
    let uses_git = commands().any(|command| matches!(command.program.as_str(), "git" | "gh" | "glab" | "hub" | "jj"));
    uses_git
        || action.effects().any(|(_, effect)| match effect.fact {
            Fact::Repository | Fact::History | Fact::Publish => true,
            Fact::Delete => {
                effect.target.as_ref().is_none_or(|target| target.scope == Scope::Path(PathScope::Workspace))
            }
            _ => false,
        })
}

/// The facts of the repository in `folder`; `None` when there is none or git does not answer by `due`.
pub(super) async fn facts(folder: &Path, due: Instant) -> Option<Value> {
    let git = Git { program: find(folder)?, folder: folder.to_owned(), due };
    let configuration = git.lines(&[], &["config", "--list", "--name-only"]).await?;
    let filters = switched_off(&configuration);
    let status = git.lines(&filters, &["status", "--porcelain=v2", "--branch", "--ignore-submodules=all"]).await?;
    let remotes = git.lines(&[], &["remote", "--verbose"]).await.unwrap_or_default();
    Some(described(&status, &remotes))
}

struct Git {
    program: PathBuf,
    folder: PathBuf,
    due: Instant,
}

impl Git {
    /// The lines that git prints.
    async fn lines(&self, settings: &[String], arguments: &[&str]) -> Option<Vec<String>> {
        let mut command = Command::new(&self.program);
        for (name, _) in env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("GIT_")) {
            command.env_remove(name);
        }
        command.arg("-C").arg(&self.folder).arg("--no-optional-locks");
        for setting in ["core.fsmonitor=false", "core.hooksPath=/dev/null", "core.pager=cat"] {
            command.args(["-c", setting]);
        }
        for setting in settings {
            command.args(["-c", setting]);
        }
        command.args(arguments).stdin(Stdio::null()).stderr(Stdio::null()).kill_on_drop(true);
        let output: Output = timeout_at(self.due, command.output()).await.ok()?.ok()?;
        let text = output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())?;
        Some(text.lines().map(str::to_owned).collect())
    }
}

/// The settings that switch every filter off that the repository names.
fn switched_off(configuration: &[String]) -> Vec<String> {
    let is_program = |name: &&String| {
        let name = name.to_ascii_lowercase();
        name.starts_with("filter.")
            && [".clean", ".smudge", ".process", ".required"].iter().any(|end| name.ends_with(end))
    };
    let mut settings: Vec<String> = configuration.iter().filter(is_program).map(|name| format!("{name}=")).collect();
    settings.sort();
    settings.dedup();
    settings
}

/// git as the system has it: never one that lies in the folder that is being judged, or one found by a relative path.
fn find(folder: &Path) -> Option<PathBuf> {
    let name = if cfg!(windows) { "git.exe" } else { "git" };
    let paths = env::var_os("PATH")?;
    let mut places = env::split_paths(&paths).filter(|place| place.is_absolute() && !place.starts_with(folder));
    places.find_map(|place| Some(place.join(name)).filter(|program| program.is_file()))
}

/// `git status --porcelain=v2 --branch` and `git remote --verbose` in short.
fn described(status: &[String], remotes: &[String]) -> Value {
    let header =
        |key: &str| status.iter().find_map(|line| line.strip_prefix("# branch.")?.strip_prefix(key)?.strip_prefix(' '));
    let mut facts = Map::new();
    for (name, key) in [("branch", "head"), ("upstream", "upstream"), ("ahead_behind", "ab")] {
        if let Some(value) = header(key) {
            facts.insert(name.to_owned(), redact(value).into());
        }
    }
    let changed = |line: &&String| line.starts_with(['1', '2', 'u']);
    facts.insert("changed_files".to_owned(), status.iter().filter(changed).count().into());
    facts.insert("untracked".to_owned(), status.iter().filter(|line| line.starts_with('?')).count().into());
    let mut remotes: Vec<String> = remotes
        .iter()
        .map(|line| redact(&line.split_whitespace().collect::<Vec<_>>().join(" ")).into_owned())
        .collect();
    remotes.truncate(MAX_LINES);
    facts.insert("remotes".to_owned(), json!(remotes));
    Value::Object(facts)
}

#[cfg(test)]
mod tests {
    use std::process::Command as Blocking;
    use std::time::Duration;

    use super::*;

    fn lines(text: &str) -> Vec<String> {
        text.lines().map(str::to_owned).collect()
    }

    fn facts_of(folder: &Path) -> Option<Value> {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(facts(folder, Instant::now() + Duration::from_secs(20)))
    }

    #[test]
    fn the_state_is_told_in_short_and_without_passwords() {
        let status = lines(
            "# branch.oid abc\n# branch.head main\n# branch.upstream origin/main\n# branch.ab +1 -2\n1 .M N a\n? b\n? c",
        );
        let remotes = lines("origin\thttps://me:EXAMPLEpw@github.com/a/b (fetch)");
        let expected = json!({
            "branch": "main", "upstream": "origin/main", "ahead_behind": "+1 -2", "changed_files": 1, "untracked": 2,
            "remotes": ["origin https://me:[REDACTED:url-password]@github.com/a/b (fetch)"],
        });
        assert_eq!(described(&status, &remotes), expected);
    }

    #[test]
    fn every_filter_is_switched_off_by_name() {
        let names = lines("core.bare\nfilter.lfs.clean\nfilter.Evil.process\nfilter.lfs.clean\nremote.origin.url");
        assert_eq!(switched_off(&names), ["filter.Evil.process=", "filter.lfs.clean="]);
    }

    #[test]
    fn no_program_that_the_repository_names_is_run() {
        let folder = tempfile::tempdir().unwrap();
        let git = |arguments: &[&str]| {
            let mut command = Blocking::new("git");
            command
                .arg("-C")
                .arg(folder.path())
                .args(["-c", "user.name=x", "-c", "user.email=x@example.com"])
                .args(arguments);
            assert!(command.output().unwrap().status.success(), "{arguments:?}");
        };
        git(&["init", "--quiet", "--initial-branch=work"]);
        std::fs::write(folder.path().join("a.txt"), "one").unwrap();
        git(&["add", "."]);
        git(&["commit", "--quiet", "-m", "x"]);
        let mark = folder.path().join("ran");
        let run = format!("touch '{}'; cat", mark.display());
        git(&["config", "core.fsmonitor", &run]);
        git(&["config", "filter.evil.clean", &run]);
        git(&["config", "filter.evil.required", "true"]);
        std::fs::write(folder.path().join(".gitattributes"), "*.txt filter=evil\n").unwrap();
        std::fs::write(folder.path().join("a.txt"), "two").unwrap();
        let facts = facts_of(folder.path()).unwrap();
        assert_eq!(
            (&facts["branch"], &facts["changed_files"], &facts["untracked"]),
            (&json!("work"), &json!(1), &json!(1))
        );
        assert!(!mark.exists());
    }

    #[test]
    fn a_folder_without_a_repository_has_no_facts() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(facts_of(folder.path()), None);
        assert_eq!(facts_of(Path::new("/nowhere/at/all")), None);
    }
}
