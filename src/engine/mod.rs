//! The decision: the order of the stages, and what happens when one of them fails.
//!
//! normalise → encode → classify → calibrate → zone → (review) → policy floors → verdict. Everything a verdict depends on
//! is an argument or a part given at construction; the only clock is the deadline's.

mod audit;
mod cache;
mod deadline;
mod explain;
mod fail_safe;
mod prepared;
mod reasons;
mod review;

use std::collections::HashMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

pub use audit::{AuditEntry, AuditError, AuditSink, Timings};
pub use cache::{CacheKey, DecisionCache, Remembered};
pub use deadline::Deadline;
use deadline::Stopwatch;
pub use explain::{Contribution, Explanation, UnitScore, WorstUnit, expected_risk};
pub use fail_safe::{Asking, Failure};
use prepared::{Prepared, RowRef, Window};
pub use review::{Review, ReviewError, ReviewMode, ReviewRequest, Reviewer};

use crate::action::{Action, Tool, ToolCall};
use crate::assessment::{Assessment, RowLogits};
use crate::calibrate::{self, Thresholds};
use crate::encode::Encoder;
use crate::manifest::Calibration;
use crate::model::{Batch, Classifier};
use crate::policy::{Policy, PolicyMatch};
use crate::verdict::{Decision, Source, Verdict, Zone};

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
    pub thresholds: Thresholds,
    /// The floors.
    pub policy: Policy,
    /// Who settles uncertain actions; nobody when absent.
    pub reviewer: Option<Box<dyn Reviewer>>,
    /// Where decisions are recorded; nowhere when absent.
    pub audit: Option<Box<dyn AuditSink>>,
    /// Decisions that were made before; none are remembered when absent.
    pub cache: Option<Arc<dyn DecisionCache>>,
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

    /// Judges many calls at once: windows of like length share a model run. One decision for each call, in order.
    pub fn decide_all(&mut self, calls: &[ToolCall], deadline: Deadline) -> Vec<Decision> {
        let since = Stopwatch::start();
        let mut prepared: Vec<_> = calls.iter().map(|call| self.prepare(call)).collect();
        self.classify(&mut prepared, deadline);
        calls.iter().zip(prepared).map(|(call, prepared)| self.conclude(call, prepared, deadline, since)).collect()
    }

    /// What the model believes of canonical actions, without any decision: for explanations.
    pub fn assess_all(&mut self, actions: Vec<Action>) -> Result<Vec<Assessment>, Failure> {
        let encoder = Arc::clone(&self.parts.encoder);
        let prepare = |action| Prepared::new(action, &encoder);
        let mut prepared: Vec<_> = actions.into_iter().map(prepare).collect();
        self.classify(&mut prepared, Deadline::none());
        prepared.into_iter().map(|prepared| prepared.and_then(|prepared| self.assess(&prepared))).collect()
    }

    /// The cuts in force.
    pub fn thresholds(&self) -> &Thresholds {
        &self.parts.thresholds
    }

    fn prepare(&self, call: &ToolCall) -> Result<Prepared, Failure> {
        guarded(|| {
            let action = crate::normalize::normalize(call);
            let Some(cache) = &self.parts.cache else { return Prepared::new(action, &self.parts.encoder) };
            let key = CacheKey::of(call, &action);
            match cache.get(&key) {
                Some(remembered) => Ok(Prepared::known(remembered.recall(&action), action)),
                None => Prepared::new(action, &self.parts.encoder).map(|prepared| prepared.under(key)),
            }
        })
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
        let (judged, action) = match prepared {
            Ok(prepared) => (guarded(|| self.judge(call, &prepared, deadline)), Some(prepared.action)),
            Err(failure) => (Err(failure), None),
        };
        let decision = judged.unwrap_or_else(|failure| fail_safe::decision(&failure, self.parts.asking));
        self.audited(call, action.as_ref(), fail_safe::without_asking(decision, self.parts.asking), since)
    }

    fn judge(&mut self, call: &ToolCall, prepared: &Prepared, deadline: Deadline) -> Result<Decision, Failure> {
        if let Some(known) = &prepared.known {
            return Ok(known.clone());
        }
        let assessment = self.assess(prepared)?;
        let zone = match prepared.action.tool {
            Tool::Text => calibrate::text_zone(&assessment, &self.parts.thresholds),
            _ => calibrate::zone(&assessment, &self.parts.thresholds),
        };
        let mut decision = Decision {
            verdict: verdict_of(zone),
            source: Source::Model,
            zone: Some(zone),
            reasons: reasons::of_assessment(prepared, &assessment, zone, &self.parts.thresholds),
            assessment: Some(assessment),
            n_tokens: prepared.encoding.n_tokens(),
            n_windows: prepared.encoding.input_ids.len(),
        };
        let floors = self.floors(prepared);
        if self.is_reviewable(prepared, &floors) {
            self.review(call, prepared, &mut decision, deadline);
        }
        let by_action_alone = decision.source == Source::Model && self.is_settled_here(zone);
        raise_to_floors(&mut decision, floors);
        if by_action_alone {
            self.remember(prepared, &decision);
        }
        Ok(decision)
    }

    /// Keeps a decision that follows from the action and its circumstances alone. A reviewer knows more than these, and what
    /// a failure decided says nothing about the action: neither is kept.
    fn remember(&self, prepared: &Prepared, decision: &Decision) {
        if let (Some(cache), Some(key)) = (&self.parts.cache, prepared.key) {
            cache.put(key, Remembered::new(decision, &prepared.action));
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
    fn review(&mut self, call: &ToolCall, prepared: &Prepared, decision: &mut Decision, deadline: Deadline) {
        let Some(reviewer) = self.parts.reviewer.as_mut() else { return };
        let (Some(zone), Some(assessment)) = (decision.zone, decision.assessment.as_ref()) else { return };
        let reasons = &decision.reasons;
        let request = ReviewRequest { call, action: &prepared.action, assessment, zone, reasons, deadline };
        let (since, mut wanted) = (Stopwatch::start(), false);
        let answer = guarded(|| {
            wanted = reviewer.wants(call, zone).map_err(Failure::Review)?;
            wanted.then(|| reviewer.review(&request).map_err(Failure::Review)).transpose()
        });
        self.trail.review_us = wanted.then(|| since.elapsed_us());
        match answer {
            Ok(None) => {}
            Ok(Some(mut review)) => {
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

    /// The rules that the action meets, and one more when not all of it was given to the model.
    fn floors(&self, prepared: &Prepared) -> Vec<PolicyMatch> {
        let mut matches = self.parts.policy.matches(&prepared.action);
        if prepared.encoding.truncated && !prepared.action.all_gaps().contains(crate::action::Gap::Truncated) {
            matches.push(Policy::too_large());
        }
        matches
    }

    /// Records the decision. One that cannot be recorded is not carried out unseen.
    fn audited(&mut self, call: &ToolCall, action: Option<&Action>, decision: Decision, since: Stopwatch) -> Decision {
        let Some(audit) = self.parts.audit.as_mut() else { return decision };
        let entry = AuditEntry {
            call,
            action,
            decision: &decision,
            policy: self.parts.policy.name(),
            thresholds: Some(&self.parts.thresholds),
            asking: self.parts.asking,
            timings: Timings { total_us: since.elapsed_us(), review_us: self.trail.review_us },
            reply_id: self.trail.reply_id.as_deref(),
        };
        let Err(failure) = guarded(|| audit.record(&entry).map_err(Failure::Audit)) else { return decision };
        let verdict = fail_safe::verdict(&failure, self.parts.asking).max(decision.verdict);
        let mut decision = decision;
        if verdict > decision.verdict {
            (decision.verdict, decision.source) = (verdict, Source::FailSafe);
        }
        decision.reasons.push(failure.reason());
        decision
    }
}

/// The decision for a call that no engine judged.
pub fn fail_safe(failure: &Failure, asking: Asking) -> Decision {
    fail_safe::decision(failure, asking)
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
    for PolicyMatch { floor, reason } in matches {
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
        if let Some(spoiled) = prepared.get_mut(user.action) {
            *spoiled = Err(failure.clone());
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
