//! Recognises shared libraries by the first bytes of their file, before the system's loader is given them.

/// How much of a file is looked at, in bytes.
pub(super) const HEADER: u64 = 4096;

/// What a file is, as far as loading it goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    /// A shared library that this machine's processor and system can load.
    Loadable,
    /// A shared library for another processor or system.
    Foreign,
    /// Anything else.
    NotALibrary,
}

/// A file format of shared libraries and the number of a processor in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Target {
    format: Format,
    machine: u32,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Format {
    Elf,
    MachO,
    Pe,
}

/// The format and processor of the running program.
fn host() -> Option<Target> {
    let format = if cfg!(windows) {
        Format::Pe
    } else if cfg!(target_vendor = "apple") {
        Format::MachO
    } else {
        Format::Elf
    };
    let machine = match (format, std::env::consts::ARCH) {
        (Format::Elf, "x86_64") => 62,
        (Format::Elf, "aarch64") => 183,
        (Format::Elf, "riscv64") => 243,
        (Format::MachO, "x86_64") => 0x0100_0007,
        (Format::MachO, "aarch64") => 0x0100_000c,
        (Format::Pe, "x86_64") => 0x8664,
        (Format::Pe, "aarch64") => 0xaa64,
        _ => return None,
    };
    Some(Target { format, machine })
}

/// Judges a file by its first bytes. Where the running processor is not in our table, every library passes.
pub(super) fn kind(header: &[u8]) -> Kind {
    let targets = targets(header);
    match host() {
        _ if targets.is_empty() => Kind::NotALibrary,
        Some(host) if !targets.contains(&host) => Kind::Foreign,
        _ => Kind::Loadable,
    }
}

/// The processors that a shared library is for; none when it is something else.
fn targets(header: &[u8]) -> Vec<Target> {
    elf(header).into_iter().chain(pe(header)).chain(mach_o(header)).chain(fat_mach_o(header)).collect()
}

fn elf(header: &[u8]) -> Option<Target> {
    const LITTLE_ENDIAN: u8 = 1;
    const SHARED_OBJECT: u16 = 3;
    let magic = header.starts_with(b"\x7fELF");
    let sound = magic && header.get(5) == Some(&LITTLE_ENDIAN) && u16_at(header, 16)? == SHARED_OBJECT;
    sound.then_some(Target { format: Format::Elf, machine: u16_at(header, 18)?.into() })
}

fn pe(header: &[u8]) -> Option<Target> {
    const DLL: u16 = 0x2000;
    if !header.starts_with(b"MZ") {
        return None;
    }
    let start = usize::try_from(u32_at(header, 0x3c)?).ok()?;
    let coff = header.get(start..)?.strip_prefix(b"PE\0\0")?;
    let is_dll = u16_at(coff, 18)? & DLL != 0;
    is_dll.then_some(Target { format: Format::Pe, machine: u16_at(coff, 0)?.into() })
}

fn mach_o(header: &[u8]) -> Option<Target> {
    const MAGIC: u32 = 0xfeed_facf;
    const DYLIB: u32 = 6;
    let sound = u32_at(header, 0)? == MAGIC && u32_at(header, 12)? == DYLIB;
    sound.then_some(Target { format: Format::MachO, machine: u32_at(header, 4)? })
}

/// A file with one library for each of several processors; its numbers are big-endian.
fn fat_mach_o(header: &[u8]) -> Vec<Target> {
    const MAGIC: [u8; 4] = [0xca, 0xfe, 0xba, 0xbe];
    const ENTRY: usize = 20;
    let Some(rest) = header.strip_prefix(&MAGIC) else { return Vec::new() };
    let Some((count, entries)) = rest.split_first_chunk::<4>() else { return Vec::new() };
    // A Java class file has the same magic, with its version in the count's place: 45 or more.
    let count = u32::from_be_bytes(*count).min(44);
    let machines = entries.chunks_exact(ENTRY).filter_map(|entry| entry.first_chunk::<4>());
    machines
        .take(usize::try_from(count).unwrap_or_default())
        .map(|machine| Target { format: Format::MachO, machine: u32::from_be_bytes(*machine) })
        .collect()
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    bytes.get(at..)?.first_chunk().map(|chunk| u16::from_le_bytes(*chunk))
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    bytes.get(at..)?.first_chunk().map(|chunk| u32::from_le_bytes(*chunk))
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    /// The head of an ELF shared library for a processor.
    pub(crate) fn elf_header(machine: u16) -> Vec<u8> {
        let mut header = vec![0; 64];
        header[..6].copy_from_slice(b"\x7fELF\x02\x01");
        header[16] = 3;
        header[18..20].copy_from_slice(&machine.to_le_bytes());
        header
    }

    #[test]
    fn elf_libraries_are_told_apart_by_processor() {
        assert_eq!(targets(&elf_header(62)), [Target { format: Format::Elf, machine: 62 }]);
        assert_eq!(targets(&elf_header(183)), [Target { format: Format::Elf, machine: 183 }]);
    }

    #[test]
    fn an_elf_program_is_no_library() {
        let mut header = elf_header(62);
        header[16] = 2;
        assert_eq!(kind(&header), Kind::NotALibrary);
    }

    #[test]
    fn windows_libraries_are_recognised() {
        let mut header = vec![0; 256];
        header[..2].copy_from_slice(b"MZ");
        header[0x3c] = 0x80;
        header[0x80..0x84].copy_from_slice(b"PE\0\0");
        header[0x84..0x86].copy_from_slice(&0x8664_u16.to_le_bytes());
        header[0x96..0x98].copy_from_slice(&0x2022_u16.to_le_bytes());
        assert_eq!(targets(&header), [Target { format: Format::Pe, machine: 0x8664 }]);
        header[0x3c..0x40].fill(0xff);
        assert_eq!(targets(&header), []);
    }

    #[test]
    fn apple_libraries_are_recognised_thin_and_fat() {
        let mut thin = vec![0; 32];
        thin[..4].copy_from_slice(&0xfeed_facf_u32.to_le_bytes());
        thin[4..8].copy_from_slice(&0x0100_000c_u32.to_le_bytes());
        thin[12] = 6;
        assert_eq!(targets(&thin), [Target { format: Format::MachO, machine: 0x0100_000c }]);
        let mut fat = vec![0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 2];
        for machine in [0x0100_0007_u32, 0x0100_000c] {
            fat.extend(machine.to_be_bytes());
            fat.extend([0; 16]);
        }
        let machines: Vec<u32> = targets(&fat).iter().map(|target| target.machine).collect();
        assert_eq!(machines, [0x0100_0007, 0x0100_000c]);
    }

    #[test]
    fn anything_else_is_no_library_and_short_files_do_no_harm() {
        let whole = elf_header(62);
        for end in 0..20 {
            assert_eq!(kind(&whole[..end]), Kind::NotALibrary);
        }
        for text in [&b"MZ"[..], b"#!/bin/sh", b"\xca\xfe\xba\xbe", b"version https://git-lfs"] {
            assert_eq!(kind(text), Kind::NotALibrary);
        }
    }
}
