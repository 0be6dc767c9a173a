//! What probes and operators ask.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::response::Response;

use super::{Shared, typed};
use crate::serve::metrics::MEDIA_TYPE;

const PLAIN: &str = "text/plain; charset=utf-8";

/// Whether the process works at all.
#[utoipa::path(get, path = "/healthz", responses((status = 200, description = "It does", body = String, content_type = "text/plain")))]
pub(super) async fn healthz() -> Response {
    typed(StatusCode::OK, PLAIN, "ok\n")
}

/// Whether calls are taken.
#[utoipa::path(
    get,
    path = "/readyz",
    responses(
        (status = 200, description = "They are", body = String, content_type = "text/plain"),
        (status = 503, description = "The daemon is stopping", body = String, content_type = "text/plain"),
    )
)]
pub(super) async fn readyz(State(shared): State<Arc<Shared>>) -> Response {
    if shared.desk.is_stopping() {
        return typed(StatusCode::SERVICE_UNAVAILABLE, PLAIN, "stopping\n");
    }
    typed(StatusCode::OK, PLAIN, "ready\n")
}

/// Counts and times for Prometheus.
#[utoipa::path(
    get,
    path = "/metrics",
    responses(
        (status = 200, description = "In the OpenMetrics text format", body = String, content_type = "text/plain"),
        (status = 401, description = "The bearer token is missing or wrong"),
    )
)]
pub(super) async fn metrics(State(shared): State<Arc<Shared>>, headers: HeaderMap) -> Response {
    if let Err(refused) = shared.authorise(&headers) {
        return typed(refused.status(), PLAIN, "");
    }
    match shared.desk.metrics.text() {
        Ok(text) => typed(StatusCode::OK, MEDIA_TYPE, text),
        Err(error) => typed(StatusCode::INTERNAL_SERVER_ERROR, PLAIN, format!("{error}\n")),
    }
}
