//! Web tools: the address that is contacted and what is sent with it.

use enumset::EnumSet;
use percent_encoding::percent_decode_str;

use super::inputs::Inputs;
use super::{Reading, cut, effect};
use crate::action::{Effect, Fact, Flow, Scope, Target, Tool, Unit, UnitKind};
use crate::normalize::facts::secrets;
use crate::normalize::limits::head;
use crate::normalize::{hosts, reveal};

/// Bytes of an address that a target keeps.
const MAX_ADDRESS: usize = 500;

/// Fetching a page.
pub(super) fn fetch(input: Inputs<'_>) -> Option<Reading> {
    let url = input.text(&["url", "uri", "address", "link"])?;
    let mut gaps = EnumSet::empty();
    let decoded = percent_decode_str(url).decode_utf8_lossy();
    let (shown, hidden) = reveal::readable(&decoded);
    let mut unit = Unit::new(UnitKind::Target, cut(&shown, &mut gaps), 0..url.len());
    unit.own_effects.push(contact(url));
    let hidden = hidden | reveal::host_gaps(&decoded);
    unit.gaps = hidden | gaps;
    let mut units = vec![unit];
    if let Some(prompt) = input.text(&["prompt", "body", "data"]).filter(|prompt| !prompt.trim().is_empty()) {
        let (shown, hidden) = reveal::readable(prompt);
        let mut unit = Unit::new(UnitKind::Data, cut(&shown, &mut gaps), 0..prompt.len());
        unit.gaps = hidden;
        units.push(unit);
    }
    Some(Reading { tool: Tool::Fetch, units, gaps: gaps | hidden })
}

/// A web search.
pub(super) fn search(input: Inputs<'_>) -> Option<Reading> {
    let query = input.text(&["query", "q", "search_term"])?;
    let mut gaps = EnumSet::empty();
    let (shown, hidden) = reveal::readable(query);
    let mut unit = Unit::new(UnitKind::Target, cut(&shown, &mut gaps), 0..query.len());
    unit.own_effects.push(effect(Fact::Contact));
    if secrets::has_account_number(query) {
        unit.flows.insert(Flow::SecretToNetwork);
    }
    unit.gaps = hidden | gaps;
    Some(Reading { tool: Tool::WebSearch, units: vec![unit], gaps: gaps | hidden })
}

/// Contact with an address's host.
pub(super) fn contact(url: &str) -> Effect {
    let target = hosts::host_of(url).map(|host| {
        let text = head(url.trim(), MAX_ADDRESS).to_owned();
        Target { text, scope: Scope::Host(hosts::classify(&host)) }
    });
    Effect { target, ..effect(Fact::Contact) }
}
