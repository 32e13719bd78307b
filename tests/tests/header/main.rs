//! `glebe.h` and what is installed with it: the header against the library, in every standard it
//! promises; programs linked with the installed library in every way there is; what pkg-config,
//! CMake and `man` make of the files beside it.
//!
//! | module | what it holds to its word |
//! |--|--|
//! | this one | names, version, and programs linked in every way |
//! | `compilers` | standards, warnings, and what the optimiser may know |
//! | `packages` | pkg-config, CMake, manual pages |
//!
//! Every test installs the library for itself, by `packaging/install.sh`, under a folder that is
//! removed afterwards. So what is tested is what users get, and not the build's folder.
mod compilers;
mod packages;

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use glebe_tests::run::{Finished, Run};
use glebe_tests::{dist, root};
use object::{Object, ObjectSymbol};
use regex::Regex;
use tempfile::TempDir;

const SIGABRT: i32 = 6;
const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Everything a strict user turns on.
const STRICT: &[&str] = &["-pedantic", "-Wall", "-Wextra", "-Werror"];
/// As the other programs are compiled: no call of the allocator may be optimised away.
const PLAIN: &[&str] = &["-D_GNU_SOURCE", "-O1", "-g", "-fno-builtin"];

/// The library, installed under a prefix of its own.
struct Installed {
    folder: TempDir,
}

impl Installed {
    fn new() -> Installed {
        let installed = Installed { folder: scratch() };
        let script = root().join("crates/glebe-malloc/packaging/install.sh");
        let mut command = Command::new("bash");
        command.arg(script).arg("--build").arg(dist());
        command.arg("--prefix").arg(installed.prefix());
        succeeds(command);
        installed
    }

    fn prefix(&self) -> PathBuf {
        self.folder.path().join("prefix")
    }

    fn at(&self, path: &str) -> PathBuf {
        self.prefix().join(path)
    }

    fn header(&self) -> PathBuf {
        self.at("include/glebe.h")
    }

    /// What `pkg-config` says, as arguments.
    fn pkg_config(&self, arguments: &[&str]) -> Vec<String> {
        let mut command = Command::new("pkg-config");
        command
            .args(arguments)
            .arg("glebe")
            .env("PKG_CONFIG_PATH", self.at("lib/pkgconfig"));
        let said = succeeds(command).stdout;
        said.split_whitespace().map(str::to_string).collect()
    }

    /// Compiles and links a program of `tests/programs`; its executable.
    fn link(&self, source: &str, how: &Linking) -> PathBuf {
        let executable = self.folder.path().join(how.name);
        let mut command = compiler(source);
        command.args(STRICT).args(PLAIN).arg("-o").arg(&executable);
        command.arg(root().join("tests/programs").join(source));
        command.args((how.flags)(self));
        succeeds(command);
        executable
    }
}

/// A way to link a program with the library.
struct Linking {
    name: &'static str,
    flags: fn(&Installed) -> Vec<String>,
}

const WAYS: &[Linking] = &[
    Linking {
        name: "shared",
        flags: |installed| {
            let mut flags = installed.pkg_config(&["--cflags", "--libs"]);
            flags.push(format!("-Wl,-rpath,{}", installed.at("lib").display()));
            flags
        },
    },
    Linking {
        name: "archive",
        flags: |installed| {
            let include = format!("-I{}", installed.at("include").display());
            let archive = installed.at("lib/libglebe.a").display().to_string();
            vec![include, archive, "-lpthread".to_string()]
        },
    },
    Linking {
        name: "static",
        flags: |installed| wholly_static(installed, "-static"),
    },
    Linking {
        name: "static-pie",
        flags: |installed| wholly_static(installed, "-static-pie"),
    },
];

/// With what operator new throws, which only a weak reference asks for.
fn wholly_static(installed: &Installed, kind: &str) -> Vec<String> {
    let mut flags = vec![kind.to_string()];
    flags.extend(installed.pkg_config(&["--static", "--cflags", "--libs"]));
    flags
}

