//! The compiled patterns of paths (see `build.rs`) and how a path is matched against them.

use crate::action::PathScope;

/// A word: where it starts in the text of all words, and its length.
#[derive(Clone, Copy)]
struct W(u32, u8);

impl W {
    fn as_str(self) -> &'static str {
        let start = self.0 as usize;
        TEXT.get(start..start + usize::from(self.1)).unwrap_or_default()
    }
}

include!(concat!(env!("OUT_DIR"), "/paths.rs"));

/// The component that stands for the leading `//` of a share.
pub(super) const SHARE: &str = "\u{1}";

/// A resolved path in lower case, cut into components.
pub(super) struct Parts<'a> {
    pub(super) all: &'a [&'a str],
    /// Whether it starts at a root.
    pub(super) absolute: bool,
    /// How many components the home has, when the path lies in it.
    pub(super) home: Option<usize>,
    /// How many components the workspace has, when the path lies in it.
    pub(super) workspace: Option<usize>,
}

/// The scope of the first rule that holds.
pub(super) fn scope(path: &Parts<'_>) -> Option<PathScope> {
    let best = first_match(path, &|_, _| true)?;
    let scope = GLOBS.get(usize::from(best)).map(|(_, scope)| *scope)?;
    if scope != PathScope::Workspace {
        return Some(scope);
    }
    // Nothing special: the place alone decides.
    let place = first_match(path, &|_, scope| is_place(scope))?;
    GLOBS.get(usize::from(place)).map(|(_, scope)| *scope)
}

/// The first rule that holds and that `wanted` takes.
fn first_match(path: &Parts<'_>, wanted: &dyn Fn(u16, PathScope) -> bool) -> Option<u16> {
    let mut search = Search { best: u16::MAX, path, wanted };
    if path.absolute {
        search.anchored(path.all, path.workspace, &ROOT_FIRST, &ROOT_WILD);
    }
    if let Some(inside) = path.home.and_then(|home| path.all.get(home..)) {
        let workspace = path.workspace.and_then(|workspace| workspace.checked_sub(path.home.unwrap_or_default()));
        search.anchored(inside, workspace, &HOME_FIRST, &HOME_WILD);
    }
    let inside = path.all.get(path.workspace.unwrap_or(0)..).unwrap_or_default();
    for start in 0..inside.len() {
        if let Some(tail) = inside.get(start..) {
            search.anywhere(tail);
        }
    }
    (search.best < u16::MAX).then_some(search.best)
}

/// Whether a scope says where a path lies rather than what it is.
fn is_place(scope: PathScope) -> bool {
    matches!(
        scope,
        PathScope::Root
            | PathScope::HomeRoot
            | PathScope::Temp
            | PathScope::Home
            | PathScope::OtherHome
            | PathScope::System
            | PathScope::NetworkShare
            | PathScope::Device
    )
}

struct Search<'a> {
    /// The first rule found so far.
    best: u16,
    path: &'a Parts<'a>,
    wanted: &'a dyn Fn(u16, PathScope) -> bool,
}

impl Search<'_> {
    /// Rules that are tied to the root or the home. `workspace` is the number of components of a workspace that contains the path.
    fn anchored(&mut self, parts: &[&str], workspace: Option<usize>, first: &'static [(W, u16)], wild: &'static [u16]) {
        let spread = parts.first().is_some_and(|part| has_wildcard(part));
        let candidates: &mut dyn Iterator<Item = u16> = if spread {
            &mut first.iter().map(|(_, glob)| *glob)
        } else {
            &mut starting_with(first, parts.first().copied())
        };
        for glob in candidates.chain(wild.iter().copied()) {
            let Some(scope) = self.better(glob) else { continue };
            let fixed = matches!(scope, PathScope::Root | PathScope::HomeRoot);
            if self.path.workspace.is_some() && is_place(scope) && !fixed && scope != PathScope::Device {
                continue;
            }
            if !matches(pattern(glob), parts) {
                continue;
            }
            // A rule that covers the whole workspace says nothing of what lies in it.
            let covers = !fixed
                && workspace.and_then(|count| parts.get(..count)).is_some_and(|root| matches(pattern(glob), root));
            if !covers {
                self.best = glob;
            }
        }
    }

    /// Rules for every trailing part of a path.
    fn anywhere(&mut self, tail: &[&str]) {
        let candidates = starting_with(&ANY_FIRST, tail.first().copied());
        let last: &[u16] = if tail.len() == 1 { &ANY_LAST } else { &[] };
        for glob in candidates.chain(ANY_WILD.iter().copied()).chain(last.iter().copied()) {
            if glob < self.best && matches(pattern(glob), tail) && self.better(glob).is_some() {
                self.best = glob;
            }
        }
    }

    /// The scope of a rule that comes before what was found so far.
    fn better(&self, glob: u16) -> Option<PathScope> {
        let scope = GLOBS.get(usize::from(glob)).map(|(_, scope)| *scope)?;
        (glob < self.best && (self.wanted)(glob, scope)).then_some(scope)
    }
}

