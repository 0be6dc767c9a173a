//! The contents of a file in memory of our own.
//!
//! A mapping of the file would save copying it, some three milliseconds of the hundred and twenty that a process takes. But a
//! file that somebody rewrites in place changes under whoever has mapped it, after its hash was checked, and one that is cut off
//! ends the process with a signal: a harness takes that for no opinion, and lets the call run.

use std::fs::File;
use std::io::{self, Read as _};
use std::ops::Deref;

use memmap2::{Mmap, MmapOptions};

/// What a file held when it was read. Sessions read their weights from it without copying.
#[derive(Debug)]
pub struct Contents(Mmap);

impl Contents {
    /// Reads `size` bytes of a file, which must be all of it. They begin at a page, as the runtime would have laid them out.
    pub(super) fn read(file: &mut File, size: u64) -> io::Result<Self> {
        let length = usize::try_from(size).map_err(io::Error::other)?;
        let mut memory = MmapOptions::new().len(length).populate().map_anon()?;
        file.read_exact(&mut memory)?;
        if file.read(&mut [0])? > 0 {
            return Err(io::Error::other("it grew while it was read"));
        }
        memory.make_read_only().map(Self)
    }
}

impl AsRef<[u8]> for Contents {
    fn as_ref(&self) -> &[u8] {
        &self.0
    }
}

impl Deref for Contents {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        &self.0
    }
}
