//! The globs that rules name in `resource.matches.contains("…")`, in the spelling of `.gitignore` and of Claude Code's path
//! rules: `//abs`, `~/home`, `/project`, `./here` or a bare name at any depth; `*` stays in one folder, `**` does not.

use std::borrow::Cow;

use crate::action::Context;

/// The globs of a set of rules.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Globs(Vec<Glob>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct Glob {
    /// As the rule spells it.
    spelled: String,
    anchor: Anchor,
    /// Relative to the anchor, without a slash at either end.
    pattern: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Anchor {
    /// The root of the file system.
    Root,
    /// The user's home.
    Home,
    /// The workspace.
    Workspace,
    /// The folder in which the action runs.
    Here,
}

impl Globs {
    /// From the globs as rules spell them.
    pub(super) fn new(spelled: impl IntoIterator<Item = String>) -> Self {
        let mut globs: Vec<String> = spelled.into_iter().collect();
        globs.sort();
        globs.dedup();
        Self(globs.into_iter().map(Glob::new).collect())
    }

    /// The spellings of those that a path matches. `path` is as effects name it: relative in the workspace, `~/…` in the home.
    pub(super) fn matching(&self, path: &str, context: &Context) -> Vec<String> {
        if self.0.is_empty() {
            return Vec::new();
        }
        let places = Places::of(path, context);
        self.0.iter().filter(|glob| glob.matches(&places)).map(|glob| glob.spelled.clone()).collect()
    }
}

impl Glob {
    fn new(spelled: String) -> Self {
        let (anchor, rest) = if let Some(rest) = spelled.strip_prefix("//") {
            (Anchor::Root, rest)
        } else if let Some(rest) = spelled.strip_prefix("~/") {
            (Anchor::Home, rest)
        } else if let Some(rest) = spelled.strip_prefix('/') {
            (Anchor::Workspace, rest)
        } else {
            (Anchor::Here, spelled.strip_prefix("./").unwrap_or(&spelled))
        };
        let pattern = rest.trim_matches('/');
        // A bare name stands at any depth, as in `.gitignore`; `./name` does not.
        let bare = anchor == Anchor::Here && !spelled.starts_with("./") && !pattern.contains('/');
        let pattern = if bare { format!("**/{pattern}") } else { pattern.to_owned() };
        Self { anchor, pattern, spelled }
    }

    fn matches(&self, places: &Places<'_>) -> bool {
        let relative = match self.anchor {
            Anchor::Root => places.absolute.as_deref().map(|path| path.trim_start_matches('/')),
            Anchor::Home => places.in_home.as_deref(),
            Anchor::Workspace => places.in_workspace.as_deref(),
            Anchor::Here => places.here.as_deref(),
        };
        // A name of a folder stands for everything in it; `*` stays in one folder.
        let last = self.pattern.rsplit('/').next().unwrap_or_default();
        let is_name = !last.contains(['*', '?', '[', '{']);
        relative.is_some_and(|path| {
            fast_glob::glob_match(&self.pattern, path)
                || is_name && ancestors(path).any(|path| fast_glob::glob_match(&self.pattern, path))
        })
    }
}

/// Every folder that a path lies in, below the anchor.
fn ancestors(path: &str) -> impl Iterator<Item = &str> {
    let ends = path.char_indices().filter(|(at, letter)| *letter == '/' && *at > 0).map(|(at, _)| at);
    ends.filter_map(|end| path.get(..end))
}

/// One path as seen from each anchor; `None` where it lies elsewhere.
struct Places<'a> {
    absolute: Option<Cow<'a, str>>,
    in_home: Option<Cow<'a, str>>,
    in_workspace: Option<Cow<'a, str>>,
    here: Option<Cow<'a, str>>,
}

impl<'a> Places<'a> {
    fn of(path: &'a str, context: &Context) -> Self {
        let folder = |folder: &Option<String>| folder.as_deref().map(|folder| folder.trim_end_matches('/').to_owned());
        let (home, workspace) = (folder(&context.home), folder(&context.workspace).or_else(|| folder(&context.cwd)));
        let cwd = folder(&context.cwd).or_else(|| workspace.clone());
        let absolute: Option<Cow<'a, str>> = if path.starts_with('/') || path.get(1..2) == Some(":") {
            Some(path.into())
        } else if let Some(rest) = path.strip_prefix('~') {
            home.as_deref().map(|home| format!("{home}{rest}").into())
        } else {
            let inside = if path == "." { String::new() } else { format!("/{}", path.trim_start_matches("./")) };
            workspace.as_deref().map(|workspace| format!("{workspace}{inside}").into())
        };
        let under = |folder: Option<&str>| -> Option<Cow<'a, str>> {
            let rest = absolute.as_deref()?.strip_prefix(folder?)?;
            (rest.is_empty() || rest.starts_with('/')).then(|| rest.trim_start_matches('/').to_owned().into())
        };
        let relative = || (!path.starts_with(['/', '~'])).then(|| Cow::from(path));
        Self {
            in_home: under(home.as_deref()).or_else(|| path.strip_prefix("~/").map(Cow::from)),
            in_workspace: under(workspace.as_deref()).or_else(relative),
            here: under(cwd.as_deref()).or_else(|| if context.cwd.is_none() { relative() } else { None }),
            absolute,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context() -> Context {
        Context {
            cwd: Some("/home/me/app/sub".to_owned()),
            workspace: Some("/home/me/app".to_owned()),
            home: Some("/home/me".to_owned()),
            ..Context::default()
        }
    }

    #[track_caller]
    fn check(glob: &str, yes: &[&str], no: &[&str]) {
        let globs = Globs::new([glob.to_owned()]);
        let matches = |path: &str| !globs.matching(path, &context()).is_empty();
        for path in yes {
            assert!(matches(path), "`{glob}` should match `{path}`");
        }
        for path in no {
            assert!(!matches(path), "`{glob}` should not match `{path}`");
        }
    }

    #[test]
    fn each_anchor_has_its_own_root() {
        check("//etc/**", &["/etc/passwd", "/etc/a/b"], &["etc/passwd", "/usr/etc/x"]);
        check("~/.zshrc", &["~/.zshrc"], &["~/x/.zshrc", ".zshrc"]);
        check("/src/**/*.ts", &["src/a.ts", "src/a/b.ts"], &["lib/src/a.ts", "/src/a.ts", "src/a.js"]);
        check("./.env", &["sub/.env"], &[".env", "sub/x/.env"]);
        check("~/app/**", &["src/a.ts"], &["~/other/x"]);
    }

    #[test]
    fn a_bare_name_stands_at_any_depth_below_here() {
        check(".env", &["sub/.env", "sub/a/b/.env"], &[".env", "sub/.envrc"]);
        check("*.env", &["sub/x.env", "sub/a/x.env"], &["x.env"]);
    }

    #[test]
    fn a_folder_stands_for_what_is_in_it() {
        check("/docs", &["docs", "docs/a.md", "docs/x/b.md"], &["doc", "docs2/a.md"]);
        check("/docs/*", &["docs/a.md"], &["docs", "docs/x/b.md"]);
        check("//home/me/secrets/", &["~/secrets/a", "/home/me/secrets/a"], &["/home/me/secret"]);
    }
}
