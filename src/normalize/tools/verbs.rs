//! What the words in a tool's name say of what it does.
//!
//! A static slice, sorted by word: the names of MCP tools are the only hint to what they do. A verb says less than a table
//! of programs; where it names a change, the change is taken to be on a remote system unless the tool works on local files.

use crate::action::Fact;

/// What a word says, on a remote system and on local files.
#[derive(Debug, Clone, Copy)]
pub(super) struct Verb {
    pub(super) word: &'static str,
    pub(super) remote: &'static [Fact],
    pub(super) local: &'static [Fact],
}

const fn verb(word: &'static str, remote: &'static [Fact], local: &'static [Fact]) -> Verb {
    Verb { word, remote, local }
}

const READ: &[Fact] = &[Fact::Read];
const CHANGE: &[Fact] = &[Fact::Publish];
const WRITE: &[Fact] = &[Fact::Write];
const REMOVE: &[Fact] = &[Fact::RemoteDelete];
const DELETE: &[Fact] = &[Fact::Delete];
const TELL: &[Fact] = &[Fact::Message];
const PAY: &[Fact] = &[Fact::Pay];
const NONE: &[Fact] = &[];

/// The facts of a word in a tool's name.
pub(super) fn lookup(word: &str) -> Option<&'static Verb> {
    VERBS.binary_search_by(|verb| verb.word.cmp(word)).ok().and_then(|index| VERBS.get(index))
}

/// The words of a name in camel or snake case, in lower case.
pub(super) fn words(name: &str) -> Vec<String> {
    let mut words = vec![String::new()];
    let mut lower_before = false;
    for c in name.chars().take(256) {
        let starts = c.is_uppercase() && lower_before;
        if starts || !c.is_alphanumeric() {
            words.push(String::new());
        }
        if c.is_alphanumeric()
            && let Some(word) = words.last_mut()
        {
            word.extend(c.to_lowercase());
        }
        lower_before = c.is_lowercase() || c.is_ascii_digit();
    }
    words.retain(|word| !word.is_empty());
    words
}

