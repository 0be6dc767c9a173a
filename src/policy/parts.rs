//! Action → the parts that rules are asked about: the call, its commands, program texts, paths and hosts.
//!
//! A rule that forbids needs one part to forbid all. A rule that permits covers the parts that it names and no other: an
//! action is allowed by rules only when every part that needs it is covered, so that `git log; rm -rf ~` is not what a
//! rule about `git` meant.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ops::Range;

use enumset::EnumSet;

use super::glob;
use crate::action::{
    Action, Command, Context, Effect, Fact, Flow, Gap, HostKind, Scope, Shell, Tool, ToolCall, Unit, UnitKind,
};

/// Gaps that keep rules from allowing. A program that the tables do not know may still be named by a rule.
const BLIND: EnumSet<Gap> =
    enumset::enum_set!(Gap::Unparsed | Gap::Dynamic | Gap::Truncated | Gap::Opaque | Gap::Disguised | Gap::OddSpelling);

/// Parts of an action up to which rules may allow it: more than anybody can have had in mind.
const MOST_PERMITTED: usize = 256;

/// Programs that need no permit beside one that has it, as long as they only look at what is near at hand. None of them changes
/// what a later command means, as `cd`, `export` and `alias` do.
const COMPANIONS: [&str; 19] = [
    "cat", "cut", "diff", "du", "echo", "false", "grep", "head", "ls", "printf", "pwd", "sort", "stat", "tail", "tr",
    "true", "uniq", "wc", "which",
];

/// Flows that no rule about the parts can have meant.
const JOINED: EnumSet<Flow> =
    enumset::enum_set!(Flow::SecretToNetwork | Flow::NetworkToExecution | Flow::DecodedToExecution);

/// Which kind of tool is used: the actions of the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, strum::EnumIter, strum::IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub(super) enum ActionKind {
    Bash,
    Powershell,
    Cmd,
    Edit,
    Write,
    NotebookEdit,
    Read,
    Search,
    Fetch,
    WebSearch,
    Agent,
    Mcp,
    Other,
}

impl ActionKind {
    /// Of a tool; none of a text that a tool returned, which no rule is asked about.
    fn of(tool: &Tool) -> Option<Self> {
        Some(match tool {
            Tool::Shell(Shell::Bash) => Self::Bash,
            Tool::Shell(Shell::PowerShell) => Self::Powershell,
            Tool::Shell(Shell::Cmd) => Self::Cmd,
            Tool::Edit => Self::Edit,
            Tool::Write => Self::Write,
            Tool::NotebookEdit => Self::NotebookEdit,
            Tool::Read => Self::Read,
            Tool::Search => Self::Search,
            Tool::Fetch => Self::Fetch,
            Tool::WebSearch => Self::WebSearch,
            Tool::Agent => Self::Agent,
            Tool::Mcp { .. } => Self::Mcp,
            Tool::Unknown(_) => Self::Other,
            Tool::Text => return None,
        })
    }

    /// Whether what stands in its arguments is run. What a file tool writes is not.
    fn runs_commands(self) -> bool {
        matches!(self, Self::Bash | Self::Powershell | Self::Cmd | Self::Mcp | Self::Other)
    }

    fn is_shell(self) -> bool {
        matches!(self, Self::Bash | Self::Powershell | Self::Cmd)
    }

    /// Whether rules about its parts can cover it; otherwise only one about the tool does.
    fn is_covered_by_parts(self) -> bool {
        !matches!(self, Self::Agent | Self::Mcp | Self::Other | Self::WebSearch)
    }
}

/// What kind of thing a part is: the resources of the schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, strum::EnumIter, strum::IntoStaticStr)]
pub(super) enum PartKind {
    Tool,
    Command,
    Code,
    Path,
    Host,
}

/// The value of an attribute.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) enum Value {
    Text(String),
    Words(Vec<String>),
    Flag(bool),
}

/// One part.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Part {
    pub(super) kind: PartKind,
    pub(super) attributes: Vec<(&'static str, Value)>,
    /// The bytes of the source text that it stands in.
    pub(super) span: Option<Range<usize>>,
    /// What a permit has to do with it.
    pub(super) need: Need,
}

/// Whether an action is allowed only with a permit for this part.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Need {
    /// It is.
    Permit,
    /// It only looks at what is near at hand.
    Harmless,
    /// A permit for the command that has it covers it.
    Covered,
}

