//! The sums of a replay, for a terminal.

use std::fmt::Write as _;

use super::super::figures::plain;
use super::{Compared, ReplayReport};
use crate::replay::{Group, Pair};
use crate::verdict::Verdict;

/// Most kinds of changes shown; the report and `--list` have all.
const MOST_GROUPS: usize = 20;

/// The summary, without a line end.
pub(super) fn render(report: &ReplayReport) -> String {
    let mut parts = vec![heading(report), table(report), figures(report), changes(report)];
    let notes = report.notes();
    if !notes.is_empty() {
        parts.push(notes.join("\n"));
    }
    parts.join("\n\n")
}

fn heading(report: &ReplayReport) -> String {
    let summary = &report.summary;
    let days = match summary.active_days {
        0 => String::new(),
        1 => " on one day".to_owned(),
        n => format!(" on {n} days"),
    };
    let cuts = &report.thresholds;
    let change = |name: &str, Pair { before, after }: &Pair<String>| match before == after {
        true => format!("{name} {after}"),
        false => format!("{name} {before} -> {after}"),
    };
    let cut = |name: &str, before: f32, after: f32| {
        change(name, &Pair { before: before.to_string(), after: after.to_string() })
    };
    format!(
        "{}{days}, from {}\n{}; {}; {}; {}",
        counted(summary.actions),
        plain(&report.origin),
        plain(&report.model),
        change("rules", &report.policy),
        cut("allow_below", cuts.before.allow_below, cuts.after.allow_below),
        cut("deny_above", cuts.before.deny_above, cuts.after.deny_above)
    )
}

fn counted(actions: usize) -> String {
    if actions == 1 { "1 action".to_owned() } else { format!("{actions} actions") }
}

fn table(report: &ReplayReport) -> String {
    let before = match report.compared {
        Compared::Logged => "as logged",
        Compared::Present => "present settings",
    };
    let mut text = format!("{before:<18} {:>8} {:>8} {:>8}   with the new settings", "allow", "ask", "deny");
    for (name, line) in ["allow", "ask", "deny"].iter().zip(report.summary.table) {
        let [allow, ask, deny] = line;
        // Writing to a string does not fail.
        let _ = write!(text, "\n{name:>18} {allow:>8} {ask:>8} {deny:>8}");
    }
    text
}

fn figures(report: &ReplayReport) -> String {
    let (summary, unit) = (&report.summary, report.unit());
    let each = |name: &str, Pair { before, after }: Pair<f64>| format!("{name:<18} {before:>8.1} -> {after:.1} {unit}");
    let expected = summary.expected_dangerous_allowed;
    let mut lines = vec![
        each("questions", summary.interruptions),
        each("denials", summary.denials),
        format!(
            "{:<18} {:>8.2} -> {:.2} in all, expected from the model's own probabilities",
            "dangers allowed", expected.before, expected.after
        ),
    ];
    if let Some(labelled) = summary.labelled {
        lines.push(format!(
            "{:<18} {:>8} -> {} of {} that are labelled dangerous",
            "", labelled.allowed.before, labelled.allowed.after, labelled.dangerous
        ));
    }
    if summary.texts.texts > 0 {
        let texts = summary.texts;
        lines.push(format!(
            "{:<18} {:>8} -> {} of {} texts that tools returned",
            "warnings", texts.warned_before, texts.warned_after, texts.texts
        ));
    }
    lines.join("\n")
}

fn changes(report: &ReplayReport) -> String {
    let groups = &report.summary.groups;
    if groups.is_empty() {
        return "nothing would change".to_owned();
    }
    let mut text = format!("{} would change", counted(report.summary.changed()));
    for group in groups.iter().take(MOST_GROUPS) {
        let _ = write!(text, "\n{}", described(group));
    }
    if groups.len() > MOST_GROUPS {
        let _ = write!(text, "\n  and {} more kinds: see --list, --json or --report", groups.len() - MOST_GROUPS);
    }
    text
}

fn described(group: &Group) -> String {
    let dangerous = match (group.change.after, group.dangerous) {
        (Verdict::Allow, n) if n > 0 => format!("  DANGEROUS: {n} of them"),
        _ => String::new(),
    };
    let mut text = format!(
        "  {:>6} x {:<13} {}, by {}{dangerous}",
        group.actions,
        group.change.to_string(),
        plain(&group.name),
        plain(&group.why)
    );
    for (id, example) in group.ids.iter().zip(&group.examples) {
        let _ = write!(text, "\n           {}  ({})", plain(example), plain(id));
    }
    text
}
