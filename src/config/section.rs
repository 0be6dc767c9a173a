//! One section of the settings files, for who reads it by itself: the user's values, and above them the managed ones.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use super::layers::LayerPlaces;
use super::review::{ConfigError, parse};
use super::trust::{self, Trust};

/// What the files say in a section.
pub(super) struct Section {
    /// The user's values, but those that the managed file locks.
    pub(super) user: toml::Table,
    /// The managed values.
    pub(super) managed: toml::Table,
    /// What the managed file locks.
    pub(super) locked: Locked,
}

/// Keys of a section that only the managed file may set.
pub(super) struct Locked {
    all: bool,
    keys: Vec<String>,
}

impl Locked {
    pub(super) fn covers(&self, key: &str) -> bool {
        self.all || self.keys.iter().any(|locked| locked == key)
    }
}

impl Section {
    /// Reads the section `name` of both files; each must by itself be a `W`.
    pub(super) fn read<W: DeserializeOwned>(places: &LayerPlaces, name: &str) -> Result<Self, ConfigError> {
        let in_folder = |folder: &Option<PathBuf>| folder.as_deref().map(|folder| folder.join("config.toml"));
        let (mut user, _) = of::<W>(in_folder(&places.user).as_deref(), Trust::Owner, name)?;
        let (managed, locked) = of::<W>(in_folder(&places.managed).as_deref(), Trust::Administrator, name)?;
        user.retain(|key, _| !locked.covers(key));
        Ok(Self { user, managed, locked })
    }
}

/// Both as one.
pub(super) fn merged<T: DeserializeOwned>(
    mut user: toml::Table,
    managed: toml::Table,
    name: &str,
) -> Result<T, ConfigError> {
    user.extend(managed);
    user.try_into().map_err(|error: toml::de::Error| ConfigError::Value {
        key: name.to_owned(),
        source_name: "merged".to_owned(),
        message: error.message().to_owned(),
    })
}

/// The section of a file, and the keys in it that the file locks.
fn of<W: DeserializeOwned>(
    path: Option<&Path>,
    trust: Trust,
    name: &str,
) -> Result<(toml::Table, Locked), ConfigError> {
    let nothing = || (toml::Table::new(), Locked { all: false, keys: Vec::new() });
    let Some(path) = path else { return Ok(nothing()) };
    let Some(text) = trust::read(path, trust)? else { return Ok(nothing()) };
    let _: W = parse(path, &text)?;
    let file: toml::Table = parse(path, &text)?;
    let section = file.get(name).and_then(toml::Value::as_table).cloned().unwrap_or_default();
    let locked = file.get("locked").and_then(toml::Value::as_array).into_iter().flatten();
    let locked: Vec<&str> = locked.filter_map(toml::Value::as_str).collect();
    let inside = |key: &&str| key.strip_prefix(name).and_then(|rest| rest.strip_prefix('.')).map(str::to_owned);
    let keys = locked.iter().filter_map(inside).collect();
    Ok((section, Locked { all: locked.contains(&name), keys }))
}
