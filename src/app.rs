//! Settings → engines: the one place that knows which implementation stands behind a trait.
//!
//! Loading is spread over threads, since a one-shot process waits for all of it: the runtime library on one, the bundle's
//! hashes on another, the tokenizer on a third.

mod audit;
mod git;
#[cfg(feature = "review")]
mod review;
#[cfg(not(feature = "review"))]
#[path = "app/no_review.rs"]
mod review;

use std::borrow::Cow;
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::thread;

use crate::action::ToolCall;
use crate::artifact::{self, Bundle, BundleError, FoundLibrary, LibraryError, LibraryQuery, Places};
use crate::audit::Log;
use crate::calibrate::{RateError, ThresholdTable, Thresholds};
use crate::config::{self, ConfigError, Resolved, SessionSettings, Settings};
use crate::encode::{EncodeError, Encoder, TEMPLATE_VERSION, WindowRule};
use crate::engine::{self, Again, DecisionCache, Engine, Failure, Grants, Parts, Reviewer, SessionMemory};
use crate::grants::GrantFolder;
use crate::model::{
    self, Classifier, Device, ModelBytes, ModelError, OnnxClassifier, Runtime, SessionOptions, TELEMETRY_OFF,
};
use crate::normalize::normalize;
use crate::policy::{Layer, Policy, PolicyError, Severity};
use crate::record::Stamp;
use crate::session::{self, Sessions};
use crate::verdict::Decision;

pub use audit::{audit_folder, audit_log};
use review::Reviewing;
#[cfg(feature = "review")]
pub use review::options as review_options;
pub use review::{review_readiness, reviews_at_once};

/// Why there is no engine.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// No runtime library.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// No usable bundle.
    #[error(transparent)]
    Bundle(#[from] BundleError),
    /// The bundle's tokenizer cannot be used.
    #[error("model bundle `{bundle}`: {source}")]
    Tokenizer {
        /// The bundle's name.
        bundle: String,
        /// What is wrong.
        source: EncodeError,
    },
    /// The bundle was made for another text template.
    #[error(
        "model bundle `{bundle}` was made for text template {found}, but this riskgate writes template {TEMPLATE_VERSION}; use a bundle made for this version"
    )]
    Template {
        /// The bundle's name.
        bundle: String,
        /// The version in its manifest.
        found: u32,
    },
    /// The thresholds asked for cannot be had.
    #[error(transparent)]
    Rates(#[from] RateError),
    /// The runtime or the model does not work.
    #[error(transparent)]
    Model(#[from] ModelError),
    /// A settings file cannot be used.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// Rules cannot be used.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The bundle is not the one that the settings name.
    #[error(
        "model bundle `{bundle}` is not the one that the settings want: its hash begins with {found}, not {wanted}"
    )]
    BundleHash {
        /// The bundle's name.
        bundle: String,
        /// The first digits of its hash.
        found: String,
        /// What the settings say.
        wanted: String,
    },
    /// Remote review cannot be set up as asked.
    #[cfg(feature = "review")]
    #[error(transparent)]
    Review(#[from] crate::review::OptionsError),
    /// Remote review is asked for and not compiled in.
    #[error("remote review is on, but this riskgate was built without the feature `review`")]
    ReviewNotCompiled,
    /// A part of the start-up panicked.
    #[error("an internal error while loading; please report it")]
    Panic,
}

impl AppError {
    /// Whether the user mends it by asking for something else: what was named does not exist or cannot be had here.
    pub fn is_configuration(&self) -> bool {
        match self {
            Self::Library(_) | Self::Rates(_) | Self::Template { .. } => true,
            Self::Config(_) | Self::Policy(_) | Self::BundleHash { .. } | Self::ReviewNotCompiled => true,
            #[cfg(feature = "review")]
            Self::Review(_) => true,
            Self::Bundle(error) => {
                matches!(error, BundleError::NotFound { .. } | BundleError::Ambiguous { .. } | BundleError::Name { .. })
            }
            Self::Model(error) => {
                matches!(error, ModelError::DeviceNotCompiled { .. } | ModelError::DeviceNotOffered { .. })
            }
            Self::Tokenizer { .. } | Self::Panic => false,
        }
    }
}

/// Everything that engines share: load it once, make an engine a worker.
pub struct App {
    runtime: Runtime,
    library: Option<FoundLibrary>,
    bundle: Bundle,
    encoder: Arc<Encoder>,
    thresholds: ThresholdTable,
    settings: Settings,
    policy: Policy,
    policy_identity: String,
    reviewing: Option<Reviewing>,
    cache: Option<Arc<dyn DecisionCache>>,
    sessions: Option<Arc<dyn SessionMemory>>,
    grants: Option<GrantFolder>,
    score_everything: bool,
    audit: Option<Arc<Log>>,
}

