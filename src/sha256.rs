//! SHA-256, by `ring`: it has assembly also for processors without instructions for this hash, and takes half the time there.

use ring::digest::{Context, Digest, SHA256, digest};

/// A hash that is being made.
#[derive(Clone)]
pub(crate) struct Sha256(Context);

impl Sha256 {
    /// Of nothing so far.
    pub(crate) fn new() -> Self {
        Self(Context::new(&SHA256))
    }

    /// Of some bytes.
    pub(crate) fn digest(bytes: impl AsRef<[u8]>) -> [u8; 32] {
        of(digest(&SHA256, bytes.as_ref()))
    }

    /// Adds bytes.
    pub(crate) fn update(&mut self, bytes: impl AsRef<[u8]>) {
        self.0.update(bytes.as_ref());
    }

    /// The hash of all bytes.
    pub(crate) fn finalize(self) -> [u8; 32] {
        of(self.0.finish())
    }
}

fn of(digest: Digest) -> [u8; 32] {
    let mut hash = [0; 32];
    hash.copy_from_slice(digest.as_ref());
    hash
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The examples of FIPS 180-2, appendix B.
    #[test]
    fn pieces_hash_as_the_whole() {
        let mut pieces = Sha256::new();
        ["a", "b", "c"].iter().for_each(|piece| pieces.update(piece));
        let abc = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!((hex::encode(pieces.finalize()).as_str(), hex::encode(Sha256::digest("abc")).as_str()), (abc, abc));
        let two_blocks = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
        let expected = "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1";
        assert_eq!(hex::encode(Sha256::digest(two_blocks)), expected);
    }
}
