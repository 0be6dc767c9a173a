//! `riskgate audit`: whether the log is what was written, what is in it, and a decision made again.

mod explain;

use std::env;
use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use serde_json::{Value, json};

use super::ExitStatus;
use super::args::{AuditCommand, ExportArguments, ExportFormat, FilterArguments, ShowArguments, VerifyArguments};
use super::printer::{self, Printer};
use crate::app::{AppError, audit_folder};
use crate::audit::{self, Filter, Finding, Follower, Hash, Latency, Record, Report, Severity, Stats};
use crate::config::{self, AuditSettings};
use crate::verdict::Verdict;

/// How often a log that is followed is looked at.
const POLL: Duration = Duration::from_millis(200);
/// Records of one line of OTLP/JSON.
const OTLP_BATCH: usize = 512;

/// Runs the command.
pub(super) fn run(command: &AuditCommand, printer: &Printer) -> anyhow::Result<ExitStatus> {
    match command {
        AuditCommand::Verify(arguments) => verify(arguments, printer),
        AuditCommand::Show(arguments) => show(arguments, printer),
        AuditCommand::Stats { filter, json } => stats(filter, *json, printer),
        AuditCommand::Export(arguments) => export(arguments, printer),
        AuditCommand::Explain(arguments) => explain::run(arguments, printer),
        AuditCommand::Replay(arguments) => super::replay::run(arguments, printer),
    }
}

/// The folder that is named, or the user's own log.
pub(super) fn folder(named: Option<&Path>) -> anyhow::Result<PathBuf> {
    let folder = match named {
        Some(folder) => folder.to_owned(),
        None => audit_folder(
            &AuditSettings::load(&config::places(env::current_dir().ok().as_deref())).map_err(AppError::from)?,
        ),
    };
    anyhow::ensure!(folder.is_dir(), "there is no audit log at `{}`", folder.display());
    Ok(folder)
}

fn verify(arguments: &VerifyArguments, printer: &Printer) -> anyhow::Result<ExitStatus> {
    let folder = folder(arguments.folder.as_deref())?;
    let expected = match &arguments.expect {
        Some(digits) => Some(Hash::parse(digits).context("--expect takes the 64 hex digits of a record's hash")?),
        None => None,
    };
    let report = audit::verify(&folder, expected, arguments.key.as_deref())?;
    if arguments.json {
        printer.result(report_json(&report))?;
    } else {
        for finding in &report.findings {
            printer.result(finding_line(finding))?;
        }
        printer.result(summary(&report))?;
    }
    Ok(if report.is_sound() { ExitStatus::Done } else { ExitStatus::Failure })
}

fn finding_line(finding: &Finding) -> String {
    let Finding { severity, code, place, text } = finding;
    format!("{}  {place}  {text}  ({code})", severity_name(*severity))
}

fn severity_name(severity: Severity) -> &'static str {
    match severity {
        Severity::Note => "note",
        Severity::Broken => "BAD ",
    }
}

fn summary(report: &Report) -> String {
    let hidden = report.n_findings.saturating_sub(report.findings.len());
    let more = if hidden > 0 { format!("; {hidden} more findings") } else { String::new() };
    let state = if report.is_sound() { "sound" } else { "NOT SOUND" };
    let head = report.last.map_or_else(|| "none".to_owned(), |last| format!("{} {}", last.seq, last.hash));
    format!(
        "{state}: {} records in {} segments, {} checkpoints{more}\nhead  {head}",
        report.n_records, report.n_segments, report.n_checkpoints
    )
}

fn report_json(report: &Report) -> Value {
    let finding = |finding: &Finding| {
        let severity = severity_name(finding.severity).trim().to_lowercase();
        json!({"severity": severity, "code": finding.code, "place": finding.place, "text": finding.text})
    };
    json!({
        "sound": report.is_sound(), "records": report.n_records, "segments": report.n_segments,
        "checkpoints": report.n_checkpoints, "n_findings": report.n_findings,
        "head": report.last.map(|last| json!({"seq": last.seq, "hash": last.hash.to_string()})),
        "findings": report.findings.iter().map(finding).collect::<Vec<_>>(),
    })
}

