//! Decisions as OpenTelemetry logs in OTLP/JSON: a file that any collector's file receiver reads.

use serde_json::{Value, json};

use super::reader::Record;

/// One line of OTLP/JSON: an export request with these records.
pub fn otlp(records: &[Record]) -> Value {
    let logs: Vec<Value> = records.iter().map(log_record).collect();
    json!({"resourceLogs": [{
        "resource": {"attributes": [text("service.name", "riskgate"), text("service.version", env!("CARGO_PKG_VERSION"))]},
        "scopeLogs": [{"scope": {"name": "riskgate.audit"}, "logRecords": logs}],
    }]})
}

fn log_record(record: &Record) -> Value {
    // Numbers of OTLP's severity: INFO, WARN, ERROR.
    let (number, severity) = match record.text("/decision/verdict") {
        "allow" => (9, "INFO"),
        "ask" => (13, "WARN"),
        _ => (17, "ERROR"),
    };
    let nanos = record.text("/time").parse::<jiff::Timestamp>().map_or(0, |time| time.as_nanosecond());
    json!({
        // 64-bit numbers are strings in OTLP/JSON.
        "timeUnixNano": nanos.to_string(), "observedTimeUnixNano": nanos.to_string(),
        "severityNumber": number, "severityText": severity, "eventName": "riskgate.decision",
        "body": {"stringValue": record.json.pointer("/decision/reasons/0/text").and_then(Value::as_str).unwrap_or("nothing speaks against it")},
        "attributes": attributes(record),
    })
}

fn attributes(record: &Record) -> Vec<Value> {
    const TEXTS: [(&str, &str); 13] = [
        ("riskgate.id", "/id"),
        ("riskgate.hash", "/hash"),
        ("riskgate.verdict", "/decision/verdict"),
        ("riskgate.source", "/decision/source"),
        ("riskgate.zone", "/decision/zone"),
        ("riskgate.reason", "/decision/reasons/0/code"),
        ("riskgate.model", "/decision/model"),
        ("riskgate.policy", "/decision/policy"),
        ("riskgate.review.reply_id", "/review/reply_id"),
        ("gen_ai.tool.name", "/what/tool"),
        ("session.id", "/who/session"),
        ("riskgate.harness", "/who/harness"),
        ("user.name", "/who/user"),
    ];
    const NUMBERS: [(&str, &str); 4] = [
        ("riskgate.risk.allow", "/decision/assessment/risk/allow"),
        ("riskgate.risk.ask", "/decision/assessment/risk/ask"),
        ("riskgate.risk.deny", "/decision/assessment/risk/deny"),
        ("riskgate.injection", "/decision/assessment/injection"),
    ];
    const COUNTS: [(&str, &str); 3] =
        [("riskgate.seq", "/seq"), ("riskgate.total_us", "/total_us"), ("process.pid", "/who/pid")];
    let known = TEXTS.iter().filter(|(_, pointer)| !record.text(pointer).is_empty());
    let mut attributes: Vec<Value> = known.map(|(name, pointer)| text(name, record.text(pointer))).collect();
    let numbers = NUMBERS.iter().filter_map(|(name, pointer)| Some((name, record.float(pointer)?)));
    attributes.extend(numbers.map(|(name, value)| json!({"key": name, "value": {"doubleValue": value}})));
    let count = |(name, pointer): &(&str, &str)| json!({"key": name, "value": {"intValue": record.number(pointer).to_string()}});
    attributes.extend(COUNTS.iter().map(count));
    let effects: Vec<Value> = record.effects().map(|effect| json!({"stringValue": effect})).collect();
    attributes.push(json!({"key": "riskgate.effects", "value": {"arrayValue": {"values": effects}}}));
    if !record.subject().is_empty() {
        attributes.push(text("riskgate.action", &record.subject()));
    }
    attributes
}

fn text(name: &str, value: &str) -> Value {
    json!({"key": name, "value": {"stringValue": value}})
}
