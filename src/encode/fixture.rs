//! A tokenizer for tests: bytes and markers, no merges.

use serde_json::json;

use super::tokenizer::byte_letters;
use super::{Encoder, WindowRule, markers};

/// The bytes of a `tokenizer.json` in which every byte and every marker is one token.
pub(crate) fn tokenizer_json() -> Vec<u8> {
    let vocab: serde_json::Map<_, _> =
        byte_letters().enumerate().map(|(id, byte)| (byte.to_string(), json!(id))).collect();
    let added = |(id, marker): (usize, String)| {
        json!({"id": 256 + id, "content": marker, "special": true, "single_word": false, "lstrip": false,
               "rstrip": false, "normalized": false})
    };
    let added: Vec<_> = markers::all().into_iter().enumerate().map(added).collect();
    let split = json!({"type": "Split", "pattern": {"Regex": r" ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+"}, "behavior": "Isolated", "invert": false});
    let byte_level = json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false});
    json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": added, "normalizer": null,
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [split, byte_level]}, "post_processor": null, "decoder": null,
        "model": {"type": "BPE", "dropout": null, "unk_token": null, "continuing_subword_prefix": null,
                  "end_of_word_suffix": null, "fuse_unk": false, "byte_fallback": false, "ignore_merges": false,
                  "vocab": vocab, "merges": []},
    })
    .to_string()
    .into_bytes()
}

/// An encoder over it.
pub(crate) fn encoder(rule: WindowRule) -> Encoder {
    Encoder::new(&tokenizer_json(), rule).unwrap()
}
