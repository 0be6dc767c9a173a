//! Values that other programs hand to a shell: settings of git and ssh, environment variables, escapes of editors, pagers and
//! clients. Each answer is where the shell command begins in the text.

/// Sections of git's settings in which some values are run, and how the names of those end.
const SECTIONS: [&str; 12] = [
    "core",
    "diff",
    "difftool",
    "mergetool",
    "merge",
    "filter",
    "gpg",
    "interactive",
    "sequence",
    "sendemail",
    "browser",
    "man",
];
const SETTINGS: [&str; 16] = [
    "pager",
    "editor",
    "sshcommand",
    "fsmonitor",
    "textconv",
    "askpass",
    "gitproxy",
    "external",
    "program",
    "cmd",
    "command",
    "driver",
    "clean",
    "smudge",
    "process",
    "difffilter",
];

/// Settings of ssh whose values are run on this machine.
const SSH_SETTINGS: [&str; 3] = ["proxycommand", "localcommand", "knownhostscommand"];

/// Environment variables whose values other programs run.
const VARIABLES: [&str; 20] = [
    "PROMPT_COMMAND",
    "PAGER",
    "MANPAGER",
    "GIT_PAGER",
    "GH_PAGER",
    "AWS_PAGER",
    "EDITOR",
    "VISUAL",
    "GIT_EDITOR",
    "GIT_SEQUENCE_EDITOR",
    "KUBE_EDITOR",
    "BROWSER",
    "GIT_SSH",
    "GIT_SSH_COMMAND",
    "GIT_PROXY_COMMAND",
    "GIT_EXTERNAL_DIFF",
    "GIT_ASKPASS",
    "SSH_ASKPASS",
    "LESSOPEN",
    "LESSCLOSE",
];

/// The shell command in a setting (`core.pager=less -R`, `alias.x=!make`, `ProxyCommand nc %h %p`).
pub(super) fn setting(text: &str) -> Option<usize> {
    let at = text.find(['=', ' '])?;
    let key = text.get(..at)?.to_ascii_lowercase();
    let value = text.get(at + 1..)?;
    let start = text.len() - value.trim_start().len();
    let section = key.split('.').next().unwrap_or_default();
    // An alias without `!` is a subcommand of git's, and a credential helper without it one of git's programs.
    if section == "alias" || key.ends_with(".helper") {
        return value.trim_start().starts_with('!').then_some(start + 1);
    }
    let last = key.rsplit('.').next().unwrap_or_default();
    let runs = SSH_SETTINGS.contains(&key.as_str())
        || section == "pager"
        || SECTIONS.contains(&section) && last.len() < key.len() && SETTINGS.contains(&last);
    (runs && is_command(value)).then_some(start)
}

/// The shell command in the value of an environment variable, if its program runs it.
pub(in crate::normalize) fn variable(name: &str, value: &str) -> Option<usize> {
    let piped = value.len() - value.trim_start_matches([' ', '|', '-']).len();
    let start = if name.starts_with("LESS") { piped } else { 0 };
    let runs = name == "PROMPT_COMMAND" || is_command(value);
    (VARIABLES.contains(&name) && runs).then_some(start)
}

/// Whether a value says more than the name of a program (`PAGER=cat`, `core.fsmonitor=false`), which is nothing new.
fn is_command(value: &str) -> bool {
    value.trim().contains(|letter: char| !letter.is_ascii_alphanumeric() && !matches!(letter, '-' | '_' | '.'))
}

/// The shell command in a command line of an editor or debugger: like [`escape`], and behind a range (`%!sort`, `1,$!x`),
/// `g/…/` or another command (`set x | !ls`).
pub(in crate::normalize) fn editor(text: &str) -> Option<usize> {
    let mut rest = text;
    loop {
        let command = without_range(rest);
        if let Some(at) = escape(rest).map(|at| rest.len() - at).or_else(|| Some(command.len() - escape(command)?)) {
            return Some(text.len() - at);
        }
        rest = rest.split_once('|')?.1;
    }
}

/// A command line without the lines that it is about.
fn without_range(text: &str) -> &str {
    let rest = text.trim_start_matches([' ', ':', '+']);
    let global = ["global/", "vglobal/", "g/", "v/", "g!/"].iter().find_map(|start| rest.strip_prefix(start));
    let rest = global.and_then(|pattern| pattern.split_once('/')).map_or(rest, |(_, command)| command);
    let rest = rest.strip_prefix("'<,'>").unwrap_or(rest);
    let rest =
        rest.trim_start_matches(|letter: char| letter.is_ascii_digit() || matches!(letter, ',' | ';' | '$' | '%'));
    match rest.strip_prefix('.') {
        Some(command) if command.starts_with(['!', ',', 'w', 'r']) => command.trim_start_matches([',', '$', ' ']),
        _ => rest,
    }
}