/// Sorted by word.
static VERBS: &[Verb] = &[
    verb("accept", CHANGE, NONE),
    verb("add", CHANGE, WRITE),
    verb("append", CHANGE, WRITE),
    verb("approve", &[Fact::Publish, Fact::Grant], NONE),
    verb("archive", CHANGE, WRITE),
    verb("assign", CHANGE, NONE),
    verb("attach", CHANGE, NONE),
    verb("authorize", &[Fact::Grant], &[Fact::Grant]),
    verb("ban", &[Fact::Account], &[Fact::Account]),
    verb("block", CHANGE, NONE),
    verb("book", PAY, NONE),
    verb("borrow", PAY, NONE),
    verb("browse", &[Fact::Contact, Fact::Read], READ),
    verb("buy", PAY, PAY),
    verb("cancel", REMOVE, NONE),
    verb("change", CHANGE, WRITE),
    verb("charge", PAY, PAY),
    verb("check", READ, READ),
    verb("checkout", PAY, &[Fact::Repository]),
    verb("clear", REMOVE, DELETE),
    verb("click", CHANGE, NONE),
    verb("close", CHANGE, NONE),
    verb("comment", TELL, TELL),
    verb("commit", CHANGE, &[Fact::Repository]),
    verb("configure", &[Fact::Configure], &[Fact::Configure]),
    verb("copy", CHANGE, WRITE),
    verb("count", READ, READ),
    verb("create", CHANGE, WRITE),
    verb("credential", &[Fact::Credentials], &[Fact::Credentials]),
    verb("credentials", &[Fact::Credentials], &[Fact::Credentials]),
    verb("deactivate", &[Fact::Disable], &[Fact::Disable]),
    verb("debit", PAY, PAY),
    verb("decrypt", &[Fact::Credentials], &[Fact::Credentials]),
    verb("delete", REMOVE, DELETE),
    verb("deploy", CHANGE, CHANGE),
    verb("deposit", PAY, PAY),
    verb("describe", READ, READ),
    verb("destroy", REMOVE, DELETE),
    verb("disable", &[Fact::Disable], &[Fact::Disable]),
    verb("disarm", &[Fact::Disable], &[Fact::Disable]),
    verb("donate", PAY, PAY),
    verb("download", &[Fact::Contact, Fact::Download], &[Fact::Contact, Fact::Download]),
    verb("drop", REMOVE, DELETE),
    verb("edit", CHANGE, WRITE),
    verb("email", TELL, TELL),
    verb("enable", CHANGE, &[Fact::Configure]),
    verb("erase", REMOVE, DELETE),
    verb("eval", &[Fact::Execute], &[Fact::Execute]),
    verb("evaluate", &[Fact::Execute], &[Fact::Execute]),
    verb("exchange", PAY, PAY),
    verb("exec", &[Fact::Execute], &[Fact::Execute]),
    verb("execute", &[Fact::Execute], &[Fact::Execute]),
    verb("export", &[Fact::Read, Fact::Upload], READ),
    verb("fetch", &[Fact::Contact, Fact::Read], READ),
    verb("fill", CHANGE, NONE),
    verb("find", READ, READ),
    verb("fork", CHANGE, NONE),
    verb("forward", TELL, TELL),
    verb("get", READ, READ),
    verb("grant", &[Fact::Grant], &[Fact::Grant]),
    verb("history", READ, READ),
    verb("import", CHANGE, WRITE),
    verb("input", &[Fact::Publish, Fact::Contact], NONE),
    verb("inspect", READ, READ),
    verb("install", &[Fact::Install], &[Fact::Install]),
    verb("invite", &[Fact::Message, Fact::Grant], &[Fact::Grant]),
    verb("invoke", &[Fact::Execute], &[Fact::Execute]),
    verb("kill", &[Fact::Kill], &[Fact::Kill]),
    verb("like", CHANGE, NONE),
    verb("list", READ, READ),
    verb("lock", CHANGE, NONE),
    verb("login", &[Fact::Account], &[Fact::Account]),
    verb("lookup", READ, READ),
    verb("mail", TELL, TELL),
    verb("make", CHANGE, WRITE),
    verb("merge", CHANGE, &[Fact::Repository]),
    verb("message", TELL, TELL),
    verb("mkdir", WRITE, WRITE),
    verb("modify", CHANGE, WRITE),
    verb("money", PAY, PAY),
    verb("move", CHANGE, WRITE),
    verb("navigate", &[Fact::Contact], &[Fact::Contact]),
    verb("notify", TELL, TELL),
    verb("open", READ, READ),
    verb("order", PAY, NONE),
    verb("password", &[Fact::Credentials], &[Fact::Credentials]),
    verb("pay", PAY, PAY),
    verb("payment", PAY, PAY),
    verb("permission", &[Fact::Grant], &[Fact::Grant]),
    verb("permissions", &[Fact::Grant], &[Fact::Grant]),
    verb("post", &[Fact::Publish, Fact::Message], &[Fact::Message]),
    verb("prune", REMOVE, DELETE),
    verb("publish", CHANGE, CHANGE),
    verb("pull", &[Fact::Contact, Fact::Repository], &[Fact::Contact, Fact::Repository]),
    verb("purchase", PAY, PAY),
    verb("purge", REMOVE, DELETE),
    verb("push", CHANGE, CHANGE),
    verb("put", CHANGE, WRITE),
    verb("query", READ, READ),
    verb("read", READ, READ),
    verb("reboot", &[Fact::Power], &[Fact::Power]),
    verb("refund", PAY, PAY),
    verb("register", &[Fact::Account], &[Fact::Account]),
    verb("release", CHANGE, CHANGE),
    verb("remove", REMOVE, DELETE),
    verb("rename", CHANGE, WRITE),
    verb("repay", PAY, PAY),
    verb("reply", TELL, TELL),
    verb("reserve", PAY, NONE),
    verb("reset", CHANGE, DELETE),
    verb("restart", &[Fact::Service], &[Fact::Service]),
    verb("retrieve", READ, READ),
    verb("revoke", &[Fact::Grant], &[Fact::Grant]),
    verb("run", &[Fact::Execute], &[Fact::Execute]),
    verb("save", CHANGE, WRITE),
    verb("scan", READ, READ),
    verb("schedule", &[Fact::Publish, Fact::Schedule], &[Fact::Schedule]),
    verb("search", READ, READ),
    verb("secret", &[Fact::Credentials], &[Fact::Credentials]),
    verb("secrets", &[Fact::Credentials], &[Fact::Credentials]),
    verb("sell", PAY, PAY),
    verb("send", TELL, TELL),
    verb("set", CHANGE, WRITE),
    verb("share", &[Fact::Grant, Fact::Publish], &[Fact::Grant]),
    verb("show", READ, READ),
    verb("shutdown", &[Fact::Power], &[Fact::Power]),
    verb("sign", &[Fact::Grant], NONE),
    verb("siphon", PAY, PAY),
    verb("sms", TELL, TELL),
    verb("spawn", &[Fact::Execute], &[Fact::Execute]),
    verb("start", &[Fact::Service], &[Fact::Service]),
    verb("stop", &[Fact::Service], &[Fact::Service]),
    verb("submit", CHANGE, NONE),
    verb("subscribe", PAY, NONE),
    verb("swap", PAY, PAY),
    verb("terminate", &[Fact::Kill], &[Fact::Kill]),
    verb("token", &[Fact::Credentials], &[Fact::Credentials]),
    verb("tokens", &[Fact::Credentials], &[Fact::Credentials]),
    verb("trade", PAY, PAY),
    verb("transfer", PAY, PAY),
    verb("trash", REMOVE, DELETE),
    verb("truncate", REMOVE, DELETE),
    verb("tweet", TELL, TELL),
    verb("type", CHANGE, NONE),
    verb("unlock", &[Fact::Disable], &[Fact::Disable]),
    verb("unsubscribe", CHANGE, NONE),
    verb("update", CHANGE, WRITE),
    verb("upload", &[Fact::Upload, Fact::Contact], &[Fact::Upload, Fact::Contact]),
    verb("view", READ, READ),
    verb("wipe", REMOVE, DELETE),
    verb("wire", PAY, PAY),
    verb("withdraw", PAY, PAY),
    verb("write", CHANGE, WRITE),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_slice_is_sorted_so_every_word_is_found() {
        assert!(VERBS.is_sorted_by(|a, b| a.word < b.word));
        assert!(VERBS.iter().all(|verb| lookup(verb.word).is_some_and(|found| found.word == verb.word)));
    }

    #[test]
    fn names_split_in_camel_and_snake_case() {
        assert_eq!(words("GmailSendEmail"), ["gmail", "send", "email"]);
        assert_eq!(words("send_direct-message"), ["send", "direct", "message"]);
    }
}
