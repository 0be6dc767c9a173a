//! The other door: HTTP, for programs that are not this user's own processes and for harnesses with HTTP hooks.
//!
//! On the loopback anybody on this machine may ask; elsewhere a token is needed. Whatever goes wrong is answered with a
//! verdict of the fail-safe table, and fast.

mod connections;
mod hook;
mod observe;
mod score;
mod token;

use std::io;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode, header};
use axum::response::Response;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::time::timeout;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::daemon::HttpOptions;
use super::desk::{Desk, NotJudged};
use super::judge::{Outcome, Task, Whose};
use super::metrics::{Door, Refusal};
use super::protocol::MAX_BODY;
use crate::engine::Failure;
use token::Token;

/// Calls at a time, read and judged; more are refused at once.
const MOST_CALLS: usize = 128;
/// How long the body of a call may take to arrive.
const SLOW: Duration = Duration::from_secs(5);

/// Why HTTP is not spoken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HttpError {
    /// Anybody could ask.
    #[error("`{address}` is open to other machines: give a token with `--http-token-file`")]
    TokenNeeded {
        /// Where HTTP was to be spoken.
        address: SocketAddr,
    },
    /// The token cannot be used.
    #[error("the token in `{}` cannot be used: {problem}", path.display())]
    Token {
        /// The file.
        path: PathBuf,
        /// Why not.
        problem: String,
    },
    /// The address cannot be had.
    #[error("cannot listen at `{address}`: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// The cause.
        source: io::Error,
    },
}

impl HttpError {
    /// Whether the user mends it by asking for something else.
    pub fn is_configuration(&self) -> bool {
        matches!(self, Self::TokenNeeded { .. } | Self::Token { .. })
    }
}

/// A place where HTTP is spoken, not yet open.
pub(super) struct Http {
    listener: TcpListener,
    address: SocketAddr,
    token: Option<Token>,
    deadline: Duration,
}

impl Http {
    /// Listens where the options say, or where a service manager does already.
    pub(super) async fn listen(
        options: &HttpOptions,
        inherited: Option<std::net::TcpListener>,
    ) -> Result<Self, HttpError> {
        let error = |source| HttpError::Listen { address: options.address, source };
        let token = options.token_file.as_deref().map(Token::read).transpose()?;
        let listener = match inherited {
            Some(listener) => {
                listener.set_nonblocking(true).map_err(error)?;
                TcpListener::from_std(listener).map_err(error)?
            }
            None => TcpListener::bind(options.address).await.map_err(error)?,
        };
        let address = listener.local_addr().map_err(error)?;
        if token.is_none() && !address.ip().is_loopback() {
            return Err(HttpError::TokenNeeded { address });
        }
        Ok(Self { listener, address, token, deadline: options.deadline })
    }

    pub(super) fn address(&self) -> SocketAddr {
        self.address
    }
}

/// Answers until the daemon stops, then finishes what was begun.
pub(super) async fn serve(http: Option<Http>, desk: Arc<Desk>) {
    let Some(Http { listener, token, deadline, .. }) = http else { return };
    let calls = Semaphore::new(MOST_CALLS);
    let state = Arc::new(Shared { desk: Arc::clone(&desk), token, deadline, calls });
    connections::serve(listener, router(state), &desk).await;
}

/// What every handler knows.
struct Shared {
    desk: Arc<Desk>,
    token: Option<Token>,
    deadline: Duration,
    calls: Semaphore,
}

fn router(state: Arc<Shared>) -> Router {
    let (router, document) = described().with_state(state).split_for_parts();
    let document = document.to_json().unwrap_or_default();
    let serve = move || std::future::ready(json(StatusCode::OK, document.clone()));
    router.route("/openapi.json", axum::routing::get(serve))
}

/// The routes with their descriptions: one list for what is served and what is documented.
fn described() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::with_openapi(Description::openapi())
        .routes(routes!(score::score))
        .routes(routes!(hook::hook))
        .routes(routes!(observe::healthz))
        .routes(routes!(observe::readyz))
        .routes(routes!(observe::metrics))
}

#[derive(OpenApi)]
#[openapi(
    info(
        title = "riskgate",
        description = "Judges the actions of coding agents: allow, ask or deny. Whatever goes wrong is answered with a verdict, never `allow`."
    ),
    components(schemas(crate::record::ContextWire))
)]
struct Description;

/// The OpenAPI document of the HTTP interface, as JSON.
pub fn openapi() -> String {
    described().into_openapi().to_pretty_json().unwrap_or_default()
}

/// Why a call over HTTP was not judged.
enum Refused {
    /// By the desk.
    NotJudged(NotJudged),
    /// Without the token.
    Unauthorised,
    /// Larger than what is read.
    TooLarge,
    /// The body did not arrive.
    Interrupted,
}

