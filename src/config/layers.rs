//! All settings, merged once, each with where it came from: built in, user, project, environment and flags, managed.
//!
//! Later ones win, with two exceptions. A project's file may only tighten: what would loosen is left out. And what the managed
//! file locks, nobody else sets.

use std::path::{Path, PathBuf};

use figment::providers::Serialized;
use figment::value::{Dict, Map, Value};
use figment::{Figment, Metadata, Profile as FigmentProfile, Provider};

use super::ConfigError;
use super::reading::{self, Files};
use super::values::{FileWire, Mode, Profile, ThresholdValues};
use crate::policy::Layer;

/// Where the files of each layer lie; a layer without a place has no file.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LayerPlaces {
    /// The folder of the managed file and rules.
    pub managed: Option<PathBuf>,
    /// The folder of the user's file and rules.
    pub user: Option<PathBuf>,
    /// The project's own folder.
    pub project: Option<PathBuf>,
    /// The user's home, for the rules of agent programs.
    pub home: Option<PathBuf>,
}

/// A value that was typed, or that a variable holds.
#[derive(Debug, Clone, PartialEq)]
pub struct TypedValue {
    /// The setting, for example `thresholds.max_miss_rate`.
    pub key: &'static str,
    /// Its value.
    pub value: toml::Value,
    /// `command line`, or the variable.
    pub source: String,
}

/// One setting and where it came from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Provenance {
    /// The setting.
    pub key: String,
    /// Its value as TOML.
    pub value: String,
    /// Where it came from.
    pub source: String,
    /// Whether nobody but the administrator can change it.
    pub locked: bool,
}

/// The merged settings.
#[derive(Debug, Clone)]
pub(super) struct Merged {
    /// Weakest first.
    layers: Vec<Layered>,
    figment: Figment,
    /// The project's thresholds, which hold beside the others: the stricter of both counts.
    pub(super) project_thresholds: ThresholdValues,
    /// Each file's own rules.
    pub(super) files: Vec<(Layer, PathBuf, FileWire)>,
    locked: Vec<String>,
    /// What was left out, and why.
    pub(super) remarks: Vec<String>,
}

/// A settings file as understood.
struct File {
    layer: Layer,
    path: PathBuf,
    wire: FileWire,
    table: toml::Table,
}

/// Keys of a project's file; all others are left out.
const PROJECT_KEYS: [&str; 7] = ["mode", "profile", "no_ask", "thresholds", "policy", "review", "session"];

impl Merged {
    /// Merges everything.
    pub(super) fn of(files: &Files, typed: &[TypedValue]) -> Result<Self, ConfigError> {
        let parsed = |file: &Option<reading::File>| file.as_ref().map(File::parsed).transpose();
        let (managed, user, project) = (parsed(&files.managed)?, parsed(&files.user)?, parsed(&files.project)?);
        for file in [&user, &project].into_iter().flatten() {
            if !file.wire.locked.is_empty() {
                let message = "`locked` is for the managed file alone".to_owned();
                return Err(ConfigError::Parse { path: file.path.clone(), message });
            }
        }
        let locked = managed.as_ref().map(|file| file.wire.locked.clone()).unwrap_or_default();
        let mut merged = Self {
            layers: Vec::new(),
            figment: Figment::new(),
            project_thresholds: ThresholdValues::default(),
            files: Vec::new(),
            locked,
            remarks: Vec::new(),
        };
        merged.merge("built in", None, built_in());
        if let Some(file) = &user {
            merged.add(file);
        }
        if let Some(file) = &project {
            merged.tighten(file)?;
        }
        merged.add_typed(typed)?;
        if let Some(file) = &managed {
            merged.add_managed(file);
        }
        merged
            .files
            .extend([user, project, managed].into_iter().flatten().map(|file| (file.layer, file.path, file.wire)));
        Ok(merged)
    }

    fn add(&mut self, file: &File) {
        let mut table = expanded(file);
        for key in &self.locked {
            if remove(&mut table, key) {
                self.remarks.push(format!("`{}` sets `{key}`, which is managed: left out", file.path.display()));
            }
        }
        self.merge(&format!("{}", file.layer), Some(&file.path), table);
    }

    fn add_managed(&mut self, file: &File) {
        self.merge(MANAGED, Some(&file.path), expanded(file));
    }

