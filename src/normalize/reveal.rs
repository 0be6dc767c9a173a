//! Makes visible what Unicode can hide: invisible characters, bidirectional overrides, confusable letters, control codes.
//!
//! Two forms: [`reveal`] for what a program will parse (commands), [`readable`] for what is only read (tool output, file
//! contents, arguments). Both replace the engine's own marker brackets, so no input can forge a marker. Knows nothing of
//! shells or tools.

use std::borrow::Cow;
use std::ops::Range;

use enumset::EnumSet;
use unicode_normalization::UnicodeNormalization as _;

use crate::action::Gap;

/// Hosts of one word that are looked at.
const MAX_HOSTS: usize = 64;
/// Invisible characters in a row inside ASCII text from which on even prose counts as hiding something.
const HIDDEN_RUN: usize = 4;

// `LOOK_ALIKES`: letters and the ASCII letter or digit that each is easily taken for, sorted.
include!(concat!(env!("OUT_DIR"), "/letters.rs"));

/// The text as it would be read by the program that gets it, and [`Gap::Disguised`] when something was hidden.
/// `text` keeps its meaning: letters of other languages in prose stay; confusable letters inside an otherwise ASCII word do not.
pub(super) fn reveal(text: &str) -> (Cow<'_, str>, EnumSet<Gap>) {
    if is_plain(text) {
        return (Cow::Borrowed(text), EnumSet::empty());
    }
    let stripped = strip(text, Form::Command);
    let (mapped, confusable) = Words::map(&stripped.text);
    (Cow::Owned(mapped), gaps(stripped.hidden || confusable))
}

/// What a command spells in invisible characters. No program takes it for part of the command, so it stands apart.
pub(super) fn spelled_invisibly(text: &str) -> Option<String> {
    if is_plain(text) {
        return None;
    }
    Some(strip(text, Form::Command).tail.trim().to_owned()).filter(|tail| !tail.is_empty())
}

/// [`Gap::Disguised`] when an address names a host that is made to look like another: `g\u{456}thub.com`.
pub(super) fn host_gaps(address: &str) -> EnumSet<Gap> {
    gaps(host_parts(address).into_iter().any(|part| address.get(part).is_some_and(is_disguised_host)))
}

/// The text with what is invisible decoded or dropped, all else as it stands.
pub(super) fn readable(text: &str) -> (Cow<'_, str>, EnumSet<Gap>) {
    if is_plain(text) {
        return (Cow::Borrowed(text), EnumSet::empty());
    }
    let stripped = strip(text, Form::Prose);
    (Cow::Owned(with_tail(stripped.text, &stripped.tail)), gaps(stripped.hidden))
}

fn gaps(hidden: bool) -> EnumSet<Gap> {
    if hidden { Gap::Disguised.into() } else { EnumSet::empty() }
}

/// Printable ASCII, tabs and line ends only: nothing can hide in it.
fn is_plain(text: &str) -> bool {
    text.bytes().all(|byte| matches!(byte, b' '..=b'~' | b'\n' | b'\t' | b'\r'))
}

fn with_tail(mut text: String, tail: &str) -> String {
    if !tail.trim().is_empty() {
        text.push_str("\nhidden: ");
        text.push_str(tail.trim());
    }
    text
}

/// How a text is used.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Form {
    Command,
    Prose,
}

/// A text without its invisible parts.
struct Stripped {
    text: String,
    /// What was spelled in invisible characters.
    tail: String,
    hidden: bool,
}

/// Removes or decodes every character that cannot be seen.
fn strip(text: &str, form: Form) -> Stripped {
    let mut stripper = Stripper {
        form,
        out: Stripped { text: String::with_capacity(text.len()), tail: String::new(), hidden: false },
        selectors: Vec::new(),
        run: 0,
    };
    let mut rest = text.char_indices().peekable();
    while let Some((at, c)) = rest.next() {
        if c == '\u{1b}' {
            let length = escape_length(text.get(at + 1..).unwrap_or_default());
            let end = at + 1 + length;
            while rest.next_if(|(next, _)| *next < end).is_some() {}
            stripper.out.hidden |= form == Form::Command;
            continue;
        }
        stripper.push(c, rest.peek().map(|(_, next)| *next));
    }
    stripper.finish()
}

