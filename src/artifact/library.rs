//! Finds the ONNX Runtime library and looks at it before it is loaded.

use std::fmt;
use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use super::Places;
use super::binary::{self, Kind};

/// The command that fetches the pinned library.
const MEND: &str = "python3 scripts/setup.py";

/// Where that command puts it, seen from the root of the repository.
const REPOSITORY_FOLDER: &str = ".riskgate/lib";

/// Where to look. The order is: the flag alone if it is given, else the variable alone if it is set, else the places.
#[derive(Debug, Clone, Copy)]
pub struct LibraryQuery<'a> {
    /// What the user named by flag or setting: the library, or the folder it lies in.
    pub flag: Option<&'a Path>,
    /// The value of `ORT_DYLIB_PATH`, read in the same way; empty counts as not set.
    pub variable: Option<&'a Path>,
    /// Where to look otherwise: beside the executable, then the user's `riskgate/lib`, then `.riskgate/lib` in the
    /// repository in which the executable was built.
    pub places: &'a Places,
}

/// Where a library was looked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LibraryPlace {
    /// The flag or setting.
    Flag,
    /// `ORT_DYLIB_PATH`.
    Variable,
    /// The folder of the executable.
    BesideExecutable,
    /// The user's data folder.
    UserFolder,
    /// The repository in which the executable was built.
    Repository,
}

/// A library that this machine can load; its version is not known yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundLibrary {
    /// Absolute path of the file.
    pub path: PathBuf,
    /// Where it was found.
    pub place: LibraryPlace,
}

/// One place that was tried in vain.
#[derive(Debug)]
pub struct Tried {
    /// Where.
    pub place: LibraryPlace,
    /// The file or folder.
    pub path: PathBuf,
    /// Why there is nothing to load.
    pub problem: LibraryProblem,
}

/// Why a place has no library to load.
#[derive(Debug)]
pub enum LibraryProblem {
    /// There is no such file, or no library in the folder.
    Missing,
    /// There is no repository above the folder.
    NoRepository,
    /// It cannot be read.
    Unreadable(io::Error),
    /// Not a shared library at all.
    NotALibrary,
    /// For another processor or system.
    WrongArchitecture,
}

/// No usable library anywhere.
#[derive(Debug)]
pub struct LibraryError {
    /// Everything that was tried, in order.
    pub tried: Vec<Tried>,
}

impl std::error::Error for LibraryError {}

impl fmt::Display for LibraryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "no usable ONNX Runtime library; run `{MEND}` to fetch the pinned one, or name one with `--runtime`; tried:"
        )?;
        self.tried.iter().try_for_each(|tried| write!(f, "\n  {tried}"))
    }
}

impl fmt::Display for Tried {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: `{}` {}", self.place, self.path.display(), self.problem)
    }
}

impl fmt::Display for LibraryPlace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Flag => "--runtime",
            Self::Variable => "ORT_DYLIB_PATH",
            Self::BesideExecutable => "beside the executable",
            Self::UserFolder => "user data folder",
            Self::Repository => "repository",
        })
    }
}

impl fmt::Display for LibraryProblem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing => f.write_str("holds no ONNX Runtime library"),
            Self::NoRepository => write!(f, "has no folder `{REPOSITORY_FOLDER}` above it"),
            Self::Unreadable(error) => write!(f, "cannot be read: {error}"),
            Self::NotALibrary => f.write_str("is not a shared library"),
            Self::WrongArchitecture => {
                write!(f, "has the wrong architecture: this is {} on {}", std::env::consts::ARCH, std::env::consts::OS)
            }
        }
    }
}

