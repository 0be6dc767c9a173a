//! `programs/*.toml` → what each program does.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::str::FromStr;

use enumset::EnumSet;
use toml::{Table, Value};

use crate::Source;
use crate::text::{Text, fail, report};
use crate::vocabulary::{Fact, Modifier, Role};

const KEYS: [&str; 10] =
    ["does", "operands", "flags", "sub", "alias", "language", "shell", "stdin", "prints", "platform"];

/// Languages with a name of their own in the canonical action; every other language is `Other`.
const LANGUAGES: [(&str, &str); 14] = [
    ("python", "Python"),
    ("javascript", "JavaScript"),
    ("java_script", "JavaScript"),
    ("typescript", "JavaScript"),
    ("ruby", "Ruby"),
    ("perl", "Perl"),
    ("php", "Php"),
    ("lua", "Lua"),
    ("r", "R"),
    ("awk", "Awk"),
    ("sql", "Sql"),
    ("applescript", "AppleScript"),
    ("vbscript", "VbScript"),
    ("java", "Java"),
];

/// What a flag or a program adds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default)]
struct Adds {
    role: Option<Role>,
    facts: EnumSet<Fact>,
    modifiers: EnumSet<Modifier>,
}

/// Rust source under construction.
struct Compiler<'a> {
    text: &'a mut Text,
    bodies: Vec<String>,
    flags: Vec<String>,
    adds: Vec<String>,
    known_adds: HashMap<Adds, usize>,
    subs: Vec<String>,
    roles: Vec<Role>,
}

/// What a subcommand takes over from what stands above it.
#[derive(Clone, Default)]
struct Inherited {
    language: String,
    shell: bool,
    style: &'static str,
}

/// Compiles all files into Rust source.
pub(crate) fn compile(files: &[Source], text: &mut Text) -> String {
    let mut compiler = Compiler {
        text,
        bodies: Vec::new(),
        flags: Vec::new(),
        adds: Vec::new(),
        known_adds: HashMap::new(),
        subs: Vec::new(),
        roles: Vec::new(),
    };
    let mut programs: BTreeMap<String, usize> = BTreeMap::new();
    let mut places: HashMap<String, &str> = HashMap::new();
    let mut aliases = Vec::new();
    for file in files {
        for (name, value) in &file.table {
            let Value::Table(table) = value else { fail(&file.path, name, "not a table") };
            if name.is_empty() || name.chars().any(char::is_uppercase) {
                report(&file.path, name, "a program's name is not empty and in lower case");
            }
            if let Some(other) = places.insert(name.clone(), &file.path) {
                report(&file.path, name, &format!("`{name}` stands in {other} too"));
            }
            if let Some(alias) = table.get("alias") {
                let Some(target) = alias.as_str() else { fail(&file.path, name, "`alias` is not a word") };
                if table.len() > 1 {
                    fail(&file.path, name, "an alias has no other key");
                }
                aliases.push((file.path.as_str(), name, target));
            } else {
                let body = compiler.body(&file.path, name, table, &Inherited::default());
                programs.insert(name.clone(), body);
            }
        }
    }
    resolve(aliases, &mut programs);
    compiler.finish(&programs)
}

/// Gives each alias the body of its program, also through other aliases.
fn resolve(mut aliases: Vec<(&str, &String, &str)>, programs: &mut BTreeMap<String, usize>) {
    while !aliases.is_empty() {
        let before = aliases.len();
        aliases.retain(|(_, name, target)| match programs.get(*target).copied() {
            Some(body) => {
                programs.insert((*name).clone(), body);
                false
            }
            None => true,
        });
        if aliases.len() == before {
            for (path, name, target) in aliases.drain(..) {
                report(path, name, &format!("alias of the unknown program `{target}`"));
            }
        }
    }
}

