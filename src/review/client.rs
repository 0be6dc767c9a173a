//! Sends one question and reads the reply: the only code that connects outwards.

use std::error::Error as _;
use std::fs;
use std::time::Duration;

use backon::{ExponentialBuilder, Retryable as _};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, RETRY_AFTER};
use reqwest::{Certificate, Client as Http, ClientBuilder, Response, Url, redirect};
use tokio::time::{Instant, timeout_at};

use super::answer::ReplyWire;
use super::failure::CallFailure;
use super::options::{Auth, Endpoint, Times};
use crate::engine::ReviewError;
use crate::redact::Secret;

/// Most bytes of a reply: a verdict has a few hundred.
const MAX_REPLY: usize = 256 * 1024;
/// A gate tries again once: more would only use up the time in which a person could be asked.
const RETRIES: usize = 1;
const FIRST_DELAY: Duration = Duration::from_millis(200);
/// Time that a second try must still have.
const LEAST_TIME: Duration = Duration::from_millis(300);

/// A connection to one reviewer.
#[derive(Debug)]
pub(super) struct Client {
    http: Http,
    url: Url,
    headers: HeaderMap,
}

impl Client {
    /// Reads the key and the certificates; connects to nothing yet.
    pub(super) fn new(endpoint: &Endpoint, times: Times) -> Result<Self, ReviewError> {
        let headers = headers(endpoint)?;
        let http = builder(endpoint)?
            .connect_timeout(times.connect)
            // A redirect would take the key and the question elsewhere.
            .redirect(redirect::Policy::none())
            .http1_only()
            .user_agent(concat!("riskgate/", env!("CARGO_PKG_VERSION")))
            .build()
            .map_err(|error| ReviewError::Configuration(format!("no HTTP client can be made: {}", root(&error))))?;
        Ok(Self { http, url: endpoint.url.clone(), headers })
    }

    /// Asks until there is a reply, something final, or no time left.
    pub(super) async fn ask(&self, body: &[u8], due: Instant) -> Result<ReplyWire, CallFailure> {
        let backoff = ExponentialBuilder::new().with_jitter().with_min_delay(FIRST_DELAY).with_max_times(RETRIES);
        let asking =
            (|| self.ask_once(body)).retry(backoff).sleep(tokio::time::sleep).when(CallFailure::is_passing).adjust(
                |failure, delay| {
                    let wait = delay?.max(failure.retry_after().unwrap_or_default());
                    (Instant::now().checked_add(wait + LEAST_TIME)? < due).then_some(wait)
                },
            );
        timeout_at(due, asking).await.unwrap_or(Err(CallFailure::Late))
    }

    async fn ask_once(&self, body: &[u8]) -> Result<ReplyWire, CallFailure> {
        let request = self.http.post(self.url.clone()).headers(self.headers.clone()).body(body.to_vec());
        let response = request.send().await.map_err(|error| unsent(&error))?;
        let status = response.status();
        let retry_after = retry_after(response.headers());
        let reply = read(response).await?;
        if status.as_u16() == 200 {
            ReplyWire::parse(&reply)
        } else {
            Err(CallFailure::from_status(status.as_u16(), retry_after, &reply))
        }
    }
}

fn builder(endpoint: &Endpoint) -> Result<ClientBuilder, ReviewError> {
    // The provider of the process, which reqwest looks for; whoever set one before has set one that works.
    let _ = rustls::crypto::ring::default_provider().install_default();
    if endpoint.is_loopback() {
        // No proxy sees what stays on this machine, and without encryption there are no certificates to load.
        let builder = Http::builder().no_proxy();
        return Ok(if endpoint.url.scheme() == "http" {
            builder.tls_backend_preconfigured(no_roots())
        } else {
            builder
        });
    }
    let builder = Http::builder().https_only(true);
    let Some(path) = &endpoint.ca_file else { return Ok(builder) };
    let bad = |what: String| ReviewError::Configuration(format!("the certificates in `{}`: {what}", path.display()));
    let pem = fs::read(path).map_err(|error| bad(error.to_string()))?;
    let certificates = Certificate::from_pem_bundle(&pem).map_err(|error| bad(root(&error)))?;
    Ok(builder.tls_certs_merge(certificates))
}

/// Trusts nobody: for connections that are not encrypted.
fn no_roots() -> rustls::ClientConfig {
    rustls::ClientConfig::builder().with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth()
}

