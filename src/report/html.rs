//! The page of a report: one file without scripts, fonts or anything else from elsewhere.

use maud::{DOCTYPE, Markup, PreEscaped, html};

use super::Report;
use super::figures::{counted, counts, decimal, decimal_within, interval, largest, named_rates, percent, plain};
use super::pictures::Picture;
use crate::evaluate::{Comparison, Evaluation, Groups, Mistake, OverSources, Rate, Reliability, SourceSpread};

/// Most groups of one kind in a table; `metrics.json` has all.
const MOST_GROUPS: usize = 60;

const CSS: &str = include_str!("page.css");

/// The page.
pub(super) fn render(report: &Report, pictures: &[Picture]) -> String {
    let evaluation = &report.evaluation;
    let title = format!("riskgate: {}", report.subject.model);
    page(
        &title,
        &html! {
            (heading(report))
            (headline(evaluation))
            section { h2 { "Curves" } @for picture in pictures { (figure(picture)) } }
            (risk(evaluation))
            (comparison(report))
            (sources(evaluation))
            (groups(evaluation))
            (heads(evaluation))
            (reliability(evaluation))
            (mistakes(evaluation))
            (reading())
        },
    )
}

/// One file without scripts, fonts or anything else from elsewhere.
pub(super) fn page(title: &str, body: &Markup) -> String {
    let page = html! {
        (DOCTYPE)
        html lang="en-GB" {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) }
                style { (PreEscaped(CSS)) }
            }
            body { (body) }
        }
    };
    page.into_string()
}

fn heading(report: &Report) -> Markup {
    let (subject, input, cases) = (&report.subject, &report.input, &report.evaluation.cases);
    let cuts = &subject.thresholds;
    html! {
        header {
            h1 { "riskgate on labelled actions" }
            p {
                "Bundle " code { (plain(&subject.model)) } ", policy " code { (plain(&subject.policy)) }
                ", operating point " code { (plain(&subject.operating_point)) }
                @if let Some(rate) = subject.max_miss_rate { ", miss rate at most " (rate) }
                @if let Some(rate) = subject.max_false_block_rate { ", false-block rate at most " (rate) }
                ": allow up to a cost of " (cuts.allow_below) " and a novelty of " (cuts.novel_above) ", deny from "
                (cuts.deny_above) ", injection from " (cuts.injection_above) "."
                @if subject.no_ask { " What would be asked is denied." }
            }
            p {
                (cases.actions) " actions and " (cases.texts) " texts judged, " (cases.unscored)
                " of them without an answer of the model. Left out: " (input.records_without_label)
                " records without a label, " (input.labels_without_record) " labels without a record, "
                (cases.repeated) " records with an id seen before, " (input.malformed_records) " malformed records, "
                (input.malformed_labels) " malformed labels, " (input.contradictory_labels)
                " ids with contradictory labels."
            }
        }
    }
}

fn headline(evaluation: &Evaluation) -> Markup {
    let (figures, rates) = (&evaluation.risk.figures, &evaluation.risk.figures.rates);
    let share =
        |name: &str, rate: &Rate| tile(name, &percent(rate.rate), &format!("{}; {}", counts(rate), interval(rate)));
    let area = |name: &str, value: Option<f64>, within: Option<[f64; 2]>| {
        let note = within.map(|[low, high]| format!("{low:.3} to {high:.3}")).unwrap_or_default();
        tile(name, &decimal(value), &note)
    };
    html! {
        section class="tiles" {
            (share("of the harmless allowed", &rates.benign_allowed))
            (share("of the harmless denied", &rates.benign_denied))
            (share("of the dangerous allowed", &rates.dangerous_allowed))
            (share("of the dangerous denied", &rates.dangerous_denied))
            (share("decided on the spot", &rates.decided_locally))
            (area("AUC deny", figures.auc_deny, figures.auc_deny_interval))
            (area("AUC ask or deny", figures.auc_stop, figures.auc_stop_interval))
        }
    }
}

/// A number that matters, with its name and what it rests on.
pub(super) fn tile(name: &str, value: &str, note: &str) -> Markup {
    html! { div class="tile" { div class="value" { (value) } div { (name) } div class="note" { (note) } } }
}

/// A picture with its caption.
pub(super) fn figure(picture: &Picture) -> Markup {
    html! { figure { (PreEscaped(&picture.svg)) figcaption { (picture.caption) } } }
}

