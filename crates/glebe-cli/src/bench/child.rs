//! Starts worker processes of this same executable under a preloaded allocator and collects what
//! they say. A child that crashes, hangs or runs on the wrong allocator is a [`Failure`], not an
//! end of the benchmark.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use wait_timeout::ChildExt;

use super::worker::{self, Identity, Sample};

/// No pattern takes a tenth of this on a slow allocator.
pub const TIME_LIMIT: Duration = Duration::from_secs(120);
const PROBE_TIME_LIMIT: Duration = Duration::from_secs(20);
/// For a child that nobody waits for any more to end by itself.
const PARTING_TIME: Duration = Duration::from_secs(5);
/// As much of a child's standard error as a report shows.
const SHOWN_BYTES: usize = 400;

/// How a child failed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Failure {
    /// A few words for a table cell: the signal or status.
    pub what: String,
    /// The end of its standard error.
    pub message: String,
}

impl Failure {
    /// One that shows these.
    pub fn new(what: &str, message: String) -> Self {
        Self {
            what: what.into(),
            message,
        }
    }
}

impl std::error::Error for Failure {}

impl std::fmt::Display for Failure {
    fn fmt(&self, out: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        out.write_str(&self.what)?;
        if !self.message.is_empty() {
            write!(out, ": {}", self.message)?;
        }
        Ok(())
    }
}

/// Runs one pattern once.
pub fn sample(
    library: Option<&Path>,
    pattern: &str,
    ops: u64,
    seed: u64,
) -> io::Result<Result<Sample, Failure>> {
    measure(command(library)?, "--pattern", pattern, ops, seed)
}

/// Runs one pattern once on an arm over a range of its own.
pub fn sample_of_pool(
    arm: &str,
    pattern: &str,
    ops: u64,
    seed: u64,
) -> io::Result<Result<Sample, Failure>> {
    let mut command = command(None)?;
    command.args(["--pool", arm]);
    measure(command, "--pattern", pattern, ops, seed)
}

/// Runs one row once in an executable that has its allocator compiled in.
pub fn sample_executable(
    path: &Path,
    row: &str,
    ops: u64,
    seed: u64,
) -> io::Result<Result<Sample, Failure>> {
    measure(executable(path), "--row", row, ops, seed)
}

fn measure(
    mut command: Command,
    flag: &str,
    name: &str,
    ops: u64,
    seed: u64,
) -> io::Result<Result<Sample, Failure>> {
    let (ops, seed) = (ops.to_string(), seed.to_string());
    command.args([flag, name, "--ops", &ops, "--seed", &seed]);
    collect(command, TIME_LIMIT)
}

/// Plays a plan of a recording once.
pub fn play(library: Option<&Path>, plan: &Path) -> io::Result<Result<Sample, Failure>> {
    let mut command = command(library)?;
    command.arg("--plan").arg(plan);
    collect(command, TIME_LIMIT)
}

/// Asks which allocator a process gets with `library` preloaded.
pub fn identify(library: Option<&Path>) -> io::Result<Result<Identity, Failure>> {
    collect(command(library)?, PROBE_TIME_LIMIT)
}

/// Asks an executable that has its allocator compiled in which one that is.
pub fn identify_executable(path: &Path) -> io::Result<Result<Identity, Failure>> {
    collect(executable(path), PROBE_TIME_LIMIT)
}

fn executable(path: &Path) -> Command {
    let mut command = Command::new(path);
    command.env_remove("LD_PRELOAD");
    command
}

fn command(library: Option<&Path>) -> io::Result<Command> {
    let mut command = Command::new(std::env::current_exe()?);
    command
        .arg("bench-worker")
        .arg("--expect")
        .arg(library.unwrap_or(Path::new(worker::LIBC)));
    match library {
        Some(path) => command.env("LD_PRELOAD", path),
        None => command.env_remove("LD_PRELOAD"),
    };
    Ok(command)
}

/// Runs a worker for at most so long, and reads its result from its standard output as JSON.
pub fn collect<T: DeserializeOwned>(
    mut command: Command,
    limit: Duration,
) -> io::Result<Result<T, Failure>> {
    command.stdin(Stdio::null());
    Ok(start(command)?.end(limit)?.and_then(|said| said.parse()))
}

/// What a child has written.
pub struct Said {
    /// Its whole standard output.
    pub output: String,
    /// The end of its standard error.
    pub message: String,
}

