//! One pass over the arguments of a command: which are flags, which are the values of flags, which are operands, and where
//! another program begins.

use enumset::EnumSet;

use crate::action::{Argument, Fact, Language, Modifier, Role, Shell};
use crate::normalize::facts::tables::{Adds, B, Style, Tongue};
use crate::normalize::facts::{Nested, hooks};

/// Parameters that every cmdlet has and that take a value.
const COMMON_PARAMETERS: [&str; 14] = [
    "-erroraction",
    "-ea",
    "-warningaction",
    "-wa",
    "-informationaction",
    "-infa",
    "-errorvariable",
    "-ev",
    "-warningvariable",
    "-wv",
    "-outvariable",
    "-ov",
    "-pipelinevariable",
    "-pv",
];

/// Flags of `bwrap` that take two values.
const PAIRED_FLAGS: [&str; 12] = [
    "--bind",
    "--bind-try",
    "--dev-bind",
    "--dev-bind-try",
    "--ro-bind",
    "--ro-bind-try",
    "--symlink",
    "--setenv",
    "--file",
    "--bind-data",
    "--ro-bind-data",
    "--chmod",
];

/// Subcommands of subcommands that are followed; deeper ones are operands.
const MAX_CHAIN: usize = 6;

/// What the arguments of a command are.
pub(super) struct Walk<'a> {
    /// All arguments.
    pub(super) arguments: &'a [Argument],
    program: &'static B,
    /// The program and the subcommands in use, outermost first.
    chain: Vec<&'static B>,
    /// Operands and flag values that mean something.
    pub(super) uses: Vec<Use<'a>>,
    /// What the flags add.
    pub(super) facts: EnumSet<Fact>,
    /// How, by the flags.
    pub(super) modifiers: EnumSet<Modifier>,
    /// Programs inside the arguments.
    pub(super) nested: Vec<Nested>,
    /// Arguments that are text without effect.
    pub(super) data: Vec<usize>,
    /// Whether the program takes its subcommand from operands that no table knows.
    pub(super) unknown_sub: bool,
    /// Whether a program text or script was given, so that the standard input is only data.
    pub(super) has_program: bool,
    /// Whether the standard input was asked for as the program (`-s`, `-`).
    pub(super) stdin_wanted: bool,
    /// Whether a flag names the standard input as the script (`awk -f -`).
    pub(super) script_on_stdin: bool,
    /// Operands seen, counted after the subcommand.
    position: usize,
    /// Whether a flag gave what the first operand would otherwise be.
    skip_first: bool,
    /// Whether the next operand is the script of `sh -c`.
    script_next: bool,
    /// Whether the last argument was a flag that no table knows, whose value may follow.
    after_unknown_flag: bool,
    flags_ended: bool,
    /// Whether what was seen last reaches to the end.
    rest_taken: bool,
}

/// An operand or the value of a flag, and its role.
#[derive(Clone, Copy)]
pub(super) struct Use<'a> {
    pub(super) role: Role,
    pub(super) text: &'a str,
    /// The flag whose value it is, as spelled; `None` for an operand.
    pub(super) flag: Option<&'a str>,
    /// Whether part of it is only known when it runs.
    pub(super) dynamic: bool,
}

/// Goes through the arguments of a program.
pub(super) fn walk<'a>(program: &'static B, arguments: &'a [Argument]) -> Walk<'a> {
    let mut walk = Walk {
        arguments,
        program,
        chain: vec![program],
        uses: Vec::with_capacity(arguments.len().min(16)),
        facts: EnumSet::empty(),
        modifiers: EnumSet::empty(),
        nested: Vec::new(),
        data: Vec::new(),
        unknown_sub: false,
        has_program: false,
        stdin_wanted: false,
        script_on_stdin: false,
        position: 0,
        skip_first: false,
        script_next: false,
        after_unknown_flag: false,
        flags_ended: false,
        rest_taken: false,
    };
    let mut index = 0;
    while let Some(argument) = arguments.get(index).filter(|_| !walk.rest_taken) {
        index = walk.step(index, argument);
    }
    walk.settle_last_operand();
    walk
}

