//! The real session, on the tiny bundle of the fixtures and the library that `python3 scripts/setup.py` fetches.

use std::fs;
use std::path::Path;

use super::*;
use crate::manifest::Manifest;
use crate::model::check_golden;

const FIXTURE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/tiny-bundle");
const PAD: u32 = 0;

/// The runtime of all tests.
#[cfg(not(feature = "load-dynamic"))]
fn runtime() -> Runtime {
    Runtime::linked().unwrap()
}

/// The runtime of all tests: `ORT_DYLIB_PATH`, else the one that the set-up script fetched.
#[cfg(feature = "load-dynamic")]
fn runtime() -> Runtime {
    use std::path::PathBuf;

    let named = std::env::var_os("ORT_DYLIB_PATH").map(PathBuf::from);
    let fetched = || {
        let roots = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
        let folders = roots.filter_map(|root| fs::read_dir(root.join(".riskgate/lib")).ok());
        let files = folders.flat_map(|folder| folder.flatten().map(|entry| entry.path()));
        files.into_iter().find(|path| {
            let name = path.file_name().unwrap_or_default().to_string_lossy();
            name.starts_with("libonnxruntime.") || name == "onnxruntime.dll"
        })
    };
    let path = named.or_else(fetched).expect("no ONNX Runtime: run `python3 scripts/setup.py` first");
    Runtime::load(&path).unwrap()
}

fn bytes(name: &str) -> ModelBytes {
    Arc::new(fs::read(Path::new(FIXTURE).join(name)).unwrap())
}

fn classifier() -> OnnxClassifier {
    OnnxClassifier::open(&runtime(), bytes("model.ort"), Device::Cpu, &SessionOptions::default()).unwrap()
}

fn manifest() -> Manifest {
    Manifest::from_json(&fs::read(Path::new(FIXTURE).join("manifest.json")).unwrap()).unwrap()
}

fn batch(rows: &[&[u32]]) -> Batch {
    let mut batch = Batch::new(PAD);
    rows.iter().for_each(|row| batch.push(row));
    batch
}

fn near(left: &RowLogits, right: &RowLogits) -> bool {
    let flat = |row: &RowLogits| [&row.risk[..], &row.permission, &row.effects, &[row.injection]].concat();
    flat(left).iter().zip(flat(right)).all(|(left, right)| (left - right).abs() < 1e-3)
}

#[test]
fn the_golden_inputs_of_a_sound_bundle_pass_in_both_forms() {
    check_golden(&mut classifier(), &manifest(), PAD).unwrap();
    let portable = bytes("model.onnx");
    let mut classifier = OnnxClassifier::open(&runtime(), portable, Device::Cpu, &SessionOptions::default()).unwrap();
    check_golden(&mut classifier, &manifest(), PAD).unwrap();
}

#[test]
fn a_model_that_answers_otherwise_is_refused() {
    let mut manifest = manifest();
    manifest.golden[0].effects[0][3] += 1.0;
    let error = check_golden(&mut classifier(), &manifest, PAD).unwrap_err();
    assert!(matches!(error, ModelError::Golden { input: 0, row: 0, head: "effects", .. }), "{error}");
}

#[test]
fn a_row_scores_the_same_alone_and_beside_longer_rows() {
    let mut classifier = classifier();
    let rows: [&[u32]; 3] = [&[3, 4, 5], &[6], &[7, 8, 9, 10, 11, 12, 13]];
    let together = classifier.classify(&batch(&rows)).unwrap();
    assert_eq!(together.rows.len(), rows.len());
    for (row, together) in rows.iter().zip(&together.rows) {
        let alone = classifier.classify(&batch(&[row])).unwrap();
        assert!(near(&alone.rows[0], together), "{row:?}: {alone:?} and {together:?}");
    }
}

#[test]
fn no_rows_give_no_logits_and_an_empty_row_is_an_error() {
    let mut classifier = classifier();
    assert_eq!(classifier.classify(&batch(&[])).unwrap(), Logits::default());
    let error = classifier.classify(&batch(&[&[1], &[]])).unwrap_err();
    assert!(matches!(error, ModelError::EmptyRow { row: 1 }), "{error}");
}

#[test]
fn an_id_outside_the_vocabulary_is_an_error_and_the_session_lives_on() {
    let mut classifier = classifier();
    assert!(matches!(classifier.classify(&batch(&[&[u32::MAX]])), Err(ModelError::Run(_))));
    classifier.classify(&batch(&[&[1]])).unwrap();
}

#[test]
fn workers_on_their_own_threads_share_the_bytes_and_agree() {
    let (runtime, bytes) = (runtime(), bytes("model.ort"));
    let answer = || {
        let options = SessionOptions::default();
        let mut classifier = OnnxClassifier::open(&runtime, Arc::clone(&bytes), Device::Cpu, &options).unwrap();
        classifier.classify(&batch(&[&[5, 6, 7]])).unwrap()
    };
    let (left, right) = std::thread::scope(|scope| {
        let workers = [scope.spawn(answer), scope.spawn(answer)].map(|worker| worker.join().unwrap());
        workers.into()
    });
    assert_eq!(left, right);
}

#[test]
fn bytes_that_are_no_model_are_an_error() {
    for garbage in [&b""[..], b"{}", b"\0\0\0\0ORTM\0\0\0\0", &[0xff; 4096]] {
        let bytes: ModelBytes = Arc::new(garbage.to_vec());
        let opened = OnnxClassifier::open(&runtime(), bytes, Device::Cpu, &SessionOptions::default());
        assert!(matches!(opened, Err(ModelError::Session(_))));
    }
}

#[test]
fn auto_reports_the_device_it_took_and_a_missing_device_is_never_replaced() {
    let open = |device| OnnxClassifier::open(&runtime(), bytes("model.ort"), device, &SessionOptions::default());
    assert_ne!(open(Device::Auto).unwrap().device(), Device::Auto);
    let directml = Device::DirectMl { id: 0 };
    if !cfg!(windows) {
        let error = open(directml).err().unwrap();
        let refused = matches!(
            error,
            ModelError::DeviceNotCompiled { device, .. } | ModelError::DeviceNotOffered { device } if device == directml
        );
        assert!(refused, "{error}");
    }
}

#[cfg(feature = "load-dynamic")]
#[test]
fn a_process_keeps_to_its_first_library() {
    let first = runtime();
    let error = Runtime::load(Path::new("/nowhere/libonnxruntime.so")).unwrap_err();
    assert!(matches!(&error, ModelError::OtherLibrary { loaded, .. } if loaded == first.library()), "{error}");
    assert!(first.build_info().contains("ORT"));
}
