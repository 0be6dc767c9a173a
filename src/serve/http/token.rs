//! The bearer token: read from a file that is its owner's alone, kept as a hash, compared in constant time.

use std::fs;
use std::path::Path;

use axum::http::{HeaderMap, header};

use super::HttpError;
use crate::sha256::Sha256;

/// Shorter ones can be guessed.
const SHORTEST: usize = 16;

/// What every request must bear. It has no `Debug`, so that it is in no log.
pub(super) struct Token([u8; 32]);

impl Token {
    /// The contents of a file, without white space around them.
    pub(super) fn read(path: &Path) -> Result<Self, HttpError> {
        let error = |problem: String| HttpError::Token { path: path.to_path_buf(), problem };
        if is_open_to_others(path).map_err(|source| error(source.to_string()))? {
            return Err(error("others may read it; `chmod 600` it".to_owned()));
        }
        let text = fs::read_to_string(path).map_err(|source| error(source.to_string()))?;
        match text.trim() {
            token if token.len() < SHORTEST => Err(error(format!("it is shorter than {SHORTEST} characters"))),
            token => Ok(Self(Sha256::digest(token))),
        }
    }

    /// Whether a request bears it. Hashes are compared: how long that takes tells nothing about the token.
    pub(super) fn is_borne_by(&self, headers: &HeaderMap) -> bool {
        let value = headers.get(header::AUTHORIZATION).map(|value| value.as_bytes());
        let token = value
            .and_then(|value| value.split_at_checked(7))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case(b"bearer "));
        token.is_some_and(|(_, token)| Sha256::digest(token.trim_ascii()) == self.0)
    }
}

#[cfg(unix)]
fn is_open_to_others(path: &Path) -> std::io::Result<bool> {
    use std::os::unix::fs::MetadataExt as _;
    Ok(fs::metadata(path)?.mode() & 0o077 != 0)
}

#[cfg(not(unix))]
fn is_open_to_others(_: &Path) -> std::io::Result<bool> {
    Ok(false)
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    const SECRET: &str = "0123456789abcdef";

    fn token(text: &str, mode: u32) -> Result<Token, HttpError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("token");
        fs::write(&path, text).unwrap();
        #[cfg(unix)]
        fs::set_permissions(&path, std::os::unix::fs::PermissionsExt::from_mode(mode)).unwrap();
        Token::read(&path)
    }

    fn bears(value: &str) -> bool {
        let headers = HeaderMap::from_iter([(header::AUTHORIZATION, HeaderValue::from_str(value).unwrap())]);
        token(&format!("{SECRET}\n"), 0o600).ok().unwrap().is_borne_by(&headers)
    }

    #[test]
    fn only_the_whole_token_opens() {
        assert!(bears(&format!("Bearer {SECRET}")) && bears(&format!("bearer {SECRET}")));
        for wrong in ["", "Bearer", "Bearer ", SECRET, "Basic 0123456789abcdef", "Bearer 0123456789abcde"] {
            assert!(!bears(wrong), "{wrong}");
        }
        assert!(!token(SECRET, 0o600).ok().unwrap().is_borne_by(&HeaderMap::new()));
    }

    #[test]
    fn a_token_that_can_be_guessed_or_read_is_refused() {
        assert!(token("", 0o600).is_err() && token("  short  ", 0o600).is_err());
        #[cfg(unix)]
        assert!(token(SECRET, 0o644).is_err());
    }
}
