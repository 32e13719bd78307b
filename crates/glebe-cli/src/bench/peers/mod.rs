//! `glebe bench peers`: builds the other allocators as preloadable libraries, and executables that
//! each have one compiled in.
//!
//! Each library is built from the project's own sources by the project's own recipe, so that
//! programs call the peer's exported `malloc` directly and not through a wrapper. Beside each one
//! a note records the recipe and the compiler; a library whose note still fits is not built again.
//! Of executables cargo knows what changed, also in Glebe's own sources: it is always asked, and
//! keeps what it needs for that beside them.

mod recipes;
mod sources;

use std::collections::BTreeMap;
use std::env;
use std::ffi::{OsStr, OsString};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::Duration;

use anyhow::{Context, Result, bail, ensure};
use indicatif::ProgressBar;
use object::{Object, ObjectSymbol};
use serde::{Deserialize, Serialize};

use recipes::{Compile, RECIPES, Recipe, Steps};
use sources::Package;

use super::child;

/// Names the folder of the built libraries when it is not `target/peers` of the checkout.
const FOLDER_VARIABLE: &str = "GLEBE_PEERS";

/// What to do about one that is not there.
pub const REMEDY: &str = "build it with `glebe bench peers`";

/// What a library must define to replace the allocator of C and C++ programs.
const REQUIRED_SYMBOLS: [&str; 11] = [
    "malloc",
    "free",
    "calloc",
    "realloc",
    "memalign",
    "posix_memalign",
    "aligned_alloc",
    "malloc_usable_size",
    "_Znwm",
    "_ZdlPv",
    "_ZdlPvm",
];

/// Arguments of `glebe bench peers`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Build only peers whose name begins with one of these
    #[arg(value_name = "NAME")]
    names: Vec<String>,
    /// Build again even when nothing changed; executables only where cargo sees a change
    #[arg(long)]
    force: bool,
}

/// Recorded beside each library.
#[derive(Serialize, Deserialize, PartialEq, Eq)]
struct Note {
    package: String,
    version: String,
    compiler: String,
    command: Vec<String>,
}

/// Where the built libraries are.
fn folder() -> Option<PathBuf> {
    let named = env::var_os(FOLDER_VARIABLE)
        .filter(|value| !value.is_empty())
        .map(PathBuf::from);
    named.or_else(|| Some(sources::checkout()?.join("target/peers")))
}

/// The built library or executable of this name, if it is there.
pub fn product(name: &str) -> Option<PathBuf> {
    let recipe = RECIPES.iter().find(|recipe| recipe.name == name)?;
    folder()?.join(recipe.file()).canonicalize().ok()
}

/// Executables: their names, and the allocators that are compiled in.
pub fn executables() -> impl Iterator<Item = (&'static str, &'static str)> {
    RECIPES.iter().filter_map(|recipe| match recipe.steps {
        Steps::Executable(allocator) => Some((recipe.name, allocator)),
        _ => None,
    })
}

/// The version of the crate that a peer was built from.
pub fn crate_version(name: &str) -> Option<String> {
    let version = read_note(&note_path(&folder()?, name))?.version;
    // What stands behind the plus repeats the upstream version and a hash.
    Some(version.split('+').next().unwrap_or_default().to_owned())
}

fn note_path(folder: &Path, name: &str) -> PathBuf {
    folder.join(format!("{name}.json"))
}

fn read_note(path: &Path) -> Option<Note> {
    serde_json::from_str(&fs::read_to_string(path).ok()?).ok()
}

