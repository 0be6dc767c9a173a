//! The permission rules in Claude Code's own settings files, when they are to hold here, too.

use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::ConfigError;
use super::layers::LayerPlaces;
use super::trust::{self, Trust};
use crate::policy::{Layer, Lists, RuleSource, RuleText};

/// The user's file of Claude Code, in the home.
pub(super) const USER_FILE: &str = ".claude/settings.json";
/// A project's files of Claude Code.
pub(super) const PROJECT_FILES: [&str; 2] = [".claude/settings.json", ".claude/settings.local.json"];

#[derive(Default, Deserialize)]
struct SettingsWire {
    #[serde(default)]
    permissions: PermissionsWire,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct PermissionsWire {
    allow: Vec<String>,
    ask: Vec<String>,
    deny: Vec<String>,
}

/// The administrator's file of Claude Code.
#[cfg(target_os = "macos")]
pub(super) const MANAGED: &str = "/Library/Application Support/ClaudeCode/managed-settings.json";
#[cfg(target_os = "windows")]
pub(super) const MANAGED: &str = r"C:\Program Files\ClaudeCode\managed-settings.json";
#[cfg(not(any(target_os = "macos", target_os = "windows")))]
pub(super) const MANAGED: &str = "/etc/claude-code/managed-settings.json";

/// The rules of every settings file that there is.
pub(super) fn rules(places: &LayerPlaces) -> Result<Vec<RuleSource>, ConfigError> {
    let in_folder = |folder: &Option<PathBuf>, name: &str| folder.as_deref().map(|folder| folder.join(name));
    let [shared, own] = PROJECT_FILES;
    let files = [
        (Layer::User, in_folder(&places.home, USER_FILE), Trust::Owner),
        (Layer::Project, in_folder(&places.project, shared), Trust::Anybody),
        (Layer::Project, in_folder(&places.project, own), Trust::Anybody),
        (Layer::Managed, places.managed.as_ref().map(|_| PathBuf::from(MANAGED)), Trust::Administrator),
    ];
    let mut sources = Vec::new();
    for (layer, path, trust) in files {
        let Some(path) = path else { continue };
        let Some(text) = trust::read(&path, trust)? else { continue };
        let mut lists = lists(&path, &text)?;
        if layer == Layer::Project {
            // What a repository allows an agent is not the user's word.
            lists.allow.clear();
        }
        if lists != Lists::default() {
            sources.push(RuleSource { layer, name: path.display().to_string(), rules: RuleText::Lists(lists) });
        }
    }
    Ok(sources)
}

fn lists(path: &Path, text: &str) -> Result<Lists, ConfigError> {
    let wire: SettingsWire = serde_json::from_str(text)
        .map_err(|error| ConfigError::Parse { path: path.to_owned(), message: error.to_string() })?;
    let PermissionsWire { allow, ask, deny } = wire.permissions;
    Ok(Lists { allow, ask, deny })
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_repository_s_own_allow_list_is_not_the_user_s_word() {
        let folder = tempfile::tempdir().unwrap();
        let (home, project) = (folder.path().join("home"), folder.path().join("app"));
        for (base, text) in [
            (&home, r#"{"permissions": {"allow": ["Bash(git *)"], "deny": ["Read(./.env)"]}, "model": "x"}"#),
            (&project, r#"{"permissions": {"allow": ["Bash"], "ask": ["Bash(git push *)"]}}"#),
        ] {
            fs::create_dir_all(base.join(".claude")).unwrap();
            fs::write(base.join(".claude/settings.json"), text).unwrap();
        }
        let places = LayerPlaces { home: Some(home), project: Some(project), ..LayerPlaces::default() };
        let found: Vec<(Layer, Lists)> = rules(&places)
            .unwrap()
            .into_iter()
            .map(|source| match source.rules {
                RuleText::Lists(lists) => (source.layer, lists),
                RuleText::Cedar(_) => panic!("lists are wanted"),
            })
            .collect();
        let list = |text: &str| vec![text.to_owned()];
        let user = Lists { allow: list("Bash(git *)"), deny: list("Read(./.env)"), ..Lists::default() };
        let project = Lists { ask: list("Bash(git push *)"), ..Lists::default() };
        assert_eq!(found, [(Layer::User, user), (Layer::Project, project)]);
    }
}
