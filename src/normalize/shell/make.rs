//! Makefiles that are given as text, by a pipe, a substitution, a flag or a file that the script wrote: what they run.
//!
//! Only what is certain is filled in. What a function of `make` would yield stands as a variable that nobody set.

use std::collections::{BTreeSet, HashMap};
use std::rc::Rc;

use indexmap::IndexSet;

use crate::action::{Gap, Layer, Modifier, Shell};
use crate::normalize::facts::{self, Facts};
use crate::normalize::shell::decode::Literal;
use crate::normalize::shell::expand::Field;
use crate::normalize::shell::scope::Variable;
use crate::normalize::shell::scripts::is_shell;
use crate::normalize::shell::stdin::Stdin;
use crate::normalize::shell::syntax;
use crate::normalize::shell::walk::Walker;
use crate::normalize::shell::words::basename;

/// Recipe lines that are scripts of their own; those behind them are one script.
const MAX_RECIPES: usize = 96;
/// Variables in variables that are followed.
const MAX_DEPTH: usize = 8;
/// Bytes that one variable may come to.
const MAX_VALUE: usize = 64 * 1024;
/// Bytes that are filled in, and those of the texts in which they are.
const MAX_FILLED: usize = 4 * MAX_VALUE;
/// Texts that `$(eval …)` and `include` add.
const MAX_ADDED: usize = 8;
/// Files that one line may include.
const MAX_INCLUDES: usize = 32;

/// Variables that `make` sets itself, as far as they name programs.
const DEFAULTS: [(&str, &str); 6] =
    [("RM", "rm -f"), ("CC", "cc"), ("CXX", "c++"), ("AR", "ar"), ("MAKE", "make"), ("SHELL", "/bin/sh")];

/// The files that `make` reads when none is named, in its order.
const FILES: [&str; 3] = ["GNUmakefile", "makefile", "Makefile"];

impl Walker {
    /// Opens the makefiles that `make` reads, as far as they are known.
    pub(super) fn makefiles(&mut self, program: &str, facts: &Facts, fields: &[Field], stdin: &Stdin) {
        if !matches!(program, "make" | "gmake" | "bmake" | "remake") || self.evaluating {
            return;
        }
        let place = match &facts.chdir {
            Some(folder) => self.scope.place.changed_to(folder),
            None => self.scope.place.clone(),
        };
        let outer_place = std::mem::replace(&mut self.scope.place, place);
        let mut given = Given::of(fields);
        given.dry = facts.effects.iter().any(|effect| effect.modifiers.contains(Modifier::DryRun));
        for (path, field) in &given.files {
            self.named_makefile(path, field, &given, stdin);
        }
        // Variables may run something by themselves, whatever file there is.
        for text in given.texts.iter().chain(given.variables.first().map(|_| &"")) {
            self.makefile(&Literal::text(*text), &given);
        }
        if given.files.is_empty() {
            for name in FILES {
                self.written_makefile(name, &given);
            }
        }
        self.scope.place = outer_place;
    }

    /// The makefile of `-f`.
    fn named_makefile(&mut self, path: &str, field: &Field, given: &Given<'_>, stdin: &Stdin) {
        if let Some(literal) = &field.process {
            self.makefile(literal, given);
        } else if facts::is_descriptor(path) {
            // What is piped in stays a text beside what it runs: much of it is no script.
            if let Some(literal) = self.piped_commands(stdin) {
                self.makefile(&literal, given);
            }
        } else {
            self.written_makefile(path, given);
        }
    }

    /// A makefile that the script may have written.
    fn written_makefile(&mut self, path: &str, given: &Given<'_>) {
        for literal in self.versions_at(path) {
            self.makefile(&literal, given);
        }
    }

    /// The texts of a file that a makefile includes, as far as the script wrote it.
    fn included(&mut self, path: &str) -> Vec<String> {
        let versions = self.versions_at(path);
        versions.iter().filter_map(|literal| self.text_of(literal).map(str::to_owned)).collect()
    }

    /// What the script wrote to a path, seen from where it is.
    fn versions_at(&mut self, path: &str) -> Vec<Rc<Literal>> {
        if self.files.is_empty() {
            return Vec::new();
        }
        let path = self.scope.place.shown_as(path);
        self.written_scripts(&path)
    }

