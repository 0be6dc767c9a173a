//! Variables whose names say that they hold a secret.

/// Ends of such names.
const ENDINGS: [&str; 9] =
    ["TOKEN", "SECRET", "PASSWORD", "PASSWD", "API_KEY", "APIKEY", "ACCESS_KEY", "SECRET_KEY", "PRIVATE_KEY"];

/// The first such variable in a text (`$GITHUB_TOKEN`, `${API_KEY}`, `$env:DB_PASSWORD`) and where it stands.
pub(in crate::normalize) fn variable(text: &str) -> Option<(usize, &str)> {
    text.match_indices('$').take(64).find_map(|(at, _)| {
        let rest = text.get(at + 1..)?;
        let rest = rest.strip_prefix(['{', '!']).unwrap_or(rest);
        let rest = rest.strip_prefix("env:").unwrap_or(rest);
        let end = rest.bytes().position(|byte| !byte.is_ascii_alphanumeric() && byte != b'_').unwrap_or(rest.len());
        let name = rest.get(..end)?;
        is_secret(name).then_some((at, name))
    })
}

/// Whether a variable's name says that it holds a secret.
pub(in crate::normalize) fn is_secret(name: &str) -> bool {
    let name = name.to_ascii_uppercase();
    ENDINGS.iter().any(|ending| name.ends_with(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_that_hold_secrets_are_known_by_their_names() {
        assert_eq!(variable("a $X ${GITHUB_TOKEN}"), Some((5, "GITHUB_TOKEN")));
        assert_eq!(variable("$env:DB_PASSWORD"), Some((0, "DB_PASSWORD")));
        assert_eq!(variable("$TOKENS $HOME $"), None);
    }
}
