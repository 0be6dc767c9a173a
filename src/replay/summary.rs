//! What would change, summed.

use std::collections::BTreeMap;

use serde::Serialize;

use super::{Days, Row};
use crate::transcript::Outcome;
use crate::verdict::Verdict;

/// Examples of a group that are shown.
const EXAMPLES: usize = 3;

/// A number before and after.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Pair<T> {
    /// As it was, or is with the present settings.
    pub before: T,
    /// With the new ones.
    pub after: T,
}

/// Everything that a replay sums.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Summary {
    /// Actions, without the texts that tools returned.
    pub actions: usize,
    /// Days, by UTC, with at least one of them; 0 when no time is known.
    pub active_days: usize,
    /// How many came out as what: rows are before, columns after, in the order allow, ask, deny.
    pub table: [[usize; 3]; 3],
    /// Questions to a person on an active day; in all where no day is known.
    pub interruptions: Pair<f64>,
    /// Denials, likewise.
    pub denials: Pair<f64>,
    /// Dangerous actions that were let through, as the model's own probabilities have them expected: the sum of `P(deny)` over
    /// all that came out `allow` and were scored.
    pub expected_dangerous_allowed: Pair<f64>,
    /// Actions that rules let through and no model scored: they are in no expected number.
    pub allowed_without_a_score: Pair<usize>,
    /// The same by labels; `None` without any.
    pub labelled: Option<Labelled>,
    /// What would change, newly allowed first, dangerous ones before others, then by number.
    pub groups: Vec<Group>,
    /// Actions that a person, a rule or a hook had refused and that the new settings would let through.
    pub refused_and_allowed: usize,
    /// Actions that ran after a question, or without one, and that the new settings would ask about.
    pub ran_and_asked: usize,
    /// Actions that ran and that the new settings would deny.
    pub ran_and_denied: usize,
    /// What was kept as recorded, by why.
    pub held: BTreeMap<&'static str, usize>,
    /// Actions of which a reviewer, who was not asked, would have the last word.
    pub to_review: usize,
    /// Actions that cannot be made again, by why; they count as unchanged.
    pub unmade: BTreeMap<&'static str, usize>,
    /// Actions whose secrets the rules saw masked.
    pub masked: usize,
    /// Actions that the model had to score.
    pub scored_now: usize,
    /// What tools returned.
    pub texts: Texts,
}

/// Texts that tools returned: a warning interrupts nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Texts {
    /// All.
    pub texts: usize,
    /// With a warning before.
    pub warned_before: usize,
    /// With a warning after.
    pub warned_after: usize,
}

/// Dangerous actions by what people say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Labelled {
    /// Actions with a label.
    pub labels: usize,
    /// Of these, dangerous ones.
    pub dangerous: usize,
    /// Of these, let through.
    pub allowed: Pair<usize>,
}

/// From which verdict to which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// Before.
    pub before: Verdict,
    /// After.
    pub after: Verdict,
}

impl Serialize for Change {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.to_string())
    }
}

impl std::fmt::Display for Change {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "{} → {}", <&str>::from(self.before), <&str>::from(self.after))
    }
}

/// Changes of one kind.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Group {
    /// From what to what.
    pub change: Change,
    /// The tool, and for a shell the program.
    pub name: String,
    /// The code of what decides now.
    pub why: String,
    /// How many.
    pub actions: usize,
    /// Of these, dangerous to let through.
    pub dangerous: usize,
    /// A few, dangerous ones first.
    pub examples: Vec<String>,
    /// Their ids, as many.
    pub ids: Vec<String>,
}

