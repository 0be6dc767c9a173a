//! `POST /v1/score`: action records in, decision records out.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::http::header::{HeaderValue, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{Request, StatusCode};
use axum::response::Response;
use serde_json::Value;

use super::{Refused, Shared, json};
use crate::record::{self, DecisionWire, ErrorWire, RecordWire};
use crate::serve::desk::NotJudged;
use crate::serve::judge::{Outcome, Task};

/// Judges one action record, or a list of at most 256.
///
/// A list is answered with a list, in order; a record in it that cannot be read has its error record in its place.
#[utoipa::path(
    post,
    path = "/v1/score",
    params(("sessions" = Option<bool>, Query, description = "Judge records that have a `session_id` with what is remembered of their session")),
    request_body(content = RecordWire, description = "One action record, or a list of them"),
    responses(
        (status = 200, description = "The decision record; a list of them for a list", body = DecisionWire),
        (status = 400, description = "Not an action record", body = ErrorWire),
        (status = 401, description = "The bearer token is missing or wrong", body = ErrorWire),
        (status = 408, description = "The body did not arrive", body = ErrorWire),
        (status = 413, description = "Too large", body = ErrorWire),
        (status = 503, description = "Too many calls at once", body = ErrorWire),
        (status = 504, description = "Not judged in time", body = ErrorWire),
    )
)]
pub(super) async fn score(State(shared): State<Arc<Shared>>, request: Request<Body>) -> Response {
    let in_sessions = request.uri().query().is_some_and(|query| query.split('&').any(|pair| pair == "sessions=true"));
    match shared.judge(request, |bytes| Task::Score { bytes, in_sessions }).await {
        Ok(Outcome::Records(records)) => json(StatusCode::OK, records),
        Ok(Outcome::Unreadable(record)) => json(StatusCode::BAD_REQUEST, record),
        Ok(Outcome::Hook(_) | Outcome::Unsettled) => refused(&shared, &Refused::NotJudged(NotJudged::Broken)),
        Err(error) => refused(&shared, &error),
    }
}

/// The fail-safe verdict with its reason, under a status that says what to do.
fn refused(shared: &Shared, refused: &Refused) -> Response {
    let failure = refused.failure();
    let decision = shared.desk.current.get().app().fail_safe(&failure);
    let record = record::problem_json(&Value::Null, failure.code(), failure.to_string(), decision.verdict);
    let mut response = json(refused.status(), record.to_string());
    match refused {
        Refused::NotJudged(NotJudged::Busy) => {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from_static("1"));
        }
        Refused::Unauthorised => {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        _ => {}
    }
    response
}
