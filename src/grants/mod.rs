//! Grants on disk: what was stopped, and what a person let run once. One file each in a folder that only the user may enter.
//!
//! A grant is a file whose removal takes it: of two that try, one succeeds.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};
use std::{fs, io};

use serde::{Deserialize, Serialize};

use crate::engine::{Grants, Offer};
use crate::private::{self, Sync};

/// How long what was stopped is kept for a person to look at.
const KEPT: Duration = Duration::from_secs(24 * 3600);
/// Most actions that are kept; more are not offered until some are old.
const MAX_KEPT: usize = 200;
/// Most characters of an action that are kept.
const MAX_TEXT: usize = 4_000;
/// Most bytes of a file here.
const MAX_FILE: u64 = 64 * 1024;
/// Digits of a code.
const CODE_DIGITS: usize = 16;

/// The folder of this user's grants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrantFolder {
    folder: PathBuf,
}

/// An action that was stopped, as a person sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stopped {
    /// What stands for it.
    pub code: String,
    /// The session.
    pub session: String,
    /// The tool.
    pub tool: String,
    /// What it would do, as normalised.
    pub text: String,
    /// Seconds since 1970.
    pub time: u64,
}

/// A grant as kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct GrantWire {
    session: String,
    /// Seconds since 1970.
    expires: u64,
}

impl GrantFolder {
    /// In riskgate's folder for state.
    pub fn in_state(state: &Path) -> Self {
        Self { folder: state.join("grants") }
    }

    /// What was stopped lately, newest first.
    pub fn stopped(&self) -> io::Result<Vec<Stopped>> {
        let mut stopped = Vec::new();
        for path in self.files("stopped.json")? {
            // One that another process has just removed, or that is none of ours, is none.
            let read = private::read(&path, MAX_FILE).ok().flatten();
            let read = read.and_then(|bytes| serde_json::from_slice::<Stopped>(&bytes).ok());
            stopped.extend(read.filter(|stopped| is_code(&stopped.code)));
        }
        stopped.sort_by_key(|stopped| std::cmp::Reverse(stopped.time));
        Ok(stopped)
    }

    /// Lets an action run once, for so long.
    pub fn grant(&self, stopped: &Stopped, holds: Duration) -> io::Result<()> {
        self.prepare()?;
        let grant = GrantWire { session: stopped.session.clone(), expires: now().saturating_add(holds.as_secs()) };
        private::replace(&self.path(&stopped.code, "grant.json"), &serde_json::to_vec(&grant)?, Sync::Later)?;
        fs::remove_file(self.path(&stopped.code, "stopped.json")).or_else(absent_is_fine)
    }

    fn path(&self, code: &str, ending: &str) -> PathBuf {
        self.folder.join(format!("{code}.{ending}"))
    }

    fn files(&self, ending: &str) -> io::Result<Vec<PathBuf>> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let paths = entries.map(|entry| Ok(entry?.path())).collect::<io::Result<Vec<PathBuf>>>()?;
        let named = |path: &PathBuf| path.to_string_lossy().ends_with(&format!(".{ending}"));
        Ok(paths.into_iter().filter(named).collect())
    }

    /// Makes the folder, for the user alone; one that others may write to is not used.
    fn prepare(&self) -> io::Result<()> {
        private::create_folder(&self.folder)
    }

    fn keep(&self, offer: &Offer<'_>) -> io::Result<()> {
        self.prepare()?;
        let kept = self.files("stopped.json")?;
        let path = self.path(offer.code, "stopped.json");
        if kept.len() >= MAX_KEPT && !path.exists() {
            kept.iter()
                .filter(|path| is_old(path))
                .try_for_each(|path| fs::remove_file(path).or_else(absent_is_fine))?;
            if self.files("stopped.json")?.len() >= MAX_KEPT {
                return Err(io::Error::other("too many are waiting"));
            }
        }
        let stopped = Stopped {
            code: offer.code.to_owned(),
            session: offer.session.to_owned(),
            tool: offer.tool.to_owned(),
            text: offer.text.chars().take(MAX_TEXT).collect(),
            time: now(),
        };
        private::replace(&path, &serde_json::to_vec(&stopped)?, Sync::Later)
    }

    fn use_up(&self, code: &str) -> io::Result<bool> {
        let path = self.path(code, "grant.json");
        let Some(bytes) = private::read(&path, MAX_FILE)? else { return Ok(false) };
        // Whoever may write here could let anything run.
        self.prepare()?;
        let grant: GrantWire = serde_json::from_slice(&bytes)?;
        // Whoever removes it has it.
        fs::remove_file(&path)?;
        Ok(grant.expires > now())
    }
}

impl Grants for GrantFolder {
    fn take(&mut self, code: &str) -> bool {
        is_code(code) && self.use_up(code).unwrap_or(false)
    }

    fn offer(&mut self, offer: &Offer<'_>) -> bool {
        is_code(offer.code) && self.keep(offer).is_ok()
    }
}

/// A code is the name of a file.
fn is_code(code: &str) -> bool {
    code.len() == CODE_DIGITS && code.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_old(path: &Path) -> bool {
    let changed = fs::metadata(path).and_then(|metadata| metadata.modified());
    changed.ok().and_then(|time| time.elapsed().ok()).is_some_and(|age| age > KEPT)
}

fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(u64::MAX, |time| time.as_secs())
}

fn absent_is_fine(error: io::Error) -> io::Result<()> {
    if error.kind() == io::ErrorKind::NotFound { Ok(()) } else { Err(error) }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &str = "0123456789abcdef";

    fn folder() -> (tempfile::TempDir, GrantFolder) {
        let state = tempfile::tempdir().unwrap();
        let folder = GrantFolder::in_state(state.path());
        (state, folder)
    }

    fn offer(code: &str) -> Offer<'_> {
        Offer { code, session: "s1", tool: "Bash", text: "rm -rf build" }
    }

    #[test]
    fn a_grant_is_taken_once() {
        let (_state, mut folder) = folder();
        assert!(!folder.take(CODE));
        assert!(folder.offer(&offer(CODE)));
        let stopped = folder.stopped().unwrap();
        assert_eq!((stopped.len(), stopped[0].text.as_str()), (1, "rm -rf build"));
        folder.grant(&stopped[0], Duration::from_secs(60)).unwrap();
        assert!(folder.stopped().unwrap().is_empty());
        assert!(!folder.take("0123456789abcdee"));
        assert!(folder.take(CODE));
        assert!(!folder.take(CODE));
    }

    #[test]
    fn a_grant_that_has_run_out_is_none() {
        let (_state, mut folder) = folder();
        folder.offer(&offer(CODE));
        let stopped = folder.stopped().unwrap().remove(0);
        folder.grant(&stopped, Duration::ZERO).unwrap();
        assert!(!folder.take(CODE));
    }

    #[test]
    fn a_code_is_no_path_and_a_broken_file_no_grant() {
        let (state, mut folder) = folder();
        assert!(!folder.offer(&offer("../../../etc/pas")) && !folder.take("../0123456789abc"));
        folder.offer(&offer(CODE));
        fs::write(state.path().join(format!("grants/{CODE}.grant.json")), "{").unwrap();
        assert!(!folder.take(CODE));
    }

    #[test]
    fn no_more_are_kept_than_a_person_can_look_at() {
        let (_state, mut folder) = folder();
        let codes: Vec<String> = (0..=MAX_KEPT).map(|n| format!("{n:016x}")).collect();
        let kept = codes.iter().filter(|code| folder.offer(&offer(code))).count();
        assert_eq!(kept, MAX_KEPT);
    }
}