fn headers(endpoint: &Endpoint) -> Result<HeaderMap, ReviewError> {
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    headers.insert("anthropic-version", HeaderValue::from_static("2023-06-01"));
    if let Some((key, auth)) = endpoint.key.resolve(endpoint.auth)? {
        let (name, value) = credential(&key, auth)?;
        headers.insert(name, value);
    }
    // Named headers win: a gateway may want another version.
    for (name, value) in &endpoint.headers {
        headers.insert(name, value.clone());
    }
    Ok(headers)
}

fn credential(key: &Secret, auth: Auth) -> Result<(HeaderName, HeaderValue), ReviewError> {
    let (name, text) = match auth {
        Auth::Bearer => (AUTHORIZATION, Secret::new(format!("Bearer {}", key.expose()))),
        Auth::ApiKey => (HeaderName::from_static("api-key"), key.clone()),
        Auth::XApiKey | Auth::None => (HeaderName::from_static("x-api-key"), key.clone()),
    };
    let bad = |_| ReviewError::Configuration("the key has characters that cannot be sent".to_owned());
    let mut value = HeaderValue::from_str(text.expose()).map_err(bad)?;
    value.set_sensitive(true);
    Ok((name, value))
}

/// The body, up to its bound.
async fn read(mut response: Response) -> Result<Vec<u8>, CallFailure> {
    let mut body = Vec::new();
    loop {
        match response.chunk().await {
            Ok(Some(chunk)) if body.len() + chunk.len() <= MAX_REPLY => body.extend_from_slice(&chunk),
            Ok(Some(_)) => return Err(CallFailure::Malformed(format!("a reply of more than {MAX_REPLY} bytes"))),
            Ok(None) => return Ok(body),
            Err(error) => return Err(CallFailure::Malformed(format!("the reply broke off: {}", root(&error)))),
        }
    }
}

/// Whole seconds, as the API gives them; a date is as good as nothing for a gate that answers in seconds.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    headers.get(RETRY_AFTER)?.to_str().ok()?.trim().parse().ok().map(Duration::from_secs)
}

/// Why a request got no response. The address is left out: a gateway's may be private.
fn unsent(error: &reqwest::Error) -> CallFailure {
    if error.is_connect() {
        CallFailure::Offline(if error.is_timeout() { "connecting took too long".to_owned() } else { root(error) })
    } else if error.is_timeout() {
        CallFailure::Late
    } else {
        CallFailure::Overloaded { retry_after: None, message: format!("the connection broke: {}", root(error)) }
    }
}

/// The innermost cause, which says what happened and not to which address.
fn root(error: &reqwest::Error) -> String {
    let mut cause = error.source();
    while let Some(inner) = cause.and_then(std::error::Error::source) {
        cause = Some(inner);
    }
    cause.map_or_else(|| "cause unknown".to_owned(), ToString::to_string)
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use super::*;
    use crate::review::KeySource;
    use crate::review::options::{Dialect, address};

    fn client(ca_file: Option<PathBuf>, key: &str) -> Result<Client, ReviewError> {
        let url = address("https://api.example", Dialect::Anthropic, "m").unwrap();
        let key = KeySource::Given(Secret::new(key), Auth::Bearer);
        let endpoint = Endpoint { url, headers: HeaderMap::new(), key, auth: None, ca_file };
        Client::new(&endpoint, Times { review: Duration::from_secs(1), connect: Duration::from_secs(1) })
    }

    #[test]
    fn a_client_for_encrypted_addresses_can_be_made_and_does_not_show_its_key() {
        let client = client(None, "EXAMPLE-key").unwrap();
        assert!(client.headers[AUTHORIZATION].to_str().is_ok_and(|value| value == "Bearer EXAMPLE-key"));
        assert!(!format!("{client:?}").contains("EXAMPLE"));
    }

    #[test]
    fn what_cannot_be_used_is_named() {
        let missing = client(Some(PathBuf::from("/nowhere.pem")), "EXAMPLE").unwrap_err();
        assert!(missing.to_string().contains("/nowhere.pem"), "{missing}");
        let unsendable = client(None, "EXAMPLE\n").unwrap_err();
        assert!(!unsendable.to_string().contains("EXAMPLE"), "{unsendable}");
    }

    #[test]
    fn seconds_are_waited_for_and_dates_are_not() {
        let after =
            |value: &'static str| retry_after(&HeaderMap::from_iter([(RETRY_AFTER, HeaderValue::from_static(value))]));
        assert_eq!(after(" 7 "), Some(Duration::from_secs(7)));
        assert_eq!([after("Fri, 31 Dec 2027 23:59:59 GMT"), after("-1"), after("1e9")], [None, None, None]);
    }
}
