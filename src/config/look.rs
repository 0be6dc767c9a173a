//! How everything looks that the settings of a call depend on, without a byte of it read: what a client sends a daemon to ask
//! whether both would read the same.
//!
//! It covers more than what counts: every folder above the call, whether it turns out to be the project or not, and every file
//! that is not there, so that one which appears is seen. Only when two looks are alike may what was read for one be used for
//! the other.

use std::ffi::OsStr;
use std::path::Path;
use std::time::{Duration, SystemTime};
use std::{fs, io};

use super::claude_code;
use super::files::{MAX_CLIMB, Search};
use super::layers::PROJECT_FILE;
use super::trust;
use crate::sha256::Sha256;

/// A file that changes twice within one tick of the clock that marks it looks the same after the second change. Ticks are a
/// hundredth of a second on most systems and two on the worst of file systems.
const TICK: Duration = Duration::from_secs(2);
/// Most rule files of a folder that are looked at one by one. More have to be read each time.
const MAX_RULE_FILES: usize = 256;

/// How everything looks that the settings of a call depend on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    digest: String,
    is_settled: bool,
}

impl Look {
    /// The same for the same look, on this machine and for this user.
    pub fn digest(&self) -> &str {
        &self.digest
    }

    /// Whether a later change could not leave the look as it is: nothing of it changed a moment ago.
    pub fn is_settled(&self) -> bool {
        self.is_settled
    }
}

impl Search {
    /// Looks at everything that these settings depend on.
    pub fn look(&self) -> Look {
        let mut looker = Looker { hash: Sha256::new(), now: SystemTime::now(), is_settled: true };
        // With these, the order in which files are looked at says which is which.
        let home = self.home().map(Path::as_os_str);
        let places = [self.user().map(Path::as_os_str), Some(self.managed().as_os_str()), home];
        for place in places.into_iter().chain([self.folder().map(Path::as_os_str)]) {
            looker.add(place.map(OsStr::as_encoded_bytes).unwrap_or_default());
        }
        if let Some(user) = self.user() {
            looker.layer(user);
        }
        // The administrator's folder counts itself: whose it is, and who may write there.
        looker.file(self.managed());
        looker.layer(self.managed());
        for folder in self.folder().into_iter().flat_map(Path::ancestors).take(MAX_CLIMB) {
            looker.project(folder);
        }
        if let Some(home) = self.home() {
            looker.file(&home.join(claude_code::USER_FILE));
        }
        let managed = Path::new(claude_code::MANAGED);
        managed.parent().into_iter().chain([managed]).for_each(|path| looker.file(path));
        let digest = hex::encode(looker.hash.finalize()).chars().take(32).collect();
        Look { digest, is_settled: looker.is_settled }
    }
}

struct Looker {
    hash: Sha256,
    now: SystemTime,
    is_settled: bool,
}

impl Looker {
    /// The settings and rules of the user or the administrator.
    fn layer(&mut self, folder: &Path) {
        self.file(&folder.join("config.toml"));
        self.rules(&folder.join("policy"));
    }

    /// What makes a folder a project, and what its settings are.
    fn project(&mut self, folder: &Path) {
        self.file(&folder.join(PROJECT_FILE));
        self.rules(&folder.join(".riskgate/policy"));
        claude_code::PROJECT_FILES.iter().for_each(|name| self.file(&folder.join(name)));
    }

    /// A folder of rules and what is in it.
    fn rules(&mut self, folder: &Path) {
        if !self.is_there(folder) {
            return;
        }
        match trust::list(folder, "cedar") {
            Ok(files) => {
                // More than anybody has: then nothing is believed for longer than a call.
                self.is_settled &= files.len() <= MAX_RULE_FILES;
                self.add(&files.len().to_le_bytes());
                for path in files.iter().take(MAX_RULE_FILES) {
                    self.add(path.as_os_str().as_encoded_bytes());
                    self.file(path);
                }
            }
            Err(error) => self.add(error.to_string().as_bytes()),
        }
    }

    /// A file or folder, through links.
    fn file(&mut self, path: &Path) {
        self.is_there(path);
    }

    /// The same, and whether it is there.
    fn is_there(&mut self, path: &Path) -> bool {
        match fs::metadata(path) {
            Ok(found) => {
                self.marks(path, &found);
                true
            }
            Err(error) => {
                self.add(&absence(&error).to_le_bytes());
                false
            }
        }
    }

    fn add(&mut self, bytes: &[u8]) {
        self.hash.update(bytes.len().to_le_bytes());
        self.hash.update(bytes);
    }