    fn add_typed(&mut self, typed: &[TypedValue]) -> Result<(), ConfigError> {
        for TypedValue { key, value, source } in typed {
            if self.is_locked(key) {
                self.remarks.push(format!("`{key}` from the {source} is managed: left out"));
                continue;
            }
            let mut table = toml::Table::new();
            insert(&mut table, key, value.clone()).ok_or_else(|| ConfigError::Key((*key).to_owned()))?;
            self.merge(source, None, table);
        }
        Ok(())
    }

    /// Takes from a project's file what tightens.
    fn tighten(&mut self, file: &File) -> Result<(), ConfigError> {
        let mut table = expanded(file);
        let place = file.path.display();
        let foreign: Vec<String> = table.keys().filter(|key| !PROJECT_KEYS.contains(&key.as_str())).cloned().collect();
        for key in foreign {
            table.remove(&key);
            self.remarks.push(format!("`{place}`: a project may not set `{key}`: left out"));
        }
        let wanted: FileWire = table.clone().try_into().map_err(|error: toml::de::Error| ConfigError::Parse {
            path: file.path.clone(),
            message: error.message().to_owned(),
        })?;
        if let Some(mode) = wanted.mode
            && mode < self.get::<Mode>("mode")?.unwrap_or(Mode::Enforce)
        {
            table.remove("mode");
            self.remarks.push(format!("`{place}`: a project may not loosen `mode`: left out"));
        }
        if wanted.no_ask == Some(false) && self.get::<bool>("no_ask")? == Some(true) {
            table.remove("no_ask");
            self.remarks.push(format!("`{place}`: a project may not loosen `no_ask`: left out"));
        }
        for key in ["disable", "claude_code"] {
            if remove(&mut table, &format!("policy.{key}")) {
                self.remarks.push(format!("`{place}`: a project may not set `policy.{key}`: left out"));
            }
        }
        // A project may only turn review off; the reviewer reads that by itself for each call.
        if wanted.review.get("mode").and_then(toml::Value::as_str) != Some("off") {
            table.remove("review");
        }
        // The memory of sessions reads its limits by itself, too.
        table.remove("session");
        self.project_thresholds = wanted.thresholds;
        table.remove("thresholds");
        table.remove("profile");
        self.merge("project", Some(&file.path), table);
        Ok(())
    }

    fn merge(&mut self, name: &str, path: Option<&Path>, mut table: toml::Table) {
        // Rules stay with the file that they stand in; the lock is no setting.
        for key in ["policy.allow", "policy.ask", "policy.deny", "locked"] {
            remove(&mut table, key);
        }
        self.give_way(&table, name == MANAGED);
        self.layers.push(Layered::new(name, path, table));
        self.figment = self.layers.iter().cloned().fold(Figment::new(), Figment::merge);
    }

    /// Takes out of the layers below what the new one says in another form: a name, a rate and a number are three ways to say
    /// how strict, and the strongest layer's way counts. The managed file's thresholds leave nothing of anybody else's.
    fn give_way(&mut self, table: &toml::Table, managed: bool) {
        let Some(thresholds) = table.get("thresholds").and_then(toml::Value::as_table) else { return };
        let said = |keys: &[&str]| keys.iter().any(|key| thresholds.contains_key(*key));
        let mut gone: Vec<&str> = Vec::new();
        if said(&["name", "max_miss_rate", "allow_below"]) {
            gone.extend(["max_miss_rate", "allow_below"]);
        }
        if said(&["name", "max_false_block_rate", "deny_above"]) {
            gone.extend(["max_false_block_rate", "deny_above"]);
        }
        if managed {
            gone.push("for");
        }
        for layer in self.layers.iter_mut().skip(1) {
            for key in &gone {
                remove(&mut layer.table, &format!("thresholds.{key}"));
            }
        }
    }

    /// A value, when anybody set it.
    pub(super) fn get<T: serde::de::DeserializeOwned>(&self, key: &str) -> Result<Option<T>, ConfigError> {
        if !self.figment.contains(key) {
            return Ok(None);
        }
        self.figment.extract_inner(key).map(Some).map_err(|error| ConfigError::Value {
            key: key.to_owned(),
            source_name: self.source(key),
            message: error.to_string(),
        })
    }

    /// Where a value came from.
    pub(super) fn source(&self, key: &str) -> String {
        let Some(metadata) = self.figment.find_metadata(key) else { return "built in".to_owned() };
        match metadata.source.as_ref().and_then(figment::Source::file_path) {
            Some(path) => format!("{} ({})", metadata.name, path.display()),
            None => metadata.name.to_string(),
        }
    }

