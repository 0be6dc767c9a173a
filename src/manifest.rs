//! What a model bundle declares of itself: labels, limits, template version, calibration, operating points, golden inputs
//! and the hash of every file. Only the shape and its checks; reading the file is `artifact`'s business.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::assessment::{N_EFFECTS, N_PERMISSIONS, N_RISKS, Permission, SideEffect};

/// The manifest format that this build reads.
pub const SCHEMA_VERSION: u32 = 2;

/// The contents of `manifest.json`. Unknown fields are ignored, so that a newer script may add some.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Manifest {
    /// Format of this file; see [`SCHEMA_VERSION`].
    pub schema_version: u32,
    /// The bundle's name, for example `riskgate-small`.
    pub name: String,
    /// The bundle's own version.
    pub version: String,
    /// Version of the text template the model was trained on.
    pub template_version: u32,
    /// The order of the labels of each head.
    pub labels: Labels,
    /// Most tokens in one window.
    pub window: usize,
    /// Body tokens by which one window lies after the one before it.
    pub stride: usize,
    /// Most windows of one action; more are dropped from the middle and counted as not understood.
    pub max_windows: usize,
    /// The token that fills short rows of a batch.
    pub pad_token: String,
    /// From the model's probabilities to calibrated ones.
    pub calibration: Calibration,
    /// Named sets of thresholds; `default` must exist.
    pub operating_points: BTreeMap<String, OperatingPoint>,
    /// Measured rates by threshold, on calibration data.
    pub curves: Curves,
    /// Inputs and the logits they gave when the bundle was made.
    pub golden: Vec<Golden>,
    /// Largest difference of a golden logit that still counts as the same answer.
    pub golden_tolerance: f32,
    /// What the model was trained on.
    pub training: Training,
    /// Every other file of the bundle.
    pub files: BTreeMap<String, FileEntry>,
}

/// The order of the labels of each head.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Labels {
    /// Must be `allow`, `ask`, `deny`.
    pub risk: Vec<String>,
    /// Must be the rubric's five, in order.
    pub permission: Vec<String>,
    /// Must be the rubric's fourteen, in order.
    pub effects: Vec<String>,
}

/// Platt scaling of log-odds: `p' = sigmoid(a * logit(p) + b)`, with `a > 0` so that order is kept.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct Platt {
    /// Slope.
    pub a: f32,
    /// Offset.
    pub b: f32,
}

/// The scaling of every head.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Calibration {
    /// Of the two cumulative risk probabilities.
    pub risk: RiskCalibration,
    /// Of `P(permission >= k)` for `k` from 1 to 4.
    pub permission: [Platt; N_PERMISSIONS - 1],
    /// Of each side effect.
    pub effects: [Platt; N_EFFECTS],
    /// Of the injection head.
    pub injection: Platt,
}

/// The scaling of the risk head.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct RiskCalibration {
    /// Of `P(risk >= ask)`.
    pub stop: Platt,
    /// Of `P(risk = deny)`.
    pub deny: Platt,
}

/// The cuts between the zones.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct OperatingPoint {
    /// Expected cost of allowing ([`cost_of_allowing`](crate::assessment::Risk::cost_of_allowing)) at or below which an action
    /// is in the allow zone.
    pub allow_below: f32,
    /// `P(risk = deny)` at or above which it is in the deny zone.
    pub deny_above: f32,
    /// `P(injection)` at or above which a text counts as poisoned.
    pub injection_above: f32,
    /// Novelty above which an action is never in the allow zone, in nats.
    pub novel_above: f32,
}

/// Rates measured on calibration data by threshold.
#[derive(Debug, Clone, PartialEq, Deserialize)]
pub struct Curves {
    /// For `allow_below`, rising thresholds.
    pub allow: Vec<AllowPoint>,
    /// For `deny_above`, rising thresholds.
    pub deny: Vec<DenyPoint>,
    /// The confidence of the upper bounds, one-sided.
    pub confidence: f32,
}

/// What `allow_below = threshold` gives.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct AllowPoint {
    /// The threshold.
    pub threshold: f32,
    /// Share of deny-labelled actions that come out `allow`.
    pub miss_rate: f32,
    /// Upper bound of the share of groups (sessions, tasks, sets of twins) with such an action; never below `miss_rate`.
    pub miss_rate_upper: f32,
    /// Share of allow-labelled actions that come out `allow`.
    pub allowed_benign: f32,
}

/// What `deny_above = threshold` gives.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
pub struct DenyPoint {
    /// The threshold.
    pub threshold: f32,
    /// Share of allow-labelled actions that come out `deny`.
    pub false_block_rate: f32,
    /// Upper bound of the share of groups with such an action; never below `false_block_rate`.
    pub false_block_rate_upper: f32,
    /// Share of deny-labelled actions that come out `deny`.
    pub deny_recall: f32,
}

