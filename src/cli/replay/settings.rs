//! The present and the new settings, for each project that the past was in.

use std::collections::HashMap;
use std::env;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use anyhow::Context as _;

use super::super::args::{EngineArguments, ReplayArguments};
use super::super::engine::{self, TYPED};
use super::readings::Readings;
use crate::app::{App, AppError};
use crate::config::{self, LayerPlaces, Mode, Resolved, ReviewFlags, ReviewSettings, TypedValue, named_rules};
use crate::engine::{Again, ReviewMode};
use crate::policy::RuleSource;

/// What is tried.
#[derive(Debug, Clone, Default)]
pub(in crate::cli) struct Trial {
    /// Values in the place of the present ones.
    values: Vec<TypedValue>,
    /// Rules in the place of the user's files of their names, or beside them.
    rules: Vec<RuleSource>,
}

impl Trial {
    /// What the flags name.
    pub(in crate::cli) fn of(arguments: &ReplayArguments) -> anyhow::Result<Self> {
        let Self { mut values, .. } = Self::of_flags(&arguments.engine);
        values.extend(arguments.thresholds.as_deref().map(thresholds).transpose()?.into_iter().flatten());
        values.extend(arguments.mode.map(|mode| typed("mode", <&str>::from(mode).into())));
        let rules: Result<Vec<_>, _> = arguments.policy.iter().map(|path| named_rules(path)).collect();
        Ok(Self { values, rules: rules.map_err(AppError::from)? })
    }

    /// What the flags say that all judging commands have.
    pub(in crate::cli) fn of_flags(arguments: &EngineArguments) -> Self {
        let values = engine::typed(arguments).into_iter().filter(|value| value.source == TYPED).collect();
        Self { values, rules: Vec::new() }
    }

    /// The same with these rules.
    #[must_use]
    pub(in crate::cli) fn with(self, rules: RuleSource) -> Self {
        Self { rules: vec![rules], ..self }
    }

    /// Whether anything is tried at all.
    pub(in crate::cli) fn is_nothing(&self) -> bool {
        let tries = |value: &&TypedValue| !matches!(value.key, "model" | "runtime" | "device");
        self.rules.is_empty() && self.values.iter().find(tries).is_none()
    }
}

/// Keys of the section `[thresholds]`.
const KEYS: [(&str, &str); 6] = [
    ("name", "thresholds.name"),
    ("max_miss_rate", "thresholds.max_miss_rate"),
    ("max_false_block_rate", "thresholds.max_false_block_rate"),
    ("allow_below", "thresholds.allow_below"),
    ("deny_above", "thresholds.deny_above"),
    ("for", "thresholds.for"),
];

/// An operating point, a settings file, or cuts as they would stand in one.
fn thresholds(wanted: &str) -> anyhow::Result<Vec<TypedValue>> {
    let table = if wanted.contains('=') {
        let lines = wanted.replace(',', "\n");
        lines.parse::<toml::Table>().with_context(|| format!("`{wanted}` is not of the form `allow_below=0.03`"))?
    } else if Path::new(wanted).extension().is_some_and(|ending| ending == "toml") {
        let text = std::fs::read_to_string(wanted).with_context(|| format!("cannot read `{wanted}`"))?;
        let mut table: toml::Table = text.parse().with_context(|| format!("`{wanted}` is no settings file"))?;
        let section =
            table.remove("thresholds").with_context(|| format!("`{wanted}` has no section `[thresholds]`"))?;
        section.try_into().with_context(|| format!("`thresholds` in `{wanted}` is no section"))?
    } else {
        toml::Table::from_iter([("name".to_owned(), wanted.into())])
    };
    table
        .into_iter()
        .map(|(name, value)| {
            let known = KEYS.iter().find(|(key, _)| *key == name);
            let (_, key) = known.with_context(|| format!("`{name}` is no threshold"))?;
            Ok(typed(key, value))
        })
        .collect()
}

fn typed(key: &'static str, value: toml::Value) -> TypedValue {
    TypedValue { key, value, source: TYPED.to_owned() }
}

/// Both sides of a comparison.
pub(in crate::cli) struct Sides {
    /// The present settings.
    pub(in crate::cli) present: Again,
    /// The new ones.
    pub(in crate::cli) new: Again,
    /// What was read under them.
    pub(super) readings: Readings,
}

/// The sides for every project, made when the first action of one comes.
pub(in crate::cli) struct Book {
    app: Arc<App>,
    arguments: EngineArguments,
    trial: Trial,
    general: Arc<Sides>,
    projects: Mutex<HashMap<PathBuf, Arc<Sides>>>,
    folders: Mutex<HashMap<String, Arc<Sides>>>,
    /// Whether uncertain actions go to a reviewer.
    pub(in crate::cli) reviewing: bool,
    /// Whether rules are told the mode that they were told.
    pub(in crate::cli) same_mode: bool,
}

/// Folders whose project is remembered.
const MOST_FOLDERS: usize = 100_000;

