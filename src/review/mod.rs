//! Remote review: a Claude model over the Messages API settles what the local model is not sure of.
//!
//! Off unless a setting turns it on, and nothing is loaded before the first action that goes: no runtime, no certificates, no
//! key. What goes is redacted (`crate::redact`); what comes back is a verdict or a named failure, never a guess. One review
//! is: not paused? → session and git facts → the document → a slot → budget set aside → the question, in one or two stages →
//! budget corrected, pause learnt → the verdict kept, if the operator agreed.
//!
//! The front is synchronous, as the engine is: each reviewer has a small runtime of its own, on the thread that asks. It must
//! not be called on a thread that already drives another runtime.

mod answer;
mod breaker;
mod budget;
mod client;
mod failure;
mod git;
mod kept;
mod key;
mod options;
mod prompt;
mod request;
mod slots;
mod state;
mod transcript;

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::Sender;
use std::time::{Duration, SystemTime};

use answer::Answer;
pub use breaker::{Breaker, Ending};
pub use budget::{Amount, Ledger, Limits, Prices, Reservation, Usage, micro_usd};
use client::Client;
use failure::CallFailure;
pub use kept::export;
pub use key::KeySource;
pub use options::{
    Asking, Auth, Cache, Dialect, Endpoint, Keep, Options, OptionsError, Output, Sources, Times, address, at_least_one,
    headers, optional_word, word,
};
use request::{Question, Stage};
pub use state::{Accepted, State, Store};
use tokio::runtime::{Builder, Runtime};
use tokio::time::Instant;
use transcript::Entry;

use crate::action::ToolCall;
use crate::engine::{Deadline, Review, ReviewError, ReviewMode, ReviewRequest, Reviewer};
use crate::verdict::{Verdict, Zone};

/// Time that the engine needs after a review to answer before its own deadline.
const MARGIN: Duration = Duration::from_millis(150);
/// Less than this is not worth a question.
const LEAST_TIME: Duration = Duration::from_millis(250);
/// Longest time for what git knows: it helps, and is not worth a late answer.
const GIT_TIME: Duration = Duration::from_millis(400);
/// Bytes of a question for one token: low, so that more is set aside than is spent.
const BYTES_A_TOKEN: u64 = 3;

/// The mode that a project's own settings ask for, which can only leave less to the reviewer.
pub type ProjectMode = Arc<dyn Fn(&Path) -> Result<Option<ReviewMode>, String> + Send + Sync>;

/// Seconds since 1970.
pub type Clock = Arc<dyn Fn() -> u64 + Send + Sync>;

/// The system's clock. One before 1970 stands still.
pub fn system_clock() -> Clock {
    Arc::new(|| SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).map_or(0, |time| time.as_secs()))
}

/// Asks a model over the network.
pub struct RemoteReviewer {
    options: Arc<Options>,
    project_mode: ProjectMode,
    store: Store,
    clock: Clock,
    connected: Option<Connected>,
}

/// What the first question loads.
struct Connected {
    runtime: Runtime,
    client: Client,
}

impl RemoteReviewer {
    /// Loads nothing yet.
    pub fn new(options: Arc<Options>, project_mode: ProjectMode, clock: Clock) -> Self {
        let store = Store::new(&options.state);
        Self { options, project_mode, store, clock, connected: None }
    }

    /// Keeps the verdict, if the operator agreed; the reason for it, with a word on what could not be kept.
    fn kept(&self, request: &ReviewRequest<'_>, answer: &Answer) -> String {
        let model = &self.options.asking.model;
        let justification = answer.justification(model);
        match self.options.keep {
            Keep::Nothing => justification,
            Keep::Verdicts => match kept::keep(&self.store, request, answer, model, (self.clock)()) {
                Ok(()) => justification,
                Err(error) => format!("{justification}; {error}"),
            },
        }
    }

    /// The verdict on one action, before `due`.
    fn settle(&mut self, request: &ReviewRequest<'_>, due: Instant) -> Result<Answer, ReviewError> {
        let connected = match self.connected.take() {
            Some(connected) => connected,
            None => Connected { runtime: runtime()?, client: Client::new(&self.options.endpoint, self.options.times)? },
        };
        let connected = self.connected.insert(connected);
        let round = Round { options: &self.options, store: &self.store, clock: &self.clock, client: &connected.client };
        connected.runtime.block_on(round.run(request, due))
    }
}

impl Reviewer for RemoteReviewer {
    fn wants(&mut self, call: &ToolCall, zone: Zone) -> Result<bool, ReviewError> {
        wants(self.options.mode, &self.project_mode, call, zone)
    }