impl Compiler<'_> {
    fn finish(self, programs: &BTreeMap<String, usize>) -> String {
        let mut code = String::new();
        let programs: Vec<String> =
            programs.iter().map(|(name, body)| format!("({},{body})", self.text.word(name))).collect();
        let _ = writeln!(code, "static PROGRAMS: [(W,u16);{}] = [{}];", programs.len(), programs.join(","));
        let _ = writeln!(code, "static BODIES: [B;{}] = [{}];", self.bodies.len(), self.bodies.join(",\n"));
        let _ = writeln!(code, "static FLAGS: [(W,u16);{}] = [{}];", self.flags.len(), self.flags.join(","));
        let _ = writeln!(code, "static ADDS: [A;{}] = [{}];", self.adds.len(), self.adds.join(",\n"));
        let _ = writeln!(code, "static SUBS: [(W,u16);{}] = [{}];", self.subs.len(), self.subs.join(","));
        let roles: Vec<String> = self.roles.iter().map(|role| format!("Role::{role:?}")).collect();
        let _ = writeln!(code, "static ROLES: [Role;{}] = [{}];", roles.len(), roles.join(","));
        code
    }

    /// Compiles one table and those below it; the index of its body.
    fn body(&mut self, path: &str, key: &str, table: &Table, above: &Inherited) -> usize {
        if let Some(unknown) = table.keys().find(|word| !KEYS.contains(&word.as_str())) {
            report(path, key, &format!("unknown key `{unknown}`"));
        }
        let string = |name: &str| match table.get(name) {
            None => "",
            Some(Value::String(value)) => value.as_str(),
            Some(_) => fail(path, key, &format!("`{name}` is not a text")),
        };
        let truth = |name: &str| match table.get(name) {
            None => false,
            Some(Value::Boolean(value)) => *value,
            Some(_) => fail(path, key, &format!("`{name}` is not true or false")),
        };
        let does = words(path, key, string("does"));
        let flags = flag_words(path, key, table);
        let language =
            if table.contains_key("language") { string("language").to_owned() } else { above.language.clone() };
        let shell = truth("shell") || above.shell;
        let stdin = match string("stdin") {
            "" | "data" => false,
            "code" => true,
            other => fail(path, key, &format!("`stdin` is `{other}`, not code or data")),
        };
        let windows = match string("platform") {
            "" | "unix" | "linux" | "macos" | "bsd" => false,
            "windows" => true,
            other => fail(path, key, &format!("unknown platform `{other}`")),
        };
        let style = style(key, windows, &language, &flags, above.style);
        let (operands, last) = self.operands(path, key, string("operands"));
        let flags = self.flags(flags, style);
        let below = Inherited { language: language.clone(), shell, style };
        let subs = self.subs(path, key, table, &below);
        let does = self.adds(does);
        let language = language_source(path, key, &language, shell);
        self.bodies.push(format!(
            "B{{does:{does},operands:{operands},last:{last},flags:{flags},subs:{subs},language:{language},stdin:{stdin},prints:{},style:Style::{style}}}",
            truth("prints"),
        ));
        self.bodies.len() - 1
    }

    /// The range of the operands' roles, and whether the last role is of the last operand only (`read... write`).
    fn operands(&mut self, path: &str, key: &str, text: &str) -> (String, bool) {
        let start = self.roles.len();
        let mut spread = false;
        for word in text.split_whitespace() {
            let bare = word.trim_end_matches("...");
            spread |= bare != word;
            match Role::from_str(bare) {
                Ok(role) => self.roles.push(role),
                Err(_) => report(path, key, &format!("unknown role `{bare}`")),
            }
        }
        (format!("({start},{})", self.roles.len()), spread && !text.trim_end().ends_with("..."))
    }

    /// Stores flags in order; their range.
    fn flags(&mut self, flags: BTreeMap<String, Adds>, style: &str) -> String {
        let start = self.flags.len();
        let ordered: BTreeMap<String, Adds> = if style == "Unix" {
            flags
        } else {
            flags.into_iter().map(|(word, adds)| (word.to_lowercase(), adds)).collect()
        };
        for (word, adds) in ordered {
            let adds = self.adds(adds);
            let word = self.text.word(&word);
            self.flags.push(format!("({word},{adds})"));
        }
        format!("({start},{})", self.flags.len())
    }

    fn adds(&mut self, adds: Adds) -> usize {
        if let Some(index) = self.known_adds.get(&adds) {
            return *index;
        }
        let role = adds.role.map_or("None".to_owned(), |role| format!("Some(Role::{role:?})"));
        self.adds.push(format!("A{{role:{role},facts:{},modifiers:{}}}", adds.facts.as_u64(), adds.modifiers.as_u64()));
        self.known_adds.insert(adds, self.adds.len() - 1);
        self.adds.len() - 1
    }

    fn subs(&mut self, path: &str, key: &str, table: &Table, below: &Inherited) -> String {
        let Some(subs) = table.get("sub") else { return "(0,0)".to_owned() };
        let Value::Table(subs) = subs else { fail(path, key, "`sub` is not a table") };
        let mut bodies = BTreeMap::new();
        for (names, value) in subs {
            let inner = format!("{key}.sub.{names}");
            let Value::Table(value) = value else { fail(path, &inner, "not a table") };
            let body = self.body(path, &inner, value, below);
            if names.trim().is_empty() {
                fail(path, &inner, "a subcommand without a name");
            }
            for name in names.split_whitespace() {
                if bodies.insert(name.to_owned(), body).is_some() {
                    report(path, &inner, &format!("`{name}` stands there twice"));
                }
            }
        }
        let start = self.subs.len();
        for (name, body) in bodies {
            let name = self.text.word(&name);
            self.subs.push(format!("({name},{body})"));
        }
        format!("({start},{})", self.subs.len())
    }
}

