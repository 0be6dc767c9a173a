//! Settings: what was typed and what the environment says, resolved once.

mod audit;
pub mod env_vars;
mod files;
mod review;

use std::path::PathBuf;

pub use audit::{AuditSettings, FsyncSetting};
pub use files::{files, fingerprint};
pub use review::{ConfigError, EnvironmentKey, PriceSettings, ReviewFlags, ReviewSettings, project_mode};

use crate::calibrate::Rates;
use crate::engine::Asking;
use crate::model::Device;

/// Everything that decides how an engine is put together.
#[derive(Debug, Clone)]
pub struct Settings {
    /// The model bundle, by name or folder; the default bundle when absent.
    pub model: Option<String>,
    /// The ONNX Runtime library; looked for when absent.
    pub runtime: Option<PathBuf>,
    /// Where the model runs.
    pub device: Device,
    /// The bundle's operating point.
    pub operating_point: String,
    /// Rates in the place of the operating point's thresholds.
    pub rates: Rates,
    /// Whether there is a person to ask.
    pub asking: Asking,
    /// Remote review; `None` when it is off.
    pub review: Option<ReviewSettings>,
    /// The record of decisions; `None` when there is none.
    pub audit: Option<AuditSettings>,
}
