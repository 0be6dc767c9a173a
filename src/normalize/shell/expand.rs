//! Words → fields: quote removal, braces, tilde, parameters and substitutions, as far as they are constant.

use std::borrow::Cow;

use crate::action::{Gap, Layer, Unit, UnitKind};
use crate::normalize::shell::decode::{Literal, Output};
use crate::normalize::shell::scope::{Constant, Variable};
use crate::normalize::shell::syntax::{self, Body, List, Piece, RedirectTarget, Stage, Word};
use crate::normalize::shell::text::{self, Part};
use crate::normalize::shell::walk::Walker;
use crate::normalize::shell::{braces, parameter};

/// One argument after expansion.
#[derive(Debug, Clone, Default)]
pub(super) struct Field {
    /// Its text; what is only known at run time stands as `$name` or `$(…)`.
    pub text: String,
    /// Its parts, unless it is one literal.
    pub parts: Vec<Part>,
    /// Whether part of it is only known at run time.
    pub dynamic: bool,
    /// Whether that part could be anything, unlike `$?` or `$1`.
    pub open: bool,
    /// Whether a command's output is part of it.
    pub substituted: bool,
    /// Whether an encoding was undone to get it.
    pub decoded: bool,
    /// Whether the output that is part of it comes from a decoder that could not be followed.
    pub opaque: bool,
    /// Whether a variable's value is part of it.
    pub filled: bool,
    /// The constant text that can be read through it, for a process substitution.
    pub process: Option<Literal>,
}

impl Field {
    /// A field that is one literal.
    pub(super) fn literal(text: impl Into<String>) -> Self {
        Self { text: text.into(), ..Self::default() }
    }

    /// Its canonical spelling.
    pub(super) fn shown(&self) -> Cow<'_, str> {
        if self.parts.is_empty() { text::quoted(&self.text) } else { Cow::Owned(text::spell(&self.parts)) }
    }

    /// Whether globs or a tilde in it are active.
    pub(super) fn is_active(&self) -> bool {
        self.parts.iter().any(|part| matches!(part, Part::Active(text) if text != "~"))
    }
}

impl From<Field> for Literal {
    fn from(field: Field) -> Self {
        Self { bytes: field.text.into_bytes(), decoded: field.decoded, partial: false }
    }
}

/// Collects the fields of one word.
#[derive(Default)]
pub(super) struct Builder {
    fields: Vec<Field>,
    parts: Vec<Part>,
    current: Field,
    begun: bool,
    /// Whether the word has several parts.
    glued: bool,
}

impl Builder {
    fn push(&mut self, part: Part) {
        self.begun = true;
        match (self.parts.last_mut(), part) {
            (Some(Part::Literal(last)), Part::Literal(text)) => last.push_str(&text),
            (_, part) => self.parts.push(part),
        }
    }

    fn literal(&mut self, text: &str) {
        self.begun = true;
        if let Some(Part::Literal(last)) = self.parts.last_mut() {
            last.push_str(text);
        } else {
            self.parts.push(Part::Literal(text.to_owned()));
        }
    }

    fn dynamic(&mut self, text: String, open: bool) {
        self.current.dynamic = true;
        self.current.open |= open;
        self.push(Part::Dynamic(text));
    }

    /// Ends the current field.
    fn split(&mut self) {
        if !self.begun {
            return;
        }
        let mut field = std::mem::take(&mut self.current);
        let parts = std::mem::take(&mut self.parts);
        self.begun = false;
        match parts.as_slice() {
            [] => {}
            [Part::Literal(text)] => field.text.clone_from(text),
            _ => {
                field.text = parts.iter().map(Part::text).collect();
                if parts.iter().any(|part| !matches!(part, Part::Literal(_))) {
                    field.parts = parts;
                }
            }
        }
        self.fields.push(field);
    }