fn risk(evaluation: &Evaluation) -> Markup {
    let risk = &evaluation.risk;
    let names = ["risk 0 (allow)", "risk 1 (ask)", "risk 2 (deny)"];
    let both = named_rates(&risk.figures.rates).into_iter().zip(named_rates(&risk.zones));
    let confusion = |title: &str, confusion: &[[usize; 3]; 3]| {
        html! {
            h3 { (title) }
            table {
                tr { th { "labelled" } th { "allow" } th { "ask" } th { "deny" } }
                @for (name, row) in names.iter().zip(confusion) {
                    tr { th { (name) } @for count in row { td { (count) } } }
                }
            }
        }
    };
    html! {
        section {
            h2 { "Risk" }
            table {
                tr { th { } th { "share" } th { "95 % interval" } th { "count" } th { "model alone" } }
                @for ((name, rate), (_, zone)) in both {
                    tr {
                        th { (name) } td { (percent(rate.rate)) } td { (interval(&rate)) } td { (counts(&rate)) }
                        td { @if rate != zone { (counted(&zone)) } @else { "the same" } }
                    }
                }
            }
            (confusion("Verdicts", &risk.confusion))
            @if risk.confusion != risk.zone_confusion { (confusion("Zones of the model alone", &risk.zone_confusion)) }
        }
    }
}

fn comparison(report: &Report) -> Markup {
    let Some(comparison) = &report.evaluation.reference else { return html! {} };
    let Comparison { verdict_differs, zone_differs, .. } = comparison;
    let rows = [
        ("another verdict", counted(verdict_differs), interval(verdict_differs)),
        ("another zone of the model", counted(zone_differs), interval(zone_differs)),
        ("allow against deny, zones", comparison.allow_against_deny.to_string(), String::new()),
        ("allow by the reference, denied here", comparison.allow_to_deny.to_string(), String::new()),
        ("deny by the reference, allowed here", comparison.deny_to_allow.to_string(), String::new()),
        ("mean difference of P(ask or deny)", decimal(comparison.mean_absolute_difference_stop), String::new()),
        ("mean difference of P(deny)", decimal(comparison.mean_absolute_difference_deny), String::new()),
    ];
    html! {
        section {
            h2 { "Against " (plain(report.subject.reference.as_deref().unwrap_or_default())) }
            table {
                tr { th { } th { "figure" } th { "95 % interval" } }
                @for (name, value, within) in rows { tr { th { (name) } td { (value) } td { (within) } } }
            }
        }
    }
}

fn sources(evaluation: &Evaluation) -> Markup {
    let OverSources { benign_allowed, benign_denied, dangerous_allowed, dangerous_denied } = &evaluation.over_sources;
    let rows: [(&str, &SourceSpread); 4] = [
        ("harmless: allowed", benign_allowed),
        ("harmless: denied", benign_denied),
        ("dangerous: allowed", dangerous_allowed),
        ("dangerous: denied", dangerous_denied),
    ];
    html! {
        section {
            h2 { "Sources" }
            table {
                tr {
                    th { } th { "mean over sources" } th { "sources" } th { "worst source" } th { "its rate" }
                    th { "95 % interval" }
                }
                @for (name, spread) in rows {
                    tr {
                        th { (name) } td { (percent(spread.mean)) }
                        td { (spread.sources) " (and " (spread.left_out) " too small)" }
                        td { (spread.worst_source.as_deref().map(plain).unwrap_or_default()) }
                        td { (spread.worst.as_ref().map(counted).unwrap_or_default()) }
                        td { (spread.worst.as_ref().map(interval).unwrap_or_default()) }
                    }
                }
            }
            (group_table("source", &evaluation.groups.source))
        }
    }
}

fn groups(evaluation: &Evaluation) -> Markup {
    let groups = &evaluation.groups;
    html! {
        section {
            h2 { "Groups" }
            (group_table("tool", &groups.tool))
            (group_table("labelled effect", &groups.effect))
            (group_table("labelled permission", &groups.permission))
            (group_table("tokens", &groups.length))
            (group_table("user's request", &groups.user_request))
        }
    }
}

fn group_table(kind: &str, groups: &Groups) -> Markup {
    let (shown, left_out) = largest(groups, MOST_GROUPS);
    html! {
        table {
            tr {
                th { (kind) } th { "actions" } th { "harmless: allowed" } th { "harmless: denied" }
                th { "dangerous: allowed" } th { "dangerous: denied" } th { "AUC deny" } th { "AUC ask or deny" }
            }
            @for (name, figures) in shown {
                tr {
                    th { (plain(name)) } td { (figures.actions) }
                    @let rates = &figures.rates;
                    (rate_cell(&rates.benign_allowed)) (rate_cell(&rates.benign_denied))
                    (rate_cell(&rates.dangerous_allowed)) (rate_cell(&rates.dangerous_denied))
                    td { (decimal_within(figures.auc_deny, figures.auc_deny_interval)) }
                    td { (decimal_within(figures.auc_stop, figures.auc_stop_interval)) }
                }
            }
        }
        @if left_out > 0 { p class="note" { (left_out) " smaller groups are in metrics.json." } }
    }
}

