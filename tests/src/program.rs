//! The C and C++ programs of `tests/programs`: compiled once, run mode by mode.
//!
//! A program takes the name of a mode as its first argument, prints what failed to its standard
//! error stream and exits with 1, or exits with 0. `list` prints the names of its modes, so that
//! a test can make sure that none is forgotten.
use std::collections::HashMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, LazyLock, Mutex, OnceLock};
use std::time::SystemTime;

use crate::run::{Finished, Run};
use crate::{library, root};

/// Flags for every program: optimised a little, but no call of the allocator optimised away.
const FLAGS: &[&str] = &[
    "-O1",
    "-g",
    "-fno-builtin",
    "-pthread",
    "-Wall",
    "-Wextra",
    "-Werror",
];

/// Flags for programs in C.
pub fn c_flags() -> Vec<&'static str> {
    [&["-std=gnu17"], FLAGS].concat()
}

/// Executables compiled by this process, by source file.
static COMPILED: LazyLock<Mutex<HashMap<String, Arc<OnceLock<PathBuf>>>>> =
    LazyLock::new(Mutex::default);

/// A test program.
#[derive(Clone, Copy)]
pub struct Program {
    file: &'static str,
    flags: &'static [&'static str],
}

impl Program {
    /// The program whose source is `tests/programs/<file>`; `.c` is C, `.cc` is C++.
    pub const fn new(file: &'static str) -> Program {
        Program { file, flags: &[] }
    }

    /// A shared library in place of a program. Without unique symbols, which C++ would otherwise
    /// use and which would keep it from ever being unloaded.
    pub const fn shared_library(file: &'static str) -> Program {
        Program {
            file,
            flags: &["-shared", "-fPIC", "-fno-gnu-unique"],
        }
    }

    /// The compiled program.
    pub fn executable(&self) -> PathBuf {
        let slot = {
            let mut compiled = COMPILED.lock().expect("no compilation panicked");
            Arc::clone(compiled.entry(self.file.to_string()).or_default())
        };
        slot.get_or_init(|| self.compile()).clone()
    }

    /// A run of one mode under the library.
    pub fn run(&self, mode: &str) -> Run {
        self.plain_run(mode).preload(&library())
    }

    /// A run of one mode on the system's own allocator.
    pub fn plain_run(&self, mode: &str) -> Run {
        Run::new(Command::new(self.executable())).arg(mode)
    }

    /// Runs one mode under the library and panics unless it exits with 0.
    #[track_caller]
    pub fn passes(&self, mode: &str) -> Finished {
        self.run(mode).finish().expect_success()
    }

    /// The names of the program's modes, in its own order.
    pub fn modes(&self) -> Vec<String> {
        let listed = self.plain_run("list").finish().expect_success();
        listed.stdout.lines().map(str::to_string).collect()
    }

    /// Panics unless the program has exactly these modes.
    #[track_caller]
    pub fn has_exactly(&self, tested: &[&str]) {
        let (mut modes, mut tested) = (self.modes(), tested.to_vec());
        modes.sort();
        tested.sort();
        assert_eq!(
            modes, tested,
            "the modes of {} and the tests differ",
            self.file
        );
    }

    fn compile(&self) -> PathBuf {
        let folder = root().join("target/programs");
        fs::create_dir_all(&folder).expect("target/programs can be made");
        let name = self.file.replace('.', "_");
        let executable = folder.join(&name);
        if self.is_current(&executable) {
            return executable;
        }
        // Under a name of its own first: another test process may be compiling, or running, it.
        let fresh = folder.join(format!("{name}.{}", std::process::id()));
        must_compile(self.compiler().arg("-o").arg(&fresh), self.file);
        fs::rename(&fresh, &executable).expect("the compiled program can be renamed");
        executable
    }

    fn compiler(&self) -> Command {
        let is_c = self.file.ends_with(".c");
        let mut command = if is_c {
            let mut gcc = Command::new("gcc");
            gcc.args(c_flags());
            gcc
        } else {
            let mut gxx = Command::new("g++");
            gxx.arg("-std=gnu++20").args(FLAGS);
            gxx
        };
        command.args(self.flags);
        command
            .arg(sources().join(self.file))
            .arg("-ldl")
            .env_remove("LD_PRELOAD");
        command
    }

    /// Newer than its source, the shared headers and these tests (which hold the flags).
    fn is_current(&self, executable: &Path) -> bool {
        let tests = std::env::current_exe().expect("a test knows its own file");
        let mut inputs = vec![sources().join(self.file), tests];
        let entries = fs::read_dir(sources()).expect("tests/programs can be read");
        let paths = entries.map(|entry| entry.expect("tests/programs can be read").path());
        inputs.extend(paths.filter(|path| path.extension().is_some_and(|e| e == "h")));
        let built = modified(executable);
        built.is_some() && inputs.iter().all(|input| modified(input) < built)
    }
}

/// Runs a compiler; panics with what it said if it fails.
#[track_caller]
pub fn must_compile(compiler: &mut Command, source: &str) {
    let output = compiler.output().unwrap_or_else(|e| {
        let compiler = compiler.get_program().display();
        panic!("{e}: {compiler} is needed to compile {source}; install it")
    });
    let errors = String::from_utf8_lossy(&output.stderr);
    assert!(
        output.status.success(),
        "{source} does not compile:\n{errors}"
    );
}

fn sources() -> PathBuf {
    root().join("tests/programs")
}

fn modified(path: &Path) -> Option<SystemTime> {
    fs::metadata(path)
        .and_then(|metadata| metadata.modified())
        .ok()
}

/// One test for each mode of some programs, and one that no mode is without a test.
#[macro_export]
macro_rules! conformance {
    ($($program:ident from $file:literal { $($mode:ident),+ $(,)? })+) => {$(
        mod $program {
            const PROGRAM: $crate::program::Program = $crate::program::Program::new($file);
            $crate::mode_tests! { $($mode,)+; }
        }
    )+};
}

/// The tests of one module's `PROGRAM`: modes that only need to pass and, after a semicolon, modes
/// that the module has written tests for.
#[macro_export]
macro_rules! mode_tests {
    ($($mode:ident,)+; $($written:ident),* $(,)?) => {
        #[test]
        fn every_mode_has_a_test() {
            PROGRAM.has_exactly(&[$(stringify!($mode),)+ $(stringify!($written)),*]);
        }
        $(
            #[test]
            fn $mode() {
                PROGRAM.passes(stringify!($mode));
            }
        )+
    };
}
