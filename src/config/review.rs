//! The `[review]` section: what the user's file, the environment and the flags say of remote review, merged once.
//!
//! A project's file may only leave less to the reviewer. Where the question and the key go (address, headers) is read from the
//! user's file and the flags alone: a repository can set variables for the agent that runs in it, and a repository that
//! chose the address would be sent the key.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::{env, fs, io};

use etcetera::BaseStrategy;
use serde::{Deserialize, Deserializer};

use super::env_vars;
use super::layers::LayerPlaces;
use super::reading::Files;
use super::section::{self, Section};
use crate::engine::ReviewMode;
use crate::redact::Secret;
use crate::sha256::Sha256;

/// Why the settings cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file is there and cannot be read.
    #[error("cannot read `{}`: {source}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: io::Error,
    },
    /// A file cannot be written.
    #[error("cannot write `{}`: {source}", path.display())]
    Write {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        source: io::Error,
    },
    /// A file does not say what it should.
    #[error("`{}`: {message}", path.display())]
    Parse {
        /// The file.
        path: PathBuf,
        /// What is wrong, and where.
        message: String,
    },
    /// A file that others may write to.
    #[error("`{}` {problem}", path.display())]
    Untrusted {
        /// The file or folder.
        path: PathBuf,
        /// What is wrong.
        problem: &'static str,
    },
    /// A setting with a value that it cannot have.
    #[error("`{key}` ({source_name}): {message}")]
    Value {
        /// The setting.
        key: String,
        /// Where it came from.
        source_name: String,
        /// What is wrong.
        message: String,
    },
    /// A setting that stands where another one has fields.
    #[error("`{0}` cannot be set")]
    Key(String),
    /// A change that somebody else decides.
    #[error("{0}")]
    Refused(String),
}

/// What is asked for; everything may be left out, and `review::Options` knows what that means.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct ReviewSettings {
    /// Which actions are reviewed.
    #[serde(deserialize_with = "mode")]
    pub mode: Option<ReviewMode>,
    /// The model.
    pub model: Option<String>,
    /// Where the Messages API answers, without `/v1/messages`.
    pub base_url: Option<String>,
    /// `anthropic`, `bedrock` or `vertex`: how the address and the body name the model.
    pub dialect: Option<String>,
    /// `x-api-key`, `api-key`, `bearer` or `none`: how the key is sent.
    pub auth: Option<String>,
    /// A file with the key, readable by its owner alone.
    pub key_file: Option<PathBuf>,
    /// More headers.
    #[serde(deserialize_with = "headers")]
    pub headers: BTreeMap<String, Secret>,
    /// A file with certificates to trust beside the system's.
    pub ca_file: Option<PathBuf>,
    /// `schema` or `tool`: how a machine-readable answer is asked for; without it, what the model accepts.
    pub output: Option<String>,
    /// How hard the model thinks; empty to say nothing of it.
    pub effort: Option<String>,
    /// A short answer first, the whole one only when that is not `allow`.
    pub two_stage: Option<bool>,
    /// Most tokens of an answer, thinking included.
    pub max_output_tokens: Option<u32>,
    /// `5m`, `1h` or `off`: how long the fixed part of the question is cached.
    pub cache: Option<String>,
    /// Longest time of one review.
    pub timeout_ms: Option<u64>,
    /// Longest time to connect.
    pub connect_timeout_ms: Option<u64>,
    /// Reviews at once, over all processes of this user.
    pub concurrency: Option<usize>,
    /// Tokens an hour.
    pub tokens_per_hour: Option<u64>,
    /// Tokens a day.
    pub tokens_per_day: Option<u64>,
    /// US dollars an hour.
    pub usd_per_hour: Option<f64>,
    /// US dollars a day.
    pub usd_per_day: Option<f64>,
    /// What a model costs that riskgate does not know.
    pub price: Option<PriceSettings>,
    /// Notes on the environment, for the reviewer.
    pub environment: Vec<String>,
    /// Rules in prose, for the reviewer.
    pub rules: Vec<String>,
    /// Whether the user's messages and the earlier calls of the session are sent.
    pub transcript: Option<bool>,
    /// Whether the state of the repository is sent.
    pub git: Option<bool>,
    /// Whether verdicts are kept on this machine, to learn from.
    pub keep: Option<bool>,
    /// The key from the environment.
    #[serde(skip)]
    pub environment_key: Option<EnvironmentKey>,
    /// Where budgets, pauses and kept verdicts lie.
    #[serde(skip)]
    pub state: Option<PathBuf>,
}

