//! A path as spelled → one spelling: variables for well-known folders, Windows forms, `.` and `..` resolved.

use std::borrow::Cow;

/// What well-known variables stand for.
const VARIABLES: [(&str, &str); 34] = [
    ("home", "~"),
    ("userprofile", "~"),
    ("homepath", "~"),
    ("zdotdir", "~"),
    ("appdata", "~/AppData/Roaming"),
    ("localappdata", "~/AppData/Local"),
    ("xdg_config_home", "~/.config"),
    ("xdg_data_home", "~/.local/share"),
    ("xdg_state_home", "~/.local/state"),
    ("xdg_cache_home", "~/.cache"),
    ("cargo_home", "~/.cargo"),
    ("gnupghome", "~/.gnupg"),
    ("kubeconfig", "~/.kube/config"),
    ("profile", "~/Documents/PowerShell/Microsoft.PowerShell_profile.ps1"),
    ("temp", "/tmp"),
    ("tmp", "/tmp"),
    ("tmpdir", "/tmp"),
    ("runner_temp", "/tmp"),
    ("windir", "C:/Windows"),
    ("systemroot", "C:/Windows"),
    ("systemdrive", "C:"),
    ("homedrive", "C:"),
    ("programdata", "C:/ProgramData"),
    ("allusersprofile", "C:/ProgramData"),
    ("programfiles", "C:/Program Files"),
    ("programfiles(x86)", "C:/Program Files (x86)"),
    ("programw6432", "C:/Program Files"),
    ("commonprogramfiles", "C:/Program Files/Common Files"),
    ("public", "C:/Users/Public"),
    ("pwd", "."),
    ("cd", "."),
    ("xdg_runtime_dir", "/run/user/1000"),
    ("github_workspace", "."),
    ("claude_project_dir", "."),
];

/// Top folders of Unix systems, which tell `//etc` from a share.
const TOP_FOLDERS: [&str; 22] = [
    "bin", "boot", "dev", "etc", "home", "lib", "lib64", "media", "mnt", "opt", "proc", "root", "run", "sbin", "srv",
    "sys", "tmp", "usr", "var", "users", "private", "library",
];

/// Names of the registry's hives.
const HIVES: [(&str, &str); 10] = [
    ("hkey_local_machine", "hklm"),
    ("hkey_current_user", "hkcu"),
    ("hkey_classes_root", "hkcr"),
    ("hkey_users", "hku"),
    ("hkey_current_config", "hkcc"),
    ("hklm", "hklm"),
    ("hkcu", "hkcu"),
    ("hkcr", "hkcr"),
    ("hku", "hku"),
    ("hkcc", "hkcc"),
];

/// Where a path starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// At the root, a drive or a registry hive.
    Root,
    /// At a share of another machine.
    Share,
    /// At the user's home.
    Home,
    /// At the current folder.
    Here,
    /// At what is only known when it runs.
    Unknown,
}

/// A path with forward slashes and with variables for known folders filled in, and where it starts. The start is taken off,
/// except for a drive or hive, which stays the first component.
pub(super) fn unify(path: &str) -> (Start, Cow<'_, str>) {
    let path = fill_in(path);
    let path = if path.contains('\\') { Cow::Owned(path.replace('\\', "/")) } else { path };
    let was_share = matches!(&path, Cow::Owned(text) if text.starts_with("//"));
    let path = map(path, |text| text.strip_prefix("file://").unwrap_or(text));
    let path = map(path, |text| {
        let bare = text.strip_prefix("//?/").or_else(|| text.strip_prefix("//./")).unwrap_or(text);
        if drive(bare).is_some() { bare } else { text }
    });
    if path == "~" || path.starts_with("~/") {
        return (Start::Home, map(path, |text| text.trim_start_matches('~')));
    }
    if let Some(user) = path.strip_prefix('~').filter(|rest| !rest.starts_with(['+', '-', '$'])) {
        let folder = if user == "root" || user.starts_with("root/") { "/root" } else { "/home" };
        let rest = user.strip_prefix("root").filter(|_| folder == "/root").unwrap_or(user);
        return (Start::Root, Cow::Owned(format!("{folder}/{rest}")));
    }
    if let Some(rest) = path.strip_prefix("//") {
        let top = rest.split('/').next().unwrap_or_default().to_ascii_lowercase();
        if was_share && !top.is_empty() || !top.is_empty() && rest.contains('/') && !TOP_FOLDERS.contains(&top.as_str())
        {
            return (Start::Share, Cow::Owned(rest.to_owned()));
        }
    }
    if path.starts_with('/') {
        return (Start::Root, msys(path));
    }
    if drive(&path).is_some() {
        return (Start::Root, path);
    }
    if let Some(key) = registry(&path) {
        return (Start::Root, Cow::Owned(key));
    }
    let unknown = path.starts_with(['$', '`', '%']) && is_dynamic(path.split('/').next().unwrap_or_default());
    (if unknown { Start::Unknown } else { Start::Here }, path)
}

