//! An action on its way through the stages: its windows, and their logits as they come in.

use crate::action::{Action, ToolCall, Unit};
use crate::assessment::RowLogits;
use crate::encode::{Encoder, Encoding};
use crate::policy::Ruling;

use super::cache::CacheKey;
use super::fail_safe::Failure;
use super::session::{Recollection, SessionError};
use crate::verdict::Decision;

/// An action with its windows.
#[derive(Debug)]
pub(super) struct Prepared {
    pub(super) action: Action,
    pub(super) encoding: Encoding,
    /// What it is remembered by; none when nothing is remembered.
    pub(super) key: Option<CacheKey>,
    /// What was judged before; there are no windows then.
    pub(super) known: Option<Judged>,
    /// What is remembered of the session; none for a call that has no session.
    pub(super) past: Option<Past>,
    /// The call with what is known of the files that it uses, where something is.
    pub(super) informed: Option<ToolCall>,
    /// What the rules said before the model.
    pub(super) ruling: Ruling,
    /// Whether a rule stands against it that no grant lifts.
    pub(super) lasting: bool,
    logits: Vec<Option<RowLogits>>,
    /// Why a window has no answer.
    spoiled: Option<Failure>,
}

/// What is remembered of the session of a call.
#[derive(Debug)]
pub(super) struct Past {
    /// All that could be read.
    pub(super) recalled: Recollection,
    /// Why that is not all.
    pub(super) error: Option<SessionError>,
}

/// A decision, and what a session has to know of it.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Judged {
    pub(super) decision: Decision,
    /// The units that carry the verdict, by their places.
    pub(super) carriers: Vec<usize>,
    /// Limits that the user set, in the user's words, as a reviewer found them.
    pub(super) boundaries: Vec<String>,
    /// Whether a rule stands against it that no grant lifts.
    pub(super) lasting: bool,
}

impl From<Decision> for Judged {
    fn from(decision: Decision) -> Self {
        Self { decision, carriers: Vec::new(), boundaries: Vec::new(), lasting: false }
    }
}

/// Where a window stands among those of many actions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RowRef {
    pub(super) action: usize,
    pub(super) row: usize,
}

/// A window, and everywhere it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Window {
    pub(super) input_ids: Vec<u32>,
    pub(super) users: Vec<RowRef>,
}

impl Prepared {
    /// Encodes an action.
    pub(super) fn new(action: Action, encoder: &Encoder) -> Self {
        let encoding = encoder.encode(&action);
        let logits = vec![None; encoding.input_ids.len()];
        Self::unjudged(action, encoding, logits)
    }

    fn unjudged(action: Action, encoding: Encoding, logits: Vec<Option<RowLogits>>) -> Self {
        let ruling = Ruling::default();
        Self {
            action,
            encoding,
            key: None,
            known: None,
            past: None,
            informed: None,
            ruling,
            lasting: false,
            logits,
            spoiled: None,
        }
    }

    /// The same, to be remembered by `key` when it is decided.
    pub(super) fn under(self, key: CacheKey) -> Self {
        Self { key: Some(key), ..self }
    }

    /// The same, of a call with this past, read with what is known of the files that it uses.
    pub(super) fn in_session(self, past: Option<Past>, informed: Option<ToolCall>) -> Self {
        Self { past, informed, ..self }
    }

    /// An action that was decided before.
    pub(super) fn known(judged: Judged, action: Action) -> Self {
        Self { known: Some(judged), ..Self::unjudged(action, Encoding::default(), Vec::new()) }
    }

    /// The same with what the rules said of it.
    pub(super) fn ruled(self, ruling: Ruling) -> Self {
        let known = self.known.as_ref().is_some_and(|judged| judged.lasting);
        let lasting = known || ruling.floors.iter().any(|found| found.lasting);
        Self { ruling, lasting, ..self }
    }

    /// The token ids of every window.
    pub(super) fn windows(&self) -> impl Iterator<Item = &[u32]> {
        self.encoding.input_ids.iter().map(Vec::as_slice)
    }

    /// Keeps the answer for one window.
    pub(super) fn set(&mut self, row: usize, logits: RowLogits) {
        if let Some(slot) = self.logits.get_mut(row) {
            *slot = Some(logits);
        }
    }

    /// Notes that a window will have no answer. The action stays: what is known of it by itself still counts.
    pub(super) fn spoil(&mut self, failure: Failure) {
        self.spoiled = Some(failure);
    }

    /// The answers for all windows; a failure when there is none or one is missing.
    pub(super) fn logits(&self) -> Result<Vec<RowLogits>, Failure> {
        if let Some(failure) = &self.spoiled {
            return Err(failure.clone());
        }
        let rows: Option<Vec<RowLogits>> = self.logits.iter().copied().collect();
        rows.filter(|rows| !rows.is_empty()).ok_or(Failure::Score)
    }

    /// The span of the unit whose window scores highest by `score`.
    pub(super) fn worst_unit(&self, score: impl Fn(&RowLogits) -> f32) -> Option<std::ops::Range<usize>> {
        let (_, unit) = self.worst_of(score, |_| true)?;
        self.action.units.get(unit).map(|unit| unit.span.clone())
    }

    /// The highest score by `score` among the windows of the units that are `wanted`, and the place of its unit.
    pub(super) fn worst_of(
        &self,
        score: impl Fn(&RowLogits) -> f32,
        wanted: impl Fn(&Unit) -> bool,
    ) -> Option<(f32, usize)> {
        let scored = self.logits.iter().zip(&self.encoding.units);
        scored
            .filter_map(|(logits, unit)| logits.as_ref().map(|logits| (score(logits), *unit)))
            .filter(|(_, unit)| self.action.units.get(*unit).is_some_and(&wanted))
            .max_by(|(a, _), (b, _)| a.total_cmp(b))
    }
}
