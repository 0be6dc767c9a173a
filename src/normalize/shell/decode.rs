//! What simple programs print, worked out from literals: `echo`, `printf`, and the decoders. Owns no syntax and no units.

use std::io::Read;

use base64::Engine;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use crate::normalize::limits::MAX_DECODED;

/// Text known before anything runs, such as what `echo` will print.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Literal {
    /// The bytes; text unless it was compressed or is binary.
    pub bytes: Vec<u8>,
    /// Whether an encoding was undone to get it.
    pub decoded: bool,
    /// Whether there may be more of it, or less: part of what prints it is not known.
    pub partial: bool,
}

impl Literal {
    /// Plain text.
    pub(super) fn text(text: impl Into<String>) -> Self {
        Self { bytes: text.into().into_bytes(), ..Self::default() }
    }

    /// As text, if it is.
    pub(super) fn as_text(&self) -> Option<&str> {
        std::str::from_utf8(&self.bytes).ok().filter(|text| !text.contains('\0'))
    }
}

/// What a program does with its standard input, as far as it can be worked out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Output {
    /// It prints this.
    Known(Literal),
    /// It undoes an encoding, of something unknown or wrongly encoded.
    Undecodable,
    /// Anything else.
    Unknown,
}

impl Output {
    /// What is printed when `next` is printed after this.
    #[must_use]
    pub(super) fn then(self, next: Self) -> Self {
        match (self, next) {
            (Self::Known(first), next) if first.bytes.is_empty() && !first.partial => next,
            (before, Self::Known(next)) if next.bytes.is_empty() && !next.partial => before,
            (Self::Known(mut first), Self::Known(next)) => {
                if first.bytes.len() + next.bytes.len() <= MAX_DECODED {
                    first.bytes.extend_from_slice(&next.bytes);
                    first.decoded |= next.decoded;
                    first.partial |= next.partial;
                } else {
                    first.partial = true;
                }
                Self::Known(first)
            }
            (Self::Known(known), _) | (_, Self::Known(known)) => Self::Known(Literal { partial: true, ..known }),
            (Self::Undecodable, _) | (_, Self::Undecodable) => Self::Undecodable,
            (Self::Unknown, Self::Unknown) => Self::Unknown,
        }
    }
}

/// What a program prints, given its arguments and what is known of its standard input.
pub(super) fn output(program: &str, arguments: &[&str], input: Option<&Literal>) -> Output {
    match program {
        "echo" => Output::Known(Literal::text(echo(arguments))),
        // What goes into a variable is not printed.
        "printf" if arguments.first().is_some_and(|first| first.starts_with("-v")) => Output::Known(Literal::default()),
        "printf" => Output::Known(printf(arguments)),
        "cat" | "tee" => match input {
            Some(input) if program == "tee" || arguments.iter().all(|argument| *argument == "-") => {
                Output::Known(input.clone())
            }
            _ => Output::Unknown,
        },
        // Without end, but one line of it is as good as many.
        "yes" => Output::Known(Literal::text(if arguments.is_empty() { "y\n".to_owned() } else { echo(arguments) })),
        "head" | "tail" | "sort" | "uniq" | "tac" | "grep" | "egrep" | "fgrep" => match input {
            Some(input) => filtered(program, arguments, input),
            None => Output::Unknown,
        },
        _ => transformed(program, arguments, input),
    }
}

/// What a filter of lines lets through. Only what is certain: a line too many can hide another, as the opening of a
/// here-document does.
fn filtered(program: &str, arguments: &[&str], input: &Literal) -> Output {
    let lines = input.as_text().and_then(|text| {
        let lines: Vec<&str> = text.lines().collect();
        match program {
            "head" => first_lines(arguments, lines),
            "tail" => last_lines(arguments, lines),
            "grep" | "egrep" | "fgrep" => matching_lines(arguments, lines),
            _ => ordered_lines(program, arguments, lines),
        }
    });
    lines.map_or(Output::Unknown, |lines| {
        let text: String = lines.into_iter().flat_map(|line| [line, "\n"]).collect();
        Output::Known(Literal { bytes: text.into_bytes(), ..input.clone() })
    })
}

