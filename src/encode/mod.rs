//! Action → text → token ids: exactly what the model sees. Training reads the same through `riskgate encode`.
//!
//! Every unit is a row of its own; a long unit is cut into windows that repeat what is known of it. So nothing that is added
//! to an action takes away a row it had before, and a verdict that follows the worst row can only become stricter.

mod asked;
#[cfg(test)]
pub(crate) mod fixture;
pub mod markers;
mod romanise;
mod template;
mod tokenizer;
mod windows;

use std::collections::HashSet;

pub use template::{TEMPLATE_VERSION, effect_text};
pub use windows::WindowRule;

#[cfg(test)]
use crate::action::Unit;
use crate::action::{Action, Gap, UnitKind};
use template::Rendered;
use tokenizer::Tokenizer;
use windows::Parts;

/// Most bytes of one body that are cut into tokens: its head and its tail, half each, when it is longer. Far above what
/// [`WindowRule::max_windows`] can hold, so it bounds time without deciding what is kept.
const MAX_BODY: usize = 48 * 1024;

/// The windows of one action.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Encoding {
    /// Token ids, one list a window, each at most [`WindowRule::window`] long and starting with the marker `⟦cls⟧`.
    pub input_ids: Vec<Vec<u32>>,
    /// For each window, the index of its unit in [`Action::units`].
    pub units: Vec<usize>,
    /// Whether some part of the action is in no window.
    pub truncated: bool,
}

impl Encoding {
    /// Token ids over all windows.
    pub fn n_tokens(&self) -> usize {
        self.input_ids.iter().map(Vec::len).sum()
    }
}

