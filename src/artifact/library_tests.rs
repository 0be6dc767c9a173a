use super::*;
use crate::artifact::binary::tests::elf_header;
use tempfile::TempDir;

#[cfg(target_arch = "x86_64")]
const HOST: u16 = 62;
#[cfg(target_arch = "x86_64")]
const OTHER: u16 = 183;
#[cfg(not(target_arch = "x86_64"))]
const HOST: u16 = 183;
#[cfg(not(target_arch = "x86_64"))]
const OTHER: u16 = 62;

struct Machine {
    root: TempDir,
    places: Places,
}

impl Machine {
    fn new() -> Self {
        let root = tempfile::tempdir().unwrap();
        let executable = Some(root.path().join("repo/target/release/riskgate"));
        let places = Places { executable, data_home: Some(root.path().join("data")) };
        Self { root, places }
    }

    fn with_library(self, path: &str, machine: u16) -> Self {
        self.with_file(path, &elf_header(machine))
    }

    fn with_file(self, path: &str, bytes: &[u8]) -> Self {
        let path = self.root.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
        self
    }

    fn path(&self, path: &str) -> PathBuf {
        self.root.path().join(path)
    }

    fn find(&self, flag: Option<&Path>, variable: Option<&Path>) -> Result<FoundLibrary, LibraryError> {
        find_library(LibraryQuery { flag, variable, places: &self.places })
    }
}

#[test]
fn the_order_is_flag_variable_executable_user_repository() {
    const NAMES: [&str; 5] = ["flag", "variable", "repo/target/release", "data/riskgate/lib", "repo/.riskgate/lib"];
    let mut machine = Machine::new();
    for name in NAMES {
        machine = machine.with_library(&format!("{name}/libonnxruntime.so"), HOST);
    }
    let (flag, variable) = (machine.path("flag/libonnxruntime.so"), machine.path("variable"));
    let place = |flag, variable| machine.find(flag, variable).map(|found| found.place).unwrap();
    assert_eq!(place(Some(&*flag), Some(&*variable)), LibraryPlace::Flag);
    assert_eq!(place(None, Some(&*variable)), LibraryPlace::Variable);
    let mut expected = [LibraryPlace::BesideExecutable, LibraryPlace::UserFolder, LibraryPlace::Repository].into_iter();
    for name in &NAMES[2..] {
        assert_eq!(place(None, Some(Path::new(""))), expected.next().unwrap());
        fs::remove_file(machine.path(name).join("libonnxruntime.so")).unwrap();
    }
    assert!(machine.find(None, None).is_err());
}

#[test]
fn a_named_library_that_is_missing_is_an_error_even_if_there_is_another() {
    let machine = Machine::new().with_library("repo/.riskgate/lib/libonnxruntime.so", HOST);
    let error = machine.find(Some(&machine.path("nowhere.so")), None).unwrap_err();
    assert!(matches!(error.tried.as_slice(), [Tried { problem: LibraryProblem::Missing, .. }]), "{error}");
    assert!(machine.find(None, Some(&machine.path("nowhere.so"))).is_err());
}

#[cfg(target_os = "linux")]
#[test]
fn the_error_names_everything_that_was_tried_and_the_command_that_mends_it() {
    let machine = Machine::new()
        .with_library("data/riskgate/lib/libonnxruntime.so.1.31.1", OTHER)
        .with_file("repo/.riskgate/lib/libonnxruntime.so", b"version https://git-lfs");
    let text = machine.find(None, None).unwrap_err().to_string();
    for part in [
        "python3 scripts/setup.py",
        "repo/target/release` holds no ONNX Runtime library",
        "data/riskgate/lib/libonnxruntime.so.1.31.1` has the wrong architecture",
        "repo/.riskgate/lib/libonnxruntime.so` is not a shared library",
    ] {
        assert!(text.contains(part), "{part:?} is missing in: {text}");
    }
}

#[test]
fn library_names_of_all_platforms_are_known_and_the_newest_wins() {
    let newest = ["libonnxruntime.so", "libonnxruntime.so.1.31.1", "libonnxruntime.so.1.9.0", "libonnxruntime.so.1"];
    let versions: Vec<_> = newest.iter().map(|name| version_in(name).unwrap()).collect();
    assert!(versions.windows(2).all(|pair| pair[0] > pair[1]), "{versions:?}");
    assert_eq!(version_in("libonnxruntime.1.31.1.dylib"), Some(vec![1, 31, 1]));
    assert!(version_in("libonnxruntime.dylib").is_some() && version_in("onnxruntime.dll").is_some());
    for name in ["libonnxruntime_providers_shared.so", "libonnxruntime.so.old", "libonnxruntime.txt", "onnx.dll"] {
        assert_eq!(version_in(name), None, "{name}");
    }
}

#[test]
fn the_command_that_mends_is_the_same_everywhere() {
    assert_eq!(MEND, crate::model::MEND);
}

#[test]
fn a_machine_without_anything_gets_every_place_named() {
    let error = Machine::new().find(None, None).unwrap_err();
    let places: Vec<LibraryPlace> = error.tried.iter().map(|tried| tried.place).collect();
    assert_eq!(places, [LibraryPlace::BesideExecutable, LibraryPlace::UserFolder, LibraryPlace::Repository]);
    assert!(error.to_string().contains("target/release` has no folder `.riskgate/lib` above it"), "{error}");
}