    /// Adds a constant: as it is within quotes, otherwise split at blanks.
    fn constant(&mut self, value: &Constant, quoted: bool) {
        self.current.filled = true;
        self.current.decoded |= value.decoded;
        if quoted || !value.text.contains([' ', '\t', '\n']) {
            if quoted || !value.text.is_empty() {
                if !quoted && value.text.contains(['*', '?', '[']) {
                    self.push(Part::Active(value.text.clone()));
                } else if value.parts.is_empty() {
                    self.literal(&value.text);
                } else {
                    value.parts.iter().cloned().for_each(|part| self.push(part));
                }
            }
            return;
        }
        if value.text.starts_with([' ', '\t', '\n']) {
            self.split();
        }
        for (index, part) in value.text.split_whitespace().enumerate() {
            if index > 0 {
                self.split();
            }
            self.current.filled = true;
            self.current.decoded |= value.decoded;
            let globs = part.contains(['*', '?', '[']) || part.starts_with("~/");
            self.push(if globs { Part::Active(part.to_owned()) } else { Part::Literal(part.to_owned()) });
        }
        if value.text.ends_with([' ', '\t', '\n']) {
            self.split();
        }
    }
}

/// Bytes inside of `${…}` that are parsed: they are parsed again at every level of nesting.
const MAX_OPERAND: usize = 32 * 1024;

/// Programs whose output can be worked out; a substitution of others is not tried.
const COMPUTABLE: &[&str] = &[
    "echo", "printf", "cat", "base64", "gbase64", "base32", "openssl", "xxd", "gunzip", "zcat", "gzcat", "gzip", "rev",
    "tr", "pwd", "mktemp",
];

impl Walker {
    /// The fields that a word becomes.
    pub(super) fn expand(&mut self, word: &Word<'_>, fields: &mut Vec<Field>) {
        if let [Piece::Plain(plain)] = word.pieces.as_slice()
            && !plain.contains(['{', '~', '*', '?', '['])
        {
            fields.push(Field::literal(*plain));
            return;
        }
        let alternatives = braces::alternatives(&word.pieces);
        let (alternatives, cut) = match &alternatives {
            Some((all, cut)) => (all.as_slice(), *cut),
            None => {
                self.expand_pieces(&word.pieces, fields);
                return;
            }
        };
        if cut {
            self.gap(Gap::Truncated);
        }
        for pieces in alternatives {
            self.expand_pieces(pieces, fields);
        }
    }

