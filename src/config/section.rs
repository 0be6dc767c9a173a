//! One section of the settings files, for who reads it by itself: the user's values, and above them the managed ones.

use serde::de::DeserializeOwned;

use super::reading::{File, Files};
use super::review::ConfigError;

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
    /// The section `name` of the user's file and the managed one; each must by itself be a `W`.
    pub(super) fn of<W: DeserializeOwned>(files: &Files, name: &str) -> Result<Self, ConfigError> {
        let (mut user, _) = section::<W>(files.user.as_ref(), name)?;
        let (managed, locked) = section::<W>(files.managed.as_ref(), name)?;
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
fn section<W: DeserializeOwned>(file: Option<&File>, name: &str) -> Result<(toml::Table, Locked), ConfigError> {
    let Some(file) = file else { return Ok((toml::Table::new(), Locked { all: false, keys: Vec::new() })) };
    let _: W = file.parse()?;
    let file: toml::Table = file.parse()?;
    let section = file.get(name).and_then(toml::Value::as_table).cloned().unwrap_or_default();
    let locked = file.get("locked").and_then(toml::Value::as_array).into_iter().flatten();
    let locked: Vec<&str> = locked.filter_map(toml::Value::as_str).collect();
    let inside = |key: &&str| key.strip_prefix(name).and_then(|rest| rest.strip_prefix('.')).map(str::to_owned);
    let keys = locked.iter().filter_map(inside).collect();
    Ok((section, Locked { all: locked.contains(&name), keys }))
}
