//! The head: where the log ends, in one small file, so that an append reads a few bytes and not a segment.
//!
//! It carries a code that only the holder of the key can make: a log whose end was cut off no longer fits its head, and
//! nobody without the key can write a head that fits.

use super::chain::{Hash, Link};
use super::key::Key;

/// The file's name.
pub(super) const FILE: &str = "head";
/// The file's size, always: it is written over in one go, in place.
pub(super) const SIZE: usize = 320;

/// Where the log ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Head {
    /// The number of the last segment.
    pub(super) segment: u64,
    /// Its size in bytes.
    pub(super) offset: u64,
    /// The last record.
    pub(super) link: Link,
    /// When the last checkpoint was signed, in seconds since 1970.
    pub(super) signed_s: u64,
}

impl Head {
    /// The file's content.
    pub(super) fn write(&self, key: &Key) -> [u8; SIZE] {
        let Self { segment, offset, link, signed_s } = self;
        let mut text = format!("riskgate-audit-head-1 {segment} {offset} {} {} {signed_s}", link.seq, link.hash);
        let code = key.code(text.as_bytes());
        text.extend([" ", &code]);
        let mut bytes = [b' '; SIZE];
        // The longest numbers leave room, see the test.
        bytes.iter_mut().zip(text.bytes()).for_each(|(to, from)| *to = from);
        bytes.iter_mut().rev().take(1).for_each(|last| *last = b'\n');
        bytes
    }

    /// Reads the file's content; none when it is no head, or not one made with this key. Without a key the code is not looked
    /// at.
    pub(super) fn read(bytes: &[u8], key: Option<&Key>) -> Option<Self> {
        let (text, code) = std::str::from_utf8(bytes).ok()?.trim_end().rsplit_once(' ')?;
        if key.is_some_and(|key| !key.is_code(text.as_bytes(), code)) {
            return None;
        }
        let mut words = text.strip_prefix("riskgate-audit-head-1 ")?.split(' ');
        let (segment, offset) = (words.next()?.parse().ok()?, words.next()?.parse().ok()?);
        let link = Link { seq: words.next()?.parse().ok()?, hash: Hash::parse(words.next()?)? };
        Some(Self { segment, offset, link, signed_s: words.next()?.parse().ok()? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_head_is_read_as_it_was_written_and_by_its_key_alone() {
        let folder = tempfile::tempdir().unwrap();
        let key = Key::create(folder.path()).unwrap();
        let link = Link { seq: u64::MAX, hash: Hash([255; 32]) };
        let head = Head { segment: u64::MAX, offset: u64::MAX, link, signed_s: u64::MAX };
        let bytes = head.write(&key);
        assert_eq!(bytes.len(), SIZE);
        assert_eq!(Head::read(&bytes, Some(&key)), Some(head));
        let mut changed = bytes;
        changed[24] = b'2';
        assert_eq!(Head::read(&changed, Some(&key)), None);
        let other = tempfile::tempdir().unwrap();
        assert_eq!(Head::read(&bytes, Some(&Key::create(other.path()).unwrap())), None);
        assert_eq!(Head::read(b"", Some(&key)), None);
    }
}
