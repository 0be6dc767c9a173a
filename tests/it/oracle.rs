//! The Bash parser of `normalize` against an independent one, `brush-parser`, which reads the same scripts into a typed tree.
//!
//! Whatever simple command brush finds, `normalize` must find as well, must not call a script broken that brush reads whole,
//! and must cut a plain script into the same pipelines. Where the two differ, [`KNOWN`] says why: by design, or
//! through a fault of `normalize` that is still to be mended; [`MISREAD`] has what brush gets wrong.
//! The hand-written [`TRICKY`] scripts carry their own answer: `run…` are their commands, `not…` is never one.
//!
//! Names are compared, not arguments: expansion has no counterpart in brush. Nothing is executed.

use std::collections::BTreeSet;
use std::fs;
use std::thread;

use brush_parser::ast::{
    Assignment, AssignmentName, AssignmentValue, Command, CommandPrefixOrSuffixItem as Item, CompoundCommand,
    CompoundList, ExtendedTestExpr, IoFileRedirectTarget, IoRedirect, Pipeline, Program, RedirectList, SimpleCommand,
};
use brush_parser::word::{self, Parameter, ParameterExpr, WordPiece, WordPieceWithSource};
use brush_parser::{ParserOptions, TokenizerOptions};
use riskgate::action::{Action, Gap, ToolCall, Unit, UnitKind};
use riskgate::normalize::normalize;
use riskgate::record;

use crate::support::{bash, corpus, repository};

/// Commands that `normalize` may leave out: they do nothing, or their whole effect is in the units that stay.
const DROPPED: [&str; 29] = [
    ":",
    "true",
    "false",
    "cd",
    "pushd",
    "popd",
    "set",
    "shift",
    "return",
    "exit",
    "break",
    "continue",
    "read",
    "shopt",
    "test",
    "[",
    "wait",
    "export",
    "declare",
    "local",
    "readonly",
    "typeset",
    "unset",
    "getopts",
    "let",
    "echo",
    "printf",
    "write-host",
    "write-output",
];

/// Programs whose output `normalize` works out, so that a substitution of them alone becomes a constant.
const COMPUTED: [&str; 16] = [
    "echo", "printf", "cat", "base64", "gbase64", "base32", "openssl", "xxd", "gunzip", "zcat", "gzcat", "gzip", "rev",
    "tr", "pwd", "mktemp",
];

// ── What brush sees ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/// A walk through brush's tree.
#[derive(Default)]
struct Oracle {
    options: ParserOptions,
    /// The names of the simple commands whose name is a literal, in order.
    names: Vec<String>,
    /// The first name of each top-level pipeline with its text, while the script is plain.
    heads: Vec<(String, String)>,
    /// Set by what makes one pipeline more or less than one unit: compound commands, substitutions, dynamic names.
    intricate: bool,
    /// Whether a substitution was left unread.
    partial: bool,
}

impl Oracle {
    /// `None` when brush cannot read the script. For `normalize` a line may end as it does on Windows; not so for brush.
    fn read(script: &str) -> Option<Self> {
        let mut oracle = Self::default();
        let program = oracle.parse(&script.replace("\r\n", "\n"))?;
        for list in &program.complete_commands {
            oracle.top(list);
        }
        Some(oracle)
    }

    fn parse(&self, script: &str) -> Option<Program> {
        let tokens = brush_parser::uncached_tokenize_str(script, &TokenizerOptions::default()).ok()?;
        brush_parser::parse_tokens(&tokens, &self.options).ok()
    }

    fn top(&mut self, list: &CompoundList) {
        for pipeline in pipelines(list) {
            let at = self.names.len();
            self.pipeline(pipeline);
            let names = self.names.get(at..).unwrap_or_default();
            self.intricate |= names.len() != pipeline.seq.len() || names.iter().all(|name| is_dropped(name));
            let head = if pipeline.timed.is_some() { "time" } else { names.first().map_or("", String::as_str) };
            self.heads.push((head.to_owned(), brush_parser::unquote_str(&pipeline.to_string())));
        }
    }

    fn list(&mut self, list: &CompoundList) {
        pipelines(list).for_each(|pipeline| self.pipeline(pipeline));
    }

    fn pipeline(&mut self, pipeline: &Pipeline) {
        pipeline.seq.iter().for_each(|command| self.command(command));
    }

    fn command(&mut self, command: &Command) {
        self.intricate |= !matches!(command, Command::Simple(_));
        match command {
            Command::Simple(simple) => self.simple(simple),
            Command::Compound(compound, redirects) => {
                self.compound(compound);
                self.redirects(redirects.as_ref());
            }
            Command::Function(function) => {
                self.compound(&function.body.0);
                self.redirects(function.body.1.as_ref());
            }
            Command::ExtendedTest(test, redirects) => {
                self.test(&test.expr);
                self.redirects(redirects.as_ref());
            }
        }
    }

