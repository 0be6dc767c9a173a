//! Rows for tests.

use super::{Cut, Row};
use crate::transcript::Outcome;
use crate::verdict::Verdict;

/// An action on a day with its verdicts; `cost` and `deny` where the cuts have a say.
pub(super) fn row(id: &str, day: i64, before: Verdict, after: Verdict, scores: Option<(f32, f32)>) -> Row {
    Row {
        id: id.to_owned(),
        at: Some(day * super::days::SECONDS_OF_A_DAY + 5),
        tool: "Bash".to_owned(),
        subject: format!("git {id}"),
        group: "Bash git".to_owned(),
        request: None,
        before,
        after,
        why_before: "risk.uncertain".to_owned(),
        why: "risk.allow".to_owned(),
        dangerous: scores.is_some_and(|(_, deny)| deny >= super::DANGEROUS),
        deny: scores.map(|(_, deny)| deny),
        cut: scores.map(|(cost, deny)| Cut {
            cost,
            deny,
            eligible: true,
            floor: Verdict::Allow,
            when_uncertain: Verdict::Ask,
        }),
        held: None,
        to_review: false,
        unmade: None,
        masked: false,
        scored_now: false,
        is_text: false,
        outcome: Outcome::Unknown,
        label: None,
    }
}
