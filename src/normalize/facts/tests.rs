use super::*;
use crate::action::{Fact, Modifier};

fn arguments(words: &[&str]) -> Vec<Argument> {
    words.iter().map(|word| Argument { text: (*word).to_owned(), dynamic: false, data: false }).collect()
}

/// The facts of a command given as words separated by one blank; `␠` stands for a blank inside a word.
fn facts(line: &str) -> Facts {
    let words: Vec<String> = line.split(' ').map(|word| word.replace('␠', " ")).collect();
    let (program, rest) = words.split_first().expect("a program");
    let rest: Vec<&str> = rest.iter().map(String::as_str).collect();
    let place = Place { cwd: Some("/w".into()), workspace: Some("/w".into()), home: Some("/home/me".into()) };
    read(program, &arguments(&rest), &place)
}

fn spelled(effect: &Effect) -> String {
    let fact: &str = effect.fact.into();
    let mut text = fact.to_owned();
    for modifier in effect.modifiers {
        let modifier: &str = modifier.into();
        text.push('+');
        text.push_str(modifier);
    }
    if let Some(target) = &effect.target {
        text.push('(');
        text.push_str(&target.text);
        text.push(')');
    }
    text
}

#[track_caller]
fn check(line: &str, expected: &str) {
    let effects: Vec<String> = facts(line).effects.iter().map(spelled).collect();
    assert_eq!(effects.join(" "), expected, "{line}");
}

#[track_caller]
fn check_nested(line: &str, expected: &[Nested]) {
    assert_eq!(facts(line).nested, expected, "{line}");
}

#[test]
fn dump() {
    let Ok(lines) = std::fs::read_to_string("/tmp/f/lines") else { return };
    for line in lines.lines() {
        let f = facts(line);
        let effects: Vec<String> = f.effects.iter().map(|e| { let s: String = match e.target.as_ref().map(|t| t.scope) { Some(crate::action::Scope::Path(p)) => format!(":{p:?}"), Some(crate::action::Scope::Host(p)) => format!(":@{p:?}"), _ => String::new() }; spelled(e) + &s }).collect();
        eprintln!("{line}\n      {}  {}{:?} {:?} {:?} {:?}", effects.join(" "), if f.known { "" } else { "UNKNOWN " }, f.nested, f.data, f.stdin_code, f.chdir);
    }
}