    fn compound(&mut self, compound: &CompoundCommand) {
        match compound {
            CompoundCommand::Arithmetic(arithmetic) => self.word(&arithmetic.expr.value),
            CompoundCommand::ArithmeticForClause(clause) => {
                for part in [&clause.initializer, &clause.condition, &clause.updater].into_iter().flatten() {
                    self.word(&part.value);
                }
                self.list(&clause.body.list);
            }
            CompoundCommand::BraceGroup(group) => self.list(&group.list),
            CompoundCommand::Subshell(subshell) => self.list(&subshell.list),
            CompoundCommand::ForClause(clause) => {
                clause.values.iter().flatten().for_each(|value| self.word(&value.value));
                self.list(&clause.body.list);
            }
            CompoundCommand::CaseClause(clause) => {
                self.word(&clause.value.value);
                for case in &clause.cases {
                    case.patterns.iter().for_each(|pattern| self.word(&pattern.value));
                    case.cmd.iter().for_each(|list| self.list(list));
                }
            }
            CompoundCommand::IfClause(clause) => {
                self.list(&clause.condition);
                self.list(&clause.then);
                for part in clause.elses.iter().flatten() {
                    part.condition.iter().for_each(|list| self.list(list));
                    self.list(&part.body);
                }
            }
            CompoundCommand::WhileClause(clause) | CompoundCommand::UntilClause(clause) => {
                self.list(&clause.0);
                self.list(&clause.1.list);
            }
            CompoundCommand::Coprocess(coprocess) => self.command(&coprocess.body),
        }
    }

    fn test(&mut self, expression: &ExtendedTestExpr) {
        match expression {
            ExtendedTestExpr::And(left, right) | ExtendedTestExpr::Or(left, right) => {
                self.test(left);
                self.test(right);
            }
            ExtendedTestExpr::Not(inner) | ExtendedTestExpr::Parenthesized(inner) => self.test(inner),
            ExtendedTestExpr::UnaryTest(_, word) => self.word(&word.value),
            ExtendedTestExpr::BinaryTest(_, left, right) => {
                self.word(&left.value);
                self.word(&right.value);
            }
        }
    }

    fn simple(&mut self, simple: &SimpleCommand) {
        simple.prefix.iter().flat_map(|prefix| &prefix.0).for_each(|item| self.item(item));
        if let Some(name) = &simple.word_or_name {
            match self.literal(&name.value) {
                Some(name) => self.names.push(basename(&name).to_owned()),
                None => self.word(&name.value),
            }
        }
        simple.suffix.iter().flat_map(|suffix| &suffix.0).for_each(|item| self.item(item));
    }

    fn item(&mut self, item: &Item) {
        match item {
            Item::IoRedirect(redirect) => self.redirect(redirect),
            Item::Word(word) => self.word(&word.value),
            Item::AssignmentWord(assignment, _) => self.assignment(assignment),
            Item::ProcessSubstitution(_, subshell) => self.substitution(&subshell.list),
        }
    }

    fn assignment(&mut self, assignment: &Assignment) {
        if let AssignmentName::ArrayElementName(_, index) = &assignment.name {
            self.word(index);
        }
        match &assignment.value {
            AssignmentValue::Scalar(word) => self.word(&word.value),
            AssignmentValue::Array(values) => values.iter().for_each(|(_, word)| self.word(&word.value)),
        }
    }

    fn redirects(&mut self, redirects: Option<&RedirectList>) {
        redirects.iter().flat_map(|redirects| &redirects.0).for_each(|redirect| self.redirect(redirect));
    }

    fn redirect(&mut self, redirect: &IoRedirect) {
        match redirect {
            IoRedirect::File(_, _, IoFileRedirectTarget::ProcessSubstitution(_, subshell)) => {
                self.substitution(&subshell.list);
            }
            IoRedirect::File(_, _, IoFileRedirectTarget::Filename(word) | IoFileRedirectTarget::Duplicate(word))
            | IoRedirect::HereString(_, word)
            | IoRedirect::OutputAndError(word, _) => self.word(&word.value),
            IoRedirect::File(_, _, IoFileRedirectTarget::Fd(_)) => {}
            IoRedirect::HereDocument(_, here) if here.requires_expansion => {
                match word::parse_heredoc(&here.doc.value, &self.options) {
                    Ok(pieces) => self.pieces(&pieces),
                    Err(_) => self.partial = true,
                }
            }
            IoRedirect::HereDocument(..) => {}
        }
    }

    // ── Words ───────────────────────────────────────────────────────────────────────────────────────────────────────────

    fn word(&mut self, word: &str) {
        if !word.contains(['$', '`', '<', '>']) {
            return;
        }
        match word::parse(word, &self.options) {
            Ok(pieces) => self.pieces(&pieces),
            Err(_) => self.partial = true,
        }
    }

    fn pieces(&mut self, pieces: &[WordPieceWithSource]) {
        for piece in pieces {
            match &piece.piece {
                WordPiece::DoubleQuotedSequence(inner) | WordPiece::GettextDoubleQuotedSequence(inner) => {
                    self.pieces(inner);
                }
                WordPiece::CommandSubstitution(script) | WordPiece::BackquotedCommandSubstitution(script) => {
                    self.script(script);
                }
                WordPiece::ArithmeticExpression(expression) => self.word(&expression.value),
                WordPiece::ParameterExpansion(expression) => self.operand(expression),
                WordPiece::Text(_)
                | WordPiece::SingleQuotedText(_)
                | WordPiece::AnsiCQuotedText(_)
                | WordPiece::TildeExpansion(_)
                | WordPiece::EscapeSequence(_) => {}
            }
        }
    }