/// US dollars for a million tokens.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PriceSettings {
    /// Read anew.
    pub input: f64,
    /// Written.
    pub output: f64,
    /// Read from the cache; as `input` when absent.
    pub cache_read: Option<f64>,
    /// Written to the cache; as `input` when absent.
    pub cache_write: Option<f64>,
}

/// A key that a variable holds, and how keys of that kind are sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EnvironmentKey {
    /// Of `RISKGATE_REVIEW_API_KEY` or `ANTHROPIC_API_KEY`.
    ApiKey(Secret),
    /// Of `ANTHROPIC_AUTH_TOKEN`.
    BearerToken(Secret),
}

/// What the command line and its variables say; they win over the user's file.
#[derive(Debug, Clone, Default)]
pub struct ReviewFlags {
    /// Which actions are reviewed.
    pub mode: Option<ReviewMode>,
    /// The model.
    pub model: Option<String>,
    /// Where the Messages API answers.
    pub base_url: Option<String>,
    /// Longest time of one review.
    pub timeout_ms: Option<u64>,
}

impl ReviewSettings {
    /// The user's file, the environment and the flags, and above them all the managed file.
    pub fn load(flags: ReviewFlags, places: &LayerPlaces) -> Result<Self, ConfigError> {
        Self::of(flags, &Files::read_own(places)?)
    }

    /// What files that were read, the environment and the flags say.
    pub fn of(flags: ReviewFlags, files: &Files) -> Result<Self, ConfigError> {
        let Section { mut user, managed, locked } = Section::of::<FileWire<Self>>(files, "review")?;
        let is_locked = |key: &str| locked.covers(key);
        let typed = [
            ("mode", flags.mode.map(|mode| <&str>::from(mode).into())),
            ("model", flags.model.map(toml::Value::from)),
            ("base_url", flags.base_url.map(toml::Value::from)),
            ("timeout_ms", flags.timeout_ms.and_then(|time| i64::try_from(time).ok()).map(toml::Value::from)),
        ];
        for (key, value) in typed.into_iter().filter(|(key, _)| !is_locked(key)) {
            user.extend(value.map(|value| (key.to_owned(), value)));
        }
        let mut settings: Self = section::merged(user, managed, "review")?;
        // A key file stands before it; and a key that nobody uses must not make a daemon another one.
        settings.environment_key = settings.key_file.is_none().then(EnvironmentKey::here).flatten();
        settings.state = state_folder();
        Ok(settings)
    }

    /// The section of one file; nothing set when there is no such file.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let Some(text) = read_if_there(path)? else { return Ok(Self::default()) };
        let file: FileWire<Self> = parse(path, &text)?;
        Ok(file.review)
    }
}

/// The mode that the file of a project asks for. It can only make things stricter, so it says nothing else.
pub fn project_mode(workspace: &Path) -> Result<Option<ReviewMode>, ConfigError> {
    let path = workspace.join(PROJECT_FILE);
    let Some(text) = read_if_there(&path)? else { return Ok(None) };
    let file: FileWire<ProjectWire> = parse(&path, &text)?;
    Ok(file.review.mode)
}

/// A project's settings, at the root of its folder.
pub(super) const PROJECT_FILE: &str = ".riskgate.toml";

/// Most bytes of a settings file: one that an agent made huge must not hold up every call.
const MAX_FILE: u64 = 1024 * 1024;

/// Other sections belong to others.
#[derive(Deserialize)]
struct FileWire<T: Default> {
    #[serde(default)]
    review: T,
}

#[derive(Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct ProjectWire {
    #[serde(deserialize_with = "mode")]
    mode: Option<ReviewMode>,
}

impl EnvironmentKey {
    /// The key itself.
    pub fn expose(&self) -> &str {
        match self {
            Self::ApiKey(key) | Self::BearerToken(key) => key.expose(),
        }
    }

    /// What tells this key from another, and does not tell it to anybody.
    pub fn mark(&self) -> String {
        let kind = match self {
            Self::ApiKey(_) => "key",
            Self::BearerToken(_) => "token",
        };
        hex::encode(Sha256::digest(format!("riskgate review {kind}:{}", self.expose()))).chars().take(16).collect()
    }

    /// The key that this process's environment holds.
    pub fn here() -> Option<Self> {
        let set = |name| env::var(name).ok().filter(|value| !value.trim().is_empty()).map(Secret::new);
        let key = set(env_vars::REVIEW_API_KEY).or_else(|| set(env_vars::ANTHROPIC_API_KEY)).map(Self::ApiKey);
        key.or_else(|| set(env_vars::ANTHROPIC_AUTH_TOKEN).map(Self::BearerToken))
    }
}

