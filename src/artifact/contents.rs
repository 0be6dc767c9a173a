//! The one file of the crate with unsafe code: a file mapped into memory.

use std::fs::File;
use std::io;
use std::ops::Deref;

use memmap2::{Mmap, MmapMut, MmapOptions};

/// The contents of a file, mapped read-only. Sessions read their weights from it without copying.
#[derive(Debug)]
pub struct Mapping(Mmap);

impl Mapping {
    /// Maps all of an open file.
    #[allow(unsafe_code, reason = "a mapping is what keeps the weights out of every process's own memory")]
    pub(super) fn of(file: &File) -> io::Result<Self> {
        // SAFETY: a mapping must not change while it is borrowed, and nothing but the file's permissions can promise that.
        // The private, read-only mapping keeps us from changing the file, and the SHA-256 is taken over the mapping itself,
        // not over an earlier read, so a file that was exchanged or damaged before or while it was opened is refused.
        // What remains is somebody who may write to the bundle and rewrites the file in place while a process runs: the
        // weights may then change under the session, and a truncated file ends the process with SIGBUS, which a hook's
        // caller sees as a failure. Such a writer could as well replace the whole bundle, manifest included. Replacing a
        // bundle the usual way (a new file renamed over the old one) does not touch the mapping.
        let map = unsafe { MmapOptions::new().populate().map_copy_read_only(file)? };
        Ok(Self(map))
    }

    /// A copy that no file backs, as well aligned as the original.
    pub(super) fn copy(bytes: &[u8]) -> io::Result<Self> {
        let mut copy = MmapMut::map_anon(bytes.len())?;
        copy.copy_from_slice(bytes);
        copy.make_read_only().map(Self)
    }
}

impl AsRef<[u8]> for Mapping {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Deref for Mapping {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}