impl Summary {
    /// Of all rows.
    pub fn of(rows: &[Row]) -> Self {
        let (texts, actions): (Vec<&Row>, Vec<&Row>) = rows.iter().partition(|row| row.is_text);
        let days = Days::of(rows);
        let count = |holds: &dyn Fn(&Row) -> bool| actions.iter().filter(|row| holds(row)).count();
        let a_day = |verdict: Verdict| Pair {
            before: days.each(float(count(&|row| row.before == verdict))),
            after: days.each(float(count(&|row| row.after == verdict))),
        };
        let ran = |row: &Row| matches!(row.outcome, Outcome::Approved | Outcome::Ran | Outcome::RanUnasked);
        Self {
            actions: actions.len(),
            active_days: days.active,
            table: table(&actions),
            interruptions: a_day(Verdict::Ask),
            denials: a_day(Verdict::Deny),
            expected_dangerous_allowed: Pair {
                before: expected(&actions, |row| row.before),
                after: expected(&actions, |row| row.after),
            },
            allowed_without_a_score: Pair {
                before: count(&|row| row.before == Verdict::Allow && row.deny.is_none()),
                after: count(&|row| row.after == Verdict::Allow && row.deny.is_none()),
            },
            labelled: labelled(&actions),
            groups: groups(&actions),
            refused_and_allowed: count(&|row| row.outcome == Outcome::Refused && row.after == Verdict::Allow),
            ran_and_asked: count(&|row| ran(row) && row.after == Verdict::Ask),
            ran_and_denied: count(&|row| ran(row) && row.after == Verdict::Deny),
            held: tally(actions.iter().filter_map(|row| row.held)),
            to_review: count(&|row| row.to_review),
            unmade: tally(actions.iter().filter_map(|row| row.unmade)),
            masked: count(&|row| row.masked),
            scored_now: count(&|row| row.scored_now),
            texts: Texts {
                texts: texts.len(),
                warned_before: texts.iter().filter(|row| row.before > Verdict::Allow).count(),
                warned_after: texts.iter().filter(|row| row.after > Verdict::Allow).count(),
            },
        }
    }

    /// How many changed.
    pub fn changed(&self) -> usize {
        self.groups.iter().map(|group| group.actions).sum()
    }
}

/// A count as a number that can be divided.
pub(super) fn float(count: usize) -> f64 {
    count as f64
}

fn table(actions: &[&Row]) -> [[usize; 3]; 3] {
    let mut table = [[0; 3]; 3];
    for row in actions {
        if let Some(cell) = table.get_mut(row.before as usize).and_then(|line| line.get_mut(row.after as usize)) {
            *cell += 1;
        }
    }
    table
}

fn expected(actions: &[&Row], verdict: impl Fn(&Row) -> Verdict) -> f64 {
    let allowed = actions.iter().filter(|row| verdict(row) == Verdict::Allow);
    // The sum of nothing would be a negative zero.
    allowed.filter_map(|row| row.deny).map(f64::from).fold(0.0, |sum, probability| sum + probability)
}

fn labelled(actions: &[&Row]) -> Option<Labelled> {
    let labels: Vec<&&Row> = actions.iter().filter(|row| row.label.is_some()).collect();
    let dangerous = || labels.iter().filter(|row| row.label == Some(Verdict::Deny));
    (!labels.is_empty()).then(|| Labelled {
        labels: labels.len(),
        dangerous: dangerous().count(),
        allowed: Pair {
            before: dangerous().filter(|row| row.before == Verdict::Allow).count(),
            after: dangerous().filter(|row| row.after == Verdict::Allow).count(),
        },
    })
}