    fn review(&mut self, request: &ReviewRequest<'_>) -> Result<Review, ReviewError> {
        let due = due(request.deadline, self.options.times.review)?;
        // Before anything is loaded or read: being offline costs nothing.
        let now = (self.clock)();
        self.store.update(|state| state.breaker.check(now))??;
        let answer = self.settle(request, due)?;
        Ok(Review { verdict: answer.verdict, justification: self.kept(request, &answer), reply_id: answer.reply_id })
    }
}

/// One review.
struct Round<'a> {
    options: &'a Options,
    store: &'a Store,
    clock: &'a Clock,
    client: &'a Client,
}

impl Round<'_> {
    async fn run(&self, request: &ReviewRequest<'_>, due: Instant) -> Result<Answer, ReviewError> {
        let operator = prompt::operator_part(self.options);
        let document = document(self.options, request, due).await?;
        let _slot = slots::take(self.store, self.options.concurrency, due).await?;
        let ask = |stage, due| self.stage(stage, operator.as_deref(), &document, due);
        if self.options.asking.two_stage {
            let first = ask(Stage::Short, first_due(due)).await?;
            if first.verdict == Verdict::Allow {
                return Ok(first);
            }
        }
        ask(Stage::Whole, due).await
    }

    /// One question, in the way that the model accepts.
    async fn stage(
        &self,
        stage: Stage,
        operator: Option<&str>,
        document: &str,
        due: Instant,
    ) -> Result<Answer, ReviewError> {
        let mut output = self.output()?;
        loop {
            match self.question(Question { stage, output, operator, document }, due).await? {
                Ok(answer) => return Ok(answer),
                // Whoever said how to ask is not asked otherwise.
                Err(failure) if self.options.asking.output.is_none() => match failure.next_output(output) {
                    Some(next) => output = next,
                    None => return Err(failure.into_error()),
                },
                Err(failure) => return Err(failure.into_error()),
            }
        }
    }

    /// Asks within budget and pause, and tells both how it went.
    async fn question(&self, question: Question<'_>, due: Instant) -> Result<Result<Answer, CallFailure>, ReviewError> {
        let asking = &self.options.asking;
        let body = request::body(question, asking).map_err(|error| ReviewError::State(error.to_string()))?;
        let set_aside = self.most(&body, question.stage);
        let now = (self.clock)();
        let reservation = self.store.update(|state| {
            state.breaker.admit(now)?;
            state.ledger.reserve(set_aside, &self.options.limits, now)
        })??;
        let reply = self.client.ask(&body, due).await;
        let usage = reply.as_ref().ok().and_then(answer::ReplyWire::usage);
        let answer = reply.and_then(|reply| reply.answer(question.stage));
        let spent = self.spent(usage, answer.as_ref().err());
        let ending = ending(&answer, question.output, asking.output.is_none());
        let accepted = answer.is_ok().then(|| Accepted { by: self.model_id(), output: question.output });
        let now = (self.clock)();
        let recorded = self.store.update(|state| {
            if let Some(spent) = spent {
                state.ledger.settle(&reservation, spent);
            }
            state.breaker.record(ending, now);
            state.accepted = accepted.or(state.accepted.take());
        });
        match (&answer, recorded) {
            // What was said against the action holds, whatever becomes of the books.
            (Ok(Answer { verdict: Verdict::Deny, .. }), _) | (_, Ok(())) => Ok(answer),
            (_, Err(error)) => Err(error),
        }
    }

    /// The most that a question can cost.
    fn most(&self, body: &[u8], stage: Stage) -> Amount {
        let input = u64::try_from(body.len()).unwrap_or(u64::MAX) / BYTES_A_TOKEN;
        let output = stage.max_tokens(&self.options.asking).into();
        // As if all of it were written to the cache, which is the dearest.
        Usage { output, cache_write: input, ..Usage::default() }.amount(self.options.prices)
    }

    /// What a question did cost; `None` when that is not known, and then what was set aside stands.
    fn spent(&self, usage: Option<Usage>, failure: Option<&CallFailure>) -> Option<Amount> {
        let unbilled = failure.is_some_and(CallFailure::is_unbilled).then(Amount::default);
        usage.map(|usage| usage.amount(self.options.prices)).or(unbilled)
    }

    fn model_id(&self) -> String {
        format!("{} {}", self.options.endpoint.url, self.options.asking.model)
    }

    /// The way of asking: as said, as accepted before, or the first of those there are.
    fn output(&self) -> Result<Output, ReviewError> {
        if let Some(output) = self.options.asking.output {
            return Ok(output);
        }
        let accepted = self.store.update(|state| state.accepted.clone())?;
        Ok(accepted
            .filter(|accepted| accepted.by == self.model_id())
            .map_or(Output::Schema, |accepted| accepted.output))
    }
}

