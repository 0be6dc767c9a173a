//! The two forms of what an agent wants to do: the [`ToolCall`] as the harness sent it, and the canonical [`Action`] made
//! from it by `normalize`. Plain values: no input or output, no clock, no parsing, no serialisation.

mod files;
pub mod vocabulary;

use std::ops::Range;
use std::path::PathBuf;

use enumset::{EnumSet, EnumSetType};
pub use files::{FileExtent, FileVersion, KnownFile};
use strum::{EnumIter, IntoStaticStr};
pub use vocabulary::{Fact, HostKind, Modifier, PathScope, Role};

/// A tool call as a harness sends it.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct ToolCall {
    /// The tool's name, in Claude Code's spelling where it has one (`Bash`, `Edit`, `mcp__server__tool`, ...).
    pub tool: String,
    /// The tool's own argument object.
    pub input: serde_json::Map<String, serde_json::Value>,
    /// What is known about the circumstances; everything is optional.
    pub context: Context,
}

/// The circumstances of a tool call. Nothing here comes from the agent's own words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Context {
    /// The agent program, for example `claude-code`.
    pub harness: Option<String>,
    /// The harness's session.
    pub session_id: Option<String>,
    /// The kind of the agent that acts, when it is not the session's main one.
    pub agent: Option<String>,
    /// The branch that the workspace is on, where somebody looked.
    pub git_branch: Option<String>,
    /// The folder in which a command starts.
    pub cwd: Option<String>,
    /// The project's folder.
    pub workspace: Option<String>,
    /// The user's home folder.
    pub home: Option<String>,
    /// What the user asked for, in the user's words.
    pub user_request: Option<String>,
    /// The harness's permission mode.
    pub permission_mode: Option<String>,
    /// The harness's own record of the session, on this machine.
    pub transcript: Option<PathBuf>,
    /// The language of a shell command when the harness says so (`bash`, `powershell`, `cmd`).
    pub shell: Option<String>,
    /// The harness's name for this call; before and after it runs the same.
    pub call_id: Option<String>,
    /// What earlier calls of the session wrote to files that this one may run.
    pub known_files: Vec<KnownFile>,
}

impl Context {
    /// All of it but what names the session and the call, and the files that are known. A field that is added does not compile
    /// until someone decides whether it belongs here.
    pub(crate) fn circumstances(&self) -> [Option<&str>; 9] {
        let Self {
            harness,
            session_id: _,
            agent,
            git_branch,
            transcript: _,
            cwd,
            workspace,
            home,
            user_request,
            permission_mode,
            shell,
            call_id: _,
            known_files: _,
        } = self;
        [harness, agent, git_branch, cwd, workspace, home, user_request, permission_mode, shell].map(Option::as_deref)
    }
}

/// The canonical form of a tool call: what policy matches and what the model sees.
#[derive(Debug, Clone, PartialEq)]
pub struct Action {
    /// Which tool it is.
    pub tool: Tool,
    /// What the user asked for, trimmed; `None` when unknown or empty.
    pub request: Option<String>,
    /// The pieces of the action in the order of the source. Never empty.
    pub units: Vec<Unit>,
    /// What was not understood anywhere in the action: the union over the units and of what belongs to none.
    pub gaps: EnumSet<Gap>,
}

impl Action {
    /// All gaps: of the action as a whole and of each unit.
    pub fn all_gaps(&self) -> EnumSet<Gap> {
        self.units.iter().fold(self.gaps, |all, unit| all | unit.gaps)
    }

    /// Every effect of every unit, with the unit that has it.
    pub fn effects(&self) -> impl Iterator<Item = (&Unit, &Effect)> {
        self.units.iter().flat_map(|unit| unit.effects().map(move |effect| (unit, effect)))
    }
}