    /// The word in `${name:-word}`, `${name[word]}` and their kin.
    fn operand(&mut self, expression: &ParameterExpr) {
        let operand = match expression {
            ParameterExpr::UseDefaultValues { default_value: operand, .. }
            | ParameterExpr::AssignDefaultValues { default_value: operand, .. }
            | ParameterExpr::IndicateErrorIfNullOrUnset { error_message: operand, .. }
            | ParameterExpr::UseAlternativeValue { alternative_value: operand, .. }
            | ParameterExpr::RemoveSmallestSuffixPattern { pattern: operand, .. }
            | ParameterExpr::RemoveLargestSuffixPattern { pattern: operand, .. }
            | ParameterExpr::RemoveSmallestPrefixPattern { pattern: operand, .. }
            | ParameterExpr::RemoveLargestPrefixPattern { pattern: operand, .. }
            | ParameterExpr::ReplaceSubstring { replacement: operand, .. } => operand.as_deref(),
            ParameterExpr::Parameter { parameter: Parameter::NamedWithIndex { index, .. }, .. } => Some(index.as_str()),
            ParameterExpr::Substring { offset, .. } => Some(offset.value.as_str()),
            _ => None,
        };
        self.word(operand.unwrap_or_default());
    }

    fn script(&mut self, script: &str) {
        let Some(program) = self.parse(script) else {
            self.partial = true;
            return;
        };
        program.complete_commands.iter().for_each(|list| self.substitution(list));
    }

    /// What a substitution runs, unless it is worked out.
    fn substitution(&mut self, list: &CompoundList) {
        self.intricate = true;
        let at = self.names.len();
        self.list(list);
        if self.names.iter().skip(at).all(|name| COMPUTED.contains(&name.as_str())) {
            self.names.truncate(at);
        }
    }

    /// A word after quote removal; `None` when it has to be expanded.
    fn literal(&self, word: &str) -> Option<String> {
        literal(&word::parse(word, &self.options).ok()?, false)
    }

    /// The script's names that `normalize` must know, but for those that it spells in one way (`ｒｍ` is `rm`).
    fn expected(&self) -> BTreeSet<&str> {
        self.names.iter().map(String::as_str).filter(|name| name.is_ascii() && !is_dropped(name)).collect()
    }

    /// The first names of the pipelines, if each of them must be one unit: no two of one text, which would be kept once.
    fn plain_heads(&self) -> Option<Vec<&str>> {
        let texts: BTreeSet<&str> = self.heads.iter().map(|(_, text)| text.as_str()).collect();
        let plain = !self.intricate
            && texts.len() == self.heads.len()
            && !self.names.iter().any(|name| name == "alias" || !name.is_ascii());
        plain.then(|| self.heads.iter().map(|(head, _)| head.as_str()).collect())
    }
}

fn pipelines(list: &CompoundList) -> impl Iterator<Item = &Pipeline> {
    list.0.iter().flat_map(|item| item.0.iter().map(|(_, pipeline)| pipeline))
}

fn literal(pieces: &[WordPieceWithSource], quoted: bool) -> Option<String> {
    let mut text = String::new();
    for piece in pieces {
        match &piece.piece {
            WordPiece::Text(plain) if quoted || !plain.contains(['*', '?', '[', '{', '~']) || plain == "[" => {
                text.push_str(plain);
            }
            WordPiece::SingleQuotedText(inner) => text.push_str(inner),
            WordPiece::TildeExpansion(_) => text.push('~'),
            WordPiece::EscapeSequence(escape) => text.push_str(escape.strip_prefix('\\').unwrap_or(escape)),
            WordPiece::DoubleQuotedSequence(inner) => text.push_str(&literal(inner, true)?),
            _ => return None,
        }
    }
    Some(text)
}

fn basename(name: &str) -> &str {
    let last = name.rsplit('/').next().filter(|last| !last.is_empty()).unwrap_or(name);
    last.strip_suffix(".exe").unwrap_or(last)
}

fn is_dropped(name: &str) -> bool {
    DROPPED.contains(&name)
}

// ── What normalize sees ─────────────────────────────────────────────────────────────────────────────────────────────────────

/// The programs of an action's units with their wrappers, for names in any unit.
fn programs(action: &Action) -> BTreeSet<&str> {
    let commands = action.units.iter().flat_map(|unit| &unit.commands);
    commands
        .flat_map(|command| {
            let wrappers = command.wrappers.iter().map(String::as_str);
            wrappers.chain([command.program.as_str(), basename(&command.path)])
        })
        .collect()
}

/// The first program of each unit that stands plainly in the script.
///
/// A stage that is a unit of its own beside its pipeline does not count.
fn unit_heads(action: &Action) -> Vec<&str> {
    let plain = |kind: UnitKind| matches!(kind, UnitKind::Command(_));
    let is_stage = |unit: &Unit| {
        action.units.iter().any(|whole| {
            whole.commands.len() > unit.commands.len() && unit.commands.iter().all(|one| whole.commands.contains(one))
        })
    };
    let units = action.units.iter().filter(|unit| unit.layers.is_empty() && plain(unit.kind) && !is_stage(unit));
    units.map(|unit| unit.commands.first().map_or("", |command| basename(&command.path))).collect()
}

