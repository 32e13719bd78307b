//! The course in `docs/course`: each chapter has a program in C and the same in Rust, both print
//! what the chapter's text shows, and the pictures in the text are what the programs in C draw.
//!
//! A program prints sections, each below a line `-- CHAPTER.NUMBER title`. In a chapter every
//! fenced block that begins with such a line is a section, word for word. `GLEBE_BLESS=1` writes
//! sections and pictures anew:
//!
//! ```text
//! GLEBE_BLESS=1 cargo test -p glebe-tests --test course
//! ```

#[allow(dead_code, reason = "the course needs only the static library")]
#[path = "pools_c/program.rs"]
mod program;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use glebe_tests::root;
use glebe_tests::run::Run;
use program::{Link, Program};
use regex::Regex;

/// Each chapter, and the name of its programs.
const CHAPTERS: [(&str, &str); 8] = [
    ("1-supplier.md", "supplier"),
    ("2-tags.md", "tags"),
    ("3-fits.md", "fits"),
    ("4-neighbours.md", "neighbours"),
    ("5-bad-frees.md", "bad_frees"),
    ("6-resize.md", "resize"),
    ("7-thresholds.md", "thresholds"),
    ("8-measure.md", "measure"),
];

/// Strict, as a student's own should be.
const FLAGS: &[&str] = &["-std=c11", "-O1", "-Wall", "-Wextra", "-Werror"];

fn course() -> PathBuf {
    root().join("docs/course")
}

fn read(path: &Path) -> String {
    fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

fn must_bless() -> bool {
    std::env::var_os("GLEBE_BLESS").is_some()
}

/// What the program in C prints; it draws its pictures into a folder.
fn run_c(name: &str, pictures: &Path) -> String {
    let source = format!("docs/course/c/{name}.c");
    let program = Program::compile("cc", &source, FLAGS, Link::Static);
    program.output(&[pictures.to_str().expect("a name in UTF-8")])
}

/// The folder with the programs in Rust, built once.
fn examples() -> &'static Path {
    static EXAMPLES: OnceLock<PathBuf> = OnceLock::new();
    EXAMPLES.get_or_init(|| {
        let target = root().join("target/dist");
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "-p", "glebe-pool", "--target-dir"]);
        cargo
            .arg(&target)
            .current_dir(root())
            .env_remove("LD_PRELOAD");
        for (_, name) in CHAPTERS {
            cargo.args(["--example", &format!("course_{name}")]);
        }
        let status = cargo.status().expect("cargo starts");
        assert!(status.success(), "building the examples failed");
        target.join("debug/examples")
    })
}

/// What the program in Rust prints.
fn run_rust(name: &str) -> String {
    let program = examples().join(format!("course_{name}"));
    let run = Run::new(Command::new(program)).finish();
    run.expect_success().stdout
}

/// The parts of an output, by their numbers.
fn sections(output: &str) -> BTreeMap<String, String> {
    let mut sections = BTreeMap::new();
    for section in output
        .split_inclusive('\n')
        .fold(Vec::new(), |mut all, line| {
            match all.last_mut() {
                Some(last) if !line.starts_with("-- ") => String::push_str(last, line),
                _ => all.push(line.to_owned()),
            }
            all
        })
    {
        let number = section
            .strip_prefix("-- ")
            .and_then(|rest| rest.split(' ').next());
        let number = number.unwrap_or_else(|| panic!("outside of all sections: {section}"));
        let previous = sections.insert(number.to_owned(), section.clone());
        assert!(previous.is_none(), "{number} was printed twice");
    }
    sections
}

/// A fenced section in a chapter: its number and the whole of it.
fn fenced() -> Regex {
    Regex::new(r"(?ms)^```text\n(-- (\S+) .*?)^```$").expect("a pattern")
}

/// The chapter, its sections replaced by those that were printed.
fn updated(text: &str, printed: &BTreeMap<String, String>) -> String {
    let replaced = fenced().replace_all(text, |found: &regex::Captures| {
        let section = printed
            .get(&found[2])
            .unwrap_or_else(|| panic!("{} is not printed", &found[2]));
        format!("```text\n{section}```")
    });
    replaced.into_owned()
}

