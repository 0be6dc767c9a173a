//! Changes that riskgate makes in settings files itself: the mode. Comments and all else in the file stay as they are.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};
use std::{env, fs, io};

use serde_json::json;
use toml_edit::{DocumentMut, Item, value};

use super::ConfigError;
use super::layers::{LayerPlaces, PROJECT_FILE};
use super::resolve::Resolved;
use super::values::Mode;

/// A change of the mode.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ModeChange {
    /// The mode before, with all layers counted.
    pub from: Mode,
    /// The mode that the file says then.
    pub to: Mode,
    /// The file.
    pub path: PathBuf,
}

/// Sets the mode in the user's file, or in the project's, where it may only tighten. `record` keeps the change before it is made:
/// one that cannot be recorded is not made.
pub fn change_mode(
    to: Mode,
    in_project: Option<&Path>,
    places: &LayerPlaces,
    record: impl FnOnce(&ModeChange) -> Result<(), ConfigError>,
) -> Result<ModeChange, ConfigError> {
    let now = Resolved::load(places, &[])?;
    let managed = now.provenance.iter().find(|value| value.key == "mode" && value.locked);
    if let Some(value) = managed {
        return Err(ConfigError::Refused(format!("the mode is managed ({}): ask the administrator", value.source)));
    }
    let path = match in_project {
        Some(_) if to < now.mode => {
            let name = <&str>::from(now.mode);
            return Err(ConfigError::Refused(format!("a project may only tighten, and the mode is `{name}`")));
        }
        Some(folder) => folder.join(PROJECT_FILE),
        None => {
            let missing = || ConfigError::Refused("this user has no settings folder".to_owned());
            places.user.as_ref().ok_or_else(missing)?.join("config.toml")
        }
    };
    let text = match fs::read_to_string(&path) {
        Ok(text) => text,
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        Err(source) => return Err(ConfigError::Read { path, source }),
    };
    let changed = with_mode(&text, to).map_err(|message| ConfigError::Parse { path: path.clone(), message })?;
    let change = ModeChange { from: now.mode, to, path };
    record(&change)?;
    replace(&change.path, &changed).map_err(|source| ConfigError::Write { path: change.path.clone(), source })?;
    Ok(change)
}

fn with_mode(text: &str, mode: Mode) -> Result<String, String> {
    let mut document: DocumentMut = text.parse().map_err(|error: toml_edit::TomlError| error.message().to_owned())?;
    let mut new = value(<&str>::from(mode));
    // What stands around the old value, such as a comment behind it, stays.
    if let (Some(old), Some(new)) = (document.get("mode").and_then(Item::as_value), new.as_value_mut()) {
        *new.decor_mut() = old.decor().clone();
    }
    match document.get_mut("mode") {
        Some(item) => *item = new,
        None => drop(document.insert("mode", new)),
    }
    Ok(document.to_string())
}

/// Puts a settings file in place as a whole, with the permissions that it had: whoever reads it meanwhile sees the old one or the
/// new one. A link at that place gives way to the file.
pub fn replace(path: &Path, text: &str) -> io::Result<()> {
    let folder = path.parent().unwrap_or(Path::new("."));
    fs::create_dir_all(folder)?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let new = folder.join(format!(".{name}.{}", std::process::id()));
    let written = fs::write(&new, text).and_then(|()| {
        if let Ok(old) = fs::metadata(path) {
            fs::set_permissions(&new, old.permissions())?;
        }
        fs::rename(&new, path)
    });
    if written.is_err() {
        let _ = fs::remove_file(&new);
    }
    written
}

/// Notes a change in a file beside the log of decisions, for when that cannot take it. `state` is riskgate's folder for state;
/// the file's path.
pub fn note_change(state: &Path, change: &ModeChange) -> Result<PathBuf, ConfigError> {
    let log = state.join("changes.jsonl");
    let ModeChange { from, to, path } = change;
    let seconds = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_secs());
    let line = json!({
        "time": seconds,
        "event": "mode",
        "from": <&str>::from(*from),
        "to": <&str>::from(*to),
        "file": path.to_string_lossy(),
        "cwd": env::current_dir().ok().map(|folder| folder.to_string_lossy().into_owned()),
        "pid": std::process::id(),
    });
    let append = || {
        fs::create_dir_all(state)?;
        let mut file = fs::OpenOptions::new().create(true).append(true).open(&log)?;
        file.write_all(format!("{line}\n").as_bytes())?;
        file.sync_all()
    };
    append().map_err(|source| ConfigError::Write { path: log.clone(), source })?;
    Ok(log)
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Home {
        folder: tempfile::TempDir,
    }

    impl Home {
        fn new(user: &str) -> Self {
            let home = Self { folder: tempfile::tempdir().unwrap() };
            fs::create_dir_all(home.path("user")).unwrap();
            fs::write(home.path("user/config.toml"), user).unwrap();
            home
        }

        fn path(&self, name: &str) -> PathBuf {
            self.folder.path().join(name)
        }

        fn places(&self) -> LayerPlaces {
            LayerPlaces { user: Some(self.path("user")), project: Some(self.path("app")), ..LayerPlaces::default() }
        }

        fn change(&self, to: Mode, in_project: bool) -> Result<ModeChange, ConfigError> {
            let project = self.path("app");
            let record = |change: &ModeChange| note_change(&self.path("state"), change).map(drop);
            change_mode(to, in_project.then_some(&*project), &self.places(), record)
        }
    }

    #[test]
    fn the_user_s_file_keeps_its_comments_and_the_change_is_recorded() {
        let home = Home::new("# mine\nmode = \"enforce\" # yes\n\n[review]\nmode = \"off\"\n");
        let change = home.change(Mode::Monitor, false).unwrap();
        assert_eq!((change.from, change.to), (Mode::Enforce, Mode::Monitor));
        let text = fs::read_to_string(home.path("user/config.toml")).unwrap();
        assert!(
            text.contains("# mine")
                && text.contains("# yes")
                && text.contains("mode = \"monitor\"")
                && text.contains("[review]\nmode = \"off\""),
            "{text}"
        );
        let log = fs::read_to_string(home.path("state/changes.jsonl")).unwrap();
        assert!(log.contains("\"from\":\"enforce\"") && log.contains("\"to\":\"monitor\""), "{log}");
        assert_eq!(Resolved::load(&home.places(), &[]).unwrap().mode, Mode::Monitor);
    }

    #[test]
    fn a_project_may_only_tighten() {
        let home = Home::new("mode = \"monitor\"\n");
        assert!(matches!(home.change(Mode::Off, true), Err(ConfigError::Refused(_))));
        home.change(Mode::Enforce, true).unwrap();
        assert_eq!(Resolved::load(&home.places(), &[]).unwrap().mode, Mode::Enforce);
        assert!(matches!(home.change(Mode::Monitor, true), Err(ConfigError::Refused(_))));
    }

    #[test]
    fn what_cannot_be_recorded_is_not_changed() {
        let home = Home::new("mode = \"enforce\"\n");
        fs::write(home.path("state"), "a file in the way").unwrap();
        assert!(matches!(home.change(Mode::Off, false), Err(ConfigError::Write { .. })));
        assert_eq!(fs::read_to_string(home.path("user/config.toml")).unwrap(), "mode = \"enforce\"\n");
    }
}
