//! Runs one process of a test: its own process group, a time limit, output kept in files.
//!
//! Output goes to files and not to pipes so that a program that fills a pipe, or leaves a child
//! behind that holds one open, cannot hang the test. Whatever the program leaves running in its
//! process group is killed when it ends.
use std::ffi::OsStr;
use std::fmt;
use std::fs::File;
use std::io::{Read, Seek, SeekFrom};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};

use nix::libc;
use nix::sys::resource::{Resource, setrlimit};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use wait_timeout::ChildExt;

/// The descriptor on which a program without standard streams reports what failed.
pub const REPORT_FD: i32 = 9;

/// One process about to be run.
pub struct Run {
    command: Command,
    time_limit: Duration,
    address_space: Option<u64>,
    without_streams: bool,
}

/// A process that has ended.
pub struct Finished {
    /// The command line, for messages.
    pub what: String,
    /// How it ended; `None` when it had to be killed at its time limit.
    pub status: Option<ExitStatus>,
    /// What it wrote to its standard output.
    pub stdout: String,
    /// What it wrote to its standard error stream (or, without streams, to [`REPORT_FD`]).
    pub stderr: String,
    /// How long it ran.
    pub took: Duration,
}

impl Run {
    /// Runs `command` with a limit of 60 seconds. What the test itself was started with to be
    /// preloaded, or to find libraries, is not passed on, unless `command` says so.
    pub fn new(mut command: Command) -> Run {
        for name in ["LD_PRELOAD", "LD_LIBRARY_PATH"] {
            let set =
                |(variable, value): (&OsStr, Option<&OsStr>)| variable == name && value.is_some();
            if !command.get_envs().any(set) {
                command.env_remove(name);
            }
        }
        Run {
            command,
            time_limit: Duration::from_secs(60),
            address_space: None,
            without_streams: false,
        }
    }

    /// Adds an argument.
    pub fn arg(mut self, arg: &str) -> Run {
        self.command.arg(arg);
        self
    }

    /// Preloads `library`; an empty path preloads nothing.
    pub fn preload(mut self, library: &std::path::Path) -> Run {
        self.command.env("LD_PRELOAD", library);
        self
    }

    /// Sets an environment variable.
    pub fn env(mut self, name: &str, value: &str) -> Run {
        self.command.env(name, value);
        self
    }

    /// Leaves nothing in the environment but `LD_PRELOAD`.
    pub fn empty_environment(mut self) -> Run {
        let preload = self
            .command
            .get_envs()
            .find(|(name, _)| *name == "LD_PRELOAD");
        let preload = preload.and_then(|(_, value)| value.map(|value| value.to_os_string()));
        self.command.env_clear();
        if let Some(value) = preload {
            self.command.env("LD_PRELOAD", value);
        }
        self
    }

    /// Limits the address space (`RLIMIT_AS`) before the program starts.
    pub fn address_space(mut self, bytes: u64) -> Run {
        self.address_space = Some(bytes);
        self
    }

    /// Starts the program with descriptors 0, 1 and 2 closed. What it writes to [`REPORT_FD`]
    /// takes the place of its standard error stream.
    pub fn without_streams(mut self) -> Run {
        self.without_streams = true;
        self
    }

    /// Kills the program after this long instead of 60 seconds.
    pub fn time_limit(mut self, limit: Duration) -> Run {
        self.time_limit = limit;
        self
    }

    /// Runs the program to its end or its time limit.
    pub fn finish(mut self) -> Finished {
        let what = format!("{:?}", self.command);
        let mut out = tempfile::tempfile().expect("a temporary file can be made");
        let mut err = tempfile::tempfile().expect("a temporary file can be made");
        self.command
            .stdin(Stdio::null())
            .stdout(shared(&out))
            .stderr(shared(&err));
        self.command.process_group(0);
        self.prepare_child(shared(&err));

        let start = Instant::now();
        let mut child = self
            .command
            .spawn()
            .unwrap_or_else(|e| panic!("{what}: {e}"));
        let group = Pid::from_raw(child.id() as i32);
        let status = child
            .wait_timeout(self.time_limit)
            .expect("the child can be waited for");
        let took = start.elapsed();
        // Fails when nothing is left in the group, which is the usual case.
        let _ = killpg(group, Signal::SIGKILL);
        if status.is_none() {
            child.wait().expect("the killed child can be waited for");
        }
        Finished {
            what,
            status,
            stdout: text(&mut out),
            stderr: text(&mut err),
            took,
        }
    }

    /// What the child does between `fork` and `exec`.
    fn prepare_child(&mut self, report: OwnedFd) {
        let address_space = self.address_space;
        let without_streams = self.without_streams;
        let prepare = move || {
            limit(Resource::RLIMIT_CORE, 0)?;
            if without_streams {
                // SAFETY: REPORT_FD belongs to nobody in this child; the three streams are given
                // up for good, nothing of ours runs after `exec`.
                unsafe {
                    if libc::dup2(report.as_raw_fd(), REPORT_FD) < 0 {
                        return Err(std::io::Error::last_os_error());
                    }
                    for fd in 0..3 {
                        libc::close(fd);
                    }
                }
            }
            address_space.map_or(Ok(()), |bytes| limit(Resource::RLIMIT_AS, bytes))
        };
        // SAFETY: the closure makes only system calls, which are async-signal-safe; it neither
        // allocates nor locks.
        unsafe { self.command.pre_exec(prepare) };
    }
}

fn limit(resource: Resource, bytes: u64) -> std::io::Result<()> {
    Ok(setrlimit(resource, bytes, bytes)?)
}

fn shared(file: &File) -> OwnedFd {
    file.as_fd()
        .try_clone_to_owned()
        .expect("a descriptor can be duplicated")
}

fn text(file: &mut File) -> String {
    let mut bytes = Vec::new();
    file.seek(SeekFrom::Start(0))
        .expect("the output file can be read again");
    file.read_to_end(&mut bytes)
        .expect("the output file can be read");
    String::from_utf8_lossy(&bytes).into_owned()
}

impl Finished {
    /// The signal that ended it.
    pub fn signal(&self) -> Option<i32> {
        self.status.and_then(|status| status.signal())
    }

    /// Whether it exited with 0.
    pub fn succeeded(&self) -> bool {
        self.status.is_some_and(|status| status.success())
    }

    /// Panics with the whole story unless it exited with 0.
    #[track_caller]
    pub fn expect_success(self) -> Finished {
        assert!(self.succeeded(), "{self}");
        self
    }
}

impl fmt::Display for Finished {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let took = self.took.as_secs_f64();
        match self.status {
            Some(status) => writeln!(f, "{}\nended after {took:.2} s: {status}", self.what)?,
            None => writeln!(f, "{}\nkilled at its time limit of {took:.2} s", self.what)?,
        }
        write!(
            f,
            "--- stdout\n{}--- stderr\n{}",
            tail(&self.stdout),
            tail(&self.stderr)
        )
    }
}

/// The last 4,000 characters at most.
fn tail(text: &str) -> &str {
    match text.char_indices().rev().nth(4000) {
        Some((start, _)) => &text[start..],
        None => text,
    }
}
