//! Settings → reviewers: defaults, names and limits of remote review, resolved once.

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use super::AppError;
use crate::config::{self, EnvironmentKey, PriceSettings, ReviewSettings};
use crate::engine::{ReviewMode, Reviewer};
use crate::review::{
    self, Amount, Asking, Auth, Cache, Dialect, Endpoint, Keep, KeySource, Limits, Options, OptionsError, Output,
    Preview, Prices, ProjectMode, RemoteReviewer, Sources, Times,
};

const BASE_URL: &str = "https://api.anthropic.com";
/// Cheap, fast, and good enough to tell what a command does.
const MODEL: &str = "claude-haiku-5-5";
const EFFORT: &str = "low";
/// Thinking counts, and an answer that breaks off is none.
const MAX_OUTPUT_TOKENS: u32 = 2_048;
const TIMEOUT: Duration = Duration::from_millis(6_000);
const CONNECT_TIMEOUT: Duration = Duration::from_millis(1_500);
const CONCURRENCY: usize = 4;
/// Some three hundred reviews an hour and fifteen hundred a day.
const TOKENS_PER_HOUR: u64 = 1_500_000;
const TOKENS_PER_DAY: u64 = 7_500_000;
const USD_PER_HOUR: f64 = 1.0;
const USD_PER_DAY: f64 = 5.0;

/// What every engine's reviewer shares.
#[derive(Clone)]
pub(super) struct Reviewing(Arc<Options>);

impl Reviewing {
    pub(super) fn new(settings: &ReviewSettings) -> Result<Self, AppError> {
        Ok(Self(Arc::new(options(settings)?)))
    }

    /// A reviewer for one engine; it loads nothing before it is asked.
    pub(super) fn reviewer(&self) -> Box<dyn Reviewer> {
        Box::new(RemoteReviewer::new(Arc::clone(&self.0), project_mode(), review::system_clock()))
    }

    /// One that shows what would be sent.
    pub(super) fn preview(&self) -> (Box<dyn Reviewer>, Receiver<String>) {
        let (sender, receiver) = channel();
        (Box::new(Preview::new(Arc::clone(&self.0), project_mode(), sender)), receiver)
    }
}

/// How many reviews may run at a time.
pub fn reviews_at_once(settings: &ReviewSettings) -> Result<usize, AppError> {
    Ok(options(settings)?.concurrency)
}

/// Who would be asked, in words, when everything that a review needs is at hand, or what is not. Nothing is sent to find out.
pub fn review_readiness(settings: &ReviewSettings) -> Result<String, String> {
    let options = options(settings).map_err(|error| error.to_string())?;
    options.endpoint.check_key().map_err(|error| error.to_string())?;
    Ok(format!("{} at {}", options.asking.model, options.endpoint.url))
}

fn project_mode() -> ProjectMode {
    Arc::new(|workspace: &Path| config::project_mode(workspace).map_err(|error| error.to_string()))
}

/// What the settings come to.
pub fn options(settings: &ReviewSettings) -> Result<Options, OptionsError> {
    let model = settings.model.clone().unwrap_or_else(|| MODEL.to_owned());
    let prices = settings.price.map(prices).or_else(|| Prices::of(&model));
    let asking = asking(settings, model)?;
    Ok(Options {
        mode: settings.mode.unwrap_or(ReviewMode::Off),
        endpoint: endpoint(settings, &asking)?,
        times: Times {
            review: milliseconds("timeout_ms", settings.timeout_ms, TIMEOUT)?,
            connect: milliseconds("connect_timeout_ms", settings.connect_timeout_ms, CONNECT_TIMEOUT)?,
        },
        concurrency: positive("concurrency", settings.concurrency.unwrap_or(CONCURRENCY))?,
        limits: limits(settings, prices.is_some(), &asking.model)?,
        prices,
        environment: settings.environment.clone(),
        rules: settings.rules.clone(),
        sources: Sources { transcript: settings.transcript.unwrap_or(true), git: settings.git.unwrap_or(true) },
        keep: if settings.keep == Some(true) { Keep::Verdicts } else { Keep::Nothing },
        state: settings.state.clone().ok_or(OptionsError::State)?,
        asking,
    })
}

fn asking(settings: &ReviewSettings, model: String) -> Result<Asking, OptionsError> {
    let effort = settings.effort.clone().unwrap_or_else(|| EFFORT.to_owned());
    Ok(Asking {
        model,
        dialect: review::word("dialect", settings.dialect.as_deref(), Dialect::Anthropic)?,
        output: review::optional_word::<Output>("output", settings.output.as_deref())?,
        effort: Some(effort).filter(|effort| !effort.is_empty()),
        two_stage: settings.two_stage.unwrap_or(false),
        max_output_tokens: positive("max_output_tokens", settings.max_output_tokens.unwrap_or(MAX_OUTPUT_TOKENS))?,
        cache: review::word("cache", settings.cache.as_deref(), Cache::FiveMinutes)?,
    })
}

