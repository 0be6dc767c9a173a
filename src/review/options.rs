//! What a review needs, checked once: addresses parsed, names resolved, limits and prices known.

use std::path::PathBuf;
use std::str::FromStr;
use std::time::Duration;

use reqwest::Url;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use strum::{EnumString, VariantNames};

use super::budget::{Limits, Prices};
use super::key::KeySource;
use crate::engine::{ReviewError, ReviewMode};

/// Everything about reviews that does not change from one to the next.
#[derive(Debug, Clone)]
pub struct Options {
    /// Which actions are reviewed.
    pub mode: ReviewMode,
    /// Where the question goes.
    pub endpoint: Endpoint,
    /// What is asked for.
    pub asking: Asking,
    /// How long it may take.
    pub times: Times,
    /// Reviews at once, over all processes that share the state folder.
    pub concurrency: usize,
    /// What may be spent.
    pub limits: Limits,
    /// What the model costs; `None` when unknown, and then only tokens are limited.
    pub prices: Option<Prices>,
    /// Notes on the environment.
    pub environment: Vec<String>,
    /// Rules in prose.
    pub rules: Vec<String>,
    /// What of the circumstances is sent.
    pub sources: Sources,
    /// Whether verdicts are kept on this machine.
    pub keep: Keep,
    /// Where budgets, pauses and kept verdicts lie.
    pub state: PathBuf,
}

/// Where the question goes and how the asker is known there.
#[derive(Debug, Clone)]
pub struct Endpoint {
    /// The full address.
    pub url: Url,
    /// More headers; their values may be secret and are marked so.
    pub headers: HeaderMap,
    /// Where the key comes from.
    pub key: KeySource,
    /// How it is sent; by the key's own kind when not said.
    pub auth: Option<Auth>,
    /// Certificates to trust beside the system's.
    pub ca_file: Option<PathBuf>,
}

impl Endpoint {
    /// Whether the key is there and can be used, without using it.
    pub fn check_key(&self) -> Result<(), ReviewError> {
        self.key.resolve(self.auth).map(drop)
    }

    /// Whether the question stays on this machine (a local server, a gateway's agent).
    pub fn is_loopback(&self) -> bool {
        is_loopback(&self.url)
    }
}

/// What is asked for.
#[derive(Debug, Clone)]
pub struct Asking {
    /// The model.
    pub model: String,
    /// How address and body name it.
    pub dialect: Dialect,
    /// How a machine-readable answer is asked for; found out when not said.
    pub output: Option<Output>,
    /// How hard the model thinks; `None` to say nothing of it.
    pub effort: Option<String>,
    /// A short answer first.
    pub two_stage: bool,
    /// Most tokens of the whole answer, thinking included.
    pub max_output_tokens: u32,
    /// How long the fixed part of the question is cached.
    pub cache: Cache,
}

/// How long things may take.
#[derive(Debug, Clone, Copy)]
pub struct Times {
    /// One review with all its stages and retries.
    pub review: Duration,
    /// Connecting.
    pub connect: Duration,
}

/// What of the circumstances is sent.
#[derive(Debug, Clone, Copy)]
pub struct Sources {
    /// The user's messages and the earlier calls of the session.
    pub transcript: bool,
    /// The state of the repository.
    pub git: bool,
}

/// What becomes of a verdict after it was given.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keep {
    /// It is forgotten.
    Nothing,
    /// It is kept on this machine, redacted, to learn from: the operator agreed.
    Verdicts,
}

/// How the key is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString, VariantNames)]
#[strum(serialize_all = "kebab-case")]
pub enum Auth {
    /// Anthropic's header.
    XApiKey,
    /// Microsoft Foundry's.
    ApiKey,
    /// A gateway's token.
    Bearer,
    /// Not at all: a local server, or a proxy that signs.
    None,
}

/// How address and body name the model.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString, VariantNames)]
#[strum(serialize_all = "snake_case")]
pub enum Dialect {
    /// `POST /v1/messages`, the model in the body.
    Anthropic,
    /// Bedrock's InvokeModel: the model in the address, a version in the body.
    Bedrock,
    /// Google Cloud's rawPredict: the same with another version.
    Vertex,
}

/// How a machine-readable answer is asked for, in the order in which they are tried.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString, VariantNames, serde::Serialize, serde::Deserialize)]
#[strum(serialize_all = "snake_case")]
#[serde(rename_all = "snake_case")]
pub enum Output {
    /// The answer is text that follows a JSON schema.
    Schema,
    /// The answer is the call of a tool that the model has to make.
    Tool,
    /// The answer is the call of a tool that the model is told to make: for models that refuse to be forced.
    ToolOffered,
}

/// How long the fixed part of the question is cached at the other side.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString, VariantNames)]
pub enum Cache {
    /// Five minutes after its last use.
    #[strum(serialize = "5m")]
    FiveMinutes,
    /// An hour; costs more to write.
    #[strum(serialize = "1h")]
    Hour,
    /// Not at all.
    #[strum(serialize = "off")]
    Off,
}