const BRING_EXCEPTIONS: &str = "-Wl,-u,_ZSt17__throw_bad_allocv";

/// gcc or g++, with the oldest standard that the program is written for.
fn compiler(source: &str) -> Command {
    if source.ends_with(".c") {
        let mut command = Command::new("gcc");
        command.arg("-std=c99");
        command
    } else {
        let mut command = Command::new("g++");
        command.args(["-std=c++11", BRING_EXCEPTIONS]);
        command
    }
}

/// A folder on the disk that the build is on: temporary ones may be mounted `noexec`.
fn scratch() -> TempDir {
    let parent = root().join("target/programs");
    fs::create_dir_all(&parent).expect("target/programs can be made");
    TempDir::with_prefix_in("header-", parent).expect("a folder can be made")
}

fn finished(command: Command) -> Finished {
    Run::new(command).finish()
}

#[track_caller]
fn succeeds(command: Command) -> Finished {
    finished(command).expect_success()
}

fn run(executable: &Path, mode: &str) -> Finished {
    Run::new(Command::new(executable)).arg(mode).finish()
}

fn pattern(text: &str) -> Regex {
    Regex::new(text).expect("the pattern is well-formed")
}

/// The functions that the header declares, as the compiler sees them; panics if one is there twice.
fn declared() -> BTreeSet<String> {
    let header = root().join("crates/glebe-malloc/include/glebe.h");
    let mut command = Command::new("gcc");
    command
        .args(["-E", "-P", "-DGLEBE_NO_PAIRING"])
        .arg(&header);
    let text = succeeds(command).stdout;
    let mut names = BTreeSet::new();
    for found in pattern(r"\b(glebe_\w+)\s*\(").captures_iter(&text) {
        assert!(
            names.insert(found[1].to_string()),
            "{} is declared twice",
            &found[1]
        );
    }
    names
}

#[test]
fn the_header_declares_what_the_library_exports() {
    let path = dist().join("libglebe.so");
    let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    let library = object::File::parse(&*bytes).expect("the library is an ELF file");
    let exported: BTreeSet<String> = library
        .dynamic_symbols()
        .filter(|symbol| symbol.is_definition())
        .filter_map(|symbol| symbol.name().ok())
        .filter(|name| name.starts_with("glebe_"))
        .map(str::to_string)
        .collect();
    assert_eq!(declared(), exported, "declared, and exported");
}

/// So the programs below link all of them, in every way.
#[test]
fn the_program_calls_every_function() {
    let program = root().join("tests/programs/header.c");
    let text = fs::read_to_string(program).expect("the program can be read");
    let uncalled: Vec<String> = declared()
        .into_iter()
        .filter(|name| !text.contains(&format!("{name}(")))
        .collect();
    assert!(
        uncalled.is_empty(),
        "header.c does not call {}",
        uncalled.join(", ")
    );
}

#[test]
fn the_version_is_cargos() {
    let mut command = Command::new("gcc");
    command.args(["-E", "-dM"]);
    command.arg(root().join("crates/glebe-malloc/include/glebe.h"));
    let macros = succeeds(command).stdout;
    let defined: Vec<&str> = macros
        .lines()
        .filter_map(|line| line.strip_prefix("#define GLEBE_"))
        .collect();
    let numbers: Vec<&str> = VERSION.split('.').collect();
    let wanted = [
        "H ".to_string(),
        format!("VERSION \"{VERSION}\""),
        format!("VERSION_MAJOR {}", numbers[0]),
        format!("VERSION_MINOR {}", numbers[1]),
        format!("VERSION_PATCH {}", numbers[2]),
    ];
    let mut sorted = defined.clone();
    sorted.sort();
    assert_eq!(sorted, wanted, "the macros that the header leaves behind");
}

