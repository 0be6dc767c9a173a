//! Makefiles that are given as text, by a pipe, a substitution, a flag or a file that the script wrote: what they run.
//!
//! Only what is certain is filled in. What a function of `make` would yield stands as a variable that nobody set.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::rc::Rc;

use crate::action::{Gap, Layer, Modifier, Shell};
use crate::normalize::facts::Facts;
use crate::normalize::shell::decode::{Literal, Output};
use crate::normalize::shell::expand::Field;
use crate::normalize::shell::input::Source;
use crate::normalize::shell::scripts::is_shell;
use crate::normalize::shell::stdin::Stdin;
use crate::normalize::shell::syntax;
use crate::normalize::shell::walk::Walker;
use crate::normalize::shell::words::basename;

/// Recipe lines that are scripts of their own; those behind them are one script.
const MAX_RECIPES: usize = 96;
/// Variables in variables that are followed.
const MAX_DEPTH: usize = 8;
/// Bytes that all variables may come to.
const MAX_FILLED: usize = 64 * 1024;
/// Texts that `$(eval …)` adds.
const MAX_EVALUATED: usize = 8;

/// Variables that `make` sets itself, as far as they name programs.
const DEFAULTS: [(&str, &str); 6] =
    [("RM", "rm -f"), ("CC", "cc"), ("CXX", "c++"), ("AR", "ar"), ("MAKE", "make"), ("SHELL", "/bin/sh")];

/// The files that `make` reads when none is named, in its order.
const FILES: [&str; 3] = ["GNUmakefile", "makefile", "Makefile"];

impl Walker {
    /// Opens the makefiles that `make` reads, as far as they are known.
    pub(super) fn makefiles(&mut self, program: &str, facts: &Facts, fields: &[Field], stdin: &mut Stdin) {
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
        for text in &given.texts {
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
    fn named_makefile(&mut self, path: &str, field: &Field, given: &Given<'_>, stdin: &mut Stdin) {
        if let Some(literal) = &field.process {
            self.makefile(literal, given);
        } else if matches!(path, "-" | "/dev/stdin" | "/dev/fd/0" | "/proc/self/fd/0") {
            let input = Rc::clone(&stdin.input);
            match &input.output {
                Output::Known(literal) => {
                    stdin.executed = true;
                    self.makefile(literal, given);
                }
                Output::Undecodable => self.gap(Gap::Opaque),
                Output::Unknown if matches!(input.source, Source::Unclear) => self.gap(Gap::Opaque),
                Output::Unknown => {}
            }
        } else {
            self.written_makefile(path, given);
        }
    }

    /// A makefile that the script may have written.
    fn written_makefile(&mut self, path: &str, given: &Given<'_>) {
        if self.files.is_empty() {
            return;
        }
        let path = self.scope.place.locate(path).text;
        for literal in self.files.versions(&path) {
            if self.files.spend(literal.bytes.len()) {
                self.makefile(&literal, given);
            } else {
                self.gap(Gap::Truncated);
            }
        }
    }

    /// Units for what a makefile runs.
    fn makefile(&mut self, literal: &Literal, given: &Given<'_>) {
        if literal.partial {
            self.gap(Gap::Opaque);
        }
        let Some(text) = literal.as_text() else {
            self.gap(Gap::Opaque);
            return;
        };
        // `$(MAKE) all` in a recipe reads the same file again.
        let mut hasher = DefaultHasher::new();
        (text, &self.scope.place.cwd, &given.variables, given.dry).hash(&mut hasher);
        if !self.made.insert(hasher.finish()) {
            return;
        }
        let found = scripts(text, &given.variables, given.dry);
        if found.closed {
            self.gap(Gap::Opaque);
        }
        for script in &found.scripts {
            self.script(script, &[Layer::Script], Shell::Bash, literal.decoded);
        }
    }
}

/// What the arguments of `make` give it.
struct Given<'a> {
    /// Makefiles by their paths, with the words that they stand in.
    files: Vec<(&'a str, &'a Field)>,
    /// Texts of `--eval`.
    texts: Vec<&'a str>,
    /// Variables, which no makefile changes.
    variables: Vec<(&'a str, &'a str)>,
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
            if let Some((value, apart)) = flag_value(field, next, &["-f", "--file", "--makefile"]) {
                at += usize::from(apart);
                given.files.push((value, next.filter(|_| apart).unwrap_or(field)));
            } else if let Some((value, apart)) = flag_value(field, next, &["-E", "--eval"]) {
                at += usize::from(apart);
                given.texts.push(value);
            } else if let Some((name, value)) = field.text.split_once('=')
                && syntax::is_name(name.trim_end_matches([':', '+', '?']))
            {
                given.variables.push((name.trim_end_matches([':', '+', '?']), value));
            }
        }
        given
    }
}

