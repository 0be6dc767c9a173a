//! The module tree: every `crate::` path in `src` against the layers that `ARCHITECTURE.md` names.
//!
//! The sources are read as rustfmt writes them: an item ends where a line closes at the indentation at which it began.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

/// What `cli` (layer 5) may do and the stages (layer 1) may not.
const ASSEMBLY: usize = 4;
const ENGINE: usize = 2;
const ADAPTERS: usize = 3;
/// The adapters that others are built on: how files of the user's alone are opened, locked and replaced, and how work is spread
/// over the cores.
const SHARED: [&str; 2] = ["private", "parallel"];

/// One source file without its tests and comments.
struct Source {
    /// Relative to `src`, with `/`.
    name: String,
    lines: Vec<(usize, String)>,
}

impl Source {
    /// The top-level module it belongs to; none for `lib.rs` and `main.rs`.
    fn module(&self) -> Option<&str> {
        let first = self.name.split('/').next()?.trim_end_matches(".rs");
        (first != "lib" && first != "main").then_some(first)
    }

    /// How many `super::` lead out of the file to the crate's root.
    fn depth(&self) -> usize {
        let parts = self.name.split('/').count();
        if self.name.ends_with("mod.rs") { parts - 1 } else { parts }
    }

    /// Where `word` stands as a whole word.
    fn mentions(&self, word: &str) -> Vec<String> {
        let found = self.lines.iter().filter(|(_, line)| has_word(line, word));
        found.map(|(number, line)| format!("src/{}:{number}: {}", self.name, line.trim())).collect()
    }
}

fn has_word(line: &str, word: &str) -> bool {
    line.match_indices(word).any(|(at, _)| {
        let before = line[..at].chars().next_back();
        let after = line[at + word.len()..].chars().next();
        let joins = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || c == '_');
        !joins(before) && (word.ends_with(':') || !joins(after))
    })
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// All sources but those that are compiled for tests alone.
fn sources() -> Vec<Source> {
    let mut paths = Vec::new();
    collect(&root().join("src"), &mut paths);
    let mut sources = Vec::new();
    let mut for_tests = BTreeSet::new();
    for path in paths {
        let name = path.strip_prefix(root().join("src")).unwrap().to_str().unwrap().replace('\\', "/");
        let (lines, modules) = without_tests(&fs::read_to_string(&path).unwrap());
        let folder = match name.rsplit_once('/') {
            Some((folder, "mod.rs")) => format!("{folder}/"),
            _ if name == "lib.rs" => String::new(),
            _ => format!("{}/", name.trim_end_matches(".rs")),
        };
        // A file named by `#[path]` lies beside the one that names it.
        let beside = name.rsplit_once('/').map_or(String::new(), |(folder, _)| format!("{folder}/"));
        for_tests.extend(modules.iter().map(|module| match module.strip_prefix("../") {
            Some(file) => format!("{beside}{file}"),
            None => format!("{folder}{module}"),
        }));
        sources.push(Source { name, lines });
    }
    let tested = |source: &Source| {
        let plain = source.name.trim_end_matches(".rs").trim_end_matches("/mod");
        !for_tests.iter().any(|module| plain == module || plain.starts_with(&format!("{module}/")))
    };
    sources.retain(tested);
    assert!(sources.len() > 40, "only {} sources found", sources.len());
    sources
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    let mut entries: Vec<PathBuf> = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    for path in entries {
        if path.is_dir() {
            collect(&path, paths);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            paths.push(path);
        }
    }
}

/// The numbered lines outside comments and `#[cfg(test)]` items, and the names of modules that are for tests alone.
fn without_tests(text: &str) -> (Vec<(usize, String)>, Vec<String>) {
    let (mut kept, mut modules) = (Vec::new(), Vec::new());
    let mut lines = text.lines().enumerate().map(|(index, line)| (index + 1, line));
    while let Some((number, line)) = lines.next() {
        let trimmed = line.trim_start();
        if trimmed == "#[cfg(test)]" {
            let indent = &line[..line.len() - trimmed.len()];
            for (_, item) in lines.by_ref() {
                let item_text = item.trim_start();
                if let Some(file) = item_text.strip_prefix("#[path = \"") {
                    modules.push(format!("../{}", file.trim_end_matches(".rs\"]")));
                }
                if let Some(module) = item_text.strip_suffix(';').and_then(|item| item.split("mod ").nth(1)) {
                    modules.push(module.to_owned());
                }
                let ends = item.strip_prefix(indent).is_some_and(|rest| !rest.starts_with([' ', '#']));
                if ends && (item.ends_with(';') || item.ends_with('}')) {
                    break;
                }
            }
        } else if !trimmed.starts_with("//") {
            kept.push((number, line.to_owned()));
        }
    }
    (kept, modules)
}

