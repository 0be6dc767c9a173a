//! The ONNX Runtime library: loaded once, for the whole process.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use ort::environment::Environment;
use ort::logging::LogLevel;

use super::{Device, ModelError};

/// The command that fetches the pinned library.
pub const MEND: &str = "python3 scripts/setup.py";

/// The variable that keeps ONNX Runtime from collecting what runs where and sending it to its makers, for which it keeps a file in the
/// user's cache. It is read when the library starts, which is before the switch in its interface can be turned.
pub const TELEMETRY_OFF: &str = "ORT_DISABLE_TELEMETRY";

/// The oldest ONNX Runtime whose interface is enough.
pub const OLDEST_RUNTIME: &str = "1.17";

/// The one runtime of the process. ONNX Runtime allows a single environment and never a second one after it, hence a
/// static that is not dropped.
static LOADED: Mutex<Option<Runtime>> = Mutex::new(None);

/// A loaded and started ONNX Runtime. Having one proves that `ort`'s functions can be called; cloning is cheap.
#[derive(Debug, Clone)]
pub struct Runtime {
    environment: Environment,
    library: PathBuf,
}

impl Runtime {
    /// Loads the library at `path` (absolute) and starts it; about 15 ms. Loading the same path again gives the same
    /// runtime; another path is refused.
    #[cfg(feature = "load-dynamic")]
    pub fn load(path: &Path) -> Result<Self, ModelError> {
        Self::once(path, || ort::init_from(path).map_err(|error| library_error(path, error)))
    }

    /// Starts the library that riskgate was linked with.
    #[cfg(not(feature = "load-dynamic"))]
    pub fn linked() -> Result<Self, ModelError> {
        Self::once(Path::new("linked"), || Ok(ort::init()))
    }

    fn once(
        path: &Path,
        builder: impl FnOnce() -> Result<ort::environment::EnvironmentBuilder, ModelError>,
    ) -> Result<Self, ModelError> {
        let mut loaded = LOADED.lock().unwrap_or_else(PoisonError::into_inner);
        match loaded.as_ref() {
            Some(runtime) if runtime.library == path => Ok(runtime.clone()),
            Some(runtime) => {
                Err(ModelError::OtherLibrary { loaded: runtime.library.clone(), asked: path.to_path_buf() })
            }
            None => {
                let environment = builder()?.with_telemetry(false).build().map_err(ModelError::Environment)?;
                // What goes wrong comes back as an error; the library's own log would only clutter stderr.
                environment.set_log_level(LogLevel::Fatal);
                let runtime = Self { environment, library: path.to_path_buf() };
                *loaded = Some(runtime.clone());
                Ok(runtime)
            }
        }
    }

    /// Whether the device can be had here: it is compiled in, and the library offers it.
    pub fn check(&self, device: Device) -> Result<(), ModelError> {
        device.provider().map(drop)
    }

    /// The file the runtime was loaded from; `linked` when it was linked in.
    pub fn library(&self) -> &Path {
        &self.library
    }

    /// What the library says of its own build, for `doctor`.
    pub fn build_info(&self) -> &'static str {
        ort::info()
    }

    pub(super) fn environment(&self) -> &Environment {
        &self.environment
    }
}

#[cfg(feature = "load-dynamic")]
fn library_error(path: &Path, error: ort::LoadDynamicError) -> ModelError {
    match error {
        ort::LoadDynamicError::BadVersion { version_str, .. } => {
            ModelError::TooOld { path: path.to_path_buf(), found: version_str }
        }
        other => ModelError::Library { path: path.to_path_buf(), source: Box::new(other) },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(feature = "load-dynamic")]
    #[test]
    fn an_old_library_and_a_file_that_is_none_are_told_apart() {
        let path = PathBuf::from("/lib/old.so");
        let old = ort::LoadDynamicError::BadVersion { version_str: "1.10.0".to_owned(), path: path.clone() };
        let text = library_error(&path, old).to_string();
        assert!(text.contains("1.10.0, too old: at least 1.17") && text.contains(MEND), "{text}");
        let other = ort::LoadDynamicError::MissingApi { path: path.clone() };
        assert!(matches!(library_error(&path, other), ModelError::Library { .. }));
    }

    #[test]
    fn the_documented_oldest_version_is_the_one_that_ort_asks_for() {
        assert_eq!(OLDEST_RUNTIME, format!("1.{}", ort::MINOR_VERSION));
    }
}
