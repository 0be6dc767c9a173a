//! The whole local path, warm: `cargo bench --bench decide`.

#![allow(clippy::expect_used, reason = "a bench without its inputs ends here")]

mod common;

use criterion::{Criterion, criterion_group, criterion_main};

use common::{answer, app, environment, hook_bytes, texts, trace};
use riskgate::engine::Deadline;

fn decide(criterion: &mut Criterion) {
    let app = app();
    let mut engine = app.engine().expect("the bundle is sound");
    let environment = environment();
    let mut calls = trace();
    calls.sort_by_key(|call| hook_bytes(call).len());
    for (name, share) in [("short", 0.1), ("median", 0.5), ("long", 0.99)] {
        let call = calls.get((calls.len() as f64 * share) as usize).expect("the trace has a thousand calls");
        let input = hook_bytes(call);
        criterion.bench_function(&format!("hook to reply, {name} call"), |bencher| {
            bencher.iter(|| answer(&mut engine, &environment, &input));
        });
    }
    let texts = texts();
    let longest = texts.iter().max_by_key(|call| hook_bytes(call).len()).expect("there are texts");
    criterion.bench_function("a tool's output of 20 kB", |bencher| {
        bencher.iter(|| engine.decide(longest, Deadline::none()));
    });
    criterion.bench_function("load and first decision", |bencher| {
        let first = calls.first().expect("the trace has a thousand calls");
        bencher.iter(|| common::app().engine().expect("the bundle is sound").decide(first, Deadline::none()));
    });
}

criterion_group!(benches, decide);
criterion_main!(benches);
