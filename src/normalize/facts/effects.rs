//! What the walk over the arguments found → effects with targets.

use std::borrow::Cow;

use enumset::EnumSet;

use crate::action::{Argument, Effect, Fact, HostKind, Modifier, PathScope, Role, Scope, Target};
use crate::normalize::facts::tables::{B, Tongue};
use crate::normalize::facts::walk::{Use, Walk};
use crate::normalize::facts::{Facts, Nested, literals, secrets, sql};
use crate::normalize::hosts;
use crate::normalize::paths::Place;

/// Facts that show that a command reaches a system where `production` means production.
const REACHING: EnumSet<Fact> = enumset::enum_set!(
    Fact::Contact
        | Fact::Upload
        | Fact::Publish
        | Fact::RemoteDelete
        | Fact::RemoteExecute
        | Fact::Database
        | Fact::Service
        | Fact::Container
        | Fact::Message
        | Fact::Pay
);

/// Effects of one command; of more than these only those of new kinds are kept.
const MAX_EFFECTS: usize = 256;

/// What a command does, from its walk.
pub(super) fn of(walk: Walk<'_>, place: &Place) -> Facts {
    let body = walk.body();
    let does = body.does();
    let mut walk = walk;
    settle_roles(&mut walk);
    let chdir = walk.uses.iter().rev().find(|item| item.role == Role::Chdir).map(|item| item.text.to_owned());
    let place = chdir.as_ref().map_or(Cow::Borrowed(place), |folder| Cow::Owned(place.changed_to(folder)));
    let copies = if body.last { remote_copies(&mut walk.uses) } else { EnumSet::empty() };
    let mut maker = Maker {
        base: does.facts | walk.facts | copies,
        modifiers: does.modifiers | walk.modifiers,
        deletes: walk.uses.iter().any(|item| item.role == Role::Delete),
        changes: walk.uses.iter().any(|item| is_changed(item.role)),
        effects: Vec::with_capacity(4),
        ..Maker::bare(&place)
    };
    maker.look_at_values(&walk.uses);
    let targets: Vec<Option<Target>> = walk.uses.iter().map(|item| maker.target(item)).collect();
    let named = |(item, target): (&Use<'_>, &Option<Target>)| item.role == Role::Upload && target.is_some();
    maker.sends_file = walk.uses.iter().zip(&targets).any(named);
    maker.base_effects(body, &walk.uses, &targets);
    maker.own_effects(&walk.uses, &targets);
    maker.hidden_secrets(&walk.uses, body.prints);
    maker.secret_variables(&walk.uses);
    // A program that has a flag for a shell starts one only when asked (`sudo -s`).
    let is_asked = walk.stdin_wanted
        || body.roles().first() != Some(&Role::Command)
        || body.flag("-s").is_none_or(|adds| adds.role.is_some());
    let stdin_code = ((body.stdin || walk.script_on_stdin) && !walk.has_program && is_asked)
        .then_some(body.language)
        .and_then(|language| match language {
            Tongue::None => None,
            Tongue::Shell(shell) => Some(Nested::StdinShell(shell)),
            Tongue::Code(language) => Some(Nested::StdinCode(language)),
        });
    Facts {
        effects: maker.effects,
        cut: maker.cut,
        known: !walk.unknown_sub,
        prints: body.prints,
        stdin_code,
        nested: walk.nested,
        data: walk.data,
        chdir,
    }
}

/// Gives operands the roles that only the whole command tells.
fn settle_roles(walk: &mut Walk<'_>) {
    if walk.is_archiver() {
        let creates = walk.uses.iter().any(|item| item.role == Role::Write);
        let role = if !creates && walk.facts.contains(Fact::Write) { Role::Write } else { Role::Dir };
        walk.uses.iter_mut().filter(|item| item.role == Role::Chdir).for_each(|item| item.role = role);
    }
    // `perl -pi -e …`: what follows the program text are files.
    if walk.modifiers.contains(Modifier::InPlace) && matches!(walk.body().language, Tongue::Code(_)) {
        walk.uses
            .iter_mut()
            .filter(|item| item.flag.is_none() && item.role == Role::Data)
            .for_each(|item| item.role = Role::ReadWrite);
    }
    settle_discards(walk);
}

/// `git restore FILE` and `git checkout [REF] [--] FILE` write the file and throw away what was changed in it.
fn settle_discards(walk: &mut Walk<'_>) {
    let body = walk.body();
    let arguments = walk.arguments;
    let given = |long: &str, short: char| {
        arguments.iter().any(|argument| {
            let text = argument.text.as_str();
            text == long || text.starts_with('-') && !text.starts_with("--") && text.contains(short)
        })
    };
    let restores = body.flag("--worktree").is_some() && body.flag("--staged").is_some();
    let checks_out = body.flag("--orphan").is_some() && body.roles() == [Role::Ref, Role::ReadWrite];
    let mut discards = restores && (!given("--staged", 'S') || given("--worktree", 'W'));
    if checks_out {
        let after = arguments.iter().position(|argument| argument.text == "--").map_or(arguments.len(), |at| at + 1);
        let files = arguments.get(after..).unwrap_or_default();
        let creates = walk.uses.iter().any(|item| matches!(item.flag, Some("-b" | "-B" | "--orphan")));
        for item in walk.uses.iter_mut().filter(|item| item.flag.is_none() && item.role == Role::Ref) {
            let named = files.iter().any(|file| file.text == item.text) || !creates && is_file_of_git(item.text);
            item.role = if named { Role::ReadWrite } else { Role::Ref };
        }
        discards = walk.uses.iter().any(|item| item.role == Role::ReadWrite);
    }
    if discards {
        walk.facts |= Fact::Write | Fact::History;
    }
    if restores || checks_out {
        // The root of the repository, as git spells it.
        walk.uses.iter_mut().filter(|item| matches!(item.text, ":/" | ":" | ":(top)")).for_each(|item| item.text = ".");
    }
}

/// Whether an operand where a branch may stand is rather a file.
fn is_file_of_git(text: &str) -> bool {
    let ending = text.rsplit('/').next().and_then(|name| name.rsplit_once('.')).map_or("", |(_, ending)| ending);
    matches!(text, "." | "..")
        || ["/", "./", "../", "~/", ":"].iter().any(|start| text.starts_with(start))
        || text.ends_with('/')
        || text.contains('*')
        || (1..=5).contains(&ending.len()) && ending.bytes().all(|byte| byte.is_ascii_alphabetic())
}

/// What an argument list says when no table knows the program: only secrets by their paths.
pub(super) fn of_unknown(arguments: &[Argument], place: &Place) -> Facts {
    let mut maker = Maker::bare(place);
    for argument in arguments {
        maker.hidden_secret(argument.text.rsplit('=').next().unwrap_or_default());
    }
    Facts { effects: maker.effects, cut: maker.cut, ..Facts::default() }
}

/// What a program text says that it does to watched files.
pub(super) fn of_code(code: &str, place: &Place) -> Vec<Effect> {
    let mut maker = Maker::bare(place);
    for (fact, name) in literals::files(code) {
        let target = place.locate(name);
        if literals::is_watched(target.scope) {
            maker.push(fact, Some(target));
        }
    }
    maker.effects
}

/// What this gate and the agents that it judges configure is their own settings.
pub(super) fn name_own_settings(facts: &mut Facts, program: &str) {
    let scope = match program.to_ascii_lowercase().trim_end_matches(".exe") {
        "riskgate" => PathScope::RiskgateConfig,
        "claude" => PathScope::AgentConfig,
        _ => return,
    };
    let own = |effect: &&mut Effect| matches!(effect.fact, Fact::Configure | Fact::Disable) && effect.target.is_none();
    for effect in facts.effects.iter_mut().filter(own) {
        effect.target = Some(Target { text: program.to_owned(), scope: Scope::Path(scope) });
    }
}

/// Copies between machines (`scp`, `rsync`): an operand `host:path` is remote, and what goes there is sent.
fn remote_copies(uses: &mut [Use<'_>]) -> EnumSet<Fact> {
    let is_remote = |item: &Use<'_>| {
        item.flag.is_none() && matches!(item.role, Role::Read | Role::Write) && is_remote_path(item.text)
    };
    let Some((last, before)) = uses.split_last_mut().filter(|(last, _)| last.flag.is_none()) else {
        return EnumSet::empty();
    };
    let mut facts = EnumSet::empty();
    let sends = is_remote(last);
    for item in before.iter_mut().filter(|item| item.flag.is_none()) {
        if is_remote(item) {
            item.role = Role::Remote;
            facts |= Fact::Contact | Fact::Download;
        } else if sends && item.role == Role::Read {
            item.role = Role::Upload;
        }
    }
    if sends {
        last.role = Role::Remote;
        facts |= Fact::Contact | Fact::Upload;
    }
    facts
}

/// Whether a path is `host:path`, `user@host:path` or `host::module`.
fn is_remote_path(text: &str) -> bool {
    let head = text.split('/').next().unwrap_or_default();
    head.split_once(':').is_some_and(|(host, _)| host.len() > 1 && !host.contains('\\'))
        && !text.starts_with(['.', '~', '$', '%'])
        || is_address(text)
}

/// A program named by its path executes that file, unless it is a system's own program that the tables know.
pub(super) fn add_executed_file(facts: &mut Facts, path: &str, place: &Place) {
    let target = place.locate(path);
    if facts.known && target.scope == Scope::Path(PathScope::System) {
        return;
    }
    facts.known = true;
    facts.effects.push(Effect { fact: Fact::Execute, modifiers: EnumSet::empty(), target: Some(target) });
}

/// Effects under construction.
struct Maker<'a> {
    place: &'a Place,
    /// The facts of the program, the subcommand and the flags.
    base: EnumSet<Fact>,
    /// How, for all effects.
    modifiers: EnumSet<Modifier>,
    /// How, for [`Fact::Grant`] and what is written.
    grant: EnumSet<Modifier>,
    /// Whether a file is named that is sent.
    sends_file: bool,
    effects: Vec<Effect>,
    /// Whether an operand or value is deleted.
    deletes: bool,
    /// Whether one is written or deleted.
    changes: bool,
    /// Whether effects were left out.
    cut: bool,
}

