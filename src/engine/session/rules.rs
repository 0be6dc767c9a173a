//! What a session's history raises, and what a call adds to it.

use super::operation::operations;
use super::{Note, Raise, Recollection};
use crate::action::{Action, Effect, Fact, Flow, Scope, Tool, ToolCall, Unit, UnitKind};
use crate::assessment::{Assessment, Permission};
use crate::engine::prepared::Judged;
use crate::normalize::flows::{egress, secret_read};
use crate::normalize::paths::Place;
use crate::normalize::written;
use crate::verdict::{Decision, Reason, Source, Verdict};
use strum::IntoEnumIterator;

/// An operation of the action that was denied before, in whatever spelling.
pub(in crate::engine) fn retried(action: &Action, recalled: &Recollection) -> Option<Raise> {
    if recalled.denied.is_empty() {
        return None;
    }
    let is_denied = |unit: &&Unit| operations(unit).iter().any(|operation| recalled.denied.contains(operation));
    let unit = action.units.iter().find(is_denied)?;
    let text = "was denied before in this session, in this spelling or another";
    Some(Raise { floor: Verdict::Deny, reason: Reason::new("session.retried", text).at(unit.span.clone()) })
}

/// Raises a decision to what the session's history asks for, the strictest rule first among the reasons.
pub(in crate::engine) fn after(
    mut judged: Judged,
    call: &ToolCall,
    action: &Action,
    recalled: &Recollection,
    retried: Option<Raise>,
) -> (Decision, Vec<Note>) {
    let denied_here = judged.decision.verdict == Verdict::Deny;
    let escalated = escalated(action, judged.decision.assessment.as_ref(), recalled);
    let is_escalated = escalated.is_some();
    let raises = [escalated, after_secret(action, recalled), lost_script(call, action, recalled), retried];
    raises.into_iter().flatten().for_each(|raise| raise.apply(&mut judged.decision));
    let operations = match denied_here {
        true => super::operations_of(action, &judged.carriers),
        // What the session denies it knows already.
        false => Vec::new(),
    };
    let notes = notes(&judged.decision, call, action, operations, is_escalated, judged.boundaries);
    (judged.decision, notes)
}

impl Raise {
    fn ask(code: &'static str, text: impl Into<String>) -> Self {
        Self { floor: Verdict::Ask, reason: Reason::new(code, text) }
    }

    pub(super) fn apply(&self, decision: &mut Decision) {
        if self.floor > decision.verdict {
            (decision.verdict, decision.source) = (self.floor, Source::Session);
            decision.reasons.insert(0, self.reason.clone());
        }
    }
}

/// After too many denials a person looks first, at everything that does more than look.
fn escalated(action: &Action, assessment: Option<&Assessment>, recalled: &Recollection) -> Option<Raise> {
    let denials = recalled.denials;
    if !denials.are_too_many || only_looks(action, assessment) {
        return None;
    }
    let text = format!(
        "{} actions of this session were denied in a row, {} in all: a person has to look before it goes on",
        denials.in_a_row, denials.total
    );
    Some(Raise::ask("session.escalated", text))
}

/// Whether an action only looks, by what the tables say and by what the model believes.
fn only_looks(action: &Action, assessment: Option<&Assessment>) -> bool {
    let known = |unit: &Unit| match unit.kind {
        UnitKind::Command(_) => unit.commands.iter().all(|command| command.known),
        UnitKind::Target | UnitKind::Text => true,
        UnitKind::Data => unit.gaps.is_empty(),
        UnitKind::Code(_) | UnitKind::Content | UnitKind::Arguments => false,
    };
    let looks = |unit: &Unit| known(unit) && unit.flows.is_empty() && unit.effects().all(Effect::only_looks_nearby);
    let observes = |assessment: &Assessment| {
        let likeliest = Permission::iter()
            .zip(assessment.permission)
            .max_by(|(_, a), (_, b)| a.get().total_cmp(&b.get()))
            .map(|(permission, _)| permission);
        likeliest == Some(Permission::Observe)
    };
    !matches!(action.tool, Tool::Agent)
        && action.gaps.is_empty()
        && action.units.iter().all(looks)
        && assessment.is_none_or(observes)
}

/// Data that leaves soon after a secret was read.
fn after_secret(action: &Action, recalled: &Recollection) -> Option<Raise> {
    let kind = recalled.secret.as_deref()?;
    let span = egress(action)?;
    let mut raise = Raise::ask("session.secret_egress", format!("sends data out soon after {kind} was read"));
    raise.reason = raise.reason.at(span);
    Some(raise)
}

/// A file runs that the session wrote and whose text was too much to keep.
fn lost_script(call: &ToolCall, action: &Action, recalled: &Recollection) -> Option<Raise> {
    if recalled.lost_files == super::LostFiles::None {
        return None;
    }
    let place = Place::from_context(&call.context);
    let is_lost = |effect: &Effect| {
        let target = effect.target.as_ref().filter(|target| matches!(target.scope, Scope::Path(_)));
        let path = target.and_then(|target| place.absolute_of_shown(&target.text));
        effect.fact == Fact::Execute && path.is_some_and(|path| recalled.lost_files.may_contain(&path))
    };
    let (unit, _) = action.effects().find(|(_, effect)| is_lost(effect))?;
    let text = "runs a file that this session wrote; its text was too much to remember";
    let mut raise = Raise::ask("session.script", text);
    raise.reason = raise.reason.at(unit.span.clone());
    Some(raise)
}

/// The reason for a verdict that a file of the session had a part in.
pub(in crate::engine) fn names_a_script(call: &ToolCall, action: &Action) -> Option<Reason> {
    let runs = |unit: &&Unit| !(unit.flows & (Flow::WrittenToExecution | Flow::NetworkToExecution)).is_empty();
    let files = call.context.known_files.iter().map(|file| file.path.rsplit('/').next().unwrap_or(&file.path));
    let names = files.take(3).collect::<Vec<_>>().join("`, `");
    let unit = action.units.iter().find(runs).filter(|_| !names.is_empty())?;
    let text = format!("uses what this session wrote or fetched before: `{names}`");
    Some(Reason::new("session.script", text).at(unit.span.clone()))
}

/// What the session has to remember of a call. Failures say nothing of it.
fn notes(
    decision: &Decision,
    call: &ToolCall,
    action: &Action,
    operations: Vec<super::Operation>,
    escalated: bool,
    boundaries: Vec<String>,
) -> Vec<Note> {
    let mut notes = match (decision.verdict, decision.source) {
        (Verdict::Deny, Source::FailSafe) => Vec::new(),
        (Verdict::Deny, _) => vec![Note::Denied(operations)],
        (Verdict::Ask, _) => vec![Note::Asked { escalated }],
        (Verdict::Allow, _) => Vec::new(),
    };
    if !boundaries.is_empty() {
        notes.push(Note::Limited(boundaries));
    }
    if decision.verdict != Verdict::Deny {
        let files = written(call, action);
        if !files.is_empty() {
            // What is only asked about may never be done, and what a server's tool does with its arguments is its own matter.
            let is_foreign = matches!(action.tool, Tool::Mcp { .. } | Tool::Unknown(_));
            notes.push(Note::Wrote { files, may_stand: is_foreign || decision.verdict == Verdict::Ask });
        }
        notes.extend(secret_read(action).map(Note::ReadSecret));
    }
    notes
}