impl Part {
    /// Its name for a person.
    pub(super) fn title(&self) -> String {
        let wanted = match self.kind {
            PartKind::Tool | PartKind::Host => "name",
            PartKind::Command => "spelled",
            PartKind::Code => "text",
            PartKind::Path => "path",
        };
        let text = self.attributes.iter().find_map(|(name, value)| match value {
            Value::Text(text) if *name == wanted => Some(text.as_str()),
            _ => None,
        });
        format!("{} `{}`", <&str>::from(self.kind).to_lowercase(), text.unwrap_or_default())
    }
}

/// All parts of an action.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Parts {
    pub(super) action: ActionKind,
    /// The call as a whole comes first.
    pub(super) list: Vec<Part>,
    /// Whether rules may allow it at all.
    pub(super) allowable: Allowable,
    /// What was not understood.
    pub(super) gaps: EnumSet<Gap>,
}

/// Whether rules may allow an action.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Allowable {
    /// By a permit of the tool, or of every part that needs one.
    ByParts,
    /// By a permit of the tool alone: parts are of no account, or one of them cannot be named.
    ByTool,
    /// Not at all: part of it was not understood.
    No,
}

impl Parts {
    /// Whether nothing of it is beyond understanding.
    pub(super) fn is_understood(&self) -> bool {
        (self.gaps & BLIND).is_empty()
    }
}

/// The parts of an action; none of a text that a tool returned.
pub(super) fn of(call: &ToolCall, action: &Action, globs: &glob::Globs) -> Option<Parts> {
    let kind = ActionKind::of(&action.tool)?;
    let mut collector = Collector::new(kind, &call.context, globs);
    action.units.iter().for_each(|unit| collector.unit(unit));
    let gaps = action.all_gaps();
    let too_many = collector.commands.len() + collector.places.len() > MOST_PERMITTED;
    let allowable = if !(gaps & BLIND).is_empty() || !(collector.flows & JOINED).is_empty() || too_many {
        Allowable::No
    } else if kind.is_covered_by_parts() && !collector.nameless {
        Allowable::ByParts
    } else {
        Allowable::ByTool
    };
    Some(Parts { action: kind, list: collector.finish(call, action), allowable, gaps })
}

struct Collector<'a> {
    kind: ActionKind,
    context: &'a Context,
    globs: &'a glob::Globs,
    commands: Vec<Part>,
    known_commands: HashSet<Vec<(&'static str, Value)>>,
    places: Vec<Place>,
    known_places: HashMap<(String, Scope), usize>,
    facts: EnumSet<Fact>,
    flows: EnumSet<Flow>,
    /// Whether there is a piece that no rule can name: assignments alone, an operator of the shell.
    nameless: bool,
}

/// A path or host with all that happens to it.
struct Place {
    text: String,
    scope: Scope,
    facts: EnumSet<Fact>,
    modifiers: EnumSet<crate::action::Modifier>,
    span: Range<usize>,
    need: Need,
}

impl<'a> Collector<'a> {
    fn new(kind: ActionKind, context: &'a Context, globs: &'a glob::Globs) -> Self {
        Self {
            kind,
            context,
            globs,
            commands: Vec::new(),
            known_commands: HashSet::new(),
            places: Vec::new(),
            known_places: HashMap::new(),
            facts: EnumSet::empty(),
            flows: EnumSet::empty(),
            nameless: false,
        }
    }

    fn unit(&mut self, unit: &Unit) {
        let runs = matches!(unit.kind, UnitKind::Command(_) | UnitKind::Code(_));
        if runs && !self.kind.runs_commands() {
            return;
        }
        self.flows |= unit.flows;
        match unit.kind {
            UnitKind::Command(_) => self.commands(unit),
            UnitKind::Code(language) => self.push_command(Part {
                kind: PartKind::Code,
                attributes: vec![text("language", <&str>::from(language)), text("text", &unit.text)],
                span: Some(unit.span.clone()),
                need: Need::Permit,
            }),
            _ => {}
        }
        let redirected = matches!(unit.kind, UnitKind::Command(_)) && redirects_to_file(&unit.text);
        for effect in unit.effects() {
            self.effect(effect, unit, redirected);
        }
    }

    fn commands(&mut self, unit: &Unit) {
        self.nameless |= unit.commands.is_empty();
        for command in &unit.commands {
            let part = self.command(command, unit);
            self.push_command(part);
        }
    }