/// The tool of an action, by what the engine must know of it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Tool {
    /// A shell command in the given language.
    Shell(Shell),
    /// A change of part of a file (`Edit`, `MultiEdit`).
    Edit,
    /// A whole file (`Write`).
    Write,
    /// A notebook cell.
    NotebookEdit,
    /// Reading one file.
    Read,
    /// Searching or listing files (`Glob`, `Grep`, `LS`).
    Search,
    /// Fetching a page.
    Fetch,
    /// A web search.
    WebSearch,
    /// Starting another agent (`Task`, `Agent`).
    Agent,
    /// A tool of an MCP server.
    Mcp {
        /// The server's name.
        server: String,
        /// The tool's name on that server.
        tool: String,
    },
    /// Text that a tool returned: judged for injection only.
    Text,
    /// Anything else, by name.
    Unknown(String),
}

/// A shell language.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EnumIter, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Shell {
    /// Bash and its kin.
    Bash,
    /// PowerShell.
    PowerShell,
    /// Windows' `cmd.exe`.
    Cmd,
}

/// One piece of an action that is scored by itself: a statement, a program text, a file's content, an argument object.
#[derive(Debug, Clone, PartialEq)]
pub struct Unit {
    /// What kind of text it is.
    pub kind: UnitKind,
    /// The canonical text: quoting resolved, constants filled in, decoded where that is deterministic.
    pub text: String,
    /// The strings and numbers of an argument object, each as it was sent; empty for other kinds. The text shows them for
    /// reading; two values that read alike are told apart here.
    pub values: Vec<String>,
    /// The bytes of the source text (the command, the content) that it came from.
    pub span: Range<usize>,
    /// How it is reached from the source text, outermost first; empty for what stands there plainly.
    pub layers: Vec<Layer>,
    /// The simple commands of a [`UnitKind::Command`], pipeline order; otherwise empty.
    pub commands: Vec<Command>,
    /// Effects that belong to the unit rather than to one of its commands (a file tool's write, a fetch).
    pub own_effects: Vec<Effect>,
    /// Where data flows that matters.
    pub flows: EnumSet<Flow>,
    /// What was not understood of this unit.
    pub gaps: EnumSet<Gap>,
}

impl Unit {
    /// A unit with nothing known of it but its text.
    pub fn new(kind: UnitKind, text: impl Into<String>, span: Range<usize>) -> Self {
        Self {
            kind,
            text: text.into(),
            values: Vec::new(),
            span,
            layers: Vec::new(),
            commands: Vec::new(),
            own_effects: Vec::new(),
            flows: EnumSet::empty(),
            gaps: EnumSet::empty(),
        }
    }

    /// The effects of the unit and of its commands.
    pub fn effects(&self) -> impl Iterator<Item = &Effect> {
        self.own_effects.iter().chain(self.commands.iter().flat_map(|command| &command.effects))
    }
}

/// What kind of text a unit is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UnitKind {
    /// A statement of a shell language.
    Command(Shell),
    /// A program text that is executed.
    Code(Language),
    /// Text that is written, sent or printed, not executed.
    Data,
    /// The content that a file tool writes.
    Content,
    /// A path, pattern or address that is read.
    Target,
    /// The arguments of an MCP or unknown tool, as name and JSON.
    Arguments,
    /// Text that a tool returned.
    Text,
}

/// The language of a program text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EnumIter, IntoStaticStr, strum::EnumString)]
#[strum(serialize_all = "snake_case")]
#[allow(missing_docs, reason = "the names are the languages' own")]
pub enum Language {
    Python,
    JavaScript,
    Ruby,
    Perl,
    Php,
    Lua,
    R,
    Awk,
    Sql,
    AppleScript,
    VbScript,
    Java,
    Other,
}

/// How a unit is reached from the text that contains it.
#[derive(Debug, EnumSetType, Hash, EnumIter, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Layer {
    /// Taken out of a wrapper: what `sudo`, `env` or `timeout` runs.
    Wrapped,
    /// A script given to a shell: `sh -c`, `eval`, a here-document to `bash`.
    Script,
    /// A command, process or arithmetic substitution.
    Substitution,
    /// Run on another machine: `ssh host cmd`.
    Remote,
    /// Run in a container: `docker exec`.
    Container,
    /// The result of decoding base64, hex, escapes or a compressed literal.
    Decoded,
    /// Inside a function, loop or condition.
    Block,
    /// A hook or alias that runs at another time (`trap`, `alias`, `PROMPT_COMMAND`).
    Deferred,
    /// A document fed to a program on its standard input.
    Heredoc,
}

