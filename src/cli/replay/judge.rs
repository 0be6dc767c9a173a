//! An action of the past under the present and the new settings: scored only where its scores are not known.

use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;

use super::super::stream::Worker;
use super::history::Wanted;
use super::past::{CallKey, Item, Past, Readable, TEXT_TOOL, Text};
use super::readings::{self, Rulings};
use super::settings::{Book, Sides};
use crate::action::{Action, Tool, ToolCall, UnitKind};
use crate::app::App;
use crate::assessment::Assessment;
use crate::engine::{Again, Begun, Engine, Failure, Hold, Logged, Remade, Scored, Unmade};
use crate::replay::{Cut, Row, is_dangerous, zone_code};
use crate::transcript::Outcome;
use crate::verdict::{Source, Verdict};

/// What became of one line.
pub(super) enum Answer {
    /// An action, judged.
    Judged(Box<Judged>),
    /// What became of a call.
    Became(CallKey, Outcome),
    /// Not readable.
    Damaged,
    /// Nothing of interest, or not wanted.
    Nothing,
}

/// An action, judged.
pub(super) struct Judged {
    pub(super) row: Row,
    pub(super) key: Option<CallKey>,
    /// Whether nobody was asked, whatever the verdict was.
    pub(super) monitored: bool,
    /// What a trial of further rules needs; none where it cannot change anything.
    pub(super) kept: Option<Kept>,
}

/// An action that further rules could let through.
#[derive(Clone)]
pub(in crate::cli) struct Kept {
    pub(in crate::cli) call: ToolCall,
    pub(in crate::cli) scored: Option<Scored>,
    pub(in crate::cli) logged: Option<Logged>,
    /// Under the present settings.
    pub(in crate::cli) remade: Remade,
    /// Whether its text is not the whole.
    pub(in crate::cli) masked: bool,
}

impl Kept {
    /// The folder whose settings hold for it.
    pub(in crate::cli) fn folder(&self) -> Option<&str> {
        folder_of(&self.call)
    }
}

fn folder_of(call: &ToolCall) -> Option<&str> {
    call.context.workspace.as_deref().or(call.context.cwd.as_deref())
}

/// Reads and judges lines. One a core.
pub(super) struct ReplayWorker {
    pub(super) app: Arc<App>,
    pub(super) book: Arc<Book>,
    pub(super) engine: Option<Engine>,
    pub(super) wanted: Wanted,
    /// Whether what a trial needs is kept.
    pub(super) keep: bool,
}

/// An action on its way: what rules said, and whether scores are missing.
struct Begin {
    past: Past,
    sides: Arc<Sides>,
    state: State,
}

enum State {
    /// From the record alone.
    Settled(Result<Remade, Unmade>),
    /// With its text.
    Open {
        action: Arc<Action>,
        before: Option<Box<Begun>>,
        after: Box<Begun>,
        scored: Option<Scored>,
        scored_now: bool,
    },
}

impl<T: Readable> Worker<Answer, T> for ReplayWorker {
    fn answer(&mut self, items: &[T]) -> Vec<Answer> {
        let mut answers = Vec::with_capacity(items.len());
        let mut begun = Vec::new();
        for item in items {
            match item.read() {
                Item::Past(past) if self.wanted.wants(&past) => {
                    begun.push((answers.len(), self.begin(*past)));
                    answers.push(Answer::Nothing);
                }
                // That a call ran is told by what it returned, whatever is wanted.
                Item::Past(past) if past.tool == TEXT_TOOL => {
                    answers.push(past.key.map_or(Answer::Nothing, |key| Answer::Became(key, Outcome::Ran)));
                }
                Item::Past(_) | Item::Nothing => answers.push(Answer::Nothing),
                Item::Became(key, outcome) => answers.push(Answer::Became(key, outcome)),
                Item::Damaged => answers.push(Answer::Damaged),
            }
        }
        self.score(&mut begun);
        for (place, begin) in begun {
            if let Some(answer) = answers.get_mut(place) {
                *answer = Answer::Judged(Box::new(self.finish(begin)));
            }
        }
        answers
    }
}

impl ReplayWorker {
    fn begin(&self, past: Past) -> Begin {
        let folder = match &past.text {
            Text::Whole(call) | Text::Masked(call) => folder_of(call),
            Text::Nothing => None,
        };
        let sides = self.book.of(folder);
        let state = guarded(|| self.state(&past, &sides)).unwrap_or_else(|why| State::Settled(Err(why)));
        Begin { past, sides, state }
    }