    fn command(&self, command: &Command, unit: &Unit) -> Part {
        let facts: EnumSet<Fact> = command.effects.iter().map(|effect| effect.fact).collect();
        let modifiers: EnumSet<_> = command.effects.iter().flat_map(|effect| effect.modifiers).collect();
        let arguments: Vec<String> = command.arguments.iter().map(|argument| argument.text.clone()).collect();
        let plain = command.wrappers.is_empty() && command.assignments.is_empty() && command.path == command.program;
        let looks =
            COMPANIONS.contains(&command.program.as_str()) && command.effects.iter().all(Effect::only_looks_nearby);
        let variables = command.assignments.iter().map(|(name, _)| name.clone()).collect();
        Part {
            kind: PartKind::Command,
            span: Some(unit.span.clone()),
            need: if plain && looks { Need::Harmless } else { Need::Permit },
            attributes: vec![
                text("program", &command.program),
                text("spelled", spelled(&command.path, &arguments)),
                text("text", spelled(&command.program, &arguments)),
                ("wrappers", Value::Words(command.wrappers.clone())),
                ("variables", Value::Words(variables)),
                words("facts", facts),
                words("modifiers", modifiers),
                words("layers", unit.layers.iter().copied()),
                ("known", Value::Flag(command.known)),
                ("dynamic", Value::Flag(command.arguments.iter().any(|argument| argument.dynamic))),
                ("arguments", Value::Words(arguments)),
            ],
        }
    }

    /// Keeps each command once: what a wrapper runs stands there both ways, and loops repeat.
    fn push_command(&mut self, part: Part) {
        if self.known_commands.insert(part.attributes.clone()) {
            self.commands.push(part);
        }
    }

    fn effect(&mut self, effect: &Effect, unit: &Unit, redirected: bool) {
        self.facts.insert(effect.fact);
        let Some(target) = effect.target.as_ref().filter(|target| target.scope != Scope::None) else { return };
        let changes = !matches!(effect.fact, Fact::Read | Fact::Discover | Fact::ObserveProcess);
        let need = match (self.kind.is_shell(), redirected && changes) {
            (true, false) => Need::Covered,
            _ => Need::Permit,
        };
        let n_places = self.places.len();
        let index = *self.known_places.entry((target.text.clone(), target.scope)).or_insert(n_places);
        if let Some(place) = self.places.get_mut(index) {
            place.facts.insert(effect.fact);
            place.modifiers |= effect.modifiers;
            if need == Need::Permit {
                place.need = need;
            }
            return;
        }
        self.places.push(Place {
            text: target.text.clone(),
            scope: target.scope,
            facts: effect.fact.into(),
            modifiers: effect.modifiers,
            span: unit.span.clone(),
            need,
        });
    }

    fn finish(self, call: &ToolCall, action: &Action) -> Vec<Part> {
        let mut parts = vec![self.tool(call, action)];
        parts.extend(self.places.iter().map(|place| self.place(place)));
        parts.extend(self.commands);
        parts
    }

    fn place(&self, place: &Place) -> Part {
        let (kind, mut attributes) = match place.scope {
            Scope::Host(host) => (PartKind::Host, host_attributes(&place.text, host)),
            Scope::Path(scope) => {
                let name = place.text.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
                let matches = self.globs.matching(&place.text, self.context);
                let attributes = vec![
                    text("path", &place.text),
                    text("name", name),
                    text("scope", <&str>::from(scope)),
                    words("modifiers", place.modifiers),
                    ("matches", Value::Words(matches)),
                ];
                (PartKind::Path, attributes)
            }
            Scope::None => (PartKind::Path, Vec::new()),
        };
        attributes.push(words("facts", place.facts));
        Part { kind, attributes, span: Some(place.span.clone()), need: place.need }
    }

    fn tool(&self, call: &ToolCall, action: &Action) -> Part {
        let (server, function) = match &action.tool {
            Tool::Mcp { server, tool } => (server.as_str(), tool.as_str()),
            _ => ("", ""),
        };
        let agent = call.input.get("subagent_type").and_then(|value| value.as_str()).unwrap_or_default();
        let scopes: BTreeSet<&str> = self.places.iter().filter_map(|place| path_scope(place.scope)).collect();
        let hosts: BTreeSet<&str> = self.places.iter().filter_map(|place| host_kind(place.scope)).collect();
        Part {
            kind: PartKind::Tool,
            span: None,
            need: Need::Covered,
            attributes: vec![
                text("name", &call.tool),
                text("server", server),
                text("function", function),
                text("agent", agent),
                words("facts", self.facts),
                ("scopes", Value::Words(scopes.into_iter().map(str::to_owned).collect())),
                ("hosts", Value::Words(hosts.into_iter().map(str::to_owned).collect())),
                words("flows", self.flows),
            ],
        }
    }
}

