//! Whether a script that came as Bash is PowerShell. It must not fire on Bash: one sure sign decides, weak ones never do.

/// Bytes of a script that are looked at.
const MAX_LOOKED_AT: usize = 8192;

/// The verbs of cmdlets.
static VERBS: &[&str] = &[
    "add",
    "approve",
    "assert",
    "backup",
    "block",
    "checkpoint",
    "clear",
    "close",
    "compare",
    "complete",
    "compress",
    "confirm",
    "connect",
    "convert",
    "convertfrom",
    "convertto",
    "copy",
    "debug",
    "deny",
    "disable",
    "disconnect",
    "dismount",
    "edit",
    "enable",
    "enter",
    "exit",
    "expand",
    "export",
    "find",
    "foreach",
    "format",
    "get",
    "grant",
    "group",
    "hide",
    "import",
    "initialize",
    "install",
    "invoke",
    "join",
    "limit",
    "lock",
    "measure",
    "merge",
    "mount",
    "move",
    "new",
    "open",
    "optimize",
    "out",
    "ping",
    "pop",
    "protect",
    "publish",
    "push",
    "read",
    "receive",
    "redo",
    "register",
    "remove",
    "rename",
    "repair",
    "request",
    "reset",
    "resize",
    "resolve",
    "restart",
    "restore",
    "resume",
    "revoke",
    "save",
    "search",
    "select",
    "send",
    "set",
    "show",
    "skip",
    "sort",
    "split",
    "start",
    "step",
    "stop",
    "submit",
    "suspend",
    "switch",
    "sync",
    "tee",
    "test",
    "trace",
    "unblock",
    "undo",
    "uninstall",
    "unlock",
    "unprotect",
    "unpublish",
    "unregister",
    "update",
    "use",
    "wait",
    "watch",
    "where",
    "write",
];

/// Nouns that cmdlets are named after, where a verb and any noun would not do.
static NOUNS: &[&str] = &[
    "item",
    "childitem",
    "content",
    "process",
    "service",
    "object",
    "webrequest",
    "restmethod",
    "expression",
    "command",
    "location",
    "path",
    "variable",
    "host",
    "output",
    "itemproperty",
    "wmiobject",
    "ciminstance",
    "scheduledtask",
    "localuser",
    "localgroup",
    "localgroupmember",
    "member",
    "module",
    "acl",
    "date",
    "event",
    "eventlog",
    "winevent",
    "job",
    "random",
    "history",
    "alias",
    "psdrive",
    "mppreference",
    "executionpolicy",
    "netfirewallrule",
    "netfirewallprofile",
    "netadapter",
    "nettcpconnection",
    "aduser",
    "adgroup",
    "adcomputer",
    "computer",
    "connection",
    "archive",
    "hotfix",
    "type",
    "string",
    "table",
    "list",
    "null",
    "file",
    "json",
    "csv",
    "xml",
    "html",
    "clixml",
    "securestring",
    "error",
    "warning",
    "verbose",
    "information",
    "progress",
    "debug",
    "clipboard",
    "pssession",
    "psdrive",
    "windowsfeature",
    "windowsoptionalfeature",
    "vm",
    "volume",
    "disk",
    "partition",
    "package",
    "script",
    "scriptblock",
    "method",
    "wmimethod",
    "cimmethod",
    "mailmessage",
    "sleep",
    "unique",
    "comobject",
    "dnsname",
    "netipaddress",
    "netipconfiguration",
    "itempropertyvalue",
    "culture",
    "credential",
    "uiculture",
    "timezone",
    "transcript",
    "webproxy",
    "bitstransfer",
    "azcontext",
    "azaccount",
    "azvm",
    "mgcontext",
    "mggraph",
    "msolservice",
    "azuread",
    "exchangeonline",
    "computerinfo",
    "filehash",
    "netroute",
    "netneighbor",
    "adobject",
    "addomain",
    "adforest",
    "gpo",
    "smbshare",
    "smbmapping",
    "dnsclientcache",
    "itemtype",
    "printer",
    "localgroupmembers",
    "adgroupmember",
    "diskimage",
    "tpm",
    "bitlockervolume",
    "certificate",
    "pfxcertificate",
    "appxpackage",
    "appxprovisionedpackage",
    "provisionedappxpackage",
    "windowspackage",
    "startapps",
    "psreadlineoption",
    "wmievent",
    "wmiinstance",
    "ciminstance",
    "cimsession",
    "gpresultantsetofpolicy",
];

/// Whether the script is PowerShell by its looks.
pub(in crate::normalize) fn looks_like(script: &str) -> bool {
    let script = script.get(..script.floor_char_boundary(MAX_LOOKED_AT)).unwrap_or(script);
    if script.starts_with("#!")
        && !script.get(..64.min(script.floor_char_boundary(64))).is_some_and(|line| line.contains("pwsh"))
    {
        return false;
    }
    let script = before_heredoc(script);
    has_mark(script) || heads(script).any(is_cmdlet)
}