/// The bytes of a terminal escape sequence after its ESC.
fn escape_length(rest: &str) -> usize {
    let bytes = rest.as_bytes();
    match bytes.first() {
        Some(b'[') => {
            1 + bytes.iter().skip(1).take(64).position(|byte| (0x40..=0x7e).contains(byte)).map_or(0, |end| end + 1)
        }
        Some(b']' | b'P' | b'_' | b'^') => {
            let end = bytes.iter().take(4096).position(|byte| *byte == 0x07 || *byte == 0x1b);
            end.map_or(1, |end| if bytes.get(end) == Some(&0x07) { end + 1 } else { end })
        }
        Some(b'(' | b')') => 2.min(bytes.len()),
        Some(b'=' | b'>' | b'7' | b'8' | b'c') => 1,
        _ => 0,
    }
}

/// The state of [`strip`].
struct Stripper {
    form: Form,
    out: Stripped,
    /// Bytes spelled in variation selectors since the last visible character.
    selectors: Vec<u8>,
    /// Invisible characters since the last visible one.
    run: usize,
}

impl Stripper {
    fn push(&mut self, c: char, next: Option<char>) {
        if let Some(byte) = selector_byte(c) {
            self.selectors.push(byte);
            return;
        }
        self.close_selectors(next.is_some_and(|next| next == '\u{20e3}') || c == '\u{20e3}');
        match c {
            '\u{27e6}' => self.out.text.push_str("[["),
            '\u{27e7}' => self.out.text.push_str("]]"),
            '\u{e0000}'..='\u{e007f}' => self.push_tag(c),
            '\u{2028}' | '\u{2029}' | '\u{85}' => self.visible('\n'),
            _ if is_control(c) => self.push_control(),
            _ if is_bidi_override(c) => self.out.hidden = true,
            _ if is_invisible(c) => self.push_invisible(c, next),
            _ if self.form == Form::Command && is_space(c) => self.visible(' '),
            _ => self.visible(c),
        }
    }

    fn visible(&mut self, c: char) {
        self.run = 0;
        self.out.text.push(c);
    }

    fn push_control(&mut self) {
        self.out.hidden |= self.form == Form::Command;
        self.visible(' ');
    }

    /// A tag character: its ASCII twin, except in the flags of England, Scotland and Wales.
    fn push_tag(&mut self, c: char) {
        if self.out.text.ends_with('\u{1f3f4}') && self.run < 8 {
            self.run += 1;
            return;
        }
        self.out.hidden = true;
        if let Some(ascii) = u8::try_from(u32::from(c) - 0xe0000).ok().filter(|byte| (0x20..0x7f).contains(byte)) {
            self.out.tail.push(char::from(ascii));
        }
    }

    /// A zero-width character: kept between letters that need it (Persian, Indic scripts, emoji), else dropped.
    fn push_invisible(&mut self, c: char, next: Option<char>) {
        self.run += 1;
        let before = self.out.text.chars().next_back();
        if matches!(c, '\u{200c}' | '\u{200d}' | '\u{200e}' | '\u{200f}' | '\u{61c}')
            && before.is_some_and(|c| !c.is_ascii())
            && self.run == 1
        {
            self.out.text.push(c);
            return;
        }
        let at_start = before.is_none() && c == '\u{feff}';
        let in_word =
            before.is_some_and(|c| c.is_ascii_alphanumeric()) && next.is_some_and(|c| c.is_ascii_alphanumeric());
        let hides = match self.form {
            Form::Command => true,
            Form::Prose => (in_word && c != '\u{ad}') || self.run >= HIDDEN_RUN,
        };
        self.out.hidden |= hides && !at_start;
    }

    /// Ends a run of variation selectors: one after a symbol is ordinary, several spell bytes.
    fn close_selectors(&mut self, keycap: bool) {
        if self.selectors.is_empty() {
            return;
        }
        let bytes = std::mem::take(&mut self.selectors);
        let after_ascii = self.out.text.chars().next_back().is_none_or(|c| c.is_ascii());
        if bytes.len() == 1 && (!after_ascii || keycap) {
            return;
        }
        self.out.hidden |= bytes.len() > 1 || self.form == Form::Command;
        if let Ok(spelled) = String::from_utf8(bytes)
            && spelled.len() > 3
            && spelled.chars().all(|c| !c.is_control() || c == '\n')
        {
            self.out.tail.push_str(&spelled);
        }
    }