/// Modes of a program that must end in `abort`, and the words before that.
fn fault_of(mode: &str) -> Option<&'static str> {
    match mode {
        "double_free_of_a_plain_block" | "double_delete" => Some("glebe: double free: 0x"),
        "wrong_size_in_a_sized_free" => Some("glebe: wrong size in sized free: 0x"),
        _ => None,
    }
}

/// Every mode of a program, linked in one way; what was run.
fn all_modes_pass(source: &str, how: &Linking) -> Vec<String> {
    let installed = Installed::new();
    let executable = installed.link(source, how);
    let listed = run(&executable, "list").expect_success().stdout;
    for mode in listed.lines() {
        let ended = run(&executable, mode);
        match fault_of(mode) {
            None => {
                let ended = ended.expect_success();
                looks_right(mode, &ended);
            }
            Some(words) => {
                let one_line = ended.stderr.lines().count() == 1;
                assert!(ended.signal() == Some(SIGABRT) && one_line, "{ended}");
                assert!(ended.stderr.starts_with(words), "{ended}");
            }
        }
    }
    listed.lines().map(str::to_string).collect()
}

/// What modes print.
fn looks_right(mode: &str, ended: &Finished) {
    match mode {
        "figures_are_printed" => {
            let document = roxmltree::Document::parse(&ended.stdout);
            let document = document.unwrap_or_else(|error| panic!("{error}\n{ended}"));
            assert_eq!(document.root_element().tag_name().name(), "malloc");
            assert!(
                ended.stderr.starts_with("glebe: heap of process "),
                "{ended}"
            );
        }
        "header_and_library_are_of_one_version" => {
            assert_eq!(ended.stdout.trim(), VERSION, "{ended}");
        }
        _ => assert_eq!(ended.stderr, "", "{ended}"),
    }
}

#[test]
fn c_programs_link_in_every_way() {
    for how in WAYS {
        let modes = all_modes_pass("header.c", how);
        for needed in [
            "plain_names_are_the_librarys",
            "double_free_of_a_plain_block",
        ] {
            assert!(
                modes.iter().any(|mode| mode == needed),
                "{needed}: {modes:?}"
            );
        }
    }
}

#[test]
fn cpp_programs_link_in_every_way() {
    for how in WAYS {
        let modes = all_modes_pass("header_cpp.cc", how);
        for needed in ["operators_are_the_librarys", "double_delete"] {
            assert!(
                modes.iter().any(|mode| mode == needed),
                "{needed}: {modes:?}"
            );
        }
    }
}

/// `-static` left something dynamic, or the shared way took the archive: neither would be tested.
#[test]
fn each_way_links_what_it_says() {
    for how in WAYS {
        let installed = Installed::new();
        let bytes = fs::read(installed.link("header.c", how)).expect("it was linked");
        let file = object::File::parse(&*bytes).expect("the program is an ELF file");
        let imported = file.imports().expect("its imports can be read");
        let imports = |name: &str| {
            imported
                .iter()
                .any(|import| import.name() == name.as_bytes())
        };
        let expected = match how.name {
            "shared" => (true, true),
            "archive" => (false, true),
            _ => (false, false),
        };
        let found = (imports("glebe_malloc"), imports("strdup"));
        assert_eq!(found, expected, "{}", how.name);
    }
}

/// A program that calls none of the functions gets the library nevertheless.
#[test]
fn the_library_is_linked_by_programs_that_do_not_name_it() {
    let installed = Installed::new();
    let file = installed.folder.path().join("nothing.c");
    fs::write(&file, "int main(void) { return 0; }\n").expect("the file can be written");
    let executable = installed.folder.path().join("nothing");
    let mut command = Command::new("gcc");
    command
        .arg(&file)
        .arg("-Wl,--as-needed")
        .arg("-o")
        .arg(&executable);
    command.args((WAYS[0].flags)(&installed));
    succeeds(command);
    let ended = Run::new(Command::new(&executable))
        .env("GLEBE_STATS", "1")
        .finish()
        .expect_success();
    assert!(
        ended.stderr.starts_with("glebe: heap of process "),
        "{ended}"
    );
}