impl<'a> Walk<'a> {
    /// The program or the subcommand that is used.
    pub(super) fn body(&self) -> &'static B {
        self.chain.last().copied().unwrap_or(self.program)
    }

    /// Takes one argument; the index of the next.
    fn step(&mut self, index: usize, argument: &'a Argument) -> usize {
        let text = argument.text.as_str();
        let may_be_flag =
            !self.flags_ended && text.bytes().next().is_some_and(|byte| !byte.is_ascii_alphanumeric() && byte != b'.');
        if may_be_flag {
            if text == "-" && self.flag("-").is_none() {
                return self.operand(index, argument);
            }
            if let Some(next) = self.try_flag(index, text) {
                return next;
            }
        }
        if !self.flags_ended
            && let Some(next) = self.try_word(index, text).or_else(|| self.try_old_style(index, text))
        {
            return next;
        }
        self.operand(index, argument)
    }

    /// `of=FILE`, `if=FILE`.
    fn try_word(&mut self, index: usize, text: &'a str) -> Option<usize> {
        let at = text.find('=')? + 1;
        let (name, value) = text.split_at_checked(at)?;
        let adds = self.flag(name)?;
        self.add(adds);
        self.value(adds, name, value, index, at);
        Some(index + 1)
    }

    /// `tar xzf FILE`: the letters of the first argument are flags without a dash.
    fn try_old_style(&mut self, index: usize, text: &'a str) -> Option<usize> {
        if index > 0 || text.len() > 8 || !text.bytes().all(|byte| byte.is_ascii_alphabetic()) || !self.is_archiver() {
            return None;
        }
        if let Some(adds) = self.flag(&format!("-{text}")) {
            return Some(self.take_flag(adds, text, index));
        }
        let mut next = index + 1;
        for letter in text.chars() {
            let Some(adds) = self.flag(&format!("-{letter}")) else { continue };
            self.add(adds);
            if let Some(value) = self.arguments.get(next).filter(|_| adds.role.is_some()) {
                self.value(adds, text, &value.text, next, 0);
                next += 1;
            }
        }
        Some(next)
    }

    /// Whether the program is `tar` by its flags: paths do not follow its `-C`, which says where to put or get what is packed.
    pub(super) fn is_archiver(&self) -> bool {
        self.program.flag("-czf").is_some()
    }

    fn try_flag(&mut self, index: usize, text: &'a str) -> Option<usize> {
        self.after_unknown_flag = false;
        if text == "-1" && index > 0 && self.body().roles().first() == Some(&Role::Pid) {
            // `kill -9 -1`: every process.
            self.modifiers |= Modifier::All;
            return Some(index + 1);
        }
        if let Some(adds) = self.flag(text) {
            if text == "--" && adds.role.is_none() {
                self.flags_ended = true;
            }
            return Some(self.take_flag(adds, text, index));
        }
        if text == "--" {
            // What follows it in `su root -- -c SCRIPT` goes to the user's shell, whose `-c` means the same.
            self.flags_ended = !(self.is_login() || self.hands_on());
            return Some(index + 1);
        }
        let dashed = text.starts_with('-');
        if self.body().prints && !(dashed && text.get(1..).is_some_and(|letters| self.all_short(letters))) {
            return None;
        }
        match self.body().style {
            Style::PowerShell => self.powershell_flag(index, text),
            Style::Cmd => {
                self.slash_flag(index, text).or_else(|| if dashed { self.unix_flag(index, text) } else { None })
            }
            Style::Unix if dashed => self.unix_flag(index, text),
            Style::Unix if text.starts_with('/') => self.slash_flag(index, text).filter(|_| text.len() < 12),
            Style::Unix => None,
        }
    }

    /// The flag of this spelling, of the subcommand or of what stands above it.
    fn flag(&self, spelling: &str) -> Option<Adds> {
        self.chain.iter().rev().find_map(|body| {
            if body.style != Style::Unix && spelling.bytes().any(|byte| byte.is_ascii_uppercase()) {
                return body.flag(&spelling.to_ascii_lowercase());
            }
            body.flag(spelling)
        })
    }

    /// Whether the program starts the shell of a user (`su`).
    fn is_login(&self) -> bool {
        self.program.roles().first() == Some(&Role::User)
            && self.program.flag("-c").is_some_and(|adds| adds.role == Some(Role::Shell))
    }

    /// Whether what follows `--` goes to a shell (`capsh -- -c SCRIPT`).
    fn hands_on(&self) -> bool {
        self.program.flag("--iab").is_some()
    }

    /// Whether the value of the program's shell flag and all that follows are one command (`env -S`).
    fn splits_the_rest(&self) -> bool {
        self.program.roles().first() == Some(&Role::Command)
            && self.program.flag("-S").is_some_and(|adds| adds.role == Some(Role::Shell))
    }

    /// Whether a flag is the `--checkpoint-action` of `tar`.
    fn is_checkpoint(&self, flag: &str) -> bool {
        self.is_archiver() && flag.starts_with("--checkpoint")
    }

    /// Whether a flag says that the program comes on standard input: `bash -s`, `sudo -s`, `sudo -i`.
    fn asks_for_stdin(&self, flag: &str) -> bool {
        let body = self.body();
        let wraps = body.roles().first() == Some(&Role::Command);
        body.language == Tongue::Shell(Shell::Bash)
            && body.stdin
            && (flag == "-s" || wraps && matches!(flag, "-i" | "--shell" | "--login"))
    }

    fn add(&mut self, adds: Adds) {
        self.facts |= adds.facts;
        self.modifiers |= adds.modifiers;
    }

    /// A flag that stands alone; its value, when it takes one, is the next argument.
    fn take_flag(&mut self, adds: Adds, name: &'a str, index: usize) -> usize {
        self.add(adds);
        self.stdin_wanted |= self.asks_for_stdin(name);
        match adds.role {
            None => index + 1,
            Some(Role::Command) if !self.takes_the_rest() => self.command(index + 1),
            Some(Role::Shell) if self.waits_for_script(name) => {
                self.script_next = true;
                index + 1
            }
            Some(Role::Command | Role::Shell | Role::Code) if self.takes_the_rest() => {
                self.program_rest(index + 1, 0, name)
            }
            Some(_) => {
                if let Some(value) = self.arguments.get(index + 1) {
                    self.value(adds, name, &value.text, index + 1, 0);
                }
                let is_pair = PAIRED_FLAGS.contains(&name) && self.program.flag("--dev-bind-try").is_some();
                index + if is_pair { 3 } else { 2 }
            }
        }
    }

    /// Whether the flag is the `-c` of a shell, whose script is the next operand, not the next argument.
    fn waits_for_script(&self, name: &str) -> bool {
        self.body().language == Tongue::Shell(Shell::Bash) && name.len() <= 6 && !name.starts_with("--")
    }

    /// Whether a script is all that follows (`cmd /c`, `powershell -Command`).
    fn takes_the_rest(&self) -> bool {
        matches!(self.body().language, Tongue::Shell(Shell::PowerShell | Shell::Cmd))
    }

    /// `--flag=value`, `-f=value`, a long flag cut short, or several short flags in one.
    fn unix_flag(&mut self, index: usize, text: &'a str) -> Option<usize> {
        if let Some(at) = text.find('=')
            && let Some((name, value)) = text.split_at_checked(at)
            && let Some(adds) = self.long_flag(name)
        {
            let value = value.get(1..).unwrap_or_default();
            // `--dry-run=false` is no dry run.
            self.add(if is_off(value) { Adds { modifiers: EnumSet::empty(), ..adds } } else { adds });
            self.value(adds, name, value, index, at + 1);
            return Some(index + 1);
        }
        if let Some(undone) = text.strip_prefix("--no-").and_then(|name| self.flag(&format!("--{name}"))) {
            self.modifiers -= undone.modifiers;
            return Some(index + 1);
        }
        if text.starts_with("--") {
            if let Some(adds) = self.long_flag(text) {
                return Some(self.take_flag(adds, text, index));
            }
            self.after_unknown_flag = !text.contains('=');
            return Some(index + 1);
        }
        self.bundle(index, text)
    }

    /// The flag of this spelling or, for a long one, the only one that starts with it.
    fn long_flag(&self, name: &str) -> Option<Adds> {
        self.flag(name).or_else(|| {
            let found = (name.len() > 4 && name.starts_with("--"))
                .then(|| self.chain.iter().rev().find_map(|body| body.flag_by_prefix(name)));
            found.flatten().and_then(|(adds, only)| only.then_some(adds))
        })
    }

    /// Short flags in one argument: `-rf`, `-ofile`, `-lc`.
    fn bundle(&mut self, index: usize, text: &'a str) -> Option<usize> {
        let letters = text.get(1..)?;
        if letters.bytes().next().is_none_or(|byte| byte.is_ascii_digit()) {
            // `-1`, `-20`: a count, unless the program takes it as an operand (`kill -9`).
            return if self.body().roles().first() == Some(&Role::Signal) { None } else { Some(index + 1) };
        }
        if self.chain.iter().any(|body| body.has_long_single_dash()) && !self.all_short(letters) {
            self.after_unknown_flag = true;
            return Some(index + 1);
        }
        let mut known = false;
        for (at, letter) in letters.char_indices() {
            let mut name = [b'-', 0, 0, 0, 0];
            let end = 1 + name.get_mut(1..).map_or(0, |rest| letter.encode_utf8(rest).len());
            let spelling = name.get(..end).and_then(|bytes| std::str::from_utf8(bytes).ok()).unwrap_or_default();
            let Some(adds) = self.flag(spelling) else { continue };
            known = true;
            let rest = at + 1 + letter.len_utf8();
            if adds.role.is_some()
                && rest < text.len()
                && !(adds.role == Some(Role::Shell) && self.waits_for_script("-c"))
            {
                let (flag, value) = text.split_at_checked(rest)?;
                self.add(adds);
                self.value(adds, flag, value, index, rest);
                return Some(index + 1);
            }
            self.stdin_wanted |= self.asks_for_stdin(spelling);
            if rest == text.len() {
                let flag = if adds.role.is_some() && known && letters.len() > 1 { "-c" } else { text };
                let flag = if adds.role == Some(Role::Shell) { flag } else { text };
                return Some(self.take_flag(adds, flag, index));
            }
            self.add(adds);
            self.script_next |= adds.role == Some(Role::Shell);
        }
        self.after_unknown_flag = !known;
        Some(index + 1)
    }

    /// Whether every letter, up to one that takes a value, is a short flag.
    fn all_short(&self, letters: &str) -> bool {
        for letter in letters.chars() {
            let mut name = String::from("-");
            name.push(letter);
            match self.flag(&name) {
                None => return false,
                Some(adds) if adds.role.is_some() => return true,
                Some(_) => {}
            }
        }
        true
    }

    /// `-Recurse`, `-rec`, `-Path:x`, and the parameters that every cmdlet has.
    fn powershell_flag(&mut self, index: usize, text: &'a str) -> Option<usize> {
        let dash = text.chars().next().filter(|letter| matches!(letter, '-' | '–' | '—' | '―' | '/'))?;
        if dash == '/' && self.body().language != Tongue::Shell(Shell::PowerShell) {
            return None;
        }
        let bare = text.get(dash.len_utf8()..)?;
        let (word, value) = bare.split_once(':').map_or((bare, None), |(word, value)| (word, Some(value)));
        let name = format!("-{}", word.to_ascii_lowercase());
        if "-whatif".starts_with(&name) && name.len() > 3 || name == "-wi" {
            if !value.is_some_and(is_off) {
                self.modifiers |= Modifier::DryRun;
            }
            return Some(index + 1);
        }
        if name == "-confirm" {
            if value.is_some_and(|value| value.eq_ignore_ascii_case("$false") || value == "0") {
                self.modifiers |= Modifier::NoConfirm;
            }
            return Some(index + 1);
        }
        let found = self
            .flag(&name)
            .or_else(|| self.chain.iter().rev().find_map(|body| body.flag_by_prefix(&name)).map(|(adds, _)| adds));
        let Some(adds) = found else {
            let takes = value.is_none() && COMMON_PARAMETERS.contains(&name.as_str());
            self.after_unknown_flag = !takes && value.is_none();
            return Some(index + 1 + usize::from(takes));
        };
        let Some(value) = value else { return Some(self.take_flag(adds, text, index)) };
        if adds.role.is_some() || !is_off(value) {
            self.add(adds);
            self.value(
                adds,
                text.get(..text.len() - value.len() - 1).unwrap_or(text),
                value,
                index,
                text.len() - value.len(),
            );
        }
        Some(index + 1)
    }

    /// `/s`, `/user:NAME`, `/f/q`; `-s` where the program takes that too. `None` for what is rather a path.
    fn slash_flag(&mut self, index: usize, text: &'a str) -> Option<usize> {
        let mut name = text.to_ascii_lowercase();
        if name.starts_with('-') {
            name.replace_range(..1, "/");
        }
        if let Some(adds) = self.flag(&name) {
            return Some(self.take_flag(adds, text, index));
        }
        if let Some(at) = text.find([':', '=']).filter(|at| *at > 1)
            && let Some(adds) = name.get(..at).and_then(|name| self.flag(name))
        {
            self.add(adds);
            self.value(adds, text.get(..at)?, text.get(at + 1..)?, index, at + 1);
            return Some(index + 1);
        }
        let parts =
            name.get(1..)?.split('/').map(|part| self.flag(&format!("/{part}")).filter(|adds| adds.role.is_none()));
        if let Some(all) = parts.collect::<Option<Vec<_>>>() {
            all.into_iter().for_each(|adds| self.add(adds));
            return Some(index + 1);
        }
        // `cmd /cdel x`: the script begins right after the letter.
        let glued = name.get(..2).and_then(|short| self.flag(short)).filter(|adds| adds.role == Some(Role::Shell));
        if let Some(adds) = glued {
            self.add(adds);
            return Some(self.program_rest(index, 2, text));
        }
        (self.body().style == Style::Cmd && text.starts_with('/') && text.len() <= 3).then_some(index + 1)
    }

    /// The value of a flag.
    fn value(&mut self, adds: Adds, flag: &'a str, text: &'a str, index: usize, skip: usize) {
        let Some(role) = adds.role else { return };
        let dynamic = self.arguments.get(index).is_some_and(|argument| argument.dynamic);
        let first = self.body().roles().first().copied();
        let gives = match role {
            Role::Code | Role::Shell | Role::Script | Role::Query => {
                matches!(first, Some(Role::Code | Role::Script | Role::Query | Role::Shell))
            }
            Role::Pattern => {
                first == Some(Role::Pattern) && !flag.contains("clude") && !matches!(flag, "-g" | "--glob")
            }
            Role::Read => {
                matches!(first, Some(Role::Pattern | Role::Query | Role::Code))
                    && matches!(flag, "-f" | "--file" | "--from-file")
            }
            Role::User => first == Some(Role::User),
            _ => false,
        };
        self.skip_first |= gives && self.position == 0;
        match role {
            // `tar --checkpoint-action=exec=SCRIPT`; its other actions run nothing.
            Role::Shell if self.is_checkpoint(flag) && !text.starts_with("exec=") => {}
            Role::Shell if self.is_checkpoint(flag) => self.program(role, index, skip + "exec=".len(), flag),
            Role::Code | Role::Shell => self.program(role, index, skip, flag),
            Role::Script if is_descriptor(text) => self.script_on_stdin = true,
            Role::Script => self.has_program = true,
            Role::Pattern | Role::Data if skip == 0 => self.data.push(index),
            Role::Query => self.query(index, skip),
            Role::Setting => self.hook(hooks::setting(text), index, skip),
            Role::Escape => self.hook(hooks::editor(text), index, skip),
            _ => {}
        }
        self.uses.push(Use { role, text, flag: Some(flag), dynamic });
    }

    fn operand(&mut self, index: usize, argument: &'a Argument) -> usize {
        let text = argument.text.as_str();
        if self.script_next {
            self.script_next = false;
            self.skip_first = true;
            self.nested.push(Nested::Shell { start: index, end: index + 1, skip: 0, shell: Shell::Bash });
            self.has_program = true;
            self.flags_ended = true;
            return index + 1;
        }
        if self.position == 0 && self.try_sub(text) {
            return index + 1;
        }
        let roles = self.body().roles();
        if roles.is_empty() && !self.body().prints {
            self.uses.push(Use { role: Role::Name, text, flag: None, dynamic: argument.dynamic });
        }
        let place = if self.body().last {
            0
        } else {
            (self.position + usize::from(self.skip_first)).min(roles.len().saturating_sub(1))
        };
        let Some(role) = roles.get(place).copied() else {
            self.position += 1;
            return index + 1;
        };
        self.role_of_operand(role, index, argument)
    }

    /// Goes into a subcommand; whether the operand was one, or the value of an unknown flag before it.
    fn try_sub(&mut self, text: &str) -> bool {
        let body = self.body();
        if !body.has_subs() {
            return false;
        }
        let found = if body.style == Style::Unix { body.sub(text) } else { body.sub(&text.to_ascii_lowercase()) };
        if let Some(sub) = found.filter(|_| self.chain.len() < MAX_CHAIN) {
            self.chain.push(sub);
            self.skip_first = false;
            return true;
        }
        if self.after_unknown_flag {
            self.after_unknown_flag = false;
            return true;
        }
        self.unknown_sub |= body.roles().is_empty();
        false
    }

    fn role_of_operand(&mut self, role: Role, index: usize, argument: &'a Argument) -> usize {
        let text = argument.text.as_str();
        match role {
            Role::Command if is_assignment(text) => {
                self.assignment(index, text);
                return index + 1;
            }
            Role::Command if !self.takes_the_rest() => return self.command(index),
            // `trap - EXIT`, `trap EXIT`: a trap is taken away.
            Role::Shell
                if self.body().roles().get(1) == Some(&Role::Signal)
                    && self.position == 0
                    && (text == "-" || index + 1 == self.arguments.len()) => {}
            Role::Shell if self.position + 1 < self.body().roles().len() => self.program(role, index, 0, ""),
            Role::Command | Role::Shell => return self.program_rest(index, 0, ""),
            Role::Code if self.takes_the_rest() => return self.program_rest(index, 0, ""),
            Role::Code => self.program(role, index, 0, ""),
            Role::Script if self.stdin_wanted || is_descriptor(text) => {
                self.stdin_wanted = true;
                self.position += 1;
                self.flags_ended = true;
                return index + 1;
            }
            Role::Script => {
                self.has_program = true;
                // What follows the script is for the script.
                self.flags_ended |= self.body().stdin;
            }
            Role::Query => self.query(index, 0),
            Role::Setting => self.assignment(index, text),
            Role::Socket => self.socket(index, argument),
            // `less +'!command'`, `vim +':!command'`.
            Role::Read | Role::ReadWrite if text.starts_with('+') => self.hook(hooks::editor(text), index, 0),
            Role::Pattern | Role::Data => self.data.push(index),
            _ if self.body().prints => self.data.push(index),
            _ => {}
        }
        self.position += 1;
        if role != Role::Socket {
            self.uses.push(Use { role, text, flag: None, dynamic: argument.dynamic });
        }
        index + 1
    }

    /// A shell command that begins somewhere in an argument, for which it was not to be expected.
    fn hook(&mut self, found: Option<usize>, index: usize, skip: usize) {
        if let Some(at) = found {
            self.facts |= Fact::Execute;
            self.nested.push(Nested::Shell { start: index, end: index + 1, skip: skip + at, shell: Shell::Bash });
        }
    }

    /// `env PAGER='…' git log`: some variables hold commands.
    fn assignment(&mut self, index: usize, text: &str) {
        if let Some((name, value)) = text.split_once('=') {
            self.hook(hooks::variable(name, value), index, name.len() + 1);
        }
    }

    /// An address of `socat`: `TCP:host:port`, `EXEC:program`, `OPEN:file`.
    fn socket(&mut self, index: usize, argument: &'a Argument) {
        let text = argument.text.as_str();
        let Some((kind, rest)) = text.split_once(':') else { return };
        let address = rest.split(',').next().unwrap_or(rest);
        let kind = kind.to_ascii_uppercase();
        let role = match kind.as_str() {
            "SYSTEM" | "SHELL" => {
                self.hook(Some(kind.len() + 1), index, 0);
                return;
            }
            "EXEC" => Role::Execute,
            "FILE" | "OPEN" | "GOPEN" | "CREATE" | "CREAT" => Role::ReadWrite,
            _ if kind.contains("LISTEN") || kind.ends_with("-L") => {
                self.facts |= Fact::Serve;
                Role::Port
            }
            _ if kind.starts_with("UNIX") || kind.starts_with("ABSTRACT") => Role::Name,
            _ => Role::Host,
        };
        if role == Role::Execute {
            self.facts |= Fact::Execute | Fact::RemoteExecute;
        }
        let program = address.split(' ').next().unwrap_or(address);
        let text = if role == Role::Execute { program } else { address };
        self.uses.push(Use { role, text, flag: None, dynamic: argument.dynamic });
    }

    /// Another command from this argument on, until `;` or `{} +`; the index after it.
    fn command(&mut self, start: usize) -> usize {
        let arguments = self.arguments;
        let first = start;
        let start = start + arguments.iter().skip(start).take_while(|argument| is_assignment(&argument.text)).count();
        for (index, argument) in arguments.iter().enumerate().take(start).skip(first) {
            self.assignment(index, &argument.text);
        }
        let rest = self.arguments.get(start..).unwrap_or_default();
        let ends = rest.iter().enumerate().position(|(at, argument)| match argument.text.as_str() {
            ";" | "\\;" => true,
            "+" => at > 0 && rest.get(at - 1).is_some_and(|before| before.text == "{}"),
            _ => false,
        });
        let end = start + ends.unwrap_or(rest.len());
        if start < end {
            self.nested.push(Nested::Command { start, end });
            self.has_program = true;
        }
        end + usize::from(ends.is_some())
    }

    /// A program text that reaches to the end of the arguments (or to `:::` of `parallel`); the index after it.
    fn program_rest(&mut self, start: usize, skip: usize, flag: &str) -> usize {
        let rest = self.arguments.get(start..).unwrap_or_default();
        let Some(first) = rest.first() else { return start };
        let shell = match self.body().language {
            Tongue::Shell(shell) => shell,
            _ => Shell::Bash,
        };
        self.has_program = true;
        if shell == Shell::PowerShell && is_encoded(flag) {
            self.nested.push(Nested::Encoded { index: start, skip });
            return start + 1;
        }
        let length = rest
            .iter()
            .position(|argument| matches!(argument.text.as_str(), ":::" | "::::" | ":::+"))
            .unwrap_or(rest.len());
        // `concurrently "a b" "c d"`: each word a script.
        let each = length > 1 && skip == 0 && shell == Shell::Bash && first.text.contains([' ', '\n']);
        // `parallel ::: SCRIPT SCRIPT`.
        if length == 0 {
            let scripts = (start..start + rest.len())
                .zip(rest)
                .filter(|(_, argument)| !argument.text.starts_with("::") && first.text == ":::");
            self.nested.extend(scripts.map(|(at, _)| Nested::Shell { start: at, end: at + 1, skip: 0, shell }));
        }
        if each {
            let all = (start..start + length).map(|at| Nested::Shell { start: at, end: at + 1, skip: 0, shell });
            self.nested.extend(all);
        } else if length > 0 {
            self.nested.push(Nested::Shell { start, end: start + length, skip, shell });
        }
        start + rest.len()
    }

    /// A program text in one argument.
    fn program(&mut self, role: Role, index: usize, skip: usize, flag: &str) {
        self.has_program = true;
        let nested = match (role, self.body().language) {
            (Role::Shell, _) if self.splits_the_rest() => {
                self.rest_taken = true;
                Nested::Shell { start: index, end: self.arguments.len(), skip, shell: Shell::Bash }
            }
            (_, Tongue::Shell(Shell::PowerShell)) if is_encoded(flag) => Nested::Encoded { index, skip },
            (_, Tongue::Shell(shell)) => Nested::Shell { start: index, end: index + 1, skip, shell },
            (Role::Shell, _) => {
                let shell = match self.body().style {
                    Style::Unix => Shell::Bash,
                    Style::PowerShell => Shell::PowerShell,
                    Style::Cmd => Shell::Cmd,
                };
                Nested::Shell { start: index, end: index + 1, skip, shell }
            }
            (_, Tongue::Code(language)) => Nested::Code { index, skip, language },
            (_, Tongue::None) => Nested::Code { index, skip, language: Language::Other },
        };
        self.nested.push(nested);
    }

    /// A query; only those of databases are programs.
    fn query(&mut self, index: usize, skip: usize) {
        let text = self.arguments.get(index).and_then(|argument| argument.text.get(skip..)).unwrap_or_default();
        if let Some(at) = hooks::escape(text) {
            // `psql -c '\! command'`, `sqlite3 x '.shell command'`.
            self.has_program = true;
            self.hook(Some(at), index, skip);
            return;
        }
        let program = self.chain.iter().any(|body| body.does().facts.contains(Fact::Database));
        if program {
            self.has_program = true;
            self.nested.push(Nested::Code { index, skip, language: Language::Sql });
        } else if skip == 0 {
            self.data.push(index);
        }
    }

    /// Gives the last operand the last role where the table says `read... write`.
    fn settle_last_operand(&mut self) {
        let body = self.body();
        let Some(role) = body.roles().last().copied().filter(|_| body.last) else { return };
        if self.uses.iter().any(|item| item.flag.is_some() && item.role == role) {
            return;
        }
        let mut operands = self.uses.iter_mut().filter(|item| item.flag.is_none());
        let Some(last) = operands.next_back() else { return };
        if operands.next().is_some() {
            last.role = role;
        }
    }
}

/// Whether a flag's value turns it off.
fn is_off(value: &str) -> bool {
    ["false", "none", "no", "off", "0", "$false", "$null"].iter().any(|off| value.eq_ignore_ascii_case(off))
}

/// Whether a word is `NAME=VALUE`.
fn is_assignment(text: &str) -> bool {
    text.split_once('=').is_some_and(|(name, _)| {
        !name.is_empty()
            && !name.starts_with(|first: char| first.is_ascii_digit())
            && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    })
}

/// Whether a path stands for the standard input or another open descriptor.
pub(in crate::normalize) fn is_descriptor(path: &str) -> bool {
    let number = path.strip_prefix("/dev/fd/").or_else(|| path.strip_prefix("/proc/self/fd/"));
    matches!(path, "-" | "/dev/stdin")
        || number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

/// Whether a flag of PowerShell is `-EncodedCommand` or short for it.
fn is_encoded(flag: &str) -> bool {
    let name = flag.trim_start_matches(['-', '–', '—', '―', '/']).to_ascii_lowercase();
    !name.is_empty() && ("encodedcommand".starts_with(&name) || name == "ec")
}
