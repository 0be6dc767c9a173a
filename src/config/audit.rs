//! The `[audit]` section: whether and how decisions are recorded.
//!
//! It is read from the user's file and the managed one. A repository can set variables for the agent that runs in it and has a
//! settings file of its own: neither has a setting that turns the record off or sends it elsewhere. A hook stops every call in
//! a project whose settings move the user's folders, in which this file and the log are.

use std::path::PathBuf;

use serde::Deserialize;

use super::layers::LayerPlaces;
use super::reading::Files;
use super::review::{ConfigError, state_folder};
use super::section::{self, Section};

/// What is asked for; everything may be left out, and `app` knows what that means.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AuditSettings {
    /// Whether decisions of `hook` and `serve` are recorded.
    pub enabled: Option<bool>,
    /// Whether the action's own text is kept, its secrets masked.
    pub keep_text: Option<bool>,
    /// When what was written is forced onto the disk.
    pub fsync: Option<FsyncSetting>,
    /// Bytes after which a segment is closed.
    pub segment_bytes: Option<u64>,
    /// Days after which records go.
    pub retention_days: Option<u32>,
    /// Bytes above which the oldest records go.
    pub retention_bytes: Option<u64>,
    /// The log's folder.
    pub folder: Option<PathBuf>,
}

/// When what was written is forced onto the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FsyncSetting {
    /// When the system likes.
    Never,
    /// Within a tenth of a second, in the background.
    Group,
    /// Before the decision is answered.
    Always,
}

#[derive(Deserialize)]
struct FileWire {
    #[serde(default, rename = "audit")]
    _audit: AuditSettings,
}

impl AuditSettings {
    /// What the user's file says, and above it the managed one.
    pub fn load(places: &LayerPlaces) -> Result<Self, ConfigError> {
        Self::of(&Files::read_own(places)?)
    }

    /// What files that were read say.
    pub fn of(files: &Files) -> Result<Self, ConfigError> {
        let Section { user, managed, .. } = Section::of::<FileWire>(files, "audit")?;
        let mut settings: Self = section::merged(user, managed, "audit")?;
        settings.folder = settings.folder.or_else(|| state_folder().map(|folder| folder.join("audit")));
        Ok(settings)
    }

    /// Whether `hook` and `serve` record: unless it was turned off.
    pub fn is_enabled(&self) -> bool {
        self.enabled.unwrap_or(true)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<AuditSettings, ConfigError> {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("config.toml"), text).unwrap();
        AuditSettings::load(&LayerPlaces { user: Some(folder.path().to_owned()), ..LayerPlaces::default() })
    }

    #[test]
    fn a_whole_section_is_read_beside_others() {
        let settings = read(
            "[review]\nmode = \"off\"\n[audit]\nenabled = false\nkeep_text = false\nfsync = \"always\"\nsegment_bytes = 1000\n\
             retention_days = 30\nretention_bytes = 5000\nfolder = \"/log\"\n",
        );
        let expected = AuditSettings {
            enabled: Some(false),
            keep_text: Some(false),
            fsync: Some(FsyncSetting::Always),
            segment_bytes: Some(1_000),
            retention_days: Some(30),
            retention_bytes: Some(5_000),
            folder: Some("/log".into()),
        };
        assert_eq!(settings.unwrap(), expected);
        assert!(!expected.is_enabled() && AuditSettings::default().is_enabled());
    }

    #[test]
    fn what_is_misspelled_is_an_error() {
        assert!(read("[audit]\nenable = false\n").unwrap_err().to_string().contains("line 2"));
        assert!(read("[audit]\nfsync = \"sometimes\"\n").is_err());
    }
}
