//! Paths → where they lie, lexically: the disk is never touched.
//!
//! [`resolve`] brings a path into one spelling, [`rules`] holds the patterns of `tables/paths.toml`.

mod resolve;
mod rules;

use std::borrow::Cow;
use std::sync::Arc;

use crate::action::{Context, KnownFile, PathScope, Scope, Target};
use resolve::Start;

/// Bytes up to which a folder of the context is believed.
const MAX_FOLDER: usize = 4096;

/// Where a command runs, for resolving paths.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// The current folder; `None` when unknown (taken for the workspace).
    pub cwd: Option<String>,
    /// The project's folder.
    pub workspace: Option<String>,
    /// The user's home.
    pub home: Option<String>,
    /// What lies in files there, as far as earlier calls wrote it.
    pub known_files: Arc<[KnownFile]>,
}

impl Place {
    /// From a tool call's context.
    pub fn from_context(context: &Context) -> Self {
        // No system has longer ones; each would be gone through for every path of the action.
        let folder = |path: &Option<String>| path.clone().filter(|path| path.len() <= MAX_FOLDER);
        let (cwd, workspace, home) = (folder(&context.cwd), folder(&context.workspace), folder(&context.home));
        Self { cwd, workspace, home, known_files: Arc::default() }
    }

    /// The same place with what is known of files there.
    #[must_use]
    pub fn with_files(self, files: &[KnownFile]) -> Self {
        Self { known_files: files.into(), ..self }
    }

    /// A path in one spelling that holds in every folder, as far as the place allows; `None` where that is only known when
    /// it runs.
    pub fn absolute(&self, path: &str) -> Option<String> {
        let target = self.locate(path);
        if matches!(target.scope, Scope::None | Scope::Path(PathScope::Dynamic | PathScope::Device)) {
            return None;
        }
        let resolved = self.resolve(path.trim());
        (resolved.start != Start::Unknown).then_some(resolved.text)
    }

    /// The path that [`Self::locate`] shows as `text`, as [`Self::absolute`] spells it.
    pub fn absolute_of_shown(&self, text: &str) -> Option<String> {
        let workspace = self.workspace.clone().or_else(|| self.cwd.clone());
        Self { cwd: workspace, ..self.clone() }.absolute(text)
    }

    /// The place after `cd path`. Without a path (`cd`), pass `~`.
    #[must_use]
    pub fn changed_to(&self, path: &str) -> Self {
        let cwd = match path {
            "" => "~".to_owned(),
            "-" => "$OLDPWD".to_owned(),
            _ => self.resolve(path).text,
        };
        let workspace = self.workspace.as_deref().or(self.cwd.as_deref());
        let workspace = workspace.unwrap_or(if self.is_project(&cwd) { &cwd } else { "." }).to_owned();
        let known_files = Arc::clone(&self.known_files);
        Self { workspace: Some(workspace), cwd: Some(cwd), home: self.home.clone(), known_files }
    }

    /// Whether a folder that is entered when nothing is known of the place is taken for the project: `/testbed`, `/app`
    /// and the like, nothing that has a place of its own.
    fn is_project(&self, folder: &str) -> bool {
        resolve::unify(folder).0 == Start::Root && self.locate(folder).scope == Scope::Path(PathScope::Outside)
    }

    /// Resolves `.`/`..`/`~` and relative paths and says where the result lies. Windows paths are understood too.
    ///
    /// The text is relative to the workspace inside it (`.` for itself), starts with `~` in the home, and is absolute otherwise.
    pub fn locate(&self, path: &str) -> Target {
        self.located(path, scope_of)
    }

    /// The text of [`Self::locate`] alone. Where the path lies, which takes nearly all of the time, is not looked up.
    pub fn shown_as(&self, path: &str) -> String {
        self.located(path, |_| PathScope::Outside).text
    }

