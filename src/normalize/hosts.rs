//! Host names and addresses → [`HostKind`].

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::Host;

use crate::action::HostKind;

/// A word: where it starts in the text of all words, and its length.
#[derive(Clone, Copy)]
struct W(u32, u8);

impl W {
    fn as_str(self) -> &'static str {
        let start = self.0 as usize;
        TEXT.get(start..start + usize::from(self.1)).unwrap_or_default()
    }
}

include!(concat!(env!("OUT_DIR"), "/hosts.rs"));

/// Endings of names that only resolve inside a network.
const PRIVATE_ENDINGS: [&str; 12] = [
    ".local",
    ".internal",
    ".lan",
    ".home",
    ".corp",
    ".intranet",
    ".private",
    ".home.arpa",
    ".localdomain",
    ".svc",
    ".cluster.local",
    ".test",
];

/// The kind of a host name or address, without port, in any spelling of an IP address.
pub fn classify(host: &str) -> HostKind {
    if is_dynamic(host) {
        return HostKind::Dynamic;
    }
    let host = host.trim().trim_start_matches('[').trim_end_matches(']').trim_end_matches('.');
    let bare = host.split('%').next().unwrap_or(host);
    if let Ok(address) = bare.parse::<Ipv6Addr>() {
        return classify_address(address.to_ipv4_mapped().map_or(IpAddr::V6(address), IpAddr::V4));
    }
    if is_plain_name(host) {
        return classify_name(host);
    }
    match Host::parse(host) {
        Ok(Host::Ipv4(address)) => classify_address(IpAddr::V4(address)),
        Ok(Host::Ipv6(address)) => classify_address(IpAddr::V6(address)),
        Ok(Host::Domain(name)) => classify_name(&name),
        Err(_) => classify_name(&host.to_lowercase()),
    }
}

/// Whether a name is in lower case ASCII and cannot be a spelling of an IP address.
fn is_plain_name(host: &str) -> bool {
    let last = host.rsplit('.').next().unwrap_or(host);
    host.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-' | b'_'))
        && last.starts_with(|first: char| first.is_ascii_lowercase())
}

fn classify_name(name: &str) -> HostKind {
    let name = name.trim_end_matches('.');
    if let Some(kind) = find(&EXACT, name) {
        return kind;
    }
    let mut rest = name;
    while let Some((_, suffix)) = rest.split_once('.') {
        if let Some(kind) = find(&SUFFIXES, suffix) {
            return kind;
        }
        rest = suffix;
    }
    if !name.contains('.') || PRIVATE_ENDINGS.iter().any(|ending| name.ends_with(ending)) {
        return HostKind::Private;
    }
    HostKind::Other
}

fn classify_address(address: IpAddr) -> HostKind {
    if let Some(kind) = find(&EXACT, &address.to_string()) {
        return kind;
    }
    match address {
        IpAddr::V4(address) => classify_v4(address),
        IpAddr::V6(address) if address.is_loopback() || address.is_unspecified() => HostKind::Loopback,
        IpAddr::V6(address)
            if address.is_unique_local() || address.is_unicast_link_local() || address.is_multicast() =>
        {
            HostKind::Private
        }
        IpAddr::V6(_) => HostKind::BareIp,
    }
}

fn classify_v4(address: Ipv4Addr) -> HostKind {
    let [first, second, ..] = address.octets();
    let shared = first == 100 && (64..128).contains(&second);
    if address.is_loopback() || first == 0 {
        HostKind::Loopback
    } else if address.is_private()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_broadcast()
        || shared
    {
        HostKind::Private
    } else {
        HostKind::BareIp
    }
}

fn find(entries: &[(W, HostKind)], name: &str) -> Option<HostKind> {
    let found = entries.binary_search_by(|(word, _)| word.as_str().cmp(name)).ok()?;
    entries.get(found).map(|(_, kind)| *kind)
}

/// Whether a host is only known when it runs.
fn is_dynamic(host: &str) -> bool {
    host.contains(['$', '`', '{', '<']) || host.starts_with('%') && host.len() > 1
}

/// The host of an address as commands take them: a URL, `user@host:path`, `host:port`, `host.name/path`. `None` for a path, a
/// file and a lone word. What is not known before it runs comes back as it stands (`$HOST`).
pub fn host_of(address: &str) -> Option<String> {
    let address = address.trim().trim_start_matches('@');
    // Browsers and curl's kin take backslashes too.
    if let Some((scheme, rest)) = address.split_once("://").or_else(|| address.split_once(":\\\\")) {
        let local = scheme.eq_ignore_ascii_case("file") || scheme.len() < 2;
        return if local { None } else { authority_host(rest) };
    }
    if address.starts_with(['/', '.', '~', '-', '\\', '#']) || address.is_empty() {
        return None;
    }
    if address.parse::<Ipv6Addr>().is_ok() {
        return Some(address.to_ascii_lowercase());
    }
    let head = address.split(['/', '\\', '?', '#']).next().unwrap_or(address);
    if head.starts_with('[') || head.contains('@') {
        return authority_host(head);
    }
    if let Some((host, _)) = head.split_once(':') {
        return (host.len() > 1 && is_host_like(host)).then(|| host.to_ascii_lowercase());
    }
    (is_dotted_name(head) || head.eq_ignore_ascii_case("localhost")).then(|| head.trim_end_matches('.').to_lowercase())
}

