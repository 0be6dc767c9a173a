//! The decision: the order of the stages, and what happens when one of them fails.
//!
//! normalise → rules before the model → encode → classify → calibrate → zone → rules after it → (review) → floors → (session) →
//! verdict. Everything a verdict depends on is an argument or a part given at construction; the only clock is the deadline's.

mod again;
mod audit;
mod cache;
mod deadline;
mod explain;
mod fail_safe;
mod grant;
mod prepared;
mod reasons;
mod review;
mod session;

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

pub use again::{Again, Begun, Hold, Logged, Remade, Scored, Unmade};
pub use audit::{AuditEntry, AuditError, AuditSink, Timings};
pub use cache::{CacheKey, DecisionCache, Remembered};
pub use deadline::Deadline;
use deadline::Stopwatch;
pub use explain::{Contribution, Explanation, UnitScore, WorstUnit, expected_risk};
pub use fail_safe::{Asking, Failure};
pub use grant::{Grants, Offer};
use prepared::{Judged, Prepared, RowRef, Window};
pub use review::{Review, ReviewError, ReviewMode, ReviewRequest, Reviewer};
pub use session::{
    DenialLimits, Denials, FileMark, LostFiles, Note, Operation, Recollection, SessionError, SessionMemory,
};

use crate::action::{Action, Tool, ToolCall};
use crate::assessment::{Assessment, RowLogits};
use crate::calibrate::{self, ThresholdTable, Thresholds};
use crate::encode::Encoder;
use crate::manifest::Calibration;
use crate::model::{Batch, Classifier};
use crate::policy::{Policy, PolicyMatch, Ruling};
use crate::verdict::{Decision, Reason, Source, Verdict, Zone};

/// Stack of a thread that judges: room for every recursion that `normalize::limits` permits.
pub const STACK: usize = 16 * 1024 * 1024;

/// Tokens of one model run, padding included: enough to fill the vector units, little enough to stay in the caches.
const MAX_RUN_TOKENS: usize = 2048;

/// What an engine is made of.
pub struct Parts {
    /// Actions to token ids; shared by all workers.
    pub encoder: Arc<Encoder>,
    /// Token ids to logits; one a worker.
    pub classifier: Box<dyn Classifier>,
    /// Logits to probabilities.
    pub calibration: Calibration,
    /// Probabilities to zones.
    pub thresholds: ThresholdTable,
    /// The rules.
    pub policy: Policy,
    /// Who settles uncertain actions; nobody when absent.
    pub reviewer: Option<Box<dyn Reviewer>>,
    /// Where decisions are recorded; nowhere when absent.
    pub audit: Option<Box<dyn AuditSink>>,
    /// Decisions that were made before; none are remembered when absent.
    pub cache: Option<Arc<dyn DecisionCache>>,
    /// What earlier calls of a session left behind; each call stands alone when absent.
    pub sessions: Option<Arc<dyn SessionMemory>>,
    /// What a person let run once; nothing when absent.
    pub grants: Option<Box<dyn Grants>>,
    /// Whether the model scores what rules settle, too: to measure it.
    pub score_everything: bool,
    /// Whether there is a person to ask.
    pub asking: Asking,
}

/// Judges actions. One thread at a time; make one a worker.
pub struct Engine {
    parts: Parts,
    batch: Batch,
    trail: Trail,
}

/// What is recorded of a decision and is no part of it.
#[derive(Default)]
struct Trail {
    /// The cuts for this action; the general ones when it was not judged anew.
    thresholds: Option<Thresholds>,
    review_us: Option<u64>,
    reply_id: Option<String>,
}

impl Engine {
    /// Puts an engine together.
    pub fn new(parts: Parts) -> Self {
        let batch = Batch::new(parts.encoder.pad_id());
        Self { parts, batch, trail: Trail::default() }
    }

    /// Judges one call. Never fails and never panics: a failure is a verdict of the fail-safe table.
    pub fn decide(&mut self, call: &ToolCall, deadline: Deadline) -> Decision {
        let mut decisions = self.decide_all(std::slice::from_ref(call), deadline);
        decisions.pop().unwrap_or_else(|| fail_safe::decision(&Failure::Panic, self.parts.asking))
    }

