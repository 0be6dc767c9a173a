//! What must hold for any action, whatever a model makes of it.
//!
//! The seed is fixed: a run in CI finds what a run here finds. `PROPTEST_RNG_SEED` and `PROPTEST_CASES` look elsewhere.

use std::collections::HashSet;

use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use riskgate::action::{Action, Gap, Language, Shell, Tool, ToolCall, Unit, UnitKind};
use riskgate::encode;
use riskgate::engine::Deadline;
use riskgate::model::{Batch, Classifier, RowLogits};
use riskgate::normalize::normalize;
use serde_json::Value;

use crate::support::{bash, byte_encoder, corpus, shipped};
use crate::toy;

fn config() -> ProptestConfig {
    let chosen = ProptestConfig::default();
    let rng_seed = match chosen.rng_seed {
        RngSeed::Random => RngSeed::Fixed(0x7269_736b),
        fixed => fixed,
    };
    ProptestConfig { rng_seed, failure_persistence: None, ..chosen }
}

// ── Commands ────────────────────────────────────────────────────────────────────────────────────────────────────────────

/// A simple command of the kinds that agents run.
fn simple() -> impl Strategy<Value = String> {
    let program = prop::sample::select(vec![
        "ls -la",
        "cat /etc/passwd",
        "rm -rf ~",
        "rm -rf build",
        "git push --force origin main",
        "git status",
        "curl -fsSL https://example.com/x.sh",
        "chmod -R 777 /srv",
        "pytest -q tests/unit",
        "npm install left-pad",
        "dd if=/dev/zero of=/dev/sda",
        "kill -9 1",
        "docker run --rm -v /:/host alpine ls",
        "grep -rn 'rm -rf' src",
        "echo done",
        "some-unknown-tool --go",
        "cp a.txt b.txt",
        "tar czf out.tgz ~/.ssh",
        "mkfs.ext4 /dev/sdb1",
        "find . -name '*.pyc' -delete",
        "python3 manage.py migrate",
        "sed -i s/a/b/ config.toml",
        "ssh host.example uptime",
        "psql -c 'drop table users'",
    ]);
    let argument = prop_oneof![
        4 => Just(String::new()),
        2 => "[a-z]{1,8}".prop_map(|word| format!(" {word}")),
        1 => "[a-zA-Z ]{1,12}".prop_map(|text| format!(" '{text}'")),
        1 => "[a-z./]{1,12}".prop_map(|path| format!(" \"{path}\"")),
    ];
    (program, argument).prop_map(|(program, argument)| format!("{program}{argument}"))
}

/// A script of a few statements.
fn script() -> impl Strategy<Value = String> {
    let joint = prop::sample::select(vec!["; ", " && ", " || ", " | ", "\n"]);
    let rest = prop::collection::vec((joint, simple()), 0..3);
    (simple(), rest).prop_map(|(first, rest)| {
        rest.into_iter().fold(first, |script, (joint, next)| format!("{script}{joint}{next}"))
    })
}

/// Bash commands of the corpus with their circumstances.
fn corpus_commands() -> Vec<ToolCall> {
    // Not those that are read as a Windows shell's, too: more text around them may leave the Bash reading alone.
    let guessed =
        |unit: &Unit| matches!(unit.kind, UnitKind::Command(Shell::PowerShell | Shell::Cmd)) && unit.layers.is_empty();
    let is_bash = |call: &ToolCall| {
        let action = normalize(call);
        call.tool == "Bash" && action.tool == Tool::Shell(Shell::Bash) && !action.units.iter().any(guessed)
    };
    corpus().into_iter().map(|case| case.call).filter(is_bash).collect()
}

fn command_of(call: &ToolCall) -> &str {
    call.input["command"].as_str().unwrap()
}

fn with_command(call: &ToolCall, command: &str) -> ToolCall {
    let mut call = call.clone();
    call.input.insert("command".to_owned(), Value::from(command));
    call
}

fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

// ── Comparisons ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/// Units that are left out as soon as there is anything else: steering of the script, text printed to the terminal, and
/// scripts of `sed` and its kin, which stand in the text of their command.
fn does_nothing(unit: &Unit) -> bool {
    const IDLE: [&str; 24] = [
        ":", "true", "false", "cd", "pushd", "popd", "set", "shift", "return", "exit", "break", "continue", "read",
        "shopt", "test", "[", "wait", "export", "declare", "local", "unset", "let", "echo", "printf",
    ];
    let steers = |program: &str| IDLE.contains(&program);
    let untargeted = unit.effects().all(|effect| effect.target.is_none());
    let condition = unit.text.starts_with("[[ ") || unit.text.starts_with("((");
    let shown_in_place = unit.kind == UnitKind::Code(Language::Other) && unit.text.len() <= 120;
    let idle = unit.commands.iter().all(|command| steers(&command.program) && command.wrappers.is_empty());
    shown_in_place || (untargeted && unit.flows.is_empty() && idle && (condition || !unit.commands.is_empty()))
}

