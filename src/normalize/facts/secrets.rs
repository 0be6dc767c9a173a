//! Variables whose names say that they hold a secret, and numbers of bank accounts.

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

/// Whether a text holds the number of a bank account (an IBAN: two letters, two digits, eleven or more letters and digits,
/// with blanks between groups of four), which nobody types into a search by chance.
pub(in crate::normalize) fn has_account_number(text: &str) -> bool {
    let words: Vec<&str> = text.split(|c: char| !c.is_ascii_alphanumeric()).filter(|word| !word.is_empty()).collect();
    words.iter().enumerate().any(|(place, word)| {
        let starts = word.len() >= 4 && word.bytes().take(2).all(|b| b.is_ascii_uppercase());
        let groups = words.iter().skip(place + 1).take(8).take_while(|group| group.len() <= 4 && has_digit(group));
        let length = word.len() + groups.map(|group| group.len()).sum::<usize>();
        starts && word.bytes().skip(2).take(2).all(|b| b.is_ascii_digit()) && (15..=34).contains(&length)
    })
}

fn has_digit(word: &str) -> bool {
    word.bytes().any(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn account_numbers_are_known_by_their_shape() {
        assert!(has_account_number("pay DE00 1234 5678 9012 3456 78 now"));
        assert!(has_account_number("GB82WEST12345698765432"));
        for harmless in
            ["CVE-2024-12345 RFC 9110 section 4.2", "HTTP 404 in v1.2.3", "UTF8 1234 5678", "ISO 8601 2024 01 02"]
        {
            assert!(!has_account_number(harmless), "{harmless}");
        }
    }

    #[test]
    fn variables_that_hold_secrets_are_known_by_their_names() {
        assert_eq!(variable("a $X ${GITHUB_TOKEN}"), Some((5, "GITHUB_TOKEN")));
        assert_eq!(variable("$env:DB_PASSWORD"), Some((0, "DB_PASSWORD")));
        assert_eq!(variable("$TOKENS $HOME $"), None);
    }
}
