//! Patterns of the shell: `*`, `?` and `[…]` against a whole text.

/// A part of a pattern.
pub(super) enum Part {
    /// `*`.
    Any,
    /// `?`.
    One,
    /// `[…]`: ranges of letters, and whether it is all others.
    Set(Vec<(char, char)>, bool),
    Letter(char),
}

impl Part {
    fn takes(&self, letter: char) -> bool {
        match self {
            Self::Any => false,
            Self::One => true,
            Self::Set(ranges, others) => ranges.iter().any(|(from, to)| (*from..=*to).contains(&letter)) != *others,
            Self::Letter(wanted) => *wanted == letter,
        }
    }
}

/// A pattern taken apart.
pub(super) fn parts(pattern: &str) -> Vec<Part> {
    let mut parts = Vec::new();
    let mut rest = pattern;
    while let Some(letter) = rest.chars().next() {
        let after = rest.get(letter.len_utf8()..).unwrap_or_default();
        if letter == '['
            && let Some((set, behind)) = set(after)
        {
            parts.push(set);
            rest = behind;
            continue;
        }
        parts.push(part(letter));
        rest = after;
    }
    parts
}

/// The same for a pattern in which a bracket is a letter like others.
pub(super) fn parts_without_sets(pattern: &str) -> Vec<Part> {
    pattern.chars().map(part).collect()
}

fn part(letter: char) -> Part {
    match letter {
        '*' => Part::Any,
        '?' => Part::One,
        letter => Part::Letter(letter),
    }
}

/// A `[…]` from behind its bracket, and what follows it.
fn set(text: &str) -> Option<(Part, &str)> {
    let inside = text.strip_prefix(['!', '^']).unwrap_or(text);
    // A bracket that closes at once is a member.
    let end = inside.char_indices().skip(1).find(|(_, letter)| *letter == ']')?.0;
    let (members, behind) = inside.split_at_checked(end)?;
    let letters: Vec<char> = members.chars().collect();
    let mut ranges = Vec::new();
    let mut at = 0;
    while let Some(&from) = letters.get(at) {
        match (letters.get(at + 1), letters.get(at + 2)) {
            (Some('-'), Some(&to)) => {
                ranges.push((from, to));
                at += 3;
            }
            _ => {
                ranges.push((from, from));
                at += 1;
            }
        }
    }
    Some((Part::Set(ranges, inside.len() < text.len()), behind.get(1..)?))
}

/// Whether a pattern matches all of a text.
pub(super) fn is_match(parts: &[Part], text: &str) -> bool {
    let letters: Vec<char> = text.chars().collect();
    let (mut p, mut t) = (0, 0);
    let mut star: Option<(usize, usize)> = None;
    while let Some(&letter) = letters.get(t) {
        match parts.get(p) {
            Some(Part::Any) => {
                star = Some((p, t));
                p += 1;
            }
            Some(part) if part.takes(letter) => {
                p += 1;
                t += 1;
            }
            _ => match star {
                Some((star_p, star_t)) => {
                    star = Some((star_p, star_t + 1));
                    p = star_p + 1;
                    t = star_t + 1;
                }
                None => return false,
            },
        }
    }
    parts.iter().skip(p).all(|part| matches!(part, Part::Any))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_match_as_in_the_shell() {
        for (pattern, text) in [
            ("r?", "rm"),
            ("r[m]", "rm"),
            ("r[a-z]", "rm"),
            ("*m", "rm"),
            ("[!a]m", "rm"),
            ("r*", "rm"),
            ("[]r]m", "rm"),
        ] {
            assert!(is_match(&parts(pattern), text), "{pattern}");
        }
        for (pattern, text) in
            [("r?", "r"), ("r[!m]", "rm"), ("r[n-z]", "rm"), ("r[m", "rm"), ("?", "rm"), ("*x", "rm")]
        {
            assert!(!is_match(&parts(pattern), text), "{pattern}");
        }
    }
}
