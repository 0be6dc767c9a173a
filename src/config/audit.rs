//! The `[audit]` section of the user's file: whether and how decisions are recorded.
//!
//! It is read from the user's file alone. A repository can set variables for the agent that runs in it and has a settings
//! file of its own: neither has a setting that turns the record off or sends it elsewhere. The system's variables for a user's
//! folders, which say where this file and the log are, are heeded all the same; the README says so.

use std::path::PathBuf;

use serde::Deserialize;

use super::review::{ConfigError, parse, read_if_there, state_folder, user_file};

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
    #[serde(default)]
    audit: AuditSettings,
}

impl AuditSettings {
    /// The user's file.
    pub fn load() -> Result<Self, ConfigError> {
        let mut settings = match user_file() {
            Some(path) => Self::read(&path)?,
            None => Self::default(),
        };
        settings.folder = settings.folder.or_else(|| state_folder().map(|folder| folder.join("audit")));
        Ok(settings)
    }

    /// The section of one file; nothing set when there is no such file.
    pub fn read(path: &std::path::Path) -> Result<Self, ConfigError> {
        let Some(text) = read_if_there(path)? else { return Ok(Self::default()) };
        let file: FileWire = parse(path, &text)?;
        Ok(file.audit)
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
        let path = folder.path().join("config.toml");
        std::fs::write(&path, text).unwrap();
        AuditSettings::read(&path)
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