/// The first library of the documented order that this machine can load. One that was named and cannot be loaded is an
/// error; the search does not go on behind the user's back.
pub fn find_library(query: LibraryQuery<'_>) -> Result<FoundLibrary, LibraryError> {
    let mut tried = Vec::new();
    for (place, path) in candidates(query) {
        let file = if path.is_dir() { library_in(&path) } else { Some(path.clone()) };
        let outcome = file.as_deref().map_or(Err(LibraryProblem::Missing), look_at);
        match outcome {
            Ok(path) => return Ok(FoundLibrary { path, place }),
            Err(problem) => tried.push(Tried { place, path: file.unwrap_or(path), problem }),
        }
    }
    tried.extend(missing_repository(query));
    Err(LibraryError { tried })
}

/// What to say of the repository when there is none, so that the error names every place.
fn missing_repository(query: LibraryQuery<'_>) -> Option<Tried> {
    let searched = candidates(query);
    let named = |place| searched.iter().any(|(searched, _)| *searched == place);
    if [LibraryPlace::Flag, LibraryPlace::Variable, LibraryPlace::Repository].into_iter().any(named) {
        return None;
    }
    let path = query.places.beside_executable()?.to_path_buf();
    Some(Tried { place: LibraryPlace::Repository, path, problem: LibraryProblem::NoRepository })
}

fn candidates(query: LibraryQuery<'_>) -> Vec<(LibraryPlace, PathBuf)> {
    let variable = query.variable.filter(|path| !path.as_os_str().is_empty());
    if let Some(path) = query.flag {
        return vec![(LibraryPlace::Flag, path.to_path_buf())];
    }
    if let Some(path) = variable {
        return vec![(LibraryPlace::Variable, path.to_path_buf())];
    }
    let beside = query.places.beside_executable().map(Path::to_path_buf);
    let user = query.places.user_folder().map(|folder| folder.join("lib"));
    let repository = query.places.in_repository(Path::new(REPOSITORY_FOLDER));
    let places = [
        (LibraryPlace::BesideExecutable, beside),
        (LibraryPlace::UserFolder, user),
        (LibraryPlace::Repository, repository),
    ];
    places.into_iter().filter_map(|(place, path)| Some((place, path?))).collect()
}

/// The absolute path of a library that can be loaded here.
fn look_at(file: &Path) -> Result<PathBuf, LibraryProblem> {
    match read_header(file) {
        Ok(header) => match binary::kind(&header) {
            Kind::Loadable => std::path::absolute(file).map_err(LibraryProblem::Unreadable),
            Kind::Foreign => Err(LibraryProblem::WrongArchitecture),
            Kind::NotALibrary => Err(LibraryProblem::NotALibrary),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => Err(LibraryProblem::Missing),
        Err(error) => Err(LibraryProblem::Unreadable(error)),
    }
}

fn read_header(path: &Path) -> io::Result<Vec<u8>> {
    if !fs::metadata(path)?.is_file() {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a regular file"));
    }
    let mut header = Vec::new();
    File::open(path)?.take(binary::HEADER).read_to_end(&mut header)?;
    Ok(header)
}

/// The ONNX Runtime library in a folder: the one without a version in its name, else the newest.
fn library_in(folder: &Path) -> Option<PathBuf> {
    let entries = fs::read_dir(folder).ok()?.flatten();
    let versions = entries.filter_map(|entry| Some((version_in(entry.file_name().to_str()?)?, entry.path())));
    versions.max().map(|(_, path)| path)
}

/// The version in the name of an ONNX Runtime library, as numbers; a name without one counts as newest. `None` for any
/// other name.
fn version_in(name: &str) -> Option<Vec<u32>> {
    if ["libonnxruntime.so", "libonnxruntime.dylib", "onnxruntime.dll"].contains(&name) {
        return Some(vec![u32::MAX]);
    }
    let linux = name.strip_prefix("libonnxruntime.so.");
    let apple = name.strip_prefix("libonnxruntime.").and_then(|rest| rest.strip_suffix(".dylib"));
    linux.or(apple)?.split('.').map(|part| part.parse().ok()).collect()
}

#[cfg(test)]
#[path = "library_tests.rs"]
mod tests;
