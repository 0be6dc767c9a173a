//! Other names under which a program text calls what runs a shell command: `import subprocess as s`, `f = os.system`,
//! `getattr(os, "system")`, `const {execSync: e} = require(…)`.

use crate::action::Language;

/// Python's modules and their functions that run a command.
const MODULES: [(&str, &[&str]); 5] = [
    ("os", &["system", "popen"]),
    ("subprocess", &["run", "call", "Popen", "check_output", "check_call", "getoutput", "getstatusoutput"]),
    ("pty", &["spawn"]),
    ("commands", &["getoutput", "getstatusoutput"]),
    ("asyncio", &["create_subprocess_shell", "create_subprocess_exec"]),
];

/// Functions of node's `child_process` that run a command.
const NODE: [&str; 6] = ["execSync", "exec", "spawnSync", "spawn", "execFileSync", "execFile"];

/// Names that are looked for in one program text.
const MAX_NAMES: usize = 128;
/// Names of one module that are followed.
const MAX_MODULES: usize = 8;
/// Places of one word that are looked at.
const MAX_PLACES: usize = 16;

/// What calls in a program text may begin with besides the names that are always looked for.
pub(super) fn names(language: Language, text: &str) -> Vec<String> {
    let mut names = match language {
        Language::Python => python(text),
        Language::JavaScript => node(text),
        _ => Vec::new(),
    };
    names.sort();
    names.dedup();
    names.truncate(MAX_NAMES);
    names
}

fn python(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (module, functions) in MODULES.iter().filter(|(module, _)| text.contains(module)) {
        let modules = python_modules(text, module);
        for function in *functions {
            if !text.contains(function) {
                continue;
            }
            names.extend(bracketed(function));
            names.extend(imported(text, module, function).into_iter().map(|name| format!("{name}(")));
            for module in &modules {
                names.push(format!("{module}.{function}("));
                let values = [
                    format!("{module}.{function}"),
                    format!("getattr({module},\"{function}\")"),
                    format!("getattr({module},'{function}')"),
                    format!("getattr({module}, \"{function}\")"),
                    format!("getattr({module}, '{function}')"),
                ];
                let assigned = values.iter().flat_map(|value| assigned(text, value));
                names.extend(assigned.map(|name| format!("{name}(")));
            }
        }
    }
    names
}

/// `getattr(os, "system")(…)` and `vars(os)["system"](…)`, from the name of the function on.
fn bracketed(function: &str) -> [String; 4] {
    [format!("{function}\")("), format!("{function}')("), format!("{function}\"]("), format!("{function}'](")]
}

/// The names and expressions under which a module is known.
fn python_modules(text: &str, module: &str) -> Vec<String> {
    let mut modules = vec![module.to_owned()];
    for (at, found) in text.match_indices(&format!("{module} as ")).take(MAX_PLACES) {
        modules.extend(text.get(at + found.len()..).and_then(first_name));
    }
    modules.extend(assigned(text, module));
    for (before, quote, after) in [
        ("__import__(", '"', ")"),
        ("__import__(", '\'', ")"),
        ("import_module(", '"', ")"),
        ("import_module(", '\'', ")"),
    ] {
        let value = format!("{before}{quote}{module}{quote}{after}");
        if text.contains(&value) {
            modules.extend(assigned(text, &value));
            modules.extend(assigned(text, &format!("importlib.{value}")));
            modules.push(value);
        }
    }
    modules.truncate(MAX_MODULES);
    modules
}

/// The names that a function has after `from module import function as name`.
fn imported(text: &str, module: &str, function: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, found) in text.match_indices(&format!("from {module} import ")).take(MAX_PLACES) {
        let rest = text.get(at + found.len()..).unwrap_or_default();
        let statement = rest.split([';', '\n']).next().unwrap_or_default();
        for item in statement.split(',').map(|item| item.trim_matches([' ', '(', ')', '\t'])) {
            let mut words = item.split_whitespace();
            let name = words.next().unwrap_or_default();
            if name == function || name == "*" {
                let alias = words.nth(1).filter(|_| name != "*").unwrap_or(function);
                names.push(alias.to_owned());
            }
        }
    }
    names
}

/// The names that are set to this value: `name = value`.
fn assigned(text: &str, value: &str) -> Vec<String> {
    let mut names = Vec::new();
    for (at, _) in text.match_indices(value).take(MAX_PLACES) {
        let continues = text.get(at + value.len()..).is_some_and(|after| {
            after.starts_with(|letter: char| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '.' | '('))
        });
        let before = text.get(..at).unwrap_or_default().trim_end();
        if let Some(before) = before.strip_suffix('=').filter(|_| !continues) {
            names.extend(last_name(before.trim_end_matches([' ', ':'])));
        }
    }
    names
}

fn node(text: &str) -> Vec<String> {
    let mut names = Vec::new();
    for function in NODE.iter().filter(|function| text.contains(**function)) {
        names.extend([format!("{function}\"]("), format!("{function}'](")]);
        for between in [":", ": ", " as "] {
            for (at, found) in text.match_indices(&format!("{function}{between}")).take(MAX_PLACES) {
                let name = text.get(at + found.len()..).and_then(first_name);
                names.extend(name.map(|name| format!("{name}(")));
            }
        }
        for (at, found) in text.match_indices(&format!(".{function}")).take(MAX_PLACES) {
            let after = text.get(at + found.len()..).unwrap_or_default();
            // `e = require("child_process").execSync`.
            if !after.starts_with(|letter: char| letter.is_ascii_alphanumeric() || letter == '(') {
                let statement = text.get(..at).and_then(|before| before.rsplit([';', '\n', ',']).next());
                let name = statement
                    .and_then(|before| before.split_once('='))
                    .and_then(|(name, _)| last_name(name.trim_end()));
                names.extend(name.map(|name| format!("{name}(")));
            }
        }
    }
    names
}

fn is_part(letter: char) -> bool {
    letter == '_' || letter == '$' || letter.is_ascii_alphanumeric()
}

/// The name that a text begins with.
fn first_name(text: &str) -> Option<String> {
    let name: String = text.trim_start().chars().take_while(|letter| is_part(*letter)).collect();
    (!name.is_empty()).then_some(name)
}

/// The name that a text ends in.
fn last_name(text: &str) -> Option<String> {
    let start = text.trim_end_matches(is_part).len();
    text.get(start..).filter(|name| !name.is_empty()).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_names_are_found() {
        for (text, name) in [
            ("import subprocess as s; s.call(", "s.call("),
            ("import sys, os as o\no.system(", "o.system("),
            ("from os import system as f, path", "f("),
            ("from subprocess import (run, call)", "run("),
            ("from os import *; system(", "system("),
            ("f = os.system; f(", "f("),
            ("g=getattr(os,'system')", "g("),
            ("m = __import__('subprocess'); m.run(", "m.run("),
            ("__import__(\"subprocess\").call(", "__import__(\"subprocess\").call("),
        ] {
            assert!(names(Language::Python, text).iter().any(|found| found == name), "{text}");
        }
        for (text, name) in [
            ("const {execSync:e}=require('child_process')", "e("),
            ("import {spawn as s} from 'child_process'", "s("),
            ("const e = require('child_process').execSync; e('x')", "e("),
        ] {
            assert!(names(Language::JavaScript, text).iter().any(|found| found == name), "{text}");
        }
        assert!(names(Language::Python, "import os\nprint(os.getcwd())").is_empty());
    }
}