    /// Judges many calls at once: windows of like length share a model run. One decision for each call, in order. Calls of
    /// sessions are judged one after another, since each may depend on the one before.
    pub fn decide_all(&mut self, calls: &[ToolCall], deadline: Deadline) -> Vec<Decision> {
        if calls.len() > 1 && calls.iter().any(|call| self.memory_of(call).is_some()) {
            return calls.iter().map(|call| self.decide(call, deadline)).collect();
        }
        let since = Stopwatch::start();
        let mut prepared: Vec<_> = calls.iter().map(|call| self.prepare(call)).collect();
        self.classify(&mut prepared, deadline);
        calls.iter().zip(prepared).map(|(call, prepared)| self.conclude(call, prepared, deadline, since)).collect()
    }

    /// What the model believes of canonical actions, without any decision: for explanations.
    pub fn assess_all(&mut self, actions: Vec<Action>) -> Result<Vec<Assessment>, Failure> {
        let encoder = Arc::clone(&self.parts.encoder);
        let prepare = |action| Ok(Prepared::new(action, &encoder));
        let mut prepared: Vec<_> = actions.into_iter().map(prepare).collect();
        self.classify(&mut prepared, Deadline::none());
        prepared.into_iter().map(|prepared| prepared.and_then(|prepared| self.assess(&prepared))).collect()
    }

    /// What the model believes of each canonical action by itself, for decisions that are made again; a failure where there is
    /// no answer.
    pub fn score_each(&mut self, actions: Vec<Action>) -> Vec<Result<Scored, Failure>> {
        let encoder = Arc::clone(&self.parts.encoder);
        let prepare = |action| guarded(|| Ok(Prepared::new(action, &encoder)));
        let mut prepared: Vec<_> = actions.into_iter().map(prepare).collect();
        self.classify(&mut prepared, Deadline::none());
        let scored = |prepared: Result<Prepared, Failure>| {
            let prepared = prepared?;
            Ok(Scored { assessment: self.assess(&prepared)?, truncated: prepared.encoding.truncated })
        };
        prepared.into_iter().map(scored).collect()
    }

    /// The cuts in force.
    pub fn thresholds(&self) -> &Thresholds {
        self.parts.thresholds.base()
    }

    fn prepare(&self, call: &ToolCall) -> Result<Prepared, Failure> {
        guarded(|| {
            let mut past = self.recall(call);
            let informed = past.as_mut().and_then(|past| self.informed(call, past));
            let (informed, action) = informed.unwrap_or_else(|| (None, crate::normalize::normalize(call)));
            let prepared = self.prepare_action(informed.as_ref().unwrap_or(call), action);
            Ok(prepared.in_session(past, informed))
        })
    }

    fn prepare_action(&self, call: &ToolCall, action: Action) -> Prepared {
        let ruling = self.parts.policy.before(call, &action);
        if let Some(decision) = settled(&ruling).filter(|_| !self.parts.score_everything) {
            let carriers = denied_by(&ruling.floors).map(|span| session::telling_at(&action, span));
            let judged = Judged { carriers: carriers.unwrap_or_default(), ..Judged::from(decision) };
            return Prepared::known(judged, action).ruled(ruling);
        }
        // What rules say of who acts is not in the key.
        let cache = self.parts.cache.as_ref().filter(|_| self.parts.policy.is_pure());
        let Some(cache) = cache else {
            return Prepared::new(action, &self.parts.encoder).ruled(ruling);
        };
        let key = CacheKey::of(call, &action);
        match cache.get(&key) {
            Some(remembered) => Prepared::known(remembered.recall(&action), action).ruled(ruling),
            None => Prepared::new(action, &self.parts.encoder).under(key).ruled(ruling),
        }
    }

    /// Scores every window, equal ones once. A run that fails spoils the actions that had a window in it, and no other.
    fn classify(&mut self, prepared: &mut [Result<Prepared, Failure>], deadline: Deadline) {
        for run in runs(prepared) {
            let scored = if deadline.passed() { Err(Failure::Deadline) } else { self.score(&run) };
            match scored {
                Ok(logits) => run.iter().zip(logits).for_each(|(window, logits)| keep(prepared, window, logits)),
                Err(failure) => run.iter().for_each(|window| spoil(prepared, window, &failure)),
            }
        }
    }

    /// The logits of each window of one run, in order.
    fn score(&mut self, run: &[Window]) -> Result<Vec<RowLogits>, Failure> {
        self.batch.clear();
        run.iter().for_each(|window| self.batch.push(&window.input_ids));
        let (classifier, batch) = (&mut self.parts.classifier, &self.batch);
        let logits = guarded(|| classifier.classify(batch).map_err(|error| Failure::Model(Arc::new(error))))?;
        if logits.rows.len() == run.len() { Ok(logits.rows) } else { Err(Failure::Score) }
    }

