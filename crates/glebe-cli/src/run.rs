//! `glebe run`: starts a program on the allocator by becoming it.
//!
//! Nothing stays behind as a parent: after the checks the process executes the program, so exit
//! status, signals, terminal and job control are the program's own. Failures of this command
//! itself leave as `env` and `nice` do: 125 for its own, 126 for a program that cannot be
//! executed, 127 for one that is not there. Only with `--trace` a child becomes the program
//! instead, see [`record`].

use std::convert::Infallible;
use std::ffi::{CString, OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use nix::errno::Errno;

use crate::library::{self, LibraryError};
use crate::program::{self, ProgramError};
use crate::record::{self, RecordError};
use crate::sigpipe;

/// Exit status for failures of this command itself.
pub const OWN_FAILURE: u8 = 125;
/// In place of a library: the C library's own allocator.
const NO_LIBRARY: &str = "none";
/// Tells the recorder which process it is to record, and where: `PROCESS:FILE`.
const RECORD_VARIABLE: &str = "GLEBE_RECORD";

/// Arguments of `glebe run`.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Exit status: that of PROGRAM; 125 when glebe itself fails (no library, or a program into which
nothing can be preloaded), 126 when PROGRAM cannot be executed, 127 when it is not found; with
--trace also 128 and the number of the signal that ended PROGRAM.
A recording has what PROGRAM's own process asks of the allocator, also after it has become another
program, and nothing of the processes that it starts. Of a compiler, record the part that does the
work: g++ -wrapper glebe,run,--trace,FILE,-- -S main.cc")]
pub struct Args {
    /// Print a summary of the heap on standard error when the program ends
    #[arg(long)]
    stats: bool,
    /// Record every call of the allocator in a file, for `glebe replay` and `glebe bench traces`
    #[arg(long, value_name = "FILE")]
    trace: Option<PathBuf>,
    /// The libglebe.so to load instead of the one found beside this command; with --trace also
    /// `none`, to record on the C library's own allocator
    #[arg(long, value_name = "PATH")]
    library: Option<PathBuf>,
    /// The program and its arguments
    #[arg(required = true, trailing_var_arg = true)]
    #[arg(value_name = "PROGRAM")]
    command: Vec<OsString>,
}

/// Why the program was not started.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// No library to load.
    #[error(transparent)]
    Library(#[from] LibraryError),
    /// The program cannot be run, or not on the allocator.
    #[error(transparent)]
    Program(#[from] ProgramError),
    /// There is no recording.
    #[error(transparent)]
    Record(#[from] RecordError),
    /// The kernel refused.
    #[error("cannot execute {0}: {1}")]
    Exec(String, Errno),
    /// An argument with a NUL cannot be passed.
    #[error("an argument or environment entry holds a NUL byte")]
    Nul(#[from] std::ffi::NulError),
}

impl RunError {
    /// The exit status that stands for this failure.
    pub fn status(&self) -> u8 {
        match self {
            RunError::Program(ProgramError::NotFound(..)) | RunError::Exec(_, Errno::ENOENT) => 127,
            RunError::Program(ProgramError::NotExecutable(..)) | RunError::Exec(..) => 126,
            _ => OWN_FAILURE,
        }
    }
}

/// Becomes the program; returns only when that failed, or when a recorded program has ended.
pub fn run(args: &Args) -> Result<ExitCode, RunError> {
    match &args.trace {
        Some(file) => record::run(file, |raw| match execute(args, Some(raw)) {
            Err(error) => error,
        }),
        None => execute(args, None).map(|never| match never {}),
    }
}

/// Becomes the program; with a file for raw records, to be recorded.
fn execute(args: &Args, raw: Option<&Path>) -> Result<Infallible, RunError> {
    let libraries = libraries(args)?;
    let name = &args.command[0];
    let path = program::resolve(name, std::env::var_os("PATH").as_deref())?;
    program::check(&path, library::headers(&libraries[0]).as_ref())?;
    let arguments = args.command.iter().map(|arg| CString::new(arg.as_bytes()));
    let arguments = arguments.collect::<Result<Vec<_>, _>>()?;
    let environment = environment(&libraries, args.stats, raw)?;
    sigpipe::restore();
    let target = CString::new(path.as_os_str().as_bytes())?;
    // execvpe, not execve: with a slash in the path it searches nothing, and it hands a script
    // without an interpreter line to the shell.
    let Err(errno) = nix::unistd::execvpe(&target, &arguments, &environment);
    Err(RunError::Exec(path.display().to_string(), errno))
}

/// What is to be preloaded, the last first.
fn libraries(args: &Args) -> Result<Vec<PathBuf>, LibraryError> {
    let bare = args.trace.is_some() && args.library.as_deref() == Some(Path::new(NO_LIBRARY));
    let library = (!bare).then(|| library::find(args.library.as_deref()));
    let recorder = args.trace.as_ref().map(|_| library::recorder());
    library.into_iter().chain(recorder).collect()
}

/// This process's environment with the libraries first in `LD_PRELOAD`.
fn environment(
    libraries: &[PathBuf],
    stats: bool,
    raw: Option<&Path>,
) -> Result<Vec<CString>, std::ffi::NulError> {
    let before = std::env::var_os("LD_PRELOAD").unwrap_or_default();
    let preload = libraries.iter().fold(before, |before, library| {
        library::preload_value(library, Some(&before))
    });
    let mut added = vec![("LD_PRELOAD", preload)];
    // The program will have our number; what it starts has others and stays silent.
    let process = std::process::id().to_string();
    if stats {
        added.push(("GLEBE_STATS", process.clone().into()));
    }
    if let Some(raw) = raw {
        let mut value = OsString::from(process + ":");
        value.push(raw);
        added.push((RECORD_VARIABLE, value));
    }
    let kept = std::env::vars_os().filter(|(key, _)| !added.iter().any(|(name, _)| key == name));
    let kept: Vec<_> = kept.collect();
    let added = added
        .into_iter()
        .map(|(name, value)| (OsString::from(name), value));
    kept.into_iter()
        .chain(added)
        .map(|(key, value)| entry(&key, &value))
        .collect()
}

fn entry(key: &OsStr, value: &OsStr) -> Result<CString, std::ffi::NulError> {
    let mut entry = key.to_owned();
    entry.push("=");
    entry.push(value);
    CString::new(entry.into_vec())
}
