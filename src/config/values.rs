//! What one settings file may say.

use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr, VariantNames};

/// What the gate does with its verdicts.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, EnumString, IntoStaticStr, VariantNames,
)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Mode {
    /// Nothing: calls are not even looked at.
    Off,
    /// They are made and recorded, and never interfere.
    Monitor,
    /// They hold.
    Enforce,
}

/// A bundle of values for a kind of place.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, IntoStaticStr)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Profile {
    /// Nobody can be asked: a pipeline, a server.
    Headless,
    /// Nothing leaves this machine.
    AirGapped,
}

impl Profile {
    /// What the profile sets where the file that names it says nothing else.
    pub(super) fn values(self) -> toml::Table {
        match self {
            Self::Headless => toml::toml! {
                mode = "enforce"
                no_ask = true
            },
            Self::AirGapped => toml::toml! {
                [review]
                mode = "off"
            },
        }
    }
}

/// A settings file. Everything may be left out.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct FileWire {
    pub(super) mode: Option<Mode>,
    pub(super) profile: Option<Profile>,
    pub(super) model: Option<String>,
    pub(super) model_sha256: Option<String>,
    pub(super) runtime: Option<String>,
    pub(super) device: Option<String>,
    pub(super) no_ask: Option<bool>,
    pub(super) thresholds: ThresholdValues,
    pub(super) policy: PolicyValues,
    /// Read by [`ReviewSettings`](super::ReviewSettings).
    pub(super) review: toml::Table,
    /// Read by [`SessionSettings`](super::SessionSettings).
    pub(super) session: toml::Table,
    /// Read by the audit log.
    pub(super) audit: toml::Table,
    /// Keys that only the managed file may set; managed file only.
    pub(super) locked: Vec<String>,
}

/// How strict: by name, by rate or by number, in general or for some actions.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ThresholdValues {
    /// `strict`, `balanced`, `relaxed`, or another operating point of the bundle.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// The highest share of dangerous actions that may come out `allow`, in (0, 1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_miss_rate: Option<f32>,
    /// The highest share of harmless actions that may come out `deny`, in (0, 1).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_false_block_rate: Option<f32>,
    /// The expected cost of allowing up to which an action is allowed, in [0, 1].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_below: Option<f32>,
    /// `P(deny)` from which an action is denied, in [0, 1].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deny_above: Option<f32>,
    /// Others for some actions.
    #[serde(rename = "for", skip_serializing_if = "Vec::is_empty")]
    pub scoped: Vec<ScopedValues>,
}

/// Thresholds for the actions of a tool, with an effect or in a place; what is left out does not matter.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ScopedValues {
    /// The tool's name; `*` stands for anything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// A side effect that the model finds likely.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub effect: Option<String>,
    /// Where a path of the action lies.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scope: Option<String>,
    /// As in [`ThresholdValues`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// As in [`ThresholdValues`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_miss_rate: Option<f32>,
    /// As in [`ThresholdValues`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub max_false_block_rate: Option<f32>,
    /// As in [`ThresholdValues`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub allow_below: Option<f32>,
    /// As in [`ThresholdValues`].
    #[serde(skip_serializing_if = "Option::is_none")]
    pub deny_above: Option<f32>,
}

/// Rules without a policy language, and which others hold.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(super) struct PolicyValues {
    pub(super) allow: Vec<String>,
    pub(super) ask: Vec<String>,
    pub(super) deny: Vec<String>,
    /// Shipped rules that are off.
    pub(super) disable: Vec<String>,
    /// Whether Claude Code's own permission rules hold here, too.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) claude_code: Option<bool>,
}
