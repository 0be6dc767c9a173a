//! One model bundle: its manifest read, its files read and checked against it.

use std::fs::{self, File};
use std::io::Read;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;
use std::thread;

use super::{BundleError, Contents};
use crate::manifest::{FileEntry, Manifest};
use crate::sha256::Sha256;

const MANIFEST: &str = "manifest.json";
const MODEL: &str = "model.ort";
const PORTABLE_MODEL: &str = "model.onnx";
const TOKENIZER: &str = "tokenizer.json";
const MODEL_CARD: &str = "MODEL_CARD.md";
/// Every file that a bundle must have beside its manifest.
const FILES: [&str; 4] = [MODEL, PORTABLE_MODEL, TOKENIZER, MODEL_CARD];

/// Largest manifest, in bytes. The curves and golden inputs of a real one take some hundred kilobytes.
const MAX_MANIFEST: u64 = 16 << 20;
/// Largest other file, in bytes: the limit of the ONNX format.
const MAX_FILE: u64 = 2 << 30;

/// A bundle whose run-time files are those that its manifest vouches for; but see [`Bundle::with_model`].
#[derive(Debug, Clone)]
pub struct Bundle {
    folder: PathBuf,
    identity: String,
    sha256: String,
    manifest: Manifest,
    model: Arc<Contents>,
    /// Whether `model` is a file that the manifest does not know.
    has_stand_in: bool,
    tokenizer: Arc<Contents>,
}

/// What became of one file of a bundle in [`Bundle::verify_all`].
#[derive(Debug)]
pub struct FileCheck {
    /// Its name in the bundle.
    pub name: String,
    /// Why it is refused.
    pub outcome: Result<(), BundleError>,
}

impl Bundle {
    /// Reads the manifest in `folder`, `model.ort` and `tokenizer.json` and compares their size and SHA-256 with it.
    pub fn open(folder: &Path) -> Result<Self, BundleError> {
        let (manifest, sha256) = read_manifest(folder)?;
        let identity = identity(&manifest, &sha256);
        let (model, tokenizer) = thread::scope(|scope| {
            let tokenizer = scope.spawn(|| read_listed(folder, &manifest, TOKENIZER));
            let model = read_listed(folder, &manifest, MODEL);
            let tokenizer = tokenizer.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            Ok::<_, BundleError>((model?, tokenizer?))
        })?;
        let folder = folder.to_path_buf();
        Ok(Self { folder, identity, sha256, manifest, model, has_stand_in: false, tokenizer })
    }

    /// The same bundle with the model file at `path` in the place of its own, to compare the two: nothing vouches for that
    /// file, neither a hash nor golden answers.
    pub fn with_model(&self, path: &Path) -> Result<Self, BundleError> {
        let (mut file, size) = open_regular(path, MAX_FILE)?;
        let model = Contents::read(&mut file, size).map_err(|source| read_error(path, source))?;
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let identity = format!("{name}@sha256:{}", short_hash(&model));
        Ok(Self { identity, model: Arc::new(model), has_stand_in: true, ..self.clone() })
    }

    /// The folder of the bundle, as it was given.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// `name@sha256:` and the first twelve hex digits of the SHA-256 over `manifest.json`, which fixes all other files.
    pub fn identity(&self) -> &str {
        &self.identity
    }

    /// The SHA-256 over `manifest.json`, lower-case hex; that of the bundle's own manifest where another model stands in.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// What the bundle declares.
    pub fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Whether the model is a file for which the manifest does not vouch.
    pub fn has_stand_in(&self) -> bool {
        self.has_stand_in
    }

    /// `model.ort`: optimised for processors, used where it lies in memory.
    pub fn model(&self) -> Arc<Contents> {
        Arc::clone(&self.model)
    }

    /// `tokenizer.json`.
    pub fn tokenizer(&self) -> &[u8] {
        &self.tokenizer
    }

    /// `model.onnx`, read and checked now: the form for devices other than the processor.
    pub fn portable_model(&self) -> Result<Arc<Contents>, BundleError> {
        if self.has_stand_in {
            return Ok(self.model());
        }
        read_listed(&self.folder, &self.manifest, PORTABLE_MODEL)
    }