fn endpoint(settings: &ReviewSettings, asking: &Asking) -> Result<Endpoint, OptionsError> {
    let base_url = settings.base_url.as_deref().unwrap_or(BASE_URL);
    Ok(Endpoint {
        url: review::address(base_url, asking.dialect, &asking.model)?,
        headers: review::headers(settings.headers.iter().map(|(name, value)| (name.as_str(), value.expose())))?,
        key: key(settings),
        auth: review::optional_word("auth", settings.auth.as_deref())?,
        ca_file: settings.ca_file.as_deref().map(config::in_home),
    })
}

fn key(settings: &ReviewSettings) -> KeySource {
    match (&settings.key_file, &settings.environment_key) {
        (Some(path), _) => KeySource::File(config::in_home(path)),
        (None, Some(EnvironmentKey::ApiKey(key))) => KeySource::Given(key.clone(), Auth::XApiKey),
        (None, Some(EnvironmentKey::BearerToken(token))) => KeySource::Given(token.clone(), Auth::Bearer),
        (None, None) => KeySource::Missing,
    }
}

fn prices(price: PriceSettings) -> Prices {
    let (cache_read, cache_write) = (price.cache_read.unwrap_or(price.input), price.cache_write.unwrap_or(price.input));
    Prices { input: price.input, output: price.output, cache_read, cache_write }
}

/// Without a price there is no counting money, so a limit that someone set in money must not be passed over.
fn limits(settings: &ReviewSettings, priced: bool, model: &str) -> Result<Limits, OptionsError> {
    if !priced && (settings.usd_per_hour.is_some() || settings.usd_per_day.is_some()) {
        return Err(OptionsError::Price(model.to_owned()));
    }
    let amount = |tokens: Option<u64>, usd: Option<f64>, usual: (u64, f64), setting| {
        let micro_usd = review::micro_usd(usd.unwrap_or(usual.1))
            .ok_or(OptionsError::Number { setting, wanted: "an amount of dollars" })?;
        Ok(Amount { tokens: tokens.unwrap_or(usual.0), micro_usd })
    };
    Ok(Limits {
        hour: amount(settings.tokens_per_hour, settings.usd_per_hour, (TOKENS_PER_HOUR, USD_PER_HOUR), "usd_per_hour")?,
        day: amount(settings.tokens_per_day, settings.usd_per_day, (TOKENS_PER_DAY, USD_PER_DAY), "usd_per_day")?,
    })
}

fn positive<T: PartialEq + From<u8>>(setting: &'static str, value: T) -> Result<T, OptionsError> {
    review::at_least_one(setting, value)
}

fn milliseconds(setting: &'static str, value: Option<u64>, usual: Duration) -> Result<Duration, OptionsError> {
    value.map_or(Ok(usual), |value| positive(setting, value).map(Duration::from_millis))
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::redact::Secret;

    fn settings() -> ReviewSettings {
        ReviewSettings { state: Some(PathBuf::from("/state")), ..ReviewSettings::default() }
    }

    #[test]
    fn nothing_set_is_off_and_cheap() {
        let options = options(&settings()).unwrap();
        assert_eq!((options.mode, options.keep), (ReviewMode::Off, Keep::Nothing));
        assert_eq!(options.endpoint.url.as_str(), "https://api.anthropic.com/v1/messages");
        assert_eq!(options.limits.day, Amount { tokens: TOKENS_PER_DAY, micro_usd: 5_000_000 });
        assert!(options.prices.is_some() && matches!(options.endpoint.key, KeySource::Missing));
    }

    #[test]
    fn a_limit_in_money_needs_a_price() {
        let local = ReviewSettings { model: Some("llama".to_owned()), ..settings() };
        assert!(options(&local).is_ok());
        let limited = ReviewSettings { usd_per_day: Some(1.0), ..local };
        assert!(matches!(options(&limited), Err(OptionsError::Price(_))));
        let price = PriceSettings { input: 1.0, output: 2.0, cache_read: None, cache_write: None };
        assert!(options(&ReviewSettings { price: Some(price), ..limited }).is_ok());
    }

    #[test]
    fn numbers_that_make_no_sense_are_refused_by_name() {
        for (bad, name) in [
            (ReviewSettings { concurrency: Some(0), ..settings() }, "concurrency"),
            (ReviewSettings { timeout_ms: Some(0), ..settings() }, "timeout_ms"),
            (ReviewSettings { usd_per_hour: Some(f64::NAN), ..settings() }, "usd_per_hour"),
            (ReviewSettings { usd_per_day: Some(-1.0), ..settings() }, "usd_per_day"),
            (ReviewSettings { state: None, ..settings() }, "state"),
        ] {
            let message = options(&bad).unwrap_err().to_string();
            assert!(message.contains(name), "{message}");
        }
    }

    #[test]
    fn a_file_with_the_key_wins_over_the_environment() {
        let environment_key = Some(EnvironmentKey::BearerToken(Secret::new("EXAMPLE")));
        let given = ReviewSettings { environment_key, ..settings() };
        assert!(matches!(options(&given).unwrap().endpoint.key, KeySource::Given(_, Auth::Bearer)));
        let filed = ReviewSettings { key_file: Some(PathBuf::from("/k")), ..given };
        assert!(matches!(options(&filed).unwrap().endpoint.key, KeySource::File(_)));
    }
}
