//! The merged settings, read: every value parsed, every rule file found.

use std::path::{Path, PathBuf};

use super::layers::{LayerPlaces, Merged, Provenance, TypedValue};
use super::reading::Files;
use super::trust::{self, Trust};
use super::values::{FileWire, Mode, Profile, ScopedValues, ThresholdValues};
use super::{ConfigError, claude_code};
use crate::calibrate::{Rates, Scoped, Selector, Strictness};
use crate::engine::Asking;
use crate::model::Device;
use crate::policy::{self, Layer, Lists, PolicyOptions, RuleSource, RuleText};

/// Everything that the files, the environment and the flags say, but for remote review.
#[derive(Debug, Clone, PartialEq)]
pub struct Resolved {
    /// What the gate does with its verdicts.
    pub mode: Mode,
    /// The model bundle, by name or folder.
    pub model: Option<String>,
    /// What the SHA-256 of the bundle's manifest must begin with.
    pub model_sha256: Option<String>,
    /// The runtime library.
    pub runtime: Option<PathBuf>,
    /// Where the model runs.
    pub device: Device,
    /// Whether there is a person to ask.
    pub asking: Asking,
    /// How strict.
    pub strictness: (Strictness, Vec<Scoped>),
    /// How strict the project wants it beside that.
    pub project_strictness: (Strictness, Vec<Scoped>),
    /// Where rules come from.
    pub rules: Vec<RuleSource>,
    /// Whether only the administrator's rules count, beside the shipped ones and a project's.
    pub rules_are_managed: bool,
    /// How they are put together.
    pub policy: PolicyOptions,
    /// Whether nothing may leave this machine.
    pub air_gapped: bool,
    /// Every value and where it came from.
    pub provenance: Vec<Provenance>,
    /// What was left out, and why.
    pub remarks: Vec<String>,
}

impl Resolved {
    /// Reads every layer.
    pub fn load(places: &LayerPlaces, typed: &[TypedValue]) -> Result<Self, ConfigError> {
        Self::of(&Files::read(places)?, typed)
    }

    /// What files that were read come to, with the rules that lie beside them.
    pub fn of(files: &Files, typed: &[TypedValue]) -> Result<Self, ConfigError> {
        let merged = Merged::of(files, typed)?;
        let mode = merged.get("mode")?.unwrap_or(Mode::Enforce);
        let thresholds: ThresholdValues = merged.get("thresholds")?.unwrap_or_default();
        let disabled = disabled(&merged)?;
        let device: String = merged.get("device")?.unwrap_or_else(|| "auto".to_owned());
        let profiles = merged.files.iter().filter_map(|(_, _, wire)| wire.profile);
        Ok(Self {
            mode,
            model: merged.get("model")?,
            model_sha256: merged.get("model_sha256")?,
            runtime: merged.get::<PathBuf>("runtime")?,
            device: device.parse().map_err(|_| merged.invalid("device", &device))?,
            asking: if merged.get("no_ask")?.unwrap_or(false) { Asking::Impossible } else { Asking::Possible },
            strictness: strictness(&thresholds, &merged)?,
            project_strictness: strictness(&merged.project_thresholds, &merged)?,
            rules: rules(&merged, files.places())?,
            rules_are_managed: merged.is_locked("policy"),
            policy: PolicyOptions { disabled, mode: <&str>::from(mode).to_owned() },
            air_gapped: profiles.into_iter().any(|profile| profile == Profile::AirGapped),
            provenance: merged.provenance()?,
            remarks: merged.remarks,
        })
    }
}

impl Resolved {
    /// The same with other rules of the user's: each takes the place of the user's file of the same name, or stands beside all.
    /// Where rules are the administrator's alone, they would not hold.
    #[must_use]
    pub fn with_rules(mut self, named: &[RuleSource]) -> Self {
        if self.rules_are_managed {
            return self;
        }
        let file = |name: &str| Path::new(name).file_name().map(ToOwned::to_owned);
        for source in named {
            let takes = |own: &RuleSource| {
                own.layer == Layer::User
                    && matches!(own.rules, RuleText::Cedar(_))
                    && file(&own.name) == file(&source.name)
            };
            self.rules.retain(|own| !takes(own));
            self.rules.push(source.clone());
        }
        self
    }
}

/// Shipped rules that are off. The user's list and the administrator's add up, unless the key is locked.
fn disabled(merged: &Merged) -> Result<Vec<String>, ConfigError> {
    let of = |layer: Layer| {
        let wires = merged.files.iter().filter(move |(own, _, _)| *own == layer);
        wires.flat_map(|(_, _, wire)| wire.policy.disable.clone())
    };
    let user: Vec<String> = if merged.is_locked("policy.disable") { Vec::new() } else { of(Layer::User).collect() };
    Ok(user.into_iter().chain(of(Layer::Managed)).collect())
}