    fn finish(mut self) -> Stripped {
        self.close_selectors(false);
        self.out
    }
}

/// The byte that a variation selector spells in the usual way of smuggling bytes.
fn selector_byte(c: char) -> Option<u8> {
    match u32::from(c) {
        code @ 0xfe00..=0xfe0f => u8::try_from(code - 0xfe00).ok(),
        code @ 0xe0100..=0xe01ef => u8::try_from(code - 0xe0100 + 16).ok(),
        _ => None,
    }
}

fn is_control(c: char) -> bool {
    c.is_control() && !matches!(c, '\n' | '\t' | '\r')
}

fn is_bidi_override(c: char) -> bool {
    matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200b}'..='\u{200f}' | '\u{2060}'..='\u{2065}' | '\u{206a}'..='\u{206f}' | '\u{3164}' | '\u{feff}' | '\u{ffa0}'
        | '\u{fff9}'..='\u{fffb}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0080}'..='\u{e0fff}')
}

/// A space that is not the ASCII one.
fn is_space(c: char) -> bool {
    matches!(c, '\u{a0}' | '\u{1680}' | '\u{2000}'..='\u{200a}' | '\u{202f}' | '\u{205f}' | '\u{2800}' | '\u{3000}')
}

/// Maps look-alikes to ASCII, word by word.
struct Words {
    out: String,
    disguised: bool,
    /// The ASCII quote that is open.
    quote: Option<char>,
    /// The typographic quotes that were opened outside ASCII quotes and mapped.
    opened: usize,
    /// The last character before the current word that is not a space.
    before: Option<char>,
}

impl Words {
    fn map(text: &str) -> (String, bool) {
        if text.is_ascii() {
            return (text.to_owned(), false);
        }
        let mut words =
            Self { out: String::with_capacity(text.len()), disguised: false, quote: None, opened: 0, before: None };
        for line in text.split_inclusive('\n') {
            words.line(line);
        }
        (words.out, words.disguised)
    }

    fn line(&mut self, line: &str) {
        self.before = None;
        let foreign =
            line.chars().filter(|c| c.is_alphabetic() && !c.is_ascii() && look_alike(*c).is_none()).take(1).count() > 0;
        for word in line.split_inclusive(char::is_whitespace) {
            if word.is_ascii() {
                self.plain(word);
            } else {
                self.word(word, foreign);
            }
            self.before = word.chars().rev().find(|c| !c.is_whitespace()).or(self.before);
        }
    }

    fn plain(&mut self, word: &str) {
        for c in word.chars() {
            self.emit(c);
        }
    }

    fn emit(&mut self, c: char) {
        match c {
            '"' | '\'' if self.quote == Some(c) => self.quote = None,
            '"' | '\'' if self.quote.is_none() && !self.out.ends_with('\\') => self.quote = Some(c),
            _ => {}
        }
        self.out.push(c);
    }

    /// One word with characters beyond ASCII.
    fn word(&mut self, word: &str, foreign: bool) {
        let body = word.trim_end();
        let commanding =
            self.quote.is_none() && self.before.is_none_or(|c| matches!(c, ';' | '|' | '&' | '(' | '`' | '{'));
        let misleads = misleads(body, commanding && !foreign);
        // A name's look-alikes lead to another host, not to the one that they look like.
        let hosts = if commanding { Vec::new() } else { host_parts(body) };
        self.disguised |= hosts.iter().any(|part| body.get(part.clone()).is_some_and(is_disguised_host));
        let mut previous = None;
        let mut rest = word.char_indices().peekable();
        while let Some((at, c)) = rest.next() {
            let in_host = hosts.iter().any(|part| part.contains(&at));
            match ascii_twin(c).filter(|_| misleads && !c.is_ascii()) {
                Some(_) if in_host => {
                    self.disguised = true;
                    self.out.push(c);
                }
                Some(twin) => {
                    self.disguised = true;
                    self.out.push_str(&twin);
                }
                None => self.typographic(c, previous, rest.peek().map(|(_, next)| *next)),
            }
            previous = Some(c);
        }
    }