    /// Units for what a makefile runs.
    fn makefile(&mut self, literal: &Literal, given: &Given<'_>) {
        let Some(text) = self.text_of(literal) else { return };
        // `$(MAKE) all` in a recipe reads the same file again.
        let key = format!("{:?} {:?} {} {text}", self.scope.place.cwd, given.variables, given.dry);
        if !self.made.insert(key) {
            return;
        }
        let found = scripts(text, &given.variables, given.dry, &mut |path| self.included(path));
        if found.closed {
            self.gap(Gap::Opaque);
        }
        // What a variable of the shell is says nothing of one of `make` that has its name.
        let unknown: Vec<_> = found.unknown.into_iter().map(|name| (name, Variable::Unknown)).collect();
        let shadowed = self.pass_on(&unknown);
        for script in &found.scripts {
            self.script(script, &[Layer::Script], Shell::Bash, literal.decoded);
        }
        self.take_back(shadowed);
    }
}

/// What the arguments of `make` give it.
struct Given<'a> {
    /// Makefiles by their paths, with the words that they stand in.
    files: Vec<(&'a str, &'a Field)>,
    /// Texts of `--eval`.
    texts: Vec<&'a str>,
    /// Definitions of variables, which no makefile changes.
    variables: Vec<&'a str>,
    /// Whether recipes are only shown.
    dry: bool,
}

impl<'a> Given<'a> {
    fn of(fields: &'a [Field]) -> Self {
        let mut given = Self { files: Vec::new(), texts: Vec::new(), variables: Vec::new(), dry: false };
        let mut at = 0;
        while let Some(field) = fields.get(at) {
            let next = fields.get(at + 1);
            at += 1;
            if let Some((value, apart)) = flag_value(field, next, 'f', &["--file", "--makefile"]) {
                at += usize::from(apart);
                given.files.push((value, next.filter(|_| apart).unwrap_or(field)));
            } else if let Some((value, apart)) = flag_value(field, next, 'E', &["--eval"]) {
                at += usize::from(apart);
                given.texts.push(value);
            } else if assignment(&field.text).is_some() {
                given.variables.push(&field.text);
            }
        }
        given
    }
}

/// The value of a flag by its letter or its long names, which may be shortened, and whether it is the next word.
fn flag_value<'a>(field: &'a Field, next: Option<&'a Field>, letter: char, names: &[&str]) -> Option<(&'a str, bool)> {
    let text = field.text.as_str();
    let value = if text.starts_with("--") {
        let (flag, value) = text.split_once('=').map_or((text, None), |(flag, value)| (flag, Some(value)));
        names.iter().any(|name| flag.len() > 2 && name.starts_with(flag)).then_some(value)?
    } else {
        // Letters that take a value end a bundle.
        let flags = text.strip_prefix('-')?;
        let at =
            flags.find(|flag: char| flag == letter || "CIoWEfjlO".contains(flag) || !flag.is_ascii_alphabetic())?;
        flags.get(at..)?.strip_prefix(letter).map(Some)?.filter(|value: &&str| !value.is_empty())
    };
    match value {
        Some(value) => Some((value, false)),
        None => next.map(|next| (next.text.as_str(), true)),
    }
}

/// What a makefile runs.
#[derive(Debug, Default)]
struct Found {
    scripts: Vec<String>,
    /// Names in the scripts that stand for something that is only known when `make` runs.
    unknown: BTreeSet<String>,
    /// Whether something of it was not followed, or its recipes are no shell scripts.
    closed: bool,
}

/// The shell scripts of a makefile: its recipes and what `$(shell …)` and `!=` run.
///
/// With `dry`, recipes are only shown. `included` gives the texts of an included file, none when it is not known.
fn scripts(text: &str, given: &[&str], dry: bool, included: &mut dyn FnMut(&str) -> Vec<String>) -> Found {
    let mut reader = Reader::new(given);
    reader.text(text);
    let (mut n_read, mut n_included) = (0, 0);
    loop {
        if let Some(path) = reader.includes.get_index(n_included).cloned() {
            n_included += 1;
            included(&path).into_iter().for_each(|text| reader.add(text));
        } else if let Some(text) = reader.added.get(n_read).cloned() {
            n_read += 1;
            reader.text(&text);
        } else {
            break;
        }
    }
    if dry {
        reader.keep_what_runs_anyway();
    }
    reader.finish()
}

