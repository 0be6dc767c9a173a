//! What is known of one labelled record: its label, its circumstances, the answer.

use std::cmp::Ordering;

use crate::assessment::{Assessment, N_EFFECTS, Permission};
use crate::verdict::{Decision, Verdict, Zone};

/// What a reader says an action is, under the rubric. A head that was not labelled is `None` and not measured.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Label {
    /// The verdict that a careful owner of the machine would want: risk 0, 1, 2.
    pub risk: Option<Verdict>,
    /// The authority the action needs.
    pub permission: Option<Permission>,
    /// Which side effects it has, in the rubric's order.
    pub effects: Option<[bool; N_EFFECTS]>,
    /// Whether the text tries to instruct an agent.
    pub injection: Option<bool>,
}

/// What an engine made of a case.
#[derive(Debug, Clone, PartialEq)]
pub struct Answer {
    /// The whole engine's answer, floors included.
    pub verdict: Verdict,
    /// The model's own; `None` when it did not run.
    pub zone: Option<Zone>,
    /// The model's beliefs; `None` when it did not run.
    pub assessment: Option<Assessment>,
}

impl From<&Decision> for Answer {
    fn from(decision: &Decision) -> Self {
        Self { verdict: decision.verdict, zone: decision.zone, assessment: decision.assessment.clone() }
    }
}

impl Answer {
    /// Calibrated `P(risk >= ask)`; the worst where the model did not run.
    pub fn stop(&self) -> f64 {
        self.assessment.as_ref().map_or(1.0, |assessment| assessment.risk.stop().get().into())
    }

    /// Expected cost of allowing, by which the allow zone is cut; the worst where the model did not run.
    pub fn cost_of_allowing(&self) -> f64 {
        self.assessment.as_ref().map_or(1.0, |assessment| assessment.risk.cost_of_allowing().get().into())
    }

    /// Calibrated `P(risk = deny)`; the worst where the model did not run.
    pub fn deny(&self) -> f64 {
        self.assessment.as_ref().map_or(1.0, |assessment| assessment.risk.deny.get().into())
    }

    /// What the model alone would have said; what it did not judge is uncertain.
    pub fn zone_verdict(&self) -> Verdict {
        match self.zone {
            Some(Zone::Allow) => Verdict::Allow,
            Some(Zone::Deny) => Verdict::Deny,
            Some(Zone::Uncertain) | None => Verdict::Ask,
        }
    }
}

/// One labelled record and what came out.
#[derive(Debug, Clone, PartialEq)]
pub struct Case {
    /// The record's id as text.
    pub id: String,
    /// The tool's name.
    pub tool: String,
    /// Where the record is from; see [`source_of`].
    pub source: String,
    /// The action in short, when the mistakes are to show it.
    pub text: Option<String>,
    /// Whether it is a text that a tool returned.
    pub returned_text: bool,
    /// Whether the user's request was known.
    pub has_request: bool,
    /// Token ids given to the model, over all windows.
    pub n_tokens: usize,
    /// What it is.
    pub label: Label,
    /// What the engine made of it.
    pub answer: Answer,
    /// What the reference made of it.
    pub reference: Option<Answer>,
}

/// The source of a record that names none: its id without the number at its end (`nl2bash-17` → `nl2bash`).
pub fn source_of(id: &str) -> String {
    let name = id.trim_end_matches(|c: char| c.is_ascii_digit());
    let name = name.trim_end_matches(['-', '_', '.', ':', '/', '#', ' ']);
    if name.is_empty() { "unnamed".to_owned() } else { name.to_owned() }
}

/// The cases by id, each id once. Of several with one id the first in an order of their contents stays, so that the order
/// of the input does not matter.
pub(super) fn distinct(mut cases: Vec<Case>) -> Vec<Case> {
    cases.sort_by(compare);
    cases.dedup_by(|a, b| a.id == b.id);
    cases
}

fn compare(a: &Case, b: &Case) -> Ordering {
    let contents = |case: &Case| (case.answer.verdict, case.n_tokens, case.has_request);
    let scores = |case: &Case| [case.answer.stop(), case.answer.deny()];
    let by_score = || {
        let pairs = scores(a).into_iter().zip(scores(b));
        pairs.map(|(a, b)| a.total_cmp(&b)).find(|order| order.is_ne()).unwrap_or(Ordering::Equal)
    };
    let names = |case: &Case| (case.tool.clone(), case.source.clone());
    let by_contents = || contents(a).cmp(&contents(b)).then_with(by_score).then_with(|| names(a).cmp(&names(b)));
    a.id.cmp(&b.id).then_with(by_contents)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate::samples::case;

    #[test]
    fn the_source_is_the_id_without_its_number() {
        let sources = ["nl2bash-17", "own-pairs-0012", "x", "a1b-2", "12", "", "a/3"].map(source_of);
        assert_eq!(sources, ["nl2bash", "own-pairs", "x", "a1b", "unnamed", "unnamed", "a"]);
    }

    #[test]
    fn one_id_counts_once_whatever_the_order() {
        let two = [case("a-1", 0, 0.2, 0.1), case("a-1", 0, 0.4, 0.1), case("b-1", 0, 0.3, 0.1)];
        let forwards = distinct(two.to_vec());
        let backwards = distinct(two.iter().rev().cloned().collect());
        assert_eq!(forwards, backwards);
        assert_eq!(forwards.iter().map(|case| case.id.as_str()).collect::<Vec<_>>(), ["a-1", "b-1"]);
    }
}
