//! How a question can fail: what it means for the action, for a second try and for the next question.

use std::fmt::Display;
use std::time::Duration;

use serde::Deserialize;

use super::breaker::Ending;
use super::options::Output;
use crate::engine::ReviewError;

/// Seconds for which a reviewer is left alone that does not know or does not serve whoever asks: nothing heals by itself.
const REFUSED: u64 = 600;
/// The same after a rate limit without a time.
const CROWDED: u64 = 30;
/// Characters of another side's message that are passed on.
const MAX_MESSAGE: usize = 160;

/// Why a question was not answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum CallFailure {
    /// No connection.
    Offline(String),
    /// No whole answer in time.
    Late,
    /// HTTP 429.
    RateLimited { retry_after: Option<Duration>, message: String },
    /// HTTP 5xx, and what says that it will pass.
    Overloaded { retry_after: Option<Duration>, message: String },
    /// What the operator may spend there is spent.
    SpendLimit(String),
    /// HTTP 401, 402, 403.
    Unwelcome(String),
    /// Another status: the question is wrong.
    Rejected { status: u16, message: String },
    /// The model read the question and declined.
    Declined(String),
    /// The answer is longer than it may be.
    Truncated,
    /// An answer, but not the one asked for.
    Malformed(String),
}

impl CallFailure {
    /// A malformed answer, with where it went wrong but none of its words: they may be anyone's.
    pub(super) fn malformed(what: &str, error: &serde_json::Error) -> Self {
        Self::Malformed(format!("{what} (column {})", error.column()))
    }

    /// Of a reply whose status is not 200.
    pub(super) fn from_status(status: u16, retry_after: Option<Duration>, body: &[u8]) -> Self {
        let error = ErrorWire::parse(body);
        let message = error.text(status);
        match status {
            _ if error.is_spend_limit() => Self::SpendLimit(message),
            401..=403 => Self::Unwelcome(message),
            429 => Self::RateLimited { retry_after, message },
            408 | 409 | 500..=599 => Self::Overloaded { retry_after, message },
            _ => Self::Rejected { status, message },
        }
    }

    /// Whether the same question may be answered a moment later.
    pub(super) fn is_passing(&self) -> bool {
        matches!(self, Self::RateLimited { .. } | Self::Overloaded { .. })
    }

    /// How long the other side wants to be left alone.
    pub(super) fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after, .. } | Self::Overloaded { retry_after, .. } => *retry_after,
            _ => None,
        }
    }

    /// The next way of asking for a machine-readable answer, when it is the way that was refused.
    pub(super) fn next_output(&self, output: Output) -> Option<Output> {
        let Self::Rejected { status: 400 | 422, message } = self else { return None };
        let mentions = |words: &[&str]| words.iter().any(|word| message.to_ascii_lowercase().contains(word));
        match output {
            Output::Schema => {
                mentions(&["output_config", "output_format", "json_schema", "structured output", "format"])
                    .then_some(Output::Tool)
            }
            Output::Tool => mentions(&["tool_choice"]).then_some(Output::ToolOffered),
            Output::ToolOffered => None,
        }
    }

    /// Whether nothing was billed for certain: the question was not taken.
    pub(super) fn is_unbilled(&self) -> bool {
        match self {
            Self::Offline(_)
            | Self::RateLimited { .. }
            | Self::Overloaded { .. }
            | Self::SpendLimit(_)
            | Self::Unwelcome(_)
            | Self::Rejected { .. } => true,
            Self::Late | Self::Declined(_) | Self::Truncated | Self::Malformed(_) => false,
        }
    }

    /// What the next question should know.
    pub(super) fn ending(&self) -> Ending {
        match self {
            Self::Offline(cause) => Ending::Unreachable(format!("no connection ({cause})")),
            Self::Late => Ending::Failed("no answer in time".to_owned()),
            Self::RateLimited { retry_after, message } => Ending::Down {
                cause: message.clone(),
                seconds: retry_after.map_or(CROWDED, |time| time.as_secs().max(1)),
            },
            Self::Overloaded { message, .. } | Self::Rejected { message, .. } => Ending::Failed(message.clone()),
            Self::SpendLimit(cause) | Self::Unwelcome(cause) => Ending::Down { cause: cause.clone(), seconds: REFUSED },
            Self::Malformed(what) => Ending::Failed(format!("unusable answer: {what}")),
            // It is there and works; this one question had no answer.
            Self::Declined(_) | Self::Truncated => Ending::Reached,
        }
    }

    /// What the engine makes of it.
    pub(super) fn into_error(self) -> ReviewError {
        match self {
            Self::Offline(cause) => ReviewError::Offline(cause),
            Self::Late => ReviewError::Deadline,
            Self::RateLimited { message, .. } => ReviewError::RateLimited(message),
            Self::Overloaded { message, .. } => ReviewError::Overloaded(message),
            Self::SpendLimit(message) => ReviewError::Budget(format!("the spend limit at the other side: {message}")),
            Self::Unwelcome(message) | Self::Rejected { message, .. } => ReviewError::Rejected(message),
            Self::Declined(category) => ReviewError::Declined(category),
            Self::Truncated => ReviewError::Truncated,
            Self::Malformed(what) => ReviewError::Malformed(what),
        }
    }
}