    /// Checks every file that the manifest lists and every one that it should list, whether it is needed at run time or not.
    pub fn verify_all(&self) -> Vec<FileCheck> {
        let unlisted = FILES.into_iter().filter(|name| !self.manifest.files.contains_key(*name));
        let names = self.manifest.files.keys().map(String::as_str).chain(unlisted);
        let check = |name: &str| FileCheck {
            name: name.to_owned(),
            outcome: read_listed(&self.folder, &self.manifest, name).map(drop),
        };
        names.map(check).collect()
    }
}

/// `name@sha256:` and the first digits of the hash.
pub(super) fn identity(manifest: &Manifest, sha256: &str) -> String {
    format!("{}@sha256:{}", manifest.name, sha256.chars().take(12).collect::<String>())
}

/// The manifest of a bundle and the SHA-256 over it, lower-case hex; no other file is touched.
pub(super) fn read_manifest(folder: &Path) -> Result<(Manifest, String), BundleError> {
    let path = folder.join(MANIFEST);
    let (mut file, size) = open_regular(&path, MAX_MANIFEST)?;
    let mut bytes = Vec::with_capacity(usize::try_from(size).unwrap_or_default());
    file.by_ref().take(MAX_MANIFEST).read_to_end(&mut bytes).map_err(|source| read_error(&path, source))?;
    let manifest =
        Manifest::from_json(&bytes).map_err(|source| BundleError::Manifest { path: path.clone(), source })?;
    if let Some(name) = manifest.files.keys().find(|name| !is_plain(name)) {
        return Err(BundleError::FileName { path, name: name.clone() });
    }
    let sha256 = hex::encode(Sha256::digest(&bytes));
    Ok((manifest, sha256))
}

/// Whether a name is one plain part of a path: no folder, no `..`, no drive, no separator of any platform.
pub(super) fn is_plain(name: &str) -> bool {
    let mut parts = Path::new(name).components();
    let single = matches!((parts.next(), parts.next()), (Some(Component::Normal(part)), None) if part == name);
    single && !name.contains(['/', '\\', ':', '\0'])
}

/// Reads one file of the bundle and refuses it unless it has the size and hash that the manifest gives.
fn read_listed(folder: &Path, manifest: &Manifest, name: &str) -> Result<Arc<Contents>, BundleError> {
    let not_listed = || BundleError::NotListed { path: folder.join(MANIFEST), name: name.to_owned() };
    let entry = manifest.files.get(name).ok_or_else(not_listed)?;
    let path = folder.join(name);
    let (mut file, found) = open_regular(&path, MAX_FILE)?;
    let size = |found| BundleError::Size { path: path.clone(), expected: entry.bytes, found };
    if found != entry.bytes {
        return Err(size(found));
    }
    let contents = Contents::read(&mut file, found).map_err(|source| read_error(&path, source))?;
    check_hash(&path, entry, &contents)?;
    Ok(Arc::new(contents))
}

fn check_hash(path: &Path, entry: &FileEntry, bytes: &[u8]) -> Result<(), BundleError> {
    let found = sha256(bytes);
    if found == entry.sha256 {
        return Ok(());
    }
    Err(BundleError::Hash { path: path.to_path_buf(), expected: entry.sha256.clone(), found })
}

/// Opens a regular file, through links if need be: what counts is the hash of the contents. Anything else (a folder, a
/// pipe that would block, a device) is refused before it is opened.
fn open_regular(path: &Path, limit: u64) -> Result<(File, u64), BundleError> {
    let error = |source| read_error(path, source);
    if !fs::metadata(path).map_err(error)?.is_file() {
        return Err(BundleError::NotAFile { path: path.to_path_buf() });
    }
    let file = File::open(path).map_err(error)?;
    let found = file.metadata().map_err(error)?.len();
    if found > limit {
        return Err(BundleError::TooLarge { path: path.to_path_buf(), limit, found });
    }
    Ok((file, found))
}

fn read_error(path: &Path, source: std::io::Error) -> BundleError {
    BundleError::Read { path: path.to_path_buf(), source }
}

/// The first twelve hex digits of the hash: enough to tell versions apart.
fn short_hash(bytes: &[u8]) -> String {
    sha256(bytes).chars().take(12).collect()
}

fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

#[cfg(test)]
#[path = "bundle_tests.rs"]
mod tests;
