//! The log's key: signs checkpoints, and makes the codes of the head.
//!
//! The key lies beside the log, readable by its user alone. Whoever can read it can sign whatever they like: it keeps out
//! those who can write the log but not read the key, and accidents; the README says so.

use std::fs;
use std::path::Path;

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use ring::hmac::{self, HMAC_SHA256};

use super::chain::{Hash, Link, in_hex};
use super::error::LogError;
use crate::private::{self, Sync};

/// The file of the secret key.
const SECRET: &str = "key";
/// The file of the public key.
pub(super) const PUBLIC: &str = "key.pub";

/// Most bytes of a key file.
const MAX_FILE: u64 = 4096;

/// The secret key.
pub(super) struct Key {
    signing: SigningKey,
    public: String,
    codes: hmac::Key,
}

impl Key {
    /// The key in a folder, to write with it; none when there is none.
    pub(super) fn load(folder: &Path) -> Result<Option<Self>, LogError> {
        let path = folder.join(SECRET);
        let found = private::read(&path, MAX_FILE).map_err(LogError::io("read", &path))?;
        found.map(|text| Self::read(&path, &text)).transpose()
    }

    /// The key in a folder, to check with it: an administrator may check anybody's log.
    pub(super) fn load_to_check(folder: &Path) -> Option<Self> {
        let path = folder.join(SECRET);
        fs::read(&path).ok().and_then(|text| Self::read(&path, &text).ok())
    }

    fn read(path: &Path, text: &[u8]) -> Result<Self, LogError> {
        let mut seed = [0; 32];
        if hex::decode_to_slice(text.trim_ascii(), &mut seed).is_err() {
            return Err(LogError::Key { path: path.to_owned(), problem: "holds no key of 64 hex digits" });
        }
        Ok(Self::of(seed))
    }

    /// A new key, written into the folder. It must not be torn, ever: it gets its name when it is whole.
    pub(super) fn create(folder: &Path) -> Result<Self, LogError> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|_| LogError::Random)?;
        let key = Self::of(seed);
        write_whole(&folder.join(SECRET), &format!("{}\n", hex::encode(seed)))?;
        write_whole(&folder.join(PUBLIC), &format!("{}\n", key.public))?;
        Ok(key)
    }

    fn of(seed: [u8; 32]) -> Self {
        let signing = SigningKey::from_bytes(&seed);
        let public = hex::encode(signing.verifying_key().to_bytes());
        let codes = Hash::of(&[&b"riskgate audit codes"[..], &seed].concat());
        Self { signing, public, codes: hmac::Key::new(HMAC_SHA256, &codes.0) }
    }

    /// The public key in hex.
    pub(super) fn public(&self) -> &str {
        &self.public
    }

    /// Signs a statement about a point of the chain.
    pub(super) fn sign(&self, about: &str, link: Link) -> String {
        hex::encode(self.signing.sign(statement(about, link).as_bytes()).to_bytes())
    }

    /// A keyed code over a text, in hex.
    pub(super) fn code(&self, text: &[u8]) -> String {
        in_hex(hmac::sign(&self.codes, text).as_ref())
    }

    /// Whether a code is this key's for a text.
    pub(super) fn is_code(&self, text: &[u8], code: &str) -> bool {
        hex::decode(code).is_ok_and(|code| hmac::verify(&self.codes, text, &code).is_ok())
    }
}

/// Whether the holder of a public key, in hex, signed a statement about a point of the chain.
pub(super) fn is_signed(public: &str, about: &str, link: Link, signature: &str) -> bool {
    let (mut key, mut bytes) = ([0; 32], [0; 64]);
    let decoded = hex::decode_to_slice(public, &mut key).is_ok() && hex::decode_to_slice(signature, &mut bytes).is_ok();
    let key = decoded.then(|| VerifyingKey::from_bytes(&key).ok()).flatten();
    key.is_some_and(|key| key.verify_strict(statement(about, link).as_bytes(), &Signature::from_bytes(&bytes)).is_ok())
}

/// The public key that lies beside a log.
pub(super) fn public_in(folder: &Path) -> Option<String> {
    fs::read_to_string(folder.join(PUBLIC)).ok().map(|text| text.trim().to_owned())
}

fn statement(about: &str, link: Link) -> String {
    format!("riskgate audit {about} {} {}", link.seq, link.hash)
}

fn write_whole(path: &Path, text: &str) -> Result<(), LogError> {
    private::replace(path, text.as_bytes(), Sync::Now).map_err(LogError::io("write", path))
}