/// The layer of every module, as the code map of `ARCHITECTURE.md` has it.
fn layers() -> BTreeMap<String, usize> {
    let page = fs::read_to_string(root().join("ARCHITECTURE.md")).unwrap();
    let known = modules();
    let mut layers = BTreeMap::new();
    let mut current = None;
    for line in page.lines().skip_while(|line| *line != "## Code map").skip(1) {
        if line.starts_with("## ") {
            break;
        }
        let heading = line.strip_prefix("**Layer ").and_then(|rest| rest[..1].parse::<usize>().ok());
        current = heading.or(current);
        let layer = current.unwrap_or_default();
        // In a list only the word that opens an entry names a module; the rest is prose.
        let names: Vec<&str> = match line.strip_prefix("- `") {
            Some(entry) => entry.split('`').take(1).collect(),
            None if layer == 1 => Vec::new(),
            None => line.split('`').skip(1).step_by(2).collect(),
        };
        for name in names.into_iter().filter(|name| known.contains(*name)) {
            layers.entry(name.to_owned()).or_insert(layer);
        }
    }
    layers
}

/// The modules that `lib.rs` declares.
fn modules() -> BTreeSet<String> {
    let lib = fs::read_to_string(root().join("src/lib.rs")).unwrap();
    let name = |line: &str| line.split("mod ").nth(1).and_then(|rest| rest.strip_suffix(';')).map(str::to_owned);
    lib.lines().filter(|line| !line.starts_with("//")).filter_map(name).collect()
}

/// The modules of the crate that a file names, with the line.
fn arrows(source: &Source) -> Vec<(usize, String)> {
    let mut found = Vec::new();
    // A group of imports may run over several lines.
    let text: String = source.lines.iter().map(|(_, line)| format!("{line}\n")).collect();
    let number = |at: usize| source.lines[text[..at].matches('\n').count()].0;
    for (at, path) in text.match_indices("crate::") {
        let before = text[..at].chars().next_back();
        if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
            continue;
        }
        found.extend(heads(&text[at + path.len()..]).into_iter().map(|head| (number(at), head)));
    }
    let out = "super::".repeat(source.depth());
    for (at, path) in text.match_indices(&out).filter(|_| source.depth() > 0) {
        if !text[..at].ends_with("super::") {
            found.extend(heads(&text[at + path.len()..]).into_iter().map(|head| (number(at), head)));
        }
    }
    found
}

/// The first words of a path, or of each path in a group.
fn heads(path: &str) -> Vec<String> {
    let word = |text: &str| text.trim_start().chars().take_while(|c| c.is_alphanumeric() || *c == '_').collect();
    let Some(group) = path.strip_prefix('{') else { return vec![word(path)] };
    let mut depth = 0_usize;
    let mut starts = vec![0];
    for (at, c) in group.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => starts.push(at + 1),
            _ => {}
        }
    }
    starts.into_iter().map(|at| word(&group[at..])).filter(|head: &String| !head.is_empty()).collect()
}

/// May a module of layer `from` use one of layer `to`?
fn points_down(from: usize, to: usize) -> bool {
    match from {
        0 | 1 => to == 0,
        ENGINE => to < ENGINE,
        ADAPTERS => to <= ENGINE,
        ASSEMBLY => to < ASSEMBLY,
        _ => true,
    }
}

#[track_caller]
fn assert_none(rule: &str, offences: &[String]) {
    assert!(offences.is_empty(), "{rule}:\n  {}", offences.join("\n  "));
}

#[test]
fn every_module_has_a_layer() {
    let layers = layers();
    let missing: Vec<String> = modules().into_iter().filter(|module| !layers.contains_key(module)).collect();
    assert_none("the code map of ARCHITECTURE.md does not place these modules", &missing);
    let found: BTreeSet<usize> = layers.values().copied().collect();
    assert!(found == BTreeSet::from_iter(0..=5), "{layers:?}");
}

#[test]
fn arrows_between_modules_point_down() {
    let layers = layers();
    let mut offences = Vec::new();
    let mut n_arrows = 0;
    for source in sources() {
        let Some(module) = source.module() else { continue };
        for (number, target) in arrows(&source) {
            let (Some(from), Some(to)) = (layers.get(module), layers.get(&target)) else {
                offences.push(format!("src/{}:{number}: `{target}` has no layer", source.name));
                continue;
            };
            n_arrows += 1;
            let is_shared = *from == ADAPTERS && SHARED.contains(&target.as_str());
            if module != target && !is_shared && !points_down(*from, *to) {
                offences.push(format!("src/{}:{number}: layer {from} uses `{target}` of layer {to}", source.name));
            }
        }
    }
    assert_none("an arrow points the wrong way", &offences);
    assert!(n_arrows > 100, "only {n_arrows} paths found");
}

