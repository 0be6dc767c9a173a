//! The `[session]` section: how many denials are too many, and how long a session is remembered.
//!
//! Read from the user's file and the managed one: a repository can set variables for the agent that runs in it. A project's file may lower
//! the counts and nothing else.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::Deserialize;

use super::layers::LayerPlaces;
use super::reading::Files;
use super::review::{ConfigError, PROJECT_FILE, parse, read_if_there, state_folder};
use super::section::{self, Section};
use crate::engine::DenialLimits;

const CONSECUTIVE_DENIALS: u32 = 3;
const TOTAL_DENIALS: u32 = 20;
const EXPIRE_HOURS: u32 = 24;
/// No limit of its own.
const UNLIMITED: DenialLimits = DenialLimits { in_a_row: u32::MAX, total: u32::MAX };

/// How sessions are remembered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionSettings {
    /// How many denials are too many.
    pub limits: DenialLimits,
    /// How long after its last use a session is forgotten.
    pub expiry: Duration,
    /// riskgate's folder for state, where there is one.
    pub state: Option<PathBuf>,
}

impl SessionSettings {
    /// What the user's file says, and above it the managed one; `None` when they turn the memory of sessions off.
    pub fn load(places: &LayerPlaces) -> Result<Option<Self>, ConfigError> {
        Self::of(&Files::read_own(places)?)
    }

    /// What files that were read say.
    pub fn of(files: &Files) -> Result<Option<Self>, ConfigError> {
        let Section { user, managed, .. } = Section::of::<FileWire<SessionWire>>(files, "session")?;
        let wire: SessionWire = section::merged(user, managed, "session")?;
        Ok((wire.enabled != Some(false)).then(|| Self::from(wire)))
    }
}

impl From<SessionWire> for SessionSettings {
    fn from(wire: SessionWire) -> Self {
        let limits = DenialLimits {
            in_a_row: wire.consecutive_denials.unwrap_or(CONSECUTIVE_DENIALS),
            total: wire.total_denials.unwrap_or(TOTAL_DENIALS),
        };
        let hours = wire.expire_hours.unwrap_or(EXPIRE_HOURS);
        Self { limits, expiry: Duration::from_secs(u64::from(hours) * 3_600), state: state_folder() }
    }
}

/// The limits that the file of a project asks for.
pub fn project_limits(workspace: &Path) -> Result<DenialLimits, ConfigError> {
    let wire: ProjectWire = of_project(&workspace.join(PROJECT_FILE))?;
    Ok(DenialLimits {
        in_a_row: wire.consecutive_denials.unwrap_or(UNLIMITED.in_a_row),
        total: wire.total_denials.unwrap_or(UNLIMITED.total),
    })
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct SessionWire {
    enabled: Option<bool>,
    #[serde(deserialize_with = "positive")]
    consecutive_denials: Option<u32>,
    #[serde(deserialize_with = "positive")]
    total_denials: Option<u32>,
    #[serde(deserialize_with = "positive")]
    expire_hours: Option<u32>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ProjectWire {
    #[serde(deserialize_with = "positive")]
    consecutive_denials: Option<u32>,
    #[serde(deserialize_with = "positive")]
    total_denials: Option<u32>,
}

/// Other sections belong to others.
#[derive(Deserialize)]
struct FileWire<T: Default> {
    #[serde(default)]
    session: T,
}

fn of_project<T: Default + serde::de::DeserializeOwned>(path: &Path) -> Result<T, ConfigError> {
    let Some(text) = read_if_there(path)? else { return Ok(T::default()) };
    let file: FileWire<T> = parse(path, &text)?;
    Ok(file.session)
}

fn positive<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<u32>, D::Error> {
    match u32::deserialize(deserializer)? {
        0 => Err(serde::de::Error::custom("at least 1 is meant")),
        number => Ok(Some(number)),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(PROJECT_FILE);
        fs::write(&path, text).unwrap();
        (folder, path)
    }

    /// What a user's file with this text comes to.
    fn loaded(text: &str) -> Result<Option<SessionSettings>, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("config.toml"), text).unwrap();
        SessionSettings::load(&LayerPlaces { user: Some(folder.path().to_owned()), ..LayerPlaces::default() })
    }

    #[test]
    fn sessions_are_remembered_unless_the_user_says_otherwise() {
        let usual = SessionSettings::load(&LayerPlaces::default()).unwrap().unwrap();
        assert_eq!(usual.limits, DenialLimits { in_a_row: 3, total: 20 });
        assert_eq!(usual.expiry, Duration::from_secs(24 * 3_600));
        assert_eq!(loaded("[session]\nenabled = false\n").unwrap(), None);
        let all = "[review]\nmode = \"off\"\n[session]\nconsecutive_denials = 2\ntotal_denials = 5\nexpire_hours = 1\n";
        let set = loaded(all).unwrap().unwrap();
        assert_eq!((set.limits, set.expiry.as_secs()), (DenialLimits { in_a_row: 2, total: 5 }, 3_600));
    }

    #[test]
    fn what_cannot_be_meant_is_an_error() {
        for text in ["consecutive_denials = 0", "total_denials = -1", "expire_hours = \"1\"", "enable = false"] {
            assert!(loaded(&format!("[session]\n{text}\n")).is_err(), "{text}");
        }
    }

    #[test]
    fn a_project_says_counts_and_nothing_else() {
        let (folder, _) = file("[session]\nconsecutive_denials = 1\n");
        assert_eq!(project_limits(folder.path()).unwrap(), DenialLimits { in_a_row: 1, total: u32::MAX });
        for text in ["enabled = false", "expire_hours = 1"] {
            let (folder, _) = file(&format!("[session]\n{text}\n"));
            assert!(project_limits(folder.path()).is_err(), "{text}");
        }
    }
}
