//! What each action that was stopped says for or against a rule.

use super::super::replay::{Book, History, Kept, Origin};
use crate::normalize::normalize;
use crate::policy::Policy;
use crate::replay::Row;
use crate::replay::suggest::{self, Evidence, Judged};
use crate::transcript::Outcome;
use crate::verdict::Verdict;

/// What became of an action that the settings ask about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    /// A person was asked, and it ran.
    Yes,
    /// It was refused or denied, or is not known to have run.
    No,
    /// It ran, and nobody was asked.
    None,
}

/// Every action that was stopped somehow, with what it says for or against a rule.
pub(super) fn evidence(history: &History, book: &Book) -> Vec<Evidence> {
    let one = |(place, (row, kept)): (usize, &(usize, Kept))| {
        let row = history.rows.get(*row)?;
        // Wrong arguments were no question.
        let word = (row.outcome != Outcome::Invalid).then(|| word(row, &history.origin))?;
        Some(weigh(place, row, kept, word, book))
    };
    history.kept.iter().enumerate().filter_map(one).collect()
}

fn word(row: &Row, origin: &Origin) -> Word {
    let logged = matches!(origin, Origin::Log(_)).then_some(row.before);
    match (logged, row.outcome) {
        (_, Outcome::Refused) | (Some(Verdict::Deny), _) => Word::No,
        (Some(Verdict::Allow), _) | (_, Outcome::RanUnasked) => Word::None,
        (_, Outcome::Ran | Outcome::Approved) => Word::Yes,
        (_, Outcome::Unknown | Outcome::Invalid) => Word::No,
    }
}

fn weigh(place: usize, row: &Row, kept: &Kept, word: Word, book: &Book) -> Evidence {
    let action = normalize(&kept.call);
    let sides = book.of(kept.folder());
    let policy = sides.new.policy();
    let judged = Judged {
        assessment: kept.scored.as_ref().map(|scored| &scored.assessment),
        incomplete: kept.masked || kept.scored.as_ref().is_none_or(|scored| scored.truncated),
        zone: kept.remade.zone,
        floor: logged_floor(kept, policy).max(kept.remade.floor),
        approved: word != Word::No,
    };
    Evidence {
        place,
        narrow: policy.narrowest(&kept.call, &action),
        never: suggest::never(&judged),
        interrupts: word == Word::Yes && row.after == Verdict::Ask,
        folder: kept.call.context.cwd.clone().unwrap_or_default(),
        subject: row.subject.clone(),
        at: row.at,
    }
}

/// What stood against an action when it was logged: rules, also such as are gone now, a session's history, a failure.
fn logged_floor(kept: &Kept, policy: &Policy) -> Verdict {
    let Some(logged) = &kept.logged else { return Verdict::Allow };
    let against = |code: &String| match policy.verdict_of(code) {
        Some((verdict, _)) => verdict,
        None if ["policy.", "session.", "fail_safe."].iter().any(|kind| code.starts_with(kind)) => Verdict::Ask,
        None => Verdict::Allow,
    };
    logged.codes.iter().map(against).max().unwrap_or(Verdict::Allow)
}
