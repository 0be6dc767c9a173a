//! The ONNX Runtime session of one worker.

use std::sync::Arc;

use ort::session::builder::SessionBuilder;
use ort::session::{Session, SessionOutputs};
use ort::value::{Outlet, TensorElementType, TensorRef, ValueType};

use super::{Batch, Classifier, Device, Logits, ModelError, PaddedBatch, RowLogits, Runtime};
use crate::assessment::{N_EFFECTS, N_PERMISSIONS, N_RISKS};

/// The bytes of `model.ort` or `model.onnx`, shared by all workers. They must not change while a
/// session lives: it reads its weights from them.
pub type ModelBytes = Arc<dyn AsRef<[u8]> + Send + Sync>;

const INPUT_IDS: &str = "input_ids";
const ATTENTION_MASK: &str = "attention_mask";
const OUTPUTS: [(&str, usize); 5] =
    [("risk", N_RISKS), ("permission", N_PERMISSIONS), ("effects", N_EFFECTS), ("injection", 1), ("novelty", 1)];

/// How a session works.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SessionOptions {
    /// Threads inside one operator. With 1 the calling thread does all the work.
    pub intra_threads: usize,
}

impl Default for SessionOptions {
    fn default() -> Self {
        Self { intra_threads: 1 }
    }
}

/// The model of a bundle, ready to run. One for each worker thread.
pub struct OnnxClassifier {
    // INVARIANT: `session` stands before `_bytes`, so it is dropped first; ONNX Runtime reads weights from the bytes.
    session: Session,
    padded: PaddedBatch,
    device: Device,
    passed_over: Vec<ModelError>,
    _bytes: ModelBytes,
}

impl OnnxClassifier {
    /// Makes a session from a model in memory, without copying its weights when it is in ORT format. A named device is
    /// used or fails; [`Device::Auto`] takes the first that works.
    pub fn open(
        runtime: &Runtime,
        bytes: ModelBytes,
        device: Device,
        options: &SessionOptions,
    ) -> Result<Self, ModelError> {
        let mut passed_over = Vec::new();
        for candidate in device.candidates() {
            if device == Device::Auto && !candidate.is_compiled_in() {
                continue;
            }
            match build_session(runtime, (*bytes).as_ref(), candidate, options) {
                Ok(session) => {
                    check_contract(&session)?;
                    let padded = PaddedBatch::default();
                    return Ok(Self { session, padded, device: candidate, passed_over, _bytes: bytes });
                }
                Err(error) if device == Device::Auto && candidate != Device::Cpu => passed_over.push(error),
                Err(error) => return Err(error),
            }
        }
        Err(ModelError::DeviceNotOffered { device })
    }

    /// The device in use, never [`Device::Auto`].
    pub fn device(&self) -> Device {
        self.device
    }

    /// Why `auto` did not take the better devices that are compiled in.
    pub fn passed_over(&self) -> &[ModelError] {
        &self.passed_over
    }
}

impl Classifier for OnnxClassifier {
    fn classify(&mut self, batch: &Batch) -> Result<Logits, ModelError> {
        if batch.is_empty() {
            return Ok(Logits::default());
        }
        if let Some(row) = batch.rows().position(<[u32]>::is_empty) {
            return Err(ModelError::EmptyRow { row });
        }
        self.padded.fill(batch);
        let outputs = run(&mut self.session, &self.padded)?;
        read_rows(&outputs, batch.n_rows())
    }
}

fn build_session(
    runtime: &Runtime,
    bytes: &[u8],
    device: Device,
    options: &SessionOptions,
) -> Result<Session, ModelError> {
    let builder = configure(runtime, options).map_err(ModelError::Session)?;
    match device.provider()? {
        None => commit(builder, bytes).map_err(ModelError::Session),
        Some(provider) => builder
            .with_execution_providers([provider])
            .map_err(Into::into)
            .and_then(|builder| commit(builder, bytes))
            .map_err(|source| ModelError::Device { device, source }),
    }
}

/// Spinning is off: a worker that waits must not burn a core of the user's machine. Memory patterns are off: they keep a plan
/// for every length seen and gained nothing measurable. Containers for packed weights share only initializers that the
/// application provides, so each session packs its own, 4 MB for a model of 4.5 MB.
fn configure(runtime: &Runtime, options: &SessionOptions) -> ort::Result<SessionBuilder> {
    Ok(Session::builder(runtime.environment())?
        .with_intra_threads(options.intra_threads)?
        .with_inter_threads(1)?
        .with_intra_op_spinning(false)?
        .with_inter_op_spinning(false)?
        .with_memory_pattern(false)?
        .with_config_entry("session.use_ort_model_bytes_directly", "1")?
        .with_config_entry("session.use_ort_model_bytes_for_initializers", "1")?)
}