// ── Comparison ──────────────────────────────────────────────────────────────────────────────────────────────────────────────

/// Differences that are known: the id of the case or the script, what differs, and why.
const KNOWN: &[(&str, &str, &str)] = &[
    ("odd_spellings-010", "misses tidy", ALIAS),
    ("platforms-037", "cuts it into [\"cmd\", \"cmd\"], not [\"cmd\"]", WINDOWS),
    ("platforms-039", "cuts it into [\"cmd\", \"cmd\"], not [\"cmd\"]", WINDOWS),
    ("platforms-040", "cuts it into [\"cmd\", \"shutdown\", \"cmd\"], not [\"cmd\", \"shutdown\"]", WINDOWS),
    ("platforms-042", "cuts it into [\"pwsh\", \"pwsh\", \"cmd\"], not [\"pwsh\", \"cmd\"]", WINDOWS),
    ("run1 \"${x:-'}\"; run2; run3 \"'}\"", "calls it broken", DISPUTED),
    (
        "run1 \"${x:-'}\"; run2; run3 \"'}\"",
        "cuts it into [\"run1\", \"run2\", \"run3\", \"run1\"], not [\"run1\"]",
        DISPUTED,
    ),
    ("run1 \"`run2 \\\"a; not1\\\"`\"; run3", "misses not1\"", ESCAPED),
];

const ALIAS: &str = "by design: an alias is replaced by what it stands for";
const WINDOWS: &str = "by design: read as `cmd`, too, in which `;` ends nothing; the commands of both readings count";
const ESCAPED: &str = "by design: brush does not take the backslashes out of backquotes in double quotes";
const DISPUTED: &str =
    "by design: Bash and `sh` differ in what this means; the commands of both readings count, and a gap";

/// Scripts that brush cannot read, or reads wrongly, though they are right: and what it stumbles over.
const MISREAD: &[(&str, &str)] = &[
    ("run1 \"${x:-it's}\"; run2", "a quote in the operand"),
    ("run1 \"${x:+'}\"; run2 \"'\"", "a quote in the operand"),
    ("run1 \"${x:-'}\"; run2; run3 \"'}\"", "a quote in the operand: run2 is hidden"),
    ("run1 \"`run2 \\\"a; not1\\\"`\"; run3", "escaped quotes in backquotes"),
    ("run1 $(case x in a) run2;; esac); run3", "a `)` that closes nothing"),
    ("run1 \"$(run2 <<EOF\nnot1 it's \" (\nEOF\n)\"; run3", "quotes in a here-document in a word"),
    ("run1 \"${a[$(run2)]}\" ${a[`run3`]:-x}; run4", "the index of an operand; the walk leaves it out"),
    ("run1 &\\\n& run2", "a continuation in an operator"),
    ("run1 $\\\n(run2); run3", "a continuation in an operator"),
    ("run1 |\\\n| run2; run3 <\\\n(run4)", "a continuation in an operator"),
    ("( (run1) ); { { run2; }; }", "taken for arithmetic"),
    ("! time run1; run2", "`time` after `!` is a program"),
    ("for ((;;)) { run1; }; run2", "a body in braces"),
    ("select x in a b; do run1; done; run2", "no `select`"),
];

/// How much was compared.
#[derive(Default, Debug)]
struct Tally {
    scripts: usize,
    read: usize,
    partial: usize,
    names: usize,
    plain: usize,
}

/// How an action differs from what brush sees in its script.
fn compare(script: &str, action: &Action, tally: &mut Tally) -> Vec<String> {
    tally.scripts += 1;
    let Some(oracle) = Oracle::read(script) else { return Vec::new() };
    let (expected, programs) = (oracle.expected(), programs(action));
    tally.read += 1;
    tally.partial += usize::from(oracle.partial);
    tally.names += expected.len();
    let mut found: Vec<String> = expected.difference(&programs).map(|name| format!("misses {name}")).collect();
    if action.all_gaps().contains(Gap::Unparsed) {
        found.push("calls it broken".to_owned());
    }
    if let Some(heads) = oracle.plain_heads() {
        tally.plain += 1;
        let units = unit_heads(action);
        if units != heads {
            found.push(format!("cuts it into {units:?}, not {heads:?}"));
        }
    }
    found
}

/// How an action differs from what its tricky script says of itself.
fn answer(script: &str, action: &Action) -> Vec<String> {
    let programs = programs(action);
    let missing = marked(script, "run").into_iter().filter(|name| !programs.contains(name));
    let invented = programs.iter().filter(|name| name.starts_with("not"));
    missing.map(|name| format!("misses {name}")).chain(invented.map(|name| format!("invents {name}"))).collect()
}

/// The words of a script that begin with this.
fn marked<'s>(script: &'s str, with: &str) -> BTreeSet<&'s str> {
    let words = script.split(|letter: char| !letter.is_ascii_alphanumeric());
    words.filter(|word| word.starts_with(with)).collect()
}

