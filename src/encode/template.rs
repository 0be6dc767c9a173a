//! Unit → text: one deterministic template. What is known of a unit comes first, in markers; its text comes last.
//!
//! ```text
//! ⟦cls⟧⟦tool_mcp⟧⟦kind_arguments⟧⟦pay⟧⟦asked_some⟧⟦unasked⟧9000⟦request⟧send Ana 90 euros⟦body⟧bank send {"to":"Ana","sum":9000}
//! ```
//!
//! The request stands where it can matter: before units that do more than look, and only in the first window of each. Before it
//! stand the values that it does not name, where it names others: which value was changed tells an error from a theft.
//!
//! Texts in other letters than those of ASCII are spelled in ASCII (`romanise.rs`).
//!
//! A change of anything here changes what models are trained on: raise [`TEMPLATE_VERSION`] with it.

use std::cell::OnceCell;

use enumset::EnumSet;

use super::asked::{Request, compare};
use super::markers;
use super::romanise::romanised;
use crate::action::{Action, Effect, Fact, Gap, Layer, Modifier, Scope, Tool, Unit};

/// The version of the template that this build writes.
pub const TEMPLATE_VERSION: u32 = 4;

/// Most effects that one unit's prefix names; more are a [`Gap::Truncated`].
const MAX_EFFECTS: usize = 14;
/// Most bytes of the user's request.
const MAX_REQUEST: usize = 320;
/// Most bytes of one of its words, before it is spelled in ASCII: a character takes four at most and leaves at least one.
const MAX_WORD: usize = 4 * MAX_REQUEST;

/// A unit as the model reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Rendered {
    /// Markers alone: repeated in every window of the unit.
    pub(super) prefix: String,
    /// The user's request, shortened, behind what it does not name, for the first window; with the markers of both. Empty when
    /// there is no request or it has no weight for this unit.
    pub(super) request: String,
    /// The unit's text: cut into windows.
    pub(super) body: String,
}

impl Rendered {
    /// The unit in one string.
    pub(super) fn text(&self) -> String {
        [&self.prefix, &self.request, markers::BODY, &self.body].concat()
    }
}

/// Renders the units of an action, in order.
pub(super) fn render(action: &Action) -> impl Iterator<Item = Rendered> {
    // Taken apart where a unit is first compared with it, and then kept for the others.
    let request = OnceCell::new();
    action.units.iter().map(move |unit| render_unit(action, unit, &request))
}

fn render_unit(action: &Action, unit: &Unit, known: &OnceCell<Request>) -> Rendered {
    let (effects, dropped) = distinct_effects(unit);
    // Those of the unit alone: the gaps of what stands beside it would change a window that padding must leave as it is.
    // What is missing from the action as a whole is a floor of the policy.
    let mut gaps = unit.gaps;
    if dropped {
        gaps |= Gap::Truncated;
    }
    let mut prefix = format!("{}{}{}", markers::CLS, markers::tool(&action.tool), markers::kind(unit.kind));
    prefix.extend(unit.layers.iter().fold(EnumSet::new(), |set, layer| set | *layer).iter().map(markers::layer));
    prefix.extend(gaps.iter().map(markers::gap));
    prefix.extend(unit.flows.iter().map(markers::flow));
    for (fact, scope, modifiers) in effects {
        prefix.push_str(&effect_markers(fact, scope, modifiers));
    }
    let request = action.request.as_deref().filter(|_| !only_looks(action, unit));
    let comparison = request.and_then(|text| compare(known.get_or_init(|| Request::of(text)), unit));
    prefix.extend(comparison.as_ref().map(|comparison| markers::asked(comparison.asked)));
    let unasked = comparison.map(|comparison| comparison.unasked.join(" ")).unwrap_or_default();
    let unasked = marked(markers::UNASKED, &romanised(&unasked));
    let request = unasked + &marked(markers::REQUEST, &shorten(request.unwrap_or_default()));
    Rendered { prefix, request, body: romanised(&unit.text).into_owned() }
}

/// A text behind its marker, or nothing.
fn marked(marker: &str, text: &str) -> String {
    if text.is_empty() { String::new() } else { [marker, text].concat() }
}

/// Whether a unit is known to look at what is near at hand and to do nothing else: no request makes that better or worse.
fn only_looks(action: &Action, unit: &Unit) -> bool {
    let elsewhere =
        |layer: &Layer| matches!(layer, Layer::Remote | Layer::Container | Layer::Decoded | Layer::Deferred);
    let mut effects = unit.effects().peekable();
    matches!(action.tool, Tool::Shell(_) | Tool::Read | Tool::Search)
        && unit.gaps.is_empty()
        && unit.flows.is_empty()
        && !unit.layers.iter().any(elsewhere)
        && effects.peek().is_some()
        && effects.all(Effect::only_looks_nearby)
}

/// Whether a unit has more distinct effects than its prefix can name.
pub(super) fn overflows(unit: &Unit) -> bool {
    distinct_effects(unit).1
}

/// One effect as the template writes it.
pub fn effect_text(effect: &Effect) -> String {
    effect_markers(effect.fact, scope_of(effect), effect.modifiers)
}

fn effect_markers(fact: Fact, scope: Scope, modifiers: EnumSet<Modifier>) -> String {
    let mut text = markers::fact(fact);
    text.extend(markers::scope(scope));
    text.extend(modifiers.iter().map(markers::modifier));
    text
}

type EffectKey = (Fact, Scope, EnumSet<Modifier>);

/// What makes an effect harmless; holds for a joined effect only where it holds for each.
fn softening() -> EnumSet<Modifier> {
    Modifier::DryRun | Modifier::ReadOnly
}

/// The modifiers of two effects of one fact and scope: all that aggravate, and what softens both.
fn joined(one: EnumSet<Modifier>, other: EnumSet<Modifier>) -> EnumSet<Modifier> {
    ((one | other) - softening()) | (one & other & softening())
}

/// The distinct effects in order of appearance; modifiers of one fact and scope are joined.
fn distinct_effects(unit: &Unit) -> (Vec<EffectKey>, bool) {
    let mut found: Vec<EffectKey> = Vec::new();
    for effect in unit.effects() {
        let scope = scope_of(effect);
        match found.iter_mut().find(|(fact, known, _)| *fact == effect.fact && *known == scope) {
            Some((_, _, modifiers)) => *modifiers = joined(*modifiers, effect.modifiers),
            None => found.push((effect.fact, scope, effect.modifiers)),
        }
    }
    let dropped = found.len() > MAX_EFFECTS;
    found.truncate(MAX_EFFECTS);
    (found, dropped)
}

fn scope_of(effect: &Effect) -> Scope {
    effect.target.as_ref().map_or(Scope::None, |target| target.scope)
}

/// The head of the request in one line, without the markers' brackets; whole words where there are blanks.
fn shorten(request: &str) -> String {
    let mut short = String::new();
    for word in request.split_whitespace() {
        let word = romanised(word.get(..word.floor_char_boundary(MAX_WORD)).unwrap_or(word));
        let room = MAX_REQUEST.saturating_sub(short.len() + 1);
        if word.len() > room && !short.is_empty() {
            break;
        }
        if !short.is_empty() {
            short.push(' ');
        }
        let head = word.get(..word.floor_char_boundary(room)).unwrap_or(&word);
        short.extend(head.chars().map(|c| match c {
            '⟦' => '[',
            '⟧' => ']',
            other => other,
        }));
    }
    short
}