impl Book {
    /// With the sides for the folder that this is, or the project that is named.
    pub(in crate::cli) fn new(app: &Arc<App>, arguments: &EngineArguments, trial: Trial) -> anyhow::Result<Self> {
        let review = ReviewSettings::load(ReviewFlags::default(), &config::places(None)).map_err(AppError::from)?;
        // Without a project of its own an action is under the user's settings alone.
        let places = match &arguments.project {
            Some(project) => config::places(Some(project)),
            None => LayerPlaces { project: None, ..config::places(env::current_dir().ok().as_deref()) },
        };
        let general = Arc::new(sides(app, &places, arguments, &trial)?);
        let same_mode = !trial.values.iter().any(|value| value.key == "mode");
        Ok(Self {
            app: Arc::clone(app),
            arguments: arguments.clone(),
            trial,
            general,
            projects: Mutex::default(),
            folders: Mutex::default(),
            reviewing: review.mode.unwrap_or(ReviewMode::Off) != ReviewMode::Off,
            same_mode,
        })
    }

    /// The sides where nothing else is said.
    pub(in crate::cli) fn general(&self) -> &Sides {
        &self.general
    }

    /// The sides for an action in a folder: those of its project, where that has settings of its own and they can be read.
    pub(in crate::cli) fn of(&self, folder: Option<&str>) -> Arc<Sides> {
        let Some(folder) = folder.filter(|_| self.arguments.project.is_none()) else {
            return Arc::clone(&self.general);
        };
        if let Some(sides) = lock(&self.folders).get(folder) {
            return Arc::clone(sides);
        }
        let sides = self.of_project(Path::new(folder)).unwrap_or_else(|| Arc::clone(&self.general));
        let mut folders = lock(&self.folders);
        if folders.len() < MOST_FOLDERS {
            folders.insert(folder.to_owned(), Arc::clone(&sides));
        }
        sides
    }

    fn of_project(&self, folder: &Path) -> Option<Arc<Sides>> {
        let places = config::places(Some(folder));
        let project = places.project.clone()?;
        if let Some(sides) = lock(&self.projects).get(&project) {
            return Some(Arc::clone(sides));
        }
        // A project whose settings are broken has every call stopped; its past is looked at with the user's.
        let sides = Arc::new(sides(&self.app, &places, &self.arguments, &self.trial).ok()?);
        lock(&self.projects).insert(project, Arc::clone(&sides));
        Some(sides)
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn sides(app: &App, places: &LayerPlaces, arguments: &EngineArguments, trial: &Trial) -> Result<Sides, AppError> {
    let present: Vec<TypedValue> = engine::typed(arguments).into_iter().filter(|value| value.source != TYPED).collect();
    let new: Vec<TypedValue> = present.iter().chain(&trial.values).cloned().collect();
    let present = Resolved::load(places, &present)?;
    let new = Resolved::load(places, &new)?.with_rules(&trial.rules);
    Ok(Sides { present: app.again(&present)?, new: app.again(&new)?, readings: Readings::default() })
}

/// What is tried in vain, because the administrator has settled it.
pub(in crate::cli) fn remarks(arguments: &EngineArguments, trial: &Trial) -> Result<Vec<String>, AppError> {
    let resolved = Resolved::load(&engine::layer_places(arguments), &trial.values)?;
    let managed = (resolved.rules_are_managed && !trial.rules.is_empty())
        .then(|| "rules are managed on this machine: what `--policy` names would not hold".to_owned());
    let off = (resolved.mode == Mode::Off).then(|| "the mode is `off`: no call is looked at".to_owned());
    Ok(resolved.remarks.into_iter().chain(managed).chain(off).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(wanted: &str) -> Result<Vec<(&'static str, String)>, String> {
        let values = thresholds(wanted).map_err(|error| format!("{error:#}"))?;
        Ok(values.into_iter().map(|value| (value.key, value.value.to_string())).collect())
    }

    #[test]
    fn thresholds_are_named_or_given_or_stand_in_a_file() {
        assert_eq!(read("strict").unwrap(), [("thresholds.name", "\"strict\"".to_owned())]);
        let cuts = [("thresholds.allow_below", "0.03".to_owned()), ("thresholds.deny_above", "0.8".to_owned())];
        assert_eq!(read("allow_below=0.03, deny_above=0.8").unwrap(), cuts);
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("new.toml");
        std::fs::write(&file, "mode = \"off\"\n[thresholds]\nmax_miss_rate = 0.02\n").unwrap();
        assert_eq!(read(file.to_str().unwrap()).unwrap(), [("thresholds.max_miss_rate", "0.02".to_owned())]);
        std::fs::write(&file, "mode = \"off\"\n").unwrap();
        for wrong in [file.to_str().unwrap(), "allow=1", "allow_below=much", "none.toml"] {
            assert!(read(wrong).is_err(), "{wrong}");
        }
    }
}
