//! A simple command → typed effects, by the tables of programs.
//!
//! [`tables`] looks programs and flags up, [`walk`] goes through the arguments once and says what each is, [`effects`] turns
//! that into effects with targets. [`hooks`] knows the values that other programs run, [`literals`] the files that a program
//! text names, [`secrets`] the variables that hold secrets.

mod effects;
pub(super) mod hooks;
mod literals;
pub(super) mod secrets;
pub mod sql;
mod tables;
mod walk;

pub(super) use walk::is_descriptor;

use crate::action::{Argument, Effect, Language, Shell};
use crate::normalize::paths::Place;

/// What the tables say of one simple command.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Facts {
    /// What it does, in the order in which it is found, without repetition.
    pub effects: Vec<Effect>,
    /// Whether there were so many that some were left out.
    pub cut: bool,
    /// Whether the program (and, where it only has subcommands, the subcommand) is in the tables, or is a path to a file.
    pub known: bool,
    /// Whether its operands come out as text (`echo`, `printf`).
    pub prints: bool,
    /// Whether what is piped into it is executed (`sh`, `python -`, `psql`), and as what: [`Nested::StdinShell`] or
    /// [`Nested::StdinCode`]. `None` when a script or a program text is given in the arguments.
    pub stdin_code: Option<Nested>,
    /// Programs inside its arguments.
    pub nested: Vec<Nested>,
    /// Indices of the arguments that are text without effect.
    pub data: Vec<usize>,
    /// The folder in which what it does or runs happens (`cd DIR`, `env -C DIR`, `git -C DIR`), as spelled.
    pub chdir: Option<String>,
}

/// A program text or a command inside the arguments of another.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Nested {
    /// The arguments from this index on are a command of their own (`sudo`, `xargs`); `end` is exclusive (`find -exec … ;`).
    Command {
        /// Index of the inner program's name.
        start: usize,
        /// Index after the last argument.
        end: usize,
    },
    /// These arguments, joined with blanks, are a shell script (`sh -c`, `ssh host …`, `cmd /c …`, `powershell -Command …`).
    Shell {
        /// First argument.
        start: usize,
        /// Index after the last.
        end: usize,
        /// Bytes of the first argument that stand before the script (`--command=`); nearly always 0.
        skip: usize,
        /// The script's language.
        shell: Shell,
    },
    /// This argument holds a PowerShell script as base64 of UTF-16LE (`-EncodedCommand`).
    Encoded {
        /// Index of the argument.
        index: usize,
        /// Bytes of the argument that stand before the text.
        skip: usize,
    },
    /// This argument holds a program text in another language.
    Code {
        /// Index of the argument.
        index: usize,
        /// Bytes of the argument that stand before the text (`--eval=`, `-e`); nearly always 0.
        skip: usize,
        /// Its language.
        language: Language,
    },
    /// A shell script comes on standard input.
    StdinShell(Shell),
    /// A program text in another language comes on standard input.
    StdinCode(Language),
}

/// Looks a command up. `program` is the name with or without its folder (with it, a file that no table knows counts as
/// executed); case, `.exe` and versions (`python3.11`) do not matter.
pub fn read(program: &str, arguments: &[Argument], place: &Place) -> Facts {
    let name = program.rsplit(['/', '\\']).next().unwrap_or(program);
    let mut facts = match tables::program(name) {
        Some(body) => effects::of(walk::walk(body, arguments), place),
        None => effects::of_unknown(arguments, place),
    };
    if name.len() < program.len() {
        effects::add_executed_file(&mut facts, program, place);
    }
    effects::name_own_settings(&mut facts, name);
    facts
}

/// As what a program reads its scripts (`bash`, `perl`, `awk`), as what comes on the standard input; `None` when it has none.
pub fn script_language(program: &str) -> Option<Nested> {
    match tables::program(program)?.language {
        tables::Tongue::None => None,
        tables::Tongue::Shell(shell) => Some(Nested::StdinShell(shell)),
        tables::Tongue::Code(language) => Some(Nested::StdinCode(language)),
    }
}

/// The programs that the tables know by names for which this holds.
pub fn programs(is_wanted: impl Fn(&str) -> bool) -> Vec<&'static str> {
    tables::names().filter(|name| is_wanted(name)).collect()
}

/// What a program text in another language does to files that nobody may touch unseen, by the names in it.
pub fn of_code(code: &str, place: &Place) -> Vec<Effect> {
    effects::of_code(code, place)
}

#[cfg(test)]
mod tests;