impl<'a> Maker<'a> {
    /// With nothing known yet.
    fn bare(place: &'a Place) -> Self {
        Self {
            place,
            base: EnumSet::empty(),
            modifiers: EnumSet::empty(),
            grant: EnumSet::empty(),
            sends_file: false,
            effects: Vec::new(),
            deletes: false,
            changes: false,
            cut: false,
        }
    }

    /// Modifiers and facts that stand in values: modes, methods, addresses, names of production.
    fn look_at_values(&mut self, uses: &[Use<'_>]) {
        for item in uses {
            match item.role {
                Role::Mode => self.mode(item.text),
                Role::Host if binds_everywhere(item.text) => self.modifiers |= Modifier::ListenAll,
                Role::Url | Role::Port | Role::Name | Role::Data | Role::Setting
                    if self.base.contains(Fact::Serve) && binds_everywhere(item.text) =>
                {
                    self.modifiers |= Modifier::ListenAll;
                }
                Role::Pid if matches!(item.text, "-1") => self.modifiers |= Modifier::All,
                Role::Ref if self.base.contains(Fact::Publish) => self.refspec(item.text),
                Role::Query if self.base.contains(Fact::Database) => {
                    let (facts, modifiers) = sql::read(item.text);
                    self.base |= facts;
                    self.modifiers |= modifiers;
                }
                _ => {}
            }
            if item.flag.is_some_and(is_method_flag) {
                self.method(item.text);
            }
            if names_production(item) && !self.base.is_disjoint(REACHING) {
                self.modifiers |= Modifier::Production;
            }
        }
    }

    /// `chmod` modes: open to everyone, set-user-id.
    fn mode(&mut self, mode: &str) {
        if self.base.is_disjoint(Fact::Grant | Fact::Write) {
            return;
        }
        if mode_is_public(mode) {
            self.grant |= Modifier::Public;
        }
        if mode_sets_id(mode) {
            self.base |= Fact::Rights;
        }
    }

    /// `+main` forces, `:main` deletes.
    fn refspec(&mut self, text: &str) {
        if text.len() > 1 && text.starts_with('+') {
            self.base |= Fact::History;
            self.modifiers |= Modifier::Force;
        } else if text.len() > 1 && text.starts_with(':') {
            self.base |= Fact::RemoteDelete;
        }
    }

    /// An HTTP method.
    fn method(&mut self, method: &str) {
        if !self.base.contains(Fact::Contact) {
            return;
        }
        match method.to_ascii_uppercase().as_str() {
            "DELETE" => self.base |= Fact::RemoteDelete,
            "POST" | "PUT" | "PATCH" => self.base |= Fact::Publish,
            _ => {}
        }
    }

    /// The facts of the program and its flags, each with the operands that it is about.
    fn base_effects(&mut self, body: &B, uses: &[Use<'_>], targets: &[Option<Target>]) {
        let base = self.base;
        for fact in base {
            let mut found = false;
            for (item, target) in uses.iter().zip(targets) {
                if target.is_some() && self.attaches(fact, item.role) {
                    found = true;
                    self.push(fact, target.clone());
                }
            }
            if let Some(folder) = self.implied(fact, found, body, uses) {
                self.push(fact, Some(folder));
            } else if !found && !self.goes_without_saying(fact, uses) {
                self.push(fact, None);
            }
        }
    }

    /// What a fact is about that no operand names: the file that a download makes, or the current folder.
    fn implied(&self, fact: Fact, found: bool, body: &B, uses: &[Use<'_>]) -> Option<Target> {
        let first = body.roles().first().copied();
        let here = match fact {
            Fact::Write if !found => return self.downloaded(uses),
            Fact::Read => !found && first == Some(Role::Dir),
            // `git clean`; what `rm` deletes without operands comes from elsewhere.
            Fact::Delete => {
                !found && (first == Some(Role::Dir) || first == Some(Role::Delete) && self.base.contains(Fact::History))
            }
            Fact::Build => !found,
            Fact::Serve => {
                (first == Some(Role::Dir) || body.has_folder_flag()) && !uses.iter().any(|item| item.role == Role::Dir)
            }
            _ => false,
        };
        here.then(|| self.place.locate(".")).filter(|folder| is_telling_folder(folder.scope))
    }

    /// The file that `wget URL`, `curl -O URL` or `git clone URL` makes, named after its source.
    fn downloaded(&self, uses: &[Use<'_>]) -> Option<Target> {
        if !self.base.contains(Fact::Download) || uses.iter().any(|item| item.role == Role::Write) {
            return None;
        }
        let is_source = |item: &&Use<'_>| matches!(item.role, Role::Url | Role::Remote | Role::Resource);
        let source = uses.iter().find(is_source)?.text.split(['?', '#']).next()?.trim_end_matches('/');
        let path = source.split_once("://").map_or(source, |(_, path)| path);
        let (_, name) = path.rsplit_once(['/', ':'])?;
        Some(self.place.locate(name.strip_suffix(".git").unwrap_or(name))).filter(|target| !target.text.is_empty())
    }

    /// Variables that hold secrets, where they are sent.
    fn secret_variables(&mut self, uses: &[Use<'_>]) {
        if self.base.is_disjoint(Fact::Contact | Fact::Upload | Fact::Publish | Fact::Message) {
            return;
        }
        for item in uses.iter().filter(|item| item.dynamic && item.role != Role::Secret) {
            if let Some((_, name)) = secrets::variable(item.text) {
                self.add(Fact::Credentials, Some(Target { text: format!("${name}"), scope: Scope::None }));
            }
        }
    }

    /// Whether a fact without a target adds nothing: reading beside something else, writing to the standard output.
    fn goes_without_saying(&self, fact: Fact, uses: &[Use<'_>]) -> bool {
        match fact {
            Fact::Read => self.base.len() > 1,
            Fact::Write => uses.iter().any(|item| item.role == Role::Write && item.text == "-"),
            _ => false,
        }
    }

    /// What operands and flag values do by their roles, where no fact of the program is about them.
    fn own_effects(&mut self, uses: &[Use<'_>], targets: &[Option<Target>]) {
        self.mounted(uses);
        let base = self.base;
        for (item, target) in uses.iter().zip(targets) {
            if base.iter().any(|fact| self.attaches(fact, item.role)) && !matches!(item.role, Role::KeyFile) {
                continue;
            }
            let Some(fact) = self.fact_of(item) else { continue };
            if target.is_some() || !is_path_role(item.role) {
                self.push(fact, target.clone().filter(|_| item.role != Role::Secret));
            }
        }
    }

    /// Paths to secrets among operands whose meaning is not known.
    fn hidden_secrets(&mut self, uses: &[Use<'_>], prints: bool) {
        let unclear = |item: &&Use<'_>| item.flag.is_none() && matches!(item.role, Role::Data | Role::Name);
        for item in uses.iter().filter(unclear).filter(|_| !prints) {
            self.hidden_secret(item.text);
        }
    }

    fn hidden_secret(&mut self, text: &str) {
        let text = text.trim_start_matches('@');
        if !text.starts_with(['/', '~', '.', '$', '%']) && !text.contains("/.")
            || text.contains(['\n', ' '])
            || text.len() < 4
        {
            return;
        }
        let target = self.place.locate(text);
        if target.scope == Scope::Path(PathScope::Secret) {
            self.add(Fact::Credentials, Some(target));
        }
    }

    /// The folder of this machine that a container gets (`-v /host:/container`).
    fn mounted(&mut self, uses: &[Use<'_>]) {
        if !self.base.contains(Fact::Container) {
            return;
        }
        for item in uses.iter().filter(|item| matches!(item.flag, Some("-v" | "--volume" | "--mount"))) {
            let named = item
                .text
                .split(',')
                .find_map(|part| part.strip_prefix("source=").or_else(|| part.strip_prefix("src=")));
            let folder = named.unwrap_or_else(|| item.text.split(':').next().unwrap_or_default());
            if folder.starts_with(['/', '.', '~', '$', '%', '`']) {
                let target = self.path_target(folder, item.dynamic);
                let reads_only = item.text.ends_with(":ro") || item.text.contains("readonly");
                self.push(if reads_only { Fact::Read } else { Fact::Write }, Some(target));
            }
        }
    }

    /// The fact that a role has by itself.
    fn fact_of(&self, item: &Use<'_>) -> Option<Fact> {
        Some(match item.role {
            Role::Read | Role::Dir => Fact::Read,
            Role::Write => Fact::Write,
            Role::ReadWrite if self.base.contains(Fact::Write) => Fact::Write,
            Role::ReadWrite => Fact::Read,
            Role::Delete => Fact::Delete,
            Role::Execute | Role::Script => Fact::Execute,
            Role::Url | Role::Remote => Fact::Contact,
            Role::Host if !self.base.contains(Fact::Serve) => Fact::Contact,
            Role::Upload => Fact::Upload,
            Role::Secret | Role::KeyFile => Fact::Credentials,
            _ => return None,
        })
    }

    /// Whether a fact of the program is about operands of this role.
    fn attaches(&self, fact: Fact, role: Role) -> bool {
        let writes = self.base.contains(Fact::Write);
        match fact {
            Fact::Read => matches!(role, Role::Read | Role::Dir) || role == Role::ReadWrite && !writes,
            Fact::Write => matches!(role, Role::Write | Role::ReadWrite),
            Fact::Delete => {
                role == Role::Delete || matches!(role, Role::Dir | Role::ReadWrite | Role::Resource) && !self.deletes
            }
            Fact::Execute => matches!(role, Role::Execute | Role::Script),
            Fact::Contact | Fact::Download => matches!(role, Role::Url | Role::Host | Role::Remote),
            Fact::Upload => {
                role == Role::Upload || matches!(role, Role::Url | Role::Host | Role::Remote) && !self.sends_file
            }
            Fact::Publish => matches!(role, Role::Remote | Role::Resource | Role::Image | Role::Url),
            Fact::RemoteDelete => matches!(role, Role::Remote | Role::Resource | Role::Image | Role::Url | Role::Ref),
            Fact::RemoteExecute => matches!(role, Role::Host | Role::Remote | Role::Resource),
            Fact::Install => role == Role::Package,
            Fact::Kill => matches!(role, Role::Pid | Role::Name),
            Fact::Service => role == Role::Service,
            Fact::Account => role == Role::User,
            Fact::Grant => matches!(role, Role::ReadWrite | Role::Write | Role::Dir | Role::Resource | Role::User),
            Fact::Device => is_changed(role) || role == Role::Read && !self.changes,
            Fact::Serve => matches!(role, Role::Host | Role::Port | Role::Dir),
            Fact::Container => matches!(role, Role::Image | Role::Resource),
            Fact::Credentials => role == Role::KeyFile,
            Fact::Schedule | Fact::Configure | Fact::Disable => matches!(role, Role::ReadWrite | Role::Service),
            Fact::Discover | Fact::Attack => matches!(role, Role::Host | Role::Url | Role::Remote),
            Fact::Database => role == Role::Host,
            _ => false,
        }
    }

    /// What an operand or value names; `None` for standard input and output and for data given in place.
    fn target(&self, item: &Use<'_>) -> Option<Target> {
        let text = item.text;
        if text.is_empty() || text == "-" && is_path_role(item.role) {
            return None;
        }
        match item.role {
            Role::Upload => self.upload_target(item),
            Role::Url => Some(host_target(text, item.dynamic)),
            Role::Host => Some(named_host_target(text, item.dynamic)),
            Role::Remote => Some(self.remote_target(item)),
            role if is_path_role(role) => Some(if is_address(text) {
                host_target(text, item.dynamic)
            } else {
                self.path_target(text, item.dynamic)
            }),
            Role::Package if text.contains("://") => Some(host_target(text, item.dynamic)),
            Role::Code
            | Role::Command
            | Role::Shell
            | Role::Query
            | Role::Pattern
            | Role::Data
            | Role::Setting
            | Role::Escape
            | Role::Socket
            | Role::Mode => None,
            _ => Some(Target { text: text.to_owned(), scope: Scope::None }),
        }
    }

    fn path_target(&self, text: &str, dynamic: bool) -> Target {
        let mut target = self.place.locate(text);
        let unsettled =
            matches!(target.scope, Scope::Path(PathScope::Workspace | PathScope::Outside | PathScope::Home));
        if dynamic && unsettled && !text.contains(['$', '`', '%']) {
            target.scope = Scope::Path(PathScope::Dynamic);
        }
        target
    }

    /// The file that is sent: `@file`, `name=@file`, or an operand.
    fn upload_target(&self, item: &Use<'_>) -> Option<Target> {
        let text = item.text;
        let file = match text.split_once('@') {
            Some((before, file)) if before.is_empty() || before.ends_with('=') => {
                Some(file.split(';').next().unwrap_or(file))
            }
            _ if item.flag.is_none_or(names_a_file) => Some(text),
            _ => None,
        };
        // As a flag's value `.` is the standard input (`curl -T .`), as an operand it is the folder (`rsync . host:`).
        let file = file.filter(|file| !matches!(*file, "-" | "") && (*file != "." || item.flag.is_none()))?;
        Some(if is_address(file) { host_target(file, item.dynamic) } else { self.path_target(file, item.dynamic) })
    }

    /// A host's place (`host:path`, a URL), a local path, or the name of a remote.
    fn remote_target(&self, item: &Use<'_>) -> Target {
        let text = item.text;
        if hosts::host_of(text).is_some() {
            return host_target(text, item.dynamic);
        }
        if text.contains(['/', '\\']) || text.starts_with(['.', '~']) {
            return self.path_target(text, item.dynamic);
        }
        Target { text: text.to_owned(), scope: Scope::None }
    }

    /// Adds an effect and what follows from where its target lies.
    fn push(&mut self, fact: Fact, target: Option<Target>) {
        let scope = target.as_ref().map(|target| target.scope);
        let changes = matches!(fact, Fact::Write | Fact::Delete);
        let follows = match scope {
            Some(Scope::Path(PathScope::Secret | PathScope::EnvFile))
                if !matches!(fact, Fact::Delete | Fact::Grant | Fact::Credentials) =>
            {
                (fact != Fact::Write || self.base.contains(Fact::Read)).then_some(Fact::Credentials)
            }
            Some(Scope::Path(PathScope::Device)) if changes => Some(Fact::Device),
            Some(Scope::Path(PathScope::Startup)) if fact == Fact::Write => Some(Fact::Schedule),
            _ => None,
        };
        let again = follows.map(|fact| (fact, target.clone()));
        self.add(fact, target);
        if let Some((fact, target)) = again {
            self.add(fact, target);
        }
    }

    fn add(&mut self, fact: Fact, target: Option<Target>) {
        let grant = if matches!(fact, Fact::Grant | Fact::Write) { self.grant } else { EnumSet::empty() };
        let effect = Effect { fact, modifiers: self.modifiers | grant, target };
        if self.effects.contains(&effect) {
            return;
        }
        // Past the bound only what is of a kind of its own is kept: one dangerous path must not drown in harmless ones.
        if self.effects.len() >= MAX_EFFECTS && self.effects.iter().any(|other| is_alike(other, &effect)) {
            self.cut = true;
            return;
        }
        self.effects.push(effect);
    }
}

/// Whether it matters that something happens in a folder that nothing names: outside the workspace.
fn is_telling_folder(scope: Scope) -> bool {
    !matches!(
        scope,
        Scope::Path(
            PathScope::Workspace
                | PathScope::BuildOutput
                | PathScope::Ci
                | PathScope::PackageManifest
                | PathScope::Dynamic
        ) | Scope::None
    )
}

fn is_changed(role: Role) -> bool {
    matches!(role, Role::ReadWrite | Role::Write | Role::Delete)
}

/// Whether two effects differ in nothing but which target of a kind they have.
fn is_alike(one: &Effect, other: &Effect) -> bool {
    let scope = |effect: &Effect| effect.target.as_ref().map(|target| target.scope);
    one.fact == other.fact && one.modifiers == other.modifiers && scope(one) == scope(other)
}

/// A host that may be a lone name (`ssh staging`).
fn named_host_target(text: &str, dynamic: bool) -> Target {
    let mut target = host_target(text, dynamic);
    let name = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.'))
        && !text.bytes().all(|byte| byte.is_ascii_digit());
    if target.scope == Scope::None && name {
        target.scope = Scope::Host(hosts::classify(text));
    }
    target
}

/// Schemes whose host is a bucket.
const BUCKETS: [&str; 8] = ["s3://", "gs://", "az://", "oci://", "b2://", "r2://", "oss://", "cos://"];

fn host_target(text: &str, dynamic: bool) -> Target {
    let scope = match hosts::host_of(text) {
        Some(_) if BUCKETS.iter().any(|scheme| text.starts_with(scheme)) => Scope::Host(HostKind::Other),
        Some(host) => Scope::Host(hosts::classify(&host)),
        None if dynamic || text.contains(['$', '`']) => Scope::Host(HostKind::Dynamic),
        None => Scope::None,
    };
    Target { text: text.to_owned(), scope }
}

/// Whether a path is rather an address on the network.
fn is_address(text: &str) -> bool {
    text.split_once("://").is_some_and(|(scheme, _)| {
        scheme.len() > 1
            && !scheme.eq_ignore_ascii_case("file")
            && scheme.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.'))
    })
}

fn is_path_role(role: Role) -> bool {
    matches!(
        role,
        Role::Read
            | Role::Write
            | Role::Delete
            | Role::Execute
            | Role::ReadWrite
            | Role::Dir
            | Role::Chdir
            | Role::KeyFile
            | Role::Script
    )
}

/// Whether a flag for what is sent takes the name of a file rather than the data.
fn names_a_file(flag: &str) -> bool {
    let words = ["file", "path", "attach", "input", "src", "source", "asset", "local", "dir", "image", "package"];
    flag.starts_with("-T") || words.iter().any(|word| flag.to_ascii_lowercase().contains(word))
}

fn is_method_flag(flag: &str) -> bool {
    matches!(flag, "-X" | "--request" | "--method") || flag.eq_ignore_ascii_case("-method")
}

/// Whether an address stands for every network interface.
fn binds_everywhere(text: &str) -> bool {
    let text = text.split_once("://").map_or(text, |(_, rest)| rest);
    matches!(text, "0.0.0.0" | "::" | "[::]" | "0" | "*" | "::0")
        || text.starts_with("0.0.0.0:")
        || text.starts_with("[::]:")
        || text.starts_with("*:")
}

/// Whether a name has `prod`, `production`, `prd` or `live` as a part of its own.
fn names_production(item: &Use<'_>) -> bool {
    let named = matches!(item.role, Role::Host | Role::Url | Role::Remote | Role::Resource | Role::Ref)
        || item.flag.is_some() && matches!(item.role, Role::Name | Role::Setting | Role::Data | Role::Service);
    named
        && item.text.split(|letter: char| !letter.is_ascii_alphanumeric()).any(|part| {
            part.eq_ignore_ascii_case("prod")
                || part.eq_ignore_ascii_case("production")
                || part.eq_ignore_ascii_case("prd")
                || part.eq_ignore_ascii_case("live")
        })
}

/// Whether a mode lets everyone write.
fn mode_is_public(mode: &str) -> bool {
    let digits = mode.strip_prefix("0o").unwrap_or(mode);
    if !digits.is_empty() && digits.len() <= 5 && digits.bytes().all(|byte| matches!(byte, b'0'..=b'7')) {
        return digits.bytes().last().is_some_and(|last| (last - b'0') & 2 != 0);
    }
    mode.split(',').any(|clause| {
        let Some(at) = clause.find(['+', '=']) else { return false };
        let (who, what) = clause.split_at(at);
        (who.is_empty() || who.contains(['o', 'a'])) && what.contains('w')
    })
}

/// Whether a mode makes a program run as its owner or group.
fn mode_sets_id(mode: &str) -> bool {
    if mode.len() >= 4 && mode.bytes().all(|byte| matches!(byte, b'0'..=b'7')) {
        return mode.bytes().rev().nth(3).is_some_and(|special| (special - b'0') & 6 != 0);
    }
    mode.split(',')
        .any(|clause| clause.find(['+', '=']).is_some_and(|at| clause.get(at..).is_some_and(|what| what.contains('s'))))
}
