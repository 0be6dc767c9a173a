//! The place of remote review in a build without it: settings that want it are refused.

use std::sync::mpsc::Receiver;

use super::AppError;
use crate::config::ReviewSettings;
use crate::engine::Reviewer;

/// None may run.
pub fn reviews_at_once(_: &ReviewSettings) -> Result<usize, AppError> {
    Err(AppError::ReviewNotCompiled)
}

/// Nobody can be asked.
pub fn review_readiness(_: &ReviewSettings) -> Result<String, String> {
    Err(AppError::ReviewNotCompiled.to_string())
}

/// There is none.
#[derive(Clone)]
pub(super) enum Reviewing {}

impl Reviewing {
    pub(super) fn new(_: &ReviewSettings) -> Result<Self, AppError> {
        Err(AppError::ReviewNotCompiled)
    }

    pub(super) fn reviewer(&self) -> Box<dyn Reviewer> {
        match *self {}
    }

    pub(super) fn preview(&self) -> (Box<dyn Reviewer>, Receiver<String>) {
        match *self {}
    }
}
