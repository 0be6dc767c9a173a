//! What may be typed: flags and subcommands, nothing resolved yet. The help texts are the reference of the command line.

#[cfg(feature = "serve")]
use std::net::SocketAddr;
use std::path::PathBuf;

use clap::builder::{FalseyValueParser, PossibleValuesParser, TypedValueParser};
use clap::{Args, Parser, Subcommand, ValueEnum};
use strum::VariantNames;

use crate::config::{Mode, env_vars};
use crate::engine::ReviewMode;
use crate::harness::Harness;
use crate::model::Device;
use crate::verdict::Verdict;

/// Judges the actions of coding agents on this machine: allow, ask or deny.
#[derive(Debug, Parser)]
#[command(version, about, max_term_width = 110, propagate_version = true)]
pub(super) struct Arguments {
    #[command(subcommand)]
    pub(super) command: CommandArguments,
}

#[derive(Debug, Subcommand)]
pub(super) enum CommandArguments {
    /// Judge actions: action records in, decision records out; or one shell command.
    Score(ScoreArguments),
    /// Judge as `score` does, and say what moved the score, part by part.
    Explain(ExplainArguments),
    /// Measure the engine against labelled actions: rates, curves, a report.
    Eval(EvalArguments),
    /// Answer one hook call of an agent program: its JSON on the standard input, the reply on the standard output.
    Hook(HookArguments),
    /// Stay loaded and answer `hook`, `score --command` and HTTP.
    #[cfg(feature = "serve")]
    Serve(ServeArguments),
    /// Show the daemons that run.
    #[cfg(feature = "serve")]
    Status(StatusArguments),
    /// Ask the daemons that run to finish what they have begun and leave.
    #[cfg(feature = "serve")]
    Stop(StopArguments),
    /// Look at model bundles.
    Model {
        #[command(subcommand)]
        command: ModelCommand,
    },
    /// Look at what remote review did and kept.
    #[cfg(feature = "review")]
    Review {
        #[command(subcommand)]
        command: ReviewCommand,
    },
    /// Look at the rules: check files, show what is in force, run cases, ask what they say of an action.
    Policy {
        #[command(subcommand)]
        command: PolicyCommand,
    },
    /// Show or set what the gate does with its verdicts: `off`, `monitor` (record, never interfere) or `enforce`.
    Mode(ModeArguments),
    /// Look at the settings.
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Let one action that was stopped run once: a person's word, at a terminal.
    AllowOnce(AllowOnceArguments),
    /// Look at the record of decisions, and prove that it is what was written.
    Audit {
        #[command(subcommand)]
        command: AuditCommand,
    },
    /// Propose rules for what was asked about over and over and ran each time: a diff to look at, applied by nobody.
    Suggest(SuggestArguments),
    /// Put riskgate into the settings of an agent program, before and after every tool; all else in them stays.
    Install(InstallArguments),
    /// Take riskgate out of them.
    Uninstall(InstallArguments),
    /// Check that everything works here: the runtime library, the bundle, the device, decisions, the review's key, the log, the
    /// hooks. Nothing leaves this machine.
    Doctor(DoctorArguments),
    /// Show exactly what the model sees: action records in, texts and token ids out.
    Encode(EncodeArguments),
}

#[derive(Debug, Args)]
pub(super) struct DoctorArguments {
    #[command(flatten)]
    pub(super) engine: EngineArguments,
    #[command(flatten)]
    pub(super) review: ReviewArguments,
}