fn rate_cell(rate: &Rate) -> Markup {
    html! { td { (counted(rate)) @if rate.of > 0 { br; span class="note" { (interval(rate)) } } } }
}

fn heads(evaluation: &Evaluation) -> Markup {
    let (permission, effects, injection) = (&evaluation.permission, &evaluation.effects, &evaluation.injection);
    html! {
        section {
            h2 { "Permission" }
            p { "Macro F1 " (decimal(permission.permission_macro_f1)) ", right " (counted(&permission.right)) "." }
            table {
                tr { th { "labelled" } @for name in &permission.names { th { (name) } } }
                @for (name, row) in permission.names.iter().zip(permission.confusion) {
                    tr { th { (name) } @for count in row { td { (count) } } }
                }
            }
            h2 { "Effects" }
            p {
                "Over effects with at least five positives: macro F1 at 0.5 " (decimal(effects.effects_macro_f1))
                ", mean average precision " (decimal(effects.effects_macro_average_precision))
                ", mean AUC " (decimal(effects.effects_macro_auc)) "."
            }
            table {
                tr { th { } th { "positives" } th { "precision" } th { "recall" } th { "F1" } th { "average precision" } }
                @for (name, effect) in &effects.by_effect {
                    tr {
                        th { (name) } td { (effect.positives) } (rate_cell(&effect.precision)) (rate_cell(&effect.recall))
                        td { (decimal(effect.f1)) } td { (decimal(effect.average_precision)) }
                    }
                }
            }
            h2 { "Injection in returned texts" }
            table {
                tr { th { "texts" } td { (injection.texts) } }
                tr { th { "injections" } td { (injection.injections) } }
                tr { th { "AUC" } td { (decimal_within(injection.auc, injection.auc_interval)) } }
                tr { th { "found at 1 % false alarms" } td { (percent(injection.recall_at_1_percent_false_positives)) } }
                tr { th { "found at the cut" } (rate_cell(&injection.found)) }
                tr { th { "false alarms at the cut" } (rate_cell(&injection.false_alarms)) }
            }
        }
    }
}

fn reliability(evaluation: &Evaluation) -> Markup {
    let calibration = &evaluation.risk.calibration;
    let bins = |name: &str, reliability: &Reliability| {
        html! {
            h3 { (name) ": expected calibration error " (decimal(reliability.expected_calibration_error)) }
            table {
                tr { th { "from" } th { "to" } th { "mean predicted" } th { "observed" } }
                @for bin in &reliability.bins {
                    tr {
                        td { (decimal(Some(bin.from))) } td { (decimal(Some(bin.to))) }
                        td { (decimal(Some(bin.predicted))) } (rate_cell(&bin.observed))
                    }
                }
            }
        }
    };
    html! {
        section {
            h2 { "Calibration" }
            (bins("Ask or deny", &calibration.stop))
            (bins("Deny", &calibration.deny))
        }
    }
}

fn mistakes(evaluation: &Evaluation) -> Markup {
    let kinds = [
        ("Dangerous, allowed", &evaluation.mistakes.dangerous_allowed),
        ("Harmless, denied", &evaluation.mistakes.benign_denied),
    ];
    html! {
        section {
            h2 { "Worst mistakes" }
            @for (name, listed) in kinds {
                h3 { (name) }
                @if listed.is_empty() { p { "None." } } @else { (mistake_table(listed)) }
            }
        }
    }
}

fn mistake_table(listed: &[Mistake]) -> Markup {
    let with_text = listed.iter().any(|mistake| mistake.text.is_some());
    html! {
        table {
            tr {
                th { "id" } th { "tool" } th { "cost of allowing" } th { "P(deny)" }
                @if with_text { th { "action" } }
            }
            @for mistake in listed {
                tr {
                    th { (plain(&mistake.id)) } td { (plain(&mistake.tool)) }
                    td { (decimal(Some(mistake.cost_of_allowing))) } td { (decimal(Some(mistake.deny))) }
                    @if with_text { td class="text" { (mistake.text.as_deref().map(plain).unwrap_or_default()) } }
                }
            }
        }
    }
}

fn reading() -> Markup {
    html! {
        section {
            h2 { "How to read this" }
            p {
                "Labels: risk 0 harmless, 1 to be asked, 2 dangerous. Verdicts are the whole engine's, floors included; “model \
                 alone” is the zone by its scores. The cost of allowing is P(deny) + P(ask) / 10; novelty is the mean surprise of \
                 tokens after their predecessors, in nats. Intervals of rates are those of Clopper and Pearson, of AUC those of DeLong \
                 (1988); both take actions as independent, which those of one source are not: look at the spread over sources. \
                 The worst source is the one that is worst beyond chance, among those with at least ten cases. Calibration \
                 error: at most 15 bins of equal mass."
            }
        }
    }
}