    /// Every value with where it came from, in the order of the keys.
    pub(super) fn provenance(&self) -> Result<Vec<Provenance>, ConfigError> {
        let all: Dict = self.figment.extract().map_err(|error| ConfigError::Value {
            key: "settings".to_owned(),
            source_name: String::new(),
            message: error.to_string(),
        })?;
        let mut leaves = Vec::new();
        collect("", &Value::from(all), &mut leaves);
        let provenance = |(key, value): (String, String)| {
            let locked = self.is_locked(&key) || self.source(&key).starts_with(MANAGED);
            Provenance { source: self.source(&key), locked, key, value }
        };
        Ok(leaves.into_iter().map(provenance).collect())
    }

    /// Whether only the administrator sets a key.
    pub(super) fn is_locked(&self, key: &str) -> bool {
        self.locked
            .iter()
            .any(|locked| key == locked || key.strip_prefix(locked.as_str()).is_some_and(|rest| rest.starts_with('.')))
    }
}

/// The name of the administrator's layer.
const MANAGED: &str = "managed";

/// A project's settings, at the root of its folder.
pub(super) const PROJECT_FILE: &str = ".riskgate.toml";

fn built_in() -> toml::Table {
    toml::toml! {
        mode = "enforce"
        no_ask = false
        device = "auto"
        [thresholds]
        name = "balanced"
        [policy]
        claude_code = false
        disable = []
        [review]
        mode = "off"
    }
}

impl File {
    fn parsed(file: &reading::File) -> Result<Self, ConfigError> {
        Ok(Self { layer: file.layer, path: file.path.clone(), wire: file.parse()?, table: file.parse()? })
    }
}

/// A file's values over those of the profile that it names.
fn expanded(file: &File) -> toml::Table {
    let mut table = file.wire.profile.map(Profile::values).unwrap_or_default();
    overlay(&mut table, &file.table);
    table
}

fn overlay(below: &mut toml::Table, above: &toml::Table) {
    for (key, value) in above {
        match (below.get_mut(key), value) {
            (Some(toml::Value::Table(below)), toml::Value::Table(above)) => overlay(below, above),
            _ => drop(below.insert(key.clone(), value.clone())),
        }
    }
}

/// Takes a dotted key out; whether it was there.
fn remove(table: &mut toml::Table, key: &str) -> bool {
    match key.split_once('.') {
        None => table.remove(key).is_some(),
        Some((first, rest)) => {
            table.get_mut(first).and_then(toml::Value::as_table_mut).is_some_and(|table| remove(table, rest))
        }
    }
}

fn insert(table: &mut toml::Table, key: &str, value: toml::Value) -> Option<()> {
    match key.split_once('.') {
        None => drop(table.insert(key.to_owned(), value)),
        Some((first, rest)) => {
            let inner = table.entry(first).or_insert_with(|| toml::Value::Table(toml::Table::new()));
            insert(inner.as_table_mut()?, rest, value)?;
        }
    }
    Some(())
}

/// The values of a tree by dotted key; a list is one value.
fn collect(prefix: &str, value: &Value, leaves: &mut Vec<(String, String)>) {
    match value {
        Value::Dict(_, fields) => {
            for (key, value) in fields {
                let key = if prefix.is_empty() { key.clone() } else { format!("{prefix}.{key}") };
                collect(&key, value, leaves);
            }
        }
        // A header may be a key.
        _ if prefix.starts_with("review.headers.") => leaves.push((prefix.to_owned(), "(not shown)".to_owned())),
        value => leaves.push((prefix.to_owned(), shown(value))),
    }
}

fn shown(value: &Value) -> String {
    toml::Value::try_from(value).map_or_else(|_| format!("{value:?}"), |value| value.to_string())
}

/// One layer as figment takes it.
#[derive(Debug, Clone)]
struct Layered {
    metadata: Metadata,
    table: toml::Table,
}

impl Layered {
    fn new(name: &str, path: Option<&Path>, table: toml::Table) -> Self {
        let metadata = Metadata::named(name.to_owned());
        let metadata = match path {
            Some(path) => metadata.source(path),
            None => metadata,
        };
        Self { metadata, table }
    }
}

impl Provider for Layered {
    fn metadata(&self) -> Metadata {
        self.metadata.clone()
    }

    fn data(&self) -> Result<Map<FigmentProfile, Dict>, figment::Error> {
        Serialized::defaults(&self.table).data()
    }
}