fn strictness(values: &ThresholdValues, merged: &Merged) -> Result<(Strictness, Vec<Scoped>), ConfigError> {
    let ThresholdValues { name, max_miss_rate, max_false_block_rate, allow_below, deny_above, scoped } = values;
    let strictness = Strictness {
        name: name.clone(),
        rates: Rates { max_miss_rate: *max_miss_rate, max_false_block_rate: *max_false_block_rate },
        allow_below: *allow_below,
        deny_above: *deny_above,
    };
    let scoped = scoped.iter().map(|values| self::scoped(values, merged)).collect::<Result<_, _>>()?;
    Ok((strictness, scoped))
}

fn scoped(values: &ScopedValues, merged: &Merged) -> Result<Scoped, ConfigError> {
    let ScopedValues { tool, effect, scope, name, max_miss_rate, max_false_block_rate, allow_below, deny_above } =
        values;
    let invalid = |value: &String| merged.invalid("thresholds.for", value);
    let selector = Selector {
        tool: tool.clone(),
        effect: effect.as_ref().map(|name| name.parse().map_err(|_| invalid(name))).transpose()?,
        scope: scope.as_ref().map(|name| name.parse().map_err(|_| invalid(name))).transpose()?,
    };
    if selector == Selector::default() {
        return Err(invalid(&"an entry without `tool`, `effect` and `scope`".to_owned()));
    }
    let strictness = Strictness {
        name: name.clone(),
        rates: Rates { max_miss_rate: *max_miss_rate, max_false_block_rate: *max_false_block_rate },
        allow_below: *allow_below,
        deny_above: *deny_above,
    };
    Ok(Scoped { selector, strictness })
}

/// All rules: shipped, then each layer's lists and files, then what other programs have.
fn rules(merged: &Merged, places: &LayerPlaces) -> Result<Vec<RuleSource>, ConfigError> {
    let mut sources = vec![policy::shipped()];
    let only_managed = merged.is_locked("policy");
    for (layer, path, wire) in &merged.files {
        let lists = lists(wire);
        if lists != Lists::default() && !(only_managed && *layer == Layer::User) {
            sources.push(RuleSource { layer: *layer, name: path.display().to_string(), rules: RuleText::Lists(lists) });
        }
    }
    let folders = [
        (Layer::User, places.user.as_ref().filter(|_| !only_managed).map(|folder| folder.join("policy")), Trust::Owner),
        (Layer::Project, places.project.as_ref().map(|folder| folder.join(".riskgate/policy")), Trust::Anybody),
        (Layer::Managed, places.managed.as_ref().map(|folder| folder.join("policy")), Trust::Administrator),
    ];
    for (layer, folder, trust) in folders {
        for path in folder.iter().map(|folder| trust::list(folder, "cedar")).collect::<Result<Vec<_>, _>>()?.concat() {
            sources.extend(rule_file(layer, &path, trust)?);
        }
    }
    if merged.get("policy.claude_code")?.unwrap_or(false) {
        sources.extend(claude_code::rules(places)?);
    }
    Ok(sources)
}

/// One file of rules in Cedar.
pub(super) fn rule_file(layer: Layer, path: &Path, trust: Trust) -> Result<Option<RuleSource>, ConfigError> {
    let text = trust::read(path, trust)?;
    Ok(text.map(|text| RuleSource { layer, name: path.display().to_string(), rules: RuleText::Cedar(text) }))
}

/// A file of rules that somebody names on the command line, to look at.
pub fn named_rules(path: &Path) -> Result<RuleSource, ConfigError> {
    let absent = || ConfigError::Read { path: path.to_owned(), source: std::io::ErrorKind::NotFound.into() };
    rule_file(Layer::User, path, Trust::Anybody)?.ok_or_else(absent)
}

fn lists(wire: &FileWire) -> Lists {
    let values = &wire.policy;
    Lists { allow: values.allow.clone(), ask: values.ask.clone(), deny: values.deny.clone() }
}

impl Merged {
    fn invalid(&self, key: &str, value: &str) -> ConfigError {
        let message = format!("`{value}` is not known");
        ConfigError::Value { key: key.to_owned(), source_name: self.source(key), message }
    }
}

#[cfg(test)]
#[path = "resolve_tests.rs"]
mod tests;
