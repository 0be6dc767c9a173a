//! The page of a replay: one file without scripts, fonts or anything else from elsewhere.

use maud::{Markup, html};

use super::super::figures::plain;
use super::super::html::{figure, page, tile};
use super::super::pictures::Picture;
use super::{Compared, ReplayReport};
use crate::replay::{Group, Pair, Row};
use crate::verdict::Verdict;

/// Most rows of one table; `replay.json` has all.
const MOST_ROWS: usize = 200;

/// The page.
pub(super) fn render(report: &ReplayReport, pictures: &[Picture]) -> String {
    page(
        "riskgate: replay",
        &html! {
            (heading(report))
            (tiles(report))
            section { h2 { "Questions against dangers" } @for picture in pictures { (figure(picture)) } }
            (table(report))
            (changes(report))
            (listed(report))
            (notes(report))
            (reading(report))
        },
    )
}

fn heading(report: &ReplayReport) -> Markup {
    let (cuts, policy) = (&report.thresholds, &report.policy);
    html! {
        header {
            h1 { "riskgate: what would change" }
            p {
                (report.summary.actions) " actions"
                @if report.summary.active_days > 0 { " on " (report.summary.active_days) " days" }
                ", from " (plain(&report.origin)) ", by " code { (plain(&report.model)) } "."
            }
            table {
                tr { th { } th { (before(report)) } th { "new settings" } }
                tr { th { "rules" } td { (plain(&policy.before)) } td { (plain(&policy.after)) } }
                tr { th { "allow_below" } td { (cuts.before.allow_below) } td { (cuts.after.allow_below) } }
                tr { th { "deny_above" } td { (cuts.before.deny_above) } td { (cuts.after.deny_above) } }
            }
        }
    }
}

fn before(report: &ReplayReport) -> &'static str {
    match report.compared {
        // The log's own cuts may have varied; these are what holds now.
        Compared::Logged => "as logged; settings: present ones",
        Compared::Present => "present settings",
    }
}

fn tiles(report: &ReplayReport) -> Markup {
    let (summary, unit) = (&report.summary, report.unit());
    let each = |name: &str, Pair { before, after }: Pair<f64>| {
        tile(name, &format!("{after:.1}"), &format!("{before:.1} before; {unit}"))
    };
    let expected = summary.expected_dangerous_allowed;
    let newly = summary.groups.iter().filter(|group| group.change.after == Verdict::Allow);
    let (actions, dangerous) =
        newly.fold((0, 0), |(n, dangerous), group| (n + group.actions, dangerous + group.dangerous));
    html! {
        section class="tiles" {
            (each("questions to a person", summary.interruptions))
            (each("denials", summary.denials))
            (tile("newly allowed", &actions.to_string(), &format!("{dangerous} of them look dangerous")))
            (tile(
                "dangerous actions let through, expected",
                &format!("{:.2}", expected.after),
                &format!("{:.2} before; in all, from the model's own probabilities", expected.before),
            ))
            @if let Some(labelled) = summary.labelled {
                (tile(
                    "dangerous by label, let through",
                    &labelled.allowed.after.to_string(),
                    &format!("{} before; of {}", labelled.allowed.before, labelled.dangerous),
                ))
            }
        }
    }
}

fn table(report: &ReplayReport) -> Markup {
    html! {
        section {
            h2 { "Verdicts" }
            table {
                tr { th { (before(report)) " ↓, new →" } th { "allow" } th { "ask" } th { "deny" } }
                @for (name, line) in ["allow", "ask", "deny"].iter().zip(report.summary.table) {
                    tr { th { (name) } @for count in line { td { (count) } } }
                }
            }
            @if report.summary.texts.texts > 0 {
                p {
                    "Of " (report.summary.texts.texts) " texts that tools returned " (report.summary.texts.warned_before)
                    " had a warning, and " (report.summary.texts.warned_after) " would have one."
                }
            }
        }
    }
}

fn changes(report: &ReplayReport) -> Markup {
    let groups = &report.summary.groups;
    html! {
        section {
            h2 { "What would change" }
            @if groups.is_empty() { p { "Nothing." } } @else {
                table {
                    tr { th { "change" } th { "actions" } th { "dangerous" } th { "what" } th { "decided by" } th { "examples" } }
                    @for group in groups.iter().take(MOST_ROWS) { (change(group)) }
                }
                @if groups.len() > MOST_ROWS { p class="note" { (groups.len() - MOST_ROWS) " more kinds are in replay.json." } }
            }
        }
    }
}

fn change(group: &Group) -> Markup {
    let counts = group.change.after == Verdict::Allow;
    html! {
        tr {
            th { (group.change) } td { (group.actions) } td { @if counts && group.dangerous > 0 { strong { (group.dangerous) } } }
            td { (plain(&group.name)) } td { (plain(&group.why)) }
            td class="text" { @for example in &group.examples { (plain(example)) br; } }
        }
    }
}

fn listed(report: &ReplayReport) -> Markup {
    let Some(changes) = report.changes.as_deref().filter(|changes| !changes.is_empty()) else { return html! {} };
    let row = |row: &Row| {
        html! {
            tr {
                th { (plain(&row.id)) } td { (<&str>::from(row.before)) } td { (<&str>::from(row.after)) } td { (plain(&row.why)) }
                td { @if row.dangerous { strong { "yes" } } }
                td class="text" { (plain(&row.subject)) }
            }
        }
    };
    html! {
        section {
            h2 { "Each change" }
            table {
                tr { th { "id" } th { "before" } th { "after" } th { "decided by" } th { "dangerous" } th { "action" } }
                @for change in changes.iter().take(MOST_ROWS) { (row(change)) }
            }
            @if changes.len() > MOST_ROWS { p class="note" { (changes.len() - MOST_ROWS) " more are in replay.json." } }
        }
    }
}

fn notes(report: &ReplayReport) -> Markup {
    let notes = report.notes();
    html! {
        @if !notes.is_empty() { section { h2 { "To be known" } ul { @for note in &notes { li { (note) } } } } }
    }
}

fn reading(report: &ReplayReport) -> Markup {
    html! {
        section {
            h2 { "How to read this" }
            p {
                "Nothing was executed, sent or asked: each action was looked at again under the new rules and thresholds, with the "
                "scores that the model had given it where they were at hand. Expected numbers are sums of the model's own "
                "probabilities; they are as good as its calibration on actions like these. An action counts as dangerous where a label "
                "says so, or else where the model gives P(deny) of at least 0.1 or finds an effect likelier than not that should be denied. "
                "Days are those of UTC with at least one action. What a session's history, a person's word for one run, a reviewer "
                "or a failure settled is kept as it was recorded. The curves move one cut for all actions alike"
                @if report.compared == Compared::Logged { "; the present point is that of the present settings, not of the log" } "."
            }
        }
    }
}
