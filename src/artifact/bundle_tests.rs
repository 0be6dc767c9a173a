use super::*;
use tempfile::TempDir;

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/tiny-bundle");

/// A copy of the fixture that a test may damage.
fn copy() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in FILES.into_iter().chain([MANIFEST]) {
        fs::copy(Path::new(FIXTURE).join(name), folder.path().join(name)).unwrap();
    }
    folder
}

/// Opens a copy of the fixture after replacing text in its manifest.
fn open_edited(from: &str, to: &str) -> Result<Bundle, BundleError> {
    let folder = copy();
    let path = folder.path().join(MANIFEST);
    let manifest = fs::read_to_string(&path).unwrap();
    assert!(manifest.contains(from), "{from}");
    fs::write(&path, manifest.replace(from, to)).unwrap();
    Bundle::open(folder.path())
}

#[test]
fn a_sound_bundle_opens_and_verifies() {
    let bundle = Bundle::open(Path::new(FIXTURE)).unwrap();
    let (name, digest) = bundle.identity().split_once("@sha256:").unwrap();
    assert_eq!((name, digest.len()), (bundle.manifest().name.as_str(), 12));
    assert_eq!(bundle.model().as_ref().as_ref().get(4..8), Some(&b"ORTM"[..]));
    assert!(bundle.tokenizer().starts_with(b"{"));
    let checks = bundle.verify_all();
    assert_eq!(checks.len(), FILES.len());
    assert!(checks.iter().all(|check| check.outcome.is_ok()), "{checks:?}");
}

#[test]
fn a_changed_byte_is_refused_by_file_and_hash() {
    for name in [MODEL, TOKENIZER] {
        let folder = copy();
        let path = folder.path().join(name);
        let mut bytes = fs::read(&path).unwrap();
        *bytes.last_mut().unwrap() ^= 1;
        fs::write(&path, bytes).unwrap();
        let error = Bundle::open(folder.path()).unwrap_err();
        assert!(matches!(&error, BundleError::Hash { path: at, .. } if *at == path), "{error}");
    }
}

#[test]
fn a_truncated_file_is_refused_by_size() {
    let folder = copy();
    fs::write(folder.path().join(MODEL), b"ORTM").unwrap();
    let error = Bundle::open(folder.path()).unwrap_err();
    assert!(matches!(error, BundleError::Size { found: 4, .. }), "{error}");
}

#[test]
fn a_file_that_runs_do_not_need_is_checked_on_demand() {
    let folder = copy();
    fs::write(folder.path().join(MODEL_CARD), "changed").unwrap();
    let bundle = Bundle::open(folder.path()).unwrap();
    let refused: Vec<String> =
        bundle.verify_all().into_iter().filter(|check| check.outcome.is_err()).map(|check| check.name).collect();
    assert_eq!(refused, [MODEL_CARD]);
}

#[test]
fn missing_files_and_folders_are_errors_that_name_them() {
    let folder = copy();
    fs::remove_file(folder.path().join(TOKENIZER)).unwrap();
    assert!(matches!(Bundle::open(folder.path()), Err(BundleError::Read { path, .. }) if path.ends_with(TOKENIZER)));
    assert!(
        matches!(Bundle::open(Path::new("/nowhere")), Err(BundleError::Read { path, .. }) if path.ends_with(MANIFEST))
    );
    fs::create_dir(folder.path().join(TOKENIZER)).unwrap();
    assert!(matches!(Bundle::open(folder.path()), Err(BundleError::NotAFile { .. })));
}

#[test]
fn a_manifest_of_another_schema_is_refused() {
    let error = open_edited("\"schema_version\": 2", "\"schema_version\": 1").unwrap_err();
    assert!(matches!(error, BundleError::Manifest { .. }), "{error}");
}

#[test]
fn file_names_that_leave_the_bundle_are_refused() {
    for name in ["../MODEL_CARD.md", "/etc/passwd", "sub/MODEL_CARD.md", "..", "C:x", "a\\\\b"] {
        let error = open_edited("\"MODEL_CARD.md\"", &format!("\"{name}\"")).unwrap_err();
        assert!(matches!(error, BundleError::FileName { .. }), "{name}: {error}");
    }
}

#[test]
fn a_needed_file_must_be_listed() {
    let error = open_edited("\"tokenizer.json\"", "\"other.json\"").unwrap_err();
    assert!(matches!(&error, BundleError::NotListed { name, .. } if name == TOKENIZER), "{error}");
}

#[cfg(unix)]
#[test]
fn links_to_files_are_followed_and_links_to_anything_else_refused() {
    let folder = copy();
    let path = folder.path().join(TOKENIZER);
    fs::rename(&path, folder.path().join("blob")).unwrap();
    std::os::unix::fs::symlink("blob", &path).unwrap();
    Bundle::open(folder.path()).unwrap();
    fs::remove_file(&path).unwrap();
    std::os::unix::fs::symlink("/dev/zero", &path).unwrap();
    assert!(matches!(Bundle::open(folder.path()), Err(BundleError::NotAFile { .. })));
}

#[test]
fn a_bundle_outlives_what_becomes_of_its_files() {
    let folder = copy();
    let bundle = Bundle::open(folder.path()).unwrap();
    // In place: a mapping of the file would end the process.
    for name in [MODEL, TOKENIZER] {
        fs::write(folder.path().join(name), b"something else").unwrap();
    }
    let original = |name: &str| fs::read(Path::new(FIXTURE).join(name)).unwrap();
    assert!(**bundle.model() == *original(MODEL) && *bundle.tokenizer() == *original(TOKENIZER));
}