#[derive(Debug, Args)]
pub(super) struct InstallArguments {
    /// The agent program.
    #[arg(value_name = "HARNESS", value_parser = harness())]
    pub(super) harness: Harness,
    /// Its settings file, when it is not the user's own: a project's, say, or a managed one.
    #[arg(long, value_name = "FILE")]
    pub(super) settings: Option<PathBuf>,
    /// Print what the file would become, and change nothing.
    #[arg(long)]
    pub(super) dry_run: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum ModelCommand {
    /// The bundles that are found by name, and where.
    List,
    /// Check every file of a bundle against its manifest, and the model's answers against the golden ones.
    Verify(EngineArguments),
    /// What a bundle says of itself.
    Info {
        /// The bundle, by name or folder.
        #[arg(long, value_name = "BUNDLE", env = env_vars::MODEL)]
        model: Option<String>,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum PolicyCommand {
    /// Check rule files, or all rules in force: spelling, types, examples, rules that can never matter.
    Check {
        #[command(flatten)]
        engine: EngineArguments,
        /// Files of rules in Cedar; all rules in force when absent.
        files: Vec<PathBuf>,
    },
    /// Show the rules in force and where each came from.
    Show {
        #[command(flatten)]
        engine: EngineArguments,
        /// Only this rule, with its text.
        #[arg(value_name = "ID")]
        id: Option<String>,
        /// Give JSON.
        #[arg(long)]
        json: bool,
        /// Print the schema that rules are checked against, and leave.
        #[arg(long, value_name = "STAGE", value_parser = ["before", "after"])]
        schema: Option<String>,
    },
    /// Run cases through the rules, without the model: action records with `"expect": {"verdict": …, "rule": …}`.
    Test {
        #[command(flatten)]
        engine: EngineArguments,
        /// Cases, one JSON object a line.
        file: PathBuf,
        /// Rules to test in the place of those in force.
        #[arg(long, value_name = "FILE")]
        rules: Vec<PathBuf>,
    },
    /// Show what rules are asked about an action, part by part, and what they answer.
    Explain {
        #[command(flatten)]
        engine: EngineArguments,
        /// A shell command, or an action record in JSON.
        action: String,
    },
}

#[derive(Debug, Subcommand)]
pub(super) enum ConfigCommand {
    /// Show every setting in force and where it came from.
    Show {
        #[command(flatten)]
        engine: EngineArguments,
        /// Give JSON.
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Args)]
pub(super) struct ModeArguments {
    #[command(flatten)]
    pub(super) engine: EngineArguments,
    /// The new mode; shows the one in force when absent.
    #[arg(value_name = "MODE", value_parser = mode())]
    pub(super) mode: Option<Mode>,
    /// Set it for the project in this folder, where it may only tighten.
    #[arg(long)]
    pub(super) here: bool,
}

#[derive(Debug, Args)]
pub(super) struct AllowOnceArguments {
    /// The code that the refusal names; lists what was stopped lately when absent.
    #[arg(value_name = "CODE")]
    pub(super) code: Option<String>,
    /// Minutes for which it holds.
    #[arg(long, value_name = "MINUTES", default_value_t = 10, value_parser = clap::value_parser!(u64).range(1..=1440))]
    pub(super) minutes: u64,
}

fn mode() -> impl TypedValueParser<Value = Mode> {
    PossibleValuesParser::new(Mode::VARIANTS).try_map(|name| name.parse::<Mode>())
}

#[cfg(feature = "review")]
#[derive(Debug, Subcommand)]
pub(super) enum ReviewCommand {
    /// Where questions go, what was spent, and whether reviews are paused.
    Status,
    /// Turn kept verdicts into action records and labels, as `eval` and training read them.
    Export {
        /// Where the action records go.
        #[arg(long, value_name = "FILE")]
        records: PathBuf,
        /// Where the labels go.
        #[arg(long, value_name = "FILE")]
        labels: PathBuf,
    },
}

/// Who settles what the local model is not sure of. More is set in the section `[review]` of the settings file.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "Remote review")]
pub(super) struct ReviewArguments {
    /// Which actions a stronger model reviews, over the network: `off` (the default), `uncertain` or `uncertain+deny`.
    #[arg(id = "review", long = "review", value_name = "MODE", env = env_vars::REVIEW, value_parser = review_mode())]
    pub(super) mode: Option<ReviewMode>,
    /// The reviewing model.
    #[arg(id = "review_model", long = "review-model", value_name = "MODEL", env = env_vars::REVIEW_MODEL)]
    pub(super) model: Option<String>,
    /// Where the Messages API answers. There is no variable for it: whoever could set one would be sent the key.
    #[arg(id = "review_base_url", long = "review-base-url", value_name = "URL")]
    pub(super) base_url: Option<String>,
    /// Milliseconds that one review may take.
    #[arg(long = "review-timeout-ms", value_name = "MS", env = env_vars::REVIEW_TIMEOUT_MS)]
    pub(super) review_timeout_ms: Option<u64>,
}

/// A mode by its name, with the names listed in help and errors.
fn review_mode() -> impl TypedValueParser<Value = ReviewMode> {
    PossibleValuesParser::new(ReviewMode::VARIANTS).try_map(|name| name.parse::<ReviewMode>())
}

/// Where records come from and where answers go.
#[derive(Debug, Args)]
pub(super) struct StreamArguments {
    /// Action records, one JSON object a line; `-` is the standard input.
    #[arg(long, value_name = "FILE", default_value = "-")]
    pub(super) input: PathBuf,
    /// Where the answers go, one JSON object a line; `-` is the standard output.
    #[arg(long, value_name = "FILE", default_value = "-")]
    pub(super) output: PathBuf,
}

/// Which model judges, on what, and how strictly.
#[derive(Debug, Clone, Args)]
pub(super) struct EngineArguments {
    /// The model bundle, by name or folder.
    #[arg(long, value_name = "BUNDLE", env = env_vars::MODEL)]
    pub(super) model: Option<String>,
    /// The ONNX Runtime library; before `ORT_DYLIB_PATH` and the usual places.
    #[arg(long, value_name = "FILE", env = env_vars::RUNTIME)]
    pub(super) runtime: Option<PathBuf>,
    /// Where the model runs: `auto` (the default), `cpu`, `cuda[:N]`, `tensorrt[:N]`, `coreml`, `directml[:N]` or `openvino`.
    #[arg(long, value_name = "DEVICE", env = env_vars::DEVICE)]
    pub(super) device: Option<Device>,
    /// How strict: `strict`, `balanced` (the default), `relaxed` or another operating point of the bundle.
    #[arg(long, value_name = "NAME", env = env_vars::OPERATING_POINT)]
    pub(super) operating_point: Option<String>,
    /// Allow only as much as keeps the share of dangerous actions that come out `allow` at or below this.
    #[arg(long, value_name = "RATE", env = env_vars::MAX_MISS_RATE)]
    pub(super) max_miss_rate: Option<f32>,
    /// Deny only as much as keeps the share of harmless actions that come out `deny` at or below this.
    #[arg(long, value_name = "RATE", env = env_vars::MAX_FALSE_BLOCK_RATE)]
    pub(super) max_false_block_rate: Option<f32>,
    /// Nobody can be asked (headless): what would be `ask` is `deny`.
    #[arg(long, env = env_vars::NO_ASK, value_parser = FalseyValueParser::new())]
    pub(super) no_ask: bool,
    /// The project whose settings and rules tighten these; the nearest one above the working folder when absent.
    #[arg(long, value_name = "DIR")]
    pub(super) project: Option<PathBuf>,
}

/// Whether and where a daemon is asked.
#[derive(Debug, Args)]
pub(super) struct DaemonArguments {
    /// Judge in this process: ask no daemon and start none.
    #[arg(long, env = env_vars::NO_DAEMON, value_parser = FalseyValueParser::new())]
    pub(super) no_daemon: bool,
    /// The daemon's socket, in a folder that only its user may enter.
    #[arg(long, value_name = "FILE", env = env_vars::SOCKET)]
    pub(super) socket: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(super) struct ScoreArguments {
    #[command(flatten)]
    pub(super) engine: EngineArguments,
    #[command(flatten)]
    pub(super) review: ReviewArguments,
    /// Show exactly what would be sent to the reviewing model, and send nothing.
    #[arg(long)]
    pub(super) show_request: bool,
    /// Record the decisions in the audit log, as `hook` and `serve` do; judges in this process.
    #[arg(long)]
    pub(super) audit: bool,
    #[command(flatten)]
    pub(super) daemon: DaemonArguments,
    #[command(flatten)]
    pub(super) stream: StreamArguments,
    /// Let each record with a `session_id` be judged with what earlier ones of its session left behind, and leave something
    /// behind itself; records are then judged one after another.
    #[arg(long, conflicts_with_all = ["command", "show_request"])]
    pub(super) sessions: bool,
    /// Judge this one shell command and exit with 0 for allow, 10 for ask, 20 for deny.
    #[arg(long, value_name = "COMMAND", conflicts_with_all = ["input", "output"])]
    pub(super) command: Option<String>,
    /// With --command: give the decision record.
    #[arg(long, requires = "command")]
    pub(super) json: bool,
    /// What a stream of records is answered with.
    #[arg(long, value_enum, default_value_t = OutputFormat::Json, conflicts_with = "command")]
    pub(super) format: OutputFormat,
}

#[derive(Debug, Args)]
pub(super) struct ExplainArguments {
    #[command(flatten)]
    pub(super) engine: EngineArguments,
    #[command(flatten)]
    pub(super) stream: StreamArguments,
    /// Explain this one shell command; the exit code is as for `score`.
    #[arg(long, value_name = "COMMAND", conflicts_with_all = ["input", "output"])]
    pub(super) command: Option<String>,
    /// With --command: give JSON.
    #[arg(long, requires = "command")]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct EvalArguments {
    #[command(flatten)]
    pub(super) engine: EngineArguments,
    /// Labels, one `{"id", "risk", "permission", "effects", "injection"}` a line; may be given several times.
    #[arg(long, value_name = "FILE", required = true)]
    pub(super) labels: Vec<PathBuf>,
    /// Action records, one JSON object a line, joined to the labels by `id`; may be given several times; `-` is the standard
    /// input.
    #[arg(long, value_name = "FILE", default_value = "-")]
    pub(super) input: Vec<PathBuf>,
    /// A folder for the report: `report.html`, `metrics.json` and the pictures.
    #[arg(long, value_name = "DIR")]
    pub(super) report: Option<PathBuf>,
    /// Judge with this model too and tell the difference: a bundle by name or folder, or an `.onnx` or `.ort` file under the
    /// bundle's own tokenizer and calibration.
    #[arg(long, value_name = "MODEL")]
    pub(super) reference: Option<String>,
    /// Give the contents of `metrics.json` instead of the summary.
    #[arg(long)]
    pub(super) json: bool,
    /// Show the actions among the worst mistakes, not their ids alone.
    #[arg(long)]
    pub(super) show_text: bool,
    /// Record the decisions in the audit log.
    #[arg(long)]
    pub(super) audit: bool,
}

#[derive(Debug, Subcommand)]
pub(super) enum AuditCommand {
    /// Find any edit, deletion, reordering or truncation, and say where; print the hash of the last record.
    Verify(VerifyArguments),
    /// Show decisions.
    Show(ShowArguments),
    /// Count decisions by verdict, tool, source, effect, session and rule; latencies.
    Stats {
        #[command(flatten)]
        filter: FilterArguments,
        /// Give JSON.
        #[arg(long)]
        json: bool,
    },
    /// Write decisions to a file for other programs.
    Export(ExportArguments),
    /// Make a logged decision again, and say whether it is the same to the last bit.
    Explain(AuditExplainArguments),
    /// Show what other rules or thresholds would have changed in the past: the log, transcripts or action records.
    Replay(ReplayArguments),
}

/// Which part of the past: the log of decisions, unless something else is named. Nothing is written to it.
#[derive(Debug, Clone, Args)]
#[command(next_help_heading = "The past")]
pub(super) struct PastArguments {
    /// The log's folder, when it is not the user's own.
    #[arg(long, value_name = "DIR", conflicts_with_all = ["transcripts", "input"])]
    pub(super) folder: Option<PathBuf>,
    /// Claude Code's own transcripts in the place of the log: a file or a folder, `~/.claude/projects` when none is named.
    #[arg(long, value_name = "PATH", num_args = 0..=1, default_missing_value = "~/.claude/projects", conflicts_with = "input")]
    pub(super) transcripts: Option<PathBuf>,
    /// Action records in the place of the log, one JSON object a line; `-` is the standard input. A record may also say its
    /// `time` and its `outcome`: `ran` (after a question), `unasked` or `refused`.
    #[arg(long, value_name = "FILE")]
    pub(super) input: Option<PathBuf>,
    /// From this time on: `2026-05-01T12:00:00Z`, or how long ago: `2h`, `7d`.
    #[arg(long, value_name = "TIME")]
    pub(super) since: Option<String>,
    /// Before this time.
    #[arg(long, value_name = "TIME")]
    pub(super) until: Option<String>,
    /// Of this tool.
    #[arg(long, value_name = "TOOL")]
    pub(super) tool: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct ReplayArguments {
    /// Files of rules to try: each takes the place of the user's rule file of the same name, or stands beside all others.
    #[arg(long, value_name = "FILE", num_args = 1..)]
    pub(super) policy: Vec<PathBuf>,
    /// Thresholds to try: an operating point, a settings file with a section `[thresholds]`, or `allow_below=0.03,deny_above=0.8`.
    #[arg(long, value_name = "NAME|FILE|CUTS")]
    pub(super) thresholds: Option<String>,
    /// The mode that rules are told.
    #[arg(long, value_name = "MODE", value_parser = mode())]
    pub(super) mode: Option<Mode>,
    /// Labels by the id of a record or of a call; dangers let through are then counted, not only expected.
    #[arg(long, value_name = "FILE")]
    pub(super) labels: Vec<PathBuf>,
    /// A folder for a report: `replay.html`, `replay.json` and the pictures.
    #[arg(long, value_name = "DIR")]
    pub(super) report: Option<PathBuf>,
    /// Show each change, not only the sums.
    #[arg(long)]
    pub(super) list: bool,
    /// Give JSON.
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) engine: EngineArguments,
    #[command(flatten)]
    pub(super) past: PastArguments,
}

#[derive(Debug, Args)]
pub(super) struct SuggestArguments {
    /// Only what was asked about in the last so many days.
    #[arg(long, value_name = "N", conflicts_with = "since")]
    pub(super) days: Option<u32>,
    /// How often the same action must have been asked about.
    #[arg(long, value_name = "N", default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    pub(super) min: u32,
    /// Write the proposed rules to this new file, too; not to a folder that rules are read from.
    #[arg(long, value_name = "FILE")]
    pub(super) output: Option<PathBuf>,
    /// Give JSON.
    #[arg(long)]
    pub(super) json: bool,
    #[command(flatten)]
    pub(super) engine: EngineArguments,
    #[command(flatten)]
    pub(super) past: PastArguments,
}

#[derive(Debug, Args)]
pub(super) struct VerifyArguments {
    /// The log's folder, when it is not the user's own.
    #[arg(long, value_name = "DIR")]
    pub(super) folder: Option<PathBuf>,
    /// The hash of a record that was written down elsewhere: the log must still have it.
    #[arg(long, value_name = "HASH")]
    pub(super) expect: Option<String>,
    /// The public key, in hex, that must have signed; the one beside the log when absent.
    #[arg(long, value_name = "HEX")]
    pub(super) key: Option<String>,
    /// Give JSON.
    #[arg(long)]
    pub(super) json: bool,
}

/// Which decisions.
#[derive(Debug, Args)]
pub(super) struct FilterArguments {
    /// The log's folder, when it is not the user's own.
    #[arg(long, value_name = "DIR")]
    pub(super) folder: Option<PathBuf>,
    /// With this verdict: `allow`, `ask` or `deny`.
    #[arg(long, value_name = "VERDICT")]
    pub(super) verdict: Option<Verdict>,
    /// Of this tool.
    #[arg(long, value_name = "TOOL")]
    pub(super) tool: Option<String>,
    /// Settled by `policy`, `model`, `remote`, `cache`, `session` or `fail_safe`.
    #[arg(long, value_name = "SOURCE")]
    pub(super) source: Option<String>,
    /// With this side effect likelier than not.
    #[arg(long, value_name = "EFFECT")]
    pub(super) effect: Option<String>,
    /// Of this session.
    #[arg(long, value_name = "ID")]
    pub(super) session: Option<String>,
    /// With a reason of this code.
    #[arg(long, value_name = "CODE")]
    pub(super) rule: Option<String>,
    /// Whose text has this in it.
    #[arg(long, value_name = "TEXT")]
    pub(super) contains: Option<String>,
    /// From this time on: `2026-05-01T12:00:00Z`, or how long ago: `2h`, `7d`.
    #[arg(long, value_name = "TIME")]
    pub(super) since: Option<String>,
    /// Before this time.
    #[arg(long, value_name = "TIME")]
    pub(super) until: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct ShowArguments {
    /// One decision, whole, by its id or by how that begins or ends.
    #[arg(value_name = "ID")]
    pub(super) id: Option<String>,
    #[command(flatten)]
    pub(super) filter: FilterArguments,
    /// The newest so many.
    #[arg(long, value_name = "N", default_value_t = 50)]
    pub(super) last: usize,
    /// Go on with what is appended.
    #[arg(long)]
    pub(super) follow: bool,
    /// Give the records as JSON, one a line.
    #[arg(long)]
    pub(super) json: bool,
}

#[derive(Debug, Args)]
pub(super) struct ExportArguments {
    #[command(flatten)]
    pub(super) filter: FilterArguments,
    /// The form.
    #[arg(long, value_enum, default_value_t = ExportFormat::Otlp)]
    pub(super) format: ExportFormat,
    /// Where it goes; `-` is the standard output.
    #[arg(long, value_name = "FILE", default_value = "-")]
    pub(super) output: PathBuf,
}

/// Forms of an export.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum ExportFormat {
    /// The records, one JSON object a line.
    Jsonl,
    /// OpenTelemetry logs, OTLP/JSON.
    #[value(alias = "otlp-json")]
    Otlp,
    /// A Parquet table.
    #[cfg(feature = "parquet")]
    Parquet,
}

#[derive(Debug, Args)]
pub(super) struct AuditExplainArguments {
    /// The decision's id, or how that begins or ends.
    #[arg(value_name = "ID")]
    pub(super) id: String,
    /// The log's folder, when it is not the user's own.
    #[arg(long, value_name = "DIR")]
    pub(super) folder: Option<PathBuf>,
    #[command(flatten)]
    pub(super) engine: EngineArguments,
    /// Give JSON.
    #[arg(long)]
    pub(super) json: bool,
}

/// How decisions are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum OutputFormat {
    /// Decision records, one JSON object a line.
    Json,
    /// One readable line each.
    Table,
}

#[derive(Debug, Args)]
pub(super) struct HookArguments {
    /// The agent program.
    #[arg(value_name = "HARNESS", value_parser = harness())]
    pub(super) harness: Harness,
    #[command(flatten)]
    pub(super) engine: EngineArguments,
    #[command(flatten)]
    pub(super) review: ReviewArguments,
    /// Show exactly what would be sent to the reviewing model, and send nothing.
    #[arg(long)]
    pub(super) show_request: bool,
    #[command(flatten)]
    pub(super) daemon: DaemonArguments,
    /// Milliseconds until a call that is not judged is stopped (3000, or 8000 with remote review); set the harness's own
    /// limit well above it.
    #[arg(long, value_name = "MS", env = env_vars::DEADLINE_MS)]
    pub(super) deadline_ms: Option<u64>,
}

#[cfg(feature = "serve")]
#[derive(Debug, Clone, Args)]
pub(super) struct ServeArguments {
    #[command(flatten)]
    pub(super) engine: EngineArguments,
    #[command(flatten)]
    pub(super) review: ReviewArguments,
    /// The socket, in a folder that only this user may enter.
    #[arg(long, value_name = "FILE", env = env_vars::SOCKET)]
    pub(super) socket: Option<PathBuf>,
    /// Speak HTTP, too, for example at `127.0.0.1:8750`.
    #[arg(long, value_name = "ADDRESS", env = env_vars::HTTP)]
    pub(super) http: Option<SocketAddr>,
    /// A file with the token that every HTTP request must bear; needed when other machines can connect.
    #[arg(long, value_name = "FILE", env = env_vars::HTTP_TOKEN_FILE)]
    pub(super) http_token_file: Option<PathBuf>,
    /// Milliseconds until an HTTP call that is not judged is given the fail-safe verdict (3000, or 8000 with remote review).
    #[arg(long, value_name = "MS", env = env_vars::DEADLINE_MS)]
    pub(super) deadline_ms: Option<u64>,
    /// Workers, each with a session of its own; one a core, at most 8, when absent.
    #[arg(long, value_name = "N", env = env_vars::WORKERS)]
    pub(super) workers: Option<usize>,
    /// Decisions remembered, about a kilobyte each.
    #[arg(long, value_name = "N", env = env_vars::CACHE_ENTRIES, default_value_t = 8_192)]
    pub(super) cache_entries: usize,
    /// Leave when nothing was asked for so many seconds.
    #[arg(long, value_name = "SECONDS", env = env_vars::IDLE_EXIT)]
    pub(super) idle_exit: Option<u64>,
    /// Ask a daemon that runs already to leave, and take its place.
    #[arg(long)]
    pub(super) replace: bool,
    /// Live on when the session ends in which it was started; as `hook` and `score` start it.
    #[arg(long)]
    pub(super) detached: bool,
    /// Print the OpenAPI document of the HTTP interface and leave.
    #[arg(long)]
    pub(super) openapi: bool,
}

#[cfg(feature = "serve")]
#[derive(Debug, Args)]
pub(super) struct StatusArguments {
    /// The socket of one daemon; all of this user's when absent.
    #[arg(long, value_name = "FILE", env = env_vars::SOCKET)]
    pub(super) socket: Option<PathBuf>,
    /// Give JSON.
    #[arg(long)]
    pub(super) json: bool,
}

#[cfg(feature = "serve")]
#[derive(Debug, Args)]
pub(super) struct StopArguments {
    /// The socket of one daemon; all of this user's when absent.
    #[arg(long, value_name = "FILE", env = env_vars::SOCKET)]
    pub(super) socket: Option<PathBuf>,
}

/// A harness by its name, with the names listed in help and errors.
fn harness() -> impl TypedValueParser<Value = Harness> {
    PossibleValuesParser::new(Harness::VARIANTS).try_map(|name| name.parse::<Harness>())
}

#[derive(Debug, Args)]
pub(super) struct EncodeArguments {
    #[command(flatten)]
    pub(super) stream: StreamArguments,
    /// The bundle whose tokenizer is used, by name or folder.
    #[arg(long, value_name = "BUNDLE", env = env_vars::MODEL)]
    pub(super) model: Option<String>,
    /// A tokenizer file instead of any bundle's, with the default window rule.
    #[arg(long, value_name = "FILE")]
    pub(super) tokenizer: Option<PathBuf>,
    /// Give the texts alone: needs no tokenizer.
    #[arg(long, conflicts_with = "tokenizer")]
    pub(super) no_tokens: bool,
    /// List the markers of the text template as a JSON array and leave.
    #[arg(long)]
    pub(super) markers: bool,
}
