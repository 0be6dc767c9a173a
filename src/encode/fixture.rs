//! A tokenizer for tests: bytes and markers, no merges.

use serde_json::json;
use tokenizers::pre_tokenizers::byte_level::ByteLevel;

use super::{Encoder, WindowRule, markers};

/// The bytes of a `tokenizer.json` in which every byte and every marker is one token.
pub(crate) fn tokenizer_json() -> Vec<u8> {
    let mut bytes: Vec<char> = ByteLevel::alphabet().into_iter().collect();
    bytes.sort_unstable();
    let n_bytes = bytes.len();
    let vocab: serde_json::Map<_, _> =
        bytes.iter().enumerate().map(|(id, byte)| (byte.to_string(), json!(id))).collect();
    let added = |(id, marker): (usize, String)| {
        json!({"id": n_bytes + id, "content": marker, "special": true, "single_word": false, "lstrip": false,
               "rstrip": false, "normalized": false})
    };
    let added: Vec<_> = markers::all().into_iter().enumerate().map(added).collect();
    let byte_level = json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true});
    json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": added, "normalizer": null,
        "pre_tokenizer": byte_level, "post_processor": null, "decoder": null,
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
