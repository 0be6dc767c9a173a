//! What the topics share: the corpus, calls, an encoder without a bundle, the bundled engine, and the binary in a clean
//! environment.

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::LazyLock;
use std::thread;

use riskgate::action::{Context, ToolCall};
use riskgate::app::App;
use riskgate::artifact::Places;
use riskgate::calibrate::Rates;
use riskgate::config::Settings;
use riskgate::encode::{Encoder, WindowRule};
use riskgate::engine::Asking;
use riskgate::model::Device;
use riskgate::record;
use serde_json::{Map, Value, json};
use tempfile::TempDir;

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

// ── The bundle ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/// The pinned ONNX Runtime, as `ORT_DYLIB_PATH` or `scripts/setup.py` left it.
pub(crate) fn runtime() -> PathBuf {
    let named = std::env::var_os("ORT_DYLIB_PATH").map(PathBuf::from);
    let folders = repository().ancestors().map(|folder| folder.join(".riskgate/lib"));
    let found = named.into_iter().chain(folders.filter_map(|folder| library_in(&folder))).find(|path| path.is_file());
    found.expect("ONNX Runtime is missing: run `python3 scripts/setup.py`")
}

fn library_in(folder: &Path) -> Option<PathBuf> {
    let is_library = |path: &PathBuf| {
        let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
        (name.starts_with("libonnxruntime.") || name == "onnxruntime.dll") && path.is_file()
    };
    fs::read_dir(folder).ok()?.map(|entry| entry.unwrap().path()).find(is_library)
}

/// The bundle that riskgate ships.
pub(crate) fn shipped_bundle() -> PathBuf {
    let folder = repository().join("models/riskgate-small");
    assert!(folder.join("manifest.json").is_file(), "`{}` is missing: restore the checkout", folder.display());
    folder
}

/// The shipped bundle, loaded once for all tests.
pub(crate) fn shipped() -> &'static App {
    static APP: LazyLock<App> = LazyLock::new(|| load(&shipped_bundle()));
    &APP
}

fn load(bundle: &Path) -> App {
    let settings = Settings {
        model: Some(bundle.to_str().unwrap().to_owned()),
        runtime: Some(runtime()),
        device: Device::Cpu,
        operating_point: "default".to_owned(),
        rates: Rates::default(),
        asking: Asking::Possible,
        review: None,
        audit: None,
    };
    App::load(settings, &Places::default(), None).unwrap_or_else(|error| panic!("{error}"))
}

// ── The binary ──────────────────────────────────────────────────────────────────────────────────────────────────────────

/// A home of its own for the binary, with a bundle of random weights whose verdict is chosen by its operating point:
/// `--operating-point allow`, `ask` or `deny`.
pub(crate) struct Sandbox {
    folder: TempDir,
}

/// What a run of the binary left.
#[derive(Debug)]
pub(crate) struct Outcome {
    /// The exit code; none when a signal ended it.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
}

impl Outcome {
    /// The standard output as JSON lines.
    #[track_caller]
    pub(crate) fn records(&self) -> Vec<Value> {
        let read = |line: &str| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}\n{self:?}"));
        self.stdout.lines().map(read).collect()
    }
}

impl Sandbox {
    pub(crate) fn new() -> Self {
        let sandbox = Self { folder: tempfile::tempdir().unwrap() };
        let bundle = sandbox.bundle();
        fs::create_dir_all(&bundle).unwrap();
        for entry in fs::read_dir(repository().join("tests/fixtures/tiny-bundle")).unwrap() {
            let path = entry.unwrap().path();
            fs::copy(&path, bundle.join(path.file_name().unwrap())).unwrap();
        }
        sandbox.change_manifest(|manifest| {
            let point = |allow: f64, deny: f64, injection: f64| json!({"allow_below": allow, "deny_above": deny, "injection_above": injection, "novel_above": 99.0});
            manifest["operating_points"]["allow"] = point(1.0, 1.0, 1.0);
            manifest["operating_points"]["ask"] = point(0.0, 1.0, 1.0);
            manifest["operating_points"]["deny"] = point(0.0, 0.0, 0.0);
        });
        sandbox
    }

    /// A file or folder in it.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The folder of its bundle.
    pub(crate) fn bundle(&self) -> PathBuf {
        self.path("bundle")
    }

    pub(crate) fn change_manifest(&self, change: impl FnOnce(&mut Value)) {
        let path = self.bundle().join("manifest.json");
        let mut manifest: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
        change(&mut manifest);
        fs::write(path, manifest.to_string()).unwrap();
    }

    /// The binary in an environment that says nothing but where its home is.
    pub(crate) fn bare(&self, program: &Path, arguments: &[&str]) -> Command {
        let mut command = Command::new(program);
        command.args(arguments).env_clear().current_dir(self.folder.path());
        for (name, value) in
            [("HOME", "home"), ("USERPROFILE", "home"), ("XDG_DATA_HOME", "data"), ("XDG_CONFIG_HOME", "config")]
        {
            command.env(name, self.path(value));
        }
        command.env("XDG_RUNTIME_DIR", self.path("run"));
        // A test that wants a daemon says so: none must outlive the tests.
        command.env("RISKGATE_NO_DAEMON", "true");
        if let Some(system) = std::env::var_os("SystemRoot") {
            command.env("SystemRoot", system);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    /// The binary with the sandbox's bundle and the pinned runtime.
    pub(crate) fn command(&self, arguments: &[&str]) -> Command {
        let mut command = self.bare(Path::new(env!("CARGO_BIN_EXE_riskgate")), arguments);
        command.env("RISKGATE_MODEL", self.bundle()).env("RISKGATE_RUNTIME", runtime());
        command
    }

    /// Runs the binary on an input.
    pub(crate) fn run(&self, arguments: &[&str], input: impl AsRef<[u8]>) -> Outcome {
        finish(self.command(arguments), input.as_ref())
    }
}

/// Runs a command on an input to its end.
pub(crate) fn finish(mut command: Command, input: &[u8]) -> Outcome {
    let mut child = command.spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    thread::scope(|scope| {
        // A process that does not want all of its input is no error.
        scope.spawn(move || drop(stdin.write_all(input)));
        outcome(child)
    })
}

/// What a child leaves when it ends.
pub(crate) fn outcome(child: Child) -> Outcome {
    let output = child.wait_with_output().unwrap();
    Outcome {
        code: output.status.code(),
        stdout: String::from_utf8(output.stdout).expect("the output is text"),
        stderr: String::from_utf8(output.stderr).expect("the remarks are text"),
    }
}

/// The text with its decimal numbers, times and hashes masked.
pub(crate) fn masked(text: &str) -> String {
    let mut masked = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = rest.find(|c: char| !c.is_ascii_alphanumeric() && c != '.').unwrap_or(rest.len());
        let word = &rest[..length];
        if word.is_empty() {
            masked.push(first);
            rest = &rest[first.len_utf8()..];
            continue;
        }
        let number =
            word.contains('.') && word.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.') && word.len() > 1;
        let hash = word.len() >= 12 && word.bytes().all(|byte| byte.is_ascii_hexdigit());
        masked.push_str(if number {
            "#.##"
        } else if hash {
            "[hash]"
        } else {
            word
        });
        rest = &rest[length..];
    }
    masked
}