impl App {
    /// Finds and loads the runtime library and the bundle.
    pub fn load(settings: Settings, places: &Places, library_variable: Option<&Path>) -> Result<Self, AppError> {
        let resolved = &settings.resolved;
        let query = LibraryQuery { flag: resolved.runtime.as_deref(), variable: library_variable, places };
        let (runtime, bundle, policy) = thread::scope(|scope| {
            let runtime = scope.spawn(|| load_runtime(query));
            let policy = scope.spawn(|| load_policy(resolved));
            let bundle = load_bundle(resolved.model.as_deref(), places);
            (runtime.join().unwrap_or(Err(AppError::Panic)), bundle, policy.join().unwrap_or(Err(AppError::Panic)))
        });
        let ((bundle, encoder), (runtime, library), policy) = (bundle?, runtime?, policy?);
        check_hash(&bundle, resolved.model_sha256.as_deref())?;
        runtime.check(resolved.device)?;
        let thresholds = resolve(&bundle, resolved)?;
        let policy_identity = policy.identity();
        let encoder = Arc::new(encoder);
        let reviewing = settings.review.as_ref().map(Reviewing::new).transpose()?;
        let sessions = settings.session.as_ref().map(sessions);
        let audit = settings
            .audit
            .as_ref()
            .and_then(|audit| audit::log(audit, bundle.identity(), &policy_identity, settings.resolved.mode));
        Ok(Self {
            runtime,
            library,
            bundle,
            encoder,
            thresholds,
            settings,
            policy,
            policy_identity,
            reviewing,
            cache: None,
            sessions,
            grants: None,
            score_everything: false,
            audit,
        })
    }

    /// What `wanted` names, on the same runtime and with the same settings, to be compared with this: a model file (`.onnx`
    /// or `.ort`) under this bundle's tokenizer, calibration and thresholds, or else another bundle by name or folder.
    pub fn load_reference(&self, wanted: &str, places: &Places) -> Result<Self, AppError> {
        let path = Path::new(wanted);
        let (bundle, encoder, thresholds) = if is_model_file(path) {
            (self.bundle.with_model(path)?, Arc::clone(&self.encoder), self.thresholds.clone())
        } else {
            let (bundle, encoder) = load_bundle(Some(wanted), places)?;
            let thresholds = resolve(&bundle, &self.settings.resolved)?;
            (bundle, Arc::new(encoder), thresholds)
        };
        Ok(Self {
            runtime: self.runtime.clone(),
            library: self.library.clone(),
            bundle,
            encoder,
            thresholds,
            settings: self.settings.clone(),
            policy: self.policy.clone(),
            policy_identity: self.policy_identity.clone(),
            // A comparison is between models; nobody else is asked.
            reviewing: None,
            cache: None,
            sessions: None,
            grants: None,
            score_everything: self.score_everything,
            audit: None,
        })
    }

    /// The same with a person's word for single actions, which is kept in riskgate's folder for state.
    pub fn with_grants(self, state: Option<&Path>) -> Self {
        Self { grants: state.map(GrantFolder::in_state), ..self }
    }

    /// The same with engines whose model scores what rules settle, too: to measure or to explain it.
    pub fn scoring_everything(self) -> Self {
        Self { score_everything: true, ..self }
    }

    /// The same, made to last: engines remember decisions in `cache`.
    #[must_use]
    pub fn remembering(self, cache: Arc<dyn DecisionCache>) -> Self {
        Self { cache: Some(cache), ..self }
    }

    /// Whether other settings want the same bundle on the same device, the same reviewer or none, and the same log and memory of
    /// sessions: then they differ from these in rules, cuts and mode alone.
    pub fn has_parts_for(&self, settings: &Settings) -> bool {
        fn model(resolved: &Resolved) -> (Option<&str>, Option<&str>, Option<&Path>, Device) {
            let Resolved { model, model_sha256, runtime, device, .. } = resolved;
            (model.as_deref(), model_sha256.as_deref(), runtime.as_deref(), *device)
        }
        let Settings { resolved, review, session, audit } = &self.settings;
        model(resolved) == model(&settings.resolved)
            && (*review == settings.review || settings.resolved.air_gapped && settings.review.is_none())
            && *session == settings.session
            && *audit == settings.audit
    }

