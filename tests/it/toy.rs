//! A toy in the place of a bundle: a tokenizer in which every byte and every marker is one token, and a classifier that
//! knows one dangerous word. It shows whether a payload reaches the model, whatever the model would make of it.
//!
//! Also included by the fuzz targets, hence free of anything but serde_json and the crate itself.

#![allow(unreachable_pub, clippy::expect_used, reason = "shared with programs of their own")]

use std::sync::Arc;

use riskgate::assessment::RowLogits;
use riskgate::calibrate::Thresholds;
use riskgate::encode::{Encoder, WindowRule, markers};
use riskgate::engine::{Asking, Engine, Parts};
use riskgate::manifest::{Calibration, Platt, RiskCalibration};
use riskgate::model::{Batch, Classifier, Logits, ModelError};
use riskgate::policy::Policy;
use serde_json::{Map, Value, json};

/// What the classifier denies: the program and its flags, blanks removed.
const PAYLOAD: &str = "rm-rf";
const SURE: f32 = 8.0;

/// An engine that needs neither bundle nor runtime.
pub fn engine() -> Engine {
    let same = Platt { a: 1.0, b: 0.0 };
    Engine::new(Parts {
        encoder: Arc::new(encoder(WindowRule::default())),
        classifier: Box::new(WordClassifier),
        calibration: Calibration {
            risk: RiskCalibration { stop: same, deny: same },
            permission: [same; _],
            effects: [same; _],
            injection: same,
        },
        thresholds: Thresholds { allow_below: 0.3, deny_above: 0.7, injection_above: 0.7, novel_above: 9.0 }.into(),
        policy: Policy::built_in(),
        reviewer: None,
        audit: None,
        cache: None,
        sessions: None,
        grants: None,
        score_everything: false,
        asking: Asking::Possible,
    })
}

/// An encoder over single bytes.
pub fn encoder(rule: WindowRule) -> Encoder {
    Encoder::new(&tokenizer_json(), rule).expect("the toy tokenizer is sound")
}

/// Denies every window that holds the payload and allows the rest.
struct WordClassifier;

impl Classifier for WordClassifier {
    fn classify(&mut self, batch: &Batch) -> Result<Logits, ModelError> {
        let row = |row: &[u32]| {
            let alphabet = row.iter().filter_map(|id| u8::try_from(*id).ok());
            let bytes: Vec<u8> = alphabet.filter(|byte| !byte.is_ascii_whitespace()).collect();
            let found = String::from_utf8_lossy(&bytes).contains(PAYLOAD);
            RowLogits {
                risk: if found { [0.0, 0.0, SURE] } else { [SURE, 0.0, 0.0] },
                permission: [0.0; _],
                effects: [-SURE; _],
                injection: -SURE,
                novelty: 0.0,
            }
        };
        Ok(Logits { rows: batch.rows().map(row).collect() })
    }
}

/// The bytes of the toy's `tokenizer.json`: the id of a byte is the byte.
pub fn tokenizer_json() -> Vec<u8> {
    let alphabet = alphabet();
    let vocab: Map<String, Value> = alphabet.iter().enumerate().map(|(id, c)| (c.to_string(), json!(id))).collect();
    let added = |(index, marker): (usize, String)| {
        json!({"id": alphabet.len() + index, "content": marker, "special": true, "single_word": false, "lstrip": false,
               "rstrip": false, "normalized": false})
    };
    let added: Vec<Value> = markers::all().into_iter().enumerate().map(added).collect();
    let split = json!({"type": "Split", "pattern": {"Regex": r" ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+"},
                       "behavior": "Isolated", "invert": false});
    let byte_level = json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false});
    let pieces = json!({"type": "Sequence", "pretokenizers": [split, byte_level]});
    let model = json!({"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
                       "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
                       "vocab": vocab, "merges": []});
    let tokenizer = json!({"version": "1.0", "truncation": null, "padding": null, "added_tokens": added,
                           "normalizer": null, "pre_tokenizer": pieces, "post_processor": null, "decoder": null,
                           "model": model});
    tokenizer.to_string().into_bytes()
}

/// The characters that byte-level BPE writes for the 256 bytes: printable ones as they are, the others from U+0100 on.
fn alphabet() -> Vec<char> {
    let printable = |byte: u8| matches!(byte, b'!'..=b'~' | 0xa1..=0xac | 0xae..=0xff);
    let mut next = 0x100;
    let character = |byte: u8| {
        let code = if printable(byte) {
            u32::from(byte)
        } else {
            next += 1;
            next - 1
        };
        char::from_u32(code).expect("every code below 0x200 is a character")
    };
    (0..=u8::MAX).map(character).collect()
}
