//! `POST /hook/{harness}`: what a harness with HTTP hooks sends, and its reply.
//!
//! To a harness, a status other than 2xx means "go on". So whatever fails here is a 200 whose body stops the call.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Path, State};
use axum::http::{HeaderMap, Request, StatusCode};
use axum::response::Response;

use super::{Shared, json};
use crate::engine::Failure;
use crate::harness::{Harness, HookEnvironment, HookReply};
use crate::serve::judge::{Outcome, Task};

/// The header in which a harness may say what it says to a hook process in its environment.
const WORKSPACE: &str = "x-riskgate-workspace";

/// Answers one hook call of an agent program.
///
/// The body is the harness's own JSON, and so is the answer; `{}` is no opinion. The header `X-Riskgate-Workspace` may name
/// the project's folder.
#[utoipa::path(
    post,
    path = "/hook/{harness}",
    params(("harness" = String, Path, description = "The agent program", example = "claude-code")),
    request_body(content = Object, description = "The harness's hook input"),
    responses(
        (status = 200, description = "The harness's hook output; it stops the call whenever nothing could be judged", body = Object),
        (status = 404, description = "No such agent program"),
    )
)]
pub(super) async fn hook(
    State(shared): State<Arc<Shared>>,
    Path(harness): Path<String>,
    request: Request<Body>,
) -> Response {
    let Ok(harness) = harness.parse::<Harness>() else { return json(StatusCode::NOT_FOUND, "{}") };
    let environment = environment(request.headers());
    let task = |input| Task::Hook { harness, environment, input };
    let reply = match shared.judge(request, task).await {
        Ok(Outcome::Hook(reply)) => reply,
        Ok(Outcome::Records(_) | Outcome::Unreadable(_) | Outcome::Unsettled) => stopped(harness, &Failure::Panic),
        Err(refused) => stopped(harness, &refused.failure()),
    };
    json(StatusCode::OK, harness.http_body(&reply))
}

fn stopped(harness: Harness, failure: &Failure) -> HookReply {
    harness.reply_failure(&failure.to_string())
}

/// The harness runs on this machine, for this daemon's user: the home is the same.
fn environment(headers: &HeaderMap) -> HookEnvironment {
    let workspace = headers.get(WORKSPACE).and_then(|value| value.to_str().ok()).filter(|value| !value.is_empty());
    let home = std::env::home_dir().map(|path| path.to_string_lossy().into_owned());
    HookEnvironment { workspace: workspace.map(str::to_owned), home }
}