fn show(arguments: &ShowArguments, printer: &Printer) -> anyhow::Result<ExitStatus> {
    let folder = folder(arguments.filter.folder.as_deref())?;
    let filter = filter(&arguments.filter)?;
    if let Some(id) = &arguments.id {
        let record = found(&folder, id)?;
        printer.result(serde_json::to_string_pretty(&record.json)?)?;
        return Ok(ExitStatus::Done);
    }
    // Before the past is read, so that nothing falls between it and the present.
    let follower = if arguments.follow { Some(Follower::at_end(&folder)?) } else { None };
    let print = |record: &Record| printer.result(if arguments.json { record.json.to_string() } else { line(record) });
    let mut last = std::collections::VecDeque::new();
    audit::read_with_changes(&folder, |record| {
        if filter.wants(&record) {
            if last.len() >= arguments.last {
                last.pop_front();
            }
            last.push_back(record);
        }
        true
    })?;
    // `--last 0` keeps one for a moment: it is not shown.
    for record in last.iter().rev().take(arguments.last).rev() {
        print(record)?;
    }
    let Some(mut follower) = follower else { return Ok(ExitStatus::Done) };
    loop {
        for record in follower.appended()?.iter().filter(|record| filter.wants(record)) {
            print(record)?;
        }
        io::stdout().flush()?;
        thread::sleep(POLL);
    }
}

/// The one record with an id.
fn found(folder: &Path, id: &str) -> anyhow::Result<Record> {
    audit::record_by_id(folder, id)?.with_context(|| format!("no decision with the id `{id}`, or several"))
}

/// A decision or a change of the mode in a line for a person.
fn line(record: &Record) -> String {
    if let Some([from, to, file]) = record.mode_change() {
        let (time, changed) = (time(record), mark(record));
        return format!("{time}  mode   {from} → {to}  {}  in {file}{changed}", record.text("/id"));
    }
    let name = record.text("/decision/verdict");
    let padding = " ".repeat(5_usize.saturating_sub(name.len()));
    let verdict = name.parse::<Verdict>().map_or_else(|_| name.to_owned(), printer::verdict);
    let (time, changed) = (time(record), mark(record));
    let subject: String = record.subject().chars().take(100).collect();
    let reason = record.text("/decision/reasons/0/code");
    format!(
        "{time}  {verdict}{padding}  {:<9}  {:<10}  {}  {subject}  {reason}{changed}",
        record.text("/decision/source"),
        record.text("/what/tool"),
        record.text("/id"),
    )
}

fn time(record: &Record) -> String {
    record.text("/time").chars().take(19).collect()
}

fn mark(record: &Record) -> &'static str {
    if record.is_sound { "" } else { "  CHANGED" }
}

fn filter(arguments: &FilterArguments) -> anyhow::Result<Filter> {
    Ok(Filter {
        verdict: arguments.verdict.map(|verdict| <&str>::from(verdict).to_owned()),
        tool: arguments.tool.clone(),
        source: arguments.source.clone(),
        effect: arguments.effect.clone(),
        session: arguments.session.clone(),
        rule: arguments.rule.clone(),
        contains: arguments.contains.clone(),
        since: arguments.since.as_deref().map(instant).transpose()?,
        until: arguments.until.as_deref().map(instant).transpose()?,
    })
}

/// A point in time, `2026-05-01T12:00:00Z`, or how long ago, `2h` or `7d`.
pub(super) fn instant(text: &str) -> anyhow::Result<jiff::Timestamp> {
    if let Ok(time) = text.parse::<jiff::Timestamp>() {
        return Ok(time);
    }
    let wrong = || format!("`{text}` is neither a time (2026-05-01T12:00:00Z) nor how long ago (90s, 15m, 2h, 7d)");
    let unit = text.chars().last().with_context(wrong)?;
    let number: i64 = text.strip_suffix(unit).unwrap_or_default().parse().with_context(wrong)?;
    let seconds = match unit {
        's' => 1,
        'm' => 60,
        'h' => 3_600,
        'd' => 86_400,
        _ => anyhow::bail!(wrong()),
    };
    let ago = jiff::SignedDuration::from_secs(number.checked_mul(seconds).with_context(wrong)?);
    jiff::Timestamp::now().checked_sub(ago).with_context(wrong)
}

