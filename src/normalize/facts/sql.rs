//! SQL → what it does, by the first words of its statements.

use enumset::EnumSet;

use crate::action::{Fact, Modifier};

/// What an SQL text does: deletes, writes or reads, grants, runs commands; and whether a change hits every row.
pub fn read(text: &str) -> (EnumSet<Fact>, EnumSet<Modifier>) {
    let mut found = Found { facts: Fact::Database.into(), modifiers: EnumSet::empty() };
    let mut statement: Vec<String> = Vec::new();
    for token in (Tokens { rest: text }) {
        if token == ";" {
            found.statement(&statement);
            statement.clear();
        } else {
            statement.push(token);
        }
    }
    found.statement(&statement);
    (found.facts, found.modifiers)
}

struct Found {
    facts: EnumSet<Fact>,
    modifiers: EnumSet<Modifier>,
}

impl Found {
    fn statement(&mut self, words: &[String]) {
        let word = |at: usize| words.get(at).map_or("", String::as_str);
        let has = |name: &str| words.iter().any(|word| word == name);
        match word(0) {
            "" => return,
            "DROP" | "TRUNCATE" => self.facts |= Fact::Delete,
            "DELETE" => self.change(Fact::Delete, has("WHERE")),
            "UPDATE" => self.change(Fact::Write, has("WHERE")),
            "ALTER" if has("DROP") => self.facts |= Fact::Delete,
            "ALTER" | "CREATE" if matches!(word(1), "USER" | "ROLE" | "LOGIN") => {
                self.facts |= Fact::Account | Fact::Grant
            }
            "GRANT" | "REVOKE" => self.facts |= Fact::Grant,
            "INSERT" | "REPLACE" | "MERGE" | "UPSERT" | "ALTER" | "CREATE" | "RENAME" | "IMPORT" | "RESTORE" => {
                self.facts |= Fact::Write
            }
            "COPY" | "LOAD" => self.facts |= Fact::Write | Fact::Read,
            "WITH" | "EXPLAIN" | "BEGIN" | "DO" | "IF" => self.inside(words),
            "SHUTDOWN" => self.facts |= Fact::Power,
            _ => self.facts |= Fact::Read,
        }
        let program = has("PROGRAM") && word(0) == "COPY";
        if program
            || has("XP_CMDSHELL")
            || has("SYS_EXEC")
            || has("SYS_EVAL")
            || word(0).starts_with("\\!")
            || word(0) == "SYSTEM"
        {
            self.facts |= Fact::Execute;
        }
        if has("OUTFILE") || has("DUMPFILE") {
            self.facts |= Fact::Write;
        }
        if has("LOAD_FILE") || has("PG_READ_FILE") || has("PG_SHADOW") || has("PG_AUTHID") {
            self.facts |= Fact::Credentials;
        }
    }

    /// Statements that stand inside others.
    fn inside(&mut self, words: &[String]) {
        let has = |name: &str| words.iter().any(|word| word == name);
        if has("DROP") || has("TRUNCATE") || has("DELETE") {
            self.facts |= Fact::Delete;
        } else if has("INSERT") || has("UPDATE") || has("MERGE") {
            self.facts |= Fact::Write;
        } else {
            self.facts |= Fact::Read;
        }
    }

    fn change(&mut self, fact: Fact, limited: bool) {
        self.facts |= fact;
        if !limited {
            self.modifiers |= Modifier::All;
        }
    }
}

/// Words in upper case and `;`, without comments and string literals.
struct Tokens<'a> {
    rest: &'a str,
}

impl Iterator for Tokens<'_> {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        loop {
            self.rest = self.rest.trim_start();
            let first = self.rest.chars().next()?;
            if self.rest.starts_with("--") || first == '#' {
                self.skip(self.rest.find('\n').unwrap_or(self.rest.len()));
            } else if self.rest.starts_with("/*!") {
                // MySQL runs what stands in such a comment.
                self.skip(3);
                let digits = self.rest.bytes().take_while(u8::is_ascii_digit).count();
                self.skip(digits);
            } else if self.rest.starts_with("/*") {
                self.skip(self.rest.find("*/").map_or(self.rest.len(), |at| at + 2));
            } else if matches!(first, '\'' | '"' | '`') {
                let inner = self.rest.get(1..).unwrap_or_default();
                self.skip(inner.find(first).map_or(self.rest.len(), |at| at + 2));
            } else if first == ';' {
                self.skip(1);
                return Some(";".to_owned());
            } else {
                let end = self
                    .rest
                    .find(|letter: char| !letter.is_alphanumeric() && !matches!(letter, '_' | '\\' | '!'))
                    .unwrap_or(self.rest.len());
                let end = end.max(first.len_utf8());
                let word = self.rest.get(..end).unwrap_or_default().to_uppercase();
                self.skip(end);
                return Some(word);
            }
        }
    }
}

impl Tokens<'_> {
    fn skip(&mut self, bytes: usize) {
        self.rest = self.rest.get(bytes..).unwrap_or_default();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, facts: EnumSet<Fact>, modifiers: EnumSet<Modifier>) {
        assert_eq!(read(text), (facts | Fact::Database, modifiers), "{text}");
    }

    #[test]
    fn statements_are_judged_by_what_they_change() {
        let none = EnumSet::empty();
        check("select * from users", Fact::Read.into(), none);
        check("DROP TABLE users;", Fact::Delete.into(), none);
        check("/* x */ truncate users", Fact::Delete.into(), none);
        check("select 1; -- x\ndrop database a", Fact::Read | Fact::Delete, none);
        check("delete from users", Fact::Delete.into(), Modifier::All.into());
        check("delete from users where id = 1", Fact::Delete.into(), none);
        check("update users set a = 'where'", Fact::Write.into(), Modifier::All.into());
        check("insert into a values ('drop table; x')", Fact::Write.into(), none);
        check("grant all on *.* to x", Fact::Grant.into(), none);
        check("COPY a FROM PROGRAM 'id'", Fact::Write | Fact::Read | Fact::Execute, none);
        check("exec xp_cmdshell 'whoami'", Fact::Read | Fact::Execute, none);
        check("select 1 into outfile '/tmp/x'", Fact::Read | Fact::Write, none);
        check("with a as (delete from b returning *) select * from a", Fact::Delete.into(), none);
        check("/*!50000 drop table a */", Fact::Delete.into(), none);
        check("alter table a drop column b", Fact::Delete.into(), none);
        check("", EnumSet::empty(), none);
        check("'", EnumSet::empty(), none);
    }
}
