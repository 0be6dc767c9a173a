//! The pictures of a replay.

use plotters::chart::SeriesLabelPosition;
use plotters::style::RGBColor;

use super::super::ReportError;
use super::super::pictures::{Picture, line, picture};
use super::super::plot::{BLUE, GREEN, Line, ORANGE, Panel, Scale};
use super::ReplayReport;
use crate::replay::{Point, Sweep};

const TRADEOFF: &str = "Questions to a person against dangerous actions let through, as the cut below which actions are allowed moves. \
The expected line is the sum of the model's own probabilities that an action is dangerous; where labels are given, the other line \
counts them. Rules stay as they are.";
const CUTS: &str = "What each cut would give, the other one staying where the new settings have it. The grey line is the new cut. Allow is cut by the \
expected cost of allowing, P(deny) + P(ask) / 10; deny by P(deny).";

/// All pictures, in the order of the page.
pub(super) fn draw(report: &ReplayReport) -> Result<Vec<Picture>, ReportError> {
    Ok(vec![
        picture("replay_tradeoff.svg", TRADEOFF, &[tradeoff(report)])?,
        picture("replay_cuts.svg", CUTS, &[allow(report), deny(report)])?,
    ])
}

fn tradeoff(report: &ReplayReport) -> Panel {
    let points = &report.sweep.allow;
    let is_labelled = points.iter().any(|point| point.labelled_dangerous.is_some());
    // Where there are labels, they are what was: the marks stand on them.
    let dangers = |point: &Point| point.labelled_dangerous.unwrap_or(point.expected_dangerous);
    let mut lines =
        vec![line("expected", ORANGE, places(points, |point| point.asked, |point| point.expected_dangerous))];
    if is_labelled {
        lines.push(line("labelled", BLUE, places(points, |point| point.asked, dangers)));
    }
    let cuts = &report.thresholds;
    lines.extend(mark("present cut", BLUE, points, cuts.before.allow_below, dangers));
    lines.extend(mark("new cut", GREEN, points, cuts.after.allow_below, dangers));
    Panel {
        title: "As allow_below moves",
        x: if report.unit() == "a day" { "questions a day" } else { "questions" },
        y: if report.unit() == "a day" { "dangers let through a day" } else { "dangers let through" },
        scale: most(points, |point| point.asked),
        y_scale: most(points, |point| point.expected_dangerous.max(dangers(point))),
        lines,
        mark: None,
        legend: Some(SeriesLabelPosition::UpperRight),
        diagonal: false,
    }
}

fn allow(report: &ReplayReport) -> Panel {
    let points = &report.sweep.allow;
    Panel {
        title: "Allow",
        x: "allow_below",
        y: if report.unit() == "a day" { "actions a day" } else { "actions" },
        scale: Scale::Logarithmic,
        y_scale: most(points, |point| point.asked),
        lines: vec![line("questions", BLUE, places(points, |point| point.cut, |point| point.asked))],
        mark: Some(report.thresholds.after.allow_below.into()),
        legend: Some(SeriesLabelPosition::MiddleLeft),
        diagonal: false,
    }
}

fn deny(report: &ReplayReport) -> Panel {
    let points = &report.sweep.deny;
    Panel {
        title: "Deny",
        x: "deny_above",
        y: if report.unit() == "a day" { "actions a day" } else { "actions" },
        scale: Scale::Linear,
        y_scale: most(points, |point| point.asked.max(point.denied)),
        lines: vec![
            line("questions", BLUE, places(points, |point| point.cut, |point| point.asked)),
            line("denials", ORANGE, places(points, |point| point.cut, |point| point.denied)),
        ],
        mark: Some(report.thresholds.after.deny_above.into()),
        legend: Some(SeriesLabelPosition::UpperRight),
        diagonal: false,
    }
}

fn places(points: &[Point], x: impl Fn(&Point) -> f64, y: impl Fn(&Point) -> f64) -> Vec<(f64, f64)> {
    points.iter().map(|point| (x(point), y(point))).collect()
}

/// A single point with its name.
fn mark(
    name: &'static str,
    colour: RGBColor,
    points: &[Point],
    cut: f32,
    dangers: impl Fn(&Point) -> f64,
) -> Option<Line> {
    let point = Sweep::at(points, cut)?;
    Some(Line { name, colour, points: vec![(point.asked, dangers(point))], dotted: true })
}

/// An axis with a little room above the largest value.
fn most(points: &[Point], value: impl Fn(&Point) -> f64) -> Scale {
    Scale::UpTo(points.iter().map(value).fold(0.0, f64::max) * 1.05)
}
