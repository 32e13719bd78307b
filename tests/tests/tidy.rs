//! The house rules that the compiler and clippy do not check: the size and shape of files, reasons
//! for unsafe code, the order of the engine's layers, and what may be depended on.
//!
//! Each test gathers every breach before it fails, as `file:line: what is wrong`.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use glebe_tests::root;
use regex::Regex;

/// Where sources lie, and which endings are ours to keep tidy.
const FOLDERS: [&str; 7] = [
    "crates", "docs", "kernel", "tests", "peers", "examples", "scripts",
];
const ENDINGS: [&str; 8] = ["rs", "c", "cc", "cpp", "h", "py", "sh", "js"];

const MAX_LINES: usize = 600;
const MAX_COLUMNS: usize = 100;

/// The engine's modules, each above all that it may use. What is in no layer is a breach.
const LAYERS: [&str; 11] = [
    "sync", "cpu", "blocks", "fault", "records", "region", "slab", "heap", "inspect", "raw",
    "global",
];

/// All that the engine itself may be linked with, beside `core`.
const ENGINE_DEPENDENCIES: [&str; 1] = ["rustix"];

/// Licences whose code may go into the library, the command and the tests.
const LICENCES: [&str; 12] = [
    "0BSD",
    "Apache-2.0",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "ISC",
    "MIT",
    "MIT-0",
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

const UNSAFE_COUNT: &str = "tests/unsafe-count.txt";

struct Source {
    /// Relative to the root.
    path: PathBuf,
    text: String,
}

impl Source {
    fn is_rust(&self) -> bool {
        self.path.extension().is_some_and(|ending| ending == "rs")
    }

    fn breach(&self, line: usize, what: &str) -> String {
        format!("{}:{}: {what}", self.path.display(), line + 1)
    }
}

static SOURCES: LazyLock<Vec<Source>> = LazyLock::new(|| {
    let mut sources = Vec::new();
    for folder in FOLDERS
        .iter()
        .map(|name| root().join(name))
        .filter(|f| f.is_dir())
    {
        let walk = walkdir::WalkDir::new(folder).sort_by_file_name();
        for entry in walk
            .into_iter()
            .filter_entry(|entry| entry.file_name() != "target")
        {
            let path = entry.expect("the sources can be walked").into_path();
            let ending = path.extension().and_then(|ending| ending.to_str());
            if ending.is_some_and(|ending| ENDINGS.contains(&ending)) {
                let text = fs::read_to_string(&path)
                    .unwrap_or_else(|error| panic!("{}: {error}", path.display()));
                let path = path
                    .strip_prefix(root())
                    .expect("sources lie in the root")
                    .into();
                sources.push(Source { path, text });
            }
        }
    }
    assert!(
        sources.len() > 20,
        "only {} sources were found",
        sources.len()
    );
    sources
});

fn rust_sources() -> impl Iterator<Item = &'static Source> {
    SOURCES.iter().filter(|source| source.is_rust())
}

fn assert_none(breaches: Vec<String>) {
    assert!(
        breaches.is_empty(),
        "{} breaches:\n{}",
        breaches.len(),
        breaches.join("\n")
    );
}

fn is_comment(line: &str) -> bool {
    line.trim_start().starts_with("//")
}

fn regex(pattern: &str) -> Regex {
    Regex::new(pattern).expect("the pattern is well-formed")
}

#[test]
fn files_are_short_and_lines_fit() {
    let mut breaches = Vec::new();
    for source in SOURCES.iter() {
        let lines = source.text.lines().count();
        if source.is_rust() && lines > MAX_LINES {
            breaches.push(source.breach(lines - 1, &format!("{lines} lines, over {MAX_LINES}")));
        }
        for (number, line) in source.text.lines().enumerate() {
            let columns = line.chars().count();
            if columns > MAX_COLUMNS {
                let what = format!("{columns} columns, over {MAX_COLUMNS}");
                breaches.push(source.breach(number, &what));
            }
            if line.ends_with([' ', '\t']) {
                breaches.push(source.breach(number, "blanks at the end of the line"));
            }
        }
    }
    assert_none(breaches);
}

#[test]
fn every_file_says_what_it_is_for() {
    let headless = rust_sources().filter(|source| !source.text.starts_with("//! "));
    assert_none(
        headless
            .map(|source| source.breach(0, "no `//!` header"))
            .collect(),
    );
}

#[test]
fn nothing_is_left_undone() {
    let undone = regex(r"\b(todo!|unimplemented!|FIXME\b|TODO\b|XXX\b)|#\[ignore");
    let this = Path::new("tests/tests/tidy.rs");
    let mut breaches = Vec::new();
    for source in SOURCES.iter().filter(|source| source.path != this) {
        for (number, line) in source.text.lines().enumerate() {
            if let Some(word) = undone.find(line) {
                breaches.push(source.breach(number, word.as_str()));
            }
        }
    }
    assert_none(breaches);
}