/// The script up to its first here-document: what follows is text.
pub(in crate::normalize) fn before_heredoc(script: &str) -> &str {
    let opens = |at: &usize| {
        script.get(at + 2..).is_some_and(|rest| {
            rest.trim_start_matches('-')
                .starts_with(|c: char| c.is_ascii_alphabetic() || matches!(c, '\'' | '"' | '\\'))
        })
    };
    let at = script.match_indices("<<").map(|(at, _)| at).find(opens);
    at.and_then(|at| script.get(..at)).unwrap_or(script)
}

/// Syntax that no Bash script has in the open.
fn has_mark(script: &str) -> bool {
    let opening = script.trim_start();
    let lower = opening.get(..opening.floor_char_boundary(64)).unwrap_or_default().to_ascii_lowercase();
    let typed = [
        "[system.",
        "[io.file]",
        "[convert]::",
        "[text.encoding]",
        "[net.",
        "[environment]::",
        "[reflection.",
        "[diagnostics.",
        "[void]",
        "[console]::",
        "[ref]",
        "[adsi",
        "[scriptblock]",
        "[activator]",
        "[io.",
        "[appdomain]",
        "[security.",
        "[runtime.",
    ]
    .iter()
    .any(|mark| lower.starts_with(mark));
    typed
        || opens_with_assignment(opening)
        || ["iex(", "iex (", "iex $", "iex \"", "iex ([", "$env:", "param(", "param ("]
            .iter()
            .any(|mark| lower.starts_with(mark))
}

/// `$name = …` at the start: in Bash that would run what `$name` holds with `=` as its argument.
fn opens_with_assignment(opening: &str) -> bool {
    let Some(rest) = opening.strip_prefix('$') else { return false };
    let end = rest.find(|c: char| !(c.is_alphanumeric() || matches!(c, '_' | ':'))).unwrap_or(rest.len());
    let after = rest.get(end..).unwrap_or_default().trim_start_matches([' ', '\t']);
    end > 0
        && !rest.starts_with(|c: char| c.is_ascii_digit())
        && after
            .strip_prefix("+=")
            .or_else(|| after.strip_prefix('='))
            .is_some_and(|value| !value.starts_with(['=', '~']))
}

/// The words in command position, quotes respected.
fn heads(script: &str) -> impl Iterator<Item = &str> {
    let mut quote = None;
    let mut start = Some(0);
    let mut escaped = false;
    let mut heads = Vec::new();
    for (at, c) in script.char_indices() {
        if std::mem::take(&mut escaped) {
            continue;
        }
        let ends = quote.is_none()
            && (c.is_whitespace()
                || matches!(c, ';' | '|' | '&' | '(' | ')' | '{' | '}' | '\'' | '"' | '`' | '$' | '='));
        if ends && let Some(head) = start.take().and_then(|start: usize| script.get(start..at)) {
            if head.is_empty() && c.is_whitespace() {
                start = Some(at + c.len_utf8());
            } else {
                heads.push(head);
            }
        }
        match c {
            '\\' if quote != Some('\'') => escaped = true,
            '\'' | '"' if quote == Some(c) => quote = None,
            '\'' | '"' if quote.is_none() => quote = Some(c),
            '\n' | ';' | '|' | '&' | '(' | '{' | '=' if quote.is_none() => start = Some(at + 1),
            _ => {}
        }
    }
    heads.extend(start.and_then(|start| script.get(start..)));
    heads.into_iter()
}

/// `Verb-Noun` with an approved verb, spelled in Pascal case or with a noun that is known.
fn is_cmdlet(word: &str) -> bool {
    let Some((verb, noun)) = word.split_once('-') else { return false };
    if noun.is_empty() || !noun.chars().all(|c| c.is_ascii_alphanumeric()) {
        return false;
    }
    let known = VERBS.contains(&verb.to_ascii_lowercase().as_str());
    known && (is_pascal_case(verb, noun) || NOUNS.contains(&noun.to_ascii_lowercase().as_str()))
}

fn is_pascal_case(verb: &str, noun: &str) -> bool {
    verb.starts_with(|c: char| c.is_ascii_uppercase())
        && noun.starts_with(|c: char| c.is_ascii_uppercase())
        && noun.len() > 1
}

/// Whether a word is a cmdlet in the spelling of PowerShell's own, which no Unix program has.
pub(in crate::normalize) fn is_cmdlet_in_pascal_case(word: &str) -> bool {
    is_cmdlet(word) && word.split_once('-').is_some_and(|(verb, noun)| is_pascal_case(verb, noun))
}
