//! Brace expansion: `{a,b}` and `{1..3}`, bounded.

use std::borrow::Cow;

use crate::normalize::shell::syntax::Piece;

/// Words that one word may become.
const MAX_ALTERNATIVES: usize = 64;
/// Signs and pieces of a word above which its braces are left alone, for finding pairs takes quadratic time.
const MAX_ITEMS: usize = 256;

enum Item<'p, 'a> {
    Open,
    Comma,
    Close,
    Piece(&'p Piece<'a>),
    Text(&'a str),
}

/// The words that braces make of one word and whether some were left out; `None` where no braces are active.
pub(super) fn alternatives<'a>(pieces: &[Piece<'a>]) -> Option<(Vec<Vec<Piece<'a>>>, bool)> {
    let active = pieces.iter().any(|piece| matches!(piece, Piece::Plain(plain) if plain.contains('{')));
    let simple = |piece: &Piece<'_>| matches!(piece, Piece::Plain(_) | Piece::Quoted(_) | Piece::Parameter { .. });
    if !active || !pieces.iter().all(simple) {
        return None;
    }
    let items = itemized(pieces);
    if items.len() > MAX_ITEMS {
        return None;
    }
    let mut cut = false;
    let all = expanded(&items, &mut cut);
    (all.len() > 1).then_some((all, cut))
}

fn itemized<'p, 'a>(pieces: &'p [Piece<'a>]) -> Vec<Item<'p, 'a>> {
    let mut items = Vec::new();
    for piece in pieces {
        let Piece::Plain(plain) = piece else {
            items.push(Item::Piece(piece));
            continue;
        };
        let mut rest: &'a str = plain;
        while let Some(at) = rest.find(['{', ',', '}']) {
            let (before, sign) = rest.split_at(at);
            if !before.is_empty() {
                items.push(Item::Text(before));
            }
            items.push(match sign.as_bytes().first() {
                Some(b'{') => Item::Open,
                Some(b',') => Item::Comma,
                _ => Item::Close,
            });
            rest = sign.get(1..).unwrap_or_default();
            if items.len() > MAX_ITEMS {
                return items;
            }
        }
        if !rest.is_empty() {
            items.push(Item::Text(rest));
        }
    }
    items
}

fn expanded<'a>(items: &[Item<'_, 'a>], cut: &mut bool) -> Vec<Vec<Piece<'a>>> {
    for (open, item) in items.iter().enumerate() {
        if !matches!(item, Item::Open) {
            continue;
        }
        let Some((commas, close)) = pair(items, open) else {
            continue;
        };
        let (Some(before), Some(inside), Some(after)) =
            (items.get(..open), items.get(open + 1..close), items.get(close + 1..))
        else {
            continue;
        };
        let Some(middles) = middles(inside, &commas, open, cut) else {
            continue;
        };
        let before: Vec<Piece<'a>> = before.iter().map(literal).collect();
        return product(&before, &middles, &expanded(after, cut), cut);
    }
    vec![items.iter().map(literal).collect()]
}

/// The commas of the braces that open at `open`, and where they close.
fn pair(items: &[Item<'_, '_>], open: usize) -> Option<(Vec<usize>, usize)> {
    let mut depth = 0;
    let mut commas = Vec::new();
    for (index, item) in items.iter().enumerate().skip(open) {
        match item {
            Item::Open => depth += 1,
            Item::Comma if depth == 1 => commas.push(index),
            Item::Close => {
                depth -= 1;
                if depth == 0 {
                    return Some((commas, index));
                }
            }
            _ => {}
        }
    }
    None
}

fn middles<'a>(inside: &[Item<'_, 'a>], commas: &[usize], open: usize, cut: &mut bool) -> Option<Vec<Vec<Piece<'a>>>> {
    if commas.is_empty() {
        return match inside {
            [Item::Text(text)] => range(text),
            _ => None,
        };
    }
    let mut all = Vec::new();
    let mut start = 0;
    for end in commas.iter().map(|comma| comma - open - 1).chain([inside.len()]) {
        all.extend(expanded(inside.get(start..end)?, cut));
        start = end + 1;
        if all.len() > MAX_ALTERNATIVES {
            *cut = true;
            all.truncate(MAX_ALTERNATIVES);
            break;
        }
    }
    Some(all)
}

/// `1..5` or `a..e`; a long range is left as it is.
fn range<'a>(text: &str) -> Option<Vec<Vec<Piece<'a>>>> {
    let mut parts = text.splitn(3, "..");
    let (first, last) = (parts.next()?, parts.next()?);
    let words: Vec<String> = match (first.parse::<i64>(), last.parse::<i64>()) {
        (Ok(first), Ok(last)) if first <= last => {
            (first..=last).take(MAX_ALTERNATIVES + 1).map(|n| n.to_string()).collect()
        }
        (Ok(first), Ok(last)) => (last..=first).rev().take(MAX_ALTERNATIVES + 1).map(|n| n.to_string()).collect(),
        _ => {
            let (mut one, mut other) = (first.chars(), last.chars());
            match (one.next(), one.next(), other.next(), other.next()) {
                (Some(first), None, Some(last), None) if first > last => {
                    (last..=first).rev().take(MAX_ALTERNATIVES + 1).map(String::from).collect()
                }
                (Some(first), None, Some(last), None) => {
                    (first..=last).take(MAX_ALTERNATIVES + 1).map(String::from).collect()
                }
                _ => return None,
            }
        }
    };
    let fits = words.len() <= MAX_ALTERNATIVES;
    fits.then(|| words.into_iter().map(|word| vec![Piece::Quoted(Cow::Owned(word))]).collect())
}

fn product<'a>(
    before: &[Piece<'a>],
    middles: &[Vec<Piece<'a>>],
    afters: &[Vec<Piece<'a>>],
    cut: &mut bool,
) -> Vec<Vec<Piece<'a>>> {
    *cut |= middles.len() * afters.len() > MAX_ALTERNATIVES;
    let pairs = middles.iter().flat_map(|middle| afters.iter().map(move |after| (middle, after)));
    let joined = pairs.take(MAX_ALTERNATIVES).map(|(middle, after)| {
        let mut pieces = before.to_vec();
        pieces.extend_from_slice(middle);
        pieces.extend_from_slice(after);
        pieces
    });
    joined.collect()
}

fn literal<'a>(item: &Item<'_, 'a>) -> Piece<'a> {
    match item {
        Item::Open => Piece::Plain("{"),
        Item::Comma => Piece::Plain(","),
        Item::Close => Piece::Plain("}"),
        Item::Piece(piece) => (*piece).clone(),
        Item::Text(text) => Piece::Plain(text),
    }
}