/// The number of lines that `head` and `tail` are asked for, with its sign; ten when they are asked for none.
fn line_count<'a>(arguments: &[&'a str]) -> Option<&'a str> {
    match arguments {
        [] => Some("10"),
        ["-n" | "--lines", count] => Some(count),
        [count] => {
            let long = count.strip_prefix("--lines=").or_else(|| count.strip_prefix("-n"));
            long.or_else(|| count.strip_prefix('-').filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit())))
        }
        _ => None,
    }
}

fn first_lines<'t>(arguments: &[&str], mut lines: Vec<&'t str>) -> Option<Vec<&'t str>> {
    let count = line_count(arguments)?;
    let kept = match count.strip_prefix('-') {
        Some(left_out) => lines.len().saturating_sub(left_out.parse().ok()?),
        None => count.parse().ok()?,
    };
    lines.truncate(kept);
    Some(lines)
}

fn last_lines<'t>(arguments: &[&str], mut lines: Vec<&'t str>) -> Option<Vec<&'t str>> {
    let count = line_count(arguments)?;
    let left_out = match count.strip_prefix('+') {
        Some(first) => first.parse::<usize>().ok()?.saturating_sub(1),
        None => lines.len().saturating_sub(count.trim_start_matches('-').parse().ok()?),
    };
    lines.drain(..left_out.min(lines.len()));
    Some(lines)
}

fn ordered_lines<'t>(program: &str, arguments: &[&str], mut lines: Vec<&'t str>) -> Option<Vec<&'t str>> {
    match (program, arguments) {
        ("tac", []) => lines.reverse(),
        ("uniq", []) => lines.dedup(),
        ("sort", []) => lines.sort_unstable(),
        ("sort", ["-r"]) => lines.sort_unstable_by(|one, other| other.cmp(one)),
        ("sort", ["-u"]) => {
            lines.sort_unstable();
            lines.dedup();
        }
        _ => return None,
    }
    Some(lines)
}

/// `grep` with a pattern that is plain text.
fn matching_lines<'t>(arguments: &[&str], mut lines: Vec<&'t str>) -> Option<Vec<&'t str>> {
    let (flags, patterns): (Vec<&str>, Vec<&str>) =
        arguments.iter().copied().partition(|argument| argument.starts_with('-'));
    let [pattern] = patterns.as_slice() else {
        return None;
    };
    let plain = pattern.chars().all(|letter| letter.is_alphanumeric() || matches!(letter, ' ' | '/' | '-' | '_' | '~'));
    let inverted = match flags.as_slice() {
        [] | ["-E" | "-F"] => false,
        ["-v" | "-vE" | "-vF"] => true,
        _ => return None,
    };
    lines.retain(|line| line.contains(pattern) != inverted);
    plain.then_some(lines)
}

fn transformed(program: &str, arguments: &[&str], input: Option<&Literal>) -> Output {
    let Some(transform) = transform(program, arguments) else {
        return if is_closed(program, arguments) { Output::Undecodable } else { Output::Unknown };
    };
    let decodes = !matches!(transform, Transform::Translate(..) | Transform::Delete(..) | Transform::Reverse);
    let result = input.and_then(|input| apply(&transform, &input.bytes));
    match result {
        Some(bytes) if bytes.len() <= MAX_DECODED => {
            Output::Known(Literal { bytes, decoded: true, partial: input.is_some_and(|input| input.partial) })
        }
        _ if decodes => Output::Undecodable,
        _ => Output::Unknown,
    }
}

/// Whether a program decompresses its standard input in a way that is not followed, or decrypts.
fn is_closed(program: &str, arguments: &[&str]) -> bool {
    let has = |names: &[&str]| arguments.iter().any(|argument| names.contains(argument));
    // `-d`, or among the short flags as in `-dc`.
    let decodes = || {
        has(&["--decompress", "--uncompress", "--decode", "--decrypt", "-uncompress"])
            || arguments.iter().any(|argument| {
                argument.starts_with('-')
                    && !argument.starts_with("--")
                    && argument.len() <= 4
                    && argument.contains('d')
            })
    };
    let reads_stdin = || arguments.iter().all(|argument| argument.starts_with('-'));
    match program {
        "bunzip2" | "bzcat" | "unxz" | "xzcat" | "unlzma" | "lzcat" | "unzstd" | "zstdcat" | "unlz4" | "lz4cat"
        | "unpigz" | "uncompress" | "funzip" | "lzop" => reads_stdin(),
        "bzip2" | "pbzip2" | "lbzip2" | "xz" | "lzma" | "zstd" | "zstdmt" | "lz4" | "brotli" | "pigz"
        | "zlib-flate" => reads_stdin() && decodes(),
        "uudecode" | "ccat" => true,
        "openssl" => has(&["-d", "-decrypt"]),
        "gpg" | "gpg2" | "age" | "rage" | "ccrypt" | "basenc" => decodes(),
        "sops" | "ansible-vault" => decodes() || has(&["decrypt", "view"]),
        _ => false,
    }
}