fn path_scope(scope: Scope) -> Option<&'static str> {
    if let Scope::Path(scope) = scope { Some(scope.into()) } else { None }
}

fn host_kind(scope: Scope) -> Option<&'static str> {
    if let Scope::Host(host) = scope { Some(host.into()) } else { None }
}

fn host_attributes(address: &str, kind: HostKind) -> Vec<(&'static str, Value)> {
    vec![text("name", host_name(address)), text("kind", <&str>::from(kind))]
}

/// The host of an address as effects name it: a URL, `user@host:path`, `host:port` or a name.
fn host_name(address: &str) -> String {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let authority = rest.split(['/', '\\', '?', '#']).next().unwrap_or(rest);
    let host = authority.rsplit('@').next().unwrap_or(authority);
    let name = match host.strip_prefix('[') {
        Some(inner) => inner.split(']').next().unwrap_or(inner),
        None => host.split(':').next().unwrap_or(host),
    };
    name.trim_end_matches('.').to_lowercase()
}

fn text(name: &'static str, value: impl Into<String>) -> (&'static str, Value) {
    (name, Value::Text(value.into()))
}

fn words(name: &'static str, values: impl IntoIterator<Item: Into<&'static str>>) -> (&'static str, Value) {
    (name, Value::Words(values.into_iter().map(|value| value.into().to_owned()).collect()))
}

/// A program and its arguments in one text in which no argument can pass for two.
fn spelled(program: &str, arguments: &[String]) -> String {
    let mut text = program.to_owned();
    for argument in arguments {
        text.push(' ');
        text.push_str(&quoted(argument));
    }
    text
}

fn quoted(argument: &str) -> std::borrow::Cow<'_, str> {
    let plain =
        |c: char| !c.is_whitespace() && !matches!(c, ';' | '&' | '|' | '<' | '>' | '(' | ')' | '`' | '\'' | '"');
    if !argument.is_empty() && argument.chars().all(plain) {
        return argument.into();
    }
    format!("'{}'", argument.replace('\'', r"'\''")).into()
}

/// Whether a command line as normalised sends output to a file: a `>` outside quotes that is followed by anything but a
/// descriptor or the null device.
fn redirects_to_file(line: &str) -> bool {
    let mut quote = None;
    let mut letters = line.char_indices();
    while let Some((at, letter)) = letters.next() {
        match (quote, letter) {
            (None, '\\') | (Some('"'), '\\') => drop(letters.next()),
            (None, '\'' | '"') => quote = Some(letter),
            (Some(open), _) if open == letter => quote = None,
            (None, '>') => {
                let target = line.get(at + 1..).unwrap_or_default().trim_start_matches(['>', '|', ' ']);
                let word = target.split([' ', ';', '|', ')']).next().unwrap_or_default();
                let descriptor = word.strip_prefix('&').is_some_and(|rest| rest.len() <= 1);
                if !descriptor && word != "/dev/null" {
                    return true;
                }
            }
            _ => {}
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_redirection_is_seen_and_a_quoted_sign_is_none() {
        for line in ["git log > x", "a >> b", "a >| b", "a 2> err.txt", "a &> b", "echo '>' > x"] {
            assert!(redirects_to_file(line), "{line}");
        }
        for line in ["git log", "echo '> x'", "a > /dev/null 2>&1", "grep \"a > b\" f", r"echo \> x"] {
            assert!(!redirects_to_file(line), "{line}");
        }
    }

    #[test]
    fn an_argument_never_passes_for_two() {
        let arguments = ["commit", "-m", "a; rm -rf ~", "it's", ""].map(str::to_owned);
        assert_eq!(spelled("git", &arguments), r"git commit -m 'a; rm -rf ~' 'it'\''s' ''");
    }

    #[test]
    fn hosts_of_addresses() {
        for address in
            ["https://user:pw@Example.com:8443/a?b", "git@example.com:me/x.git", "example.com.", "example.com:22"]
        {
            assert_eq!(host_name(address), "example.com", "{address}");
        }
        assert_eq!(host_name("http://[::1]:80/"), "::1");
    }
}
