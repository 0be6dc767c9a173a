//! Any text as a Bash command: no panic, always a unit, spans inside the source, markers only from the engine.

#![no_main]

use libfuzzer_sys::fuzz_target;
use riskgate::action::ToolCall;
use riskgate::encode;
use riskgate::normalize::normalize;
use serde_json::{Map, Value};

fuzz_target!(|command: &str| {
    let input = Map::from_iter([("command".to_owned(), Value::from(command))]);
    let call = ToolCall { tool: "Bash".to_owned(), input, ..ToolCall::default() };
    let action = normalize(&call);
    assert!(!action.units.is_empty());
    for unit in &action.units {
        assert!(!unit.text.is_empty());
        assert!(unit.span.start <= unit.span.end && unit.span.end <= command.len().max(1), "{:?}", unit.span);
    }
    let known = encode::markers::all();
    for marker in encode::text(&action).split('⟦').skip(1) {
        let word = marker.split('⟧').next().unwrap_or_default();
        assert!(known.contains(&format!("⟦{word}⟧")), "a forged marker: {word}");
    }
});