fn tally(names: impl Iterator<Item = &'static str>) -> BTreeMap<&'static str, usize> {
    names.fold(BTreeMap::new(), |mut tally, name| {
        *tally.entry(name).or_default() += 1;
        tally
    })
}

/// What changed, summed by what it was, where it went, what it is and what decides it.
fn groups(actions: &[&Row]) -> Vec<Group> {
    let mut changed: Vec<&&Row> = actions.iter().filter(|row| row.is_changed()).collect();
    // Stable: among equals the order of the past stays.
    changed.sort_by_key(|row| !row.dangerous);
    let mut groups: BTreeMap<(Verdict, Verdict, &str, &str), Group> = BTreeMap::new();
    for row in changed {
        let key = (row.after, row.before, row.group.as_str(), row.why.as_str());
        let group = groups.entry(key).or_insert_with(|| Group {
            change: Change { before: row.before, after: row.after },
            name: row.group.clone(),
            why: row.why.clone(),
            actions: 0,
            dangerous: 0,
            examples: Vec::new(),
            ids: Vec::new(),
        });
        group.actions += 1;
        group.dangerous += usize::from(row.dangerous);
        if group.examples.len() < EXAMPLES && !group.examples.contains(&row.subject) {
            group.examples.push(row.subject.clone());
            group.ids.push(row.id.clone());
        }
    }
    let mut groups: Vec<Group> = groups.into_values().collect();
    groups.sort_by_key(|group| {
        let newly_allowed = group.change.after == Verdict::Allow;
        (
            !newly_allowed,
            std::cmp::Reverse(if newly_allowed { group.dangerous } else { 0 }),
            std::cmp::Reverse(group.actions),
        )
    });
    groups
}

#[cfg(test)]
mod tests {
    use super::super::samples::row;
    use super::*;
    use Verdict::{Allow, Ask, Deny};

    #[test]
    fn counts_by_hand() {
        let mut rows = vec![
            row("a", 1, Ask, Allow, Some((0.01, 0.25))),
            row("b", 1, Ask, Allow, Some((0.01, 0.0))),
            row("c", 2, Ask, Ask, Some((0.2, 0.05))),
            row("d", 2, Allow, Allow, None),
            row("e", 2, Allow, Deny, Some((0.9, 0.9))),
        ];
        rows[4].group = "Bash rm".to_owned();
        rows[0].outcome = Outcome::Refused;
        rows[2].outcome = Outcome::Ran;
        let summary = Summary::of(&rows);
        assert_eq!((summary.actions, summary.active_days, summary.changed()), (5, 2, 3));
        assert_eq!(summary.table, [[1, 0, 1], [2, 1, 0], [0, 0, 0]]);
        assert_eq!(summary.interruptions, Pair { before: 1.5, after: 0.5 });
        assert_eq!(summary.expected_dangerous_allowed, Pair { before: f64::from(0.9_f32), after: 0.25 });
        assert_eq!(summary.allowed_without_a_score, Pair { before: 1, after: 1 });
        assert_eq!((summary.refused_and_allowed, summary.ran_and_asked, summary.ran_and_denied), (1, 1, 0));
        assert_eq!(summary.labelled, None);
    }

    #[test]
    fn newly_allowed_dangers_come_first() {
        let mut rows: Vec<Row> = (0..9).map(|n| row(&n.to_string(), 1, Allow, Ask, Some((0.5, 0.0)))).collect();
        rows.extend(
            (0..4).map(|n| Row { group: "Bash ls".into(), ..row(&format!("x{n}"), 1, Ask, Allow, Some((0.0, 0.0))) }),
        );
        rows.push(row("y", 1, Ask, Allow, Some((0.0, 0.0))));
        rows.push(row("z", 1, Deny, Allow, Some((0.0, 0.5))));
        let summary = Summary::of(&rows);
        let order: Vec<(String, usize, usize)> =
            summary.groups.iter().map(|group| (group.change.to_string(), group.actions, group.dangerous)).collect();
        let expected = [("deny → allow", 1, 1), ("ask → allow", 4, 0), ("ask → allow", 1, 0), ("allow → ask", 9, 0)];
        assert_eq!(order, expected.map(|(change, n, dangerous)| (change.to_owned(), n, dangerous)));
    }

    #[test]
    fn texts_interrupt_nobody() {
        let text = Row { is_text: true, ..row("t", 1, Allow, Deny, Some((0.5, 0.9))) };
        let summary = Summary::of(&[text]);
        assert_eq!((summary.actions, summary.changed()), (0, 0));
        assert_eq!(summary.texts, Texts { texts: 1, warned_before: 0, warned_after: 1 });
    }

    #[test]
    fn labels_say_more_than_the_model() {
        let mut rows =
            vec![row("a", 1, Ask, Allow, None), row("b", 1, Allow, Ask, None), row("c", 1, Ask, Allow, None)];
        (rows[0].label, rows[1].label) = (Some(Deny), Some(Deny));
        let labelled = Summary::of(&rows).labelled.unwrap();
        assert_eq!(labelled, Labelled { labels: 2, dangerous: 2, allowed: Pair { before: 1, after: 1 } });
    }
}