/// Each program, in both languages, prints the sections of its chapter, all of them and no others.
#[test]
fn chapters_show_what_the_programs_print() {
    let pictures = tempfile::tempdir().expect("a temporary folder can be made");
    for (chapter, name) in CHAPTERS {
        let output = run_c(name, pictures.path());
        assert_eq!(
            output,
            run_rust(name),
            "{name}: C on the left, Rust on the right"
        );
        let printed = sections(&output);
        let path = course().join(chapter);
        let mut text = read(&path);
        if must_bless() {
            text = updated(&text, &printed);
            fs::write(&path, &text).expect("the chapter can be written");
        }
        let mut shown = BTreeMap::new();
        for found in fenced().captures_iter(&text) {
            let previous = shown.insert(found[2].to_owned(), found[1].to_owned());
            assert!(previous.is_none(), "{chapter} shows {} twice", &found[2]);
        }
        assert_eq!(shown, printed, "{chapter} on the left, {name} on the right");
    }
}

/// The files of a folder, by name.
fn files(folder: &Path) -> BTreeMap<String, String> {
    let entries = fs::read_dir(folder).unwrap_or_else(|e| panic!("{}: {e}", folder.display()));
    let paths = entries.map(|entry| entry.expect("an entry").path());
    paths
        .map(|path| {
            let name = path.file_name().expect("a name").to_string_lossy();
            (name.into_owned(), read(&path))
        })
        .collect()
}

/// The pictures that are shown are those that are drawn, byte for byte; each is an image.
#[test]
fn pictures_are_what_the_programs_draw() {
    let folder = tempfile::tempdir().expect("a temporary folder can be made");
    for (_, name) in CHAPTERS {
        run_c(name, folder.path());
    }
    let (drawn, kept) = (files(folder.path()), course().join("pictures"));
    assert!(
        drawn.len() >= CHAPTERS.len(),
        "only {} were drawn",
        drawn.len()
    );
    if must_bless() {
        for name in files(&kept)
            .keys()
            .filter(|name| !drawn.contains_key(*name))
        {
            fs::remove_file(kept.join(name)).expect("an old picture can be removed");
        }
        for (name, picture) in &drawn {
            fs::write(kept.join(name), picture).expect("a picture can be written");
        }
    }
    let text: String = CHAPTERS
        .iter()
        .map(|(chapter, _)| read(&course().join(chapter)))
        .collect();
    let recorded = files(&kept);
    assert!(
        drawn.keys().eq(recorded.keys()),
        "{:?} in {}",
        recorded.keys(),
        kept.display()
    );
    for (name, picture) in &drawn {
        assert_eq!(
            picture, &recorded[name],
            "{name}: now on the left; GLEBE_BLESS=1 keeps it"
        );
        roxmltree::Document::parse(picture).expect("well-formed XML");
        assert!(
            text.contains(&format!("](pictures/{name})")),
            "{name} is in no chapter"
        );
    }
}

/// Every chapter, program and picture that the texts link to is there, and every program is in a
/// chapter.
#[test]
fn links_lead_somewhere() {
    let link = Regex::new(r"\]\(([^)#]+)").expect("a pattern");
    let mut seen = 0;
    for name in CHAPTERS
        .iter()
        .map(|(chapter, _)| *chapter)
        .chain(["README.md"])
    {
        let text = read(&course().join(name));
        for found in link
            .captures_iter(&text)
            .filter(|found| !found[1].starts_with("http"))
        {
            assert!(
                course().join(&found[1]).exists(),
                "{name}: no {}",
                &found[1]
            );
            seen += 1;
        }
    }
    assert!(seen > 3 * CHAPTERS.len(), "only {seen} links were found");
    let readme = read(&course().join("README.md"));
    for (chapter, name) in CHAPTERS {
        let text = read(&course().join(chapter));
        assert!(
            readme.contains(&format!("]({chapter})")),
            "{chapter} is not in the index"
        );
        for program in [format!("/{name}.c)"), format!("/course_{name}.rs)")] {
            assert!(
                text.contains(&program),
                "{chapter} does not link to {program}"
            );
        }
    }
    let sources = files(&course().join("c"));
    let programs = sources.keys().filter(|name| name.ends_with(".c")).count();
    assert_eq!(programs, CHAPTERS.len());
}

/// `make` in the course's folder builds and runs all that is in C.
#[test]
fn the_makefile_works() {
    let out = tempfile::tempdir().expect("a temporary folder can be made");
    let mut make = Command::new("make");
    make.arg("-C")
        .arg(course())
        .arg("c")
        .env_remove("LD_PRELOAD");
    make.arg(format!(
        "LIBRARY={}",
        program::dist().join("libglebe_mem.a").display()
    ));
    make.arg(format!("OUT={}", out.path().display()));
    let run = Run::new(make).finish().expect_success();
    for (chapter, _) in CHAPTERS {
        let first = format!("-- {}.1 ", &chapter[..1]);
        assert!(run.stdout.contains(&first), "no {first} in {}", run.stdout);
    }
}