fn commit(mut builder: SessionBuilder, bytes: &[u8]) -> ort::Result<Session> {
    builder.commit_from_memory(bytes)
}

fn check_contract(session: &Session) -> Result<(), ModelError> {
    let contract = |sound: bool, problem: &dyn Fn() -> String| {
        if sound { Ok(()) } else { Err(ModelError::Contract { problem: problem() }) }
    };
    for name in [INPUT_IDS, ATTENTION_MASK] {
        let sound = has_outlet(session.inputs(), name, TensorElementType::Int64, None);
        contract(sound, &|| format!("input `{name}` must be int64 [rows, tokens]"))?;
    }
    let n_inputs = session.inputs().len();
    contract(n_inputs == 2, &|| format!("it has {n_inputs} inputs instead of 2"))?;
    for (name, width) in OUTPUTS {
        let sound = has_outlet(session.outputs(), name, TensorElementType::Float32, i64::try_from(width).ok());
        contract(sound, &|| format!("output `{name}` must be float32 [rows, {width}]"))?;
    }
    Ok(())
}

/// Whether there is an outlet of this name and type with two dimensions, the last of them `width` or free.
fn has_outlet(outlets: &[Outlet], name: &str, element: TensorElementType, width: Option<i64>) -> bool {
    outlets.iter().filter(|outlet| outlet.name() == name).any(|outlet| match outlet.dtype() {
        ValueType::Tensor { ty, shape, .. } => {
            let last = shape.last().copied().unwrap_or_default();
            *ty == element && shape.len() == 2 && (last < 0 || width.is_none_or(|width| width == last))
        }
        _ => false,
    })
}

fn run<'s>(session: &'s mut Session, padded: &PaddedBatch) -> Result<SessionOutputs<'s>, ModelError> {
    let contract = || ModelError::Contract { problem: "the batch cannot be laid out as a tensor".to_owned() };
    let input_ids = padded.input_ids().ok_or_else(contract)?;
    let attention_mask = padded.attention_mask().ok_or_else(contract)?;
    let input_ids = TensorRef::from_array_view(input_ids).map_err(ModelError::Run)?;
    let attention_mask = TensorRef::from_array_view(attention_mask).map_err(ModelError::Run)?;
    session.run(ort::inputs![INPUT_IDS => input_ids, ATTENTION_MASK => attention_mask]).map_err(ModelError::Run)
}

fn read_rows(outputs: &SessionOutputs<'_>, n_rows: usize) -> Result<Logits, ModelError> {
    let [risk, permission, effects, injection, novelty] = OUTPUTS.map(|(name, _)| name);
    let risk = read_head::<N_RISKS>(outputs, risk, n_rows)?;
    let permission = read_head::<N_PERMISSIONS>(outputs, permission, n_rows)?;
    let effects = read_head::<N_EFFECTS>(outputs, effects, n_rows)?;
    let injection = read_head::<1>(outputs, injection, n_rows)?;
    let novelty = read_head::<1>(outputs, novelty, n_rows)?;
    let heads = risk.iter().zip(permission).zip(effects).zip(injection).zip(novelty);
    let rows = heads.map(|((((&risk, &permission), &effects), &[injection]), &[novelty])| RowLogits {
        risk,
        permission,
        effects,
        injection,
        novelty,
    });
    Ok(Logits { rows: rows.collect() })
}

/// One head as `n_rows` arrays of `WIDTH` finite numbers.
fn read_head<'o, const WIDTH: usize>(
    outputs: &'o SessionOutputs<'_>,
    head: &'static str,
    n_rows: usize,
) -> Result<&'o [[f32; WIDTH]], ModelError> {
    let missing = || ModelError::Contract { problem: format!("output `{head}` is missing") };
    let (shape, values) =
        outputs.get(head).ok_or_else(missing)?.try_extract_tensor::<f32>().map_err(ModelError::Run)?;
    let (rows, rest) = values.as_chunks::<WIDTH>();
    let expected = [n_rows, WIDTH];
    let same_shape = shape.iter().map(|&side| usize::try_from(side).ok()).eq(expected.map(Some));
    if !same_shape || rows.len() != n_rows || !rest.is_empty() {
        return Err(ModelError::Shape { head, expected, found: shape.to_vec() });
    }
    match rows.iter().position(|row| !row.iter().all(|value| value.is_finite())) {
        Some(row) => Err(ModelError::NotFinite { head, row }),
        None => Ok(rows),
    }
}

#[cfg(test)]
#[path = "session_tests.rs"]
mod tests;
