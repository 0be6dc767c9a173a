//! An [`Evaluation`] for strangers: `metrics.json`, pictures, a page and a summary for a terminal.
//!
//! Values in, text out; whoever calls writes the files. The same report gives the same bytes: there is no date, no duration
//! and no order that depends on chance in it.

mod figures;
mod html;
mod pictures;
mod plot;
mod replay;
mod summary;

use pictures::Picture;
pub use replay::{Compared, LeftOut, ReplayReport};
use serde::{Serialize, Serializer};
use serde_json::Value;

use crate::calibrate::Thresholds;
use crate::evaluate::Evaluation;

/// The format of `metrics.json`. It changes when a key goes or changes its meaning.
pub const FORMAT: u32 = 1;

/// Everything that a report says.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Report {
    /// [`FORMAT`].
    pub format: u32,
    /// What was measured.
    pub subject: Subject,
    /// On what.
    pub input: InputCounts,
    /// What came out.
    #[serde(flatten)]
    pub evaluation: Evaluation,
}

/// Which engine was measured.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Subject {
    /// The bundle's identity, `name@sha256:…`.
    pub model: String,
    /// The policy's identity.
    pub policy: String,
    /// The model compared with.
    pub reference: Option<String>,
    /// The operating point's name.
    pub operating_point: String,
    /// The miss rate asked for in the place of the operating point's `allow_below`.
    pub max_miss_rate: Option<f32>,
    /// The false-block rate asked for in the place of the operating point's `deny_above`.
    pub max_false_block_rate: Option<f32>,
    /// The cuts in force.
    #[serde(serialize_with = "cuts")]
    pub thresholds: Thresholds,
    /// Whether what would be asked was denied.
    pub no_ask: bool,
}

/// What of the input could be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct InputCounts {
    /// Distinct ids with a usable label.
    pub labels: usize,
    /// Labels for whose id there was no record.
    pub labels_without_record: usize,
    /// Lines of the labels that are no label.
    pub malformed_labels: usize,
    /// Labels that only repeat another.
    pub repeated_labels: usize,
    /// Ids left out because their labels contradict each other.
    pub contradictory_labels: usize,
    /// Records read, malformed ones included.
    pub records: usize,
    /// Records left out because their id has no label.
    pub records_without_label: usize,
    /// Lines of the input that are no action record.
    pub malformed_records: usize,
}

/// A report that could not be put together.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReportError {
    /// A picture could not be drawn.
    #[error("cannot draw `{name}`: {problem}")]
    Picture {
        /// The file that it would have been.
        name: &'static str,
        /// What the drawing library said.
        problem: String,
    },
    /// The figures could not be written as JSON.
    #[error("cannot write the figures as JSON")]
    Json(#[from] serde_json::Error),
}

/// One file of a report.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportFile {
    /// Its name.
    pub name: &'static str,
    /// What is in it.
    pub contents: String,
}

impl Report {
    /// The contents of `metrics.json`: every number to six decimals, unknown ones null.
    pub fn metrics(&self) -> Result<Value, ReportError> {
        rounded(self)
    }

    /// The figures that matter most, as a few tables for a terminal.
    pub fn summary(&self) -> String {
        summary::render(self)
    }

    /// Every file of the report: the figures, the page, the pictures.
    pub fn files(&self) -> Result<Vec<ReportFile>, ReportError> {
        let pictures = pictures::draw(self)?;
        let page = html::render(self, &pictures);
        Ok(files(("metrics.json", &self.metrics()?), ("report.html", page), pictures))
    }
}

/// The figures, the page and the pictures as files.
fn files(
    (figures_name, figures): (&'static str, &Value),
    (page_name, page): (&'static str, String),
    pictures: Vec<Picture>,
) -> Vec<ReportFile> {
    let figures = ReportFile { name: figures_name, contents: format!("{figures:#}\n") };
    let page = ReportFile { name: page_name, contents: page };
    let pictures = pictures.into_iter().map(|picture| ReportFile { name: picture.name, contents: picture.svg });
    [figures, page].into_iter().chain(pictures).collect()
}

/// Figures as JSON, every number to six decimals.
fn rounded(figures: &impl Serialize) -> Result<Value, ReportError> {
    let mut value = serde_json::to_value(figures)?;
    round(&mut value);
    Ok(value)
}

/// Six decimals: more would differ between machines, not between models.
fn round(value: &mut Value) {
    match value {
        Value::Number(number) if number.is_f64() => {
            *value = number.as_f64().map_or(Value::Null, |number| Value::from((number * 1e6).round() / 1e6));
        }
        Value::Array(values) => values.iter_mut().for_each(round),
        Value::Object(fields) => fields.values_mut().for_each(round),
        _ => {}
    }
}

fn cuts<S: Serializer>(thresholds: &Thresholds, serializer: S) -> Result<S::Ok, S::Error> {
    let Thresholds { allow_below, deny_above, injection_above, novel_above } = *thresholds;
    serializer.collect_map([
        ("allow_below", allow_below),
        ("deny_above", deny_above),
        ("injection_above", injection_above),
        ("novel_above", novel_above),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluate;

    /// A report about nothing.
    pub(super) fn empty() -> Report {
        let thresholds = Thresholds { allow_below: 0.1, deny_above: 0.9, injection_above: 0.5, novel_above: 3.0 };
        Report {
            format: FORMAT,
            subject: Subject {
                model: "<b>tiny</b>@sha256:0".to_owned(),
                policy: "default@sha256:0".to_owned(),
                reference: None,
                operating_point: "default".to_owned(),
                max_miss_rate: None,
                max_false_block_rate: None,
                thresholds,
                no_ask: false,
            },
            input: InputCounts::default(),
            evaluation: evaluate::evaluate(Vec::new(), &thresholds),
        }
    }

    #[test]
    fn a_report_about_nothing_has_nulls_and_no_failure() {
        let report = empty();
        let metrics = report.metrics().unwrap();
        assert_eq!(metrics["risk"]["auc_deny"], Value::Null);
        assert_eq!(metrics["risk"]["benign_allowed"]["rate"], Value::Null);
        assert_eq!(metrics["subject"]["thresholds"]["allow_below"], 0.1);
        assert!(report.summary().contains("n/a"));
        let names: Vec<&str> = report.files().unwrap().iter().map(|file| file.name).collect();
        let pictures = ["risk_coverage.svg", "thresholds.svg", "reliability.svg", "roc.svg"];
        assert_eq!(names, [&["metrics.json", "report.html"], &pictures[..]].concat());
    }

    #[test]
    fn names_are_escaped_on_the_page() {
        let files = empty().files().unwrap();
        let page = &files.iter().find(|file| file.name == "report.html").unwrap().contents;
        assert!(page.contains("&lt;b&gt;tiny&lt;/b&gt;") && !page.contains("<b>tiny"));
    }

    #[test]
    fn numbers_have_six_decimals_and_counts_stay_counts() {
        let mut value = serde_json::json!({"a": [0.123_456_789, 3], "b": "x"});
        round(&mut value);
        assert_eq!(value, serde_json::json!({"a": [0.123_457, 3], "b": "x"}));
    }
}