/// Builds what is missing or out of date. One peer that fails does not stop the others.
pub fn run(args: &Args) -> Result<ExitCode> {
    let folder = folder().context(
        "no folder for the libraries: run inside a checkout of the repository, \
         or name one with GLEBE_PEERS",
    )?;
    fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
    let folder = folder.canonicalize()?;
    let wanted = |recipe: &&Recipe| {
        args.names.is_empty()
            || args
                .names
                .iter()
                .any(|name| recipe.name.starts_with(name.as_str()))
    };
    let chosen: Vec<_> = RECIPES.iter().filter(wanted).collect();
    ensure!(
        !chosen.is_empty(),
        "no peer is named so; there are {}",
        names().join(", ")
    );
    let packages = sources::fetch()?;
    let mut failed = 0;
    for recipe in chosen {
        let spinner = ProgressBar::new_spinner().with_message(format!("building {}", recipe.name));
        spinner.enable_steady_tick(Duration::from_millis(100));
        let outcome = build(recipe, &packages, &folder, args.force);
        spinner.finish_and_clear();
        match outcome {
            Ok(done) => eprintln!("{:20} {done}", recipe.name),
            Err(error) => {
                failed += 1;
                eprintln!("{:20} failed: {error:#}", recipe.name);
            }
        }
    }
    Ok(if failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

fn names() -> Vec<&'static str> {
    RECIPES.iter().map(|recipe| recipe.name).collect()
}

fn build(
    recipe: &Recipe,
    packages: &BTreeMap<String, Package>,
    folder: &Path,
    force: bool,
) -> Result<String> {
    let package = packages.get(recipe.package);
    let package = package.with_context(|| format!("cargo knows no {}", recipe.package))?;
    let commands = match &recipe.steps {
        Steps::Compile(compile) => vec![compile_command(compile, package)],
        Steps::Jemalloc => jemalloc_commands(package),
        Steps::Executable(feature) => vec![sources::executable_command(feature, CARGO_TARGET)?],
        Steps::Archive {
            feature, compile, ..
        } => vec![
            sources::executable_command(feature, CARGO_TARGET)?,
            compile_command(compile, package),
        ],
    };
    let is_executable = matches!(recipe.steps, Steps::Executable(_));
    let note = Note {
        package: recipe.package.into(),
        version: package.version.clone(),
        compiler: compiler_version(&commands[commands.len() - 1])?,
        command: commands
            .concat()
            .iter()
            .map(|part| part.to_string_lossy().into())
            .collect(),
    };
    let (product, note_path) = (folder.join(recipe.file()), note_path(folder, recipe.name));
    let is_noted = !force && product.is_file() && read_note(&note_path).as_ref() == Some(&note);
    let up_to_date = format!("up to date ({} {})", note.package, note.version);
    if is_noted && !is_executable {
        return Ok(up_to_date);
    }
    let workshop = tempfile::Builder::new()
        .prefix(".build-")
        .tempdir_in(folder)?;
    let cargo_target = workshop.path().join(CARGO_TARGET);
    for command in &commands {
        run_step(command, workshop.path())?;
        if let Steps::Archive { archive, .. } = &recipe.steps
            && !workshop.path().join(archive).exists()
        {
            let left = sources::archive_below(&cargo_target, recipe.package, archive)?;
            fs::copy(left, workshop.path().join(archive))?;
        }
    }
    let built = workshop.path().join(OUTPUT);
    match &recipe.steps {
        Steps::Compile(_) | Steps::Archive { .. } => {}
        Steps::Jemalloc => fs::rename(workshop.path().join("lib/libjemalloc.so.2"), &built)?,
        // Cargo keeps its own.
        Steps::Executable(_) => {
            fs::copy(sources::executable_below(&cargo_target), &built)?;
        }
    }
    if is_noted && fs::read(&built)? == fs::read(&product)? {
        return Ok(up_to_date);
    }
    if is_executable {
        child::identify_executable(&built)?.context("it does not start")?;
    } else {
        check_exports(&built)?;
        child::identify(Some(&built))?.context("a program does not start on it")?;
    }
    fs::rename(&built, &product).with_context(|| format!("cannot write {}", product.display()))?;
    fs::write(&note_path, serde_json::to_string_pretty(&note)?)?;
    Ok(format!("built from {} {}", note.package, note.version))
}

/// The file that a single compiler call writes in its folder.
const OUTPUT: &str = "output";

/// Where cargo builds executables, as seen from that folder.
const CARGO_TARGET: &str = "../cargo";

type Argv = Vec<OsString>;

fn tool(variable: &str, default: &str) -> OsString {
    env::var_os(variable)
        .filter(|value| !value.is_empty())
        .unwrap_or_else(|| default.into())
}

fn compile_command(compile: &Compile, package: &Package) -> Argv {
    let mut argv = vec![if compile.cpp {
        tool("CXX", "c++")
    } else {
        tool("CC", "cc")
    }];
    argv.extend(compile.flags.iter().copied().flatten().map(OsString::from));
    for include in compile.includes {
        argv.extend(["-I".into(), package.folder.join(include).into()]);
    }
    argv.extend(
        compile
            .sources
            .iter()
            .map(|source| package.folder.join(source).into()),
    );
    argv.extend(["-o".into(), OUTPUT.into()]);
    argv.extend(compile.libraries.iter().map(OsString::from));
    argv
}

/// jemalloc's own way, out of tree, with its default options but without manuals and archives.
fn jemalloc_commands(package: &Package) -> Vec<Argv> {
    // The crate's version carries jemalloc's own behind the plus.
    let version = package
        .version
        .split_once('+')
        .map_or(package.version.as_str(), |(_, own)| own);
    let mut source = OsString::from("--srcdir=");
    source.push(package.folder.join("jemalloc"));
    let configure = vec![
        "sh".into(),
        package.folder.join("configure/configure").into(),
        source,
        format!("--with-version={version}").into(),
        "--enable-doc=no".into(),
        "--disable-static".into(),
    ];
    let make = vec!["make".into(), "build_lib_shared".into()];
    vec![configure, make]
}

/// The first line of the compiler's `--version`: another compiler means another library.
fn compiler_version(command: &Argv) -> Result<String> {
    let compiler = if command[0] == "make" {
        tool("CC", "cc")
    } else {
        command[0].clone()
    };
    let output = Command::new(&compiler)
        .arg("--version")
        .output()
        .with_context(|| missing_tool(&compiler))?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    Ok(text.lines().next().unwrap_or_default().to_owned())
}

fn missing_tool(program: &OsStr) -> String {
    let program = program.to_string_lossy();
    format!("cannot run {program}; install a compiler with `apt-get install gcc g++ make`")
}

fn run_step(argv: &Argv, folder: &Path) -> Result<()> {
    let jobs = std::thread::available_parallelism().map_or(1, usize::from);
    let output = Command::new(&argv[0])
        .args(&argv[1..])
        .current_dir(folder)
        .env("MAKEFLAGS", format!("-j{jobs}"))
        .stdin(Stdio::null())
        .output()
        .with_context(|| missing_tool(&argv[0]))?;
    if output.status.success() {
        return Ok(());
    }
    let text = String::from_utf8_lossy(&output.stderr).into_owned();
    let tail: Vec<_> = text.lines().rev().take(20).collect();
    let tail: Vec<_> = tail.into_iter().rev().collect();
    bail!(
        "{}: {}\n{}",
        argv[0].to_string_lossy(),
        output.status,
        tail.join("\n")
    )
}

/// A library that lacks one of the functions would leave part of the program on glibc.
fn check_exports(library: &Path) -> Result<()> {
    let bytes = fs::read(library).with_context(|| format!("nothing at {}", library.display()))?;
    let file = object::File::parse(&*bytes)?;
    let defined: Vec<_> = file
        .dynamic_symbols()
        .filter(|symbol| symbol.is_definition() && symbol.is_global())
        .filter_map(|symbol| symbol.name().ok())
        .collect();
    let missing: Vec<_> = REQUIRED_SYMBOLS
        .iter()
        .filter(|name| !defined.contains(name))
        .collect();
    ensure!(
        missing.is_empty(),
        "the library does not define {missing:?}"
    );
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_library_without_malloc_is_refused() {
        let error = check_exports(&env::current_exe().unwrap()).unwrap_err();
        assert!(error.to_string().contains("does not define"), "{error}");
    }

    #[test]
    fn compile_commands_name_sources_in_the_package() {
        let package = Package {
            version: "1.2.3".into(),
            folder: "/src/package".into(),
        };
        for recipe in &RECIPES {
            let Steps::Compile(compile) = &recipe.steps else {
                continue;
            };
            let argv = compile_command(compile, &package);
            let sources = argv.iter().filter(|part| {
                let text = part.to_string_lossy();
                text.starts_with("/src/package/") && (text.ends_with(".c") || text.ends_with(".cc"))
            });
            assert_eq!(sources.count(), compile.sources.len(), "{}", recipe.name);
            assert!(argv.contains(&OsString::from("-O3")), "{}", recipe.name);
        }
    }

    #[test]
    fn jemalloc_is_told_its_own_version() {
        let package = Package {
            version: "0.7.1+5.3.1-0-gabc".into(),
            folder: "/j".into(),
        };
        let commands = jemalloc_commands(&package);
        assert!(commands[0].contains(&OsString::from("--with-version=5.3.1-0-gabc")));
        assert_eq!(commands[1][0], "make");
    }
}
