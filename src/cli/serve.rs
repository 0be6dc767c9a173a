//! `riskgate serve`, `status` and `stop`: the daemon's life as a person sees it.

use std::env;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::args::{ServeArguments, StatusArguments, StopArguments};
use super::daemon::{Reach, absolute, usual_folder};
use super::printer::Printer;
use super::{ExitStatus, engine};
use crate::app::{App, AppError, reviews_at_once};
use crate::artifact::{self, Places};
use crate::config::{self, ReviewSettings, Search, env_vars};
use crate::engine::ReviewMode;
use crate::serve::{
    self, Answer, DaemonError, HttpOptions, Loader, Options, Place, Request, Status, client, is_running,
    wait_until_gone,
};

/// How long a daemon may take to say how it is, or that it leaves.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long it may take to leave.
const DRAIN_PATIENCE: Duration = Duration::from_secs(15);

/// Runs a daemon to its end.
pub(super) fn run(arguments: &ServeArguments, printer: &Printer) -> anyhow::Result<ExitStatus> {
    if arguments.openapi {
        printer.result(serve::openapi())?;
        return Ok(ExitStatus::Done);
    }
    let review = engine::review_settings(&engine::files(&arguments.engine)?, &arguments.review, ReviewMode::Off)?;
    match serve::run(&options(arguments, review.as_ref())?, loader(arguments, review)) {
        Ok(true) => Ok(ExitStatus::Done),
        Ok(false) => Ok(ExitStatus::Failure),
        // Of several that are started at once, all but one find this.
        Err(DaemonError::Running { .. }) if arguments.detached => Ok(ExitStatus::Done),
        Err(DaemonError::App(error)) => Err(error.into()),
        Err(DaemonError::Http(error)) if error.is_configuration() => {
            printer.remark(format!("riskgate: {error}"));
            Ok(ExitStatus::Usage)
        }
        Err(error) => Err(error.into()),
    }
}

fn options(arguments: &ServeArguments, review: Option<&ReviewSettings>) -> Result<Options, AppError> {
    let http = arguments.http.map(|address| HttpOptions {
        address,
        token_file: arguments.http_token_file.clone(),
        deadline: engine::time(arguments.deadline_ms, review.is_some()),
    });
    let waiting_workers = review.map_or(Ok(0), reviews_at_once)?;
    Ok(Options {
        place: reach(arguments).place,
        workers: arguments.workers,
        waiting_workers,
        cache_entries: arguments.cache_entries,
        idle_exit: arguments.idle_exit.map(Duration::from_secs),
        http,
        replace: arguments.replace,
        detached: arguments.detached,
    })
}

fn reach(arguments: &ServeArguments) -> Reach {
    Reach::of(&arguments.engine, &arguments.review, arguments.socket.as_deref())
}

fn loader(arguments: &ServeArguments, review: Option<ReviewSettings>) -> Loader {
    let library = env::var_os(env_vars::ORT_DYLIB_PATH).map(PathBuf::from);
    let own = engine::search(&arguments.engine);
    let (model, files) = (arguments.engine.model.clone(), config::files(&own.places()));
    let (engine, flags) = (arguments.engine.clone(), arguments.review.clone());
    let resolve = Arc::new(move |search: &Search| engine::daemon_settings(&engine, &flags, search));
    let load = {
        let resolve = Arc::clone(&resolve);
        move || {
            let app = App::load(resolve(&own)?, &Places::here(), library.as_deref())?;
            Ok(app.with_grants(config::state_folder().as_deref()))
        }
    };
    let reach = Arc::new(reach(arguments));
    let program = Arc::clone(&reach);
    Loader {
        load: Box::new(load),
        find: Box::new(move || artifact::find_bundle(model.as_deref(), &Places::here()).ok()),
        identity: Box::new(move || reach.identity(review.as_ref())),
        program: Box::new(move || program.program()),
        resolve,
        settings: files,
    }
}