/// The API's error body; gateways wrap it at will, so everything is optional.
#[derive(Debug, Default, Deserialize)]
struct ErrorWire {
    #[serde(default)]
    error: ErrorDetailWire,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ErrorDetailWire {
    #[serde(rename = "type")]
    kind: String,
    message: String,
    details: ErrorCodeWire,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
struct ErrorCodeWire {
    error_code: String,
}

impl ErrorWire {
    fn parse(body: &[u8]) -> Self {
        serde_json::from_slice(body).unwrap_or_default()
    }

    fn is_spend_limit(&self) -> bool {
        const BY_USER: &str = "you have reached your specified api usage limits";
        self.error.details.error_code == "enforced_spend_limit_reached"
            || self.error.message.to_ascii_lowercase().starts_with(BY_USER)
            || self.error.kind == "billing_error"
    }

    fn text(&self, status: impl Display) -> String {
        let words = self.error.message.split(|c: char| c.is_whitespace() || c.is_control());
        let message: String =
            words.filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ").chars().take(MAX_MESSAGE).collect();
        match (self.error.kind.as_str(), message.as_str()) {
            ("", "") => format!("HTTP {status}"),
            (_, "") => format!("HTTP {status}, {}", self.error.kind.chars().take(40).collect::<String>()),
            (_, message) => format!("HTTP {status}, {message}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(status: u16, body: &str) -> CallFailure {
        CallFailure::from_status(status, None, body.as_bytes())
    }

    #[test]
    fn each_status_has_its_meaning() {
        assert!(matches!(of(401, "{}"), CallFailure::Unwelcome(_)));
        assert!(matches!(of(403, ""), CallFailure::Unwelcome(_)));
        assert!(matches!(of(402, r#"{"error":{"type":"billing_error"}}"#), CallFailure::SpendLimit(_)));
        assert!(matches!(of(404, "<html>"), CallFailure::Rejected { status: 404, .. }));
        assert!(matches!(of(413, ""), CallFailure::Rejected { status: 413, .. }));
        assert!(matches!(of(418, ""), CallFailure::Rejected { status: 418, .. }));
        for status in [409, 500, 504, 529] {
            assert!(of(status, "").is_passing(), "{status}");
        }
    }

    #[test]
    fn spend_limits_are_told_from_rates_and_mistakes() {
        let by_user = r#"{"error":{"type":"invalid_request_error","message":"You have reached your specified API usage limits. You will regain access"}}"#;
        let by_tier = r#"{"error":{"type":"rate_limit_error","message":"x","details":{"error_code":"enforced_spend_limit_reached"}}}"#;
        for failure in [of(400, by_user), of(429, by_tier)] {
            assert!(matches!(failure, CallFailure::SpendLimit(_)) && !failure.is_passing(), "{failure:?}");
            assert!(matches!(failure.ending(), Ending::Down { seconds: REFUSED, .. }));
        }
    }

    #[test]
    fn the_next_way_of_asking_is_taken_only_when_the_way_was_refused() {
        let refused = |message: &str| of(400, &format!(r#"{{"error":{{"message":"{message}"}}}}"#));
        assert_eq!(refused("output_config: not permitted").next_output(Output::Schema), Some(Output::Tool));
        let forced = refused("tool_choice: this model does not support forcing");
        assert_eq!(forced.next_output(Output::Tool), Some(Output::ToolOffered));
        assert_eq!(forced.next_output(Output::ToolOffered), None);
        assert_eq!(refused("messages: empty").next_output(Output::Schema), None);
        assert_eq!(of(500, "output_config").next_output(Output::Schema), None);
    }

    #[test]
    fn a_long_or_hostile_message_is_cut_to_one_short_line() {
        let body = format!(r#"{{"error":{{"type":"x","message":"a\n\u001b[31m{}"}}}}"#, "b ".repeat(500));
        let CallFailure::Overloaded { message, .. } = of(500, &body) else { panic!("not overloaded") };
        assert!(message.len() < 200 && !message.contains(['\n', '\u{1b}']), "{message}");
    }
}