    /// Quotes and dashes that an editor made of ASCII ones: back to ASCII where they stand for syntax.
    fn typographic(&mut self, c: char, previous: Option<char>, next: Option<char>) {
        let opens = previous.is_none_or(|c| matches!(c, '=' | '(' | ':'));
        let flag = previous.is_none()
            && self.quote.is_none()
            && next.is_some_and(|c| c.is_ascii_alphanumeric() || matches!(c, '-' | '\u{2013}' | '\u{2014}'));
        match c {
            '\u{2013}' | '\u{2212}' | '\u{2010}' | '\u{2011}' | '\u{2012}' if flag => self.out.push('-'),
            '\u{2014}' | '\u{2015}' if flag => self.out.push_str("--"),
            '\u{2018}' | '\u{2019}' | '\u{201c}' | '\u{201d}' | '\u{201e}'
                if self.quote.is_none() && (opens || self.opened > 0) =>
            {
                if opens && self.opened == 0 {
                    self.opened += 1
                } else {
                    self.opened = self.opened.saturating_sub(1)
                }
                self.out.push(if matches!(c, '\u{2018}' | '\u{2019}') { '\'' } else { '"' });
            }
            _ => self.emit(c),
        }
    }
}

/// Whether a word is made to look like an ASCII one.
fn misleads(word: &str, commanding: bool) -> bool {
    let foreign = || word.chars().filter(|c| !c.is_ascii());
    if foreign().any(|c| c.is_alphanumeric() && ascii_twin(c).is_none()) {
        return false;
    }
    let twins = foreign().filter(|c| ascii_twin(*c).is_some());
    if twins.clone().next().is_none() {
        return false;
    }
    let compatible = foreign().any(|c| compatible(c).is_some());
    let ascii_letters = word.chars().filter(char::is_ascii_alphabetic).count();
    let greek = twins.clone().any(|c| matches!(c, '\u{370}'..='\u{3ff}'));
    let mixed = ascii_letters > usize::from(greek) && twins.clone().any(|c| mixes(word, c));
    compatible || mixed || (commanding && twins.count() > 1)
}

/// Where hosts stand in a word: between `://` and what ends the name, behind `user@`, or in a lone `name.tld`.
fn host_parts(word: &str) -> Vec<Range<usize>> {
    let end = |from: usize| {
        let ends = |c: char| c.is_whitespace() || c.is_control() || "/\\?#'\"`,;|&<>(){}".contains(c);
        from + word.get(from..).map_or(0, |rest| rest.find(ends).unwrap_or(rest.len()))
    };
    let part = |from: usize| {
        let whole = word.get(from..end(from)).unwrap_or_default();
        let user = whole.rfind('@').map_or(0, |at| at + 1);
        let name = whole.get(user..).and_then(|name| name.split(':').next()).unwrap_or_default();
        from + user..from + user + name.len()
    };
    let named: Vec<Range<usize>> =
        word.match_indices("://").take(MAX_HOSTS).map(|(at, mark)| part(at + mark.len())).collect();
    if !named.is_empty() {
        return named;
    }
    let value = word.rfind('=').map_or(0, |at| at + 1);
    let quotes = word.get(value..).map_or(0, |rest| rest.len() - rest.trim_start_matches(['"', '\'']).len());
    let lone = part(value + quotes);
    let is_name = word.get(lone.clone()).is_some_and(|name| {
        !name.starts_with(['.', '~', '-', '$'])
            && name.rsplit_once('.').is_some_and(|(_, last)| last.chars().count() > 1)
    });
    if is_name { vec![lone] } else { Vec::new() }
}

/// Whether a part of a host's name is made of letters that all look like ASCII ones, and not all of them are.
fn is_disguised_host(host: &str) -> bool {
    let is_readable = |label: &str| label.chars().all(|c| c.is_ascii() || ascii_twin(c).is_some());
    host.split('.').any(|label| !label.is_ascii() && is_readable(label))
}