    fn conclude(
        &mut self,
        call: &ToolCall,
        prepared: Result<Prepared, Failure>,
        deadline: Deadline,
        since: Stopwatch,
    ) -> Decision {
        self.trail = Trail::default();
        let mut action = None;
        let settled = prepared.and_then(|mut prepared| {
            let informed = prepared.informed.take();
            let call = informed.as_ref().unwrap_or(call);
            let settled = guarded(|| {
                let settled = self.settle(call, &mut prepared, deadline)?;
                Ok(self.granted(call, &prepared, settled))
            });
            action = Some(prepared.action);
            settled
        });
        let (decision, notes) = settled.unwrap_or_else(|failure| {
            let decision = fail_safe::decision(&failure, self.parts.asking);
            let notes = (decision.verdict == Verdict::Ask).then_some(Note::Asked { escalated: false });
            (decision, notes.into_iter().collect())
        });
        let decision = self.noted(call, decision, &notes);
        self.audited(call, action.as_ref(), fail_safe::without_asking(decision, self.parts.asking), (since, deadline))
    }

    /// The same, unless a person let this action run once. What guards the gate and what the administrator forbids stands.
    fn granted(
        &mut self,
        call: &ToolCall,
        prepared: &Prepared,
        settled: (Decision, Vec<Note>),
    ) -> (Decision, Vec<Note>) {
        let (decision, notes) = settled;
        let mut decision = fail_safe::without_asking(decision, self.parts.asking);
        let is_open = decision.verdict != Verdict::Allow && !prepared.lasting;
        let Some(grants) = self.parts.grants.as_mut().filter(|_| is_open) else { return (decision, notes) };
        let Some(code) = grant::code(call, &prepared.action) else { return (decision, notes) };
        if grants.take(&code) {
            (decision.verdict, decision.source) = (Verdict::Allow, Source::Policy);
            decision.reasons.insert(0, Reason::new("grant.once", "a person let exactly this run, once"));
            // It is no denial any more; what the call does is remembered all the same.
            let is_answer = |note: &Note| matches!(note, Note::Denied(_) | Note::Asked { .. });
            return (decision, notes.into_iter().filter(|note| !is_answer(note)).collect());
        }
        if decision.verdict == Verdict::Deny {
            let session = call.context.session_id.as_deref().unwrap_or_default();
            let text = grant::text(&prepared.action);
            if grants.offer(&Offer { code: &code, session, tool: &call.tool, text: &text }) {
                let text =
                    format!("a person can let exactly this run once, at a terminal: `riskgate allow-once {code}`");
                decision.reasons.push(Reason::new("grant.offer", text));
            }
        }
        (decision, notes)
    }

    fn judge(
        &mut self,
        call: &ToolCall,
        prepared: &mut Prepared,
        past: Option<(&Recollection, bool)>,
        deadline: Deadline,
    ) -> Result<Judged, Failure> {
        if let Some(known) = &prepared.known {
            return Ok(known.clone());
        }
        let assessment = self.assess(prepared)?;
        let ruling = std::mem::take(&mut prepared.ruling);
        let truncated = prepared.encoding.truncated;
        let (policy, table) = (&self.parts.policy, &self.parts.thresholds);
        let again::Weighed { thresholds, zone, ruling } =
            again::weigh(policy, table, (call, &prepared.action), ruling, (&assessment, truncated));
        self.trail.thresholds = Some(thresholds);
        prepared.lasting |= ruling.floors.iter().any(|found| found.lasting);
        let mut judged = Judged {
            carriers: session::carriers(prepared, zone),
            ..Judged::from(Decision {
                verdict: verdict_of(zone),
                source: Source::Model,
                zone: Some(zone),
                reasons: reasons::of_assessment(prepared, &assessment, zone, &thresholds),
                assessment: Some(assessment),
                n_tokens: prepared.encoding.n_tokens(),
                n_windows: prepared.encoding.input_ids.len(),
            })
        };
        let (recalled, is_denied_anyway) = past.unzip();
        if let Some(reason) = ruling.allowed {
            (judged.decision.verdict, judged.decision.source) = (Verdict::Allow, Source::Policy);
            judged.decision.reasons.insert(0, reason);
        } else if is_denied_anyway != Some(true) && self.is_reviewable(prepared, &ruling.floors) {
            let boundaries: &[String] = recalled.map_or(&[], |recalled| &recalled.boundaries);
            self.review(call, prepared, &mut judged, boundaries, deadline);
        }
        judged.lasting = prepared.lasting;
        let by_action_alone = match judged.decision.source {
            Source::Model => self.is_settled_here(zone),
            source => source == Source::Policy,
        };
        if let Some(span) = denied_by(&ruling.floors).filter(|_| judged.decision.verdict < Verdict::Deny) {
            judged.carriers = session::telling_at(&prepared.action, span);
        }
        raise_to_floors(&mut judged.decision, ruling.floors);
        if by_action_alone {
            self.remember(prepared, &judged);
        }
        Ok(judged)
    }

