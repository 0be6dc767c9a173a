//! riskgate in Claude Code's settings: the hooks that call it, put in and taken out. All else in the file stays as it is.

use std::path::{Path, PathBuf};

use serde_json::{Map, Value, json};

use crate::harness::WiringError;

/// The events that riskgate answers.
const EVENTS: [&str; 3] = ["PreToolUse", "PostToolUse", "PostToolUseFailure"];
/// Seconds that Claude Code waits, a little more than the longest deadline of ours: a hook that it gives up on lets the call run.
const TIMEOUT: u64 = 10;
/// The arguments of the hook.
const ARGUMENTS: [&str; 2] = ["hook", "claude-code"];

/// The user's settings file below a home.
pub(in crate::harness) fn settings_file(home: &Path) -> PathBuf {
    home.join(".claude/settings.json")
}

/// The settings with riskgate before and after every tool. A hook that is there already keeps its arguments and its time, which
/// somebody may have chosen, and gets the program's present place.
pub(in crate::harness) fn install(
    mut settings: Map<String, Value>,
    program: &str,
) -> Result<Map<String, Value>, WiringError> {
    let hooks = settings.entry("hooks").or_insert_with(|| json!({}));
    let hooks = hooks.as_object_mut().ok_or(WiringError::Shape("hooks"))?;
    for event in EVENTS {
        let groups = hooks.entry(event).or_insert_with(|| json!([]));
        let groups = groups.as_array_mut().ok_or(WiringError::Shape("hooks"))?;
        let mut everywhere = false;
        for group in groups.iter_mut() {
            let takes_all = takes_all(group);
            for hook in own_hooks(group) {
                hook.insert("command".to_owned(), program.into());
                everywhere |= takes_all;
            }
        }
        if !everywhere {
            groups.push(json!({"matcher": "*", "hooks": [
                {"type": "command", "command": program, "args": ARGUMENTS, "timeout": TIMEOUT}
            ]}));
        }
    }
    Ok(settings)
}

/// The settings without riskgate, and without what is empty then.
pub(in crate::harness) fn uninstall(mut settings: Map<String, Value>) -> Map<String, Value> {
    let Some(hooks) = settings.get_mut("hooks").and_then(Value::as_object_mut) else { return settings };
    let mut emptied = false;
    for event in EVENTS {
        let Some(groups) = hooks.get_mut(event).and_then(Value::as_array_mut) else { continue };
        groups.retain_mut(|group| {
            let Some(entries) = group.get_mut("hooks").and_then(Value::as_array_mut) else { return true };
            let before = entries.len();
            entries.retain(|entry| !is_own(entry));
            entries.len() == before || !entries.is_empty()
        });
        if groups.is_empty() {
            emptied |= hooks.shift_remove(event).is_some();
        }
    }
    if emptied && hooks.is_empty() {
        settings.shift_remove("hooks");
    }
    settings
}

/// The riskgate before every tool.
pub(in crate::harness) fn installed(settings: &Map<String, Value>) -> Option<&str> {
    let [before, ..] = EVENTS;
    let groups = settings.get("hooks")?.get(before)?.as_array()?;
    let hooks =
        groups.iter().filter(|group| takes_all(group)).filter_map(|group| group.get("hooks")?.as_array()).flatten();
    hooks.into_iter().find(|hook| is_own(hook))?.get("command")?.as_str()
}

/// What in the settings keeps hooks from running.
pub(in crate::harness) fn obstacle(settings: &Map<String, Value>) -> Option<&'static str> {
    let is_set = settings.get("disableAllHooks").and_then(Value::as_bool).unwrap_or(false);
    is_set.then_some("`disableAllHooks` is set: no hook runs")
}

/// Whether a group of hooks stands before every tool.
fn takes_all(group: &Value) -> bool {
    group.get("matcher").is_none_or(|matcher| matches!(matcher.as_str(), Some("" | "*" | ".*")))
}

