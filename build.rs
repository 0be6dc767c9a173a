//! Checks and compiles the tables under `src/normalize/tables` into static data without pointers: one text that holds every
//! word once, and arrays of plain numbers into it. Nothing is parsed, allocated or relocated at start-up.

#[path = "build/letters.rs"]
mod letters;
#[path = "build/places.rs"]
mod places;
#[path = "build/programs.rs"]
mod programs;
#[path = "build/text.rs"]
mod text;
#[path = "src/action/vocabulary.rs"]
#[allow(dead_code, missing_docs, reason = "only the word lists are needed")]
mod vocabulary;

use std::path::{Path, PathBuf};

use text::{Text, end_if_reported, fail};

fn main() {
    let tables = Path::new("src/normalize/tables");
    println!("cargo:rerun-if-changed=build.rs");
    println!("cargo:rerun-if-changed=build");
    println!("cargo:rerun-if-changed=src/action/vocabulary.rs");
    println!("cargo:rerun-if-changed={}", tables.display());
    let out = PathBuf::from(std::env::var_os("OUT_DIR").unwrap_or_default());

    let mut text = Text::default();
    let code = programs::compile(&toml_files(&tables.join("programs")), &mut text);
    write(&out.join("programs.rs"), code, text);

    let mut text = Text::default();
    let code = places::paths(&read(&tables.join("paths.toml")), &mut text);
    write(&out.join("paths.rs"), code, text);

    let mut text = Text::default();
    let code = places::hosts(&read(&tables.join("hosts.toml")), &mut text);
    write(&out.join("hosts.rs"), code, text);
    write_code(&out.join("letters.rs"), &letters::look_alikes());
    end_if_reported();
}

/// A table file's path and what it holds.
pub(crate) struct Source {
    /// For messages.
    pub(crate) path: String,
    /// Its tables.
    pub(crate) table: toml::Table,
}

fn toml_files(folder: &Path) -> Vec<Source> {
    println!("cargo:rerun-if-changed={}", folder.display());
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.retain(|path| path.extension().is_some_and(|extension| extension == "toml"));
    paths.sort();
    paths.iter().map(|path| read(path)).collect()
}

fn read(path: &Path) -> Source {
    println!("cargo:rerun-if-changed={}", path.display());
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).unwrap_or_else(|error| fail(&name, "", &error.to_string()));
    let table = text.parse().unwrap_or_else(|error: toml::de::Error| fail(&name, "", &error.to_string()));
    Source { path: name, table }
}

/// Writes a module's tables: the text of all words, and what refers to it.
fn write(path: &Path, code: String, text: Text) {
    write_code(path, &format!("{code}\nstatic TEXT: &str = {:?};\n", text.into_string()));
}

fn write_code(path: &Path, code: &str) {
    if let Err(error) = std::fs::write(path, code) {
        fail(&path.display().to_string(), "", &error.to_string());
    }
}
