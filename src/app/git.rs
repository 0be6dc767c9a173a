//! What rules may ask of the repository: the branch that the workspace is on, read off its `HEAD`. No program is run.

use std::fs;
use std::io::Read as _;
use std::path::{Path, PathBuf};

/// How many folders above are searched for the repository.
const MAX_CLIMB: usize = 64;
/// Most bytes of a file that is read: both hold one short line.
const MAX_LINE: u64 = 4096;

/// The branch of the repository that a folder is in; empty when none is checked out.
pub(super) fn branch(folder: &Path) -> Option<String> {
    let git = folder.ancestors().take(MAX_CLIMB).map(|folder| folder.join(".git")).find(|git| git.exists())?;
    let head = line(&git_folder(&git)?.join("HEAD"))?;
    Some(head.strip_prefix("ref: refs/heads/").unwrap_or_default().to_owned())
}

/// Where a repository keeps its state: a worktree's is elsewhere, and a file says where.
fn git_folder(git: &Path) -> Option<PathBuf> {
    if git.is_dir() {
        return Some(git.to_owned());
    }
    let elsewhere = line(git)?;
    let folder = Path::new(elsewhere.strip_prefix("gitdir: ")?);
    Some(git.parent()?.join(folder))
}

fn line(path: &Path) -> Option<String> {
    let mut text = String::new();
    fs::File::open(path).ok()?.take(MAX_LINE).read_to_string(&mut text).ok()?;
    Some(text.lines().next().unwrap_or_default().trim_end().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_branch_is_read_from_below_and_in_worktrees() {
        let folder = tempfile::tempdir().unwrap();
        let (repository, worktree) = (folder.path().join("app"), folder.path().join("other"));
        fs::create_dir_all(repository.join(".git/worktrees/other")).unwrap();
        fs::create_dir_all(repository.join("src/deep")).unwrap();
        fs::create_dir_all(&worktree).unwrap();
        fs::write(repository.join(".git/HEAD"), "ref: refs/heads/topic/x\n").unwrap();
        fs::write(repository.join(".git/worktrees/other/HEAD"), "0123abcd\n").unwrap();
        fs::write(worktree.join(".git"), "gitdir: ../app/.git/worktrees/other\n").unwrap();
        assert_eq!(branch(&repository.join("src/deep")).as_deref(), Some("topic/x"));
        assert_eq!(branch(&worktree).as_deref(), Some(""));
    }
}
