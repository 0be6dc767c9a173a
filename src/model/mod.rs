//! Rows of token ids in, logits of every head out.
//!
//! This is the only module that knows ONNX Runtime. It takes bytes and a loaded [`Runtime`]; finding and checking files is
//! `artifact`'s business, what the logits mean is the calibration's.
//!
//! From nothing to the first logits: [`Runtime::load`] (once a process, about 15 ms) → [`OnnxClassifier::open`] (once a
//! worker) → [`check_golden`] → [`Classifier::classify`]. The first does not need the bundle, so it can run on a thread of
//! its own while the bundle is mapped and the tokenizer parsed.

mod batch;
mod device;
mod error;
mod golden;
mod runtime;
mod session;
#[cfg(test)]
pub(crate) mod stub;

pub use batch::{Batch, PaddedBatch};
pub use device::{Device, UnknownDevice};
pub use error::ModelError;
pub use golden::check_golden;
pub use runtime::{MEND, OLDEST_RUNTIME, Runtime, TELEMETRY_OFF};
pub use session::{ModelBytes, OnnxClassifier, SessionOptions};

pub use crate::assessment::RowLogits;

/// Something that scores token rows: the ONNX session, or a stub in tests.
pub trait Classifier: Send {
    /// Scores every row of the batch; `rows` of the answer has one entry for each, in order. An empty batch gives an
    /// empty answer.
    fn classify(&mut self, batch: &Batch) -> Result<Logits, ModelError>;
}

/// The raw answer for a batch.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Logits {
    /// One entry for each row of the batch, in order.
    pub rows: Vec<RowLogits>,
}