/// Whether the look-alike stands in the same run of letters as an ASCII letter.
fn mixes(word: &str, c: char) -> bool {
    word.split(|c: char| !c.is_alphanumeric())
        .any(|run| run.contains(c) && run.chars().any(|c| c.is_ascii_alphabetic()))
        || !c.is_alphanumeric()
}

/// What a character is meant to be taken for.
fn ascii_twin(c: char) -> Option<String> {
    compatible(c).or_else(|| look_alike(c).map(String::from))
}

/// The ASCII form of full-width letters, mathematical alphabets and their kind.
fn compatible(c: char) -> Option<String> {
    if !matches!(c, '\u{ff01}'..='\u{ff5e}' | '\u{1d400}'..='\u{1d7ff}' | '\u{24b6}'..='\u{24e9}' | '\u{2100}'..='\u{2121}' | '\u{2123}'..='\u{2188}' | '\u{fe50}'..='\u{fe6b}' | '\u{1f130}'..='\u{1f149}')
    {
        return None;
    }
    Some(std::iter::once(c).nfkc().collect::<String>()).filter(|form| form.is_ascii() && !form.is_empty())
}

/// The ASCII letter or sign that a character is easily confused with.
fn look_alike(c: char) -> Option<char> {
    match c {
        _ if c.is_ascii() => None,
        '\u{2215}' | '\u{2044}' | '\u{29f8}' => Some('/'),
        '\u{37e}' => Some(';'),
        '\u{2024}' => Some('.'),
        '\u{1c0}' | '\u{2223}' => Some('|'),
        '\u{a789}' | '\u{2236}' => Some(':'),
        '\u{3b1}' | '\u{3c3}' | '\u{3c1}' | '\u{3b3}' | '\u{3bc}' | '\u{3c9}' | '\u{b5}' => None,
        _ => {
            let at = LOOK_ALIKES.binary_search_by_key(&c, |(letter, _)| *letter).ok()?;
            LOOK_ALIKES.get(at).map(|(_, ascii)| *ascii)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: &str, disguised: bool) {
        let (shown, gaps) = reveal(text);
        assert_eq!((shown.as_ref(), gaps.contains(Gap::Disguised)), (expected, disguised));
    }

    #[track_caller]
    fn check_prose(text: &str, expected: &str, disguised: bool) {
        let (shown, gaps) = readable(text);
        assert_eq!((shown.as_ref(), gaps.contains(Gap::Disguised)), (expected, disguised));
    }

    #[test]
    fn plain_text_is_borrowed() {
        assert!(matches!(reveal("ls -la\n"), (Cow::Borrowed("ls -la\n"), gaps) if gaps.is_empty()));
    }

    #[test]
    fn invisible_characters_in_a_command_are_dropped_and_marked() {
        check("r\u{200b}m -rf /", "rm -rf /", true);
        check("r\u{ad}m x", "rm x", true);
        check("echo \u{202e}txt.exe", "echo txt.exe", true);
        check("ls\0 -l", "ls  -l", true);
        check("ls \u{1b}[8mrm\u{1b}[0m", "ls rm", true);
        check("\u{feff}ls", "ls", false);
    }

    #[test]
    fn tag_characters_are_decoded() {
        check("ls\u{e0072}\u{e006d}", "ls", true);
        assert_eq!(spelled_invisibly("ls\u{e0072}\u{e006d}").as_deref(), Some("rm"));
        assert_eq!(spelled_invisibly("ls"), None);
        check_prose("hi\u{e0072}\u{e006d}", "hi\nhidden: rm", true);
        check_prose("\u{1f3f4}\u{e0067}\u{e0062}\u{e0065}\u{e006e}\u{e0067}\u{e007f} won", "\u{1f3f4} won", false);
    }

    #[test]
    fn bytes_in_variation_selectors_are_decoded() {
        let spelled: String =
            "rm -rf".bytes().filter_map(|byte| char::from_u32(0xe0100 + u32::from(byte) - 16)).collect();
        check_prose(&format!("\u{1f600}{spelled} hi"), "\u{1f600} hi\nhidden: rm -rf", true);
    }

    #[test]
    fn confusable_letters_in_an_ascii_word_are_mapped() {
        check("c\u{443}rl http://x", "cyrl http://x", true);
        check("\u{441}url http://x", "curl http://x", true);
        check("\u{ff52}\u{ff4d} \u{ff0d}rf", "rm -rf", true);
        check("\u{1d42b}\u{1d426} x", "rm x", true);
    }

    #[test]
    fn hosts_keep_the_letters_that_lead_elsewhere() {
        for command in [
            "ssh g\u{456}thub.com",
            "git clone https://g\u{456}thub.com/a/b",
            "git clone git@g\u{456}thub.com:a/b",
            "pip install --index-url=https://p\u{443}pi.org/simple x",
            "curl \"https://user:pw@g\u{456}thub.com:8443\"",
            "curl https://\u{440}\u{430}\u{443}\u{440}.com",
            "curl https://github.com\u{2215}x.example/a",
        ] {
            check(command, command, true);
        }
        check("curl https://x.org/\u{456}d_rsa", "curl https://x.org/id_rsa", true);
        check("cat /\u{435}tc/passwd", "cat /etc/passwd", true);
        for command in ["curl https://b\u{fc}cher.de/x", "curl https://\u{43f}\u{440}\u{430}\u{432}\u{434}\u{430}.com"]
        {
            check(command, command, false);
        }
        assert!(host_gaps("https://g\u{456}thub.com/x").contains(Gap::Disguised));
        assert!(host_gaps("https://github.com/\u{456}").is_empty());
    }

    #[test]
    fn words_of_look_alikes_only_count_where_a_command_stands() {
        check("ls; \u{441}\u{430}\u{440} x", "ls; cap x", true);
        check("echo \u{441}\u{430}\u{440}", "echo \u{441}\u{430}\u{440}", false);
    }

    #[test]
    fn other_languages_stay() {
        for text in [
            "git commit -m '\u{418}\u{441}\u{43f}\u{440}\u{430}\u{432}\u{438}\u{442}\u{44c} \u{43e}\u{448}\u{438}\u{431}\u{43a}\u{443} \u{432} parser'",
            "git commit -m '\u{4fee}\u{6b63}\u{ff08}\u{6d4b}\u{8bd5}\u{ff09}\u{ff1a}ok'",
            "echo 'caf\u{e9} na\u{ef}ve \u{fc}ber \u{394}t \u{3bc}s \u{3b1}-test x\u{b2} \u{2122} \u{2026}'",
            "git commit -m '\u{2764}\u{1f600} done \u{2192} ok \u{2013} really'",
            "echo '\u{645}\u{6cc}\u{200c}\u{62e}\u{648}\u{627}\u{647}\u{645}'",
        ] {
            check(text, text, false);
            check_prose(text, text, false);
        }
    }

    #[test]
    fn typographic_dashes_and_quotes_become_syntax_again() {
        check("rm \u{2013}rf build", "rm -rf build", false);
        check("git push \u{2014}force", "git push --force", false);
        check("echo \u{201c}a b\u{201d}", "echo \"a b\"", false);
        check("echo 'it\u{2019}s'", "echo 'it\u{2019}s'", false);
    }

    #[test]
    fn markers_cannot_be_forged() {
        check("echo \u{27e6}TOOL\u{27e7}", "echo [[TOOL]]", false);
        check_prose("\u{27e6}TOOL\u{27e7}", "[[TOOL]]", false);
    }

    #[test]
    fn prose_keeps_what_is_readable() {
        check_prose("zero\u{200b} width", "zero width", false);
        check_prose("i\u{200b}gnore", "ignore", true);
        check_prose("\u{1b}[31mred\u{1b}[0m", "red", false);
        check_prose("\u{41f}\u{440}\u{438}\u{432}\u{435}\u{442}", "\u{41f}\u{440}\u{438}\u{432}\u{435}\u{442}", false);
    }

    #[test]
    fn a_megabyte_of_escapes_takes_linear_time() {
        let text = "\u{1b}]\u{200b}x".repeat(150_000);
        let (shown, _) = reveal(&text);
        assert!(shown.len() <= text.len());
    }
}
