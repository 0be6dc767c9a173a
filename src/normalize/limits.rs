//! The bounds that keep normalising fast on any input. Reaching one is a [`Gap::Truncated`](crate::action::Gap), never an end.

/// Bytes of one source text that are looked at: its head and its tail, half each, when it is longer.
pub const MAX_SOURCE: usize = 256 * 1024;
/// Depth of scripts in scripts, substitutions in substitutions, decodings in decodings.
pub const MAX_DEPTH: usize = 8;
/// Nesting of brackets in the source at which it is not parsed but scored as it stands.
pub const MAX_NESTING: usize = 64;
/// Units of one action; the first and the last halves are kept.
pub const MAX_UNITS: usize = 256;
/// Bytes that one decoding may yield.
pub const MAX_DECODED: usize = 64 * 1024;
/// Bytes that constant variables may expand to in one action.
pub const MAX_EXPANDED: usize = 64 * 1024;

/// The first bytes of a text, at a character's border.
pub fn head(text: &str, bytes: usize) -> &str {
    text.get(..text.floor_char_boundary(bytes)).unwrap_or(text)
}