/// A rule: its targets and what they depend on.
#[derive(Debug, Clone, Default)]
struct Rule {
    targets: String,
    sources: String,
}

/// A makefile on its way to scripts.
#[derive(Debug, Default)]
struct Reader {
    variables: HashMap<String, String>,
    /// Names of variables that the command line sets.
    fixed: Vec<String>,
    rule: Option<Rc<Rule>>,
    recipes: Vec<(Rc<Rule>, String)>,
    /// What runs while the makefile is read.
    scripts: Vec<String>,
    /// Texts that the makefile adds to itself.
    added: Vec<String>,
    /// Paths of the files that it includes.
    includes: IndexSet<String>,
    /// What a recipe line begins with.
    prefix: char,
    /// Whether a recipe is one script.
    joined: bool,
    unknown: BTreeSet<String>,
    n_filled: usize,
    closed: bool,
}

impl Reader {
    fn new(given: &[&str]) -> Self {
        let mut reader = Self {
            variables: DEFAULTS.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect(),
            prefix: '\t',
            unknown: ["x", "stem"].map(str::to_owned).into(),
            ..Self::default()
        };
        given.iter().for_each(|definition| reader.line(definition));
        let names = given.iter().filter_map(|definition| Some(assignment(definition)?.0.to_owned()));
        reader.fixed = names.collect();
        reader
    }

    /// Reads a text line by line.
    fn text(&mut self, text: &str) {
        let mut defined: Option<(String, Vec<String>)> = None;
        for line in logical_lines(text) {
            if let Some((name, mut body)) = defined.take() {
                if line.trim_start().starts_with("endef") {
                    self.set(&name, "=", &body.join("\n"));
                } else {
                    body.push(line);
                    defined = Some((name, body));
                }
                continue;
            }
            if let Some(recipe) = line.strip_prefix(self.prefix)
                && let Some(rule) = self.rule.clone()
            {
                self.recipes.push((rule, recipe.to_owned()));
                continue;
            }
            if let Some(name) = line.trim_start().strip_prefix("define ") {
                let name = name.split(['=', ':', '+', '?']).next().unwrap_or_default().trim();
                defined = Some((name.to_owned(), Vec::new()));
                continue;
            }
            self.line(without_comment(&joined(&line)).trim());
        }
        if let Some((name, body)) = defined {
            self.set(&name, "=", &body.join("\n"));
        }
    }

    /// Takes up a text that counts as part of this one.
    fn add(&mut self, text: String) {
        if self.added.len() < MAX_ADDED {
            self.added.push(text);
        } else {
            self.closed = true;
        }
    }

    /// Reads a line that is no recipe.
    fn line(&mut self, line: &str) {
        if line.is_empty() {
            return;
        }
        if let Some(paths) = ["include ", "-include ", "sinclude "].iter().find_map(|word| line.strip_prefix(word)) {
            let paths = self.fill(paths, None, 0);
            self.includes.extend(paths.split_whitespace().take(MAX_INCLUDES).map(str::to_owned));
            return;
        }
        // Code of its own, which is not read.
        self.closed |= line.trim_start_matches('-').starts_with("load ");
        if let Some((name, operator, value)) = assignment(line) {
            // What it runs, for the value itself is filled in where it is used.
            if !matches!(operator, ":=" | "!=") {
                self.fill(value, None, 0);
            }
            if line.starts_with("override ") {
                self.fixed.retain(|fixed| fixed != name);
            }
            self.set(name, operator, value);
            return;
        }
        if let Some((Some(_), behind)) = line.strip_prefix('$').map(reference)
            && behind.trim().is_empty()
        {
            self.fill(line, None, 0);
            return;
        }
        let (head, inline) = match line.split_once(';') {
            Some((head, inline)) if head.contains(':') => (head, Some(inline)),
            _ => (line, None),
        };
        let head = self.fill(head, None, 0);
        let Some((targets, sources)) = head.split_once(':') else { return };
        let sources = sources.trim_start_matches(':');
        if let Some((name, operator, value)) = assignment(sources.trim()) {
            self.set(name, operator, value);
            return;
        }
        self.joined |= targets.contains(".ONESHELL");
        let rule = Rc::new(Rule { targets: targets.trim().to_owned(), sources: sources.trim().to_owned() });
        if let Some(inline) = inline {
            self.recipes.push((Rc::clone(&rule), inline.to_owned()));
        }
        self.rule = Some(rule);
    }