fn map<'a>(text: Cow<'a, str>, change: impl Fn(&str) -> &str) -> Cow<'a, str> {
    match text {
        Cow::Borrowed(text) => Cow::Borrowed(change(text)),
        Cow::Owned(text) => {
            let shorter = change(&text);
            if shorter.len() == text.len() { Cow::Owned(text) } else { Cow::Owned(shorter.to_owned()) }
        }
    }
}

/// `/c/Users/…` as Git Bash spells drives.
fn msys(path: Cow<'_, str>) -> Cow<'_, str> {
    let mut parts = path.split('/').skip(1);
    let (Some(letter), Some(folder)) = (parts.next(), parts.next()) else { return path };
    let folder = folder.to_ascii_lowercase();
    let known =
        matches!(folder.as_str(), "users" | "windows" | "program files" | "programdata" | "program files (x86)");
    match letter.chars().next().filter(|drive| letter.len() == 1 && drive.is_ascii_alphabetic() && known) {
        Some(drive) => Cow::Owned(format!("{drive}:{}", path.get(2..).unwrap_or_default())),
        None => path,
    }
}

/// The letter of a path that starts with a drive.
fn drive(path: &str) -> Option<char> {
    let mut letters = path.chars();
    let drive = letters.next().filter(char::is_ascii_alphabetic)?;
    (letters.next() == Some(':')).then_some(drive)
}

/// A registry key as `hive/key`.
fn registry(path: &str) -> Option<String> {
    let lower = path.to_ascii_lowercase();
    let bare = lower
        .strip_prefix("registry::")
        .or_else(|| lower.strip_prefix("microsoft.powershell.core/registry::"))
        .unwrap_or(&lower);
    let (hive, rest) = bare.split_once('/').unwrap_or((bare, ""));
    let (_, short) = HIVES.iter().find(|(name, _)| *name == hive.trim_end_matches(':'))?;
    let start = path.len() - rest.len();
    Some(format!("{short}/{}", path.get(start..).unwrap_or_default()))
}

/// Fills in a leading variable that stands for a known folder, and `%NAME%` anywhere.
fn fill_in(path: &str) -> Cow<'_, str> {
    let Some(at) = path.find(['$', '%']) else { return Cow::Borrowed(path) };
    let (before, rest) = path.split_at_checked(at).unwrap_or((path, ""));
    let Some((name, after)) = variable(rest) else { return Cow::Borrowed(path) };
    let lower = name.to_ascii_lowercase();
    let lower = lower.strip_prefix("env:").unwrap_or(&lower);
    match VARIABLES.iter().find(|(variable, _)| *variable == lower) {
        Some((_, value)) if before.is_empty() => Cow::Owned(format!("{value}{after}")),
        // `C:%HOMEPATH%`, `\\.\%X%`: only a drive may stand before.
        Some((_, value)) if drive(before).is_some() && before.len() == 2 => Cow::Owned(format!("{value}{after}")),
        _ => Cow::Borrowed(path),
    }
}

/// The name of the variable at the start of a text and what follows it.
fn variable(text: &str) -> Option<(&str, &str)> {
    if let Some(rest) = text.strip_prefix('%') {
        return rest.split_once('%');
    }
    if let Some(rest) = text.strip_prefix("$(") {
        let (inside, after) = rest.split_once(')')?;
        return matches!(inside.trim(), "pwd").then_some(("pwd", after));
    }
    let rest = text.strip_prefix('$')?;
    if let Some(rest) = rest.strip_prefix('{') {
        return rest.split_once('}');
    }
    let end =
        rest.find(|letter: char| !letter.is_ascii_alphanumeric() && !matches!(letter, '_' | ':')).unwrap_or(rest.len());
    rest.split_at_checked(end)
}

/// Resolves `.` and `..` in `path` below `base`; `None` in the count of what leads out above an unknown base.
pub(super) fn join<'a>(base: &'a str, path: &'a str) -> (Vec<&'a str>, usize) {
    let mut parts: Vec<&str> = Vec::with_capacity(12);
    let mut above = 0;
    for part in base.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                if parts.last().is_some_and(|last| !last.ends_with(':')) {
                    parts.pop();
                } else if parts.is_empty() {
                    above += 1;
                }
            }
            // Windows drops dots and blanks at the end of a name; elsewhere such names hardly exist.
            part if part.ends_with(['.', ' ']) && part.len() > 3 => parts.push(part.trim_end_matches(['.', ' '])),
            part => parts.push(part),
        }
    }
    (parts, above)
}

/// Whether part of a path is only known when it runs.
pub(super) fn is_dynamic(part: &str) -> bool {
    part.contains(['$', '`'])
        || part.split_once('%').is_some_and(|(_, rest)| {
            rest.split_once('%').is_some_and(|(name, _)| {
                !name.is_empty()
                    && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
                    && !name.bytes().all(|byte| byte.is_ascii_digit())
            })
        })
}