    /// The same bundle under other settings that [it has the parts for](App::has_parts_for), with a memory of decisions of
    /// their own.
    pub fn under(&self, settings: Settings, cache: Arc<dyn DecisionCache>) -> Result<Self, AppError> {
        let policy = load_policy(&settings.resolved)?;
        let policy_identity = policy.identity();
        let mode = settings.resolved.mode;
        let audit = self.audit.as_ref().map(|log| audit::same_log(log, self.bundle.identity(), &policy_identity, mode));
        Ok(Self {
            runtime: self.runtime.clone(),
            library: self.library.clone(),
            bundle: self.bundle.clone(),
            encoder: Arc::clone(&self.encoder),
            thresholds: resolve(&self.bundle, &settings.resolved)?,
            policy,
            policy_identity,
            reviewing: self.reviewing.clone().filter(|_| settings.review.is_some()),
            cache: Some(cache),
            sessions: self.sessions.clone(),
            grants: self.grants.clone(),
            score_everything: self.score_everything,
            audit,
            settings,
        })
    }

    /// The same with other cuts: those of a decision that is made again.
    #[must_use]
    pub fn with_thresholds(self, thresholds: Thresholds) -> Self {
        Self { thresholds: ThresholdTable::everywhere(thresholds), ..self }
    }

    /// A new engine, with a session of its own whose golden answers have been checked, and with a reviewer where the settings
    /// want one.
    pub fn engine(&self) -> Result<Engine, Failure> {
        Ok(self.engine_on(Box::new(self.checked_classifier()?)))
    }

    /// A new engine that shows what it would send to the reviewer and sends nothing; and where that is shown. The settings
    /// must have turned review on.
    pub fn showing_engine(&self) -> Result<(Engine, Receiver<String>), Failure> {
        let off = || Failure::NotReady("remote review is off".to_owned());
        let (reviewer, shown) = self.reviewing.as_ref().map(Reviewing::preview).ok_or_else(off)?;
        Ok((self.assemble(Box::new(self.checked_classifier()?), Some(reviewer)), shown))
    }

    /// A new engine on a classifier that was made by [`App::classifier`], directly or not; with a reviewer where the settings
    /// want one.
    pub fn engine_on(&self, classifier: Box<dyn Classifier>) -> Engine {
        self.assemble(classifier, self.reviewing.as_ref().map(Reviewing::reviewer))
    }

    fn checked_classifier(&self) -> Result<OnnxClassifier, Failure> {
        self.classifier().map_err(|error| Failure::NotReady(error.to_string()))
    }

    fn assemble(&self, classifier: Box<dyn Classifier>, reviewer: Option<Box<dyn Reviewer>>) -> Engine {
        Engine::new(Parts {
            encoder: Arc::clone(&self.encoder),
            classifier,
            calibration: self.bundle.manifest().calibration.clone(),
            thresholds: self.thresholds.clone(),
            policy: self.policy.clone(),
            reviewer,
            audit: self.audit.as_ref().map(Log::sink),
            cache: self.cache.clone(),
            sessions: self.sessions.clone(),
            grants: self.grants.clone().map(|grants| Box::new(grants) as Box<dyn Grants>),
            score_everything: self.score_everything,
            asking: self.settings.resolved.asking,
        })
    }

    /// A session that answers the bundle's golden inputs as it did when the bundle was made; of a file that only stands in
    /// for the bundle's model, there are none.
    pub fn classifier(&self) -> Result<OnnxClassifier, AppError> {
        let device = self.settings.resolved.device;
        // The ORT file is laid out for processors; another device makes its own of the portable one. A device that is named
        // but not compiled in is refused by `open`, whatever the bytes.
        let bytes: ModelBytes =
            if device.is_processor_only() { self.bundle.model() } else { self.bundle.portable_model()? };
        let mut classifier = OnnxClassifier::open(&self.runtime, bytes, device, &SessionOptions::default())?;
        if !self.bundle.has_stand_in() {
            model::check_golden(&mut classifier, self.bundle.manifest(), self.encoder.pad_id())?;
        }
        Ok(classifier)
    }

    /// The decision for a call that no engine judged.
    pub fn fail_safe(&self, failure: &Failure) -> Decision {
        engine::fail_safe(failure, self.settings.resolved.asking)
    }