    /// Keeps a decision that follows from the action and its circumstances alone. A reviewer knows more than these, and what
    /// a failure decided says nothing about the action: neither is kept.
    fn remember(&self, prepared: &Prepared, judged: &Judged) {
        if let (Some(cache), Some(key)) = (&self.parts.cache, prepared.key) {
            cache.put(key, Remembered::new(judged, &prepared.action));
        }
    }

    fn assess(&self, prepared: &Prepared) -> Result<Assessment, Failure> {
        let rows = prepared.logits()?;
        Ok(match prepared.action.tool {
            Tool::Text => calibrate::assess_text(&rows, &self.parts.calibration),
            _ => calibrate::assess(&rows, &self.parts.calibration),
        })
    }

    /// Whether no reviewer would settle an action of that zone: then its decision follows from the action alone.
    fn is_settled_here(&self, zone: Zone) -> bool {
        self.parts.reviewer.is_none() || zone == Zone::Allow
    }

    /// Whether a reviewer may see the action: what a tool returned stays on this machine, and where a rule denies already no
    /// answer would change anything.
    fn is_reviewable(&self, prepared: &Prepared, floors: &[PolicyMatch]) -> bool {
        let floor = floors.iter().map(|found| found.floor).max().unwrap_or(Verdict::Allow);
        prepared.action.tool != Tool::Text && fail_safe::settle(floor, self.parts.asking) != Verdict::Deny
    }

    /// Lets the reviewer settle what is its to settle. Without one the local verdict stands; when it fails, the stricter of
    /// that and the fail-safe's.
    fn review(
        &mut self,
        call: &ToolCall,
        prepared: &Prepared,
        judged: &mut Judged,
        boundaries: &[String],
        deadline: Deadline,
    ) {
        let Some(reviewer) = self.parts.reviewer.as_mut() else { return };
        let decision = &mut judged.decision;
        let (Some(zone), Some(assessment)) = (decision.zone, decision.assessment.as_ref()) else { return };
        let (action, reasons) = (&prepared.action, decision.reasons.as_slice());
        let request = ReviewRequest { call, action, assessment, zone, reasons, boundaries, deadline };
        let (since, mut wanted) = (Stopwatch::start(), false);
        let answer = guarded(|| {
            wanted = reviewer.wants(call, zone).map_err(Failure::Review)?;
            wanted.then(|| reviewer.review(&request).map_err(Failure::Review)).transpose()
        });
        self.trail.review_us = wanted.then(|| since.elapsed_us());
        match answer {
            Ok(None) => {}
            Ok(Some(mut review)) => {
                judged.boundaries = std::mem::take(&mut review.boundaries);
                self.trail.reply_id = review.reply_id.take();
                decision.verdict = review.verdict;
                decision.source = Source::Remote;
                decision.reasons.insert(0, review.into_reason());
            }
            Err(failure) => {
                let verdict = fail_safe::verdict(&failure, self.parts.asking);
                if verdict >= decision.verdict {
                    (decision.verdict, decision.source) = (verdict, Source::FailSafe);
                }
                decision.reasons.insert(0, failure.reason());
            }
        }
    }

    /// Records the decision. One that cannot be recorded is not carried out unseen.
    fn audited(
        &mut self,
        call: &ToolCall,
        action: Option<&Action>,
        mut decision: Decision,
        (since, deadline): (Stopwatch, Deadline),
    ) -> Decision {
        let Some(audit) = self.parts.audit.as_mut() else { return decision };
        let entry = AuditEntry {
            call,
            action,
            decision: &decision,
            policy: self.parts.policy.name(),
            thresholds: Some(self.trail.thresholds.as_ref().unwrap_or(self.parts.thresholds.base())),
            asking: self.parts.asking,
            timings: Timings { total_us: since.elapsed_us(), review_us: self.trail.review_us },
            deadline,
            reply_id: self.trail.reply_id.as_deref(),
        };
        let Err(failure) = guarded(|| audit.record(&entry).map_err(Failure::Audit)) else { return decision };
        self.raise_by(&failure, &mut decision);
        decision
    }