fn wanted(arguments: &FilterArguments) -> anyhow::Result<Vec<Record>> {
    let (filter, mut records) = (filter(arguments)?, Vec::new());
    audit::read_with_changes(&folder(arguments.folder.as_deref())?, |record| {
        if filter.wants(&record) {
            records.push(record);
        }
        true
    })?;
    Ok(records)
}

fn stats(arguments: &FilterArguments, as_json: bool, printer: &Printer) -> anyhow::Result<ExitStatus> {
    let (filter, mut stats) = (filter(arguments)?, Stats::default());
    audit::read_all(&folder(arguments.folder.as_deref())?, |record| {
        if filter.wants(&record) {
            stats.add(&record);
        }
        true
    })?;
    let stats = stats.finished();
    printer.result(if as_json { json!(stats).to_string() } else { stats_text(&stats) })?;
    Ok(ExitStatus::Done)
}

fn stats_text(stats: &Stats) -> String {
    let mut lines = vec![format!("{:<32} {:>8} {:>8} {:>8} {:>8}", "", "all", "allow", "ask", "deny")];
    let row = |name: &str, counts: &std::collections::BTreeMap<String, u64>| {
        let count = |verdict: &str| counts.get(verdict).copied().unwrap_or_default();
        let name: String = name.chars().take(30).collect();
        let all: u64 = counts.values().sum();
        format!("  {name:<30} {all:>8} {:>8} {:>8} {:>8}", count("allow"), count("ask"), count("deny"))
    };
    lines.push(row("decisions", &stats.verdicts));
    let groups = [
        ("by tool", &stats.tools),
        ("by source", &stats.sources),
        ("by effect", &stats.effects),
        ("by session", &stats.sessions),
        ("by rule", &stats.rules),
    ];
    for (title, group) in groups.into_iter().filter(|(_, group)| !group.is_empty()) {
        lines.push(title.to_owned());
        lines.extend(group.iter().map(|(name, counts)| row(if name.is_empty() { "-" } else { name }, counts)));
    }
    lines.push(latency("latency", &stats.latency));
    if stats.review_latency.n > 0 {
        lines.push(latency("reviews", &stats.review_latency));
    }
    lines.join("\n")
}

fn latency(title: &str, latency: &Latency) -> String {
    let Latency { n, median_us, p90_us, p99_us, most_us } = latency;
    format!("{title} of {n}, in µs: median {median_us}, 90 % {p90_us}, 99 % {p99_us}, longest {most_us}")
}

fn export(arguments: &ExportArguments, printer: &Printer) -> anyhow::Result<ExitStatus> {
    let mut records = wanted(&arguments.filter)?;
    if !matches!(arguments.format, ExportFormat::Jsonl) {
        // The other forms have columns and attributes of decisions alone.
        records.retain(|record| record.mode_change().is_none());
    }
    let failed = || format!("cannot write `{}`", arguments.output.display());
    let mut output: Box<dyn Write + Send> = if arguments.output == Path::new("-") {
        Box::new(io::stdout())
    } else {
        Box::new(BufWriter::new(File::create(&arguments.output).with_context(failed)?))
    };
    let written = match arguments.format {
        ExportFormat::Jsonl => records.iter().try_for_each(|record| writeln!(output, "{}", record.json)),
        ExportFormat::Otlp => {
            records.chunks(OTLP_BATCH).try_for_each(|batch| writeln!(output, "{}", audit::otlp(batch)))
        }
        #[cfg(feature = "parquet")]
        ExportFormat::Parquet => {
            audit::write_parquet(&records, &mut output)?;
            Ok(())
        }
    };
    written.and_then(|()| output.flush()).with_context(failed)?;
    let n_changes = records.iter().filter(|record| record.mode_change().is_some()).count();
    let changes = if n_changes > 0 { format!(", {n_changes} changes of the mode") } else { String::new() };
    printer.remark(format!("{} decisions{changes}", records.len() - n_changes));
    Ok(ExitStatus::Done)
}
