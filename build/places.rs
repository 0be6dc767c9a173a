//! `paths.toml` and `hosts.toml` → where paths lie and what kind a host is.

use std::collections::{BTreeMap, HashMap};
use std::fmt::Write;
use std::str::FromStr;

use toml::Value;

use crate::Source;
use crate::text::{Text, fail, report};
use crate::vocabulary::{HostKind, PathScope};

/// Compiles the rules of paths.
pub(crate) fn paths(source: &Source, text: &mut Text) -> String {
    let mut globs = Vec::new();
    let mut first: BTreeMap<&str, Vec<(String, usize)>> = BTreeMap::from([("any", vec![]), ("home", vec![]), ("root", vec![])]);
    let mut wild: BTreeMap<&str, Vec<usize>> = BTreeMap::from([("any", vec![]), ("home", vec![]), ("root", vec![])]);
    for (number, rule) in rules(source).into_iter().enumerate() {
        let key = format!("rule {}", number + 1);
        only(source, &key, &rule, &["scope", "anchor", "globs"]);
        let scope = word(source, &key, &rule, "scope");
        let scope = PathScope::from_str(&scope).unwrap_or_else(|_| fail(&source.path, &key, &format!("unknown scope `{scope}`")));
        let anchor = word(source, &key, &rule, "anchor");
        let Some((anchor, first)) = first.get_key_value(anchor.as_str()).map(|(key, _)| *key).map(|name| (name, first.entry(name).or_default())) else {
            fail(&source.path, &key, &format!("unknown anchor `{anchor}`"))
        };
        for glob in list(source, &key, &rule, "globs") {
            if glob != glob.to_lowercase() || glob.contains('\\') {
                report(&source.path, &key, &format!("`{glob}` is not in lower case with forward slashes"));
            }
            let parts = parts(&glob);
            match parts.first() {
                Some(part) if !part.contains('*') => first.push((part.clone(), globs.len())),
                _ => wild.entry(anchor).or_default().push(globs.len()),
            }
            globs.push(format!("({},PathScope::{scope:?})", text.word(&parts.join("/"))));
        }
    }
    let mut code = format!("static GLOBS: [(W,PathScope);{}] = [{}];\n", globs.len(), globs.join(",\n"));
    for (anchor, mut entries) in first {
        entries.sort();
        let entries: Vec<String> = entries.iter().map(|(part, glob)| format!("({},{glob})", text.word(part))).collect();
        let wild: Vec<String> = wild.remove(anchor).unwrap_or_default().iter().map(usize::to_string).collect();
        let anchor = anchor.to_uppercase();
        let _ = writeln!(code, "static {anchor}_FIRST: [(W,u16);{}] = [{}];", entries.len(), entries.join(","));
        let _ = writeln!(code, "static {anchor}_WILD: [u16;{}] = [{}];", wild.len(), wild.join(","));
    }
    code
}

/// The components of a glob; a share's leading `//` is one of them.
fn parts(glob: &str) -> Vec<String> {
    let share = glob.strip_prefix("//").map(|_| "\u{1}".to_owned());
    share.into_iter().chain(glob.split('/').filter(|part| !part.is_empty()).map(str::to_owned)).collect()
}

/// Compiles the names of hosts.
pub(crate) fn hosts(source: &Source, text: &mut Text) -> String {
    let mut exact = BTreeMap::new();
    let mut suffixes = BTreeMap::new();
    let mut seen: HashMap<String, String> = HashMap::new();
    for (number, rule) in rules(source).into_iter().enumerate() {
        let key = format!("rule {}", number + 1);
        only(source, &key, &rule, &["kind", "hosts"]);
        let kind = word(source, &key, &rule, "kind");
        let kind = HostKind::from_str(&kind).unwrap_or_else(|_| fail(&source.path, &key, &format!("unknown kind `{kind}`")));
        for host in list(source, &key, &rule, "hosts") {
            let host = host.trim_start_matches('[').trim_end_matches(']').to_owned();
            let kind_name = format!("{kind:?}");
            if let Some(other) = seen.insert(host.clone(), kind_name.clone()).filter(|other| *other != kind_name) {
                report(&source.path, &key, &format!("`{host}` is {other} too"));
            }
            let (name, map) = match host.strip_prefix("*.") {
                Some(suffix) => (suffix.to_owned(), &mut suffixes),
                None => (host.clone(), &mut exact),
            };
            if name.is_empty() || name.contains('*') || name != name.to_lowercase() {
                report(&source.path, &key, &format!("`{host}` is neither a name nor `*.` and a name, in lower case"));
            }
            map.insert(name, kind);
        }
    }
    let mut code = String::new();
    for (name, map) in [("EXACT", exact), ("SUFFIXES", suffixes)] {
        let entries: Vec<String> = map.iter().map(|(host, kind)| format!("({},HostKind::{kind:?})", text.word(host))).collect();
        let _ = writeln!(code, "static {name}: [(W,HostKind);{}] = [{}];", entries.len(), entries.join(","));
    }
    code
}

fn rules(source: &Source) -> Vec<toml::Table> {
    if let Some(unknown) = source.table.keys().find(|key| *key != "rule") {
        report(&source.path, unknown, "unknown key");
    }
    let rules = source.table.get("rule").and_then(Value::as_array).cloned().unwrap_or_default();
    rules.iter().filter_map(Value::as_table).cloned().collect()
}

fn only(source: &Source, key: &str, rule: &toml::Table, keys: &[&str]) {
    for unknown in rule.keys().filter(|name| !keys.contains(&name.as_str())) {
        report(&source.path, key, &format!("unknown key `{unknown}`"));
    }
}

fn word(source: &Source, key: &str, rule: &toml::Table, name: &str) -> String {
    rule.get(name).and_then(Value::as_str).unwrap_or_else(|| fail(&source.path, key, &format!("`{name}` is missing"))).to_owned()
}

fn list(source: &Source, key: &str, rule: &toml::Table, name: &str) -> Vec<String> {
    let Some(values) = rule.get(name).and_then(Value::as_array) else { fail(&source.path, key, &format!("`{name}` is no list")) };
    let words: Vec<String> = values.iter().filter_map(Value::as_str).map(str::to_owned).collect();
    if words.len() != values.len() || words.is_empty() {
        report(&source.path, key, &format!("`{name}` is empty or holds something else than texts"));
    }
    words
}
