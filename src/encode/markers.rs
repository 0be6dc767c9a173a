//! The markers of the text template: words in white square brackets, each one token of its own.
//!
//! `normalize::reveal` replaces these brackets in every input, so a marker always comes from the engine.

use std::collections::BTreeSet;

use strum::IntoEnumIterator;

use super::asked::Asked;
use crate::action::{Fact, Flow, Gap, HostKind, Language, Layer, Modifier, PathScope, Scope, Shell, Tool, UnitKind};

/// The bracket that opens a marker.
pub(super) const OPEN: char = '⟦';
/// The bracket that closes it.
pub(super) const CLOSE: char = '⟧';
/// Opens every window; the model reads its answer off this token.
pub(crate) const CLS: &str = "⟦cls⟧";
/// Fills short rows of a batch.
pub(crate) const PAD: &str = "⟦pad⟧";
/// Stands before the user's request.
pub(crate) const REQUEST: &str = "⟦request⟧";
/// Stands before the values of a unit that its request does not name.
pub(crate) const UNASKED: &str = "⟦unasked⟧";
/// Stands between what is known of a unit and its text.
pub(crate) const BODY: &str = "⟦body⟧";
/// Used by pre-training alone.
const MASK: &str = "⟦mask⟧";
/// The markers that stand for places in the template, not for what is known of a unit.
const PLACES: [&str; 6] = [CLS, PAD, REQUEST, UNASKED, BODY, MASK];
/// Stand in a unit's text for a program text or a document that is a unit of its own, or before text without effect.
const PLACEHOLDERS: [&str; 2] = ["⟦code⟧", "⟦data⟧"];

/// Every marker, sorted, without repetition: the special tokens of a bundle's tokenizer.
pub fn all() -> Vec<String> {
    let mut markers: BTreeSet<String> = PLACES.into_iter().chain(PLACEHOLDERS).map(str::to_owned).collect();
    markers.extend(Fact::iter().map(fact));
    markers.extend(Modifier::iter().map(modifier));
    markers.extend(PathScope::iter().filter_map(|scope| self::scope(Scope::Path(scope))));
    markers.extend(HostKind::iter().filter_map(|kind| scope(Scope::Host(kind))));
    markers.extend(Layer::iter().map(layer));
    markers.extend(Flow::iter().map(flow));
    markers.extend(Gap::iter().map(gap));
    markers.extend(Asked::iter().map(asked));
    markers.extend(tools().iter().map(tool));
    markers.extend(kinds().into_iter().map(kind));
    markers.into_iter().collect()
}

fn tools() -> Vec<Tool> {
    let mut tools: Vec<Tool> = Shell::iter().map(Tool::Shell).collect();
    tools.extend([Tool::Edit, Tool::Write, Tool::NotebookEdit, Tool::Read, Tool::Search, Tool::Fetch, Tool::WebSearch]);
    tools.extend([Tool::Agent, Tool::Text, Tool::Unknown(String::new())]);
    tools.push(Tool::Mcp { server: String::new(), tool: String::new() });
    tools
}

fn kinds() -> Vec<UnitKind> {
    let mut kinds: Vec<UnitKind> = Shell::iter().map(UnitKind::Command).collect();
    kinds.extend(Language::iter().map(UnitKind::Code));
    kinds.extend([UnitKind::Data, UnitKind::Content, UnitKind::Target, UnitKind::Arguments, UnitKind::Text]);
    kinds
}

pub(crate) fn tool(tool: &Tool) -> String {
    let name = match tool {
        Tool::Shell(shell) => return marker("tool_", (*shell).into()),
        Tool::Edit => "edit",
        Tool::Write => "write",
        Tool::NotebookEdit => "notebook",
        Tool::Read => "read",
        Tool::Search => "search",
        Tool::Fetch => "fetch",
        Tool::WebSearch => "web_search",
        Tool::Agent => "agent",
        Tool::Mcp { .. } => "mcp",
        Tool::Text => "text",
        Tool::Unknown(_) => "unknown",
    };
    marker("tool_", name)
}

pub(crate) fn kind(kind: UnitKind) -> String {
    match kind {
        UnitKind::Command(shell) => marker("command_", shell.into()),
        UnitKind::Code(language) => marker("code_", language.into()),
        UnitKind::Data => marker("kind_", "data"),
        UnitKind::Content => marker("kind_", "content"),
        UnitKind::Target => marker("kind_", "target"),
        UnitKind::Arguments => marker("kind_", "arguments"),
        UnitKind::Text => marker("kind_", "text"),
    }
}

pub(crate) fn fact(fact: Fact) -> String {
    marker("", fact.into())
}

pub(crate) fn modifier(modifier: Modifier) -> String {
    marker("how_", modifier.into())
}

/// The marker of a scope; `None` for a target that is neither path nor host.
pub(crate) fn scope(scope: Scope) -> Option<String> {
    match scope {
        Scope::Path(scope) => Some(marker("in_", scope.into())),
        Scope::Host(kind) => Some(marker("host_", kind.into())),
        Scope::None => None,
    }
}

pub(crate) fn layer(layer: Layer) -> String {
    marker("via_", layer.into())
}

pub(crate) fn flow(flow: Flow) -> String {
    marker("flow_", flow.into())
}

pub(crate) fn gap(gap: Gap) -> String {
    marker("gap_", gap.into())
}

pub(crate) fn asked(asked: Asked) -> String {
    marker("asked_", asked.into())
}

fn marker(prefix: &str, word: &str) -> String {
    format!("{OPEN}{prefix}{word}{CLOSE}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_has_a_marker_of_its_own() {
        let n = Fact::iter().count()
            + Modifier::iter().count()
            + PathScope::iter().count()
            + HostKind::iter().count()
            + Layer::iter().count()
            + Flow::iter().count()
            + Gap::iter().count()
            + Asked::iter().count()
            + tools().len()
            + kinds().len()
            + PLACEHOLDERS.len()
            + PLACES.len();
        assert_eq!(all().len(), n);
    }
}
