//! Settings: what was typed and what the environment says, resolved once.

mod audit;
mod change;
mod claude_code;
pub mod env_vars;
mod files;
mod layers;
mod look;
mod reading;
mod resolve;
mod review;
mod section;
mod session;
mod trust;
mod values;

pub use audit::{AuditSettings, FsyncSetting};
pub use change::{ModeChange, change_mode, note_change, replace};
pub use files::{Search, files, fingerprint, in_home, places};
pub use layers::{LayerPlaces, Provenance, TypedValue};
pub use look::Look;
pub use reading::Files;
pub use resolve::{Resolved, named_rules};
pub use review::{ConfigError, EnvironmentKey, PriceSettings, ReviewFlags, ReviewSettings, project_mode, state_folder};
pub use session::{SessionSettings, project_limits};
pub use values::{Mode, Profile, ScopedValues, ThresholdValues};

/// Everything that decides how an engine is put together.
#[derive(Debug, Clone, PartialEq)]
pub struct Settings {
    /// What the files, the environment and the flags say.
    pub resolved: Resolved,
    /// Remote review; `None` when it is off.
    pub review: Option<ReviewSettings>,
    /// How sessions are remembered; `None` where each call stands alone.
    pub session: Option<SessionSettings>,
    /// The record of decisions; `None` when there is none.
    pub audit: Option<AuditSettings>,
}