/// What the breaker learns. A way of asking that was refused while another is left says nothing against the reviewer.
fn ending(answer: &Result<Answer, CallFailure>, output: Output, may_change: bool) -> Ending {
    match answer {
        Ok(_) => Ending::Reached,
        Err(failure) if may_change && failure.next_output(output).is_some() => Ending::Reached,
        Err(failure) => failure.ending(),
    }
}

/// Shows what would be sent, and sends nothing.
pub struct Preview {
    options: Arc<Options>,
    project_mode: ProjectMode,
    shown: Sender<String>,
}

impl Preview {
    /// Every question goes to `shown` in the place of the network, exactly as it would be sent.
    pub fn new(options: Arc<Options>, project_mode: ProjectMode, shown: Sender<String>) -> Self {
        Self { options, project_mode, shown }
    }
}

impl Reviewer for Preview {
    fn wants(&mut self, call: &ToolCall, zone: Zone) -> Result<bool, ReviewError> {
        wants(self.options.mode, &self.project_mode, call, zone)
    }

    fn review(&mut self, request: &ReviewRequest<'_>) -> Result<Review, ReviewError> {
        let due = due(request.deadline, self.options.times.review)?;
        let document = runtime()?.block_on(document(&self.options, request, due))?;
        let operator = prompt::operator_part(&self.options);
        let asking = &self.options.asking;
        let stage = if asking.two_stage { Stage::Short } else { Stage::Whole };
        let output = asking.output.unwrap_or(Output::Schema);
        let question = Question { stage, output, operator: operator.as_deref(), document: &document };
        let body = request::body(question, asking).map_err(|error| ReviewError::State(error.to_string()))?;
        // Whoever does not listen any more does not want to see it.
        let _ = self.shown.send(String::from_utf8_lossy(&body).into_owned());
        Err(ReviewError::NotSent)
    }
}

/// Whether an action goes: by the operator's mode, or the project's where that leaves less.
fn wants(mode: ReviewMode, project_mode: &ProjectMode, call: &ToolCall, zone: Zone) -> Result<bool, ReviewError> {
    if !mode.covers(zone) {
        return Ok(false);
    }
    let workspace = call.context.workspace.as_deref().or(call.context.cwd.as_deref());
    let Some(workspace) = workspace else { return Ok(true) };
    let project = project_mode(Path::new(workspace)).map_err(ReviewError::Configuration)?;
    Ok(project.is_none_or(|project| project.covers(zone)))
}

/// The document, with the circumstances that may be sent.
async fn document(options: &Options, request: &ReviewRequest<'_>, due: Instant) -> Result<String, ReviewError> {
    let context = &request.call.context;
    let session = match &context.transcript {
        Some(path) if options.sources.transcript => earlier(transcript::read(path), request.call),
        _ => Vec::new(),
    };
    let folder = context.cwd.as_deref().or(context.workspace.as_deref());
    let git = match folder {
        Some(folder) if options.sources.git && git::matters(request.action) => {
            git::facts(Path::new(folder), due.min(Instant::now() + GIT_TIME)).await
        }
        _ => None,
    };
    prompt::document(request, &session, git)
}

/// The session without the call that is judged, which may stand at its end already.
fn earlier(mut session: Vec<Entry>, call: &ToolCall) -> Vec<Entry> {
    if session.last().is_some_and(|last| *last == transcript::call_entry(&call.tool, &call.input)) {
        session.pop();
    }
    session
}

fn runtime() -> Result<Runtime, ReviewError> {
    let built = Builder::new_current_thread().enable_all().build();
    built.map_err(|error| ReviewError::State(format!("no runtime can be made: {error}")))
}

/// When a review must have ended: before the caller's deadline, and within its own time.
fn due(deadline: Deadline, longest: Duration) -> Result<Instant, ReviewError> {
    let left = deadline.remaining().map_or(longest, |left| left.saturating_sub(MARGIN).min(longest));
    if left < LEAST_TIME { Err(ReviewError::Deadline) } else { Ok(Instant::now() + left) }
}

/// When the short answer must be there, so that the whole one still has the larger part.
fn first_due(due: Instant) -> Instant {
    let now = Instant::now();
    now + due.saturating_duration_since(now) * 2 / 5
}

#[cfg(test)]
mod stub;
#[cfg(test)]
mod tests;