impl Refused {
    fn status(&self) -> StatusCode {
        match self {
            Self::NotJudged(NotJudged::Busy) => StatusCode::SERVICE_UNAVAILABLE,
            Self::NotJudged(NotJudged::Late) => StatusCode::GATEWAY_TIMEOUT,
            Self::NotJudged(NotJudged::Broken) => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unauthorised => StatusCode::UNAUTHORIZED,
            Self::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
            Self::Interrupted => StatusCode::REQUEST_TIMEOUT,
        }
    }

    /// What the fail-safe table calls it.
    fn failure(&self) -> Failure {
        match self {
            Self::NotJudged(not_judged) => not_judged.failure(),
            Self::Unauthorised => Failure::Input("the bearer token is missing or wrong".to_owned()),
            Self::TooLarge => Failure::Input(format!("larger than {MAX_BODY} bytes")),
            Self::Interrupted => Failure::Input("the body did not arrive".to_owned()),
        }
    }

    fn refusal(&self) -> Option<Refusal> {
        match self {
            Self::NotJudged(not_judged) => not_judged.refusal(),
            Self::Unauthorised => Some(Refusal::Unauthorised),
            Self::TooLarge => Some(Refusal::Malformed),
            Self::Interrupted => Some(Refusal::Late),
        }
    }
}

impl Shared {
    /// Has the task made from a request's body judged.
    async fn judge(&self, request: Request<Body>, task: impl FnOnce(Vec<u8>) -> Task) -> Result<Outcome, Refused> {
        let outcome = self.try_judge(request, task).await;
        if let Some(refusal) = outcome.as_ref().err().and_then(Refused::refusal) {
            self.desk.metrics.refused(Door::Http, refusal);
        }
        outcome
    }

    async fn try_judge(&self, request: Request<Body>, task: impl FnOnce(Vec<u8>) -> Task) -> Result<Outcome, Refused> {
        self.authorise(request.headers())?;
        let _call = self.calls.try_acquire().map_err(|_| Refused::NotJudged(NotJudged::Busy))?;
        let announced = content_length(request.headers()).unwrap_or(MAX_BODY);
        if announced > MAX_BODY {
            return Err(Refused::TooLarge);
        }
        let body = async {
            let room = self.desk.room(announced).await;
            (axum::body::to_bytes(request.into_body(), MAX_BODY).await, room)
        };
        let (body, _room) = timeout(SLOW, body).await.map_err(|_| Refused::Interrupted)?;
        let body = body.map_err(|error| if is_too_large(&error) { Refused::TooLarge } else { Refused::Interrupted })?;
        let task = task(body.into());
        let whose = match task {
            Task::Hook { .. } => Whose::Call,
            Task::Score { .. } => Whose::Own,
        };
        self.desk.judge(task, whose, self.deadline).await.map_err(Refused::NotJudged)
    }

    /// Refuses a request without the token, when there is one.
    fn authorise(&self, headers: &HeaderMap) -> Result<(), Refused> {
        match &self.token {
            Some(token) if !token.is_borne_by(headers) => Err(Refused::Unauthorised),
            _ => Ok(()),
        }
    }
}

fn content_length(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn is_too_large(error: &axum::Error) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if error.is::<http_body_util::LengthLimitError>() {
            return true;
        }
        cause = error.source();
    }
    false
}

fn json(status: StatusCode, body: impl Into<Body>) -> Response {
    typed(status, "application/json", body)
}

fn typed(status: StatusCode, media_type: &'static str, body: impl Into<Body>) -> Response {
    let mut response = Response::new(body.into());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(media_type));
    response
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;

    #[test]
    fn the_document_describes_every_route_and_record() {
        let document: Value = serde_json::from_str(&openapi()).unwrap();
        let paths: Vec<&String> = document["paths"].as_object().unwrap().keys().collect();
        assert_eq!(paths, ["/healthz", "/hook/{harness}", "/metrics", "/readyz", "/v1/score"]);
        for schema in ["ActionRecord", "Context", "DecisionRecord", "ErrorRecord", "Assessment", "Reason"] {
            assert!(document["components"]["schemas"][schema]["properties"].is_object(), "{schema}");
        }
        let context = document["components"]["schemas"]["Context"]["properties"].as_object().unwrap();
        assert_eq!(context.len(), 10);
    }

    #[test]
    fn no_refusal_is_a_success_or_an_allow() {
        use crate::engine::{Asking, fail_safe};
        use crate::verdict::Verdict;
        let busy = [NotJudged::Busy, NotJudged::Late, NotJudged::Broken].map(Refused::NotJudged);
        for refused in busy.into_iter().chain([Refused::Unauthorised, Refused::TooLarge, Refused::Interrupted]) {
            assert!(!refused.status().is_success());
            assert!(fail_safe(&refused.failure(), Asking::Possible).verdict > Verdict::Allow);
        }
    }
}