/// `user:password@host:port/path` → `host`.
fn authority_host(rest: &str) -> Option<String> {
    let authority = rest.split(['/', '\\', '?', '#']).next().unwrap_or(rest);
    let host = authority.rsplit('@').next().unwrap_or(authority);
    let host = match host.strip_prefix('[') {
        Some(inner) => inner.split(']').next().unwrap_or(inner),
        None if host.starts_with('$') && !host.contains('.') => host,
        None => host.split([':', ',']).next().unwrap_or(host),
    };
    let host = host.trim_end_matches('.');
    (!host.is_empty()).then(|| if is_dynamic(host) { host.to_owned() } else { host.to_lowercase() })
}

fn is_host_like(host: &str) -> bool {
    is_dynamic(host) || host.chars().all(|letter| letter.is_alphanumeric() || matches!(letter, '.' | '-' | '_'))
}

/// Whether a word is a name with a top-level domain, or an IPv4 address.
fn is_dotted_name(word: &str) -> bool {
    let word = word.trim_end_matches('.');
    let Some((before, last)) = word.rsplit_once('.') else { return false };
    !before.is_empty()
        && is_host_like(word)
        && !word.contains("..")
        && (last.len() > 1 && last.chars().all(char::is_alphabetic)
            || word.parse::<Ipv4Addr>().is_ok()
            || last.starts_with("xn--"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(address: &str, host: Option<&str>, kind: HostKind) {
        assert_eq!(host_of(address).as_deref(), host, "{address}");
        if let Some(host) = host {
            assert_eq!(classify(host), kind, "{address}");
        }
    }

    #[test]
    fn urls_have_hosts_in_every_spelling() {
        check("https://github.com/o/r", Some("github.com"), HostKind::Forge);
        check("https://user:pw@Acme-Tools.ORG:8443/x?y#z", Some("acme-tools.org"), HostKind::Other);
        check("https://example.com@evil.example/x", Some("evil.example"), HostKind::Other);
        check("http://[::1]:8080/", Some("::1"), HostKind::Loopback);
        check("http://localhost:3000", Some("localhost"), HostKind::Loopback);
        check("http://webhook.site/abc", Some("webhook.site"), HostKind::Webhook);
        check("https://pypi.org./simple", Some("pypi.org"), HostKind::Registry);
        check("https://$HOST/x", Some("$HOST"), HostKind::Dynamic);
        check("https://${HOST}:80/x", Some("${HOST}:80"), HostKind::Dynamic);
        check("http:\\\\acme-tools.org\\x", Some("acme-tools.org"), HostKind::Other);
        check("file:///etc/passwd", None, HostKind::Other);
        check("ssh://git@gitlab.com:22/x", Some("gitlab.com"), HostKind::Forge);
    }

    #[test]
    fn addresses_of_tools_have_hosts() {
        check("git@github.com:o/r.git", Some("github.com"), HostKind::Forge);
        check("me@10.0.0.5:/tmp", Some("10.0.0.5"), HostKind::Private);
        check("db.internal:5432", Some("db.internal"), HostKind::Private);
        check("acme-tools.org/install.sh", Some("acme-tools.org"), HostKind::Other);
        check("@8.8.8.8", Some("8.8.8.8"), HostKind::BareIp);
        check("origin", None, HostKind::Other);
        check("./x", None, HostKind::Other);
        check("/tmp/x", None, HostKind::Other);
        check("C:\\x", None, HostKind::Other);
        check("fe80::1", Some("fe80::1"), HostKind::Private);
    }

    #[test]
    fn ip_addresses_are_known_in_odd_spellings() {
        for spelling in [
            "2852039166",
            "0xa9fea9fe",
            "0xA9.0xFE.0xA9.0xFE",
            "0251.0376.0251.0376",
            "169.254.169.254",
            "::ffff:169.254.169.254",
            "[::ffff:a9fe:a9fe]",
        ] {
            assert_eq!(classify(spelling), HostKind::Metadata, "{spelling}");
        }
        for spelling in ["127.1", "2130706433", "0x7f000001", "127.0.0.99", "::1", "0.0.0.0", "0"] {
            assert_eq!(classify(spelling), HostKind::Loopback, "{spelling}");
        }
        assert_eq!(classify("172.20.1.1"), HostKind::Private);
        assert_eq!(classify("172.32.1.1"), HostKind::BareIp);
        assert_eq!(classify("100.100.1.1"), HostKind::Private);
        assert_eq!(classify("2001:db8::1"), HostKind::BareIp);
    }

    #[test]
    fn names_are_judged_by_the_longest_ending() {
        assert_eq!(classify("a.b.trycloudflare.com"), HostKind::Tunnel);
        assert_eq!(classify("printer.local"), HostKind::Private);
        assert_eq!(classify("redis"), HostKind::Private);
        assert_eq!(classify("ACME-TOOLS.ORG."), HostKind::Other);
        assert_eq!(classify("аpple.com"), HostKind::Other);
        assert_eq!(classify("x.onion"), HostKind::Onion);
        assert_eq!(classify("$H"), HostKind::Dynamic);
    }
}