enum Transform {
    /// It decodes a file.
    File,
    Base64,
    Base32,
    Hex,
    Gunzip,
    Reverse,
    Translate(Vec<char>, Vec<char>),
    Delete(Vec<char>),
}

/// The decoding that a program does to its standard input.
fn transform(program: &str, arguments: &[&str]) -> Option<Transform> {
    let has = |names: &[&str]| arguments.iter().any(|argument| names.contains(argument));
    let short = |letter: char| {
        arguments.iter().any(|argument| {
            argument.starts_with('-') && !argument.starts_with("--") && argument.len() <= 4 && argument.contains(letter)
        })
    };
    let operands = arguments.iter().filter(|argument| !argument.starts_with('-') && !argument.starts_with('<')).count();
    match program {
        "base64" | "gbase64" | "base32" | "xxd" if operands > 0 && (short('d') || short('D') || short('r')) => {
            Some(Transform::File)
        }
        "base64" | "gbase64" if operands == 0 && (short('d') || short('D') || has(&["--decode"])) => {
            Some(Transform::Base64)
        }
        "base32" if operands == 0 && (short('d') || has(&["--decode"])) => Some(Transform::Base32),
        "openssl" if has(&["base64", "-base64", "-a"]) && has(&["-d"]) && !has(&["-in"]) => Some(Transform::Base64),
        "xxd" if short('r') && operands == 0 => Some(Transform::Hex),
        "gunzip" | "zcat" | "gzcat" if operands == 0 => Some(Transform::Gunzip),
        "gzip" if operands == 0 && (short('d') || has(&["--decompress"])) => Some(Transform::Gunzip),
        "rev" if arguments.is_empty() => Some(Transform::Reverse),
        "tr" => translate(arguments),
        _ => None,
    }
}

fn translate(arguments: &[&str]) -> Option<Transform> {
    match arguments {
        ["-d", set] => Some(Transform::Delete(set_of(set)?)),
        [from, to] if !from.starts_with('-') => Some(Transform::Translate(set_of(from)?, set_of(to)?)),
        _ => None,
    }
}

fn apply(transform: &Transform, bytes: &[u8]) -> Option<Vec<u8>> {
    match transform {
        Transform::File => None,
        Transform::Base64 => base64(bytes),
        Transform::Base32 => base32(bytes),
        Transform::Hex => unhex(bytes),
        Transform::Gunzip => gunzip(bytes),
        Transform::Reverse => Some(reversed(std::str::from_utf8(bytes).ok()?).into_bytes()),
        Transform::Delete(set) => {
            let text = std::str::from_utf8(bytes).ok()?;
            Some(text.chars().filter(|letter| !set.contains(letter)).collect::<String>().into_bytes())
        }
        Transform::Translate(from, to) => {
            let text = std::str::from_utf8(bytes).ok()?;
            Some(text.chars().map(|letter| mapped(letter, from, to)).collect::<String>().into_bytes())
        }
    }
}

fn mapped(letter: char, from: &[char], to: &[char]) -> char {
    match from.iter().rposition(|&candidate| candidate == letter) {
        Some(index) => to.get(index).or(to.last()).copied().unwrap_or(letter),
        None => letter,
    }
}

fn reversed(text: &str) -> String {
    text.lines().map(|line| line.chars().rev().collect::<String>() + "\n").collect()
}

