//! Everything that can go wrong between a library file and a row of logits.

use std::path::PathBuf;

use super::device::Device;
use super::runtime::{MEND, OLDEST_RUNTIME, TELEMETRY_OFF};

/// A runtime, model or run that cannot be used. Exhaustive on purpose: whoever turns failures into verdicts must decide on each.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The file is no ONNX Runtime, or needs something that this machine lacks.
    #[error("cannot load ONNX Runtime from `{}`; run `{MEND}` for the pinned one", .path.display())]
    Library {
        /// The file.
        path: PathBuf,
        /// What the loader said.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// ONNX Runtime would report home.
    #[error("ONNX Runtime is not started while it may report home: set `{TELEMETRY_OFF}=1` before it is loaded")]
    Telemetry,
    /// An ONNX Runtime from before the interface that riskgate uses.
    #[error(
        "the ONNX Runtime at `{}` is version {found}, too old: at least {OLDEST_RUNTIME} is needed; run `{MEND}` for the pinned one",
        .path.display()
    )]
    TooOld {
        /// The file.
        path: PathBuf,
        /// The version that the library reports.
        found: String,
    },
    /// A second library was asked for; a process can use only one.
    #[error("ONNX Runtime is already loaded from `{}`; a process cannot load another from `{}`", .loaded.display(), .asked.display())]
    OtherLibrary {
        /// In use.
        loaded: PathBuf,
        /// Refused.
        asked: PathBuf,
    },
    /// The library would not start.
    #[error("ONNX Runtime was loaded but does not start")]
    Environment(#[source] ort::Error),
    /// A device that this build of riskgate cannot drive.
    #[error(
        "device `{device}` is not compiled in; build with `cargo build --release --features {feature}` or use `--device cpu`"
    )]
    DeviceNotCompiled {
        /// The device asked for.
        device: Device,
        /// The Cargo feature that brings it.
        feature: &'static str,
    },
    /// A device that the loaded library cannot drive.
    #[error(
        "the loaded ONNX Runtime does not offer device `{device}`; name a library built with it (`ORT_DYLIB_PATH`) or use `--device cpu`"
    )]
    DeviceNotOffered {
        /// The device asked for.
        device: Device,
    },
    /// A device that is there in principle but does not start.
    #[error("device `{device}` does not start; check its driver and libraries, or use `--device cpu`")]
    Device {
        /// The device asked for.
        device: Device,
        /// What ONNX Runtime said.
        #[source]
        source: ort::Error,
    },
    /// ONNX Runtime refuses the model file.
    #[error("cannot make a session from the model file; it may be made for a newer ONNX Runtime (run `{MEND}`)")]
    Session(#[source] ort::Error),
    /// Inputs or outputs are not those of the bundle format.
    #[error("the model file does not follow the bundle format: {problem}")]
    Contract {
        /// What is missing or different.
        problem: String,
    },
    /// A row without a token.
    #[error("row {row} of the batch has no token")]
    EmptyRow {
        /// Its number, from 0.
        row: usize,
    },
    /// The run failed.
    #[error("the model run failed")]
    Run(#[source] ort::Error),
    /// A head answered in another shape than the contract's.
    #[error("head `{head}` answered in shape {found:?} instead of {expected:?}")]
    Shape {
        /// Name of the output.
        head: &'static str,
        /// Rows and width that the contract wants.
        expected: [usize; 2],
        /// What came.
        found: Vec<i64>,
    },
    /// A head answered with an infinity or no number at all.
    #[error("head `{head}` answered row {row} with a number that is not finite")]
    NotFinite {
        /// Name of the output.
        head: &'static str,
        /// Row of the batch, from 0.
        row: usize,
    },
    /// The model does not answer as it did when it was made.
    #[error(
        "golden input {input}, row {row}, head `{head}`: the model answers {found}, but {expected} ± {tolerance} when it was made; \
         restore the bundle, or use the pinned ONNX Runtime (run `{MEND}`)"
    )]
    Golden {
        /// Number of the golden input, from 0.
        input: usize,
        /// Row of that input, from 0.
        row: usize,
        /// Name of the output.
        head: &'static str,
        /// The logit in the manifest.
        expected: f32,
        /// The logit now.
        found: f32,
        /// Largest difference that is accepted.
        tolerance: f32,
    },
    /// The manifest's golden answers do not fit its golden inputs.
    #[error(
        "golden input {input} of the manifest has no answer of the right shape for head `{head}`; make the bundle anew"
    )]
    GoldenShape {
        /// Number of the golden input, from 0.
        input: usize,
        /// Name of the output.
        head: &'static str,
    },
}