fn windows(action: &Action) -> HashSet<Vec<u32>> {
    let mut action = action.clone();
    action.units.retain(|unit| !does_nothing(unit));
    let encoding = byte_encoder().encode(&action);
    assert_eq!(encoding.truncated, action.all_gaps().contains(Gap::Truncated), "too long for this test");
    encoding.input_ids.into_iter().collect()
}

/// The units of `bare` that no unit of `other` stands for: the same text, with at least its effects and flows.
fn lost<'a>(bare: &'a Action, other: &Action) -> Vec<&'a Unit> {
    let told = bare.units.iter().filter(|unit| !does_nothing(unit));
    told.filter(|unit| !other.units.iter().any(|candidate| stands_for(candidate, unit))).collect()
}

fn stands_for(candidate: &Unit, unit: &Unit) -> bool {
    let effects: HashSet<String> = candidate.effects().map(encode::effect_text).collect();
    candidate.kind == unit.kind
        && candidate.text == unit.text
        && unit.effects().all(|effect| effects.contains(&encode::effect_text(effect)))
        && candidate.flows.is_superset(unit.flows)
}

// ── Normalising ─────────────────────────────────────────────────────────────────────────────────────────────────────────

/// A unit's text, read as a command, is a unit with the same text.
fn assert_settled(call: &ToolCall) {
    for unit in normalize(call).units {
        // Marks stand for what is a unit of its own.
        if unit.kind == UnitKind::Command(Shell::Bash) && !unit.text.contains('⟦') {
            let again = normalize(&with_command(call, &unit.text));
            let texts: Vec<&str> = again.units.iter().map(|unit| unit.text.as_str()).collect();
            assert!(
                texts.contains(&unit.text.as_str()),
                "{:?}\n  became {:?}\n  then {texts:?}",
                call.input,
                unit.text
            );
        }
    }
}

#[test]
fn normalising_twice_changes_nothing_in_the_corpus() {
    corpus_commands().iter().for_each(assert_settled);
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn normalising_twice_changes_nothing(command in script()) {
        assert_settled(&bash(&command));
    }

    #[test]
    fn any_text_normalises_to_units_inside_it(command in "\\PC{0,80}[a-z]") {
        let action = normalize(&bash(&command));
        prop_assert!(!action.units.is_empty());
        for unit in action.units {
            prop_assert!(!unit.text.trim().is_empty());
            prop_assert!(unit.span.start <= unit.span.end && unit.span.end <= command.len());
        }
    }

    #[test]
    fn shell_characters_in_any_order_normalise(command in "[a-z$(){}<>|&;'\"`\\\\ \n#=~*?!\\[\\]]{0,60}[a-z]") {
        let action = normalize(&bash(&command));
        prop_assert!(!action.units.is_empty());
        prop_assert!(action.units.iter().all(|unit| unit.span.end <= command.len()));
    }
}

// ── More text ───────────────────────────────────────────────────────────────────────────────────────────────────────────

/// Forms of a command with more around it, none of which takes anything away.
fn padded(command: &str) -> Vec<String> {
    let unknown = "some-unknown-tool --go";
    vec![
        format!("true; {command}"),
        format!("echo hi && {command}"),
        format!("# a note\n\n{command}"),
        format!("{unknown}; {command}"),
        format!("echo \"$UNKNOWN\"\n{command}"),
        format!("{command}\ntrue"),
        format!("{command}\necho done\nls"),
        format!("{command}\n# the end\n\n"),
        format!("{command}\n{unknown}"),
        format!("{unknown}\n\n{command}\n{unknown}\necho done"),
    ]
}

fn assert_windows_kept(call: &ToolCall, forms: Vec<String>) {
    let bare = windows(&normalize(call));
    for form in forms {
        let kept = windows(&normalize(&with_command(call, &form)));
        assert!(bare.is_subset(&kept), "a window is lost: {form:?}");
    }
}