    fn set(&mut self, name: &str, operator: &str, value: &str) {
        match name {
            ".RECIPEPREFIX" => self.prefix = value.chars().next().unwrap_or('\t'),
            ".SHELLFLAGS" => self.closed |= !value.split_whitespace().all(is_shell_flag),
            _ => {}
        }
        if self.fixed.iter().any(|fixed| fixed == name) {
            return;
        }
        match operator {
            "!=" => {
                let script = self.fill(value, None, 0);
                self.run(&script);
                self.variables.insert(name.to_owned(), format!("$$({script})"));
            }
            "+=" => {
                let all = self.variables.entry(name.to_owned()).or_default();
                if all.len() + value.len() <= MAX_VALUE {
                    all.push(' ');
                    all.push_str(value);
                } else {
                    self.closed = true;
                }
            }
            "?=" => {
                self.variables.entry(name.to_owned()).or_insert_with(|| value.to_owned());
            }
            // Filled in where it stands; what is left of it is for the shell.
            ":=" => {
                let value = self.fill(value, None, 0).replace('$', "$$");
                self.variables.insert(name.to_owned(), value);
            }
            _ => {
                self.variables.insert(name.to_owned(), value.to_owned());
            }
        }
    }

    /// Notes what runs while the makefile is read.
    fn run(&mut self, script: &str) {
        if !self.scripts.iter().take(MAX_RECIPES).any(|other| other == script) {
            self.scripts.push(script.to_owned());
        }
    }

    /// The text with its variables filled in. When that was too much, the text of the makefile itself as it stands.
    fn fill(&mut self, text: &str, rule: Option<&Rule>, depth: usize) -> String {
        if !self.spend(text.len()) {
            return if depth == 0 { text.to_owned() } else { "$x".to_owned() };
        }
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('$') {
            filled.push_str(before);
            let (inner, behind) = reference(after);
            match inner {
                Some("$") => filled.push('$'),
                Some(inner) => {
                    let value = self.value(inner, rule, depth);
                    self.spend(value.len());
                    filled.push_str(&value);
                }
                None => filled.push('$'),
            }
            rest = behind;
        }
        filled.push_str(rest);
        filled
    }

    /// Counts what is filled in; `false` when it was too much.
    fn spend(&mut self, n_bytes: usize) -> bool {
        self.n_filled = self.n_filled.saturating_add(n_bytes);
        self.closed |= self.n_filled > MAX_FILLED;
        self.n_filled <= MAX_FILLED
    }

    /// What stands for `$(inner)`.
    fn value(&mut self, inner: &str, rule: Option<&Rule>, depth: usize) -> String {
        if depth >= MAX_DEPTH || !self.spend(0) {
            self.closed = true;
            return "$x".to_owned();
        }
        if let Some(automatic) = rule.and_then(|rule| automatic(inner, rule)) {
            return automatic;
        }
        if let Some(value) = self.variables.get(inner).cloned() {
            return self.fill(&value, rule, depth + 1);
        }
        match inner.split_once([' ', '\t']) {
            Some((function, arguments)) => self.function(function, arguments.trim_start(), rule, depth + 1),
            None => match inner.split_once(':') {
                Some((name, change)) if self.variables.contains_key(name) => {
                    let value = self.value(name, rule, depth + 1);
                    self.changed(&value, change)
                }
                _ => self.unknown(inner),
            },
        }
    }

    fn function(&mut self, function: &str, arguments: &str, rule: Option<&Rule>, depth: usize) -> String {
        if function == "call" {
            return self.call(arguments, rule, depth);
        }
        let arguments = self.fill(arguments, rule, depth);
        match function {
            "shell" => {
                self.run(&arguments);
                format!("$({arguments})")
            }
            "eval" => {
                self.add(arguments);
                String::new()
            }
            "strip" => arguments,
            "info" | "warning" | "error" => String::new(),
            // One runs code of its own, the other writes.
            "guile" | "file" => {
                self.closed = true;
                self.unknown(function)
            }
            _ => self.unknown(function),
        }
    }

