//! What raised the score: each unit judged alone, and the worst one judged again without each of its words and facts.
//!
//! Occlusion, not attribution: a contribution is how much lower the risk would be without the part, all else equal.

use super::{Deadline, Engine, Failure};
use crate::action::{Action, Effect, ToolCall, Unit};
use crate::assessment::Assessment;
use crate::encode;
use crate::normalize::normalize;
use crate::verdict::Decision;

/// Most words of the worst unit that are left out one by one; a longer text is left out in as many equal pieces.
const MAX_WORDS: usize = 64;

/// A decision and what moved it.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// The decision.
    pub decision: Decision,
    /// Every unit of the action, in order.
    pub units: Vec<UnitScore>,
    /// The unit with the highest risk: its words in order, then what the tables know of it.
    pub worst: Option<WorstUnit>,
}

/// One unit by itself.
#[derive(Debug, Clone, PartialEq)]
pub struct UnitScore {
    /// The unit.
    pub unit: Unit,
    /// What the model believes of it alone.
    pub assessment: Assessment,
}

/// The parts of the worst unit.
#[derive(Debug, Clone, PartialEq)]
pub struct WorstUnit {
    /// Its place among the units.
    pub index: usize,
    /// Its text, piece by piece, in order; together they are the whole text.
    pub words: Vec<Contribution>,
    /// Its facts.
    pub facts: Vec<Contribution>,
}

/// How much one part adds.
#[derive(Debug, Clone, PartialEq)]
pub struct Contribution {
    /// The part.
    pub text: String,
    /// Risk with it less risk without it, in `[-1, 1]`; see [`expected_risk`].
    pub risk: f32,
}

/// Half the sum of `P(risk >= ask)` and `P(risk = deny)`: 0 for certainly harmless, 1 for certainly harmful.
pub fn expected_risk(assessment: &Assessment) -> f32 {
    (assessment.risk.stop().get() + assessment.risk.deny.get()) / 2.0
}

impl Engine {
    /// Judges a call and says what moved the score. Text that a tool returned is explained by its injection score.
    pub fn explain(&mut self, call: &ToolCall) -> Result<Explanation, Failure> {
        let decision = self.decide(call, Deadline::none());
        let action = super::guarded(|| Ok(normalize(call)))?;
        let alone: Vec<Action> = action.units.iter().map(|unit| only(&action, unit.clone())).collect();
        let scores = self.assess_all(alone)?;
        let units: Vec<UnitScore> =
            action.units.iter().cloned().zip(scores).map(|(unit, assessment)| UnitScore { unit, assessment }).collect();
        let risks = units.iter().map(|unit| expected_risk(&unit.assessment)).enumerate();
        let worst = risks.max_by(|(_, a), (_, b)| a.total_cmp(b)).map(|(index, _)| index);
        let worst = worst.map(|index| self.explain_unit(&action, &units, index)).transpose()?;
        Ok(Explanation { decision, units, worst })
    }

    fn explain_unit(&mut self, action: &Action, units: &[UnitScore], index: usize) -> Result<WorstUnit, Failure> {
        let Some(UnitScore { unit, assessment }) = units.get(index) else { return Err(Failure::Score) };
        let words = pieces(&unit.text);
        let facts: Vec<&Effect> = unit.effects().collect();
        let mut variants: Vec<Action> = Vec::with_capacity(words.len() + facts.len());
        variants.extend((0..words.len()).map(|word| only(action, without_piece(unit, &words, word))));
        variants.extend((0..facts.len()).map(|fact| only(action, without_effect(unit, fact))));
        let whole = expected_risk(assessment);
        let risks: Vec<f32> = self.assess_all(variants)?.iter().map(|without| whole - expected_risk(without)).collect();
        let contribution = |(text, risk): (String, &f32)| Contribution { text, risk: *risk };
        let words = words.into_iter().map(str::to_owned).zip(&risks).map(contribution).collect::<Vec<_>>();
        let facts = facts.into_iter().map(encode::effect_text).zip(risks.iter().skip(words.len()));
        Ok(WorstUnit { index, facts: facts.map(contribution).collect(), words })
    }
}

fn only(action: &Action, unit: Unit) -> Action {
    Action { units: vec![unit], ..action.clone() }
}

/// The text in at most [`MAX_WORDS`] pieces, each with the blanks that follow it.
fn pieces(text: &str) -> Vec<&str> {
    let words: Vec<&str> = text.split_inclusive(char::is_whitespace).collect();
    if words.len() <= MAX_WORDS {
        return words;
    }
    let size = words.len().div_ceil(MAX_WORDS);
    let mut rest = text;
    let mut pieces = Vec::with_capacity(MAX_WORDS);
    for group in words.chunks(size) {
        let length = group.iter().map(|word| word.len()).sum();
        let (piece, after) = rest.split_at_checked(length).unwrap_or((rest, ""));
        pieces.push(piece);
        rest = after;
    }
    pieces
}

fn without_piece(unit: &Unit, pieces: &[&str], left_out: usize) -> Unit {
    let kept = pieces.iter().enumerate().filter(|(index, _)| *index != left_out);
    Unit { text: kept.map(|(_, piece)| *piece).collect(), ..unit.clone() }
}

/// The unit without its effect number `left_out` and without every other that says the same.
fn without_effect(unit: &Unit, left_out: usize) -> Unit {
    let Some(gone) = unit.effects().nth(left_out).map(encode::effect_text) else { return unit.clone() };
    let mut unit = unit.clone();
    let other = |effect: &Effect| encode::effect_text(effect) != gone;
    unit.own_effects.retain(other);
    unit.commands.iter_mut().for_each(|command| command.effects.retain(other));
    unit
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pieces_are_the_whole_text() {
        let long: String = (0..1_000).map(|n| format!("{n}  ")).collect();
        for text in ["", "ls", "rm -rf  ~/x\n", "ä ö ü", long.as_str()] {
            assert_eq!(pieces(text).concat(), text);
            assert!(pieces(text).len() <= MAX_WORDS);
        }
    }
}