/// Runs on a thread of its own: brush is recursive, and spends more stack than a test has.
fn with_stack<T: Send + 'static>(run: impl FnOnce() -> T + Send + 'static) -> T {
    thread::Builder::new().stack_size(64 << 20).spawn(run).unwrap().join().unwrap()
}

/// Every Bash call at hand, by id.
fn calls() -> Vec<(String, ToolCall)> {
    let trace = fs::read_to_string(repository().join("benches/data/trace.jsonl")).unwrap();
    let traced = trace.lines().map(|line| {
        let record = record::parse(line.as_bytes()).unwrap_or_else(|(_, error)| panic!("{error}: {line}"));
        (record.id.as_str().unwrap().to_owned(), record.call)
    });
    let labelled = corpus().into_iter().map(|case| (case.id, case.call));
    let tricky = TRICKY.iter().map(|script| ((*script).to_owned(), bash(script)));
    let all = labelled.chain(traced).chain(tricky);
    all.filter(|(_, call)| call.tool == "Bash" && call.input.contains_key("command")).collect()
}

/// Scripts to put a tricky one into: what holds of it must hold there.
const FRAMES: &[&str] = &[
    "(@\n)\nrun99",
    "{ @\n}\nrun99",
    "run98 $(@\n); run99",
    "run98 \"$(@\n)\"; run99",
    "run98 \"a $(run97 \"b $(@\n)\")\"; run99",
    "if run97; then @\nfi; run99",
    "while run98; do @\ndone | run99",
    "case x in a) @\n;; b) run98;; esac; run99",
    "fn9() {\n@\n}\nfn9; run99",
    "run98 <(@\n) | run99",
    "run98 <<OUTER\n$(@\n)\nOUTER\nrun99",
    "[[ -n $(@\n) ]] && run99",
    "x=(a $(@\n)); run99",
    "run98 $(( $(@\n) + 1 )); run99",
    "run98 && {\n# it's\n@\n} 2>&1 & run99",
    "@\nrun99 # it's",
];

