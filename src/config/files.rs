//! The files that settings and rules are read from, and what they look like together.

use std::path::{Path, PathBuf};
use std::{env, fs};

use etcetera::BaseStrategy;

use super::layers::{LayerPlaces, PROJECT_FILE};
use super::trust;
use crate::sha256::Sha256;

/// The administrator's folder.
#[cfg(target_os = "macos")]
const MANAGED: &str = "/Library/Application Support/riskgate";
#[cfg(target_os = "windows")]
const MANAGED: &str = r"C:\ProgramData\riskgate";
#[cfg(not(any(target_os = "macos", target_os = "windows")))]
const MANAGED: &str = "/etc/riskgate";

/// How many folders above are searched for a project's file.
pub(super) const MAX_CLIMB: usize = 64;

/// Where settings are searched for a call: the user's and the administrator's folder, the home, and the folder from which a
/// project is searched upwards.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Search {
    user: Option<PathBuf>,
    managed: PathBuf,
    home: Option<PathBuf>,
    folder: Option<PathBuf>,
}

impl Search {
    /// For a call of this user in `folder`.
    pub fn from(folder: Option<&Path>) -> Self {
        let strategy = etcetera::base_strategy::choose_native_strategy().ok();
        let user = strategy.map(|strategy| strategy.config_dir().join("riskgate"));
        Self::of(user, PathBuf::from(MANAGED), env::home_dir(), folder)
    }

    /// With every place given.
    pub(super) fn of(user: Option<PathBuf>, managed: PathBuf, home: Option<PathBuf>, folder: Option<&Path>) -> Self {
        let folder = folder.and_then(|folder| std::path::absolute(folder).ok());
        Self { user, managed, home, folder }
    }

    /// The user's folder.
    pub(super) fn user(&self) -> Option<&Path> {
        self.user.as_deref()
    }

    /// The administrator's folder.
    pub(super) fn managed(&self) -> &Path {
        &self.managed
    }

    /// The user's home.
    pub(super) fn home(&self) -> Option<&Path> {
        self.home.as_deref()
    }

    /// The folder from which a project is searched upwards, seen from the root.
    pub fn folder(&self) -> Option<&Path> {
        self.folder.as_deref()
    }

    /// The places that are found.
    pub fn places(&self) -> LayerPlaces {
        // The files of Claude Code change often; they only count where their rules are to hold.
        let imports = self.user().into_iter().chain([self.managed()]).any(imports_claude_code);
        LayerPlaces {
            project: self.folder().and_then(|folder| self.project_of(folder, imports)),
            home: self.home.clone().filter(|_| imports),
            managed: Some(self.managed.clone()),
            user: self.user.clone(),
        }
    }

    /// The nearest folder from `folder` upwards that has settings or rules of its own. They can only tighten, so it does not
    /// matter who put them there.
    fn project_of(&self, folder: &Path, imports_claude_code: bool) -> Option<PathBuf> {
        // riskgate's own folder in the home is none of a project's.
        let has_own = |folder: &&Path| {
            folder.join(PROJECT_FILE).exists()
                || self.home() != Some(folder)
                    && (folder.join(".riskgate/policy").is_dir()
                        || imports_claude_code && folder.join(".claude/settings.json").exists())
        };
        folder.ancestors().take(MAX_CLIMB).find(has_own).map(Path::to_owned)
    }
}

/// A path of a settings file or a flag, where `~/` is the user's home.
pub fn in_home(path: &Path) -> PathBuf {
    match (path.strip_prefix("~"), env::home_dir()) {
        (Ok(below), Some(home)) => home.join(below),
        _ => path.to_owned(),
    }
}

/// Where this user's files lie, for a call in `folder`.
pub fn places(folder: Option<&Path>) -> LayerPlaces {
    Search::from(folder).places()
}

/// Whether the settings file of a folder wants Claude Code's rules. What is wrong with the file is found when it is read.
fn imports_claude_code(folder: &Path) -> bool {
    let text = fs::read_to_string(folder.join("config.toml")).unwrap_or_default();
    let table: toml::Table = text.parse().unwrap_or_default();
    let value = table.get("policy").and_then(|policy| policy.get("claude_code"));
    value.and_then(toml::Value::as_bool).unwrap_or(false)
}

/// The settings and rule files of these places, whether they exist or not.
pub fn files(places: &LayerPlaces) -> Vec<PathBuf> {
    let mut files = Vec::new();
    for folder in [&places.user, &places.managed].into_iter().flatten() {
        files.push(folder.join("config.toml"));
        files.push(folder.join("policy"));
        files.extend(trust::list(&folder.join("policy"), "cedar").unwrap_or_default());
    }
    if let Some(project) = &places.project {
        files.extend(
            [PROJECT_FILE, ".claude/settings.json", ".claude/settings.local.json", ".riskgate/policy"]
                .map(|name| project.join(name)),
        );
        files.extend(trust::list(&project.join(".riskgate/policy"), "cedar").unwrap_or_default());
    }
    files.extend(places.home.iter().map(|home| home.join(".claude/settings.json")));
    files
}

/// A short hash over what the files say: another one makes another riskgate.
pub fn fingerprint(places: &LayerPlaces) -> String {
    let mut hash = Sha256::new();
    for path in files(places) {
        hash.update(path.as_os_str().as_encoded_bytes());
        // One that is absent and one that cannot be read are no empty ones; a folder is what is in it.
        match fs::read(&path) {
            Ok(bytes) => hash.update(Sha256::digest(&bytes)),
            Err(error) => hash.update(error.kind().to_string()),
        }
    }
    hex::encode(hash.finalize()).chars().take(8).collect()
}