    fn state(&self, past: &Past, sides: &Sides) -> State {
        let model = self.app.stamp().model;
        let is_text = past.tool == TEXT_TOOL;
        let by_record = |logged: &Logged| State::Settled(sides.new.of_record(logged, is_text, model));
        let unmade = |why| State::Settled(Err(why));
        if !past.is_sound {
            return unmade(Unmade::Changed);
        }
        match (&past.text, &past.logged) {
            (Text::Nothing, Some(logged)) => by_record(logged),
            (Text::Nothing, None) => unmade(Unmade::Text),
            (_, Some(logged)) if is_text && logged.assessment.is_some() => by_record(logged),
            (_, Some(logged)) if logged.source == Source::FailSafe && logged.assessment.is_none() => {
                unmade(Unmade::Failure)
            }
            // Under the same rules, read by the same program, the record says what they said: also of the text with its secrets,
            // and without the cost of reading it again.
            (Text::Whole(call) | Text::Masked(call), Some(logged)) if past.is_ours && self.book.same_mode => {
                match sides.new.of_record(logged, is_text, model) {
                    Ok(remade) => State::Settled(Ok(remade)),
                    Err(_) => self.open(call, past, sides),
                }
            }
            (Text::Whole(call) | Text::Masked(call), _) => self.open(call, past, sides),
        }
    }

    fn open(&self, call: &ToolCall, past: &Past, sides: &Sides) -> State {
        let (action, Rulings { present: before, new: after }) = readings::ask(sides, call, past.logged.is_none());
        let scored = past.logged.as_ref().and_then(|logged| logged.scored_by(self.app.stamp().model));
        let is_open = |begun: &Begun| matches!(begun, Begun::Open(_));
        let newly_allowed = matches!(&after, Begun::Settled(remade) if remade.verdict == Verdict::Allow)
            && past.logged.as_ref().is_some_and(|logged| logged.verdict > Verdict::Allow);
        // What would newly be let through is scored, so that a danger among it is seen.
        let needed = is_open(&after) || before.as_ref().is_some_and(is_open) || newly_allowed;
        let missing = needed && scored.is_none();
        if missing && is_open(&after) {
            let why = match (&past.text, &past.logged) {
                (Text::Masked(_), _) => Some(Unmade::Masked),
                (_, Some(logged)) if logged.says("session.script") => Some(Unmade::Session),
                _ => None,
            };
            if let Some(why) = why {
                return State::Settled(Err(why));
            }
        }
        let scored_now = missing && !matches!(past.text, Text::Masked(_));
        State::Open { action, before: before.map(Box::new), after: Box::new(after), scored, scored_now }
    }

    /// Lets the model score what is missing, all at once.
    fn score(&mut self, begun: &mut [(usize, Begin)]) {
        let missing: Vec<Action> = begun.iter().filter_map(|(_, begin)| begin.state.missing()).cloned().collect();
        if missing.is_empty() {
            return;
        }
        let engine = self.engine.take().map_or_else(|| self.app.engine(), Ok);
        let scores = match engine {
            Ok(engine) => self.engine.insert(engine).score_each(missing),
            Err(failure) => missing.iter().map(|_| Err(failure.clone())).collect(),
        };
        let open = begun.iter_mut().filter(|(_, begin)| begin.state.missing().is_some());
        for ((_, begin), scores) in open.zip(scores) {
            begin.state.take(scores);
        }
    }

    fn finish(&self, begin: Begin) -> Judged {
        let Begin { past, sides, state } = begin;
        let reviewing = self.book.reviewing;
        let logged = past.logged.as_ref();
        let (call, masked) = match &past.text {
            Text::Whole(call) => (Some(call), false),
            Text::Masked(call) => (Some(call), true),
            Text::Nothing => (None, false),
        };
        let mut group = past.tool.clone();
        let (before, after, scored, scored_now) = match state {
            State::Settled(after) => {
                let scored = logged.and_then(|logged| logged.scored_by(self.app.stamp().model));
                (None, after, scored, false)
            }
            State::Open { action, before, after, scored, scored_now } => {
                group = group_of(&past.tool, &action);
                let empty = ToolCall::default();
                let call = call.unwrap_or(&empty);
                let end = |again: &Again, begun: Begun| {
                    guarded(|| again.end(call, &action, begun, scored.as_ref()))?.ok_or(Unmade::Score)
                };
                let before = before.map(|begun| end(&sides.present, *begun));
                (before, end(&sides.new, *after), scored, scored_now)
            }
        };
        let before = before.map(|before| before.map(|remade| sides.present.beside(remade, None, reviewing)));
        let after = after.map(|remade| sides.new.beside(remade, logged, reviewing));
        let mut row = row(
            &past,
            group,
            Ends { before, after: after.as_ref().map_err(|why| *why), scored: scored.as_ref() },
            scored_now,
        );
        // Only what is shown by its program is read for it.
        if row.is_changed() && row.group == past.tool {
            let read = call.and_then(|call| guarded(|| readings::read(&sides, call)).ok());
            row.group = read.map_or(row.group, |action| group_of(&past.tool, &action));
        }
        let kept = match (after, call) {
            (Ok(remade), Some(call)) if self.keep && (row.after > Verdict::Allow || row.before == Verdict::Deny) => {
                Some(Kept { call: call.clone(), scored, logged: past.logged.clone(), remade, masked })
            }
            _ => None,
        };
        Judged { row, key: past.key, monitored: past.monitored, kept }
    }
}

