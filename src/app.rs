//! Settings → engines: the one place that knows which implementation stands behind a trait.
//!
//! Loading is spread over threads, since a one-shot process waits for all of it: the runtime library on one, the bundle's
//! hashes on another, the tokenizer on a third.

mod audit;
#[cfg(feature = "review")]
mod review;
#[cfg(not(feature = "review"))]
#[path = "app/no_review.rs"]
mod review;

use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::Receiver;
use std::thread;

use crate::artifact::{self, Bundle, BundleError, FoundLibrary, LibraryError, LibraryQuery, Places};
use crate::audit::Log;
use crate::calibrate::{RateError, Thresholds};
use crate::config::{ConfigError, Settings};
use crate::encode::{EncodeError, Encoder, TEMPLATE_VERSION, WindowRule};
use crate::engine::{self, DecisionCache, Engine, Failure, Parts, Reviewer};
use crate::model::{self, Classifier, ModelBytes, ModelError, OnnxClassifier, Runtime, SessionOptions};
use crate::policy::Policy;
use crate::record::Stamp;
use crate::verdict::Decision;

pub use audit::{audit_folder, audit_log};
use review::Reviewing;
#[cfg(feature = "review")]
pub use review::options as review_options;
pub use review::reviews_at_once;

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
            Self::Config(_) | Self::ReviewNotCompiled => true,
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
    thresholds: Thresholds,
    settings: Settings,
    policy: Policy,
    policy_identity: String,
    reviewing: Option<Reviewing>,
    cache: Option<Arc<dyn DecisionCache>>,
    audit: Option<Arc<Log>>,
}

impl App {
    /// Finds and loads the runtime library and the bundle.
    pub fn load(settings: Settings, places: &Places, library_variable: Option<&Path>) -> Result<Self, AppError> {
        let query = LibraryQuery { flag: settings.runtime.as_deref(), variable: library_variable, places };
        let (runtime, bundle) = thread::scope(|scope| {
            let runtime = scope.spawn(|| load_runtime(query));
            let bundle = load_bundle(settings.model.as_deref(), places);
            (runtime.join().unwrap_or(Err(AppError::Panic)), bundle)
        });
        let ((bundle, encoder), (runtime, library)) = (bundle?, runtime?);
        runtime.check(settings.device)?;
        let thresholds = resolve(&bundle, &settings)?;
        let policy = Policy::built_in();
        let policy_identity = policy.identity();
        let encoder = Arc::new(encoder);
        let reviewing = settings.review.as_ref().map(Reviewing::new).transpose()?;
        let cache = None;
        let audit = settings.audit.as_ref().and_then(|audit| audit::log(audit, bundle.identity(), &policy_identity));
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
            cache,
            audit,
        })
    }

    /// What `wanted` names, on the same runtime and with the same settings, to be compared with this: a model file (`.onnx`
    /// or `.ort`) under this bundle's tokenizer, calibration and thresholds, or else another bundle by name or folder.
    pub fn load_reference(&self, wanted: &str, places: &Places) -> Result<Self, AppError> {
        let path = Path::new(wanted);
        let (bundle, encoder, thresholds) = if is_model_file(path) {
            (self.bundle.with_model(path)?, Arc::clone(&self.encoder), self.thresholds)
        } else {
            let (bundle, encoder) = load_bundle(Some(wanted), places)?;
            let thresholds = resolve(&bundle, &self.settings)?;
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
            audit: None,
        })
    }

    /// The same, made to last: engines remember decisions in `cache`, and the model is a copy in memory, so that whatever
    /// becomes of the bundle's files does not reach a session that lives for days.
    pub fn resident(self, cache: Arc<dyn DecisionCache>) -> Result<Self, AppError> {
        Ok(Self { bundle: self.bundle.copied()?, cache: Some(cache), ..self })
    }

    /// The same with other cuts: those of a decision that is made again.
    #[must_use]
    pub fn with_thresholds(self, thresholds: Thresholds) -> Self {
        Self { thresholds, ..self }
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
            thresholds: self.thresholds,
            policy: self.policy.clone(),
            reviewer,
            audit: self.audit.as_ref().map(Log::sink),
            cache: self.cache.clone(),
            asking: self.settings.asking,
        })
    }

    /// A session that answers the bundle's golden inputs as it did when the bundle was made; of a file that only stands in
    /// for the bundle's model, there are none.
    pub fn classifier(&self) -> Result<OnnxClassifier, AppError> {
        let device = self.settings.device;
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
        engine::fail_safe(failure, self.settings.asking)
    }

    /// What every decision record says of model and policy.
    pub fn stamp(&self) -> Stamp<'_> {
        Stamp { model: self.bundle.identity(), policy: &self.policy_identity }
    }

    /// The bundle in use.
    pub fn bundle(&self) -> &Bundle {
        &self.bundle
    }

    /// The cuts in force.
    pub fn thresholds(&self) -> &Thresholds {
        &self.thresholds
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

fn resolve(bundle: &Bundle, settings: &Settings) -> Result<Thresholds, RateError> {
    Thresholds::resolve(bundle.manifest(), &settings.operating_point, settings.rates)
}

fn is_model_file(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "onnx" || extension == "ort")
}

#[cfg(feature = "load-dynamic")]
fn load_runtime(query: LibraryQuery<'_>) -> Result<(Runtime, Option<FoundLibrary>), AppError> {
    let library = artifact::find_library(query)?;
    Ok((Runtime::load(&library.path)?, Some(library)))
}

#[cfg(not(feature = "load-dynamic"))]
fn load_runtime(_: LibraryQuery<'_>) -> Result<(Runtime, Option<FoundLibrary>), AppError> {
    Ok((Runtime::linked()?, None))
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