    /// `$(call name,first,second)`.
    fn call(&mut self, arguments: &str, rule: Option<&Rule>, depth: usize) -> String {
        const MOST: usize = 9;
        let mut parts = arguments.split(',');
        let name = parts.next().unwrap_or_default().trim();
        let Some(mut body) = self.variables.get(name).cloned() else {
            return self.unknown(name);
        };
        for (index, argument) in parts.take(MOST).enumerate() {
            let number = index + 1;
            if body.len() * (argument.len() + 1) > MAX_VALUE {
                self.closed = true;
                break;
            }
            body = body.replace(&format!("$({number})"), argument).replace(&format!("${number}"), argument);
        }
        self.fill(&body, rule, depth)
    }

    /// `$(NAME:.c=.o)`.
    fn changed(&mut self, value: &str, change: &str) -> String {
        let Some((from, to)) = change.split_once('=') else { return value.to_owned() };
        let n_words = value.matches(' ').count() + 1;
        if from.contains('%') || !self.spend(n_words.saturating_mul(to.len())) {
            return self.unknown("patsubst");
        }
        let change = |word: &str| match word.strip_suffix(from) {
            Some(stem) => format!("{stem}{to}"),
            None => word.to_owned(),
        };
        value.split(' ').map(change).collect::<Vec<_>>().join(" ")
    }

    /// Something that is only known when `make` runs, as the shell spells such things.
    fn unknown(&mut self, name: &str) -> String {
        let letters: String = name.chars().filter(|letter| letter.is_ascii_alphanumeric() || *letter == '_').collect();
        let name = if syntax::is_name(&letters) { letters } else { "x".to_owned() };
        let spelled = format!("${name}");
        // These the shell has from where `make` has them.
        if !matches!(name.as_str(), "HOME" | "PWD") {
            self.unknown.insert(name);
        }
        spelled
    }

    /// Leaves out the recipes that are only shown: all but those with a `+` and those that run `make`, or something else
    /// while they are filled in.
    fn keep_what_runs_anyway(&mut self) {
        let recipes = std::mem::take(&mut self.recipes);
        for (rule, recipe) in recipes {
            let filled = self.fill(&recipe, Some(&*rule), 0);
            let signs = filled.strip_suffix(command(&filled)).unwrap_or(&filled);
            if signs.contains('+') || ["MAKE", "shell"].iter().any(|name| recipe.contains(name)) {
                self.recipes.push((rule, recipe));
            }
        }
    }

    /// All scripts, in the order of the text as far as they are recipes.
    fn finish(mut self) -> Found {
        if self.variables.get("SHELL").is_some_and(|shell| !is_shell(basename(shell.trim()))) {
            self.closed = true;
        }
        let recipes = std::mem::take(&mut self.recipes);
        let mut lines: Vec<String> = Vec::with_capacity(recipes.len());
        let mut last: Option<Rc<Rule>> = None;
        for (rule, recipe) in recipes {
            let recipe = self.fill(&recipe, Some(&*rule), 0);
            let recipe = logical_lines(&recipe).iter().map(|line| command(line)).collect::<Vec<_>>().join("\n");
            let follows = self.joined && last.as_ref().is_some_and(|last| Rc::ptr_eq(last, &rule));
            match lines.last_mut() {
                Some(script) if follows => {
                    script.push('\n');
                    script.push_str(&recipe);
                }
                _ => lines.push(recipe),
            }
            last = Some(rule);
        }
        let mut scripts = bounded(std::mem::take(&mut self.scripts));
        scripts.extend(bounded(lines));
        Found { scripts, unknown: self.unknown, closed: self.closed }
    }
}

/// The scripts, with those behind [`MAX_RECIPES`] as one.
fn bounded(mut scripts: Vec<String>) -> Vec<String> {
    if scripts.len() > MAX_RECIPES {
        let rest = scripts.split_off(MAX_RECIPES).join("\n");
        scripts.push(rest);
    }
    scripts
}

/// Lines with those that a backslash continues, which stay apart in them: in a comment of a recipe, the next line is none.
fn logical_lines(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut continues = false;
    for line in text.lines() {
        match lines.last_mut() {
            Some(last) if continues => {
                last.push('\n');
                last.push_str(line);
            }
            _ => lines.push(line.to_owned()),
        }
        continues = line.ends_with('\\');
    }
    lines
}

/// A logical line as `make` reads it where it is no recipe, which may follow a `;`.
fn joined(line: &str) -> String {
    let recipe = line.find(';').filter(|_| assignment(line).is_none());
    let (head, recipe) = recipe.and_then(|at| line.split_at_checked(at)).unwrap_or((line, ""));
    head.split("\\\n").map(str::trim).collect::<Vec<_>>().join(" ") + recipe
}