/// The shell command in what an editor, a pager or a client is told to do: `:!ls`, `\! ls`, `.shell ls`, `shell ls`.
pub(super) fn escape(text: &str) -> Option<usize> {
    const COMMANDS: [&str; 20] = [
        "silent! ",
        "silent ",
        "sil! ",
        "sil ",
        "read ",
        "r ",
        "r",
        "write ",
        "w ",
        "exec ",
        "bufdo ",
        "windo ",
        "argdo ",
        "tabdo ",
        "noautocmd ",
        "verbose ",
        "keepalt ",
        "keepjumps ",
        "vertical ",
        "e ",
    ];
    const ESCAPES: [&str; 7] = ["\\!", "!", ".shell ", ".system ", "shell ", "system ", "terminal "];
    let rest = text.trim_start_matches([' ', '+', ':', '%']);
    let strip = |rest: &'_ str| ESCAPES.iter().find(|escape| rest.starts_with(**escape)).map(|escape| escape.len());
    let plain = strip(rest).map(|length| (rest, length));
    let (rest, length) = plain.or_else(|| {
        let mut rest = rest;
        loop {
            rest = COMMANDS.iter().find_map(|command| rest.strip_prefix(command))?;
            if let Some(length) = strip(rest) {
                return Some((rest, length));
            }
        }
    })?;
    let command = rest.get(length..)?;
    (!command.trim().is_empty()).then_some(text.len() - command.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(found: Option<usize>, text: &str, expected: Option<&str>) {
        assert_eq!(found.and_then(|at| text.get(at..)), expected, "{text}");
    }

    #[test]
    fn settings_whose_values_run_are_known() {
        for (text, expected) in [
            ("core.pager=rm -rf x", Some("rm -rf x")),
            ("alias.x=!rm x", Some("rm x")),
            ("alias.x=log --oneline", None),
            ("core.sshCommand=ssh -i key", Some("ssh -i key")),
            ("diff.pdf.textconv=sh x.sh", Some("sh x.sh")),
            ("credential.helper=store", None),
            ("credential.helper=!f() { cat; }; f", Some("f() { cat; }; f")),
            ("core.pager=cat", None),
            ("core.fsmonitor=false", None),
            ("user.name=a b", None),
            ("ProxyCommand=nc %h %p", Some("nc %h %p")),
            ("ProxyCommand nc %h %p", Some("nc %h %p")),
            ("StrictHostKeyChecking=no", None),
        ] {
            check(setting(text), text, expected);
        }
    }

    #[test]
    fn variables_whose_values_run_are_known() {
        check(variable("GIT_SSH_COMMAND", "ssh -i k"), "ssh -i k", Some("ssh -i k"));
        check(variable("LESSOPEN", "|rm %s"), "|rm %s", Some("rm %s"));
        check(variable("PAGER", "cat"), "cat", None);
        check(variable("HOME", "/a b"), "/a b", None);
    }

    #[test]
    fn escapes_of_editors_pagers_and_clients_are_known() {
        for (text, expected) in [
            (":!rm x", Some("rm x")),
            ("+!rm x", Some("rm x")),
            ("silent !rm x", Some("rm x")),
            (":r !rm x", Some("rm x")),
            ("\\! rm x", Some(" rm x")),
            (".shell rm x", Some("rm x")),
            ("shell rm x", Some("rm x")),
            ("select 1", None),
            ("set nocp", None),
            (":q!", None),
            ("!", None),
        ] {
            check(escape(text), text, expected);
        }
    }

    #[test]
    fn commands_of_editors_are_found_behind_others() {
        for (text, expected) in [
            ("%!rm x", Some("rm x")),
            ("1,$!rm x", Some("rm x")),
            (":.!rm x", Some("rm x")),
            ("0r !rm x", Some("rm x")),
            ("g/x/!rm x", Some("rm x")),
            ("set nocp | sil! !rm x", Some("rm x")),
            ("silent verbose !rm x", Some("rm x")),
            ("%s/a|b!c/d/ge", None),
            ("set nocp | q!", None),
            ("wq", None),
        ] {
            check(editor(text), text, expected);
        }
    }
}
