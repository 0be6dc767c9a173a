//! Whether a script that came as Bash is `cmd` by its looks. It must not fire on Bash.

/// Bytes of a script that are looked at.
const MAX_LOOKED_AT: usize = 4096;

/// Programs that only Windows has, with the words of which one must follow; none for any.
static PROGRAMS: &[(&str, &[&str])] = &[
    ("reg", &["add", "delete", "query", "save", "export", "import", "copy", "load", "unload", "restore", "compare"]),
    (
        "net",
        &[
            "user",
            "localgroup",
            "group",
            "start",
            "stop",
            "view",
            "use",
            "share",
            "accounts",
            "session",
            "config",
            "time",
        ],
    ),
    ("sc", &["config", "create", "stop", "start", "delete", "query", "sdset", "failure", "qc", "sdshow"]),
    ("dir", &["/s", "/b", "/a", "/ah", "/q", "/x"]),
    ("del", &["/f", "/q", "/s", "/a", "/p"]),
    ("rd", &["/s", "/q"]),
    ("rmdir", &["/s", "/q"]),
    ("copy", &["/y", "/b", "/z"]),
    ("move", &["/y"]),
    ("cmd", &["/c", "/k", "/q", "/v", "/r"]),
    ("if", &["exist", "defined", "errorlevel", "not"]),
    ("for", &["/f", "/l", "/d", "/r"]),
    ("attrib", &["+h", "+s", "+r", "-h", "-s", "-r"]),
    ("ipconfig", &["/all", "/flushdns", "/release", "/renew", "/displaydns"]),
    ("shutdown", &["/s", "/r", "/f", "/l", "/t", "/a"]),
    ("format", &["c:", "d:", "e:"]),
    (
        "certutil",
        &[
            "-urlcache",
            "-decode",
            "-encode",
            "-decodehex",
            "-encodehex",
            "-hashfile",
            "-store",
            "-addstore",
            "-verifyctl",
            "-split",
            "-f",
            "-user",
            "-exportpfx",
            "-importpfx",
            "-ping",
            "/urlcache",
            "/decode",
            "/encode",
            "/store",
            "/addstore",
            "/f",
            "/hashfile",
        ],
    ),
    ("schtasks", &[]),
    ("wmic", &[]),
    ("netsh", &[]),
    ("vssadmin", &[]),
    ("bcdedit", &[]),
    ("wevtutil", &[]),
    ("icacls", &[]),
    ("cacls", &[]),
    ("takeown", &[]),
    ("xcopy", &[]),
    ("robocopy", &[]),
    ("rundll32", &[]),
    ("regsvr32", &[]),
    ("mshta", &[]),
    ("bitsadmin", &[]),
    ("taskkill", &[]),
    ("tasklist", &[]),
    ("fsutil", &[]),
    ("diskpart", &[]),
    ("nltest", &[]),
    ("dsquery", &[]),
    ("wbadmin", &[]),
    ("cipher", &["/w", "/e", "/d"]),
    ("cmdkey", &[]),
    ("systeminfo", &[]),
    ("setx", &[]),
    ("mklink", &[]),
    ("assoc", &[]),
    ("ftype", &[]),
    ("gpupdate", &[]),
    ("msiexec", &[]),
    ("cscript", &[]),
    ("wscript", &[]),
    ("esentutl", &[]),
    ("auditpol", &[]),
    ("reagentc", &[]),
    ("forfiles", &[]),
    ("winget", &["install", "uninstall", "upgrade"]),
    ("installutil", &[]),
    ("regasm", &[]),
    ("msbuild", &[]),
    ("odbcconf", &[]),
    ("cmstp", &[]),
    ("hh", &[]),
    ("sqlcmd", &[]),
];

/// Whether the script is `cmd` by its looks.
pub(in crate::normalize) fn looks_like(script: &str) -> bool {
    let script = script.get(..script.floor_char_boundary(MAX_LOOKED_AT)).unwrap_or(script);
    let script = crate::normalize::powershell::before_heredoc(script);
    if script.starts_with("#!") {
        return false;
    }
    let start = script.trim_start().to_ascii_lowercase();
    if start.starts_with("@echo off") || start.starts_with("rem ") || start.starts_with(":: ") {
        return true;
    }
    script.lines().any(|line| segments(line).any(is_cmd)) || has_variable_path(script)
}

/// The commands of a line; quotes respected.
fn segments(line: &str) -> impl Iterator<Item = &str> {
    let mut quote = None;
    let mut escaped = false;
    line.split(move |c: char| {
        if std::mem::take(&mut escaped) {
            return false;
        }
        match c {
            '\'' | '"' if quote == Some(c) => quote = None,
            '\'' | '"' if quote.is_none() => quote = Some(c),
            '\\' if quote == Some('"') => escaped = true,
            _ => {}
        }
        quote.is_none() && matches!(c, '&' | '|' | ';' | '(')
    })
}

/// Whether one command is one of Windows' own.
fn is_cmd(segment: &str) -> bool {
    let segment = segment.trim_start().trim_start_matches('@');
    let mut words = segment.split_whitespace();
    let first = words.next().unwrap_or_default().trim_matches('"');
    let second = words.next().unwrap_or_default().to_ascii_lowercase();
    let name = crate::normalize::windows::program_name(first);
    if drive_path(first)
        || (first.to_ascii_lowercase().ends_with(".exe") && !first.contains('/') && second.starts_with('/'))
    {
        return true;
    }
    let listed = PROGRAMS.iter().find(|(program, _)| *program == name && !first.contains('/'));
    let fits = listed.is_some_and(|(_, nexts)| nexts.is_empty() || nexts.contains(&second.as_str()));
    match name.as_str() {
        "dir" | "del" | "rd" | "rmdir" | "copy" | "move" | "shutdown" => {
            fits && (segment.contains('\\') || segment.contains('%') || name == "del" || name == "rd")
        }
        "if" => {
            fits && (second != "not" || segment.contains(" exist ") || segment.contains(" defined "))
                && !segment.contains("then")
        }
        "type" | "cd" | "copy " | "echo" | "mkdir" | "md" | "start" | "call" => words_name_drive(segment),
        _ => fits,
    }
}

/// `C:\…` as the program.
fn drive_path(word: &str) -> bool {
    let mut chars = word.chars();
    chars.next().is_some_and(|c| c.is_ascii_alphabetic()) && chars.next() == Some(':') && chars.next() == Some('\\')
}

fn words_name_drive(segment: &str) -> bool {
    segment.split_whitespace().skip(1).any(|word| drive_path(word.trim_matches('"')))
}

/// `%NAME%\` or a well-known `%NAME%` outside single quotes.
fn has_variable_path(script: &str) -> bool {
    let mut rest = script;
    while let Some(at) = rest.find('%') {
        let after = rest.get(at + 1..).unwrap_or_default();
        let end = after
            .bytes()
            .take(40)
            .position(|byte| !(byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'(' | b')')));
        let closed = end.filter(|end| *end > 1 && after.as_bytes().get(*end) == Some(&b'%'));
        if let Some(end) = closed {
            let known = after
                .get(..end)
                .is_some_and(|name| crate::normalize::windows::environment(&name.to_ascii_lowercase()).is_some());
            let path = after.as_bytes().get(end + 1) == Some(&b'\\');
            if known
                && (path
                    || after.get(..end).is_some_and(|name| {
                        name.chars().all(|c| !c.is_ascii_lowercase()) || name.eq_ignore_ascii_case("temp")
                    }))
            {
                return true;
            }
        }
        rest = after;
    }
    false
}
