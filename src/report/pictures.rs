//! The pictures of a report.

use plotters::chart::SeriesLabelPosition;
use plotters::style::RGBColor;

use super::plot::{self, BLUE, GREEN, Line, ORANGE, Panel, Scale};
use super::{Report, ReportError};
use crate::evaluate::{AllowCut, CoveragePoint, Curves, DenyCut, Reliability, RocPoint};

/// One picture.
#[derive(Debug, Clone)]
pub(super) struct Picture {
    /// The name of its file.
    pub(super) name: &'static str,
    /// What it shows, for its caption.
    pub(super) caption: &'static str,
    /// The document.
    pub(super) svg: String,
}

/// All pictures, in the order of the page.
pub(super) fn draw(report: &Report) -> Result<Vec<Picture>, ReportError> {
    let evaluation = &report.evaluation;
    let risk = &evaluation.risk.calibration;
    Ok(vec![
        picture("risk_coverage.svg", RISK_COVERAGE, &[risk_coverage(&evaluation.curves)])?,
        picture("thresholds.svg", THRESHOLDS, &thresholds(report))?,
        picture(
            "reliability.svg",
            RELIABILITY,
            &[reliability("ask or deny", &risk.stop), reliability("deny", &risk.deny)],
        )?,
        picture("roc.svg", ROC, &[roc(&evaluation.curves)])?,
    ])
}

const RISK_COVERAGE: &str = "Risk and coverage: the share of all actions that a cut decides, and the share of these that it \
gets badly wrong. Allowed: dangerous actions among those allowed. Denied: harmless ones among those denied. Both: one cut for \
both sides.";
const THRESHOLDS: &str = "Thresholds: what each cut would give, by the scores alone; allow is cut by the expected cost of allowing, P(deny) + P(ask) / 10. \
The grey line is the cut in force.";
const RELIABILITY: &str = "Reliability: predicted probability against what happened, in at most 15 bins with equally many \
actions. On the diagonal, probabilities mean what they say.";
const ROC: &str = "ROC: the share of positives found against the share of false alarms, as the cut moves.";

/// The panels as a picture.
pub(super) fn picture(name: &'static str, caption: &'static str, panels: &[Panel]) -> Result<Picture, ReportError> {
    let svg = plot::svg(panels, caption).map_err(|problem| ReportError::Picture { name, problem })?;
    Ok(Picture { name, caption, svg })
}

fn risk_coverage(curves: &Curves) -> Panel {
    let points = |points: &[CoveragePoint]| points.iter().map(|point| (point.coverage, point.error)).collect();
    let coverage = &curves.risk_coverage;
    Panel {
        title: "Risk and coverage",
        x: "share of all actions decided",
        y: "share of these decided wrongly",
        scale: Scale::Linear,
        y_scale: Scale::Linear,
        lines: vec![
            line("allowed", GREEN, points(&coverage.allow)),
            line("denied", ORANGE, points(&coverage.deny)),
            line("both", BLUE, points(&coverage.both)),
        ],
        mark: None,
        legend: Some(SeriesLabelPosition::UpperLeft),
        diagonal: false,
    }
}

fn thresholds(report: &Report) -> [Panel; 2] {
    let (curves, in_force) = (&report.evaluation.curves, &report.subject.thresholds);
    let allow = |rate: fn(&AllowCut) -> f64| curves.allow.iter().map(|cut| (cut.threshold, rate(cut))).collect();
    let deny = |rate: fn(&DenyCut) -> f64| curves.deny.iter().map(|cut| (cut.threshold, rate(cut))).collect();
    let panel = |title, x, scale, lines, (mark, legend): (f32, _)| Panel {
        title,
        x,
        y: "share of the labelled actions",
        scale,
        y_scale: Scale::Linear,
        lines,
        mark: Some(f64::from(mark)),
        legend: Some(legend),
        diagonal: false,
    };
    [
        panel(
            "Allow",
            "allow_below",
            Scale::Logarithmic,
            vec![
                line("harmless, not allowed", BLUE, allow(|cut| cut.benign_not_allowed)),
                line("dangerous, allowed", ORANGE, allow(|cut| cut.dangerous_allowed)),
            ],
            (in_force.allow_below, SeriesLabelPosition::MiddleLeft),
        ),
        panel(
            "Deny",
            "deny_above",
            Scale::Linear,
            vec![
                line("harmless, denied", BLUE, deny(|cut| cut.benign_denied)),
                line("dangerous, denied", ORANGE, deny(|cut| cut.dangerous_denied)),
            ],
            (in_force.deny_above, SeriesLabelPosition::UpperRight),
        ),
    ]
}

fn reliability(title: &'static str, reliability: &Reliability) -> Panel {
    let points = reliability.bins.iter().map(|bin| (bin.predicted, bin.observed.rate.unwrap_or_default()));
    Panel {
        title,
        x: "predicted probability",
        y: "share that is",
        scale: Scale::Linear,
        y_scale: Scale::Linear,
        lines: vec![Line { dotted: true, ..line("bins", BLUE, points.collect()) }],
        mark: None,
        legend: None,
        diagonal: true,
    }
}

fn roc(curves: &Curves) -> Panel {
    let points = |points: &[RocPoint]| {
        points.iter().map(|point| (point.false_positive_rate, point.true_positive_rate)).collect::<Vec<_>>()
    };
    let mut lines = vec![
        line("deny", ORANGE, points(&curves.roc.deny)),
        line("ask or deny", BLUE, points(&curves.roc.stop)),
        line("injection in texts", GREEN, points(&curves.roc.injection)),
    ];
    lines.retain(|line| !line.points.is_empty());
    Panel {
        title: "ROC",
        x: "false alarms",
        y: "found",
        scale: Scale::Linear,
        y_scale: Scale::Linear,
        lines,
        mark: None,
        legend: Some(SeriesLabelPosition::LowerRight),
        diagonal: true,
    }
}

/// A line without its points.
pub(super) fn line(name: &'static str, colour: RGBColor, points: Vec<(f64, f64)>) -> Line {
    Line { name, colour, points, dotted: false }
}