    fn located(&self, path: &str, scope: impl FnOnce(&rules::Parts<'_>) -> PathScope) -> Target {
        let path = path.trim();
        if path.is_empty() {
            return Target { text: String::new(), scope: Scope::None };
        }
        if matches!(path.to_ascii_lowercase().trim_end_matches(':'), "nul" | "con") {
            return Target { text: path.to_owned(), scope: Scope::Path(PathScope::Temp) };
        }
        // What `find` and `xargs` put in its place is known only when they run.
        if path == "{}" {
            return Target { text: path.to_owned(), scope: Scope::Path(PathScope::Dynamic) };
        }
        let resolved = self.resolve(path);
        let (scope, text) = self.judge(&resolved, scope);
        Target { text, scope: Scope::Path(scope) }
    }

    /// The path in one spelling, absolute where the place allows.
    fn resolve(&self, path: &str) -> Resolved {
        let (start, rest) = resolve::unify(path);
        match start {
            Start::Root => Resolved::new(&rest, "", start),
            Start::Share => Resolved::new(&rest, rules::SHARE, start),
            Start::Unknown => Resolved::new(&rest, "", start),
            Start::Home => match self.home.as_deref() {
                Some(home) if !home.starts_with('~') => Resolved::new(&rest, &resolve::unify(home).1, Start::Root),
                _ => Resolved::new(&rest, "~", Start::Home),
            },
            Start::Here => match self.cwd.as_deref().or(self.workspace.as_deref()) {
                // The current folder may itself be relative or start at the home.
                Some(cwd) => match resolve::unify(cwd) {
                    (Start::Here | Start::Unknown, base) if path_is_unknown(&base) => {
                        Resolved::new(&rest, &base, Start::Unknown)
                    }
                    (Start::Here | Start::Unknown, base) => Resolved::new(&rest, &base, Start::Here),
                    (Start::Home, base) => self.resolve(&format!("~{base}/{rest}")),
                    (Start::Share, base) => Resolved::new(&rest, &format!("{}/{base}", rules::SHARE), Start::Share),
                    (Start::Root, base) => Resolved::new(&rest, &base, Start::Root),
                },
                None => Resolved::new(&rest, "", Start::Here),
            },
        }
    }

    /// Where a resolved path lies, as `scope` finds it, and its text as shown.
    fn judge(&self, path: &Resolved, scope: impl FnOnce(&rules::Parts<'_>) -> PathScope) -> (PathScope, String) {
        let lower = path.text.to_lowercase();
        let mut parts: Vec<&str> = Vec::with_capacity(16);
        parts.extend(lower.split('/').filter(|part| !part.is_empty()));
        if path.start == Start::Here && parts.first() == Some(&"..") {
            return (PathScope::Outside, path.text.clone());
        }
        // `/*` is all of the root: what a wildcard covers is judged by the folder it stands in.
        let shown = parts.len();
        while parts.last().is_some_and(|part| is_all(part)) {
            parts.pop();
        }
        let absolute = !matches!(path.start, Start::Here | Start::Unknown);
        let workspace = if path.start == Start::Unknown { None } else { self.inside_workspace(&parts, absolute) };
        let home = self.inside_home(&parts, path.start);
        let text = self.shown(path, workspace, home.filter(|_| path.start != Start::Share), parts.len() < shown);
        (scope(&rules::Parts { all: &parts, absolute, home, workspace }), text)
    }

    /// How many components the workspace has, when the path lies in it.
    fn inside_workspace(&self, parts: &[&str], absolute: bool) -> Option<usize> {
        if !absolute {
            return Some(0);
        }
        let workspace = self.workspace.as_deref().or(self.cwd.as_deref())?;
        let (start, text) = match resolve::unify(workspace) {
            (Start::Home, rest) => (Start::Root, Cow::Owned(format!("{}/{rest}", self.home.as_deref().unwrap_or("~")))),
            (start, text) => (start, text),
        };
        (start == Start::Root && is_absolute_base(&text)).then(|| prefix(parts, &text)).flatten()
    }

    /// How many components the home has, when the path lies in it. Any home counts when none is known.
    fn inside_home(&self, parts: &[&str], start: Start) -> Option<usize> {
        if start == Start::Home {
            return Some(1);
        }
        if start != Start::Root {
            return None;
        }
        match self.home.as_deref() {
            Some(home) => prefix(parts, &resolve::unify(home).1),
            None => match parts {
                ["home" | "users", _, ..] => Some(2),
                ["root", ..] => Some(1),
                [drive, "users", _, ..] if drive.ends_with(':') => Some(3),
                _ => None,
            },
        }
    }

    /// The text of a path: relative to the workspace or home where it lies in one.
    fn shown(&self, path: &Resolved, workspace: Option<usize>, home: Option<usize>, all: bool) -> String {
        let text = path.text.as_str();
        if let Some(count) = workspace {
            let inside = after(text, count);
            return if inside.is_empty() || all && !inside.contains('/') { ".".to_owned() } else { inside.to_owned() };
        }
        match home {
            Some(count) if self.home.is_some() || path.start == Start::Home => {
                let inside = after(text, count);
                if inside.is_empty() { "~".to_owned() } else { format!("~/{inside}") }
            }
            _ if path.start == Start::Share => format!("/{}", text.trim_start_matches(rules::SHARE)),
            _ => text.to_owned(),
        }
    }
}

/// Where a path lies.
fn scope_of(parts: &rules::Parts<'_>) -> PathScope {
    match parts.all.iter().position(|part| resolve::is_dynamic(part)) {
        None => known_scope(parts),
        Some(known) => dynamic_scope(parts, known),
    }
}

fn known_scope(parts: &rules::Parts<'_>) -> PathScope {
    let inside = if parts.workspace.is_some() { PathScope::Workspace } else { PathScope::Outside };
    rules::scope(parts).unwrap_or(inside)
}

/// The scope of a path of which only the first `known` components are known.
fn dynamic_scope(parts: &rules::Parts<'_>, known: usize) -> PathScope {
    let rules::Parts { all, absolute, home, workspace } = *parts;
    // What is told by a name alone holds wherever the unknown part leads.
    let whole = rules::scope(&rules::Parts { all, absolute: false, home: None, workspace: None });
    if let Some(scope) = whole.filter(|scope| is_telling(*scope)) {
        return scope;
    }
    let all = all.get(..known).unwrap_or_default();
    let inside = |count: Option<usize>| count.filter(|count| *count < known);
    let before_home = inside(home).or(home.filter(|home| *home == known));
    match known_scope(&rules::Parts { all, absolute, home: before_home, workspace: inside(workspace) }) {
        _ if known == 0 || workspace == Some(known) => PathScope::Dynamic,
        PathScope::Root | PathScope::HomeRoot | PathScope::Outside
            if inside(workspace).is_none() && inside(home).is_none() =>
        {
            PathScope::Dynamic
        }
        scope => scope,
    }
}

/// A path in one spelling.
struct Resolved {
    text: String,
    start: Start,
}

impl Resolved {
    fn new(path: &str, base: &str, start: Start) -> Self {
        let (parts, above) = resolve::join(base, path);
        let rooted = start == Start::Root && !parts.first().is_some_and(|first| first.ends_with(':') || is_hive(first));
        let length = parts.iter().map(|part| part.len() + 1).sum::<usize>() + 3 * above + 1;
        let mut text = String::with_capacity(length);
        if start == Start::Here {
            text.extend(std::iter::repeat_n("../", above));
        }
        for (at, part) in parts.iter().enumerate() {
            if rooted || at > 0 {
                text.push('/');
            }
            text.push_str(part);
        }
        if text.is_empty() {
            text.push_str(if start == Start::Here { "." } else { "/" });
        }
        if text == "." {
            text.clear();
        }
        if start == Start::Here && above > 0 && text.ends_with('/') {
            text.pop();
        }
        Self { text, start }
    }
}

/// Whether a folder starts with what is only known when it runs.
fn path_is_unknown(path: &str) -> bool {
    resolve::is_dynamic(path.split('/').next().unwrap_or_default())
}

fn is_hive(part: &str) -> bool {
    matches!(part, "hklm" | "hkcu" | "hkcr" | "hku" | "hkcc")
}

fn is_absolute_base(text: &str) -> bool {
    text.len() > 1
}

/// Whether a component stands for everything in a folder.
fn is_all(part: &str) -> bool {
    matches!(
        part,
        "*" | "**" | ".*" | "*.*" | "?*" | "{*,.*}" | "{.*,*}" | ".[!.]*" | "..?*" | ".[^.]*" | "{,.[!.],..?}*"
    )
}

/// Scopes that a file's own name tells, wherever it lies.
fn is_telling(scope: PathScope) -> bool {
    matches!(
        scope,
        PathScope::Secret
            | PathScope::EnvFile
            | PathScope::Startup
            | PathScope::AgentConfig
            | PathScope::RiskgateConfig
            | PathScope::GitInternal
    )
}

/// How many components `base` has, when `parts` (in lower case) start with it.
fn prefix(parts: &[&str], base: &str) -> Option<usize> {
    let mut count = 0;
    for part in base.split(['/', '\\']).filter(|part| !part.is_empty() && *part != ".") {
        let here = parts.get(count)?;
        if !(*here == part || here.eq_ignore_ascii_case(part) || *here == part.to_lowercase()) {
            return None;
        }
        count += 1;
    }
    (count > 0).then_some(count)
}

/// A text without its first `count` components.
fn after(text: &str, count: usize) -> &str {
    let mut rest = text.trim_start_matches('/');
    for _ in 0..count {
        rest = rest.split_once('/').map_or("", |(_, rest)| rest);
    }
    rest
}

#[cfg(test)]
mod tests;