#[test]
fn every_unsafe_block_has_its_reason() {
    let block = regex(r"\bunsafe\s*(\{|impl\b)");
    let mut breaches = Vec::new();
    for source in rust_sources() {
        let lines: Vec<&str> = source.text.lines().collect();
        for (number, line) in lines.iter().enumerate() {
            if is_comment(line) || !block.is_match(line) {
                continue;
            }
            // The comment may be long: its lines do not count towards the four.
            let above = lines[..number].iter().rev();
            let mut code_lines = 0;
            let near = above.take_while(|line| {
                code_lines += usize::from(!is_comment(line));
                code_lines < 4
            });
            if !near
                .chain([line])
                .any(|line| line.contains("// SAFETY:") || line.contains("//! SAFETY:"))
            {
                breaches.push(source.breach(number, "unsafe without `// SAFETY:` above it"));
            }
        }
    }
    assert_none(breaches);
}

#[test]
fn every_unsafe_function_has_its_contract() {
    let function = regex(r#"^\s*pub(\(\w+\))? (const )?unsafe (extern "C" )?fn \w"#);
    let mut breaches = Vec::new();
    for source in rust_sources() {
        let lines: Vec<&str> = source.text.lines().collect();
        for (number, _) in lines
            .iter()
            .enumerate()
            .filter(|(_, line)| function.is_match(line))
        {
            let above = lines[..number].iter().rev().map(|line| line.trim_start());
            let mut notes = above.take_while(|line| line.starts_with("///") || line.contains("#["));
            if !notes.any(|line| line.starts_with("/// # Safety")) {
                breaches.push(source.breach(number, "an unsafe function without `# Safety`"));
            }
        }
    }
    assert_none(breaches);
}

/// The names after `crate::` in a text, with their lines: `crate::a` and `crate::{a::x, b}`.
fn used_from_root(text: &str) -> Vec<(usize, String)> {
    let single = regex(r"\bcrate::(\w+)");
    let group = regex(r"(?s)\bcrate::\{(.*?)\};");
    let member = regex(r"(?:^|,)\s*(\w+)");
    let text = &without_comments(text);
    let line = |at: usize| text[..at].matches('\n').count();
    let mut names: Vec<(usize, String)> = single
        .captures_iter(text)
        .map(|found| (line(found.get_match().start()), found[1].to_owned()))
        .collect();
    for found in group.captures_iter(text) {
        // Drop what stands in inner braces, keep the outermost names.
        let mut depth = 0;
        let mut outer = String::new();
        for letter in found[1].chars() {
            depth += i32::from(letter == '{');
            if depth == 0 {
                outer.push(letter);
            }
            depth -= i32::from(letter == '}');
        }
        let at = line(found.get_match().start());
        names.extend(
            member
                .captures_iter(&outer)
                .map(|name| (at, name[1].to_owned())),
        );
    }
    names
}

/// The same lines, with those that are comments emptied.
fn without_comments(text: &str) -> String {
    let lines = text
        .lines()
        .map(|line| if is_comment(line) { "" } else { line });
    lines.flat_map(|line| [line, "\n"]).collect()
}

#[test]
fn layers_use_only_what_is_below() {
    let level = |name: &str| LAYERS.iter().position(|layer| *layer == name);
    let engine = Path::new("crates/glebe/src");
    let mut breaches = Vec::new();
    let mut seen = 0;
    for source in rust_sources() {
        let Ok(inside) = source.path.strip_prefix(engine) else {
            continue;
        };
        let first = inside.iter().next().expect("a file has a name");
        let own = Path::new(first)
            .file_stem()
            .expect("a module has a name")
            .to_string_lossy();
        if own == "lib" {
            continue;
        }
        let Some(own_level) = level(&own) else {
            breaches.push(source.breach(0, &format!("`{own}` has no place in LAYERS yet")));
            continue;
        };
        seen += 1;
        for (line, used) in used_from_root(&source.text) {
            if level(&used).is_none_or(|used_level| used_level > own_level) {
                let what = format!("`{own}` may not use `crate::{used}`, which is above it");
                breaches.push(source.breach(line, &what));
            }
        }
    }
    assert!(seen > 5, "only {seen} files of the engine were found");
    assert_none(breaches);
}

#[test]
fn grouped_imports_are_understood() {
    let text = "//! crate::raw\nuse crate::slab::x;\nuse crate::{heap::{a, b::c},\n records};\n";
    let names: Vec<String> = used_from_root(text)
        .into_iter()
        .map(|(_, name)| name)
        .collect();
    assert_eq!(names, ["slab", "heap", "records"]);
}

/// The walk through the code names functions and files: each must be there.
#[test]
fn the_architecture_names_what_exists() {
    let text = fs::read_to_string(root().join("ARCHITECTURE.md")).expect("the text");
    let code: String = rust_sources()
        .map(|source| without_comments(&source.text))
        .collect();
    let (quoted, path) = (regex("`([^`\n]+)`"), regex(r"^[\w/-]+\.rs$"));
    let item = regex(r"^(?:\w+::)+(\w+)$|^(\w+_\w+)$");
    let mut breaches = Vec::new();
    let mut seen = 0;
    for name in quoted.captures_iter(&text).map(|found| found[1].to_owned()) {
        // The kernel's own.
        if name.starts_with("MADV_") {
            continue;
        }
        let exists = if path.is_match(&name) {
            rust_sources().any(|source| source.path.ends_with(&name))
        } else if let Some(found) = item.captures(&name) {
            let last = found.get(1).or(found.get(2)).expect("one of the two");
            regex(&format!(r"\b{}\b", last.as_str())).is_match(&code)
        } else {
            continue;
        };
        seen += 1;
        if !exists {
            breaches.push(format!("ARCHITECTURE.md: `{name}` is nowhere"));
        }
    }
    assert!(seen > 100, "only {seen} names were found");
    assert_none(breaches);
}

/// How often `unsafe` stands in the code of each crate.
fn unsafe_counts() -> BTreeMap<String, usize> {
    let word = regex(r"\bunsafe\b");
    let mut counts = BTreeMap::new();
    for source in rust_sources() {
        let parts: Vec<_> = source
            .path
            .iter()
            .map(|part| part.to_string_lossy())
            .collect();
        let name = if parts[0] == "crates" {
            &parts[1]
        } else {
            &parts[0]
        };
        let code = source.text.lines().filter(|line| !is_comment(line));
        let found: usize = code.map(|line| word.find_iter(line).count()).sum();
        *counts.entry(name.to_string()).or_default() += found;
    }
    counts
}

#[test]
fn unsafe_code_only_shrinks() {
    let counts = unsafe_counts();
    let shown: String = counts
        .iter()
        .map(|(name, count)| format!("{name} {count}\n"))
        .collect();
    let record = root().join(UNSAFE_COUNT);
    if std::env::var_os("GLEBE_BLESS").is_some() {
        fs::write(&record, &shown).expect("the record can be written");
    }
    let recorded = fs::read_to_string(&record).unwrap_or_else(|error| {
        panic!("{UNSAFE_COUNT}: {error}; `./x bless` records the counts of now:\n{shown}")
    });
    let recorded: BTreeMap<&str, usize> = recorded
        .lines()
        .filter_map(|line| line.split_once(' '))
        .filter_map(|(name, count)| Some((name, count.parse().ok()?)))
        .collect();
    let mut breaches = Vec::new();
    for (name, &now) in &counts {
        let before = recorded.get(name.as_str()).copied().unwrap_or(0);
        if now > before {
            breaches.push(format!(
                "{name}: `unsafe` rose from {before} to {now}: do without, or `./x bless`"
            ));
        } else if now < before {
            breaches.push(format!(
                "{name}: `unsafe` fell from {before} to {now}, well done: `./x bless` keeps it so"
            ));
        }
    }
    assert_none(breaches);
}

fn metadata() -> cargo_metadata::Metadata {
    cargo_metadata::MetadataCommand::new()
        .manifest_path(root().join("Cargo.toml"))
        .other_options([
            "--locked".into(),
            "--filter-platform=x86_64-unknown-linux-gnu".into(),
        ])
        .exec()
        .unwrap_or_else(|error| panic!("cargo metadata: {error}"))
}

#[test]
fn dependencies_are_free_and_from_the_registry() {
    let mut breaches = Vec::new();
    for package in metadata().packages {
        let name = &package.name;
        let registry = "registry+https://github.com/rust-lang/crates.io-index";
        if package
            .source
            .as_ref()
            .is_some_and(|source| source.repr != registry)
        {
            breaches.push(format!("{name} does not come from crates.io"));
        }
        let text = package.license.as_deref().unwrap_or_default();
        let allowed = spdx::Expression::parse_mode(text, spdx::ParseMode::LAX)
            .is_ok_and(|licence| licence.evaluate(is_allowed));
        if !allowed {
            breaches.push(format!(
                "{name} is under \"{text}\", which is not in LICENCES"
            ));
        }
    }
    assert_none(breaches);
}

fn is_allowed(wanted: &spdx::LicenseReq) -> bool {
    wanted
        .license
        .id()
        .is_some_and(|id| LICENCES.contains(&id.name))
}

#[test]
fn the_engine_hardly_depends_on_anything() {
    let metadata = metadata();
    let engine = metadata
        .packages
        .iter()
        .find(|package| package.name == "glebe")
        .expect("the engine is a member");
    let breaches = engine
        .dependencies
        .iter()
        .filter(|dependency| dependency.kind == cargo_metadata::DependencyKind::Normal)
        .filter(|dependency| !for_models_only(dependency))
        .filter(|dependency| !ENGINE_DEPENDENCIES.contains(&dependency.name.as_str()))
        .map(|dependency| format!("glebe depends on {}", dependency.name));
    assert_none(breaches.collect());
}

/// loom stands in for the atomics under test.
fn for_models_only(dependency: &cargo_metadata::Dependency) -> bool {
    let target = dependency.target.as_ref();
    target.is_some_and(|target| target.to_string().contains("cfg(loom)"))
}
