//! The settings files of a call, read once: everything that is made of them is made of the same bytes.

use std::path::{Path, PathBuf};

use serde::de::DeserializeOwned;

use super::ConfigError;
use super::layers::{LayerPlaces, PROJECT_FILE};
use super::review::parse;
use super::trust::{self, Trust};
use crate::policy::Layer;

/// The settings files as they were read; what is wrong with what they say is found by whoever makes something of it.
#[derive(Debug, Clone)]
pub struct Files {
    places: LayerPlaces,
    pub(super) managed: Option<File>,
    pub(super) user: Option<File>,
    pub(super) project: Option<File>,
}

/// One settings file.
#[derive(Debug, Clone)]
pub(super) struct File {
    pub(super) layer: Layer,
    pub(super) path: PathBuf,
    text: String,
}

impl Files {
    /// Reads the file of every layer that has one. One that cannot be trusted is an error.
    pub fn read(places: &LayerPlaces) -> Result<Self, ConfigError> {
        let project = read(Layer::Project, places.project.as_deref(), PROJECT_FILE, Trust::Anybody)?;
        Ok(Self { project, ..Self::read_own(places)? })
    }

    /// The same without the project's: what it may not say anything of does not depend on it.
    pub fn read_own(places: &LayerPlaces) -> Result<Self, ConfigError> {
        const NAME: &str = "config.toml";
        Ok(Self {
            managed: read(Layer::Managed, places.managed.as_deref(), NAME, Trust::Administrator)?,
            user: read(Layer::User, places.user.as_deref(), NAME, Trust::Owner)?,
            project: None,
            places: places.clone(),
        })
    }

    /// Where they lie.
    pub(super) fn places(&self) -> &LayerPlaces {
        &self.places
    }
}

impl File {
    /// What it says.
    pub(super) fn parse<T: DeserializeOwned>(&self) -> Result<T, ConfigError> {
        parse(&self.path, &self.text)
    }
}

fn read(layer: Layer, folder: Option<&Path>, name: &str, trust: Trust) -> Result<Option<File>, ConfigError> {
    let Some(path) = folder.map(|folder| folder.join(name)) else { return Ok(None) };
    Ok(trust::read(&path, trust)?.map(|text| File { layer, path, text }))
}
