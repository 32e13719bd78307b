//! How a program is compiled and linked with `libglebe_mem`.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;

use glebe_tests::program::{c_flags, must_compile};
use glebe_tests::run::Run;
use glebe_tests::{build, root};
use tempfile::TempDir;

/// How the library comes into the program.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Link {
    Static,
    Dynamic,
}

/// The folder with `libglebe_mem.a` and `libglebe_mem.so`, built once per test run. `GLEBE_DIST`
/// names a folder built elsewhere.
pub fn dist() -> &'static Path {
    static DIST: OnceLock<PathBuf> = OnceLock::new();
    DIST.get_or_init(|| {
        if let Some(dir) = std::env::var_os("GLEBE_DIST").map(PathBuf::from)
            && dir.join("libglebe_mem.a").exists()
        {
            return dir;
        }
        build(&["glebe-mem"])
    })
}

pub fn include() -> PathBuf {
    root().join("crates/glebe-mem/include")
}

/// A compiled program; its file goes when this does.
pub struct Program {
    folder: TempDir,
}

impl Program {
    /// Compiles a source, named relative to the root, and links it.
    #[track_caller]
    pub fn compile(compiler: &str, source: &str, flags: &[&str], link: Link) -> Program {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let mut command = Command::new(compiler);
        command
            .args(flags)
            .arg("-I")
            .arg(include())
            .arg("-o")
            .arg(folder.path().join("program"));
        command.arg(root().join(source)).env_remove("LD_PRELOAD");
        match link {
            Link::Static => command.arg(dist().join("libglebe_mem.a")),
            Link::Dynamic => {
                let path = dist().display();
                command.args([format!("-L{path}"), format!("-Wl,-rpath,{path}")]);
                // By the name the library has in its folder, not by its soname.
                command.arg("-lglebe_mem")
            }
        };
        must_compile(&mut command, source);
        Program { folder }
    }

    /// One of the tests' own programs.
    #[track_caller]
    pub fn of_tests(name: &str, link: Link) -> Program {
        Program::compile("gcc", &format!("tests/programs/{name}"), &c_flags(), link)
    }

    pub fn path(&self) -> PathBuf {
        self.folder.path().join("program")
    }

    /// A run of it.
    pub fn run(&self, arguments: &[&str]) -> Run {
        let mut command = Command::new(self.path());
        command.args(arguments);
        // The loader looks for the soname.
        let run = Run::new(command);
        run.env("LD_LIBRARY_PATH", &soname_folder().display().to_string())
    }

    /// Standard output of a run that must exit with 0.
    #[track_caller]
    pub fn output(&self, arguments: &[&str]) -> String {
        self.run(arguments).finish().expect_success().stdout
    }

    /// The names of its modes.
    pub fn modes(&self) -> Vec<String> {
        self.output(&["list"]).lines().map(str::to_string).collect()
    }
}

/// A folder in which the library has its soname, as an installed one has.
fn soname_folder() -> &'static Path {
    static FOLDER: OnceLock<TempDir> = OnceLock::new();
    let folder = FOLDER.get_or_init(|| {
        let folder = tempfile::tempdir().expect("a temporary folder can be made");
        let link = folder.path().join("libglebe_mem.so.1");
        std::os::unix::fs::symlink(dist().join("libglebe_mem.so"), link).expect("a fresh name");
        folder
    });
    folder.path()
}
