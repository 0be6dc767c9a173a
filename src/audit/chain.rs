//! A line and its predecessor: how lines are sealed, and how a seal is checked.
//!
//! `{"seq":7,"prev":"<hash of line 6>",…,"hash":"<SHA-256 of all before this field>"}`. The canonical form of a record is its
//! bytes as they stand, so that checking needs no JSON at all and nobody's serialiser can disagree.

use std::fmt;

use crate::sha256::Sha256;

/// A SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Hash(pub(super) [u8; 32]);

/// Where the chain stands: a record's number, from 1, and its hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Link {
    /// The record's number.
    pub seq: u64,
    /// The record's hash.
    pub hash: Hash,
}

impl Link {
    /// Before the first record.
    pub const GENESIS: Self = Self { seq: 0, hash: Hash([0; 32]) };
}

impl Hash {
    /// Of 64 lower-case hex digits.
    pub fn parse(digits: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        let plain = digits.bytes().all(|byte| byte.is_ascii_digit() || (b'a'..=b'f').contains(&byte));
        (plain && hex::decode_to_slice(digits, &mut bytes).is_ok()).then_some(Self(bytes))
    }

    /// Of some bytes.
    pub(super) fn of(bytes: &[u8]) -> Self {
        Self(Sha256::digest(bytes))
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut digits = [0; 64];
        // The buffer is twice as long as the hash.
        let _ = hex::encode_to_slice(self.0, &mut digits);
        formatter.write_str(std::str::from_utf8(&digits).unwrap_or_default())
    }
}

/// Bytes in hex. `hex::encode` goes through every digit as a letter of its own.
pub(super) fn in_hex(bytes: &[u8]) -> String {
    let mut digits = vec![0; bytes.len() * 2];
    // The buffer is twice as long as the bytes.
    let _ = hex::encode_to_slice(bytes, &mut digits);
    String::from_utf8(digits).unwrap_or_default()
}

const OPENING: &[u8] = b"{\"seq\":";
const PREDECESSOR: &[u8] = b",\"prev\":\"";
const SEAL: &[u8] = b",\"hash\":\"";
const END: &[u8] = b"\"}";
const HASH_DIGITS: usize = 64;

/// Appends the record `fields`, a JSON object, to `lines` as the successor of `after`; where the chain stands then.
pub(super) fn seal(after: Link, fields: &str, lines: &mut String) -> Link {
    use fmt::Write as _;
    let (seq, start) = (after.seq + 1, lines.len());
    let inner = fields.strip_prefix('{').and_then(|fields| fields.strip_suffix('}')).unwrap_or_default();
    // Writing to a string does not fail.
    let _ = write!(lines, "{{\"seq\":{seq},\"prev\":\"{}\",{inner}", after.hash);
    let hash = Hash::of(lines.as_bytes().get(start..).unwrap_or_default());
    let _ = writeln!(lines, ",\"hash\":\"{hash}\"}}");
    Link { seq, hash }
}

/// A line that has the form of a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Sealed {
    /// Its number and its hash, as it says.
    pub(super) link: Link,
    /// The hash of the record before, as it says.
    pub(super) prev: Hash,
    /// Whether its hash fits its content.
    pub(super) is_sound: bool,
}

impl Sealed {
    /// Reads a line without its line end; none when it has not the form of a record.
    pub(super) fn read(line: &[u8]) -> Option<Self> {
        let rest = line.strip_prefix(OPENING)?;
        let digits = rest.iter().position(|byte| !byte.is_ascii_digit())?;
        let (seq, rest) = rest.split_at_checked(digits)?;
        let (prev, _) = rest.strip_prefix(PREDECESSOR)?.split_at_checked(HASH_DIGITS)?;
        let (rest, hash) = line.strip_suffix(END)?.split_last_chunk::<HASH_DIGITS>()?;
        let body = rest.strip_suffix(SEAL)?;
        let hash = Hash::parse(std::str::from_utf8(hash).ok()?)?;
        let seq = std::str::from_utf8(seq).ok().filter(|seq| !seq.starts_with('0'))?.parse().ok()?;
        let prev = Hash::parse(std::str::from_utf8(prev).ok()?)?;
        Some(Self { link: Link { seq, hash }, prev, is_sound: Hash::of(body) == hash })
    }

    /// Whether it is sound and comes right after `link`.
    pub(super) fn follows(&self, link: Link) -> bool {
        self.is_sound && link.seq.checked_add(1) == Some(self.link.seq) && self.prev == link.hash
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_sealed_is_read_and_follows() {
        let mut lines = String::new();
        let first = seal(Link::GENESIS, r#"{"kind":"x","n":1}"#, &mut lines);
        let second = seal(first, r#"{"kind":"y"}"#, &mut lines);
        let sealed: Vec<_> = lines.lines().map(|line| Sealed::read(line.as_bytes()).unwrap()).collect();
        assert!(sealed[0].follows(Link::GENESIS) && sealed[1].follows(first) && !sealed[0].follows(first));
        assert_eq!(sealed[1].link, second);
        let value: serde_json::Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
        assert_eq!((&value["seq"], &value["n"]), (&1.into(), &1.into()));
    }

    #[test]
    fn every_changed_byte_is_seen() {
        let mut line = String::new();
        seal(Link { seq: 41, hash: Hash([7; 32]) }, r#"{"kind":"x","n":1}"#, &mut line);
        let line = line.trim_end().as_bytes();
        for at in 0..line.len() {
            let mut changed = line.to_vec();
            changed[at] ^= 1;
            assert!(Sealed::read(&changed).is_none_or(|sealed| !sealed.is_sound), "byte {at}");
        }
    }
}
