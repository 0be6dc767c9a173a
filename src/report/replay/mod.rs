//! What other settings would have changed in the past, for strangers: `replay.json`, pictures, a page and a summary.

mod html;
mod pictures;
mod summary;

use serde::{Serialize, Serializer};
use serde_json::Value;

use super::{ReportError, ReportFile, rounded};
use crate::calibrate::Thresholds;
use crate::replay::{Pair, Row, Summary, Sweep};

/// Everything that a replay says.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct ReplayReport {
    /// [`FORMAT`](super::FORMAT).
    pub format: u32,
    /// Where the past is from, for a person.
    pub origin: String,
    /// With what the new settings are compared.
    pub compared: Compared,
    /// The bundle, `name@sha256:…`.
    pub model: String,
    /// The rules' identities.
    pub policy: Pair<String>,
    /// The cuts where nothing else is said.
    #[serde(serialize_with = "cuts")]
    pub thresholds: Pair<Thresholds>,
    /// What of the past could not be used.
    pub left_out: LeftOut,
    /// The sums.
    pub summary: Summary,
    /// What moving the cuts would do.
    pub sweep: Sweep,
    /// Each change, where they are asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub changes: Option<Vec<Row>>,
}

/// With what the new settings are compared.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Compared {
    /// With the verdicts in the log.
    Logged,
    /// With what the present settings would say.
    Present,
}

/// What of the past could not be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct LeftOut {
    /// Lines that could not be read.
    pub damaged_lines: usize,
    /// Calls that stood there more than once.
    pub repeated_calls: usize,
    /// Files, links and folders that were passed over.
    pub files_passed_over: usize,
}

impl ReplayReport {
    /// The report as JSON: every number to six decimals.
    pub fn json(&self) -> Result<Value, ReportError> {
        rounded(self)
    }

    /// The sums, for a terminal.
    pub fn summary(&self) -> String {
        summary::render(self)
    }

    /// Every file of the report: the figures, the page, the pictures.
    pub fn files(&self) -> Result<Vec<ReportFile>, ReportError> {
        let pictures = pictures::draw(self)?;
        let page = html::render(self, &pictures);
        Ok(super::files(("replay.json", &self.json()?), ("replay.html", page), pictures))
    }

    /// What a number of a day is of.
    fn unit(&self) -> &'static str {
        if self.summary.active_days == 0 { "in all" } else { "a day" }
    }

    /// What must be said about the figures, each in a sentence.
    fn notes(&self) -> Vec<String> {
        let (summary, left_out) = (&self.summary, &self.left_out);
        let mut notes = Vec::new();
        let mut note = |n: usize, text: &str| {
            if n > 0 {
                notes.push(format!("{n} {text}"));
            }
        };
        note(summary.refused_and_allowed, "that had been refused would be let through");
        note(summary.ran_and_asked, "that had run would be asked about");
        note(summary.ran_and_denied, "that had run would be denied");
        note(summary.to_review, "would go to the reviewer, who was not asked: counted as questions");
        for (why, n) in &summary.held {
            note(*n, &format!("kept as recorded: {}", held(why)));
        }
        for (why, n) in &summary.unmade {
            note(*n, &format!("cannot be replayed and count as unchanged: {}", unmade(why)));
        }
        note(summary.masked, "were looked at with their secrets masked");
        note(summary.scored_now, "had to be scored; the scores of all others were at hand");
        note(
            summary.allowed_without_a_score.after,
            "are let through by rules without a score: no expected number counts them",
        );
        note(left_out.damaged_lines, "lines could not be read");
        note(left_out.repeated_calls, "calls stood there more than once and count once");
        note(left_out.files_passed_over, "files, links or folders were passed over");
        notes
    }
}

fn held(why: &str) -> &'static str {
    match why {
        "session" => "a session's history had raised them",
        "grant" => "a person had let them run once",
        "review" => "the reviewer had settled them, and would be asked again",
        _ => "a failure had decided them",
    }
}

fn unmade(why: &str) -> &'static str {
    match why {
        "text" => "their text was not kept, and these settings look at it",
        "masked" => "their secrets were masked, and another model would have to read them",
        "session" => "they ran what their session had written, which is not kept",
        "changed" => "their records were changed",
        "score" => "the model gave no answer",
        "panic" => "an internal error; please report it with the action",
        _ => "a failure had decided them before they were judged",
    }
}

fn cuts<S: Serializer>(pair: &Pair<Thresholds>, serializer: S) -> Result<S::Ok, S::Error> {
    struct Cuts<'a>(&'a Thresholds);
    impl Serialize for Cuts<'_> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            super::cuts(self.0, serializer)
        }
    }
    serializer.collect_map([("before", Cuts(&pair.before)), ("after", Cuts(&pair.after))])
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::report::FORMAT;

    fn empty() -> ReplayReport {
        let thresholds = Thresholds { allow_below: 0.1, deny_above: 0.9, injection_above: 0.5, novel_above: 3.0 };
        let text = |text: &str| Pair { before: text.to_owned(), after: text.to_owned() };
        ReplayReport {
            format: FORMAT,
            origin: "the log in <b>here</b>".to_owned(),
            compared: Compared::Logged,
            model: "tiny@sha256:0".to_owned(),
            policy: text("default@sha256:0"),
            thresholds: Pair { before: thresholds, after: thresholds },
            left_out: LeftOut::default(),
            summary: Summary::of(&[]),
            sweep: Sweep::of(&[], &thresholds, &thresholds),
            changes: None,
        }
    }

    #[test]
    fn a_report_about_nothing_can_be_written() {
        let files = empty().files().unwrap();
        let names: Vec<&str> = files.iter().map(|file| file.name).collect();
        assert_eq!(names, ["replay.json", "replay.html", "replay_tradeoff.svg", "replay_cuts.svg"]);
        let page = &files[1].contents;
        assert!(
            page.contains("&lt;b&gt;here") && !page.contains("<b>here") && page.contains("model's own probabilities")
        );
        assert!(!page.contains("<script") && !page.contains("src=") && !page.contains("@import"));
        assert!(empty().summary().contains("nothing would change"));
    }
}
