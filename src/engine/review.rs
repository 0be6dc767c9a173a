//! The seam to a stronger judge of the actions that the local model should not settle alone.

use strum::{EnumString, IntoStaticStr, VariantNames};

use super::deadline::Deadline;
use crate::action::{Action, ToolCall};
use crate::assessment::Assessment;
use crate::verdict::{Reason, Verdict, Zone};

/// Settles what the local model is not sure of.
pub trait Reviewer: Send {
    /// Whether an action that the local model places in `zone` goes to this reviewer; else the local verdict stands.
    fn wants(&mut self, call: &ToolCall, zone: Zone) -> Result<bool, ReviewError> {
        let _ = call;
        Ok(ReviewMode::Uncertain.covers(zone))
    }

    /// Answers before the request's deadline, or fails.
    fn review(&mut self, request: &ReviewRequest<'_>) -> Result<Review, ReviewError>;
}

/// Which actions go to a reviewer. Ordered: what comes first leaves less to it, so the stricter of two is `min`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, EnumString, IntoStaticStr, VariantNames)]
pub enum ReviewMode {
    /// None.
    #[strum(serialize = "off")]
    Off,
    /// Those in the uncertain zone.
    #[strum(serialize = "uncertain")]
    Uncertain,
    /// Those too that the local model would deny: its denials become appealable.
    #[strum(serialize = "uncertain+deny")]
    UncertainAndDeny,
}

impl ReviewMode {
    /// Whether an action of that zone goes to the reviewer.
    pub fn covers(self, zone: Zone) -> bool {
        match zone {
            Zone::Allow => false,
            Zone::Uncertain => self >= Self::Uncertain,
            Zone::Deny => self >= Self::UncertainAndDeny,
        }
    }
}

/// What a reviewer is told.
#[derive(Debug, Clone, Copy)]
pub struct ReviewRequest<'a> {
    /// The call as sent.
    pub call: &'a ToolCall,
    /// Its canonical form.
    pub action: &'a Action,
    /// The local model's beliefs.
    pub assessment: &'a Assessment,
    /// The local model's answer.
    pub zone: Zone,
    /// Why the local model answers so.
    pub reasons: &'a [Reason],
    /// When the answer is due.
    pub deadline: Deadline,
}

/// A reviewer's answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Review {
    /// The verdict.
    pub verdict: Verdict,
    /// Why.
    pub justification: String,
    /// The reviewer's own id of its reply, for the record.
    pub reply_id: Option<String>,
}

impl Review {
    pub(super) fn into_reason(self) -> Reason {
        Reason::new("review", self.justification)
    }
}

/// Why a reviewer gave no answer. None of these is a denial: nobody judged the action harmful.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReviewError {
    /// It is set up in a way that cannot work.
    #[error("{0}")]
    Configuration(String),
    /// There is no way to it.
    #[error("offline: {0}")]
    Offline(String),
    /// It failed lately and is left alone for a while.
    #[error("paused for {seconds} s more after: {cause}")]
    Paused {
        /// What it failed with.
        cause: String,
        /// How long it is left alone from now.
        seconds: u64,
    },
    /// What may be spent on it is spent.
    #[error("{0}")]
    Budget(String),
    /// As many questions as may run at once are running.
    #[error("too many reviews at once")]
    Busy,
    /// It asks to be asked less.
    #[error("rate limited: {0}")]
    RateLimited(String),
    /// It is there, but fails or is overloaded.
    #[error("overloaded: {0}")]
    Overloaded(String),
    /// It does not accept the question or who asks.
    #[error("not accepted: {0}")]
    Rejected(String),
    /// It read the question and does not want to answer it.
    #[error("it declined to judge this action{0}")]
    Declined(String),
    /// Its answer broke off.
    #[error("its answer broke off")]
    Truncated,
    /// It answered, but not in a form that can be trusted.
    #[error("unusable answer: {0}")]
    Malformed(String),
    /// The action is too large to be shown whole, and a part of it is no basis for a verdict.
    #[error("the action is too large to be reviewed whole ({bytes} bytes)")]
    TooLarge {
        /// Its size as it would be sent.
        bytes: usize,
    },
    /// It did not answer in time.
    #[error("no answer in time")]
    Deadline,
    /// What is kept between reviews (budgets, pauses) cannot be read or written.
    #[error("{0}")]
    State(String),
    /// The question was to be shown, not sent.
    #[error("shown, not sent")]
    NotSent,
}

impl ReviewError {
    /// The stable code of the failure that it is to the engine.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Configuration(_) => "fail_safe.review.configuration",
            Self::Offline(_) => "fail_safe.review.offline",
            Self::Paused { .. } => "fail_safe.review.paused",
            Self::Budget(_) => "fail_safe.review.budget",
            Self::Busy => "fail_safe.review.busy",
            Self::RateLimited(_) => "fail_safe.review.rate_limited",
            Self::Overloaded(_) => "fail_safe.review.overloaded",
            Self::Rejected(_) => "fail_safe.review.rejected",
            Self::Declined(_) => "fail_safe.review.declined",
            Self::Truncated => "fail_safe.review.truncated",
            Self::Malformed(_) => "fail_safe.review.malformed",
            Self::TooLarge { .. } => "fail_safe.review.too_large",
            Self::Deadline => "fail_safe.review.deadline",
            Self::State(_) => "fail_safe.review.state",
            Self::NotSent => "fail_safe.review.not_sent",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_modes_are_ordered_by_what_they_leave_to_the_reviewer() {
        for (mode, uncertain, deny) in [
            (ReviewMode::Off, false, false),
            (ReviewMode::Uncertain, true, false),
            (ReviewMode::UncertainAndDeny, true, true),
        ] {
            assert_eq!((mode.covers(Zone::Uncertain), mode.covers(Zone::Deny)), (uncertain, deny));
            assert!(!mode.covers(Zone::Allow));
        }
        assert!(ReviewMode::Off < ReviewMode::Uncertain && ReviewMode::Uncertain < ReviewMode::UncertainAndDeny);
    }
}
