//! How a measured program is started: by a runner of its own, in the folder of its row.

use std::ffi::OsStr;
use std::io;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use nix::sys::signal::Signal;

use super::stage::Stage;
use crate::bench::child::{self, Failure, Running, TIME_LIMIT};
use crate::bench::worker::Sample;
use crate::program;

/// The runner ends its program after [`TIME_LIMIT`]; this much later it has said so.
const RUNNER_TIME_LIMIT: Duration = Duration::from_secs(TIME_LIMIT.as_secs() + 30);

/// Debian's folders, and not `PATH`: that may lead to a version manager's scripts, and to
/// Rust's own rustc, which has an allocator inside that no library can replace.
const FOLDERS: [&str; 2] = ["/usr/bin", "/usr/local/bin"];

/// Where Debian keeps the servers of PostgreSQL, each version in a folder.
const POSTGRES: &str = "/usr/lib/postgresql";

/// A program, and the Debian package that brings it.
#[derive(Debug, Clone, Copy)]
pub struct Program {
    /// Its file name.
    pub name: &'static str,
    /// What to install.
    pub package: &'static str,
}

impl Program {
    /// Where it is, or what to do.
    pub fn find(self) -> Result<PathBuf, String> {
        let search = std::env::join_paths(FOLDERS.map(PathBuf::from).into_iter().chain(postgres()));
        let search = search.map_err(|error| error.to_string())?;
        program::resolve(OsStr::new(self.name), Some(&search)).map_err(|error| {
            let package = self.package;
            format!("{error}; install it with `apt-get install {package}` or `./x setup bench`")
        })
    }

    /// Where it is, as an error for a row that was said to have it.
    pub fn path(self) -> io::Result<PathBuf> {
        self.find().map_err(io::Error::other)
    }
}

/// The newest version's folder.
fn postgres() -> Option<PathBuf> {
    let versions = std::fs::read_dir(POSTGRES).ok()?.flatten();
    let number = |name: &OsStr| name.to_str()?.parse::<u32>().ok();
    let newest = versions.max_by_key(|entry| number(&entry.file_name()));
    Some(newest?.path().join("bin"))
}

/// One start of a program.
#[derive(Debug)]
pub struct Launch<'a> {
    /// Where it works.
    pub stage: &'a Stage,
    /// What is preloaded.
    pub library: &'a Path,
    /// The program's name.
    pub program: Program,
    /// Its arguments.
    pub arguments: Vec<String>,
    /// Variables that it alone needs.
    pub environment: &'a [(&'a str, &'a str)],
    /// What its output must contain.
    pub expect: String,
    /// For a server, the signal that stops it.
    pub stop: Option<Signal>,
}

impl Launch<'_> {
    /// Runs the program to its end.
    pub fn run(&self) -> io::Result<Result<Sample, Failure>> {
        outcome(self.start(None)?)
    }

    /// Runs the program to its end; the dynamic linker's reports go to files named so.
    pub fn run_observed(&self, reports: &Path) -> io::Result<Result<Sample, Failure>> {
        outcome(self.start(Some(reports))?)
    }

    /// Starts the program.
    pub fn start(&self, reports: Option<&Path>) -> io::Result<Running> {
        let mut command = Command::new(std::env::current_exe()?);
        command.arg("bench-runner").arg("--library");
        command
            .arg(self.library)
            .args(["--limit", &TIME_LIMIT.as_secs().to_string()])
            .args(["--expect", &self.expect]);
        if let Some(signal) = self.stop {
            command.args(["--stop", signal.as_str()]);
        }
        if let Some((user, group)) = self.stage.owner {
            command.args(["--user", &user.to_string(), &group.to_string()]);
        }
        if let Some(path) = reports {
            command.arg("--bindings").arg(path);
        }
        command.arg("--").arg(self.program.path()?);
        command
            .args(&self.arguments)
            .envs(self.environment.iter().copied())
            .env_remove("LD_PRELOAD")
            .env("LC_ALL", "C")
            .env("HOME", self.stage.folder())
            .current_dir(self.stage.folder())
            .stdin(Stdio::piped())
            // An interrupt from the terminal ends this process; the runner then ends its own.
            .process_group(0);
        child::start(command)
    }
}

/// What the runner says in the end.
pub fn outcome(runner: Running) -> io::Result<Result<Sample, Failure>> {
    let said = runner.end(RUNNER_TIME_LIMIT)?;
    Ok(said.and_then(|said| said.parse::<Result<Sample, Failure>>()?))
}
