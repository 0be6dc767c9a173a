//! The closed word lists of the canonical action: facts, modifiers, operand roles, path scopes and host kinds.
//!
//! Shared with `build.rs`, which checks the tables under `src/normalize/tables` against these lists; so nothing here may
//! depend on the rest of the crate. Every word is spelled in snake case in tables, in the encoded text and in output.

use enumset::EnumSetType;
use strum::{EnumIter, EnumString, IntoStaticStr};

/// What an action does, one word a fact. `src/normalize/tables/README.md` defines each.
#[derive(Debug, EnumSetType, Hash, PartialOrd, Ord, EnumIter, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
#[allow(missing_docs, reason = "the words are defined in the tables' README")]
pub enum Fact {
    Read,
    Write,
    Delete,
    Repository,
    History,
    Execute,
    Build,
    Install,
    Contact,
    Download,
    Upload,
    Publish,
    RemoteDelete,
    Message,
    Pay,
    RemoteExecute,
    Rights,
    Grant,
    Credentials,
    Account,
    Serve,
    Kill,
    Power,
    Service,
    Schedule,
    Configure,
    Device,
    Discover,
    Attack,
    Disable,
    Container,
    Database,
    ObserveProcess,
}

/// How an action does it.
#[derive(Debug, EnumSetType, Hash, PartialOrd, Ord, EnumIter, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
#[allow(missing_docs, reason = "the words are defined in the tables' README")]
pub enum Modifier {
    Recursive,
    Force,
    DryRun,
    Insecure,
    Public,
    All,
    NoConfirm,
    Background,
    Irreversible,
    PrivilegedContainer,
    NoVerify,
    Global,
    InPlace,
    Hidden,
    ListenAll,
    ReadOnly,
    Production,
}

/// What an operand or the value of a flag is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
#[allow(missing_docs, reason = "the words are defined in the tables' README")]
pub enum Role {
    Read,
    Write,
    Delete,
    Execute,
    ReadWrite,
    Dir,
    Chdir,
    Url,
    Host,
    Remote,
    Ref,
    Package,
    Code,
    Command,
    Shell,
    Upload,
    Secret,
    KeyFile,
    Mode,
    Owner,
    Pid,
    Signal,
    Service,
    User,
    Port,
    Query,
    Pattern,
    Data,
    Name,
    Setting,
    Image,
    Resource,
    Script,
    Escape,
    Socket,
}

/// Where a path lies, the most telling scope that applies. `tables/paths.toml` holds the patterns.
#[derive(Debug, EnumSetType, Hash, PartialOrd, Ord, EnumIter, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum PathScope {
    /// Inside the workspace (a relative path counts as such when no context says otherwise).
    Workspace,
    /// Build output and caches inside the workspace.
    BuildOutput,
    /// Continuous-integration configuration.
    Ci,
    /// Manifests whose scripts run by themselves (`package.json`, `Makefile`, `setup.py`, ...).
    PackageManifest,
    /// `.env` and its kin.
    EnvFile,
    /// `.git` internals: hooks, configuration, objects.
    GitInternal,
    /// Temporary folders.
    Temp,
    /// Under the user's home, outside the workspace.
    Home,
    /// The home folder itself.
    HomeRoot,
    /// Another user's home.
    OtherHome,
    /// System folders (`/usr`, `/etc`, `C:/Windows`, ...).
    System,
    /// The root folder or a drive root itself.
    Root,
    /// Device files.
    Device,
    /// Credentials, keys, password stores, histories.
    Secret,
    /// Files that run at login, at start-up or on a schedule.
    Startup,
    /// The configuration of a coding agent or of its tools.
    AgentConfig,
    /// riskgate's own configuration.
    RiskgateConfig,
    /// A share on another machine.
    NetworkShare,
    /// Outside the workspace, not otherwise known.
    Outside,
    /// Not known before it runs: a variable, a substitution.
    Dynamic,
}

/// What kind of host is contacted. `tables/hosts.toml` holds the names.
#[derive(Debug, EnumSetType, Hash, PartialOrd, Ord, EnumIter, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum HostKind {
    /// This machine.
    Loopback,
    /// A private network address or name.
    Private,
    /// A cloud metadata endpoint.
    Metadata,
    /// A public package registry.
    Registry,
    /// A public forge.
    Forge,
    /// A well-known vendor's download site.
    Vendor,
    /// A documentation site.
    Docs,
    /// A paste site.
    Paste,
    /// A tunnel service.
    Tunnel,
    /// A request catcher.
    Webhook,
    /// A link shortener.
    Shortener,
    /// A public file drop.
    FileShare,
    /// A name made for rebinding or for embedding an address.
    DnsRebind,
    /// A chat service's incoming hook.
    Chat,
    /// A hidden service.
    Onion,
    /// A public address without a name.
    BareIp,
    /// Any other name.
    Other,
    /// Not known before it runs.
    Dynamic,
}
