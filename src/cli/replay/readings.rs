//! Calls that were read before: the past repeats itself, and neither what a call is nor what the rules say of it depends on the
//! session that it was in.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use serde_json::{Map, Value};

use super::settings::Sides;
use crate::action::{Action, ToolCall};
use crate::engine::Begun;
use crate::normalize::normalize;

/// Most bytes of a call that is remembered, as it is told from others.
const MOST_BYTES_EACH: usize = 16 * 1024;
/// Most bytes of all of them.
const MOST_BYTES: usize = 8 * 1024 * 1024;

/// A call as it was read.
#[derive(Clone)]
pub(super) struct Reading {
    pub(super) action: Arc<Action>,
    /// What the rules say before the model; none where they were not asked.
    pub(super) rulings: Option<Rulings>,
}

/// What rules say before the model.
#[derive(Clone)]
pub(super) struct Rulings {
    /// The present ones; where they are asked.
    pub(super) present: Option<Begun>,
    /// The new ones.
    pub(super) new: Begun,
}

/// Readings under the same settings.
#[derive(Default)]
pub(super) struct Readings(Mutex<Known>);

#[derive(Default)]
struct Known {
    readings: HashMap<String, Reading>,
    n_bytes: usize,
}

/// A call as it is read.
pub(super) fn read(sides: &Sides, call: &ToolCall) -> Arc<Action> {
    let key = Key::of(call);
    if let Some(known) = key.as_deref().and_then(|key| sides.readings.known(key)) {
        return known.action;
    }
    let action = Arc::new(normalize(call));
    sides.readings.keep(key, Reading { action: Arc::clone(&action), rulings: None });
    action
}

/// The same with what the new rules say of it, and, if that is wanted, the present ones.
pub(super) fn ask(sides: &Sides, call: &ToolCall, present: bool) -> (Arc<Action>, Rulings) {
    let key = Key::of(call);
    let known = key.as_deref().and_then(|key| sides.readings.known(key));
    let (action, rulings) =
        known.map_or_else(|| (Arc::new(normalize(call)), None), |known| (known.action, known.rulings));
    // Rules that look at who acts are asked each time.
    let is_pure = sides.new.policy().is_pure() && sides.present.policy().is_pure();
    if let Some(rulings) = rulings.filter(|rulings| is_pure && rulings.present.is_some() == present) {
        return (action, rulings);
    }
    let rulings =
        Rulings { present: present.then(|| sides.present.begin(call, &action)), new: sides.new.begin(call, &action) };
    sides.readings.keep(key, Reading { action: Arc::clone(&action), rulings: Some(rulings.clone()) });
    (action, rulings)
}

impl Readings {
    fn known(&self, key: &str) -> Option<Reading> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).readings.get(key).cloned()
    }

    fn keep(&self, key: Option<String>, reading: Reading) {
        let Some(key) = key else { return };
        let mut known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let n_bytes = key.len();
        if known.n_bytes + n_bytes > MOST_BYTES {
            *known = Known::default();
        }
        if known.readings.insert(key, reading).is_none() {
            known.n_bytes += n_bytes;
        }
    }
}

/// Everything of a call but what names it and its session, as JSON: fields in another order are another call.
#[derive(Serialize)]
struct Key<'a> {
    tool: &'a str,
    input: &'a Map<String, Value>,
    context: [Option<&'a str>; 9],
}

impl Key<'_> {
    /// None for a call that is long, or about which more is known than its own text.
    fn of(call: &ToolCall) -> Option<String> {
        let ToolCall { tool, input, context } = call;
        let key = Key { tool, input, context: context.circumstances() };
        let text = context.known_files.is_empty().then(|| serde_json::to_string(&key).ok()).flatten();
        text.filter(|text| text.len() <= MOST_BYTES_EACH)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::Context;

    fn call(change: impl FnOnce(&mut ToolCall)) -> ToolCall {
        let input = Map::from_iter([("command".to_owned(), Value::from("ls")), ("timeout".to_owned(), 1.into())]);
        let text = Some("/w".to_owned());
        let context = Context { cwd: text.clone(), home: text, ..Context::default() };
        let mut call = ToolCall { tool: "Bash".to_owned(), input, context };
        change(&mut call);
        call
    }

    fn key(change: impl FnOnce(&mut ToolCall)) -> Option<String> {
        Key::of(&call(change))
    }

    #[test]
    fn what_a_reading_depends_on_is_in_the_key_and_the_session_is_not() {
        let plain = key(|_| {});
        assert!(plain.is_some());
        for same in [
            key(|call| call.context.session_id = Some("s".to_owned())),
            key(|call| call.context.call_id = Some("c".to_owned())),
            key(|call| call.context.transcript = Some("/t".into())),
        ] {
            assert_eq!(same, plain);
        }
        let others = [
            key(|call| call.tool = "PowerShell".to_owned()),
            key(|call| drop(call.input.insert("command".to_owned(), "ls ".into()))),
            key(|call| drop(call.input.insert("timeout".to_owned(), 1.0.into()))),
            key(|call| call.input = std::mem::take(&mut call.input).into_iter().rev().collect()),
            key(|call| call.context.cwd = None),
            key(|call| call.context.cwd = Some("/x".to_owned())),
            key(|call| call.context.workspace = call.context.cwd.take()),
            key(|call| call.context.home = None),
            key(|call| call.context.user_request = Some(String::new())),
            key(|call| call.context.shell = Some("cmd".to_owned())),
            key(|call| call.context.git_branch = Some("main".to_owned())),
            key(|call| call.context.permission_mode = Some("plan".to_owned())),
            key(|call| call.context.agent = Some("a".to_owned())),
            key(|call| call.context.harness = Some("a".to_owned())),
        ];
        let distinct: std::collections::HashSet<_> = others.iter().chain([&plain]).collect();
        assert_eq!(distinct.len(), others.len() + 1);
    }
}
