//! One line of a labels file (contracts §4) → [`Label`].

use std::str::FromStr;

use serde::Deserialize;
use serde_json::Value;

use super::{MAX_RECORD, RecordError};
use crate::assessment::{N_EFFECTS, SideEffect};
use crate::evaluate::Label;
use crate::verdict::Verdict;

#[derive(Deserialize)]
struct LabelWire {
    #[serde(default)]
    id: Value,
    #[serde(default)]
    risk: Value,
    #[serde(default)]
    permission: Value,
    #[serde(default)]
    effects: Value,
    #[serde(default)]
    injection: Value,
}

/// Reads one line: the id and what is said of it. A head that is absent or null is not labelled; one head at least must be.
pub fn parse_label(line: &[u8]) -> Result<(Value, Label), RecordError> {
    if line.len() > MAX_RECORD {
        return Err(RecordError::TooLarge { bytes: line.len() });
    }
    let wire: LabelWire = serde_json::from_str(std::str::from_utf8(line)?)?;
    if wire.id.is_null() {
        return Err(RecordError::Field("id"));
    }
    let label = Label {
        risk: known(&wire.risk, "risk", risk)?,
        permission: known(&wire.permission, "permission", named)?,
        effects: known(&wire.effects, "effects", effects)?,
        injection: known(&wire.injection, "injection", injection)?,
    };
    if label == Label::default() { Err(RecordError::Field("risk")) } else { Ok((wire.id, label)) }
}

/// A field's value by `read`; `None` when it is absent, an error when it is there and means nothing.
fn known<T>(value: &Value, field: &'static str, read: impl Fn(&Value) -> Option<T>) -> Result<Option<T>, RecordError> {
    if value.is_null() { Ok(None) } else { read(value).map(Some).ok_or(RecordError::Field(field)) }
}

fn risk(value: &Value) -> Option<Verdict> {
    match value.as_u64()? {
        0 => Some(Verdict::Allow),
        1 => Some(Verdict::Ask),
        2 => Some(Verdict::Deny),
        _ => None,
    }
}

fn named<T: FromStr>(value: &Value) -> Option<T> {
    value.as_str()?.parse().ok()
}

fn effects(value: &Value) -> Option<[bool; N_EFFECTS]> {
    let named: Option<Vec<SideEffect>> = value.as_array()?.iter().map(named).collect();
    let mut effects = [false; N_EFFECTS];
    for effect in named? {
        *effects.get_mut(effect as usize)? = true;
    }
    Some(effects)
}

fn injection(value: &Value) -> Option<bool> {
    match value.as_u64()? {
        0 => Some(false),
        1 => Some(true),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::assessment::Permission;

    fn parse(line: &str) -> Result<(Value, Label), RecordError> {
        parse_label(line.as_bytes())
    }

    #[test]
    fn a_whole_label_is_read() {
        let line = r#"{"id":"a-1","risk":2,"permission":"external","effects":["network","exfiltration"],"injection":0,"round":1}"#;
        let (id, label) = parse(line).unwrap();
        let effects = std::array::from_fn(|place| place == 1 || place == 12);
        let expected = Label {
            risk: Some(Verdict::Deny),
            permission: Some(Permission::External),
            effects: Some(effects),
            injection: Some(false),
        };
        assert_eq!((id, label), (Value::from("a-1"), expected));
    }

    #[test]
    fn a_head_may_be_left_out_but_not_all() {
        let (id, label) = parse(r#"{"id":7,"risk":0,"permission":null}"#).unwrap();
        assert_eq!((id, label), (Value::from(7), Label { risk: Some(Verdict::Allow), ..Label::default() }));
        assert!(matches!(parse(r#"{"id":7}"#), Err(RecordError::Field("risk"))));
    }

    #[test]
    fn what_means_nothing_is_refused_by_field() {
        for (line, field) in [
            (r#"{"risk":0}"#, "id"),
            (r#"{"id":1,"risk":3}"#, "risk"),
            (r#"{"id":1,"risk":"0"}"#, "risk"),
            (r#"{"id":1,"risk":-1}"#, "risk"),
            (r#"{"id":1,"risk":1.5}"#, "risk"),
            (r#"{"id":1,"permission":"root"}"#, "permission"),
            (r#"{"id":1,"effects":["magic"]}"#, "effects"),
            (r#"{"id":1,"effects":"network"}"#, "effects"),
            (r#"{"id":1,"injection":2}"#, "injection"),
            (r#"{"id":1,"injection":true}"#, "injection"),
        ] {
            assert!(matches!(parse(line), Err(RecordError::Field(found)) if found == field), "{line}");
        }
        assert!(parse("[1]").is_err() && matches!(parse("nonsense"), Err(RecordError::Json(_))));
        assert!(matches!(parse_label(b"\xff"), Err(RecordError::Utf8(_))));
    }
}
