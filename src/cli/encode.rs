//! `riskgate encode`: exactly what the model sees. Training reads this.

use std::fs;
use std::sync::Arc;

use anyhow::Context as _;
use serde_json::{Value, json};

use super::ExitStatus;
use super::args::EncodeArguments;
use super::io;
use super::printer::Printer;
use super::stream::{Line, Worker};
use crate::app;
use crate::artifact::Places;
use crate::encode::{self, Encoder, WindowRule};
use crate::normalize::normalize;
use crate::record;
use crate::verdict::Verdict;

/// Runs the command.
pub(super) fn run(arguments: &EncodeArguments, printer: &Printer) -> anyhow::Result<ExitStatus> {
    if arguments.markers {
        printer.result(serde_json::to_string(&encode::markers::all())?)?;
        return Ok(ExitStatus::Done);
    }
    let encoder = encoder(arguments)?.map(Arc::new);
    io::run(&arguments.stream, printer, || Box::new(EncodeWorker { encoder: encoder.clone() }))
}

fn encoder(arguments: &EncodeArguments) -> anyhow::Result<Option<Encoder>> {
    if arguments.no_tokens {
        return Ok(None);
    }
    let Some(path) = &arguments.tokenizer else {
        return Ok(Some(app::load_encoder(arguments.model.as_deref(), &Places::here())?));
    };
    let bytes = fs::read(path).with_context(|| format!("cannot read `{}`", path.display()))?;
    Ok(Some(Encoder::new(&bytes, WindowRule::default())?))
}

struct EncodeWorker {
    encoder: Option<Arc<Encoder>>,
}

impl Worker for EncodeWorker {
    fn answer(&mut self, lines: &[Line]) -> Vec<Vec<u8>> {
        lines.iter().map(|line| self.encode(line).to_string().into_bytes()).collect()
    }
}

impl EncodeWorker {
    fn encode(&self, line: &Line) -> Value {
        let record = match line.parse() {
            Ok(record) => record,
            Err((id, error)) => return record::error_json(&id, &error, Verdict::Ask),
        };
        let action = normalize(&record.call);
        let text = encode::text(&action);
        let Some(encoder) = &self.encoder else { return json!({"id": record.id, "text": text}) };
        let encoding = encoder.encode(&action);
        json!({
            "id": record.id,
            "text": text,
            "input_ids": encoding.input_ids,
            "n_windows": encoding.input_ids.len(),
            "truncated": encoding.truncated,
        })
    }
}
