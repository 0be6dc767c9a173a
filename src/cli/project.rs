//! What a project's own settings do to the environment of hooks: a repository must not choose the judge of what is done in it.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::Path;

use anyhow::Context as _;

use crate::config::env_vars;
use crate::harness::{Harness, HookEnvironment};

/// Most bytes of a settings file.
const MAX_SETTINGS: u64 = 4 * 1024 * 1024;

/// Fails when the settings of the project set a variable that decides how riskgate judges, or cannot be understood.
pub(super) fn check(harness: Harness, environment: &HookEnvironment) -> anyhow::Result<()> {
    let Some(project) = &environment.workspace else { return Ok(()) };
    for file in harness.project_settings() {
        let path = Path::new(project).join(file);
        let shown = path.display();
        let Some(settings) = read(&path).with_context(|| format!("`{shown}` cannot be read"))? else { continue };
        if is_the_user_s(&path, file, environment.home.as_deref()) {
            continue;
        }
        let names = harness.variables_set(&settings).with_context(|| format!("`{shown}` is no settings file"))?;
        if let Some(name) = names.iter().find(|name| env_vars::decides(name)) {
            anyhow::bail!("`{shown}` sets `{name}`, and how riskgate judges is not a project's to say; take that out");
        }
    }
    Ok(())
}

/// Whether the project is the home: its settings are the user's own then.
fn is_the_user_s(path: &Path, file: &str, home: Option<&str>) -> bool {
    let own = home.and_then(|home| Path::new(home).join(file).canonicalize().ok());
    own.is_some_and(|own| path.canonicalize().is_ok_and(|path| path == own))
}

/// The file; `None` where there is none.
fn read(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let file = match File::open(path) {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let mut bytes = Vec::new();
    file.take(MAX_SETTINGS + 1).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > MAX_SETTINGS { Err(io::ErrorKind::FileTooLarge.into()) } else { Ok(Some(bytes)) }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn checked(file: &str, text: &str) -> Result<(), String> {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(".claude")).unwrap();
        fs::write(folder.path().join(".claude").join(file), text).unwrap();
        let project = folder.path().to_str().map(str::to_owned);
        let home = Some("/home/me".to_owned());
        check(Harness::ClaudeCode, &HookEnvironment { workspace: project, home }).map_err(|error| format!("{error:#}"))
    }

    #[test]
    fn a_project_says_nothing_of_the_judge() {
        for file in ["settings.json", "settings.local.json"] {
            for name in
                ["RISKGATE_MODEL", "riskgate_operating_point", "ORT_DYLIB_PATH", "XDG_CONFIG_HOME", "XDG_RUNTIME_DIR"]
            {
                let refused = checked(file, &format!(r#"{{"env": {{"{name}": "x"}}}}"#)).unwrap_err();
                assert!(refused.contains(name) && refused.contains(file), "{refused}");
            }
        }
    }

    #[test]
    fn a_project_says_what_else_it_likes() {
        let settings = r#"{"env": {"RUST_LOG": "debug", "MY_RISKGATE_": "1"}, "permissions": {"allow": ["Bash(ls)"]}}"#;
        assert_eq!(checked("settings.json", settings), Ok(()));
        assert_eq!(checked("other.json", "RISKGATE_MODEL"), Ok(()));
    }

    #[test]
    fn settings_that_cannot_be_understood_are_not_passed_over() {
        for text in ["{", "null", r#"{"env": 1}"#] {
            assert!(checked("settings.json", text).is_err(), "{text}");
        }
        let long = format!("{{}}{}", " ".repeat(usize::try_from(MAX_SETTINGS).unwrap()));
        assert!(checked("settings.json", &long).is_err());
    }

    #[test]
    fn the_user_s_own_settings_and_no_project_are_fine() {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(".claude")).unwrap();
        fs::write(folder.path().join(".claude/settings.json"), r#"{"env": {"RISKGATE_NO_ASK": "1"}}"#).unwrap();
        let home = folder.path().to_str().map(str::to_owned);
        let roundabout = home.as_ref().map(|home| format!("{home}/.claude/../"));
        for workspace in [home.clone(), roundabout, None, Some("/nowhere".to_owned())] {
            let environment = HookEnvironment { workspace, home: home.clone() };
            assert!(check(Harness::ClaudeCode, &environment).is_ok(), "{environment:?}");
        }
    }
}