impl Said {
    /// Its output as JSON.
    pub fn parse<T: DeserializeOwned>(self) -> Result<T, Failure> {
        serde_json::from_str(&self.output).map_err(|_| Failure::new("no result", self.message))
    }
}

/// A child that has been started. It does not outlive this.
pub struct Running {
    child: Child,
    /// The writing end of its standard input, if that is a pipe.
    input: Option<ChildStdin>,
    stdout: File,
    stderr: File,
}

/// Starts a child; its standard input is the caller's to choose.
pub fn start(mut command: Command) -> io::Result<Running> {
    // Files, not pipes: a child that writes a lot must not wait for a reader.
    let (stdout, stderr) = (tempfile::tempfile()?, tempfile::tempfile()?);
    command
        .stdout(stdout.try_clone()?)
        .stderr(stderr.try_clone()?);
    let mut child = command.spawn()?;
    let input = child.stdin.take();
    Ok(Running {
        child,
        input,
        stdout,
        stderr,
    })
}

impl Running {
    /// Its process.
    pub fn id(&self) -> Pid {
        Pid::from_raw(self.child.id().cast_signed())
    }

    /// Whether it still runs.
    pub fn is_alive(&mut self) -> io::Result<bool> {
        Ok(self.child.try_wait()?.is_none())
    }

    /// Ends its standard input.
    pub fn close_input(&mut self) {
        self.input = None;
    }

    /// Waits for its end, but ends it by force after so long.
    pub fn end(mut self, limit: Duration) -> io::Result<Result<Said, Failure>> {
        let status = self.child.wait_timeout(limit)?;
        if status.is_none() {
            self.kill()?;
        }
        let message = tail(&read_back(&mut self.stderr)?);
        let what = match status {
            None => format!("no end after {} s", limit.as_secs()),
            Some(status) if !status.success() => describe(status),
            Some(_) => {
                let output = read_back(&mut self.stdout)?;
                return Ok(Ok(Said { output, message }));
            }
        };
        Ok(Err(Failure { what, message }))
    }

    fn kill(&mut self) -> io::Result<()> {
        // Only a child that leads a group has one.
        let _ = killpg(self.id(), Signal::SIGKILL);
        self.child.kill()?;
        self.child.wait().map(drop)
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        self.close_input();
        if !matches!(self.child.wait_timeout(PARTING_TIME), Ok(Some(_))) {
            // It cannot be reported from here, and nothing more can be done.
            let _ = self.kill();
        }
    }
}

fn read_back(file: &mut File) -> io::Result<String> {
    let mut bytes = Vec::new();
    file.rewind()?;
    file.read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

fn describe(status: ExitStatus) -> String {
    match status.signal().map(Signal::try_from) {
        Some(Ok(signal)) => signal.as_str().to_owned(),
        Some(Err(_)) => format!("signal {}", status.signal().unwrap_or_default()),
        None => format!("exit {}", status.code().unwrap_or_default()),
    }
}

/// The last lines, as many as fit.
pub fn tail(text: &str) -> String {
    let text = text.trim();
    let start = text.len().saturating_sub(SHOWN_BYTES);
    let start = (start..=text.len())
        .find(|&at| text.is_char_boundary(at))
        .unwrap_or(start);
    text[start..].to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str, limit: Duration) -> Result<u32, Failure> {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        collect(command, limit).unwrap()
    }

    #[test]
    fn a_result_is_read_and_failures_are_named() {
        let limit = Duration::from_secs(20);
        assert_eq!(shell("echo 42", limit).unwrap(), 42);
        assert_eq!(shell("echo text", limit).unwrap_err().what, "no result");
        let failure = shell("echo sorry >&2; exit 3", limit).unwrap_err();
        assert_eq!(failure.to_string(), "exit 3: sorry");
        let failure = shell("kill -ABRT $$", limit).unwrap_err();
        assert_eq!(failure.what, "SIGABRT");
    }

    #[test]
    fn a_child_that_hangs_is_ended() {
        let failure = shell("exec sleep 60", Duration::from_millis(200)).unwrap_err();
        assert!(failure.what.starts_with("no end after"), "{failure}");
    }

    #[test]
    fn long_messages_keep_their_end() {
        let text = format!("{}é end", "x".repeat(SHOWN_BYTES));
        assert!(tail(&text).ends_with("é end") && tail(&text).len() <= SHOWN_BYTES);
    }
}