/// The line up to a `#` that is not part of a reference or of a recipe behind a `;`.
fn without_comment(line: &str) -> &str {
    let has_recipe = assignment(line).is_none();
    let mut rest = line;
    while let Some((sign, after)) = rest.find(['#', '$', '\\', ';']).and_then(|at| rest.get(at..)?.split_at_checked(1))
    {
        rest = match sign {
            "#" => return line.get(..line.len() - after.len() - 1).unwrap_or(line),
            "$" => reference(after).1,
            "\\" => after.strip_prefix('#').unwrap_or(after),
            _ if has_recipe => break,
            _ => after,
        };
    }
    line
}

/// `NAME = value`, with its operator.
fn assignment(line: &str) -> Option<(&str, &'static str, &str)> {
    let (before, value) = line.split_once('=')?;
    let name = before.trim_end_matches([':', '+', '?', '!']);
    let operator = match before.get(name.len()..).and_then(|operator| operator.chars().last()) {
        Some('+') => "+=",
        Some('?') => "?=",
        Some('!') => "!=",
        Some(_) => ":=",
        _ => "=",
    };
    let name = name.trim().trim_start_matches("override ").trim_start_matches("export ").trim();
    let is_name = !name.is_empty() && !name.contains([' ', '\t', ':', ';', '#', '$', '(', '|', '"', '\'']);
    is_name.then_some((name, operator, value.trim()))
}

/// What a `$` refers to, given what follows it, and what is behind that; `None` for a `$` that stands alone.
fn reference(after: &str) -> (Option<&str>, &str) {
    let mut letters = after.char_indices();
    let close = match letters.next() {
        Some((_, '(')) => ('(', ')'),
        Some((_, '{')) => ('{', '}'),
        Some((_, letter)) => {
            let (inner, behind) = after.split_at_checked(letter.len_utf8()).unwrap_or((after, ""));
            return (Some(inner), behind);
        }
        None => return (None, after),
    };
    let mut depth = 1_usize;
    for (at, letter) in letters {
        if letter == close.0 {
            depth += 1;
        } else if letter == close.1 {
            depth -= 1;
            if depth == 0 {
                return (after.get(1..at), after.get(at + 1..).unwrap_or_default());
            }
        }
    }
    // Nothing closes it: all that follows is part of it.
    (after.get(1..), "")
}

/// `$@` and the like, and what their folders and names are taken for.
fn automatic(inner: &str, rule: &Rule) -> Option<String> {
    let first = || rule.sources.split_whitespace().next().unwrap_or_default();
    let sign = inner.strip_suffix(['D', 'F']).unwrap_or(inner);
    match sign {
        "@" => Some(rule.targets.clone()),
        "<" => Some(first().to_owned()),
        "^" | "+" | "?" => Some(rule.sources.clone()),
        "*" | "%" | "|" => Some("$stem".to_owned()),
        _ => None,
    }
}

/// What a word of `.SHELLFLAGS` may be for the recipes to be scripts still.
fn is_shell_flag(word: &str) -> bool {
    word.starts_with('-') || matches!(word, "pipefail" | "errexit" | "nounset" | "xtrace")
}

