//! The figures of the README: `cargo bench --bench latency`. With `--json` one JSON object; with `--test` once over a few.
//!
//! Warm decisions from hook JSON bytes to reply bytes over the trace, one thread; what is spent outside the model; bulk.

#![allow(clippy::print_stdout, clippy::unwrap_used, clippy::expect_used, reason = "a bench prints what it measured")]

mod common;

use std::time::{Duration, Instant};

use common::{answer, app, environment, hook_bytes, trace};
use riskgate::app::App;
use riskgate::engine::Deadline;
use riskgate::model::{Batch, Classifier};
use riskgate::normalize::normalize;
use serde_json::json;

/// Calls of one bulk request, as many as a chunk of `score`.
const CHUNK: usize = 256;

fn main() {
    let asked = |flag: &str| std::env::args().any(|argument| argument == flag);
    let test = asked("--test");
    let app = app();
    let rounds = if test { 1 } else { 5 };
    let mut times = decisions(&app, rounds);
    let model = model_time(&app, rounds);
    let total: Duration = times.iter().sum();
    let outside = 1.0 - model.as_secs_f64() / total.as_secs_f64();
    times.sort_unstable();
    let at = |share: f64| {
        let index = ((times.len() - 1) as f64 * share).round() as usize;
        times.get(index).map_or(0.0, |time| time.as_secs_f64() * 1e3)
    };
    let [bulk_1, bulk_2] = [1, 2].map(|threads| bulk(&app, threads, rounds));
    if asked("--json") {
        println!(
            "{}",
            json!({"p50_ms": at(0.5), "p90_ms": at(0.9), "p99_ms": at(0.99), "max_ms": at(1.0),
            "outside_model": outside, "bulk_1": bulk_1, "bulk_2": bulk_2,
            "single_per_s": times.len() as f64 / total.as_secs_f64()})
        );
        return;
    }
    println!("warm decision, hook JSON to reply, one thread, {} calls x {rounds}", times.len() / rounds);
    println!("  p50 {:.2} ms   p90 {:.2} ms   p99 {:.2} ms   max {:.2} ms", at(0.5), at(0.9), at(0.99), at(1.0));
    println!("  everything but the model run: {:.1} %", 100.0 * outside);
    println!("bulk: {:.0} actions/s on 1 thread, {:.0} on 2", bulk_1, bulk_2);
}

/// The time of every decision of the trace, round after round.
fn decisions(app: &App, rounds: usize) -> Vec<Duration> {
    let mut engine = app.engine().expect("the bundle is sound");
    let environment = environment();
    let inputs: Vec<Vec<u8>> = trace().iter().map(hook_bytes).collect();
    inputs.iter().take(50).for_each(|input| drop(answer(&mut engine, &environment, input)));
    let mut times = Vec::new();
    for _ in 0..rounds {
        for input in &inputs {
            let started = Instant::now();
            std::hint::black_box(answer(&mut engine, &environment, input));
            times.push(started.elapsed());
        }
    }
    times
}

/// The time of the model alone over the same calls: their rows, batched as the engine does for one call.
fn model_time(app: &App, rounds: usize) -> Duration {
    let mut classifier = app.classifier().expect("the bundle is sound");
    let environment = environment();
    let encode = |call: &riskgate::action::ToolCall| {
        let input = hook_bytes(call);
        let Ok(riskgate::harness::HookEvent::Before(before)) =
            riskgate::harness::Harness::ClaudeCode.parse(&input, &environment)
        else {
            return Vec::new();
        };
        app.encoder().encode(&normalize(&before.call)).input_ids
    };
    let rows: Vec<Vec<Vec<u32>>> = trace().iter().map(encode).collect();
    let mut batch = Batch::new(app.encoder().pad_id());
    let mut spent = Duration::ZERO;
    for _ in 0..rounds {
        for rows in &rows {
            for run in runs(rows) {
                batch.clear();
                run.iter().for_each(|row| batch.push(row));
                let started = Instant::now();
                std::hint::black_box(classifier.classify(&batch).expect("the model runs"));
                spent += started.elapsed();
            }
        }
    }
    spent
}

/// The engine's rule: by length, longest first, at most 2,048 tokens and three quarters full.
fn runs(rows: &[Vec<u32>]) -> Vec<Vec<&Vec<u32>>> {
    let mut sorted: Vec<&Vec<u32>> = rows.iter().collect();
    sorted.sort_by_key(|row| std::cmp::Reverse(row.len()));
    sorted.into_iter().fold(Vec::new(), |mut runs: Vec<Vec<&Vec<u32>>>, row| {
        match runs.last_mut() {
            Some(run)
                if run
                    .first()
                    .is_some_and(|first| first.len() * (run.len() + 1) <= 2048 && row.len() * 4 >= first.len() * 3) =>
            {
                run.push(row)
            }
            _ => runs.push(vec![row]),
        }
        runs
    })
}

/// Actions a second in chunks, each thread with an engine of its own.
fn bulk(app: &App, threads: usize, rounds: usize) -> f64 {
    let calls = trace();
    let mut engines: Vec<_> = (0..threads).map(|_| app.engine().expect("the bundle is sound")).collect();
    let started = Instant::now();
    std::thread::scope(|scope| {
        for (first, engine) in engines.iter_mut().enumerate() {
            let calls = &calls;
            scope.spawn(move || {
                for _ in 0..rounds {
                    for chunk in calls.chunks(CHUNK / 2).skip(first).step_by(threads) {
                        std::hint::black_box(engine.decide_all(chunk, Deadline::none()));
                    }
                }
            });
        }
    });
    (calls.len() * rounds) as f64 / started.elapsed().as_secs_f64()
}
