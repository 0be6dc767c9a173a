//! Which riskgate this is: a daemon answers only clients that run the very program that it runs, with the same settings.

use std::env;
use std::ffi::OsStr;
use std::path::Path;
use std::time::UNIX_EPOCH;

use crate::sha256::Sha256;

/// Between what the program and its flags make of it and what the settings files say.
const FILES: char = '/';

/// The version, and a hash over the flags and the program's path, size and time of change, so that a program that was built or
/// installed anew is another one.
pub fn program<'a>(settings: impl IntoIterator<Item = &'a OsStr>) -> String {
    let program = env::current_exe().and_then(|path| path.canonicalize()).unwrap_or_default();
    let mut hash = Sha256::new();
    hash_program(&program, &mut hash);
    for setting in settings {
        hash.update(setting.as_encoded_bytes());
        // No setting has one in it, so none can look like two.
        hash.update([0]);
    }
    let digits: String = hex::encode(hash.finalize()).chars().take(12).collect();
    format!("{}+{digits}", env!("CARGO_PKG_VERSION"))
}

/// The program and what the settings files say to it.
pub fn identity(program: &str, files: &str) -> String {
    format!("{program}{FILES}{files}")
}

fn hash_program(program: &Path, hash: &mut Sha256) {
    let metadata = program.metadata().ok();
    let changed = metadata.as_ref().and_then(|metadata| metadata.modified().ok()?.duration_since(UNIX_EPOCH).ok());
    hash.update(program.as_os_str().as_encoded_bytes());
    hash.update([0]);
    hash.update(metadata.map_or(0, |metadata| metadata.len()).to_le_bytes());
    hash.update(changed.map_or(0, |time| time.as_nanos()).to_le_bytes());
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn fingerprint(program: &Path) -> Vec<u8> {
        let mut hash = Sha256::new();
        hash_program(program, &mut hash);
        hash.finalize().to_vec()
    }

    #[test]
    fn a_program_that_was_replaced_is_another() {
        let folder = tempfile::tempdir().unwrap();
        let program = folder.path().join("riskgate");
        fs::write(&program, "old").unwrap();
        let before = fingerprint(&program);
        assert_eq!(before, fingerprint(&program));
        fs::write(&program, "newer").unwrap();
        assert_ne!(before, fingerprint(&program));
    }

    #[test]
    fn other_settings_are_another_identity() {
        let of = |settings: &[&str]| program(settings.iter().map(OsStr::new));
        assert_eq!(of(&["--no-ask"]), of(&["--no-ask"]));
        assert_ne!(of(&["--no-ask"]), of(&[]));
        assert_ne!(of(&["a", "b"]), of(&["ab"]));
        assert!(of(&[]).starts_with(env!("CARGO_PKG_VERSION")));
    }

    #[test]
    fn settings_files_make_another_identity_of_the_same_program() {
        let of = |setting: &str, files: &str| identity(&program([OsStr::new(setting)]), files);
        assert_ne!(of("a", "1"), of("a", "2"));
        assert_ne!(of("a", "1"), of("b", "1"));
    }
}
