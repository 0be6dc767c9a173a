//! The compiled tables of programs (see `build.rs`) and how things are looked up in them.

use std::cmp::Ordering;

use enumset::EnumSet;

use crate::action::{Fact, Language, Modifier, Role, Shell};

/// An entry of a table: where its word starts in the text of all words, the number that belongs to it, the word's length.
#[derive(Clone, Copy)]
struct E(u32, u16, u8);

impl E {
    fn word(self) -> &'static str {
        let start = self.0 as usize;
        TEXT.get(start..start + usize::from(self.2)).unwrap_or_default()
    }
}

/// What a program or subcommand does.
pub(super) struct B {
    does: u16,
    operands: (u32, u32),
    /// Whether the last role belongs to the last operand only.
    pub(super) last: bool,
    flags: (u32, u32),
    subs: (u32, u32),
    pub(super) language: Tongue,
    /// Whether what is piped in is executed.
    pub(super) stdin: bool,
    pub(super) prints: bool,
    pub(super) style: Style,
}

/// What a flag or a program adds.
struct A {
    role: Option<Role>,
    facts: u64,
    modifiers: u64,
}

/// What a flag or a program adds, ready for use.
#[derive(Debug, Clone, Copy)]
pub(super) struct Adds {
    /// The role of the flag's value when it takes one.
    pub(super) role: Option<Role>,
    pub(super) facts: EnumSet<Fact>,
    pub(super) modifiers: EnumSet<Modifier>,
}

/// The language of the program texts that a program takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Tongue {
    None,
    Shell(Shell),
    Code(Language),
}

/// How flags are spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Style {
    /// `-rf`, `--force`.
    Unix,
    /// `-Recurse`, in any case, and any prefix.
    PowerShell,
    /// `/s`, in any case.
    Cmd,
}

include!(concat!(env!("OUT_DIR"), "/programs.rs"));

/// Endings of program files that are no part of the name.
const ENDINGS: [&str; 5] = [".exe", ".cmd", ".bat", ".ps1", ".com"];

/// The program of this name in any case, with its file ending or version left out when the tables do not know it with them.
pub(super) fn program(name: &str) -> Option<&'static B> {
    if name.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return program(&name.to_ascii_lowercase());
    }
    let mut stem = name;
    loop {
        if let Some(body) = find(&PROGRAMS, stem) {
            return Some(body);
        }
        stem = shorter(stem)?;
    }
}

/// The name without its file ending, or else without the last part of its version.
fn shorter(name: &str) -> Option<&str> {
    let bare = ENDINGS.iter().find_map(|ending| name.strip_suffix(ending)).unwrap_or_else(|| {
        let stem = name.trim_end_matches(|letter: char| letter.is_ascii_digit());
        if stem.len() < name.len() { stem.trim_end_matches(['.', '-', '_']) } else { name }
    });
    (bare.len() < name.len() && !bare.is_empty()).then_some(bare)
}

fn find(entries: &[E], word: &str) -> Option<&'static B> {
    BODIES.get(usize::from(search(entries, word)?))
}

fn search(entries: &[E], word: &str) -> Option<u16> {
    let found = entries.binary_search_by(|entry| entry.word().cmp(word)).ok()?;
    entries.get(found).map(|entry| entry.1)
}

fn slice<T>(all: &'static [T], (start, end): (u32, u32)) -> &'static [T] {
    all.get(start as usize..end as usize).unwrap_or_default()
}

fn adds(index: u16) -> Adds {
    ADDS.get(usize::from(index)).map_or(
        Adds { role: None, facts: EnumSet::empty(), modifiers: EnumSet::empty() },
        |adds| Adds {
            role: adds.role,
            facts: EnumSet::from_u64_truncated(adds.facts),
            modifiers: EnumSet::from_u64_truncated(adds.modifiers),
        },
    )
}

impl B {
    /// What it always does.
    pub(super) fn does(&self) -> Adds {
        adds(self.does)
    }

    /// The roles of its operands.
    pub(super) fn roles(&self) -> &'static [Role] {
        slice(&ROLES, self.operands)
    }

    /// Whether it has subcommands.
    pub(super) fn has_subs(&self) -> bool {
        self.subs.0 < self.subs.1
    }

    /// The subcommand of this name.
    pub(super) fn sub(&self, name: &str) -> Option<&'static B> {
        find(slice(&SUBS, self.subs), name)
    }

    /// The flag of exactly this spelling.
    pub(super) fn flag(&self, spelling: &str) -> Option<Adds> {
        search(slice(&FLAGS, self.flags), spelling).map(adds)
    }

    /// The first flag that starts with `prefix`, and whether it is the only one.
    pub(super) fn flag_by_prefix(&self, prefix: &str) -> Option<(Adds, bool)> {
        let flags = slice(&FLAGS, self.flags);
        let start = flags.partition_point(|flag| flag.word().cmp(prefix) == Ordering::Less);
        let mut matches = flags.iter().skip(start).take_while(|flag| flag.word().starts_with(prefix));
        let first = matches.next()?.1;
        Some((adds(first), matches.all(|other| other.1 == first)))
    }

    /// Whether a flag takes a folder.
    pub(super) fn has_folder_flag(&self) -> bool {
        slice(&FLAGS, self.flags).iter().any(|flag| adds(flag.1).role == Some(Role::Dir))
    }

    /// Whether a flag is a word of several letters after one dash (`-name`).
    pub(super) fn has_long_single_dash(&self) -> bool {
        slice(&FLAGS, self.flags).iter().any(|flag| is_long_single_dash(flag.word()))
    }
}

fn is_long_single_dash(name: &str) -> bool {
    name.len() > 2 && name.starts_with('-') && !name.starts_with("--")
}

/// All names that the tables know.
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    PROGRAMS.iter().map(|entry| entry.word())
}

/// How many names the tables know.
#[cfg(test)]
pub(super) fn count() -> usize {
    PROGRAMS.len()
}

/// Every program and subcommand.
#[cfg(test)]
pub(super) fn all_bodies() -> impl Iterator<Item = &'static B> {
    BODIES.iter()
}

#[cfg(test)]
impl B {
    /// Every flag of this body.
    pub(super) fn all_flags(&self) -> impl Iterator<Item = &'static str> {
        slice(&FLAGS, self.flags).iter().map(|entry| entry.word())
    }

    /// The names of its subcommands.
    pub(super) fn all_subs(&self) -> impl Iterator<Item = &'static str> {
        slice(&SUBS, self.subs).iter().map(|entry| entry.word())
    }
}