    fn expand_pieces(&mut self, pieces: &[Piece<'_>], fields: &mut Vec<Field>) {
        let mut builder = Builder { glued: pieces.len() > 1, ..Builder::default() };
        for (index, piece) in pieces.iter().enumerate() {
            self.piece(piece, index == 0, &mut builder);
        }
        builder.split();
        fields.append(&mut builder.fields);
    }

    /// The one field that a word becomes where it is not split, as in an assignment.
    pub(super) fn expand_whole(&mut self, word: &Word<'_>) -> Field {
        let mut builder = Builder { glued: word.pieces.len() > 1, ..Builder::default() };
        for (index, piece) in word.pieces.iter().enumerate() {
            match piece {
                Piece::Parameter { inner, .. } => self.parameter(inner, true, &mut builder),
                Piece::Substitution { list, .. } => self.substitution(list, true, &mut builder),
                Piece::Backquoted { script, .. } => self.backquoted(script, true, &mut builder),
                other => self.piece(other, index == 0, &mut builder),
            }
        }
        builder.begun = true;
        builder.split();
        builder.fields.pop().unwrap_or_default()
    }

    fn piece(&mut self, piece: &Piece<'_>, first: bool, builder: &mut Builder) {
        match piece {
            Piece::Plain(plain) => self.plain(plain, first, builder),
            Piece::Quoted(text) => builder.literal(text),
            Piece::Parameter { inner, quoted } => self.parameter(inner, *quoted, builder),
            Piece::Substitution { list, quoted } => self.substitution(list, *quoted, builder),
            Piece::Backquoted { script, quoted } => self.backquoted(script, *quoted, builder),
            Piece::Process { direction, list } => self.process(*direction, list, builder),
            Piece::Arithmetic(inner) => self.arithmetic(inner, builder),
        }
    }

    fn plain(&mut self, plain: &str, first: bool, builder: &mut Builder) {
        let mut rest = plain;
        if first && let Some(after) = plain.strip_prefix('~') {
            if after.is_empty() || after.starts_with('/') {
                self.home(builder);
                rest = after;
            } else {
                builder.push(Part::Active("~".to_owned()));
                rest = after;
            }
        }
        if rest.contains(['*', '?', '[']) || (rest.contains('{') && rest.contains("..")) {
            builder.push(Part::Active(rest.to_owned()));
        } else if !rest.is_empty() {
            builder.literal(rest);
        }
    }

    fn home(&self, builder: &mut Builder) {
        match &self.scope.place.home {
            Some(home) => builder.literal(home),
            // A tilde is only active where a word begins.
            None if builder.begun => builder.literal("~"),
            None => builder.push(Part::Active("~".to_owned())),
        }
    }

    // ── Parameters ──────────────────────────────────────────────────────────────────────────────────────────────────────

    fn parameter(&mut self, inner: &str, quoted: bool, builder: &mut Builder) {
        let parsed = parameter::parse(inner);
        if parsed.is_plain() && self.well_known(parsed.name, quoted, builder) {
            return;
        }
        // Copying values costs what filling them in costs: with nothing left to spend they are not even copied.
        if self.scope.is_spent() && self.has_values(parsed.name) {
            self.gap(Gap::Truncated);
            builder.dynamic(format!("${}", parsed.name), true);
            return;
        }
        match self.values(&parsed, builder.glued) {
            Some(values) => self.known_parameter(&parsed, values, quoted, builder),
            None => self.unknown_parameter(inner, &parsed, quoted, builder),
        }
    }

    /// Parameters that the shell sets itself; `false` for others.
    fn well_known(&mut self, name: &str, quoted: bool, builder: &mut Builder) -> bool {
        if self.scope.get(name).is_some() {
            return false;
        }
        match name {
            "HOME" => self.home(builder),
            "PWD" => match self.scope.place.cwd.as_deref().unwrap_or(".") {
                // A folder that is only known at run time.
                folder if folder.contains('$') => return false,
                folder => builder.literal(folder),
            },
            "IFS" => builder.constant(&Constant { text: " ".to_owned(), ..Constant::default() }, quoted),
            _ => return false,
        }
        true
    }

    /// Whether the values of a parameter are known.
    fn has_values(&self, name: &str) -> bool {
        let positional = matches!(name, "@" | "*" | "#") || name.parse::<usize>().is_ok_and(|number| number > 0);
        positional && self.scope.positional.as_ref().is_some_and(|arguments| !arguments.assumed)
            || matches!(self.scope.get(name), Some(Variable::Constant(_)))
    }

    /// The values of a parameter; `None` when they are not known, an empty list when it is unset.
    ///
    /// The arguments of a command line are unset. Alone they stay as they are, for the text may be part of a script; as
    /// part of a word (`rm$IFS$9-rf`, `r$@m`) they are only there to hide it.
    fn values(&self, parsed: &parameter::Parameter<'_>, glued: bool) -> Option<Vec<Constant>> {
        if let Some(positional) = &self.scope.positional {
            let assumed = positional.assumed && (glued || parsed.is_conditional()) && !parsed.length;
            if assumed && parameter::is_argument(parsed.name) {
                return Some(Vec::new());
            }
            if let Some(values) = parameter::positional(parsed.name, positional).filter(|_| !positional.assumed) {
                return Some(values);
            }
        }
        if parsed.name == "HOME" && self.scope.get("HOME").is_none() {
            return self.scope.place.home.clone().map(|home| vec![Constant { text: home, ..Constant::default() }]);
        }
        match self.scope.get(parsed.name) {
            Some(Variable::Constant(values)) if parsed.indirect => {
                let name = &values.first()?.text;
                match self.scope.get(name) {
                    Some(Variable::Constant(values)) => Some(values.clone()),
                    _ => None,
                }
            }
            Some(Variable::Constant(values)) => parsed.select(values),
            Some(Variable::Unknown) => None,
            None if parsed.has_default() && syntax::is_name(parsed.name) => Some(Vec::new()),
            None => None,
        }
    }

    fn known_parameter(
        &mut self,
        parsed: &parameter::Parameter<'_>,
        values: Vec<Constant>,
        quoted: bool,
        builder: &mut Builder,
    ) {
        let n_bytes = values.iter().map(|value| value.text.len() + 1).sum();
        if !self.scope.spend(n_bytes) {
            self.gap(Gap::Truncated);
            builder.dynamic(format!("${}", parsed.name), true);
            return;
        }
        // The word of a conditional operation only counts where it is used; an index always does.
        if parsed.is_conditional() {
            self.inside(parsed.index.unwrap_or_default(), quoted);
        } else {
            self.inside(parsed.source, quoted);
        }
        if let Some(operand) = parsed.replacement(&values) {
            self.operand(operand, quoted, builder);
            return;
        }
        let all = parsed.is_all() || matches!(parsed.name, "@" | "*");
        // `"$9"` is an empty word.
        builder.begun |= quoted && !all && values.is_empty();
        let slices = parsed.is_slice();
        let script = self.scope.positional.as_ref().and_then(|arguments| arguments.name.clone());
        let values = match slices.then(|| parsed.sliced(&values, script.as_ref())) {
            Some(Some(sliced)) => sliced,
            Some(None) => {
                builder.dynamic(format!("${{{}}}", parsed.source), true);
                return;
            }
            None => values,
        };
        for (index, value) in values.iter().enumerate() {
            if index > 0 {
                if all && (parsed.is_separate() || !quoted) {
                    builder.split();
                } else {
                    builder.literal(" ");
                }
            }
            let value = if slices { Some(value.clone()) } else { parsed.apply(value) };
            match value {
                Some(value) => builder.constant(&self.separated(value, quoted), quoted),
                None => builder.dynamic(format!("${{{}}}", parsed.source), true),
            }
        }
    }

    /// The value with the script's own field separators as blanks, where it will be split.
    fn separated(&self, mut value: Constant, quoted: bool) -> Constant {
        if let Some(Variable::Constant(separators)) = self.scope.get("IFS")
            && !quoted
        {
            let is_separator = |letter: char| separators.iter().any(|separator| separator.text.contains(letter));
            value.text = value.text.replace(is_separator, " ");
        }
        value
    }

    /// Expands the word of `${name:-word}`.
    fn operand(&mut self, operand: &str, quoted: bool, builder: &mut Builder) {
        if operand.len() > MAX_OPERAND {
            self.gap(Gap::Truncated);
        }
        if operand.len() > MAX_OPERAND || !self.descend() {
            builder.dynamic("$…".to_owned(), true);
            return;
        }
        let word = if quoted { syntax::parse_text(operand) } else { syntax::parse_word(operand) };
        for (index, piece) in word.pieces.iter().enumerate() {
            match piece {
                Piece::Plain(plain) if !quoted && plain.contains(' ') => {
                    builder.constant(&Constant { text: (*plain).to_owned(), ..Constant::default() }, false);
                }
                piece => self.piece(piece, index == 0, builder),
            }
        }
        self.ascend();
    }

    fn unknown_parameter(
        &mut self,
        inner: &str,
        parsed: &parameter::Parameter<'_>,
        quoted: bool,
        builder: &mut Builder,
    ) {
        let open = !parameter::is_harmless(parsed.name);
        if syntax::is_name(inner) || inner.len() == 1 {
            builder.dynamic(format!("${inner}"), open);
            return;
        }
        self.inside(inner, quoted);
        builder.dynamic(format!("${{{}}}", text::shortened(inner, 80)), open);
    }

    /// What stands inside of `${…}` may run commands: their units are wanted, its text is kept as it is.
    fn inside(&mut self, inner: &str, quoted: bool) {
        if inner.contains(['$', '`', '<', '>']) && !self.evaluating {
            self.operand(inner, quoted, &mut Builder::default());
        }
    }

    fn arithmetic(&mut self, inner: &str, builder: &mut Builder) {
        if inner.contains(['`', '$']) && !self.evaluating {
            self.operand(inner, true, &mut Builder::default());
        }
        match inner.trim().parse::<i64>() {
            Ok(number) => builder.literal(&number.to_string()),
            Err(_) => builder.dynamic(format!("$(({}))", text::shortened(inner.trim(), 80)), false),
        }
    }

    // ── Substitutions ───────────────────────────────────────────────────────────────────────────────────────────────────

    fn substitution(&mut self, list: &List<'_>, quoted: bool, builder: &mut Builder) {
        if let Some(literal) = self.evaluate(list)
            && let Some(text) = literal.as_text()
        {
            let text = text.trim_end_matches('\n');
            if literal.decoded {
                self.decoded_data(text);
            }
            builder
                .constant(&Constant { text: text.to_owned(), decoded: literal.decoded, ..Constant::default() }, quoted);
            return;
        }
        self.unknown_substitution(list, "$(", builder);
    }

    fn unknown_substitution(&mut self, list: &List<'_>, opening: &str, builder: &mut Builder) {
        if self.evaluating {
            self.failed = true;
            return;
        }
        self.saw_opaque = false;
        let inner = self.substituted(list);
        builder.current.opaque |= self.saw_opaque;
        builder.current.substituted = true;
        builder.dynamic(format!("{opening}{inner})"), true);
    }

    /// Walks what a substitution runs; its short form.
    fn substituted(&mut self, list: &List<'_>) -> String {
        if !self.descend() {
            return "…".to_owned();
        }
        let mark = self.scope.enter();
        self.layers.push(Layer::Substitution);
        let texts = self.list(list);
        self.layers.pop();
        self.scope.leave(mark);
        self.ascend();
        short_form(&texts)
    }

    fn backquoted(&mut self, script: &str, quoted: bool, builder: &mut Builder) {
        if !self.descend() {
            builder.dynamic("$(…)".to_owned(), true);
            return;
        }
        let list = syntax::parse(script);
        let origin = self.origin.clone();
        self.origin.get_or_insert_with(|| self.span.clone());
        self.substitution(&list, quoted, builder);
        self.origin = origin;
        self.ascend();
    }

    fn process(&mut self, direction: char, list: &List<'_>, builder: &mut Builder) {
        if direction == '<'
            && let Some(literal) = self.evaluate(list)
        {
            builder.current.process = Some(literal);
        }
        let opening = if direction == '<' { "<(" } else { ">(" };
        self.unknown_substitution(list, opening, builder);
    }

    // ── Constant output ─────────────────────────────────────────────────────────────────────────────────────────────────

    /// What a list prints, when that can be worked out without running anything.
    pub(super) fn evaluate(&mut self, list: &List<'_>) -> Option<Literal> {
        let [statement] = list.as_slice() else {
            return None;
        };
        if !statement.stages.iter().all(is_computable) {
            return None;
        }
        if !self.descend() {
            return None;
        }
        let outer = (self.evaluating, self.failed);
        self.evaluating = true;
        self.failed = false;
        let mut literal = None;
        for stage in &statement.stages {
            literal = self.evaluate_stage(stage, literal.as_ref());
            if literal.is_none() || self.failed {
                literal = None;
                break;
            }
        }
        (self.evaluating, self.failed) = outer;
        self.ascend();
        literal
    }

    fn evaluate_stage(&mut self, stage: &Stage<'_>, input: Option<&Literal>) -> Option<Literal> {
        let Body::Simple(_, words) = &stage.body else {
            return None;
        };
        let mut fields = Vec::with_capacity(words.len());
        for word in words {
            self.expand(word, &mut fields);
        }
        let own = self.own_input(stage);
        if fields.iter().chain(&own).any(|field| field.dynamic) {
            return None;
        }
        let own = own.map(Literal::from);
        let arguments: Vec<&str> = fields.iter().skip(1).map(|field| field.text.as_str()).collect();
        let program = fields.first()?.text.as_str();
        if program == "pwd" {
            let folder = self.scope.place.cwd.as_deref().unwrap_or(".");
            return (!folder.contains('$')).then(|| Literal::text(folder.to_owned()));
        }
        // Not constant, but where it lies is what matters of a temporary file.
        if program == "mktemp" && arguments.iter().all(|argument| matches!(*argument, "-d" | "-q")) {
            return Some(Literal::text("/tmp/tmp.XXXXXX"));
        }
        match self.printed_by(program, &arguments, own.as_ref().or(input)) {
            Output::Known(mut literal) => {
                literal.decoded |= fields.iter().any(|field| field.decoded) || input.is_some_and(|input| input.decoded);
                Some(literal)
            }
            Output::Undecodable | Output::Unknown => None,
        }
    }

    /// The text that a stage's own redirections give it to read: a here-document or a here-string.
    pub(super) fn own_input(&mut self, stage: &Stage<'_>) -> Option<Field> {
        let mut found = None;
        for redirect in &stage.redirects {
            match &redirect.target {
                RedirectTarget::Here(here) => {
                    let text = here.get().map(|here| self.here_text(here));
                    found = text.or(found);
                }
                RedirectTarget::Word(word) if redirect.operator == "<<<" => {
                    let mut field = self.expand_whole(word);
                    field.text.push('\n');
                    found = Some(field);
                }
                RedirectTarget::Word(_) => {}
            }
        }
        found
    }

    /// The text of a here-document after expansion.
    pub(super) fn here_text(&mut self, here: &syntax::Here<'_>) -> Field {
        let text = if here.strip {
            let lines: Vec<&str> = here.text.split('\n').map(|line| line.trim_start_matches('\t')).collect();
            Cow::Owned(lines.join("\n"))
        } else {
            Cow::Borrowed(here.text)
        };
        if here.quoted || !text.contains(['$', '`', '\\']) {
            return Field::literal(text);
        }
        if !self.descend() {
            return Field::literal(text);
        }
        let origin = self.origin.clone();
        self.origin.get_or_insert_with(|| self.span.clone());
        let word = syntax::parse_here(&text);
        let field = self.expand_whole(&word);
        self.origin = origin;
        self.ascend();
        field
    }

    /// A unit for text that an encoding hid and that nothing executes.
    pub(super) fn decoded_data(&mut self, text: &str) {
        if text.trim().is_empty() {
            return;
        }
        let mut unit = Unit::new(UnitKind::Data, text, self.current_span());
        unit.layers.push(Layer::Decoded);
        self.emit(unit);
    }
}

/// The text inside a substitution: in full when short.
pub(super) fn short_form(texts: &[String]) -> String {
    const MOST: usize = 100;
    let whole = texts.join("; ");
    if whole.chars().count() <= MOST && !whole.contains('\n') {
        return whole;
    }
    let program = whole.split_whitespace().next().unwrap_or_default();
    format!("{} …", text::shortened(program, 40))
}

/// Whether a stage's output might be worked out, by its looks.
fn is_computable(stage: &Stage<'_>) -> bool {
    let Body::Simple(assignments, words) = &stage.body else {
        return false;
    };
    let by_name = words.first().is_some_and(|word| COMPUTABLE.contains(&word.raw));
    by_name
        && assignments.is_empty()
        && words.iter().all(|word| word.pieces.iter().all(is_computable_piece))
        && stage.redirects.iter().all(|redirect| redirect.operator.starts_with("<<") || redirect.descriptor == "2")
}

fn is_computable_piece(piece: &Piece<'_>) -> bool {
    match piece {
        Piece::Process { .. } | Piece::Backquoted { .. } => false,
        Piece::Substitution { list, .. } => match list.as_slice() {
            [statement] => statement.stages.iter().all(is_computable),
            _ => false,
        },
        Piece::Plain(_) | Piece::Quoted(_) | Piece::Parameter { .. } | Piece::Arithmetic(_) => true,
    }
}
