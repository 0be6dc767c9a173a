//! Verdicts that were kept, when the operator agreed: on this machine alone, redacted, and as labels for training.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufRead as _, BufReader, Write as _};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::answer::{Answer, LabelWire};
use super::prompt::redacted_call;
use super::state::Store;
use crate::engine::{ReviewError, ReviewRequest};
use crate::private::{self, Access};
use crate::redact::redact;
use crate::sha256::Sha256;

const FILE: &str = "verdicts.jsonl";
/// The file before the present one: what is kept is at most twice [`MAX_BYTES`].
const OLD_FILE: &str = "verdicts.1.jsonl";
const MAX_BYTES: u64 = 16 * 1024 * 1024;
/// The source under which training knows these records.
const SOURCE: &str = "review";

/// One kept verdict.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
struct KeptWire {
    /// By what the action is, so that the same one judged again takes the place of the first.
    id: String,
    /// Seconds since 1970.
    at: u64,
    model: String,
    tool: String,
    input: Value,
    context: Value,
    label: LabelWire,
    /// Why, for whoever reads the labels.
    reason: String,
}

/// Keeps one verdict.
pub(super) fn keep(
    store: &Store,
    request: &ReviewRequest<'_>,
    answer: &Answer,
    model: &str,
    now: u64,
) -> Result<(), ReviewError> {
    let kept = kept(request, answer, model, now);
    append(store, &kept).map_err(|error| ReviewError::State(format!("the verdict cannot be kept: {error}")))
}

fn kept(request: &ReviewRequest<'_>, answer: &Answer, model: &str, now: u64) -> KeptWire {
    let call = redacted_call(request);
    let context = context(request);
    let mut hash = Sha256::new();
    hash.update(call.to_string());
    hash.update(context.to_string());
    let digits: String = hex::encode(hash.finalize()).chars().take(16).collect();
    let field = |name: &str| call.get(name).cloned().unwrap_or_default();
    KeptWire {
        id: format!("{SOURCE}-{digits}"),
        at: now,
        model: model.to_owned(),
        tool: field("tool").as_str().unwrap_or_default().to_owned(),
        input: field("input"),
        context,
        label: answer.into(),
        reason: answer.justification(model),
    }
}

/// What a verdict depends on beside the action. The transcript is not kept: it is another's to keep.
fn context(request: &ReviewRequest<'_>) -> Value {
    let context = &request.call.context;
    let known = [
        ("cwd", &context.cwd),
        ("workspace", &context.workspace),
        ("home", &context.home),
        ("user_request", &context.user_request),
        ("shell", &context.shell),
    ];
    let fields = known.into_iter().filter_map(|(name, value)| Some((name.to_owned(), redact(value.as_ref()?).into())));
    Value::Object(fields.collect())
}

fn append(store: &Store, kept: &KeptWire) -> io::Result<()> {
    let path = store.path(FILE);
    private::create_folder(&store.path("."))?;
    if fs::metadata(&path).is_ok_and(|metadata| metadata.len() > MAX_BYTES) {
        fs::rename(&path, store.path(OLD_FILE))?;
    }
    let mut line = serde_json::to_vec(kept)?;
    line.push(b'\n');
    // One write: lines of several processes do not run into each other.
    private::open(&path, Access::Append)?.write_all(&line)
}

/// Action records and labels of every kept verdict, as training reads them; of an action judged twice, the newer one.
pub fn export(store: &Store) -> io::Result<Vec<(Value, Value)>> {
    let mut newest: BTreeMap<String, KeptWire> = BTreeMap::new();
    for name in [OLD_FILE, FILE] {
        for kept in read(store, name)? {
            newest.insert(kept.id.clone(), kept);
        }
    }
    newest.into_values().map(|kept| Ok((record(&kept), label(kept)?))).collect()
}

/// The verdicts of one file. A line that was cut when the machine stopped is left out.
fn read(store: &Store, name: &str) -> io::Result<Vec<KeptWire>> {
    let file = match File::open(store.path(name)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        opened => opened?,
    };
    let lines: Vec<Vec<u8>> = BufReader::new(file).split(b'\n').collect::<io::Result<_>>()?;
    Ok(lines.iter().filter_map(|line| serde_json::from_slice(line).ok()).collect())
}

fn record(kept: &KeptWire) -> Value {
    json!({"id": kept.id, "source": SOURCE, "tool": kept.tool, "input": kept.input, "context": kept.context})
}

fn label(kept: KeptWire) -> io::Result<Value> {
    let mut label = Map::from_iter([("id".to_owned(), Value::from(kept.id))]);
    if let Value::Object(heads) = serde_json::to_value(kept.label)? {
        label.extend(heads);
    }
    label.insert("by".to_owned(), kept.model.into());
    label.insert("reason".to_owned(), kept.reason.into());
    Ok(Value::Object(label))
}