/// Shows the daemons that run; a failure when there is none.
pub(super) fn status(arguments: &StatusArguments, printer: &Printer) -> anyhow::Result<ExitStatus> {
    let places = running(arguments.socket.as_deref());
    let asked: Vec<_> = places.iter().map(|place| (place, ask(place, &Request::Status))).collect();
    if arguments.json {
        let all: Vec<Value> = asked.iter().map(|(place, answer)| status_json(place, answer)).collect();
        printer.result(Value::Array(all))?;
    } else if asked.is_empty() {
        printer.result("no daemon is running")?;
    } else {
        for (place, answer) in &asked {
            printer.result(status_text(place, answer))?;
        }
    }
    Ok(if asked.is_empty() { ExitStatus::Failure } else { ExitStatus::Done })
}

fn status_json(place: &Place, answer: &Result<Answer, String>) -> Value {
    let mut status = match answer {
        Ok(Answer::Status(status)) => json!(status),
        Ok(_) => json!({"problem": "it does not answer the question"}),
        Err(problem) => json!({"problem": problem}),
    };
    if let Some(fields) = status.as_object_mut() {
        fields.insert("socket".to_owned(), json!(place.socket().to_string_lossy()));
    }
    status
}

fn status_text(place: &Place, answer: &Result<Answer, String>) -> String {
    let socket = place.socket();
    let Ok(Answer::Status(status)) = answer else {
        let problem = answer.as_ref().err().map_or("it does not answer the question", String::as_str);
        return format!("{}\n  {problem}", socket.display());
    };
    let Status { identity, pid, uptime_s, model, policy, generation, workers, calls, in_flight, cached, .. } = status;
    let mut lines = vec![
        format!("{}", socket.display()),
        format!("  riskgate  {identity}, process {pid}, up {uptime_s} s"),
        format!("  bundle    {model}, loaded {generation} times; policy {policy}"),
        format!(
            "  calls     {calls} answered, {in_flight} in flight, {cached} decisions remembered, {workers} workers"
        ),
    ];
    lines.extend(status.http.iter().map(|address| format!("  http      http://{address}")));
    lines.extend(
        status.reload_problem.iter().map(|problem| format!("  BAD       a newer bundle is not in use: {problem}")),
    );
    lines.join("\n")
}

/// Asks the daemons to leave and waits until they have.
pub(super) fn stop(arguments: &StopArguments, printer: &Printer) -> anyhow::Result<ExitStatus> {
    let places = running(arguments.socket.as_deref());
    if places.is_empty() {
        printer.remark("no daemon is running");
    }
    let mut all_gone = true;
    for place in &places {
        let asked = ask(place, &Request::Stop);
        let gone = wait_until_gone(place, if asked.is_ok() { DRAIN_PATIENCE } else { Duration::ZERO });
        let socket = place.socket();
        match (gone, asked) {
            (true, _) => printer.result(format!("stopped  {}", socket.display()))?,
            (false, Ok(_)) => printer.remark(format!("riskgate: `{}` is not done yet", socket.display())),
            (false, Err(problem)) => printer.remark(format!("riskgate: `{}`: {problem}", socket.display())),
        }
        all_gone &= gone;
    }
    Ok(if all_gone { ExitStatus::Done } else { ExitStatus::Failure })
}

/// The places at which a daemon runs: the one that is named, or all of this user's.
fn running(socket: Option<&Path>) -> Vec<Place> {
    let places = match socket {
        Some(socket) => vec![Place::at(&absolute(socket))],
        None => Place::all_in(&usual_folder()),
    };
    places.into_iter().filter(is_running).collect()
}

fn ask(place: &Place, request: &Request) -> Result<Answer, String> {
    let answered = client::ask(place, request, b"", Instant::now() + PATIENCE);
    answered.map(|(answer, _)| answer).map_err(|error| error.to_string())
}