/// Verbs that start the names of cmdlets.
const VERBS: &str = " add clear close compare complete confirm connect convert convertfrom convertto copy debug disable disconnect \
    dismount edit enable enter exit expand export find foreach format get group import initialize install invoke join limit lock \
    measure merge mount move new open optimize out ping pop protect publish push read receive redo register remove rename repair \
    request reset resize resolve restart restore resume revoke save search select send set show skip sort split start step stop \
    submit suspend switch sync tee test trace unblock undo uninstall unlock unprotect unpublish unregister update use wait watch \
    where write ";

/// How a program spells its flags.
fn style(
    key: &str,
    windows: bool,
    language: &str,
    flags: &BTreeMap<String, Adds>,
    above: &'static str,
) -> &'static str {
    let slashes = flags.keys().any(|flag| flag.starts_with('/') && flag.len() > 1);
    let dashes = flags.keys().any(|flag| flag.starts_with("--"));
    let verb = key.split_once('-').is_some_and(|(verb, _)| VERBS.contains(&format!(" {verb} ")));
    match () {
        () if language == "powershell" || !slashes && !dashes && (verb || windows && key.contains('-')) => "PowerShell",
        () if windows && slashes => "Cmd",
        () if above.is_empty() => "Unix",
        () => above,
    }
}

/// All flags of a table by spelling.
fn flag_words(path: &str, key: &str, table: &Table) -> BTreeMap<String, Adds> {
    let mut all = BTreeMap::new();
    let Some(flags) = table.get("flags") else { return all };
    let Value::Table(flags) = flags else { fail(path, key, "`flags` is not a table") };
    for (spellings, value) in flags {
        let Value::String(value) = value else { fail(path, key, &format!("the flag `{spellings}` has no text")) };
        let adds = words(path, key, value);
        if spellings.trim().is_empty() {
            fail(path, key, "a flag without a spelling");
        }
        for spelling in spellings.split_whitespace() {
            if all.insert(spelling.to_owned(), adds).is_some() {
                report(path, key, &format!("the flag `{spelling}` stands there twice"));
            }
        }
    }
    all
}

/// `=role fact modifier …`.
fn words(path: &str, key: &str, text: &str) -> Adds {
    let mut adds = Adds::default();
    for (position, word) in text.split_whitespace().enumerate() {
        if let Some(role) = word.strip_prefix('=') {
            if position > 0 {
                report(path, key, &format!("`{word}` does not stand first"));
            }
            adds.role = Role::from_str(role).map_err(|_| report(path, key, &format!("unknown role `{role}`"))).ok();
        } else if let Ok(fact) = Fact::from_str(word) {
            adds.facts |= fact;
        } else if let Ok(modifier) = Modifier::from_str(word) {
            adds.modifiers |= modifier;
        } else {
            report(path, key, &format!("`{word}` is neither a fact nor a modifier"));
        }
    }
    adds
}

/// The language as a `Tongue`.
fn language_source(path: &str, key: &str, language: &str, shell: bool) -> String {
    match language {
        "" if shell => "Tongue::Shell(Shell::Bash)".to_owned(),
        "" => "Tongue::None".to_owned(),
        "powershell" => "Tongue::Shell(Shell::PowerShell)".to_owned(),
        "cmd" | "batch" => "Tongue::Shell(Shell::Cmd)".to_owned(),
        "bash" | "sh" | "shell" => "Tongue::Shell(Shell::Bash)".to_owned(),
        other if other.chars().any(|letter| letter.is_uppercase() || letter.is_whitespace()) => {
            report(path, key, &format!("the language `{other}` is not one word in lower case"));
            "Tongue::None".to_owned()
        }
        other => {
            let name = LANGUAGES.iter().find(|(word, _)| *word == other).map_or("Other", |(_, name)| name);
            format!("Tongue::Code(Language::{name})")
        }
    }
}
