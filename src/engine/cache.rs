//! The seam to a memory of decisions: what an action is known by, and what is remembered of it.
//!
//! The same canonical action in the same circumstances has the same local decision, whatever its spelling. So an action is
//! known by a hash over everything that its decision can depend on; bundle, policy and thresholds are not in it, since a
//! memory belongs to one engine's making and ends with it.

use std::hash::{Hash, Hasher};
use std::ops::Range;

use super::prepared::Judged;
use crate::action::{Action, ToolCall, Unit};
use crate::sha256::Sha256;
use crate::verdict::{Decision, Source};

/// Remembers decisions. Shared by all workers.
pub trait DecisionCache: Send + Sync {
    /// What is remembered under a key.
    fn get(&self, key: &CacheKey) -> Option<Remembered>;
    /// Remembers a decision, perhaps at the cost of another.
    fn put(&self, key: CacheKey, remembered: Remembered);
}

/// What an action in its circumstances is known by. Nobody can make two actions that share one: whoever writes the action
/// may be the one who gains by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CacheKey([u8; 32]);

impl CacheKey {
    /// Of a call and its canonical form.
    pub(super) fn of(call: &ToolCall, action: &Action) -> Self {
        Self(hashed(|hash| {
            // Rules know a tool by its own name.
            call.tool.hash(hash);
            // What a session raises comes after what is remembered: what names it and the call is left out.
            call.context.circumstances().iter().for_each(|text| text.hash(hash));
            call.context.known_files.hash(hash);
            hash_action(action, hash);
        }))
    }
}

impl CacheKey {
    /// Sixteen hex digits that stand for it in one session.
    pub(super) fn code(&self, session: &str) -> String {
        let both = hashed(|hash| {
            session.hash(hash);
            self.0.hash(hash);
        });
        hex::encode(both).chars().take(16).collect()
    }
}

/// A decision as it is kept: without what belongs to one spelling alone, unless the spelling is the same.
#[derive(Debug, Clone, PartialEq)]
pub struct Remembered {
    decision: Decision,
    layout: [u8; 32],
    carriers: Vec<usize>,
    lasting: bool,
}

impl Remembered {
    pub(super) fn new(judged: &Judged, action: &Action) -> Self {
        let Judged { decision, carriers, boundaries: _, lasting } = judged.clone();
        Self { decision, layout: layout(action), carriers, lasting }
    }

    /// The decision for an action with the same key. Spans point into the text that was judged first; in a text that is laid
    /// out otherwise they would point anywhere.
    pub(super) fn recall(self, action: &Action) -> Judged {
        let mut decision = Decision { source: Source::Cache, ..self.decision };
        if layout(action) != self.layout {
            decision.reasons.iter_mut().for_each(|reason| reason.span = None);
        }
        // Equal keys mean equal units in the same order: the places hold for both spellings.
        Judged { carriers: self.carriers, lasting: self.lasting, ..Judged::from(decision) }
    }
}

fn hash_action(action: &Action, hash: &mut impl Hasher) {
    let Action { tool, request, units, gaps } = action;
    (tool, request, gaps, units.len()).hash(hash);
    units.iter().for_each(|unit| hash_unit(unit, hash));
}

/// Everything but the span, which differs between spellings of the same thing.
fn hash_unit(unit: &Unit, hash: &mut impl Hasher) {
    let Unit { kind, text, values, span: _, layers, commands, own_effects, flows, gaps } = unit;
    (kind, text, values, layers, commands, own_effects, flows, gaps).hash(hash);
}

fn layout(action: &Action) -> [u8; 32] {
    hashed(|hash| action.units.iter().map(|unit| &unit.span).for_each(|span: &Range<usize>| span.hash(hash)))
}

fn hashed(write: impl FnOnce(&mut Sha)) -> [u8; 32] {
    let mut hash = Sha(Sha256::new());
    write(&mut hash);
    hash.0.finalize()
}

/// `Hash` fed into SHA-256: the standard library's hashers are made for tables, and collisions in them can be sought.
struct Sha(Sha256);

impl Hasher for Sha {
    fn write(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// Not what is asked of this hasher; the whole hash is.
    fn finish(&self) -> u64 {
        0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::Context;
    use crate::normalize::normalize;
    use crate::verdict::{Reason, Verdict};

    fn call(command: &str) -> ToolCall {
        let input = serde_json::Map::from_iter([("command".to_owned(), command.into())]);
        let cwd = Some("/home/me/app".to_owned());
        let context = Context { workspace: cwd.clone(), cwd, home: Some("/home/me".to_owned()), ..Context::default() };
        ToolCall { tool: "Bash".to_owned(), input, context }
    }

    fn key(call: &ToolCall) -> CacheKey {
        CacheKey::of(call, &normalize(call))
    }

    fn key_in(change: impl FnOnce(&mut Context)) -> CacheKey {
        let mut call = call("rm -rf build");
        change(&mut call.context);
        key(&call)
    }

    #[test]
    fn spellings_of_one_action_share_a_key() {
        let plain = key(&call("rm -rf build"));
        for spelling in ["rm  -rf   build", "rm -rf 'build'", "rm -rf \"build\" ", "\n rm -rf build # tidy"] {
            assert_eq!(key(&call(spelling)), plain, "{spelling:?}");
        }
        for other in ["rm -rf build2", "rm -r build", "rm -rf build; ls", "sudo rm -rf build", "echo rm -rf build"] {
            assert_ne!(key(&call(other)), plain, "{other:?}");
        }
    }

    #[test]
    fn circumstances_that_matter_are_in_the_key_and_the_session_is_not() {
        let plain = key_in(|_| {});
        let other = || Some("x".to_owned());
        assert_ne!(key_in(|context| context.cwd = other()), plain);
        assert_ne!(key_in(|context| context.workspace = other()), plain);
        assert_ne!(key_in(|context| context.home = other()), plain);
        assert_ne!(key_in(|context| context.user_request = other()), plain);
        assert_ne!(key_in(|context| context.permission_mode = other()), plain);
        assert_ne!(key_in(|context| context.harness = other()), plain);
        assert_eq!(key_in(|context| context.session_id = other()), plain);
    }

    #[test]
    fn parts_that_change_places_change_the_key() {
        let mut request = call("ls");
        request.context.user_request = Some("/w".to_owned());
        let mut cwd = call("ls");
        (cwd.context.cwd, cwd.context.user_request) = (Some("/w".to_owned()), Some("/home/me/app".to_owned()));
        assert_ne!(key(&request), key(&cwd));
        assert_ne!(key(&call("ls a; ls b")), key(&call("ls b; ls a")));
    }

    #[test]
    fn spans_are_kept_for_the_same_layout_alone() {
        let (short, long) = (normalize(&call("rm -rf build")), normalize(&call("rm   -rf   build")));
        let decision = Decision {
            verdict: Verdict::Deny,
            source: Source::Model,
            zone: None,
            assessment: None,
            reasons: vec![Reason::new("risk.deny", "deletes").at(0..12)],
            n_tokens: 3,
            n_windows: 1,
        };
        let remembered = Remembered::new(&decision.clone().into(), &short);
        let same = remembered.clone().recall(&short);
        assert_eq!(same.decision, Decision { source: Source::Cache, ..decision });
        assert_eq!(remembered.recall(&long).decision.reasons, [Reason::new("risk.deny", "deletes")]);
    }
}
