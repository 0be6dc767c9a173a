//! Rules beside the model: loading, and one decision's worth of questions. `cargo bench --bench policy`.

#![allow(clippy::expect_used, reason = "a bench without its inputs ends here")]

mod common;

use criterion::{BatchSize, Criterion, criterion_group, criterion_main};

use common::trace;
use riskgate::normalize::normalize;
use riskgate::policy::{self, Layer, Lists, Policy, PolicyOptions, RuleSource, RuleText, Stage};

/// `n` rules as people write them: programs, paths, hosts, tools; every fifth permits.
fn rules(n: usize) -> RuleSource {
    let rule = |index: usize| match index % 5 {
        0 => format!(
            "@id(\"r{index}\")\n@verdict(\"ask\")\nforbid (principal, action, resource is Path) when {{ resource.scope == \"secret\" && resource.name == \"f{index}\" }};"
        ),
        1 => format!(
            "@id(\"r{index}\")\nforbid (principal, action in Action::\"shell\", resource is Command) when {{ resource.program == \"p{index}\" && resource.text like \"p{index} push *\" }};"
        ),
        2 => format!(
            "@id(\"r{index}\")\npermit (principal, action == Action::\"bash\", resource is Command) when {{ resource.spelled == \"p{index} log\" || resource.spelled like \"p{index} log *\" }};"
        ),
        3 => format!(
            "@id(\"r{index}\")\nforbid (principal, action, resource is Host) when {{ resource.name like \"*.h{index}.example\" && context.understood }};"
        ),
        _ => format!(
            "@id(\"r{index}\")\nforbid (principal, action == Action::\"mcp\", resource is Tool) when {{ resource.server == \"s{index}\" }};"
        ),
    };
    let text = (0..n).map(rule).collect::<Vec<_>>().join("\n");
    RuleSource { layer: Layer::User, name: "bench.cedar".to_owned(), rules: RuleText::Cedar(text) }
}

fn lists(n: usize) -> RuleSource {
    let allow = (0..n).map(|index| format!("Bash(p{index} run *)")).collect();
    let lists = Lists { allow, ..Lists::default() };
    RuleSource { layer: Layer::User, name: "lists".to_owned(), rules: RuleText::Lists(lists) }
}

fn load(criterion: &mut Criterion) {
    let options = PolicyOptions::default();
    criterion.bench_function("load the shipped rules", |bencher| bencher.iter(Policy::built_in));
    for n in [30, 200] {
        let sources = [policy::shipped(), rules(n)];
        criterion.bench_function(&format!("load {n} rules, checked"), |bencher| {
            bencher.iter(|| Policy::load(&sources, &options).expect("the rules are sound"));
        });
    }
    let sources = [policy::shipped(), lists(200)];
    criterion.bench_function("load 200 list entries", |bencher| {
        bencher.iter(|| Policy::load(&sources, &options).expect("the lists are sound"));
    });
    criterion.bench_function("the schema's text", |bencher| bencher.iter(|| policy::schema_text(Stage::Before)));
}

fn ask(criterion: &mut Criterion) {
    let calls: Vec<_> = trace().into_iter().map(|call| (normalize(&call), call)).collect();
    let options = PolicyOptions::default();
    for (name, sources) in [
        ("the shipped rules", vec![policy::shipped()]),
        ("200 rules", vec![policy::shipped(), rules(200)]),
        ("200 list entries", vec![policy::shipped(), lists(200)]),
    ] {
        let policy = Policy::load(&sources, &options).expect("the rules are sound");
        let mut next = calls.iter().cycle();
        criterion.bench_function(&format!("one decision of the trace, {name}"), |bencher| {
            let call = || next.next().expect("the trace has a thousand calls");
            bencher.iter_batched(call, |(action, call)| policy.before(call, action), BatchSize::SmallInput);
        });
    }
}

criterion_group!(benches, load, ask);
criterion_main!(benches);