/// One golden input: rows of token ids and the answers of each output, row by row.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[allow(missing_docs, reason = "the outputs' names")]
pub struct Golden {
    pub input_ids: Vec<Vec<u32>>,
    pub risk: Vec<Vec<f32>>,
    pub permission: Vec<Vec<f32>>,
    pub effects: Vec<Vec<f32>>,
    pub injection: Vec<Vec<f32>>,
    pub novelty: Vec<Vec<f32>>,
}

/// What the model was trained on.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct Training {
    /// SHA-256 over the sorted training ids and labels.
    pub data_fingerprint: String,
    /// The seed.
    pub seed: u64,
}

/// One file of the bundle.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct FileEntry {
    /// SHA-256, lower-case hex.
    pub sha256: String,
    /// Size.
    pub bytes: u64,
}

/// A manifest that this build cannot use.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ManifestError {
    /// Not the JSON that is expected.
    #[error("not a model manifest: {0}")]
    Json(#[from] serde_json::Error),
    /// Made for another version of riskgate.
    #[error("manifest schema {found}, but this riskgate reads {SCHEMA_VERSION}")]
    Schema {
        /// The version in the file.
        found: u32,
    },
    /// A value that contradicts the contract.
    #[error("manifest field `{field}`: {problem}")]
    Field {
        /// Which field.
        field: &'static str,
        /// What is wrong with it.
        problem: String,
    },
}

impl Manifest {
    /// Parses and checks a manifest.
    pub fn from_json(bytes: &[u8]) -> Result<Self, ManifestError> {
        let manifest: Self = serde_json::from_slice(bytes)?;
        manifest.check()?;
        Ok(manifest)
    }

    /// The operating point that applies when the user asks for nothing else.
    pub fn default_operating_point(&self) -> Option<OperatingPoint> {
        self.operating_points.get("default").copied()
    }

    fn check(&self) -> Result<(), ManifestError> {
        if self.schema_version != SCHEMA_VERSION {
            return Err(ManifestError::Schema { found: self.schema_version });
        }
        let risks: Vec<&str> = ["allow", "ask", "deny"].into();
        check_labels("labels.risk", &self.labels.risk, &risks, N_RISKS)?;
        check_labels("labels.permission", &self.labels.permission, &names::<Permission>(), N_PERMISSIONS)?;
        check_labels("labels.effects", &self.labels.effects, &names::<SideEffect>(), N_EFFECTS)?;
        self.check_windows()?;
        self.check_numbers()
    }

    fn check_windows(&self) -> Result<(), ManifestError> {
        let sound = self.window >= 64 && self.stride >= 8 && self.stride < self.window && self.max_windows >= 2;
        field(sound, "window", "window >= 64, 8 <= stride < window and max_windows >= 2 are needed")
    }

    fn check_numbers(&self) -> Result<(), ManifestError> {
        let calibration = &self.calibration;
        let mut scalings = vec![calibration.risk.stop, calibration.risk.deny, calibration.injection];
        scalings.extend(calibration.permission);
        scalings.extend(calibration.effects);
        let rising = scalings.iter().all(|scaling| scaling.a > 0.0 && scaling.a.is_finite() && scaling.b.is_finite());
        field(rising, "calibration", "every slope must be positive and every number finite")?;
        let point = self.default_operating_point();
        let probability = |value: f32| (0.0..=1.0).contains(&value);
        let sound = |p: OperatingPoint| [p.allow_below, p.deny_above, p.injection_above].into_iter().all(probability);
        field(point.is_some(), "operating_points", "`default` is missing")?;
        field(self.operating_points.values().all(|point| sound(*point)), "operating_points", "not probabilities")?;
        let finite = self.operating_points.values().all(|point| point.novel_above.is_finite());
        field(finite, "operating_points", "`novel_above` is not a finite number")?;
        field(!self.golden.is_empty(), "golden", "at least one golden input is needed")
    }
}

fn field(sound: bool, field: &'static str, problem: &str) -> Result<(), ManifestError> {
    if sound { Ok(()) } else { Err(ManifestError::Field { field, problem: problem.to_owned() }) }
}

fn names<T: strum::IntoEnumIterator + Into<&'static str>>() -> Vec<&'static str> {
    T::iter().map(Into::into).collect()
}

fn check_labels(name: &'static str, found: &[String], expected: &[&str], n: usize) -> Result<(), ManifestError> {
    let same = found.len() == n && found.iter().zip(expected).all(|(a, b)| a == b);
    field(same, name, &format!("must be {expected:?}"))
}
