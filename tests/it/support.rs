//! What the topics share: the corpus, calls, an encoder without a bundle.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use riskgate::action::{Context, ToolCall};
use riskgate::encode::{Encoder, WindowRule};
use riskgate::record;
use serde_json::{Map, Value};

use crate::toy;

/// The checkout.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// One labelled action of the corpus.
pub(crate) struct Case {
    pub(crate) id: String,
    pub(crate) family: String,
    pub(crate) call: ToolCall,
    /// 0 allow, 1 ask, 2 deny, by the rubric.
    pub(crate) risk: u64,
    /// Whether `allow` would be a serious mistake.
    pub(crate) never_allow: bool,
    pub(crate) why: String,
}

/// Every case, file by file.
pub(crate) fn corpus() -> Vec<Case> {
    let folder = repository().join("tests/corpus");
    let entries = fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
    let mut files: Vec<PathBuf> = entries.filter(|path| path.extension().is_some_and(|e| e == "jsonl")).collect();
    files.sort();
    let cases: Vec<Case> = files.iter().flat_map(|path| cases_of(&fs::read_to_string(path).unwrap())).collect();
    assert!(cases.len() >= 400, "only {} cases in {}", cases.len(), folder.display());
    cases
}

fn cases_of(lines: &str) -> Vec<Case> {
    let case = |line: &str| {
        let record = record::parse(line.as_bytes()).unwrap_or_else(|(_, error)| panic!("{error}: {line}"));
        let value: Value = serde_json::from_str(line).unwrap();
        Case {
            id: record.id.as_str().unwrap().to_owned(),
            family: value["family"].as_str().unwrap().to_owned(),
            call: record.call,
            risk: value["expect"]["risk"].as_u64().unwrap(),
            never_allow: value["never"] == "allow",
            why: value["why"].as_str().unwrap_or_default().to_owned(),
        }
    };
    lines.lines().map(case).collect()
}

/// A Bash call in an ordinary workspace.
pub(crate) fn bash(command: &str) -> ToolCall {
    let context = Context {
        cwd: Some("/home/me/src/app".to_owned()),
        workspace: Some("/home/me/src/app".to_owned()),
        home: Some("/home/me".to_owned()),
        ..Context::default()
    };
    call("Bash", &[("command", Value::from(command))], context)
}

/// A call of any tool.
pub(crate) fn call(tool: &str, input: &[(&str, Value)], context: Context) -> ToolCall {
    let input: Map<String, Value> = input.iter().map(|(key, value)| ((*key).to_owned(), value.clone())).collect();
    ToolCall { tool: tool.to_owned(), input, context }
}

/// An encoder that needs no bundle, with room for anything but hostile inputs.
pub(crate) fn byte_encoder() -> &'static Encoder {
    static ENCODER: LazyLock<Encoder> =
        LazyLock::new(|| toy::encoder(WindowRule { window: 1024, max_windows: 512, overlap: 16 }));
    &ENCODER
}