/// The value of one of these flags, the first of which is short, and whether it is the next word.
fn flag_value<'a>(field: &'a Field, next: Option<&'a Field>, names: &[&str]) -> Option<(&'a str, bool)> {
    let text = field.text.as_str();
    let bundle = text.starts_with('-')
        && names.first().and_then(|name| name.chars().last()).is_some_and(|letter| text.ends_with(letter))
        && text.bytes().skip(1).all(|byte| byte.is_ascii_alphabetic());
    if bundle || names.contains(&text) {
        return next.map(|next| (next.text.as_str(), true));
    }
    names.iter().find_map(|name| {
        let value = text.strip_prefix(name)?;
        let value = if name.starts_with("--") { value.strip_prefix('=')? } else { value };
        Some((value, false))
    })
}

/// What a makefile runs.
#[derive(Debug, Default)]
struct Found {
    scripts: Vec<String>,
    /// Whether something of it was not followed, or its recipes are no shell scripts.
    closed: bool,
}

/// The shell scripts of a makefile: its recipes and what `$(shell …)` and `!=` run.
///
/// With `dry`, recipes are only shown.
fn scripts(text: &str, given: &[(&str, &str)], dry: bool) -> Found {
    let mut reader = Reader::new(given);
    reader.text(text);
    for turn in 0.. {
        let Some(text) = reader.evaluated.get(turn).cloned() else { break };
        reader.text(&text);
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
#[derive(Debug)]
struct Reader {
    variables: HashMap<String, String>,
    /// Names of variables that the command line sets.
    fixed: Vec<String>,
    rule: Option<Rc<Rule>>,
    recipes: Vec<(Rc<Rule>, String)>,
    /// What runs while the makefile is read.
    scripts: Vec<String>,
    /// Texts that the makefile adds to itself.
    evaluated: Vec<String>,
    /// What a recipe line begins with.
    prefix: char,
    /// Whether a recipe is one script.
    joined: bool,
    n_filled: usize,
    closed: bool,
}

impl Reader {
    fn new(given: &[(&str, &str)]) -> Self {
        let mut variables: HashMap<String, String> =
            DEFAULTS.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        variables.extend(given.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        Self {
            variables,
            fixed: given.iter().map(|(name, _)| (*name).to_owned()).collect(),
            rule: None,
            recipes: Vec::new(),
            scripts: Vec::new(),
            evaluated: Vec::new(),
            prefix: '\t',
            joined: false,
            n_filled: 0,
            closed: false,
        }
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
            self.line(without_comment(&line).trim());
        }
        if let Some((name, body)) = defined {
            self.set(&name, "=", &body.join("\n"));
        }
    }

    /// Reads a line that is no recipe.
    fn line(&mut self, line: &str) {
        if line.is_empty() {
            return;
        }
        if let Some((name, operator, value)) = assignment(line) {
            let (name, value) = (name.to_owned(), value.to_owned());
            if !matches!(operator, ":=" | "!=") {
                self.fill(&value, None, 0);
            }
            self.set(&name, operator, &value);
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
        if name == ".RECIPEPREFIX" {
            self.prefix = value.chars().next().unwrap_or('\t');
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
                if all.len() + value.len() <= MAX_FILLED {
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
        if !self.scripts.iter().any(|other| other == script) {
            self.scripts.push(script.to_owned());
        }
    }

    /// The text with its variables filled in.
    fn fill(&mut self, text: &str, rule: Option<&Rule>, depth: usize) -> String {
        self.n_filled += text.len();
        if self.n_filled > 4 * MAX_FILLED {
            self.closed = true;
            return String::new();
        }
        let mut filled = String::with_capacity(text.len());
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('$') {
            filled.push_str(before);
            let (inner, behind) = reference(after);
            match inner {
                Some("$") => filled.push('$'),
                Some(inner) => filled.push_str(&self.value(inner, rule, depth)),
                None => filled.push('$'),
            }
            rest = behind;
        }
        filled.push_str(rest);
        filled
    }

    /// What stands for `$(inner)`.
    fn value(&mut self, inner: &str, rule: Option<&Rule>, depth: usize) -> String {
        if depth >= MAX_DEPTH {
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
                    changed(&value, change)
                }
                _ => unknown(inner),
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
                if self.evaluated.len() < MAX_EVALUATED {
                    self.evaluated.push(arguments);
                } else {
                    self.closed = true;
                }
                String::new()
            }
            "strip" => arguments,
            "info" | "warning" | "error" => String::new(),
            _ => unknown(function),
        }
    }

    /// `$(call name,first,second)`.
    fn call(&mut self, arguments: &str, rule: Option<&Rule>, depth: usize) -> String {
        const MOST: usize = 9;
        let mut parts = arguments.split(',');
        let name = parts.next().unwrap_or_default().trim();
        let Some(mut body) = self.variables.get(name).cloned() else {
            return unknown(name);
        };
        for (index, argument) in parts.take(MOST).enumerate() {
            let number = index + 1;
            if body.len() * (argument.len() + 1) > MAX_FILLED {
                self.closed = true;
                break;
            }
            body = body.replace(&format!("$({number})"), argument).replace(&format!("${number}"), argument);
        }
        self.fill(&body, rule, depth)
    }

    /// Leaves out the recipes that are only shown: all but those with a `+` and those that run `make`, or something else
    /// while they are filled in.
    fn keep_what_runs_anyway(&mut self) {
        let recipes = std::mem::take(&mut self.recipes);
        for (rule, recipe) in recipes {
            let filled = self.fill(&recipe, Some(&*rule), 0);
            let signs = filled.len() - command(&filled).len();
            let forced = filled.get(..signs).is_some_and(|signs| signs.contains('+'));
            if forced || ["MAKE", "shell"].iter().any(|name| recipe.contains(name)) {
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
            let recipe = recipe.lines().map(command).collect::<Vec<_>>().join("\n");
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
        if lines.len() > MAX_RECIPES {
            let rest = lines.split_off(MAX_RECIPES).join("\n");
            lines.push(rest);
        }
        let mut scripts = std::mem::take(&mut self.scripts);
        if scripts.len() > MAX_RECIPES {
            let rest = scripts.split_off(MAX_RECIPES).join("\n");
            scripts.push(rest);
        }
        scripts.extend(lines);
        Found { scripts, closed: self.closed }
    }
}

/// Lines with those that a backslash continues.
fn logical_lines(text: &str) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    let mut continues = false;
    for line in text.lines() {
        let (body, more) = match line.strip_suffix('\\') {
            Some(body) => (body, true),
            None => (line, false),
        };
        match lines.last_mut() {
            Some(last) if continues => {
                last.push(' ');
                last.push_str(body.trim_start());
            }
            _ => lines.push(body.to_owned()),
        }
        continues = more;
    }
    lines
}

/// The line up to a `#`.
fn without_comment(line: &str) -> &str {
    match line.find('#') {
        Some(at) if !line.get(..at).is_some_and(|before| before.ends_with('\\')) => line.get(..at).unwrap_or(line),
        _ => line,
    }
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

/// `$(NAME:.c=.o)`.
fn changed(value: &str, change: &str) -> String {
    let Some((from, to)) = change.split_once('=') else { return value.to_owned() };
    let change = |word: &str| match word.strip_suffix(from) {
        Some(stem) => format!("{stem}{to}"),
        None => word.to_owned(),
    };
    if from.contains('%') { unknown("patsubst") } else { value.split(' ').map(change).collect::<Vec<_>>().join(" ") }
}

/// Something that is only known when `make` runs, as the shell spells such things.
fn unknown(name: &str) -> String {
    let letters: String = name.chars().filter(|letter| letter.is_ascii_alphanumeric() || *letter == '_').collect();
    if letters.is_empty() { "$x".to_owned() } else { format!("${letters}") }
}

/// A recipe line without the signs that only tell `make` how to run it.
fn command(line: &str) -> &str {
    line.trim_start_matches(['@', '-', '+', ' ', '\t'])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &[&str]) {
        assert_eq!(scripts(text, &[], false).scripts, expected, "{text}");
    }

    #[test]
    fn recipes_are_scripts() {
        check("a: b\n\t@rm -rf /x\n\t-ls\n", &["rm -rf /x", "ls"]);
        check("x:;rm -rf /x", &["rm -rf /x"]);
        check("a:\n\tls \\\n\t  -l\n", &["ls  -l"]);
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
        assert_eq!(scripts("a:\n\t$(X) y", &[("X", "rm")], false).scripts, ["rm y"]);
    }

    #[test]
    fn what_runs_while_it_is_read_is_found() {
        check("V := $(shell rm -rf /x)", &["rm -rf /x"]);
        check("V != rm -rf /x", &["rm -rf /x"]);
        check("$(eval a:;rm -rf /x)", &["rm -rf /x"]);
    }

    #[test]
    fn recipes_that_are_only_shown_do_not_run() {
        let text = "V := $(shell rm v)\na:\n\trm x\n\t@+rm y\n\t$(MAKE) z";
        assert_eq!(scripts(text, &[], true).scripts, ["rm v", "rm y", "make z"]);
    }

    #[test]
    fn what_is_not_followed_is_noted() {
        assert!(scripts("X = $(X)\na:\n\t$(X)", &[], false).closed);
        assert!(scripts("SHELL = /usr/bin/python3\na:\n\tprint(1)", &[], false).closed);
        assert!(!scripts("SHELL := /bin/bash\na:\n\tls", &[], false).closed);
        let nested = "$(".repeat(20_000);
        assert!(scripts(&nested, &[], false).scripts.is_empty());
        let grown = "A = $(A0)$(A0)\n".to_owned()
            + &(0..60).map(|n| format!("A{n} = $(A{})$(A{})\n", n + 1, n + 1)).collect::<String>()
            + "a:\n\t$(A)";
        assert!(scripts(&grown, &[], false).closed);
    }
}
