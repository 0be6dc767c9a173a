//! A program text → effects on the files that it names and that nobody may touch unseen: settings of agents and of this gate,
//! secrets, what runs at start-up. What such a text does otherwise is for the model to read.

use crate::action::{Fact, PathScope, Scope};

/// Bytes of a program text that are looked at, and names in it.
const MAX_TEXT: usize = 64 * 1024;
const MAX_NAMES: usize = 128;
/// Bytes of a name.
const MAX_NAME: usize = 256;

/// Words of a text that changes the files it names.
const CHANGING: [&str; 23] = [
    "'w'", "\"w\"", "'wb", "\"wb", "'w+", "\"w+", "'a'", "\"a\"", "'a+", "\"a+", "'x'", "'r+", "\"r+", "write",
    "Write", "append", "unlink", "remove", "rename", "copy", "truncate", "dump(", "file_put",
];

/// Files that a program text names in its literals, and whether they are written or only read.
pub(super) fn files(code: &str) -> Vec<(Fact, &str)> {
    let code = code.get(..code.floor_char_boundary(MAX_TEXT)).unwrap_or(code);
    let changes = CHANGING.iter().any(|word| code.contains(word));
    let mut found: Vec<(Fact, &str)> = Vec::new();
    let mut before = "";
    for (at, part) in code.split(['\'', '"', '`']).enumerate() {
        // Every piece between two quotes may be a literal: which quotes open is not known without the language.
        if at > 0 && is_path(part) {
            // `print > "file"` of awk and Perl's `open(F, ">file")`.
            let name = part.trim_start_matches(['>', '<', ' ']);
            let printed = before.trim_end().ends_with('>') || part.trim_start().starts_with('>');
            let fact = if changes || printed { Fact::Write } else { Fact::Read };
            if !found.contains(&(fact, name)) {
                found.push((fact, name));
            }
        }
        if found.len() >= MAX_NAMES {
            break;
        }
        before = part;
    }
    found
}

/// Whether a literal looks like a path.
fn is_path(text: &str) -> bool {
    let name = text.trim_start_matches(['>', '<', ' ']);
    (3..=MAX_NAME).contains(&name.len())
        && (name.starts_with(['/', '~', '.']) || name.contains(['/', '\\']))
        && !name.contains(['\n', '(', ')', ';', '|'])
        && !name.contains("://")
}

/// Whether a place is one of those that are watched.
pub(super) fn is_watched(scope: Scope) -> bool {
    matches!(
        scope,
        Scope::Path(
            PathScope::AgentConfig
                | PathScope::RiskgateConfig
                | PathScope::Secret
                | PathScope::EnvFile
                | PathScope::Startup
        )
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_files_in_literals_are_found_and_whether_they_are_written() {
        assert_eq!(files("open('/a/b','w').write('x')"), [(Fact::Write, "/a/b")]);
        assert_eq!(files("print(open('/a/b').read())"), [(Fact::Read, "/a/b")]);
        assert_eq!(files("{print > \"/a/b\"}"), [(Fact::Write, "/a/b")]);
        assert_eq!(files("{print >> \"/a/b\"}"), [(Fact::Write, "/a/b")]);
        assert_eq!(files("open(F, '>/a/b')"), [(Fact::Write, "/a/b")]);
        assert_eq!(files("fs.writeFileSync(\"~/a\", 'x')"), [(Fact::Write, "~/a")]);
        assert_eq!(files("print('hello world')"), []);
        assert_eq!(files("get('https://x.dev/a')"), []);
    }
}