/// A flow of data between parts of an action.
#[derive(Debug, EnumSetType, Hash, EnumIter, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Flow {
    /// A secret reaches the network.
    SecretToNetwork,
    /// Local data reaches the network.
    DataToNetwork,
    /// What is fetched is executed.
    NetworkToExecution,
    /// What is decoded is executed.
    DecodedToExecution,
    /// A file written in this action is executed.
    WrittenToExecution,
    /// What is fetched is written to a file.
    NetworkToFile,
}

/// Something that was not understood, or not until it runs.
#[derive(Debug, EnumSetType, Hash, EnumIter, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum Gap {
    /// The text does not parse; it is scored as it stands.
    Unparsed,
    /// Part of it is only known when it runs (a variable, a substitution as a command name).
    Dynamic,
    /// Part of it was left out because of a limit on size, number or depth.
    Truncated,
    /// An encoded or compressed part could not be opened.
    Opaque,
    /// A program that the tables do not know.
    UnknownProgram,
    /// Spelled to mislead: confusable or invisible characters, bidirectional overrides.
    Disguised,
    /// A name pieced together from quotes, escapes or variables where a plain one would do.
    OddSpelling,
}

/// A simple command: a program and its arguments.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Command {
    /// The program's name without its folder, in lower case where the platform ignores case.
    pub program: String,
    /// The program as spelled, with its folder.
    pub path: String,
    /// The arguments after expansion.
    pub arguments: Vec<Argument>,
    /// The wrappers in front of it, outermost first (`sudo`, `env`).
    pub wrappers: Vec<String>,
    /// Variables set for this command alone.
    pub assignments: Vec<(String, String)>,
    /// What it does, from the tables.
    pub effects: Vec<Effect>,
    /// Whether the tables know the program.
    pub known: bool,
}

/// One argument of a command.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Argument {
    /// The text after quote removal and expansion of constants.
    pub text: String,
    /// Whether part of it is only known at run time.
    pub dynamic: bool,
    /// Whether it is text without effect (an operand of `echo`, a commit message).
    pub data: bool,
}

/// One typed effect.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Effect {
    /// What happens.
    pub fact: Fact,
    /// How.
    pub modifiers: EnumSet<Modifier>,
    /// To what, where the action names it.
    pub target: Option<Target>,
}

impl Effect {
    /// The file that it writes.
    pub fn written_file(&self) -> Option<&Target> {
        self.target.as_ref().filter(|target| self.fact == Fact::Write && matches!(target.scope, Scope::Path(_)))
    }

    /// Whether it only looks at what is near at hand: the project, what is temporary, what has no place, the machine's state.
    pub fn only_looks_nearby(&self) -> bool {
        let looks = matches!(self.fact, Fact::Read | Fact::Discover | Fact::ObserveProcess);
        looks
            && self.target.as_ref().is_none_or(|target| match target.scope {
                Scope::None => true,
                Scope::Path(scope) => matches!(
                    scope,
                    PathScope::Workspace
                        | PathScope::BuildOutput
                        | PathScope::Ci
                        | PathScope::PackageManifest
                        | PathScope::Temp
                        | PathScope::Dynamic
                ),
                Scope::Host(_) => false,
            })
    }
}

/// What an effect applies to.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Target {
    /// As spelled after expansion; a path is resolved lexically.
    pub text: String,
    /// Where it lies.
    pub scope: Scope,
}

/// Where a target lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Scope {
    /// On this machine.
    Path(PathScope),
    /// On the network.
    Host(HostKind),
    /// Neither a path nor a host, or not known.
    None,
}