    /// Raises a decision to the fail-safe's verdict, where that is stricter, and says why.
    fn raise_by(&self, failure: &Failure, decision: &mut Decision) {
        let verdict = fail_safe::verdict(failure, self.parts.asking);
        if verdict > decision.verdict {
            (decision.verdict, decision.source) = (verdict, Source::FailSafe);
        }
        decision.reasons.push(failure.reason());
    }
}

/// The decision for a call that no engine judged.
pub fn fail_safe(failure: &Failure, asking: Asking) -> Decision {
    fail_safe::decision(failure, asking)
}

/// The decision that rules make without the model: a permit of the whole action, or a floor that no score can raise.
fn settled(ruling: &Ruling) -> Option<Decision> {
    let (verdict, reasons) = match &ruling.allowed {
        Some(reason) => (Verdict::Allow, vec![reason.clone()]),
        None if ruling.floor() == Verdict::Deny => {
            let mut floors: Vec<&PolicyMatch> = ruling.floors.iter().collect();
            floors.sort_by_key(|found| std::cmp::Reverse(found.floor));
            (Verdict::Deny, floors.into_iter().map(|found| found.reason.clone()).collect())
        }
        None => return None,
    };
    let unseen =
        Decision { verdict, source: Source::Policy, zone: None, assessment: None, reasons, n_tokens: 0, n_windows: 0 };
    Some(unseen)
}

/// Where the first rule that denies was met.
fn denied_by(floors: &[PolicyMatch]) -> Option<Option<std::ops::Range<usize>>> {
    floors.iter().find(|found| found.floor == Verdict::Deny).map(|found| found.reason.span.clone())
}

fn verdict_of(zone: Zone) -> Verdict {
    match zone {
        Zone::Allow => Verdict::Allow,
        Zone::Uncertain => Verdict::Ask,
        Zone::Deny => Verdict::Deny,
    }
}

/// The strictest of the verdict and the floors wins; the rules that raised it come first among the reasons.
fn raise_to_floors(decision: &mut Decision, matches: Vec<PolicyMatch>) {
    for PolicyMatch { floor, reason, .. } in matches {
        if floor > decision.verdict {
            (decision.verdict, decision.source) = (floor, Source::Policy);
            decision.reasons.insert(0, reason);
        } else {
            decision.reasons.push(reason);
        }
    }
}

/// The distinct windows of all actions, longest first, cut into runs in which little is padding.
fn runs(prepared: &[Result<Prepared, Failure>]) -> Vec<Vec<Window>> {
    let mut users: HashMap<&[u32], Vec<RowRef>> = HashMap::new();
    for (action, prepared) in prepared.iter().enumerate() {
        for (row, ids) in prepared.iter().flat_map(Prepared::windows).enumerate() {
            users.entry(ids).or_default().push(RowRef { action, row });
        }
    }
    let mut windows: Vec<Window> =
        users.into_iter().map(|(ids, users)| Window { input_ids: ids.to_vec(), users }).collect();
    // By content after length: the order, and so every sum in the model, is the same in every process.
    windows.sort_by(|a, b| (b.input_ids.len(), &b.input_ids).cmp(&(a.input_ids.len(), &a.input_ids)));
    windows.into_iter().fold(Vec::new(), |mut runs: Vec<Vec<Window>>, window| {
        match runs.last_mut() {
            Some(run) if fits(run, &window) => run.push(window),
            _ => runs.push(vec![window]),
        }
        runs
    })
}

/// Whether one more window leaves a run small and at least three quarters full.
fn fits(run: &[Window], window: &Window) -> bool {
    let longest = run.first().map_or(0, |first| first.input_ids.len());
    longest * (run.len() + 1) <= MAX_RUN_TOKENS && window.input_ids.len() * 4 >= longest * 3
}

fn keep(prepared: &mut [Result<Prepared, Failure>], window: &Window, logits: RowLogits) {
    for user in &window.users {
        if let Some(Ok(prepared)) = prepared.get_mut(user.action) {
            prepared.set(user.row, logits);
        }
    }
}

fn spoil(prepared: &mut [Result<Prepared, Failure>], window: &Window, failure: &Failure) {
    for user in &window.users {
        if let Some(Ok(prepared)) = prepared.get_mut(user.action) {
            prepared.spoil(failure.clone());
        }
    }
}

/// Runs a step; a panic in it is a failure like any other.
fn guarded<T>(step: impl FnOnce() -> Result<T, Failure>) -> Result<T, Failure> {
    // What a panicking step leaves behind is dropped with its action; sessions are rebuilt from nothing but their input.
    catch_unwind(AssertUnwindSafe(step)).unwrap_or(Err(Failure::Panic))
}

#[cfg(test)]
mod tests;
