//! Files that an engine is made of: model bundles, found, read and verified, and the ONNX Runtime library, found and
//! recognised. Knows nothing of what is inside a model; reads no setting and no environment but in [`Places::here`].
//!
//! [`find_library`] and [`Bundle::open`] do not depend on each other, so each can run on a thread of its own.

mod binary;
mod bundle;
mod contents;
mod error;
mod library;
mod places;
mod search;

pub use bundle::{Bundle, FileCheck};
pub use contents::Contents;
pub use error::BundleError;
pub use library::{FoundLibrary, LibraryError, LibraryPlace, LibraryProblem, LibraryQuery, Tried, find_library};
pub use places::Places;
pub use search::{DEFAULT_BUNDLE, Listed, bundle_folders, find_bundle, list_bundles};
