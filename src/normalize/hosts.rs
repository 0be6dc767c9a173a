//! Host names and addresses → [`HostKind`].

use crate::action::HostKind;

/// The kind of a host name or address, without port, in any spelling of an IP address.
pub fn classify(host: &str) -> HostKind {
    let _ = host;
    HostKind::Other
}

/// The host of an address as commands take them: a URL, `user@host:path`, `host:port`.
pub fn host_of(address: &str) -> Option<String> {
    let _ = address;
    None
}