#[test]
fn a_tricky_script_is_read_alike_inside_others() {
    let known: BTreeSet<&str> = KNOWN.iter().map(|(at, ..)| *at).collect();
    let mut wrong = Vec::new();
    for script in TRICKY.iter().filter(|script| !known.contains(*script)) {
        for whole in FRAMES.iter().map(|frame| frame.replace('@', script)) {
            let action = normalize(&bash(&whole));
            let broken = action.all_gaps().contains(Gap::Unparsed).then(|| "calls it broken".to_owned());
            wrong.extend(answer(&whole, &action).into_iter().chain(broken).map(|what| format!("{what}: {whole:?}")));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} differences, among them {:#?}",
        wrong.len(),
        wrong.iter().take(16).collect::<Vec<_>>()
    );
}

/// Every difference, by id.
fn differences() -> (Tally, BTreeSet<(String, String)>) {
    let mut tally = Tally::default();
    let mut found = BTreeSet::new();
    for (id, call) in calls() {
        let script = call.input["command"].as_str().unwrap();
        let action = normalize(&call);
        let mut whats = compare(script, &action, &mut tally);
        if id == script {
            whats.extend(answer(script, &action));
        }
        found.extend(whats.into_iter().map(|what| (id.clone(), what)));
    }
    (tally, found)
}

#[test]
fn normalize_finds_every_command_that_brush_finds() {
    let (tally, mut found) = with_stack(differences);
    println!("{tally:?}");
    let is_gone = |known: &&(&str, &str, &str)| !found.remove(&(known.0.to_owned(), known.1.to_owned()));
    let gone: Vec<_> = KNOWN.iter().filter(is_gone).collect();
    assert!(found.is_empty(), "{} differences: {found:#?}", found.len());
    assert!(gone.is_empty(), "no differences any more; take them out of KNOWN: {gone:#?}");
    assert!(tally.read * 100 >= tally.scripts * 99, "brush reads too little to compare with: {tally:?}");
    assert!(tally.names > 2000 && tally.plain > 1000, "too little is compared: {tally:?}");
}

/// Whether brush sees something else in a tricky script than it says of itself.
fn misreads(script: &str) -> bool {
    Oracle::read(script).is_none_or(|oracle| {
        let names: BTreeSet<&str> = oracle.names.iter().map(String::as_str).collect();
        !marked(script, "run").is_subset(&names) || names.iter().any(|name| name.starts_with("not"))
    })
}

#[test]
fn brush_reads_the_tricky_scripts_but_for_some() {
    let found = with_stack(|| TRICKY.iter().copied().filter(|script| misreads(script)).collect::<BTreeSet<_>>());
    let known = BTreeSet::from_iter(MISREAD.iter().map(|(script, _)| *script));
    let (new, gone) = (found.difference(&known).collect::<Vec<_>>(), known.difference(&found).collect::<Vec<_>>());
    assert!(new.is_empty() && gone.is_empty(), "misread: {new:#?}\nread by now: {gone:#?}");
}

#[test]
fn a_difference_is_noticed() {
    let found = |script, other| compare(script, &normalize(&bash(other)), &mut Tally::default());
    assert_eq!(found("ls; frob x", "ls; frob x"), [""; 0]);
    assert_eq!(found("ls; frob x", "ls"), ["misses frob", "cuts it into [\"ls\"], not [\"ls\", \"frob\"]"]);
    assert_eq!(found("ls frob", "ls; frob"), ["cuts it into [\"ls\", \"frob\"], not [\"ls\"]"]);
    assert_eq!(found("z \"$(frob)\"", "z"), ["misses frob"]);
    assert_eq!(found("ls", "ls 'x"), ["calls it broken"]);
}

/// Scripts with an answer: every `run…` in them is a command, no `not…` is.
const TRICKY: &[&str] = &[
    "run1 'a;not1' \"b;not2\"; run2",
    "run1 \"it's; not1\" && run2",
    "run1 'say \"not1; not2\"' || run2",
    "run1 a\\;not1; run2",
    "run1 \"a\\\"; not1\"; run2",
    "run1 $'it\\'s; not1'; run2",
    "run1 $\"x; not1\"; run2",
    "'run1' x; \"run2\" y; r\\un3; ru'n'4; \"ru\"n5",
    "run1 \"${x:-a}; not1\"; run2",
    "run1 \"${x:-it's}\"; run2",
    "run1 ${x:-\"a;b\"}; run2",
    "run1 ${x:-'}'}; run2",
    "run1 \"${x:-\"a b\"}\"; run2",
    "run1 \"${x//\\\"/\\\\\\\"}\"; run2",
    "run1 \"${x#\\{}\"; run2",
    "run1 ${#x} $# ${x#\"#\"}; run2",
    "run1 $(run2); run3",
    "run1 \"$(run2 \"$(run3 'a)b')\" | run4)\"; run5",
    "run1 \"$(run2 \"a b\")\" \"not1\"",
    "run1 `run2 x`; run3",
    "run1 \"`run2 x`\"; run3",
    "run1 `run2 \\`run3\\``; run4",
    "run1 \"`run2 \\\"a; not1\\\"`\"; run3",
    "x=$(run1) y=\"$(run2)\" run3",
    "x=$(run1 | run2); run3",
    "run1 ${x:-$(run2)}; run3",
    "run1 \"${x:=\"$(run2)\"}\"; run3",
    "run1 $(( $(run2) + 1 )); run3",
    "run1 $( (run2); run3 ); run4",
    "run1 $((run2); (run3)); run4",
    "run1 $(run2 # not1 )\n); run3",
    "run1 $(case x in a) run2;; esac); run3",
    "run1 $(case x in (a) run2;; esac); run3",
    "run1 <(run2) >(run3) < <(run4); run5",
    "run1 < <(run2 | run3) > >(run4)",
    "run1 $(<file); run2",
    "diff <(run1 a) <(run2 b) && run3",
    "run1 <<EOF\nnot1; not2\nEOF\nrun2",
    "run1 <<'EOF'\n$(not1) it's\nEOF\nrun2",
    "run1 <<\"E F\"\nnot1\nE F\nrun2",
    "run1 <<\\EOF\n`not1`\nEOF\nrun2",
    "run1 <<-EOF\n\tnot1\n\tEOF\nrun2",
    "run1 <<EOF\n$(run2) and ${x:-`run3`} not1\nEOF\nrun4",
    "run1 <<A <<B; run2\nnot1\nA\nnot2\nB\nrun3",
    "run1 <<EOF | run2 && run3\nnot1\nEOF\nrun4",
    "run1 <<EOF |\nnot1\nEOF\nrun2",
    "run1 \"$(run2 <<EOF\nnot1 it's \" (\nEOF\n)\"; run3",
    "run1 \"$(cat <<'EOF'\nnot1 `not2` $(not3)\nEOF\n)\"; run2",
    "if run1; then run2 <<EOF\nnot1\nEOF\nfi; run3",
    "run1 <<EOF\nEOF\nrun2",
    "run1 <<EOF\n EOF\nnot1 EOF\nEOF\nrun2",
    "run1 3<<EOF 2>&1\nnot1\nEOF\nrun2",
    "run1 <<< not1; run2 <<<\"not2 $(run3)\"",
    "run1 <<<'not1; not2' && run2",
    "if run1; then run2; elif run3; then run4; else run5; fi; run6",
    "if run1\nthen run2\nfi | run3",
    "while run1; do run2; done < file; run3",
    "until run1 || run2; do run3; done & run4",
    "for not1 in a b; do run1; done; run2",
    "for not1 in a $(run1)\ndo run2\ndone",
    "for not1; do run1; done",
    "for not1 do run1; done",
    "for x in do done if; do run1; done; run2",
    "for ((i=0; i<3; i++)); do run1; done; run2",
    "for ((;;)) { run1; }; run2",
    "case $x in not1) run1;; not2|not3) run2;; *) run3; esac; run4",
    "case \"$(run1)\" in (not1) run2 ;& not2) run3 ;;& *) ;; esac; run4",
    "case x in\n  # not1\n  a) run1\n  ;;\n  \"b c\") run2 ;;\nesac\nrun3",
    "case x in [a-z]*) run1;; @(a|b)) run2;; esac; run3",
    "case x in esac; run1",
    "case esac in (esac) run1;; esac; run2",
    "{ run1; run2; } > out; run3",
    "(run1; run2) | (run3) && run4",
    "( (run1) ); { { run2; }; }",
    "((x = 1 + 2)) && run1; ((y++)); run2",
    "(( x > 3 || y < 4 )) && run1",
    "[[ -f x && not1 == b || ( a < b ) ]] && run1",
    "[[ $x =~ ^(not1|b)\\;$ ]] && run1; run2",
    "[[ -n $(run1) ]] || run2",
    "[[ $x == *\" not1\"* ]]; run1",
    "[[ a\n&& b ]] && run1",
    "not1() { run1; }; run2",
    "not1 () ( run1 ); run2",
    "not1()\n{\n  run1\n}\nrun2",
    "function not1 { run1; }; run2",
    "function not1() { run1; } > log; run2",
    "function not-1.x { run1; }; run2",
    "not1() if run1; then run2; fi; run3",
    "not1() for x in a; do run1; done; run2",
    "! run1 | run2; ! run3",
    "time run1 | run2; run3",
    "time -p run1; run2",
    "time { run1; run2; }; run3",
    "! time run1; run2",
    "coproc run1 x; run2",
    "coproc NAME { run1; }; run2",
    "run1 & run2 && run3 || run4; run5 &",
    "run1 |& run2; run3",
    "run1 |\n\n run2 &&\n # not1\n run3",
    "> out run1; 2>err < in run2; &> all run3",
    "run1 >&2 2>&1 >| x; run2 &>> log; run3 <> f",
    "run1 2>&1>out; run2 >&-; run3 {fd}>x",
    "run1 2> >(run2) 1>&2; run3",
    "x=1 y='not1; b' > out run1 z=2; run2",
    "a=(not1 \"not2 x\" $(run1)); run2",
    "a=(\n  not1 # not2 )\n  b\n); run1",
    "a[0]=x b+=(not1) c[$(run1)]=2 run2",
    "declare -a a=(not1 not2); run1",
    "local -A m=([k]=\"not1 v\" [l]=not2); run1",
    "(declare -a a=(not1 b); run1); run2",
    "run1 \"$(declare -a a=(not1); run2)\"; run3",
    "export A=(not1); readonly b=(x); run1",
    "run1 ${a[@]} ${a[$(run2)]} ${!a[*]}; run3",
    "# not1; not2\nrun1 # not3; it's\nrun2",
    "run1 a#b; run2 '#' \\# x#; run3 # not1",
    "run1;#not1\nrun2 &#not2\nrun3",
    "run1 \\\n  x \\\n  y; run2",
    "run1 \\\n  | run2 \\\n  && run3",
    "ru\\\nn1 x; run2",
    "run1 &\\\n& run2",
    "i\\\nf run1; then run2; fi",
    "run1 \"a \\\nnot1\"; run2",
    "run1 # not1 \\\nrun2",
    "run1; # it's \"not1\nrun2",
    "(# not1\nrun1) # not2\nrun2",
    "{ # not1\nrun1\n}; run2",
    "\n\n run1\t;\trun2\n\n",
    "run1 if then fi done esac } ]]; run2",
    "run1 { a } [ b ] ! time; run2",
    "{x; run1",
    "run1 {a,b} {1..3} *.x ?; run2",
    "run1 --x={a,b}';not1'; run2",
    "run1 $'\\n' $x'not1; y'; run2",
    "run1 -- \"$@\" \"$*\" $$ $! $? $-; run2",
    "run1 @(a|b) !(c) +(d); run2",
    "run1 ~/x ~user; ~/bin/run2 y; /usr/bin/run3 z; ./run4",
    "run1 [a-z] a[1]; run2",
    "run1 $[1+2] $((1<<2)) $((x>1?2:3)); run2",
    "run1 a&&run2||run3;run4|run5&run6",
    "run1 é 'ü' \"ß\"; run2",
    "run1\r\nrun2\r\n",
    "run1 \"${x:+'}\"; run2 \"'\"",
    "run1 ${x%\\}}; run2",
    "run1 ${x:-\"}\"}; run2",
    "run1 \"${x:-\\}}\"; run2",
    "run1 \"${x:-{}}\"; run2",
    "run1 ${x:-(}; run2",
    "run1 ${x/'}'/y}; run2",
    "run1 \"${x:-$(run2 \"}\")}\"; run3",
    "run1 'a\\'; run2 \"b\\\\\"; run3 $'c\\\\'; run4",
    "run1 -e 's/\"//g' -e \"s/'//g\" | run2",
    "run1 ';' \\; \"|\" '&&' \\\"; run2",
    "run1 \"\\$(not1) \\`not2\\` $\"; run2 '$(not3)'",
    "run1 'x\nnot1' \"y\nnot2\"; run2",
    "run1 $(run2 \"a)\" 'b)' \\) ); run3",
    "run1 \"$(run2 'a\" b')\"; run3",
    "run1 $(run2 # it's\n); run3",
    "run1 $(\nrun2\n) $( run3 ; run4 )",
    "run1 <(run2 <<EOF\nnot1\nEOF\n); run3",
    "run1 <<EOF # not1\nnot2\nEOF\nrun2",
    "run1 <<EOF\n\\$(not1) \\`not2\\` $(( $(run2) ))\nEOF\nrun3",
    "run1 <<EOF > f && run2 || run3\nnot1\nEOF",
    "fn1() {\nrun1 <<EOF\nnot1\n}\nEOF\n}\nfn1; run2",
    "case $x in\na)\nrun1 <<EOF\nnot1 )\nEOF\n;;\nesac; run2",
    "while read -r x; do run1 \"$x\"; done <<< \"$(run2)\"",
    "while IFS= read -r x; do run1; done < <(run2); run3",
    "select x in a b; do run1; done; run2",
    "[ \"$(run1)\" = x ] && run2",
    "test $(run1) -gt 3 || run2",
    "export X=$(run1) Y=\"$(run2)\"; run3",
    "declare x=$(run1); local y=`run2`; readonly z=\"$(run3)\"; run4",
    "cd \"$(run1)\" && run2",
    "echo \"$(run1)\"; printf '%s' \"$(run2)\"; : $(run3); true \"`run4`\"",
    ": ${x:=$(run1)}; : \"${y:?$(run2)}\"; run3",
    "set -- $(run1); shift $(run2); wait $(run3); run4",
    "let x=$(run1); read y < <(run2); exit $(run3)",
    "((x = $(run1))); [[ $(run2) == $(run3) ]]; run4",
    "for ((i=$(run1); i<$(run2); i++)); do run3; done",
    "case $(run1) in $(run2)) run3;; esac",
    "run1 > $(run2) 2> \"$(run3)\"; > $(run4)",
    "{ run1; } > $(run2); (run3) 2> >(run4)",
    "fn1() { run1; } > >(run2); run3",
    "fn1() { run1; } > $(run2); fn1",
    "[[ -f x ]] > $(run1); run2",
    "if run1; then run2; fi > $(run3) < <(run4)",
    "run1 \"${x//a/$(run2)}\" ${y#$(run3)} ${z:$(run4):3}",
    "$(run1) a; \"$(run2)\"/x; `run3`",
    "{ run1; };run2;{ run3; }&&(run4)&&run5;(run6)&run7",
    "if (run1) then run2; fi; while (run3) do run4; done",
    "if ! { run1; }; then run2; fi >out 2>&1 | run3",
    "for x in a; do run1; done | while read y; do run2; done",
    "run1 a>b; run2 1>x; run3 a1>x; run4 <&3 3<&-",
    "exec 3<>f; run1 >&3; run2",
    "run1 \"${x:-'}\"; run2; run3 \"'}\"",
    "run1 \"${x%'}'}\"; run2",
    "run1 \"$(local -a a=(b) c=(d); run2; not1=x)\"; run3",
    "fn1() (run1) 2> >(run2); fn1",
    "case $x in\n  $(run1)|\"$(run2)\") run3;;\nesac",
    "a[$(run1)]=x; run2",
    "run1 \"${a[$(run2)]}\" ${a[`run3`]:-x}; run4",
    "wh\\\nile run1; do run2; do\\\nne; run3",
    "run1 $\\\n(run2); run3",
    "run1 |\\\n| run2; run3 <\\\n(run4)",
    "[[ $x =~ \\( ]] && run1; [[ $x =~ [[:space:]]+ ]] && run2",
    "[[ -z \"not1 b\" && ( -n $(run1) || x == y ) ]] || run2",
    "run1 $(( (1+2)*3 )) \"$((1 > 0))\" $((16#ff)); run2",
    "PS1='$(not1)' run1; x='not2; y'; run2",
    "fn1() { run1; fn2; }; fn2() { run2; }; fn1 x; run3",
    "time ( run1 ); coproc ( run2 ); ! { run3; }",
    "x=a; x+=\"$(run1)\"; y+=($(run2)); run3",
    "if run1; then\n  if run2; then run3; else run4; fi\nelse\n  case x in a) run5;; esac\nfi\nrun6",
    "run1 | { run2; run3; } | (run4) | while run5; do run6; done",
    "run1 \"$(if run2; then run3; fi)\" $(for x in a; do run4; done) $(while run5; do run6; done)",
    "run1 \"$( { run2; } )\" $({ run3; })",
    "run1 \"$(fn1() { run2; }; fn1)\"",
    "run1 \"$(run2 \\\n x)\"; run3",
    "run1 $(run2 $(run3 $(run4 $(run5)))); run6",
    "run1 \"a $(run2 \"b $(run3 \"c $(run4)\")\")\"; run5",
    "run1 ${x:-$(run2 # it's\n)}; run3",
    "run1 \"${x:-$(run2 $'it\\'s')}\"; run3",
    "run1 ${x:-$(run2 <<EOF\nit's\nEOF\n)}; run3",
    "fn1() { fn2() { run1; }; run2; }; run3",
    "fn1() { fn2() { run1; }; fn2; }; fn1; run2",
];
