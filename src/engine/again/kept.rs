//! What is kept of a record as it was: a session's part, a person's word, a reviewer's answer, a failure.

use super::{Remade, Scored};
use crate::assessment::Assessment;
use crate::engine::fail_safe::{self, Asking};
use crate::verdict::{Source, Verdict, Zone};

/// What a record says of a decision.
#[derive(Debug, Clone, PartialEq)]
pub struct Logged {
    /// The answer.
    pub verdict: Verdict,
    /// Who settled it.
    pub source: Source,
    /// The local model's own answer; `None` when it did not run.
    pub zone: Option<Zone>,
    /// The codes of its reasons, in order.
    pub codes: Vec<String>,
    /// The scores, to the last bit; `None` when the model did not run.
    pub assessment: Option<Assessment>,
    /// The bundle.
    pub model: String,
    /// The policy.
    pub policy: String,
}

/// The code under which a reviewer's words stand.
const REVIEW: &str = "review";
const GRANT: &str = "grant.once";
const ASK_IMPOSSIBLE: &str = "ask.impossible";
const TRUNCATED: &str = "policy.truncated";

impl Logged {
    /// Whether a reason has a code that begins so.
    pub fn says(&self, beginning: &str) -> bool {
        self.codes.iter().any(|code| code.starts_with(beginning))
    }

    /// The verdict before what would have been asked was denied.
    fn before_asking(&self) -> Verdict {
        if self.codes.iter().any(|code| code == ASK_IMPOSSIBLE) { Verdict::Ask } else { self.verdict }
    }

    /// Its scores, where the model that gave them is `model`.
    pub fn scored_by(&self, model: &str) -> Option<Scored> {
        let assessment = self.assessment.clone().filter(|_| self.model == model)?;
        Some(Scored { assessment, truncated: self.codes.iter().any(|code| code == TRUNCATED) })
    }

    /// Whether a reviewer took part, or should have.
    fn went_to_review(&self) -> bool {
        self.source == Source::Remote || self.codes.iter().any(|code| code == REVIEW) || self.says("fail_safe.review")
    }
}

/// What is kept of a record as it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Hold {
    /// What a session's history raised it to.
    Session,
    /// A person's word for this one run.
    Grant,
    /// A reviewer's answer.
    Review,
    /// What a failure made of it.
    Failure,
}

/// Keeps of a record what cannot be made again. `reviewing` is whether uncertain actions go to a reviewer now.
pub(super) fn beside(remade: &mut Remade, logged: Option<&Logged>, reviewing: bool, asking: Asking) {
    reviewed(remade, logged, reviewing, asking);
    let Some(logged) = logged else { return };
    keep_session(remade, logged);
    keep_failure(remade, logged);
    if logged.says(GRANT) && !remade.lasting && remade.verdict > Verdict::Allow {
        hold(remade, Verdict::Allow, Hold::Grant);
    }
}

fn hold(remade: &mut Remade, verdict: Verdict, why: Hold) {
    remade.verdict = verdict;
    remade.held = Some(why);
}

/// A reviewer's answer stays where the action would still go to a reviewer. Where there is none, the local verdict stands and
/// is marked.
fn reviewed(remade: &mut Remade, logged: Option<&Logged>, reviewing: bool, asking: Asking) {
    let is_reviewable = !remade.permitted && fail_safe::settle(remade.floor, asking) < Verdict::Deny;
    let answer = logged.filter(|logged| logged.source == Source::Remote).map(Logged::before_asking);
    let failed = logged.filter(|logged| logged.source == Source::FailSafe && logged.says("fail_safe.review"));
    if let Some(verdict) = answer {
        remade.when_uncertain = verdict;
    }
    let same_zone = logged.is_some_and(|logged| logged.zone == remade.zone && remade.zone > Some(Zone::Allow));
    if !is_reviewable || !(same_zone || remade.zone == Some(Zone::Uncertain)) {
        return;
    }
    match (answer, failed) {
        (Some(verdict), _) => {
            hold(remade, verdict.max(remade.floor), Hold::Review);
            remade.source = if remade.floor > verdict { Source::Policy } else { Source::Remote };
        }
        (None, Some(logged)) => {
            let verdict = logged.before_asking().max(remade.verdict);
            hold(remade, verdict, Hold::Failure);
        }
        (None, None) => {
            let took_part = logged.is_some_and(Logged::went_to_review);
            remade.to_review = remade.zone == Some(Zone::Uncertain) && (reviewing || took_part);
        }
    }
}

/// A session only makes stricter, and what it knew is not known here: what it raised stays raised.
fn keep_session(remade: &mut Remade, logged: &Logged) {
    let verdict = logged.before_asking();
    if logged.source == Source::Session && verdict > remade.verdict {
        hold(remade, verdict, Hold::Session);
        remade.source = Source::Session;
    }
}

/// What failed then is no matter of settings: it stays, unless the settings are stricter.
fn keep_failure(remade: &mut Remade, logged: &Logged) {
    let failed = logged.source == Source::FailSafe && !logged.says("fail_safe.review");
    let verdict = logged.before_asking();
    if failed && verdict > remade.verdict {
        hold(remade, verdict, Hold::Failure);
        remade.source = Source::FailSafe;
    }
}
