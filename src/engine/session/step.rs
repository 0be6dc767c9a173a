//! The session's step in a decision: recalled before the call is read, applied when it is judged, told when it is settled.

use std::sync::Arc;

use super::{Note, Recollection, SessionMemory};
use crate::action::{Action, ToolCall};
use crate::engine::prepared::{Past, Prepared};
use crate::engine::{Deadline, Engine, Failure, fail_safe, guarded};
use crate::verdict::{Decision, Verdict};

impl Engine {
    /// The memory of a call's session, where there is one.
    pub(in crate::engine) fn memory_of(&self, call: &ToolCall) -> Option<&Arc<dyn SessionMemory>> {
        self.parts.sessions.as_ref().filter(|_| call.context.session_id.as_ref().is_some_and(|id| !id.is_empty()))
    }

    /// What is remembered of a call's session. What a tool returned is judged by itself.
    pub(in crate::engine) fn recall(&self, call: &ToolCall) -> Option<Past> {
        let memory = self.memory_of(call).filter(|_| !is_output(call))?;
        Some(match memory.recall(&call.context) {
            Ok(recalled) => Past { recalled, error: None },
            Err(error) => Past { recalled: Recollection::default(), error: Some(error) },
        })
    }

    /// A call with what is known of the files that it uses, where something is, and its canonical form; `None` when nothing had to
    /// be looked for.
    pub(in crate::engine) fn informed(&self, call: &ToolCall, past: &mut Past) -> Option<(Option<ToolCall>, Action)> {
        let memory = self.memory_of(call)?;
        super::informed(call, &past.recalled, memory.as_ref()).unwrap_or_else(|error| {
            past.error = Some(error);
            None
        })
    }

    /// The decision, raised by what is remembered of the session, and what the session has to remember of the call.
    pub(in crate::engine) fn settle(
        &mut self,
        call: &ToolCall,
        prepared: &mut Prepared,
        deadline: Deadline,
    ) -> Result<(Decision, Vec<Note>), Failure> {
        let Some(Past { recalled, error }) = &prepared.past.take() else {
            return Ok((self.judge(call, prepared, None, deadline)?.decision, Vec::new()));
        };
        let retried = super::retried(&prepared.action, recalled);
        let judged = guarded(|| self.judge(call, prepared, Some((recalled, retried.is_some())), deadline));
        let judged = match (judged, &retried) {
            (Ok(judged), _) => judged,
            // What was denied before stays denied, whatever fails now.
            (Err(failure), Some(raise)) => {
                let mut decision = fail_safe(&failure, self.parts.asking);
                raise.apply(&mut decision);
                return Ok((decision, Vec::new()));
            }
            (Err(failure), None) => return Err(failure),
        };
        let (mut decision, notes) = super::after(judged, call, &prepared.action, recalled, retried);
        if decision.verdict > Verdict::Allow {
            decision.reasons.extend(super::names_a_script(call, &prepared.action));
        }
        if let Some(error) = error {
            self.raise_by(&Failure::Session(error.clone()), &mut decision);
        }
        Ok((decision, notes))
    }

    /// Lets the session remember. Where it cannot, what it would have to know later is asked about now.
    pub(in crate::engine) fn noted(&self, call: &ToolCall, mut decision: Decision, notes: &[Note]) -> Decision {
        let Some(memory) = self.memory_of(call) else { return decision };
        if is_output(call) {
            // That a call ran only makes later ones looser: not to know it is safe.
            let _ = guarded(|| memory.note(&call.context, &[Note::Ran]).map_err(Failure::Session));
            return decision;
        }
        if notes.is_empty() {
            return decision;
        }
        if let Err(failure) = guarded(|| memory.note(&call.context, notes).map_err(Failure::Session)) {
            self.raise_by(&failure, &mut decision);
        }
        decision
    }
}

/// Whether a call stands for what a tool returned.
fn is_output(call: &ToolCall) -> bool {
    call.tool == "text"
}