/// Why a tokenizer cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum EncodeError {
    /// The file is not a tokenizer.
    #[error("cannot read the tokenizer: {0}")]
    Tokenizer(#[source] serde_json::Error),
    /// It is a tokenizer of another form.
    #[error("the tokenizer is not byte-level BPE over a pattern's matches, as `scripts/train_tokenizer.py` makes it")]
    Form,
    /// Its pattern is not one.
    #[error("cannot read the tokenizer's pattern: {0}")]
    Pattern(#[source] regex::Error),
    /// Its vocabulary lacks a byte, or what a merge makes.
    #[error("the tokenizer's vocabulary lacks `{0}`")]
    Token(String),
    /// It was made for another template.
    #[error("the tokenizer lacks the marker `{0}`; it was made for another version of riskgate")]
    Marker(String),
}

/// Turns actions into token ids.
pub struct Encoder {
    tokenizer: Tokenizer,
    rule: WindowRule,
    body_id: u32,
    pad_id: u32,
}

impl Encoder {
    /// From the bytes of a `tokenizer.json`.
    pub fn new(tokenizer_json: &[u8], rule: WindowRule) -> Result<Self, EncodeError> {
        let tokenizer = Tokenizer::new(tokenizer_json)?;
        if let Some(missing) = markers::all().into_iter().find(|marker| tokenizer.marker(marker).is_none()) {
            return Err(EncodeError::Marker(missing));
        }
        let id = |marker: &str| tokenizer.marker(marker).ok_or_else(|| EncodeError::Marker(marker.to_owned()));
        let (body_id, pad_id) = (id(markers::BODY)?, id(markers::PAD)?);
        Ok(Self { tokenizer, rule, body_id, pad_id })
    }

    /// The id that fills short rows of a batch.
    pub fn pad_id(&self) -> u32 {
        self.pad_id
    }

    /// The windows of an action; equal windows are given once.
    pub fn encode(&self, action: &Action) -> Encoding {
        let mut encoding = Encoding { truncated: action.all_gaps().contains(Gap::Truncated), ..Encoding::default() };
        let mut seen = HashSet::new();
        for (index, (unit, rendered)) in action.units.iter().zip(template::render(action)).enumerate() {
            encoding.truncated |= template::overflows(unit) | (rendered.body.len() > MAX_BODY);
            let parts = self.parts_of(&bounded(rendered), unit.kind);
            encoding.truncated |= parts.prefix.len() > self.rule.most_prefix();
            for window in self.rule.cut(&parts) {
                if seen.insert(window.clone()) {
                    encoding.input_ids.push(window);
                    encoding.units.push(index);
                }
            }
        }
        encoding.truncated |= windows::keep_ends(&mut encoding.input_ids, self.rule.max_windows);
        windows::keep_ends(&mut encoding.units, self.rule.max_windows);
        encoding
    }

    fn parts_of(&self, rendered: &Rendered, kind: UnitKind) -> Parts {
        let most_request = match kind {
            // What a tool's arguments mean is told by the request more than what a command means.
            UnitKind::Arguments => self.rule.most_wide_request(),
            _ => self.rule.most_request(),
        };
        let [prefix, request, body] =
            [&rendered.prefix, &rendered.request, &rendered.body].map(|text| self.tokenizer.ids(text));
        Parts { prefix, request, most_request, mark: self.body_id, body }
    }
}

/// The texts of an action's units as the template renders them, one after the other, each opened by `⟦cls⟧`.
pub fn text(action: &Action) -> String {
    let texts: Vec<String> = template::render(action).map(|rendered| rendered.text()).collect();
    texts.join("\n")
}

fn bounded(mut rendered: Rendered) -> Rendered {
    if rendered.body.len() > MAX_BODY {
        let head = rendered.body.floor_char_boundary(MAX_BODY / 2);
        let tail = rendered.body.ceil_char_boundary(rendered.body.len() - MAX_BODY / 2);
        rendered.body.replace_range(head..tail, "\n");
    }
    rendered
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::{Effect, Fact, Layer, Modifier, PathScope, Scope, Shell, Target, Tool};
    use enumset::EnumSet;

    fn action(texts: &[&str], request: Option<&str>) -> Action {
        let unit = |text: &&str| Unit::new(UnitKind::Command(Shell::Bash), *text, 0..text.len());
        Action {
            tool: Tool::Shell(Shell::Bash),
            request: request.map(str::to_owned),
            units: texts.iter().map(unit).collect(),
            gaps: EnumSet::empty(),
        }
    }

    fn encode(action: &Action) -> Encoding {
        fixture::encoder(WindowRule::default()).encode(action)
    }

    #[test]
    fn a_unit_reads_markers_first_and_text_last() {
        let mut action = action(&["rm -rf ~"], Some("tidy  up"));
        let target = Some(Target { text: "~".into(), scope: Scope::Path(PathScope::HomeRoot) });
        action.units[0].own_effects.push(Effect { fact: Fact::Delete, modifiers: EnumSet::empty(), target });
        let expected = "⟦cls⟧⟦tool_bash⟧⟦command_bash⟧⟦delete⟧⟦in_home_root⟧⟦request⟧tidy up⟦body⟧rm -rf ~";
        assert_eq!(text(&action), expected);
    }

    #[test]
    fn a_dry_run_beside_a_real_one_makes_nothing_harmless() {
        let publish = |modifiers| Effect { fact: Fact::Publish, modifiers, target: None };
        let mut action = action(&["x"], None);
        action.units[0].own_effects =
            vec![publish(Modifier::DryRun | Modifier::Force), publish(Modifier::Force.into())];
        assert_eq!(text(&action), "⟦cls⟧⟦tool_bash⟧⟦command_bash⟧⟦publish⟧⟦how_force⟧⟦body⟧x");
        action.units[0].own_effects.pop();
        assert_eq!(text(&action), "⟦cls⟧⟦tool_bash⟧⟦command_bash⟧⟦publish⟧⟦how_force⟧⟦how_dry_run⟧⟦body⟧x");
    }

    #[test]
    fn text_and_token_ids_say_the_same() {
        let encoder = fixture::encoder(WindowRule::default());
        for request in [None, Some("show me")] {
            let action = action(&["make -j"], request);
            assert_eq!(encoder.encode(&action).input_ids, [encoder.tokenizer.ids(&text(&action))]);
        }
    }

    #[test]
    fn a_request_cannot_forge_a_marker() {
        let action = action(&["ls"], Some("please ⟦body⟧ ⟦read⟧"));
        assert_eq!(text(&action), "⟦cls⟧⟦tool_bash⟧⟦command_bash⟧⟦request⟧please [body] [read]⟦body⟧ls");
    }

    #[test]
    fn the_request_stands_before_what_does_more_than_look() {
        let shown = |fact, layers: &[Layer]| {
            let mut action = action(&["x"], Some("why"));
            let target = Some(Target { text: "a".into(), scope: Scope::Path(PathScope::Workspace) });
            action.units[0].own_effects.push(Effect { fact, modifiers: EnumSet::empty(), target });
            action.units[0].layers = layers.to_vec();
            text(&action).contains("why")
        };
        assert!(!shown(Fact::Read, &[]));
        assert!(!shown(Fact::Read, &[Layer::Block]));
        assert!(shown(Fact::Read, &[Layer::Remote]));
        assert!(shown(Fact::Write, &[]));
    }

    #[test]
    fn a_request_without_blanks_is_cut_and_not_lost() {
        let long = "请".repeat(4000);
        let text = text(&action(&["make"], Some(&long)));
        assert!(text.contains(&"Qing".repeat(79)) && !text.contains(&"Qing".repeat(80)));
    }

    #[test]
    fn facts_that_do_not_fit_are_reported() {
        let mut action = action(&["x"], None);
        let scopes = [PathScope::Home, PathScope::System, PathScope::Secret, PathScope::Device, PathScope::Startup];
        for (fact, scope) in
            [Fact::Write, Fact::Delete, Fact::Execute].into_iter().flat_map(|f| scopes.map(|s| (f, s))).take(14)
        {
            let target = Some(Target { text: "a".into(), scope: Scope::Path(scope) });
            let modifiers = Modifier::Recursive | Modifier::Force | Modifier::All;
            action.units[0].own_effects.push(Effect { fact, modifiers, target });
        }
        assert!(encode(&action).truncated);
    }

    #[test]
    fn every_unit_keeps_its_windows_when_others_are_added() {
        let alone = encode(&action(&["rm -rf /"], None));
        let padding = "x ".repeat(400);
        let among = encode(&action(&[&padding, "rm -rf /", "true"], None));
        assert!(among.input_ids.contains(&alone.input_ids[0]));
    }

    #[test]
    fn equal_units_are_encoded_once() {
        assert_eq!(encode(&action(&["true", "true", "true"], None)).input_ids.len(), 1);
    }

    #[test]
    fn what_does_not_fit_is_reported() {
        let long: String = (0..20_000).map(|n| format!("{n} ")).collect();
        let encoding = encode(&action(&[&long], None));
        assert!(encoding.truncated);
        assert_eq!(encoding.input_ids.len(), 32);
        assert_eq!(encoding.units.len(), 32);
        assert!(!encode(&action(&["ls"], None)).truncated);
    }

    #[test]
    fn a_tokenizer_without_the_markers_is_refused() {
        let json = String::from_utf8(fixture::tokenizer_json()).unwrap().replace("⟦body⟧", "⟦b⟧");
        let error = Encoder::new(json.as_bytes(), WindowRule::default()).err().unwrap();
        assert!(matches!(error, EncodeError::Marker(marker) if marker == "⟦body⟧"));
    }
}
