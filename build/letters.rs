//! Letters that are easily taken for an ASCII letter or digit, by Unicode's confusables (UTS 39). The whole table of them is half
//! a megabyte of pointers, which every start of the program would relocate.

/// The table as Rust source: sorted pairs of a letter and what it is taken for.
pub(crate) fn look_alikes() -> String {
    let letters = ('\u{80}'..=char::MAX).filter(|c| c.is_alphabetic());
    let pairs: Vec<String> =
        letters.filter_map(|c| Some((c, ascii(c)?))).map(|(c, ascii)| format!("({c:?},{ascii:?})")).collect();
    format!("static LOOK_ALIKES: [(char,char);{}] = [{}];\n", pairs.len(), pairs.join(","))
}

fn ascii(c: char) -> Option<char> {
    let mut buffer = [0; 4];
    let mut form = unicode_security::skeleton(c.encode_utf8(&mut buffer));
    let first = form.next().filter(char::is_ascii_alphanumeric)?;
    form.next().is_none().then_some(first)
}