    /// What every decision record says of model and policy.
    pub fn stamp(&self) -> Stamp<'_> {
        Stamp { model: self.bundle.identity(), policy: &self.policy_identity }
    }

    /// The bundle in use.
    pub fn bundle(&self) -> &Bundle {
        &self.bundle
    }

    /// The cuts in force where nothing else is said.
    pub fn thresholds(&self) -> &Thresholds {
        self.thresholds.base()
    }

    /// The cuts in force.
    pub fn threshold_table(&self) -> &ThresholdTable {
        &self.thresholds
    }

    /// A call of this moment with what rules ask of the repository; nothing is looked up where no rule does.
    pub fn informed<'a>(&self, call: &'a ToolCall) -> Cow<'a, ToolCall> {
        let context = &call.context;
        let folder = context.cwd.as_deref().or(context.workspace.as_deref()).filter(|_| self.policy.asks_for_git());
        let Some(branch) = folder.and_then(|folder| git::branch(Path::new(folder))) else { return Cow::Borrowed(call) };
        let mut call = call.clone();
        call.context.git_branch = Some(branch);
        Cow::Owned(call)
    }

    /// What makes decisions again with the scores of this bundle, under these settings.
    pub fn again(&self, resolved: &Resolved) -> Result<Again, AppError> {
        Ok(Again::new(load_policy(resolved)?, resolve(&self.bundle, resolved)?, resolved.asking))
    }

    /// The rules in force.
    pub fn policy(&self) -> &Policy {
        &self.policy
    }

    /// The settings it was loaded with.
    pub fn settings(&self) -> &Settings {
        &self.settings
    }

    /// The encoder in use.
    pub fn encoder(&self) -> &Encoder {
        &self.encoder
    }

    /// The runtime in use, and where its library was found; `None` when it is linked in.
    pub fn runtime(&self) -> (&Runtime, Option<&FoundLibrary>) {
        (&self.runtime, self.library.as_ref())
    }
}

/// The memory of sessions; it touches nothing before a call has one.
fn sessions(settings: &SessionSettings) -> Arc<dyn SessionMemory> {
    let SessionSettings { limits, expiry, state } = settings.clone();
    let project_limits = |workspace: &Path| config::project_limits(workspace).map_err(|error| error.to_string());
    Arc::new(Sessions::new(
        session::Options { state, limits, expiry },
        Arc::new(project_limits),
        session::system_clock(),
    ))
}

fn resolve(bundle: &Bundle, resolved: &Resolved) -> Result<ThresholdTable, RateError> {
    let (strictness, scoped) = &resolved.strictness;
    let (project, project_scoped) = &resolved.project_strictness;
    ThresholdTable::resolve(bundle.manifest(), (strictness, scoped), (project, project_scoped))
}

/// The rules, and whether those of people's own files do what their examples say.
fn load_policy(resolved: &Resolved) -> Result<Policy, AppError> {
    let policy = Policy::load(&resolved.rules, &resolved.policy)?;
    let mut problems = policy.check_examples(normalize, |rule| rule.origin.layer != Layer::BuiltIn);
    problems.retain(|problem| problem.severity == Severity::Error);
    if problems.is_empty() { Ok(policy) } else { Err(PolicyError(problems).into()) }
}

fn check_hash(bundle: &Bundle, wanted: Option<&str>) -> Result<(), AppError> {
    let Some(wanted) = wanted else { return Ok(()) };
    let found = bundle.sha256();
    // Fewer digits than these can be found by trying.
    if wanted.len() >= 12 && found.starts_with(&wanted.to_lowercase()) {
        return Ok(());
    }
    let (bundle, found) = (bundle.manifest().name.clone(), found.chars().take(wanted.len().max(12)).collect());
    Err(AppError::BundleHash { bundle, found, wanted: wanted.to_owned() })
}

fn is_model_file(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "onnx" || extension == "ort")
}

#[cfg(feature = "load-dynamic")]
fn load_runtime(query: LibraryQuery<'_>) -> Result<(Runtime, Option<FoundLibrary>), AppError> {
    let library = artifact::find_library(query)?;
    quiet()?;
    Ok((Runtime::load(&library.path)?, Some(library)))
}

#[cfg(not(feature = "load-dynamic"))]
fn load_runtime(_: LibraryQuery<'_>) -> Result<(Runtime, Option<FoundLibrary>), AppError> {
    quiet()?;
    Ok((Runtime::linked()?, None))
}

/// Nothing leaves this machine, whoever uses riskgate as a library.
fn quiet() -> Result<(), ModelError> {
    let is_off = std::env::var_os(TELEMETRY_OFF).is_some_and(|value| value == "1");
    if is_off { Ok(()) } else { Err(ModelError::Telemetry) }
}

/// The encoder of a bundle by name or folder, without the model.
pub fn load_encoder(model: Option<&str>, places: &Places) -> Result<Encoder, AppError> {
    load_bundle(model, places).map(|(_, encoder)| encoder)
}

/// A bundle by name or folder, and its encoder.
fn load_bundle(model: Option<&str>, places: &Places) -> Result<(Bundle, Encoder), AppError> {
    let bundle = Bundle::open(&artifact::find_bundle(model, places)?)?;
    let manifest = bundle.manifest();
    if manifest.template_version != TEMPLATE_VERSION {
        return Err(AppError::Template { bundle: manifest.name.clone(), found: manifest.template_version });
    }
    let encoder = Encoder::new(bundle.tokenizer(), WindowRule::from_manifest(manifest));
    let encoder = encoder.map_err(|source| AppError::Tokenizer { bundle: manifest.name.clone(), source })?;
    Ok((bundle, encoder))
}