fn pattern(glob: u16) -> &'static str {
    GLOBS.get(usize::from(glob)).map_or("", |(word, _)| word.as_str())
}

/// The rules whose first component is this word.
fn starting_with(entries: &'static [(W, u16)], first: Option<&str>) -> impl Iterator<Item = u16> + use<> {
    let first = first.unwrap_or_default();
    let start = entries.partition_point(|(word, _)| word.as_str() < first);
    let rest = entries.get(start..).unwrap_or_default();
    let count = rest.iter().take_while(|(word, _)| word.as_str() == first).count();
    rest.iter().take(count).map(|(_, glob)| *glob)
}

/// Whether a pattern covers all of a path.
fn matches(pattern: &str, parts: &[&str]) -> bool {
    let Some(part) = parts.first() else { return pattern.is_empty() || pattern == "**" };
    if pattern.is_empty() {
        return false;
    }
    let (first, rest) = pattern.split_once('/').unwrap_or((pattern, ""));
    if first == "**" {
        return rest.is_empty()
            || (0..=parts.len()).any(|skip| parts.get(skip..).is_some_and(|tail| matches(rest, tail)));
    }
    component(first, part) && parts.get(1..).is_some_and(|tail| matches(rest, tail))
}

/// Whether a component of a pattern covers one of a path, which may hold wildcards of a shell itself.
fn component(pattern: &str, part: &str) -> bool {
    pattern == part
        || pattern.contains('*') && wild(pattern.as_bytes(), part.as_bytes())
        || has_wildcard(part) && part.len() > 2 && !part.starts_with('*') && wild(part.as_bytes(), pattern.as_bytes())
}

/// Whether a word holds wildcards of a shell.
pub(super) fn has_wildcard(part: &str) -> bool {
    part.contains(['*', '?', '['])
}

/// Whether a word matches a pattern with `*`, `?` and `[…]` (taken for any one letter).
///
/// Patterns come from the input too, so a `*` is never tried with every length of what follows: when something after it does
/// not fit, the last `*` takes one letter more, and what stands before it stays as it is. That is quadratic at worst.
fn wild(pattern: &[u8], word: &[u8]) -> bool {
    // Most patterns are `*.ending` or `start*`.
    match pattern {
        [b'*', ending @ ..] if is_literal(ending) => return word.ends_with(ending),
        [start @ .., b'*'] if is_literal(start) => return word.starts_with(start),
        [first, ..] if is_literal(std::slice::from_ref(first)) && word.first() != Some(first) => return false,
        _ => {}
    }
    let (mut pattern, mut word) = (pattern, word);
    // What follows the last `*`, and the word from where that was tried.
    let mut star: Option<(&[u8], &[u8])> = None;
    loop {
        if let [b'*', rest @ ..] = pattern {
            star = Some((rest, word));
            pattern = rest;
        } else if word.is_empty() {
            return pattern.is_empty();
        } else if let Some(rest) = one_letter(pattern, word) {
            (pattern, word) = rest;
        } else {
            let Some((rest, [_, shorter @ ..])) = star else { return false };
            star = Some((rest, shorter));
            (pattern, word) = (rest, shorter);
        }
    }
}

/// What is left of a pattern and a word after one letter of it that the pattern covers.
fn one_letter<'a>(pattern: &'a [u8], word: &'a [u8]) -> Option<(&'a [u8], &'a [u8])> {
    let ([first, rest @ ..], [letter, tail @ ..]) = (pattern, word) else { return None };
    let set = if *first == b'[' { rest.iter().position(|byte| *byte == b']') } else { None };
    match set {
        Some(end) => Some((rest.get(end + 1..)?, tail)),
        None => (*first == b'?' || first == letter).then_some((rest, tail)),
    }
}

fn is_literal(pattern: &[u8]) -> bool {
    !pattern.iter().any(|byte| matches!(byte, b'*' | b'?' | b'['))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wildcards_cover_what_a_shell_would_cover() {
        for (pattern, word, expected) in [
            ("a*b*c", "aXbYbZc", true),
            ("a*b*c", "aXbYb", false),
            ("?*?", "ab", true),
            ("?*?", "a", false),
            ("[ab]*d", "bcd", true),
            ("shad?w", "shadow", true),
            ("a**", "a", true),
            ("a*?*?*?X", "abcdX", true),
        ] {
            assert_eq!(wild(pattern.as_bytes(), word.as_bytes()), expected, "{pattern} {word}");
        }
    }

    #[test]
    fn a_hostile_pattern_takes_no_more_time_than_its_length_allows() {
        let start = std::time::Instant::now();
        let pattern = format!("a{}X", "*?".repeat(2_000));
        let word = "a".repeat(5_000);
        assert!(!wild(pattern.as_bytes(), word.as_bytes()));
        assert!(!wild("?*".repeat(40).as_bytes(), "a".repeat(39).as_bytes()));
        assert!(start.elapsed().as_secs() < 2);
    }
}
