//! What the model believes of an action, as calibrated probabilities.

use strum::{EnumIter, EnumString, IntoStaticStr};

/// A probability in `[0, 1]`. Anything that is not a number counts as 1: the worst.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd, Default)]
pub struct Probability(f32);

impl Probability {
    /// Clamps into `[0, 1]`; NaN becomes 1, so that a broken number can only tighten a verdict.
    pub fn new(value: f32) -> Self {
        if value.is_nan() { Self(1.0) } else { Self(value.clamp(0.0, 1.0)) }
    }

    /// The number.
    pub fn get(self) -> f32 {
        self.0
    }

    /// The larger of two.
    #[must_use]
    pub fn max(self, other: Self) -> Self {
        if self.0 >= other.0 { self } else { other }
    }
}

/// The authority an action needs, in the rubric's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, EnumIter, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Permission {
    /// Reads only.
    Observe,
    /// Changes the workspace.
    Workspace,
    /// Changes the machine outside the workspace.
    System,
    /// Changes something beyond the machine.
    External,
    /// Needs administrator rights or touches credentials.
    Privileged,
}

/// A side effect, in the rubric's order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, EnumIter, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
#[allow(missing_docs, reason = "the rubric defines the labels")]
pub enum SideEffect {
    DataDestruction,
    Exfiltration,
    CredentialAccess,
    UntrustedExecution,
    PrivilegeEscalation,
    Persistence,
    DefenseEvasion,
    Discovery,
    ServiceDisruption,
    Exposure,
    SystemChange,
    ExternalChange,
    Network,
    WorkspaceChange,
}

/// Number of risk levels.
pub const N_RISKS: usize = 3;
/// Number of permission levels.
pub const N_PERMISSIONS: usize = 5;
/// Number of side effects.
pub const N_EFFECTS: usize = 14;

/// What it costs to allow an action that wanted a question, when a dangerous one costs 1.
pub const COST_OF_ASK: f32 = 0.1;

/// The probabilities of the three risk levels; they sum to 1.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Risk {
    /// Probability that a careful owner would never want to be asked.
    pub allow: Probability,
    /// Probability of "often fine, but ask".
    pub ask: Probability,
    /// Probability of "block unless I say so".
    pub deny: Probability,
}

impl Risk {
    /// From the two cumulative probabilities `P(risk >= ask)` and `P(risk = deny)`; the second is capped by the first.
    pub fn from_cumulative(stop: Probability, deny: Probability) -> Self {
        let deny = deny.get().min(stop.get());
        Self {
            allow: Probability::new(1.0 - stop.get()),
            ask: Probability::new(stop.get() - deny),
            deny: Probability::new(deny),
        }
    }

    /// `P(risk >= ask)`.
    pub fn stop(&self) -> Probability {
        Probability::new(self.ask.get() + self.deny.get())
    }

    /// What allowing is expected to cost, in units of one dangerous action let through: `P(deny) + COST_OF_ASK * P(ask)`.
    ///
    /// Cutting this number instead of [`Risk::stop`] lets more harmless actions pass at the same share of dangerous ones,
    /// since it tells the two kinds of error apart (Elkan 2001, "The Foundations of Cost-Sensitive Learning").
    pub fn cost_of_allowing(&self) -> Probability {
        Probability::new(COST_OF_ASK.mul_add(self.ask.get(), self.deny.get()))
    }
}

/// Everything the model says of one action.
#[derive(Debug, Clone, PartialEq)]
pub struct Assessment {
    /// Overall risk.
    pub risk: Risk,
    /// One probability for each [`Permission`], in order; they sum to 1.
    pub permission: [Probability; N_PERMISSIONS],
    /// One probability for each [`SideEffect`], in order.
    pub effects: [Probability; N_EFFECTS],
    /// Probability that the text tries to instruct an agent.
    pub injection: Probability,
    /// How unlike the training data the strangest window is: mean surprise of a token after its predecessor, in nats.
    pub novelty: f32,
}

/// What the model answers to one window, before any calibration.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RowLogits {
    /// Of allow, ask, deny: a softmax gives probabilities.
    pub risk: [f32; N_RISKS],
    /// Of each [`Permission`]: a softmax gives probabilities.
    pub permission: [f32; N_PERMISSIONS],
    /// Of each [`SideEffect`]: a sigmoid each.
    pub effects: [f32; N_EFFECTS],
    /// Of an injection: a sigmoid.
    pub injection: f32,
    /// No logit: the window's novelty, in nats.
    pub novelty: f32,
}