/// The members of a `tr` set: ranges, classes and escapes; `None` for what is not supported or huge.
fn set_of(spec: &str) -> Option<Vec<char>> {
    let spec = spec
        .replace("[:lower:]", "a-z")
        .replace("[:upper:]", "A-Z")
        .replace("[:digit:]", "0-9")
        .replace("[:space:]", " \t\n\r\x0b\x0c")
        .replace("[:alpha:]", "A-Za-z")
        .replace("[:alnum:]", "A-Za-z0-9");
    let letters: Vec<char> = escapes(&spec).chars().collect();
    let mut set = Vec::new();
    let mut at = 0;
    while let Some(&first) = letters.get(at) {
        match (letters.get(at + 1), letters.get(at + 2)) {
            (Some('-'), Some(&last)) if first <= last => {
                set.extend(first..=last);
                at += 3;
            }
            _ => {
                set.push(first);
                at += 1;
            }
        }
        if set.len() > 1024 {
            return None;
        }
    }
    Some(set)
}

/// Decodes base64 as tools do: either alphabet, blanks and missing padding forgiven.
pub(super) fn base64(bytes: &[u8]) -> Option<Vec<u8>> {
    const CONFIG: GeneralPurposeConfig = GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true);
    const STANDARD: GeneralPurpose = GeneralPurpose::new(&alphabet::STANDARD, CONFIG);
    const URL_SAFE: GeneralPurpose = GeneralPurpose::new(&alphabet::URL_SAFE, CONFIG);
    let compact: Vec<u8> = bytes.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    if compact.is_empty() {
        return None;
    }
    STANDARD.decode(&compact).or_else(|_| URL_SAFE.decode(&compact)).ok()
}

fn base32(bytes: &[u8]) -> Option<Vec<u8>> {
    let (mut buffer, mut n_bits) = (0_u32, 0_u32);
    let mut decoded = Vec::new();
    for &byte in bytes.iter().filter(|byte| !byte.is_ascii_whitespace() && **byte != b'=') {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a',
            b'2'..=b'7' => byte - b'2' + 26,
            _ => return None,
        };
        buffer = (buffer << 5) | u32::from(value);
        n_bits += 5;
        if n_bits >= 8 {
            n_bits -= 8;
            decoded.push(u8::try_from((buffer >> n_bits) & 0xff).ok()?);
            buffer &= (1 << n_bits) - 1;
        }
    }
    Some(decoded)
}

fn unhex(bytes: &[u8]) -> Option<Vec<u8>> {
    let digits: Vec<u8> = bytes.iter().copied().filter(|byte| !byte.is_ascii_whitespace()).collect();
    let even = digits.get(..digits.len() - digits.len() % 2)?;
    hex::decode(even).ok().filter(|decoded| !decoded.is_empty())
}

fn gunzip(bytes: &[u8]) -> Option<Vec<u8>> {
    let limit = u64::try_from(MAX_DECODED).ok()? + 1;
    let mut decoded = Vec::new();
    flate2::read::GzDecoder::new(bytes).take(limit).read_to_end(&mut decoded).ok()?;
    Some(decoded)
}

fn inflate(bytes: &[u8]) -> Option<Vec<u8>> {
    let limit = u64::try_from(MAX_DECODED).ok()? + 1;
    let mut decoded = Vec::new();
    flate2::read::ZlibDecoder::new(bytes).take(limit).read_to_end(&mut decoded).ok()?;
    Some(decoded)
}

/// What `echo` prints.
fn echo(arguments: &[&str]) -> String {
    let is_option = |argument: &&&str| {
        argument
            .strip_prefix('-')
            .is_some_and(|letters| !letters.is_empty() && letters.chars().all(|letter| "neE".contains(letter)))
    };
    let n_options = arguments.iter().take_while(is_option).count();
    let options: String = arguments.iter().take(n_options).copied().collect();
    let mut text = arguments.iter().skip(n_options).copied().collect::<Vec<_>>().join(" ");
    if options.contains('e') {
        text = escapes(&text);
    }
    if !options.contains('n') {
        text.push('\n');
    }
    text
}

/// What `printf` prints: escapes in the format, `%s`, `%b`, `%d`, `%c`, `%x`, the format repeated while arguments are left.
pub(super) fn printf(arguments: &[&str]) -> Literal {
    let arguments = match arguments {
        ["--", rest @ ..] => rest,
        all => all,
    };
    let Some((format, mut values)) = arguments.split_first() else {
        return Literal::default();
    };
    let format = escapes(format);
    let mut text = String::new();
    loop {
        let before = values.len();
        formatted(&format, &mut values, &mut text);
        if values.is_empty() || values.len() == before || text.len() > MAX_DECODED {
            // Escapes that spell a text out, rather than line ends and tabs, are an encoding.
            let decoded = arguments.first().is_some_and(|format| format.contains("\\x") || format.contains("\\0"));
            let partial = text.len() > MAX_DECODED;
            return Literal { bytes: text.into_bytes(), decoded, partial };
        }
    }
}

