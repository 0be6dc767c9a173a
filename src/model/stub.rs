//! A classifier for tests: answers with what a function says, or fails as told.

use std::time::Duration;

use super::{Batch, Classifier, Logits, ModelError, RowLogits};

type Answer = Box<dyn FnMut(&[u32]) -> Result<RowLogits, ModelError> + Send>;

/// Answers each row with the result of a function of its token ids, after waiting `delay` a batch.
pub(crate) struct StubClassifier {
    answer: Answer,
    delay: Duration,
}

impl StubClassifier {
    /// Answers every row by a function of its token ids.
    pub(crate) fn from_fn(mut answer: impl FnMut(&[u32]) -> RowLogits + Send + 'static) -> Self {
        Self { answer: Box::new(move |row| Ok(answer(row))), delay: Duration::ZERO }
    }

    /// Answers every row alike.
    pub(crate) fn fixed(logits: RowLogits) -> Self {
        Self::from_fn(move |_| logits)
    }

    /// Fails every run with the error that the function makes.
    pub(crate) fn failing(mut error: impl FnMut() -> ModelError + Send + 'static) -> Self {
        Self { answer: Box::new(move |_| Err(error())), delay: Duration::ZERO }
    }

    /// Breaks the promise of finite numbers.
    pub(crate) fn not_a_number() -> Self {
        Self::fixed(RowLogits::all(f32::NAN))
    }

    /// Sleeps this long before each answer.
    #[must_use]
    pub(crate) fn with_delay(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }
}

impl Classifier for StubClassifier {
    fn classify(&mut self, batch: &Batch) -> Result<Logits, ModelError> {
        std::thread::sleep(self.delay);
        let rows = batch.rows().map(|row| (self.answer)(row)).collect::<Result<_, _>>()?;
        Ok(Logits { rows })
    }
}

impl RowLogits {
    /// The same number for every label.
    pub(crate) fn all(value: f32) -> Self {
        Self { risk: [value; _], permission: [value; _], effects: [value; _], injection: value, novelty: value }
    }
}