/// Why remote review cannot be set up as asked.
#[derive(Debug, thiserror::Error)]
pub enum OptionsError {
    /// A word that is none of those that the setting knows.
    #[error("review: `{setting}` is `{value}`, but should be one of {known}")]
    Word {
        /// The setting.
        setting: &'static str,
        /// What it says.
        value: String,
        /// What it may say.
        known: String,
    },
    /// An address that the key must not be sent to, or that is none.
    #[error("review: `base_url` {0}")]
    BaseUrl(&'static str),
    /// Not a header.
    #[error("review: header `{0}` cannot be sent as it is")]
    Header(String),
    /// A number that makes no sense.
    #[error("review: `{setting}` must be {wanted}")]
    Number {
        /// The setting.
        setting: &'static str,
        /// What it must be.
        wanted: &'static str,
    },
    /// A limit in dollars for a model of unknown price.
    #[error("review: `usd_per_hour` and `usd_per_day` need `price`, since what `{0}` costs is not known")]
    Price(String),
    /// Nowhere to keep budgets.
    #[error("review: there is no place for its state, since this user has no home")]
    State,
}

/// A word of a setting, by the names of its type.
pub fn word<T: FromStr + VariantNames>(
    setting: &'static str,
    value: Option<&str>,
    default: T,
) -> Result<T, OptionsError> {
    optional_word(setting, value).map(|word| word.unwrap_or(default))
}

/// As [`word`], for a setting that may stay open.
pub fn optional_word<T: FromStr + VariantNames>(
    setting: &'static str,
    value: Option<&str>,
) -> Result<Option<T>, OptionsError> {
    let parse = |value: &str| {
        value.parse().map_err(|_| OptionsError::Word {
            setting,
            value: value.to_owned(),
            known: T::VARIANTS.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", "),
        })
    };
    value.map(parse).transpose()
}

/// The address of the question. The key is sent there, so it is encrypted unless it stays on this machine.
pub fn address(base_url: &str, dialect: Dialect, model: &str) -> Result<Url, OptionsError> {
    let mut url = Url::parse(base_url).map_err(|_| OptionsError::BaseUrl("is not an address"))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(OptionsError::BaseUrl("must not hold a user name or password; use `key_file` or `headers`"));
    }
    if url.scheme() != "https" && !(url.scheme() == "http" && is_loopback(&url)) {
        return Err(OptionsError::BaseUrl("must begin with https:// unless it names this machine"));
    }
    let cannot = |()| OptionsError::BaseUrl("is not an address that has paths");
    let mut path = url.path_segments_mut().map_err(cannot)?;
    path.pop_if_empty();
    match dialect {
        Dialect::Anthropic => path.extend(["v1", "messages"]),
        Dialect::Bedrock => path.extend(["model", model, "invoke"]),
        Dialect::Vertex => path.extend(["publishers", "anthropic", "models", &format!("{model}:rawPredict")]),
    };
    drop(path);
    Ok(url)
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(url::Host::Domain(name)) => name == "localhost",
        Some(url::Host::Ipv4(address)) => address.is_loopback(),
        Some(url::Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

/// Headers by name and value; the values are kept out of `Debug` forms.
pub fn headers<'a>(pairs: impl IntoIterator<Item = (&'a str, &'a str)>) -> Result<HeaderMap, OptionsError> {
    let pair = |(name, value): (&str, &str)| {
        let bad = || OptionsError::Header(name.to_owned());
        let parsed = name.parse::<HeaderName>().map_err(|_| bad())?;
        let mut value = HeaderValue::from_str(value).map_err(|_| bad())?;
        value.set_sensitive(true);
        Ok((parsed, value))
    };
    pairs.into_iter().map(pair).collect()
}

/// The number, unless it is 0.
pub fn at_least_one<T: PartialEq + From<u8>>(setting: &'static str, value: T) -> Result<T, OptionsError> {
    if value == T::from(0) { Err(OptionsError::Number { setting, wanted: "at least 1" }) } else { Ok(value) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_address_follows_the_dialect() {
        let check = |base, dialect, expected| {
            assert_eq!(address(base, dialect, "claude-x").unwrap().as_str(), expected);
        };
        check("https://api.anthropic.com", Dialect::Anthropic, "https://api.anthropic.com/v1/messages");
        check("http://localhost:11434/", Dialect::Anthropic, "http://localhost:11434/v1/messages");
        check("https://gw.example/bedrock", Dialect::Bedrock, "https://gw.example/bedrock/model/claude-x/invoke");
        check(
            "https://aip.example/v1/projects/p/locations/global",
            Dialect::Vertex,
            "https://aip.example/v1/projects/p/locations/global/publishers/anthropic/models/claude-x:rawPredict",
        );
    }

    #[test]
    fn the_key_is_not_sent_in_the_clear() {
        for bad in ["http://example.com", "ftp://localhost", "https://me:EXAMPLE@example.com", "mailto:x@y", "nonsense"]
        {
            assert!(address(bad, Dialect::Anthropic, "m").is_err(), "{bad}");
        }
        for good in ["http://127.0.0.1:80", "http://[::1]:80", "https://example.com"] {
            assert!(address(good, Dialect::Anthropic, "m").is_ok(), "{good}");
        }
    }

    #[test]
    fn words_are_checked_by_name() {
        assert_eq!(word("auth", Some("x-api-key"), Auth::None).unwrap(), Auth::XApiKey);
        assert_eq!(optional_word::<Output>("output", None).unwrap(), None);
        let message = word("cache", Some("2h"), Cache::Off).unwrap_err().to_string();
        assert_eq!(message, "review: `cache` is `2h`, but should be one of `5m`, `1h`, `off`");
    }

    #[test]
    fn header_values_do_not_show_themselves() {
        let map = headers([("x-team", "EXAMPLE")]).unwrap();
        assert!(!format!("{map:?}").contains("EXAMPLE"));
        assert!(headers([("bad name", "x")]).is_err());
        assert!(headers([("x", "two\nlines")]).is_err());
    }
}
