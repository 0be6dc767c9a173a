//! Lines in panels as SVG. Everything that is the same for every picture; what they show is in `pictures`.

use plotters::coord::Shift;
use plotters::prelude::*;

/// Size of one panel, in pixels.
const PANEL: (u32, u32) = (460, 340);
const GREY: RGBColor = RGBColor(128, 128, 128);
/// Text takes the colour of its surroundings; on its own, that of the reader's theme.
const STYLE: &str = "<style>.plot text{fill:#222;font-family:system-ui,sans-serif}\
@media(prefers-color-scheme:dark){.plot text{fill:#ddd}}</style>";

/// Colours that people with any kind of colour vision tell apart, on light and on dark ground (Okabe and Ito 2008).
pub(super) const BLUE: RGBColor = RGBColor(0, 130, 200);
pub(super) const ORANGE: RGBColor = RGBColor(213, 94, 0);
pub(super) const GREEN: RGBColor = RGBColor(0, 158, 115);

/// One line and its name.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) name: &'static str,
    pub(super) colour: RGBColor,
    pub(super) points: Vec<(f64, f64)>,
    /// Whether the points themselves are shown.
    pub(super) dotted: bool,
}

/// How an axis is spread; from 0 to 1 unless it says otherwise.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(super) enum Scale {
    Linear,
    /// From 0 to this.
    UpTo(f64),
    /// By powers of ten from 0.0001; smaller values lie at the edge.
    Logarithmic,
}

/// Exponent at which a logarithmic axis begins.
const FIRST_EXPONENT: f64 = -4.0;

impl Scale {
    fn place(self, value: f64) -> f64 {
        match self {
            Self::Linear | Self::UpTo(_) => value,
            Self::Logarithmic => value.max(10_f64.powf(FIRST_EXPONENT)).log10(),
        }
    }

    fn start(self) -> f64 {
        match self {
            Self::Linear | Self::UpTo(_) => 0.0,
            Self::Logarithmic => FIRST_EXPONENT,
        }
    }

    fn end(self) -> f64 {
        match self {
            Self::Linear => 1.0,
            // An axis without length cannot be drawn.
            Self::UpTo(most) => {
                if most > 0.0 {
                    most
                } else {
                    1.0
                }
            }
            Self::Logarithmic => 0.0,
        }
    }

    fn label(self, place: f64) -> String {
        match self {
            Self::Linear => format!("{place:.1}"),
            Self::UpTo(most) if most > 20.0 => format!("{place:.0}"),
            Self::UpTo(most) if most > 1.0 => format!("{place:.1}"),
            Self::UpTo(_) => format!("{}", (place * 1e4).round() / 1e4),
            Self::Logarithmic => format!("{}", (10_f64.powf(place) * 1e4).round() / 1e4),
        }
    }
}

/// One pair of axes with what is drawn between them.
#[derive(Debug, Clone)]
pub(super) struct Panel {
    pub(super) title: &'static str,
    pub(super) x: &'static str,
    pub(super) y: &'static str,
    pub(super) scale: Scale,
    pub(super) y_scale: Scale,
    pub(super) lines: Vec<Line>,
    /// A vertical line: the cut in force.
    pub(super) mark: Option<f64>,
    /// Where the lines leave room for their names; none where there is nothing to tell apart.
    pub(super) legend: Option<SeriesLabelPosition>,
    /// Whether the diagonal is drawn.
    pub(super) diagonal: bool,
}

/// The panels side by side as one SVG document.
pub(super) fn svg(panels: &[Panel], description: &str) -> Result<String, String> {
    let mut text = String::new();
    let width = PANEL.0 * u32::try_from(panels.len()).unwrap_or(1);
    {
        let root = SVGBackend::with_string(&mut text, (width, PANEL.1)).into_drawing_area();
        for (area, panel) in root.split_evenly((1, panels.len())).iter().zip(panels) {
            draw(area, panel).map_err(|error| error.to_string())?;
        }
        root.present().map_err(|error| error.to_string())?;
    }
    let opening = format!(r#"<svg class="plot" role="img" aria-label="{description}" "#);
    let text = text.replacen("<svg ", &opening, 1);
    Ok(text.replacen(">\n", &format!(">\n{STYLE}\n"), 1))
}

type Area<'a> = DrawingArea<SVGBackend<'a>, Shift>;
type DrawingError = DrawingAreaErrorKind<std::io::Error>;

fn draw(area: &Area<'_>, panel: &Panel) -> Result<(), DrawingError> {
    let (start, end, top) = (panel.scale.start(), panel.scale.end(), panel.y_scale.end());
    let mut chart = ChartBuilder::on(area)
        .caption(panel.title, ("sans-serif", 15))
        .margin(12)
        .x_label_area_size(38)
        .y_label_area_size(46)
        .build_cartesian_2d(start..end, 0.0..top)?;
    let grey = |strength: f64| GREY.mix(strength).stroke_width(1);
    chart
        .configure_mesh()
        .axis_style(GREY)
        .bold_line_style(grey(0.25))
        .light_line_style(TRANSPARENT)
        .label_style(("sans-serif", 12))
        .x_labels(6)
        .y_labels(6)
        .x_label_formatter(&|place| panel.scale.label(*place))
        .y_label_formatter(&|place| panel.y_scale.label(*place))
        .x_desc(panel.x)
        .y_desc(panel.y)
        .draw()?;
    if panel.diagonal {
        chart.draw_series(LineSeries::new([(start, 0.0), (end, top)], grey(0.6)))?;
    }
    if let Some(mark) = panel.mark {
        let place = panel.scale.place(mark);
        chart.draw_series(LineSeries::new([(place, 0.0), (place, top)], GREY.stroke_width(2)))?;
    }
    for line in &panel.lines {
        let points = || line.points.iter().map(|(x, y)| (panel.scale.place(*x), *y));
        let colour = line.colour;
        chart
            .draw_series(LineSeries::new(points(), colour.stroke_width(2)))?
            .label(line.name)
            .legend(move |(x, y)| PathElement::new([(x, y), (x + 14, y)], colour.stroke_width(2)));
        if line.dotted {
            chart.draw_series(points().map(|point| Circle::new(point, 3, colour.filled())))?;
        }
    }
    // The names of no line at all would be an error.
    if let Some(position) = panel.legend.clone().filter(|_| !panel.lines.is_empty()) {
        chart
            .configure_series_labels()
            .position(position)
            .label_font(("sans-serif", 12))
            .background_style(TRANSPARENT)
            .border_style(TRANSPARENT)
            .draw()?;
    }
    Ok(())
}
