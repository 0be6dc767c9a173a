//! The figures that matter most, as tables for a terminal.

use comfy_table::{CellAlignment, Table, presets};

use super::figures::{
    UNKNOWN, counted, counts, decimal, decimal_within, interval, largest, named_rates, percent, plain,
};
use super::{InputCounts, Report};
use crate::evaluate::{
    Comparison, Evaluation, Groups, InjectionFigures, Mistake, Mistakes, OverSources, RiskReport, SourceSpread,
};

/// Most groups shown of one kind; the report has more.
const MOST_GROUPS: usize = 12;
/// Most mistakes shown of one kind; the report has more.
const MOST_MISTAKES: usize = 5;

/// The summary, without a line end.
pub(super) fn render(report: &Report) -> String {
    let evaluation = &report.evaluation;
    let mut parts = vec![
        heading(report),
        used(&report.input, evaluation),
        rates(&evaluation.risk),
        confusion(&evaluation.risk),
        quality(evaluation),
        injection(&evaluation.injection),
        groups("source", &evaluation.groups.source),
        over_sources(&evaluation.over_sources),
        groups("tool", &evaluation.groups.tool),
        groups("tokens", &evaluation.groups.length),
        groups("user's request", &evaluation.groups.user_request),
    ];
    parts.extend(evaluation.reference.as_ref().map(|comparison| reference(report, comparison)));
    parts.push(mistakes(&evaluation.mistakes));
    parts.retain(|part| !part.is_empty());
    parts.join("\n\n")
}

fn heading(report: &Report) -> String {
    let subject = &report.subject;
    let cuts = &subject.thresholds;
    let asking = if subject.no_ask { "; what would be asked is denied" } else { "" };
    format!(
        "{}, operating point {}: allow up to a cost of {} and a novelty of {}, deny from {}, injection from {}{asking}",
        plain(&subject.model),
        plain(&subject.operating_point),
        cuts.allow_below,
        cuts.novel_above,
        cuts.deny_above,
        cuts.injection_above
    )
}

/// What was judged and what was not, with nothing said of what is zero.
fn used(input: &InputCounts, evaluation: &Evaluation) -> String {
    let cases = &evaluation.cases;
    let mut parts = vec![format!("{} actions and {} texts judged", cases.actions, cases.texts)];
    let others = [
        (cases.unscored, "without an answer of the model"),
        (cases.repeated, "records with an id seen before"),
        (input.records_without_label, "records without a label"),
        (input.labels_without_record, "labels without a record"),
        (input.malformed_records, "malformed records"),
        (input.malformed_labels, "malformed labels"),
        (input.contradictory_labels, "ids with contradictory labels, left out"),
    ];
    parts.extend(others.into_iter().filter(|(n, _)| *n > 0).map(|(n, what)| format!("{n} {what}")));
    parts.join("; ")
}

fn rates(risk: &RiskReport) -> String {
    let (rates, zones) = (named_rates(&risk.figures.rates), named_rates(&risk.zones));
    let differs = rates != zones;
    let mut header = vec!["", "share", "95 % interval", "count"];
    header.extend(differs.then_some("model alone"));
    let rows = rates.iter().zip(zones).map(|((name, rate), (_, zone))| {
        let mut row = vec![(*name).to_owned(), percent(rate.rate), interval(rate), counts(rate)];
        row.extend(differs.then(|| counted(&zone)));
        row
    });
    table(&header, rows)
}

fn confusion(risk: &RiskReport) -> String {
    let rows = ["risk 0 (allow)", "risk 1 (ask)", "risk 2 (deny)"].into_iter().zip(risk.confusion);
    let row = |(name, counts): (&str, [usize; 3])| {
        [name.to_owned()].into_iter().chain(counts.map(|count| count.to_string())).collect()
    };
    table(&["labelled", "allow", "ask", "deny"], rows.map(row))
}

fn quality(evaluation: &Evaluation) -> String {
    let (risk, calibration) = (&evaluation.risk.figures, &evaluation.risk.calibration);
    let lines = [
        ("AUC deny", decimal_within(risk.auc_deny, risk.auc_deny_interval)),
        ("AUC ask or deny", decimal_within(risk.auc_stop, risk.auc_stop_interval)),
        ("calibration error deny", decimal(calibration.deny.expected_calibration_error)),
        ("calibration error ask or deny", decimal(calibration.stop.expected_calibration_error)),
        ("permission, macro F1", decimal(evaluation.permission.permission_macro_f1)),
        ("effects, macro F1 at 0.5", decimal(evaluation.effects.effects_macro_f1)),
        ("effects, mean average precision", decimal(evaluation.effects.effects_macro_average_precision)),
    ];
    table(&["", "figure (95 % interval)"], lines.into_iter().map(|(name, value)| vec![name.to_owned(), value]))
}