#[test]
fn padding_takes_no_window_away_in_the_corpus() {
    for call in &corpus_commands() {
        assert_windows_kept(call, padded(command_of(call)));
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn statements_around_a_script_take_no_window_away(before in script(), payload in script(), after in script()) {
        let call = bash(&payload);
        assert_windows_kept(&call, vec![format!("{before}\n{payload}"), format!("{payload}\n{after}"),
            format!("{before}\n{payload}\n{after}")]);
    }
}

// ── Nesting and wrappers ────────────────────────────────────────────────────────────────────────────────────────────────

/// Forms that run the same script inside something else.
fn nested(script: &str) -> Vec<String> {
    let once = format!("sh -c {}", quoted(script));
    vec![
        format!("(\n{script}\n)"),
        format!("{{\n{script}\n}}"),
        format!("if true; then\n{script}\nfi"),
        format!("for i in 1 2; do\n{script}\ndone"),
        format!("while true; do\n{script}\nbreak\ndone"),
        format!("eval {}", quoted(script)),
        format!("bash -c {}", quoted(&once)),
        format!("sudo bash -c {}", quoted(script)),
        format!("env A=1 bash -lc {}", quoted(script)),
        once,
    ]
}

/// Forms that run the same simple command through another program.
fn wrapped(command: &str) -> Vec<String> {
    let prefixes = [
        "sudo",
        "sudo -n -u root",
        "env",
        "env A=1 B=2",
        "nohup",
        "timeout 5",
        "timeout -s KILL 5s",
        "nice -n 10",
        "time",
        "command",
        "exec",
        "setsid",
        "stdbuf -oL",
        "ionice -c 3",
        "doas",
        "sudo env A=1 nohup timeout 5 nice",
        "xargs",
        "xargs -n 1",
        "flock /tmp/l",
        "strace -f",
        "unshare -n",
    ];
    prefixes.iter().map(|prefix| format!("{prefix} {command}")).collect()
}

fn assert_nothing_lost(call: &ToolCall, forms: Vec<String>) {
    let bare = normalize(call);
    let mut engine = toy::engine();
    let verdict = engine.decide(call, Deadline::none()).verdict;
    for form in forms {
        let call = with_command(call, &form);
        let other = normalize(&call);
        let lost = lost(&bare, &other);
        let texts: Vec<&str> = lost.iter().map(|unit| unit.text.as_str()).collect();
        assert!(lost.is_empty(), "{form:?} has no unit for {texts:?}\n{}", encode::text(&other));
        assert!(engine.decide(&call, Deadline::none()).verdict >= verdict, "{form:?} is judged more loosely");
    }
}

#[test]
fn nesting_loses_no_unit_in_the_corpus() {
    for call in &corpus_commands() {
        assert_nothing_lost(call, nested(command_of(call)));
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..config() })]

    #[test]
    fn nesting_loses_no_unit(command in script()) {
        assert_nothing_lost(&bash(&command), nested(&command));
    }

    #[test]
    fn a_wrapper_loses_no_unit(command in simple()) {
        assert_nothing_lost(&bash(&command), wrapped(&command));
    }
}

// ── Other spellings ─────────────────────────────────────────────────────────────────────────────────────────────────────

/// Spellings of `rm -rf ~` that Bash reads alike.
const SPELLINGS: [&str; 18] = [
    "rm -rf ~",
    "rm  -rf   ~",
    "r''m -rf ~",
    "\"rm\" -r'f' ~",
    "\\rm -rf ~",
    "r\\m -rf ~",
    "$'\\x72m' -rf ~",
    "rm -rf $HOME",
    "rm -rf \"${HOME}\"",
    "X=rm; $X -rf ~",
    "X=r; Y=m; $X$Y -rf ~",
    "rm \\\n -rf ~",
    "{rm,-rf,~}",
    "$(echo rm) -rf ~",
    "`echo rm` -rf ~",
    "$(printf 'r%s' m) -rf ~",
    "eval \"r\"\"m -rf ~\"",
    "$(echo cm0= | base64 -d) -rf ~",
];

#[test]
fn every_spelling_of_a_command_is_the_same_command() {
    let plain = normalize(&bash(SPELLINGS[0]));
    for spelling in SPELLINGS {
        let action = normalize(&bash(spelling));
        assert!(lost(&plain, &action).is_empty(), "{spelling:?} reads\n{}", encode::text(&action));
    }
}

// ── With the shipped bundle ─────────────────────────────────────────────────────────────────────────────────────────────

fn near(a: &RowLogits, b: &RowLogits) -> bool {
    let all = |row: &RowLogits| [&row.risk[..], &row.permission, &row.effects, &[row.injection]].concat();
    all(a).iter().zip(all(b)).all(|(a, b)| (a - b).abs() <= 1e-3)
}

#[test]
fn a_row_scores_the_same_alone_and_beside_others_of_any_length() {
    let encoder = shipped().encoder();
    let mut rows: Vec<Vec<u32>> = Vec::new();
    for case in corpus().iter().step_by(9) {
        rows.extend(encoder.encode(&normalize(&case.call)).input_ids);
    }
    let mut classifier = shipped().classifier().unwrap();
    let mut score = |rows: &[Vec<u32>]| {
        let mut batch = Batch::new(encoder.pad_id());
        rows.iter().for_each(|row| batch.push(row));
        classifier.classify(&batch).unwrap().rows
    };
    for group in rows.chunks(13) {
        for (row, among) in group.iter().zip(score(group)) {
            let alone = score(std::slice::from_ref(row));
            assert!(near(&alone[0], &among), "{} tokens: {:?} alone, {among:?} among others", row.len(), alone[0]);
        }
    }
}

#[test]
fn padding_never_lowers_the_shipped_model_s_risk() {
    let mut engine = shipped().engine().unwrap();
    for call in corpus_commands().iter().step_by(11) {
        let kept = normalize(call).units.iter().any(|unit| !does_nothing(unit));
        let Some(bare) = engine.decide(call, Deadline::none()).assessment.filter(|_| kept) else { continue };
        for form in padded(command_of(call)) {
            let decision = engine.decide(&with_command(call, &form), Deadline::none());
            let risk = decision.assessment.unwrap().risk;
            let lower =
                risk.stop().get() < bare.risk.stop().get() - 1e-3 || risk.deny.get() < bare.risk.deny.get() - 1e-3;
            assert!(!lower, "{form:?}: {risk:?} after {:?}", bare.risk);
        }
    }
}
