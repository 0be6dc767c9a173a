//! Each stage alone: `cargo bench --bench stages`. Over the trace, a call at a time.

#![allow(clippy::expect_used, reason = "a bench without its inputs ends here")]

mod common;

use std::sync::LazyLock;

use common::{answer, app, environment, hook_bytes, trace};
use divan::{Bencher, counter::ItemsCount};
use riskgate::action::{Action, ToolCall};
use riskgate::app::App;
use riskgate::assessment::RowLogits;
use riskgate::calibrate;
use riskgate::harness::Harness;
use riskgate::model::{Batch, Classifier};
use riskgate::normalize::normalize;

static APP: LazyLock<App> = LazyLock::new(app);
static CALLS: LazyLock<Vec<ToolCall>> = LazyLock::new(|| trace().into_iter().take(200).collect());
static INPUTS: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| CALLS.iter().map(hook_bytes).collect());
static ACTIONS: LazyLock<Vec<Action>> = LazyLock::new(|| CALLS.iter().map(normalize).collect());

fn main() {
    divan::main();
}

#[divan::bench]
fn parse(bencher: Bencher) {
    let environment = environment();
    bencher
        .counter(ItemsCount::new(INPUTS.len()))
        .bench(|| INPUTS.iter().filter(|input| Harness::ClaudeCode.parse(input, &environment).is_ok()).count());
}

#[divan::bench]
fn normalise(bencher: Bencher) {
    bencher
        .counter(ItemsCount::new(CALLS.len()))
        .bench(|| CALLS.iter().map(normalize).map(|action| action.units.len()).sum::<usize>());
}

#[divan::bench]
fn encode(bencher: Bencher) {
    let encoder = APP.encoder();
    bencher
        .counter(ItemsCount::new(ACTIONS.len()))
        .bench(|| ACTIONS.iter().map(|action| encoder.encode(action).n_tokens()).sum::<usize>());
}

#[divan::bench(args = [8, 16, 32, 64, 128])]
fn model(bencher: Bencher, n_tokens: u32) {
    let mut classifier = APP.classifier().expect("the bundle is sound");
    let mut batch = Batch::new(APP.encoder().pad_id());
    batch.push(&(0..n_tokens).map(|n| 300 + n).collect::<Vec<u32>>());
    bencher.bench_local(|| classifier.classify(&batch));
}

/// Tokens of each row, and rows of a run: to be compared with as many runs of one row.
const RUNS: [(u32, usize); 12] =
    [(32, 1), (32, 2), (32, 4), (32, 8), (64, 1), (64, 2), (64, 4), (64, 8), (128, 1), (128, 2), (128, 4), (128, 8)];

#[divan::bench(args = RUNS)]
fn model_rows_together(bencher: Bencher, (n_tokens, n_rows): (u32, usize)) {
    let mut classifier = APP.classifier().expect("the bundle is sound");
    let mut batch = Batch::new(APP.encoder().pad_id());
    // No two rows alike, as in a batch of different calls.
    (0..n_rows as u32).for_each(|row| batch.push(&(0..n_tokens).map(|n| 300 + 7 * row + n).collect::<Vec<u32>>()));
    bencher.counter(ItemsCount::new(n_rows)).bench_local(|| classifier.classify(&batch));
}

#[divan::bench(args = [1, 32])]
fn calibrate(bencher: Bencher, n_windows: usize) {
    let row =
        RowLogits { risk: [1.0, 0.0, -1.0], permission: [0.0; _], effects: [-2.0; _], injection: -3.0, novelty: 1.0 };
    let rows = vec![row; n_windows];
    let calibration = &APP.bundle().manifest().calibration;
    bencher.bench(|| calibrate::assess(&rows, calibration));
}

#[divan::bench(sample_count = 10)]
fn whole(bencher: Bencher) {
    let mut engine = APP.engine().expect("the bundle is sound");
    let environment = environment();
    bencher
        .counter(ItemsCount::new(INPUTS.len()))
        .bench_local(|| INPUTS.iter().map(|input| answer(&mut engine, &environment, input).len()).sum::<usize>());
}