fn injection(injection: &InjectionFigures) -> String {
    if injection.texts == 0 {
        return String::new();
    }
    let lines = [
        ("AUC", decimal_within(injection.auc, injection.auc_interval)),
        ("found at 1 % false alarms", percent(injection.recall_at_1_percent_false_positives)),
        ("found at the cut", counted(&injection.found)),
        ("false alarms at the cut", counted(&injection.false_alarms)),
    ];
    let title = format!("injection, {} of {} texts", injection.injections, injection.texts);
    table(&[title.as_str(), "figure"], lines.into_iter().map(|(name, value)| vec![name.to_owned(), value]))
}

fn groups(kind: &str, groups: &Groups) -> String {
    let (shown, left_out) = largest(groups, MOST_GROUPS);
    // Groups of one action each would only be noise.
    if shown.first().is_none_or(|(_, figures)| figures.actions < 2) {
        return String::new();
    }
    let header = [kind, "actions", "harmless: allowed", "harmless: denied", "dangerous: allowed", "dangerous: denied"];
    let rows = shown.into_iter().map(|(name, figures)| {
        let rates = &figures.rates;
        let shares = [&rates.benign_allowed, &rates.benign_denied, &rates.dangerous_allowed, &rates.dangerous_denied];
        [plain(name), figures.actions.to_string()].into_iter().chain(shares.map(counted)).collect()
    });
    let text = table(&header, rows);
    if left_out == 0 { text } else { format!("{text}\n({left_out} smaller groups: --report or --json)") }
}

fn over_sources(over: &OverSources) -> String {
    let rows = [
        ("harmless: allowed", &over.benign_allowed),
        ("harmless: denied", &over.benign_denied),
        ("dangerous: allowed", &over.dangerous_allowed),
        ("dangerous: denied", &over.dangerous_denied),
    ];
    if rows.iter().all(|(_, spread)| spread.sources < 2) {
        return String::new();
    }
    let row = |(name, spread): (&str, &SourceSpread)| {
        let worst = spread.worst_source.as_deref().zip(spread.worst.as_ref());
        let worst = worst.map_or_else(
            || [UNKNOWN.to_owned(), String::new()],
            |(source, rate)| [format!("{} {}", plain(source), counted(rate)), interval(rate)],
        );
        let sources = format!("{} (+{} small)", spread.sources, spread.left_out);
        [name.to_owned(), percent(spread.mean), sources].into_iter().chain(worst).collect()
    };
    table(&["mean over sources", "mean", "sources", "worst source", "95 % interval"], rows.into_iter().map(row))
}

fn reference(report: &Report, comparison: &Comparison) -> String {
    let name = report.subject.reference.as_deref().unwrap_or_default();
    let lines = [
        ("another verdict", counted(&comparison.verdict_differs)),
        ("another zone", counted(&comparison.zone_differs)),
        ("allow against deny", comparison.allow_against_deny.to_string()),
        ("mean difference, ask or deny", decimal(comparison.mean_absolute_difference_stop)),
        ("mean difference, deny", decimal(comparison.mean_absolute_difference_deny)),
    ];
    let title = format!("against {}", plain(name));
    table(&[title.as_str(), "figure"], lines.into_iter().map(|(name, value)| vec![name.to_owned(), value]))
}

fn mistakes(mistakes: &Mistakes) -> String {
    let kinds = [("dangerous, allowed", &mistakes.dangerous_allowed), ("harmless, denied", &mistakes.benign_denied)];
    let row = |mistake: &Mistake| {
        let text = mistake.text.as_deref().map(plain).unwrap_or_default();
        vec![plain(&mistake.id), format!("{:.3}", mistake.cost_of_allowing), format!("{:.3}", mistake.deny), text]
    };
    let tables = kinds
        .into_iter()
        .filter(|(_, listed)| !listed.is_empty())
        .map(|(kind, listed)| table(&[kind, "cost", "P(deny)", ""], listed.iter().take(MOST_MISTAKES).map(row)));
    tables.collect::<Vec<_>>().join("\n\n")
}

/// Columns apart, the first to the left and the others to the right unless they are texts of their own.
fn table(header: &[&str], rows: impl IntoIterator<Item = Vec<String>>) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).force_no_tty().set_header(header.iter().copied());
    table.add_rows(rows);
    for (place, name) in header.iter().enumerate() {
        let column = table.column_mut(place);
        let text = place == 0 || name.is_empty() || *name == "worst source";
        if let Some(column) = column {
            column.set_cell_alignment(if text { CellAlignment::Left } else { CellAlignment::Right });
            column.set_padding((0, 2));
        }
    }
    table.trim_fmt()
}