#[test]
fn each_library_is_known_to_one_module() {
    let owners = [
        ("ort::", "model"),
        ("ndarray::", "model"),
        ("memmap2::", "artifact"),
        ("clap::", "cli"),
        ("regex::", "redact encode"),
        ("aho_corasick::", "redact"),
        ("reqwest::", "review"),
        ("rustls::", "review"),
        ("backon::", "review"),
        ("ctrlc::", "cli"),
        ("indicatif::", "cli"),
        ("statrs::", "evaluate"),
        ("plotters::", "report"),
        ("maud::", "report"),
        ("comfy_table::", "report"),
        ("brush_parser::", "normalize"),
        ("cedar_policy::", "policy"),
        ("fast_glob::", "policy"),
        ("miette::", "policy"),
        ("figment::", "config"),
        ("tokio::", "serve review"),
        ("axum::", "serve"),
        ("hyper::", "serve"),
        ("interprocess::", "serve"),
        ("prometheus_client::", "serve"),
        ("quick_cache::", "serve"),
        ("ed25519_dalek::", "audit"),
        ("use ring::", "audit sha256"),
        ("uuid::", "audit"),
    ];
    let mut offences = Vec::new();
    for source in sources() {
        for (library, owner) in
            owners.iter().filter(|(_, owners)| owners.split(' ').all(|owner| source.module() != Some(owner)))
        {
            let mentions = source.mentions(library);
            offences.extend(mentions.into_iter().map(|place| format!("{place} (only `{owner}` knows {library})")));
        }
    }
    assert_none("a library is used outside its module", &offences);
}

#[test]
fn the_thin_client_loads_nothing() {
    const THIN: [&str; 5] = ["client", "identity", "lock", "place", "protocol"];
    let heavy =
        ["crate::app", "crate::model", "crate::encode", "crate::artifact", "crate::manifest", "tokio::", "axum::"];
    let mut offences = Vec::new();
    let mut n_files = 0;
    for source in sources() {
        let thin = THIN.iter().any(|name| source.name == format!("serve/{name}.rs"));
        n_files += usize::from(thin);
        offences.extend(heavy.iter().filter(|_| thin).flat_map(|word| source.mentions(word)));
    }
    assert_none("what a hook process runs would have to load", &offences);
    assert_eq!(n_files, THIN.len());
}

#[test]
fn there_is_one_unsafe_line() {
    let mut found: Vec<String> = sources().iter().flat_map(|source| source.mentions("unsafe")).collect();
    found.retain(|line| !(line.starts_with("src/cli/mod.rs:") && line.contains("set_var(TELEMETRY_OFF")));
    assert_none("unsafe code", &found);
}

#[test]
fn the_layers_below_the_adapters_touch_nothing_outside() {
    let layers = layers();
    let outside = [
        "std::fs",
        "fs::",
        "File::",
        "std::env",
        "env::",
        "env!",
        "option_env!",
        "TcpStream",
        "TcpListener",
        "UdpSocket",
        "ToSocketAddrs",
        "UnixStream",
        "std::process",
        "io::stdin",
        "io::stdout",
        "io::stderr",
        "SystemTime",
        "println!",
        "eprintln!",
        "print!",
        "eprint!",
        "dbg!",
    ];
    let mut offences = Vec::new();
    for source in sources() {
        let layer = source.module().and_then(|module| layers.get(module));
        if layer.is_none_or(|layer| *layer > ENGINE) {
            continue;
        }
        // The tables that the build script writes are compiled in.
        let compiled_in = |place: &String| place.contains(r#"include!(concat!(env!("OUT_DIR")"#);
        offences.extend(outside.iter().flat_map(|word| source.mentions(word)).filter(|place| !compiled_in(place)));
        if source.name != "engine/deadline.rs" {
            offences.extend(source.mentions("Instant"));
        }
    }
    assert_none("a stage or the engine reaches outside", &offences);
}

#[test]
fn only_the_front_door_ends_the_process() {
    let exits = |source: &Source| source.mentions("process::exit").into_iter().chain(source.mentions("process::abort"));
    let others = sources();
    let offences: Vec<String> = others.iter().filter(|source| source.module() != Some("cli")).flat_map(exits).collect();
    assert_none("the library ends the process", &offences);
}

#[test]
fn the_reader_of_this_test_sees_what_it_must() {
    let text = "use crate::action::{A, b::C};\n#[cfg(test)]\nmod tests {\n    use crate::cli::x;\n}\n// crate::engine\nfn f() {}\n";
    let (lines, _) = without_tests(text);
    let source = Source { name: "normalize/facts/walk.rs".to_owned(), lines };
    assert_eq!(arrows(&source), [(1, "action".to_owned())]);
    assert_eq!(source.lines.last().unwrap(), &(7, "fn f() {}".to_owned()));
    let (_, modules) = without_tests("#[cfg(test)]\npub(crate) mod stub;\nmod real;\n");
    assert_eq!(modules, ["stub"]);
    let (_, modules) = without_tests("#[cfg(test)]\n#[path = \"x_tests.rs\"]\nmod tests;\nfn f() {}\n");
    assert_eq!(modules, ["../x_tests", "tests"]);
    assert_eq!(heads("{self, action::{A, B}, verdict::C};"), ["self", "action", "verdict"]);
    let grouped = Source { name: "verdict.rs".to_owned(), lines: vec![(1, "use super::assessment::A;".to_owned())] };
    assert_eq!(arrows(&grouped), [(1, "assessment".to_owned())]);
    assert!(has_word("use ort::x;", "ort::") && !has_word("import::x", "ort::") && !has_word("unsafe_code", "unsafe"));
}
