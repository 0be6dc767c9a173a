//! Text that a tool returned: whole, with what is hidden in it made visible.

use std::ops::Range;

use base64::Engine as _;
use enumset::EnumSet;

use super::inputs::Inputs;
use super::{Reading, cut};
use crate::action::{Layer, Tool, Unit, UnitKind};
use crate::normalize::{limits, reveal};

/// Encoded passages of one text that are opened.
const MAX_DECODED_UNITS: usize = 8;
/// Characters from which on a run of base64 letters is tried.
const MIN_ENCODED: usize = 40;

/// The units of a tool's output.
pub(super) fn read(input: Inputs<'_>) -> Option<Reading> {
    let text = input.text(&["text", "content", "output"])?;
    if text.trim().is_empty() {
        return None;
    }
    let mut gaps = EnumSet::empty();
    let (shown, hidden) = reveal::readable(text);
    let mut unit = Unit::new(UnitKind::Text, cut(&shown, &mut gaps), 0..text.len());
    unit.gaps = hidden | gaps;
    let mut units = vec![unit];
    units.extend(decoded(text).into_iter().map(|(span, decoded)| {
        let mut unit = Unit::new(UnitKind::Text, decoded, span);
        unit.layers.push(Layer::Decoded);
        unit
    }));
    Some(Reading { tool: Tool::Text, units, gaps: gaps | hidden })
}

/// Base64 passages that hold words, decoded.
pub(super) fn decoded(text: &str) -> Vec<(Range<usize>, String)> {
    let mut found = Vec::new();
    let mut start = 0;
    let bytes = text.as_bytes();
    for at in 0..=bytes.len() {
        if bytes.get(at).is_some_and(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'-' | b'_')) {
            continue;
        }
        if at - start >= MIN_ENCODED
            && found.len() < MAX_DECODED_UNITS
            && let Some(words) = text.get(start..at).and_then(words_of)
        {
            found.push((start..at, words));
        }
        start = at + 1;
    }
    found
}

/// The words that a base64 passage holds.
fn words_of(encoded: &str) -> Option<String> {
    let bounded = encoded.get(..encoded.len().min(limits::MAX_DECODED / 4 * 4))?;
    let standard: String = bounded
        .chars()
        .map(|c| match c {
            '-' => '+',
            '_' => '/',
            c => c,
        })
        .collect();
    let engine = base64::engine::GeneralPurpose::new(
        &base64::alphabet::STANDARD,
        base64::engine::GeneralPurposeConfig::new()
            .with_decode_padding_mode(base64::engine::DecodePaddingMode::Indifferent)
            .with_decode_allow_trailing_bits(true),
    );
    let bytes = engine.decode(standard).ok()?;
    let text = String::from_utf8(bytes).ok()?;
    let printable = text.chars().all(|c| !c.is_control() || c.is_whitespace());
    let words = text.split_whitespace().filter(|word| word.chars().any(char::is_alphabetic)).take(3).count();
    (printable && words >= 3).then(|| reveal::readable(&text).0.into_owned())
}