/// Whether a format of `printf` has no conversions but `%s` and `%b`, as they are: only then is the result exactly that.
pub(super) fn is_plain_format(format: &str) -> bool {
    escapes(format).matches('%').count() == format.matches('%').count()
        && format.replace("%%", "").split('%').skip(1).all(|conversion| conversion.starts_with(['s', 'b']))
}

fn formatted(format: &str, values: &mut &[&str], text: &mut String) {
    let mut letters = format.chars();
    while let Some(letter) = letters.next() {
        if letter != '%' {
            text.push(letter);
            continue;
        }
        let mut conversion = letters.next();
        while conversion.is_some_and(|letter| letter.is_ascii_digit() || "-+ .#*l".contains(letter)) {
            conversion = letters.next();
        }
        if conversion == Some('%') {
            text.push('%');
            continue;
        }
        let value = values.split_first().map_or("", |(first, rest)| {
            *values = rest;
            first
        });
        match conversion {
            Some('b') => text.push_str(&escapes(value)),
            Some('c') => text.extend(value.chars().take(1)),
            Some('x') => {
                text.push_str(&value.parse::<u64>().map_or_else(|_| value.to_owned(), |number| format!("{number:x}")))
            }
            _ => text.push_str(value),
        }
    }
}

/// Resolves backslash escapes as `$'…'`, `echo -e` and `printf` do. Bytes that spell no UTF-8 become replacement characters.
pub(super) fn escapes(text: &str) -> String {
    if !text.contains('\\') {
        return text.to_owned();
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter == '\\' {
            escape(&mut letters, &mut bytes);
        } else {
            push(letter, &mut bytes);
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|error| String::from_utf8_lossy(error.as_bytes()).into_owned())
}

fn push(letter: char, bytes: &mut Vec<u8>) {
    bytes.extend_from_slice(letter.encode_utf8(&mut [0; 4]).as_bytes());
}

fn escape(letters: &mut std::iter::Peekable<std::str::Chars<'_>>, bytes: &mut Vec<u8>) {
    let Some(letter) = letters.next() else {
        bytes.push(b'\\');
        return;
    };
    match letter {
        'n' => bytes.push(b'\n'),
        't' => bytes.push(b'\t'),
        'r' => bytes.push(b'\r'),
        'a' => bytes.push(7),
        'b' => bytes.push(8),
        'v' => bytes.push(11),
        'f' => bytes.push(12),
        'e' | 'E' => bytes.push(27),
        '\\' | '\'' | '"' | '?' => push(letter, bytes),
        'x' => byte_of(digits(letters, 16, 2), bytes),
        '0'..='7' => {
            let first = letter.to_digit(8).unwrap_or_default();
            let most = if letter == '0' { 3 } else { 2 };
            let rest = digits(letters, 8, most);
            let value = rest.map_or(first, |(value, n_digits)| first * 8_u32.pow(n_digits) + value);
            byte_of(Some((value, 1)), bytes);
        }
        'u' | 'U' => {
            let value = digits(letters, 16, if letter == 'u' { 4 } else { 8 });
            if let Some(letter) = value.and_then(|(value, _)| char::from_u32(value)) {
                push(letter, bytes);
            }
        }
        'c' => bytes.extend(letters.next().and_then(|letter| u8::try_from(letter).ok()).map(|byte| byte & 0x1f)),
        _ => {
            bytes.push(b'\\');
            push(letter, bytes);
        }
    }
}

fn byte_of(value: Option<(u32, u32)>, bytes: &mut Vec<u8>) {
    if let Some((value, _)) = value {
        bytes.push(u8::try_from(value & 0xff).unwrap_or_default());
    }
}

/// Up to `most` digits: their value and their number.
fn digits(letters: &mut std::iter::Peekable<std::str::Chars<'_>>, radix: u32, most: u32) -> Option<(u32, u32)> {
    let (mut value, mut n_digits) = (0_u32, 0);
    while n_digits < most
        && let Some(digit) = letters.peek().and_then(|letter| letter.to_digit(radix))
    {
        value = value.wrapping_mul(radix).wrapping_add(digit);
        n_digits += 1;
        letters.next();
    }
    (n_digits > 0).then_some((value, n_digits))
}

/// A literal of a program text that the text decodes.
#[derive(Debug)]
pub(super) struct Embedded {
    /// Where it stands.
    pub at: usize,
    /// What it decodes to; `None` when that is no text.
    pub text: Option<String>,
    /// Whether it was compressed and is not any more.
    pub inflated: bool,
}

/// The quoted literals in a program text that it decodes, by the names of the decoders in it.
pub(super) fn embedded(code: &str) -> Vec<Embedded> {
    const MOST: usize = 8;
    let names = |words: &[&str]| words.iter().any(|word| code.contains(word));
    let from_base64 =
        names(&["b64", "ase64", "atob", "decode64", "unpack('m", "unpack(\"m", "unpack1('m", "unpack1(\"m"]);
    let from_hex = names(&["fromhex", "unhexlify", "hex2bin", "'hex'", "\"hex\"", "'H*'", "\"H*\"", "hex_codec"]);
    let from_percent = names(&["unquote", "decodeURI", "unescape", "urldecode", "decode_www_form"]);
    if !(from_base64 || from_hex || from_percent) {
        return Vec::new();
    }
    let mut found = Vec::new();
    let mut at = 0;
    for part in code.split(['"', '\'', '`']) {
        let decoded = literal_of(part, from_base64, from_hex, from_percent);
        found.extend(decoded.map(|(text, inflated)| Embedded { at, text, inflated }));
        at += part.len() + 1;
        if found.len() >= MOST {
            break;
        }
    }
    found
}

/// A literal decoded in the first way that gives readable text, and whether it was compressed; `None` when it is not encoded.
fn literal_of(part: &str, from_base64: bool, from_hex: bool, from_percent: bool) -> Option<(Option<String>, bool)> {
    if part.len() < 6 || part.len() > 2 * MAX_DECODED {
        return None;
    }
    let readable = |bytes: Vec<u8>| String::from_utf8(bytes).ok().filter(|text| is_readable(text));
    let is_hex = part.len().is_multiple_of(2) && part.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b' ');
    if from_hex
        && is_hex
        && let Some(text) = unhex(part.as_bytes()).and_then(readable)
    {
        return Some((Some(text), false));
    }
    let is_base64 = || part.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=-_\n".contains(&byte));
    if from_base64
        && part.len() >= 12
        && is_base64()
        && let Some(bytes) = base64(part.as_bytes())
    {
        let opened = gunzip(&bytes).or_else(|| inflate(&bytes)).filter(|opened| opened.len() <= MAX_DECODED);
        let inflated = opened.is_some();
        return Some((readable(opened.unwrap_or(bytes)), inflated));
    }
    let is_percent = || part.matches('%').count() >= 2;
    let text = if from_percent && is_percent() { unpercent(part).and_then(readable) } else { None };
    text.map(|text| (Some(text), false))
}

/// Resolves `%72`; `None` when there is none.
fn unpercent(text: &str) -> Option<Vec<u8>> {
    let mut parts = text.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    let mut decodes = false;
    for part in parts {
        match part.get(..2).and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
            Some(byte) => {
                decodes = true;
                bytes.push(byte);
                bytes.extend_from_slice(part.get(2..)?.as_bytes());
            }
            None => {
                bytes.push(b'%');
                bytes.extend_from_slice(part.as_bytes());
            }
        }
    }
    decodes.then_some(bytes)
}

fn is_readable(text: &str) -> bool {
    let n_odd = text.chars().filter(|letter| letter.is_control() && !matches!(letter, '\n' | '\t' | '\r')).count();
    n_odd * 20 <= text.chars().count()
}

/// Decodes UTF-16, little-endian, as PowerShell's `-EncodedCommand` holds it.
pub(super) fn utf16(bytes: &[u8]) -> Option<String> {
    let units = bytes.chunks_exact(2).map(|pair| match pair {
        [low, high] => u16::from_le_bytes([*low, *high]),
        _ => 0,
    });
    char::decode_utf16(units).collect::<Result<String, _>>().ok().filter(|text| !text.is_empty())
}