    /// Nobody but the administrator, who can set the clock, brings back the time of change (`ctime`) that a file once had.
    #[cfg(unix)]
    fn marks(&mut self, _: &Path, found: &fs::Metadata) {
        use std::os::unix::fs::MetadataExt as _;
        let marks = [
            found.dev(),
            found.ino(),
            found.size(),
            u64::from(found.mode()),
            u64::from(found.uid()),
            u64::from(found.gid()),
            found.mtime().cast_unsigned(),
            found.mtime_nsec().cast_unsigned(),
            found.ctime().cast_unsigned(),
            found.ctime_nsec().cast_unsigned(),
        ];
        self.add(&marks.map(u64::to_le_bytes).concat());
        let since_1970 = |time: SystemTime| time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        let settled_before = since_1970(self.now).saturating_sub(TICK).as_secs();
        self.is_settled &= u64::try_from(found.ctime()).is_ok_and(|changed| changed < settled_before);
    }

    /// Anybody sets the times of a file elsewhere, so there it is read after all.
    #[cfg(not(unix))]
    fn marks(&mut self, path: &Path, found: &fs::Metadata) {
        if found.is_file() {
            self.is_settled &= found.len() <= trust::MAX_FILE;
            self.add(&found.len().to_le_bytes());
            match fs::read(path) {
                Ok(bytes) if found.len() <= trust::MAX_FILE => self.add(&bytes),
                Ok(_) => self.is_settled = false,
                Err(error) => self.add(error.to_string().as_bytes()),
            }
        } else {
            self.add(b"a folder");
        }
    }
}

/// What tells one kind of absence from another.
fn absence(error: &io::Error) -> i32 {
    error.raw_os_error().unwrap_or(-1)
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::fs::Permissions;
    use std::os::unix::fs::{PermissionsExt as _, symlink};
    use std::path::PathBuf;
    use std::thread;

    use super::*;

    struct World {
        folder: tempfile::TempDir,
    }

    impl World {
        fn new() -> Self {
            let world = Self { folder: tempfile::tempdir().unwrap() };
            fs::create_dir_all(world.path("app/src")).unwrap();
            world
        }

        fn path(&self, name: &str) -> PathBuf {
            self.folder.path().join(name)
        }

        fn write(&self, name: &str, text: &str) {
            fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
            fs::write(self.path(name), text).unwrap();
        }

        fn look(&self) -> Look {
            let (user, managed) = (self.path("user"), self.path("managed"));
            Search::of(Some(user), managed, Some(self.path("home")), Some(&self.path("app/src"))).look()
        }

        /// Whether something changes the look.
        #[track_caller]
        fn sees(&self, what: &str, change: impl FnOnce()) {
            let before = self.look();
            assert_eq!(before.digest, self.look().digest, "{what}");
            // The clock that marks files has ticks.
            thread::sleep(Duration::from_millis(25));
            change();
            assert_ne!(before.digest, self.look().digest, "{what}");
        }
    }

    #[test]
    fn whatever_appears_or_goes_is_seen() {
        let world = World::new();
        for name in [
            "user/config.toml",
            "user/policy/a.cedar",
            "managed/config.toml",
            "managed/policy/a.cedar",
            "app/.riskgate.toml",
            "app/src/.riskgate.toml",
            ".riskgate.toml",
            "app/.riskgate/policy/a.cedar",
            "app/.claude/settings.json",
            "app/.claude/settings.local.json",
            "home/.claude/settings.json",
        ] {
            world.sees(name, || world.write(name, ""));
            world.sees(name, || fs::remove_file(world.path(name)).unwrap());
        }
    }

    #[test]
    fn a_change_of_content_mode_or_kind_is_seen() {
        let world = World::new();
        let (name, path) = ("app/.riskgate.toml", world.path("app/.riskgate.toml"));
        world.write(name, "mode = \"off\"");
        world.sees("text of the same length in place", || world.write(name, "mode = \"OFF\""));
        world.sees("an old time put back", || {
            let file = fs::File::options().write(true).open(&path).unwrap();
            file.set_modified(SystemTime::UNIX_EPOCH).unwrap();
        });
        world.sees("who may write", || fs::set_permissions(&path, Permissions::from_mode(0o666)).unwrap());
        world.sees("another file in its place", || {
            world.write("new", "mode = \"OFF\"");
            fs::rename(world.path("new"), &path).unwrap();
        });
        world.write("elsewhere", "mode = \"OFF\"");
        world.sees("a link", || {
            fs::remove_file(&path).unwrap();
            symlink(world.path("elsewhere"), &path).unwrap();
        });
        world.sees("what a link leads to", || world.write("elsewhere", "mode = \"ON!\""));
        world.sees("a link to nowhere", || fs::remove_file(world.path("elsewhere")).unwrap());
    }

    #[test]
    fn what_has_just_changed_is_not_settled() {
        let world = World::new();
        assert!(world.look().is_settled);
        world.write("user/config.toml", "");
        assert!(!world.look().is_settled);
    }

    #[test]
    fn a_folder_with_more_rules_than_are_looked_at_is_never_settled() {
        let world = World::new();
        (0..=MAX_RULE_FILES).for_each(|n| world.write(&format!("user/policy/{n}.cedar"), ""));
        assert!(!world.look().is_settled);
    }
}