/// riskgate's folder among the user's state; platforms without a place for state keep it with the data.
pub fn state_folder() -> Option<PathBuf> {
    let strategy = etcetera::base_strategy::choose_native_strategy().ok()?;
    Some(strategy.state_dir().unwrap_or_else(|| strategy.data_dir()).join("riskgate"))
}

pub(super) fn read_if_there(path: &Path) -> Result<Option<String>, ConfigError> {
    let failed = |source| ConfigError::Read { path: path.to_owned(), source };
    match fs::metadata(path) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => Ok(None),
        Err(error) => Err(failed(error)),
        Ok(found) if !found.is_file() || found.len() > MAX_FILE => Err(ConfigError::Parse {
            path: path.to_owned(),
            message: format!("not a plain file of at most {MAX_FILE} bytes"),
        }),
        Ok(_) => fs::read_to_string(path).map(Some).map_err(failed),
    }
}

pub(super) fn parse<T: serde::de::DeserializeOwned>(path: &Path, text: &str) -> Result<T, ConfigError> {
    // The message alone: the parser's own form quotes the line, which may hold a header's secret.
    toml::from_str(text).map_err(|error| {
        let at = error.span().map_or(0, |span| span.start);
        let line = text.get(..at).unwrap_or_default().matches('\n').count() + 1;
        ConfigError::Parse { path: path.to_owned(), message: format!("line {line}: {}", error.message()) }
    })
}

fn mode<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<ReviewMode>, D::Error> {
    let name = String::deserialize(deserializer)?;
    name.parse().map(Some).map_err(|_| serde::de::Error::custom("`mode` is `off`, `uncertain` or `uncertain+deny`"))
}

fn headers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<BTreeMap<String, Secret>, D::Error> {
    let plain = BTreeMap::<String, String>::deserialize(deserializer)?;
    Ok(plain.into_iter().map(|(name, value)| (name, Secret::new(value))).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(text: &str) -> (tempfile::TempDir, PathBuf) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(PROJECT_FILE);
        fs::write(&path, text).unwrap();
        (folder, path)
    }

    #[test]
    fn a_whole_section_is_read_and_other_sections_are_left_to_others() {
        let (_folder, path) = file(
            "[policy]\nx = 1\n[review]\nmode = \"uncertain+deny\"\nmodel = \"m\"\nusd_per_day = 2.5\nrules = [\"never push\"]\n\
             price = { input = 1, output = 5 }\n[review.headers]\nx-team = \"EXAMPLE\"\n",
        );
        let settings = ReviewSettings::read(&path).unwrap();
        assert_eq!(settings.mode, Some(ReviewMode::UncertainAndDeny));
        assert_eq!(settings.usd_per_day, Some(2.5));
        assert_eq!(settings.price.unwrap().output, 5.0);
        assert_eq!(settings.headers["x-team"].expose(), "EXAMPLE");
        assert!(!format!("{settings:?}").contains("EXAMPLE"));
    }

    #[test]
    fn what_is_misspelled_is_named_with_its_line_and_without_the_value() {
        let (_folder, path) = file("[review]\nmodle = \"EXAMPLE\"\n");
        let message = ReviewSettings::read(&path).unwrap_err().to_string();
        assert!(message.contains("line 2") && message.contains("modle") && !message.contains("EXAMPLE"), "{message}");
        let (_folder, path) = file("[review]\nmode = \"always\"\n");
        assert!(ReviewSettings::read(&path).unwrap_err().to_string().contains("uncertain+deny"));
    }

    #[test]
    fn a_missing_file_sets_nothing() {
        assert_eq!(ReviewSettings::read(Path::new("/nowhere/at/all")).unwrap().mode, None);
        assert_eq!(project_mode(Path::new("/nowhere/at/all")).unwrap(), None);
    }

    #[test]
    fn a_project_says_its_mode_and_nothing_else() {
        let (folder, _) = file("[review]\nmode = \"off\"\n");
        assert_eq!(project_mode(folder.path()).unwrap(), Some(ReviewMode::Off));
        let (folder, _) = file("[review]\nbase_url = \"https://evil.example\"\n");
        assert!(project_mode(folder.path()).is_err());
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join(PROJECT_FILE)).unwrap();
        assert!(project_mode(folder.path()).is_err());
    }
}