/// A recipe line without the signs that only tell `make` how to run it.
fn command(line: &str) -> &str {
    line.trim_start_matches(['@', '-', '+', ' ', '\t'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, given: &[&str], dry: bool) -> Found {
        scripts(text, given, dry, &mut |_| Vec::new())
    }

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        assert_eq!(read(text, &[], false).scripts, expected, "{text}");
    }

    #[test]
    fn recipes_are_scripts() {
        check("a: b\n\t@rm -rf /x\n\t-ls\n", &["rm -rf /x", "ls"]);
        check("x:;rm -rf /x", &["rm -rf /x"]);
        check("a:\n\tls \\\n\t  -l\n", &["ls \\\n\t  -l"]);
        check("a:\n\t# x \\\n\trm x", &["# x \\\n\trm x"]);
        check(".RECIPEPREFIX = >\na:\n>rm x", &["rm x"]);
        check(".ONESHELL:\na:\n\tcd x\n\trm y\nb:\n\tls", &["cd x\nrm y", "ls"]);
        check("# a: b\nX = 1\ninclude y", &[]);
    }

    #[test]
    fn variables_are_filled_in() {
        check("X = rm -rf\nY := $(X) /x\na:\n\t$(Y)", &["rm -rf /x"]);
        check("a: X = rm\na:\n\t$X y $$HOME", &["rm y $HOME"]);
        check("out: in.c lib\n\t$(CC) -o $@ $< $^", &["cc -o out in.c in.c lib"]);
        check("S = a.c b.c\na:\n\tz $(S:.c=.o) $(wildcard *.c) $(Z)", &["z a.o b.o $wildcard $Z"]);
        check("define D\nrm -rf $(1)\nendef\na:\n\t$(call D,/x)", &["rm -rf /x"]);
        assert_eq!(read("X = ls\na:\n\t$(X) y", &["X=rm"], false).scripts, ["rm y"]);
        assert_eq!(read("override X = rm\na:\n\t$(X) y", &["X=ls"], false).scripts, ["rm y"]);
    }

    #[test]
    fn included_files_are_part_of_it() {
        let mut files = |path: &str| match path {
            "a.mk" => vec!["X = rm -rf\n-include b.mk a.mk".to_owned()],
            "b.mk" => vec!["b:\n\t$(X) /y".to_owned()],
            _ => Vec::new(),
        };
        let found = scripts("M = a\ninclude $(M).mk none.mk\na:\n\t$(X) /x", &[], false, &mut files);
        assert_eq!((found.scripts, found.closed), (vec!["rm -rf /x".to_owned(), "rm -rf /y".to_owned()], false));
        let mut endless = |path: &str| vec![format!("include x{path}")];
        assert!(scripts("include a", &[], false, &mut endless).closed);
    }

    #[test]
    fn what_runs_while_it_is_read_is_found() {
        check("V := $(shell rm -rf /x)", &["rm -rf /x"]);
        check("V != rm -rf /x", &["rm -rf /x"]);
        check("$(eval a:;rm -rf /x)", &["rm -rf /x"]);
        assert_eq!(read("", &["X!=rm -rf /x"], false).scripts, ["rm -rf /x"]);
        assert_eq!(read("", &["X:=$(shell rm -rf /x)"], false).scripts, ["rm -rf /x"]);
    }

    #[test]
    fn comments_hide_nothing_that_runs() {
        check("X = rm # x\na:\n\t$(X) y", &["rm y"]);
        check("X := $(shell true '#'; rm -rf /x) # y", &["true '#'; rm -rf /x"]);
        check("a:; echo '#'; rm x", &["echo '#'; rm x"]);
        check("a: b # c; d", &[]);
        check("a: \\\n b; # x \\\n\trm y", &["# x \\\n\trm y"]);
    }

    #[test]
    fn recipes_that_are_only_shown_do_not_run() {
        let text = "V := $(shell rm v)\na:\n\trm x\n\t@+rm y\n\t$(MAKE) z";
        assert_eq!(read(text, &[], true).scripts, ["rm v", "rm y", "make z"]);
    }

    #[test]
    fn what_is_not_followed_is_noted() {
        assert!(read("X = $(X)\na:\n\t$(X)", &[], false).closed);
        assert!(read("SHELL = /usr/bin/python3\na:\n\tprint(1)", &[], false).closed);
        assert!(read(".SHELLFLAGS = -c reboot\na:\n\tls", &[], false).closed);
        assert!(read("$(guile (system \"ls\"))", &[], false).closed);
        assert!(!read("SHELL := /bin/bash\n.SHELLFLAGS = -eu -o pipefail -c\na:\n\tls", &[], false).closed);
        let nested = "$(".repeat(20_000);
        assert!(read(&nested, &[], false).scripts.is_empty());
        let grown = "A = $(A0)$(A0)\n".to_owned()
            + &(0..60).map(|n| format!("A{n} = $(A{})$(A{})\n", n + 1, n + 1)).collect::<String>()
            + "a:\n\t$(A)";
        assert!(read(&grown, &[], false).closed);
        // What is too much for filling in stands there as it is.
        let wide = format!("a: {}\n\t{}\n\trm x", "b ".repeat(30_000), "$^".repeat(30_000));
        let found = read(&wide, &[], false);
        assert!(found.closed && found.scripts.iter().any(|script| script == "rm x"));
        assert!(found.scripts.iter().map(String::len).sum::<usize>() < 2 * MAX_FILLED);
    }
}