/// The hooks of a group that are riskgate.
fn own_hooks(group: &mut Value) -> impl Iterator<Item = &mut Map<String, Value>> {
    let entries = group.get_mut("hooks").and_then(Value::as_array_mut).into_iter().flatten();
    entries.filter(|entry| is_own(entry)).filter_map(Value::as_object_mut)
}

/// Whether a hook is riskgate, wherever it lies. A command in one string is somebody's own work and is left alone.
fn is_own(hook: &Value) -> bool {
    let text = |key: &str| hook.get(key).and_then(Value::as_str);
    let program = text("command").map(Path::new).and_then(Path::file_stem);
    let arguments = hook.get("args").and_then(Value::as_array);
    let begins = arguments.is_some_and(|list| list.iter().take(ARGUMENTS.len()).eq(&ARGUMENTS));
    text("type") == Some("command") && program.is_some_and(|program| program == "riskgate") && begins
}

#[cfg(test)]
mod tests {
    use super::*;

    fn settings(value: Value) -> Map<String, Value> {
        value.as_object().unwrap().clone()
    }

    fn entry(program: &str) -> Value {
        json!({"type": "command", "command": program, "args": ["hook", "claude-code"], "timeout": 10})
    }

    fn wired(program: &str) -> Value {
        Value::Object(
            EVENTS
                .map(|event| (event.to_owned(), json!([{"matcher": "*", "hooks": [entry(program)]}])))
                .into_iter()
                .collect(),
        )
    }

    #[test]
    fn it_stands_before_and_after_every_tool() {
        let installed = install(settings(json!({"model": "x"})), "/opt/riskgate").unwrap();
        assert_eq!(Value::Object(installed.clone()), json!({"model": "x", "hooks": wired("/opt/riskgate")}));
        assert_eq!(install(installed.clone(), "/opt/riskgate").unwrap(), installed);
        assert_eq!(super::installed(&installed), Some("/opt/riskgate"));
        assert_eq!(Value::Object(uninstall(installed)), json!({"model": "x"}));
    }

    #[test]
    fn other_hooks_stay_and_chosen_arguments_do_too() {
        let other = json!({"type": "command", "command": "/usr/bin/log"});
        let strict = json!({"type": "command", "command": "/old/riskgate", "args": ["hook", "claude-code", "--no-ask"], "timeout": 30});
        let before =
            settings(json!({"hooks": {"PreToolUse": [{"matcher": "", "hooks": [other, strict]}], "Stop": []}}));
        let installed = Value::Object(install(before, "/new/riskgate").unwrap());
        let hooks = &installed["hooks"]["PreToolUse"];
        assert_eq!(hooks.as_array().unwrap().len(), 1);
        assert_eq!(hooks[0]["hooks"][0], other);
        assert_eq!(hooks[0]["hooks"][1]["command"], "/new/riskgate");
        assert_eq!(hooks[0]["hooks"][1]["args"][2], "--no-ask");
        let without = Value::Object(uninstall(settings(installed)));
        assert_eq!(without, json!({"hooks": {"PreToolUse": [{"matcher": "", "hooks": [other]}], "Stop": []}}));
    }

    #[test]
    fn a_hook_before_some_tools_is_not_enough() {
        let narrow = json!({"hooks": {"PreToolUse": [{"matcher": "Bash", "hooks": [entry("/a/riskgate")]}]}});
        assert_eq!(super::installed(&settings(narrow.clone())), None);
        let installed = Value::Object(install(settings(narrow), "/b/riskgate").unwrap());
        let groups = installed["hooks"]["PreToolUse"].as_array().unwrap();
        assert_eq!(groups.len(), 2);
        assert_eq!(groups[1]["matcher"], "*");
    }

    #[test]
    fn what_has_another_shape_is_not_touched() {
        for strange in [json!({"hooks": []}), json!({"hooks": {"PreToolUse": {}}})] {
            assert!(install(settings(strange.clone()), "/opt/riskgate").is_err(), "{strange}");
            assert_eq!(Value::Object(uninstall(settings(strange.clone()))), strange);
        }
        assert!(obstacle(&settings(json!({"disableAllHooks": true}))).is_some());
    }
}