impl State {
    /// The action, where its scores are missing.
    fn missing(&self) -> Option<&Action> {
        match self {
            Self::Open { action, scored: None, scored_now: true, .. } => Some(action),
            _ => None,
        }
    }

    fn take(&mut self, scores: Result<Scored, Failure>) {
        if let Self::Open { scored, scored_now, .. } = self {
            *scored = scores.ok();
            *scored_now = scored.is_some();
        }
    }
}

/// Runs a step; one hostile line must not end the whole run.
fn guarded<T>(step: impl FnOnce() -> T) -> Result<T, Unmade> {
    panic::catch_unwind(AssertUnwindSafe(step)).map_err(|_| Unmade::Panic)
}

/// What came out on both sides.
struct Ends<'a> {
    before: Option<Result<Remade, Unmade>>,
    after: Result<&'a Remade, Unmade>,
    scored: Option<&'a Scored>,
}

fn row(past: &Past, group: String, ends: Ends<'_>, scored_now: bool) -> Row {
    let Ends { before, after, scored } = ends;
    let logged = past.logged.as_ref();
    let assessment = scored.map(|scored| &scored.assessment);
    // An action that nothing could judge is asked about.
    let verdict = |remade: &Result<Remade, Unmade>| remade.as_ref().map_or(Verdict::Ask, |remade| remade.verdict);
    let was = logged.map_or_else(|| before.as_ref().map_or(Verdict::Ask, verdict), |logged| logged.verdict);
    let why_before = logged.map_or_else(
        || before.as_ref().and_then(|before| before.as_ref().ok()).map(why).unwrap_or_default(),
        |logged| logged.codes.first().cloned().unwrap_or_default(),
    );
    let is = after.map_or(was, |remade| remade.verdict);
    Row {
        id: past.id.clone(),
        at: past.at,
        tool: past.tool.clone(),
        subject: past.subject.clone(),
        group,
        request: past.request.clone(),
        before: was,
        after: is,
        why: after.map_or_else(|_| why_before.clone(), why),
        why_before,
        dangerous: is_dangerous(assessment, None),
        deny: assessment.map(|assessment| assessment.risk.deny.get()),
        cut: after.ok().zip(assessment).and_then(|(remade, assessment)| cut(remade, assessment)),
        held: after.ok().and_then(|remade| remade.held).map(Into::into),
        to_review: after.is_ok_and(|remade| remade.to_review),
        unmade: after.err().map(Into::into),
        masked: matches!(past.text, Text::Masked(_)),
        scored_now,
        is_text: past.tool == TEXT_TOOL,
        outcome: past.outcome,
        label: None,
    }
}

/// The code of what decides.
fn why(remade: &Remade) -> String {
    let zone = || remade.zone.map_or("", zone_code).to_owned();
    match remade.source {
        Source::Policy => remade.rules.first().map_or_else(zone, ToString::to_string),
        Source::Session => "session".to_owned(),
        Source::Remote => "review".to_owned(),
        Source::FailSafe => "fail_safe".to_owned(),
        Source::Model | Source::Cache => zone(),
    }
}

/// How the verdict depends on the cuts; `None` where something else settles it.
fn cut(remade: &Remade, assessment: &Assessment) -> Option<Cut> {
    let cuts = remade.cuts.filter(|_| !remade.permitted && matches!(remade.held, None | Some(Hold::Review)))?;
    Some(Cut {
        cost: assessment.risk.cost_of_allowing().get(),
        deny: assessment.risk.deny.get(),
        eligible: assessment.injection.get() < cuts.injection_above && assessment.novelty <= cuts.novel_above,
        floor: remade.floor,
        when_uncertain: remade.when_uncertain,
    })
}

/// What changes are summed by: for a shell also the first program, where it is one of a plain name.
fn group_of(tool: &str, action: &Action) -> String {
    if !matches!(action.tool, Tool::Shell(_)) {
        return tool.to_owned();
    }
    let shell = action.units.iter().filter(|unit| matches!(unit.kind, UnitKind::Command(_)));
    let program =
        shell.flat_map(|unit| &unit.commands).map(|command| command.program.as_str()).find(|name| *name != "cd");
    let is_plain = |name: &&str| name.len() <= 40 && !name.is_empty() && !name.chars().any(char::is_control);
    program.filter(is_plain).map_or_else(|| tool.to_owned(), |program| format!("{tool} {program}"))
}
