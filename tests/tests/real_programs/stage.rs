//! The stage a job is played on: a scratch folder that has the same path in both runs, commands
//! with a deadline, and a transcript of everything that must be equal.
//!
//! A job first runs without the library: when it fails there, the machine is at fault, and the
//! message says so. Then it runs with the library in front, and the transcripts are compared.

use std::cell::RefCell;
use std::fs::{self, File};
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use glebe_tests::run::{Finished, Run};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use wait_timeout::ChildExt;

use crate::programs;

/// Longer than any job takes on a busy two-core machine; a program that hangs fails by it.
pub const DEADLINE: Duration = Duration::from_secs(240);

/// Scripts that can look at their own memory map are told here what they must find in it.
const EXPECTED_MAPPING: &str = "EXPECT_MAPPED";

/// One run of a job, with or without the library.
pub struct Stage {
    folder: PathBuf,
    preload: Option<PathBuf>,
    transcript: RefCell<Vec<(String, Vec<u8>)>>,
}

/// Plays `job` without and with the library and demands equal transcripts.
pub fn same_with_and_without(job: impl Fn(&Stage)) {
    let scratch = tempfile::Builder::new()
        .prefix("glebe-")
        .tempdir()
        .expect("a scratch folder");
    let library = public_copy(scratch.path());
    let play = |preload: Option<PathBuf>| {
        let folder = scratch.path().join("stage");
        fs::create_dir(&folder).expect("a fresh stage");
        let stage = Stage {
            folder,
            preload,
            transcript: RefCell::default(),
        };
        job(&stage);
        fs::remove_dir_all(&stage.folder).expect("the stage can be cleared");
        stage.transcript.into_inner()
    };
    let plain = play(None);
    let preloaded = play(Some(library));
    assert!(!plain.is_empty(), "the job recorded nothing to compare");
    compare(&plain, &preloaded);
}

/// Copies the library to where every user may read it: PostgreSQL refuses to run as root.
fn public_copy(scratch: &Path) -> PathBuf {
    let library = glebe_tests::library();
    let copy = scratch.join("libglebe.so");
    fs::copy(&library, &copy).unwrap_or_else(|error| panic!("{}: {error}", library.display()));
    for (path, mode) in [(scratch, 0o755), (&copy, 0o644)] {
        fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("modes can be set");
    }
    copy
}

fn compare(plain: &[(String, Vec<u8>)], preloaded: &[(String, Vec<u8>)]) {
    for ((what, without), (what_too, with)) in plain.iter().zip(preloaded) {
        assert_eq!(what, what_too, "the two runs took different steps");
        if without != with {
            panic!(
                "{what} differs with the library in front:\n{}",
                difference(without, with)
            );
        }
    }
    assert_eq!(
        plain.len(),
        preloaded.len(),
        "the two runs took different steps"
    );
}

/// The first differing line of each, or for binary data the offset.
fn difference(without: &[u8], with: &[u8]) -> String {
    if let (Ok(without), Ok(with)) = (str::from_utf8(without), str::from_utf8(with)) {
        let equal = without
            .lines()
            .zip(with.lines())
            .take_while(|(a, b)| a == b)
            .count();
        let line = |text: &str| text.lines().nth(equal).unwrap_or("(nothing)").to_owned();
        return format!(
            "line {}\n without: {}\n    with: {}",
            equal + 1,
            line(without),
            line(with)
        );
    }
    let equal = without.iter().zip(with).take_while(|(a, b)| a == b).count();
    format!(
        "{} bytes without, {} with, equal up to {equal}",
        without.len(),
        with.len()
    )
}

impl Stage {
    /// The scratch folder; its path is the same in both runs.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The library, in the run that has it.
    pub fn preload(&self) -> Option<&Path> {
        self.preload.as_deref()
    }

    /// `program` with the surroundings of this run: folder, locale, time zone, library.
    pub fn command(&self, program: &str) -> Command {
        self.command_at(&programs::find(program))
    }

    /// The same for a program that the job itself has built.
    pub fn command_at(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.current_dir(&self.folder);
        command
            .env("LC_ALL", "C")
            .env("TZ", "UTC")
            .env("PYTHONHASHSEED", "0");
        match &self.preload {
            Some(library) => command
                .env("LD_PRELOAD", library)
                .env(EXPECTED_MAPPING, library),
            None => command
                .env_remove("LD_PRELOAD")
                .env_remove(EXPECTED_MAPPING),
        };
        command
    }

    /// Writes an input file into the folder.
    pub fn write(&self, name: &str, contents: impl AsRef<[u8]>) -> PathBuf {
        let path = self.folder.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent).expect("a folder for the input");
        }
        fs::write(&path, contents).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        path
    }

    /// Runs to success and records what the command printed.
    pub fn run(&self, command: &mut Command) -> String {
        let what = format!("the output of {}", shown(command));
        let text = self.run_unrecorded(command);
        self.record(&what, text.as_bytes());
        text
    }

    /// Runs to success; for commands whose output holds times or rates.
    pub fn run_unrecorded(&self, command: &mut Command) -> String {
        let finished = self.finish(command);
        assert!(finished.succeeded(), "{}:\n{finished}", self.mode());
        finished.stdout
    }

    /// Runs within the deadline, whatever the outcome, and checks that the library kept silent.
    pub fn finish(&self, command: &mut Command) -> Finished {
        // `Command`'s builders hand out references, `Run` wants the command itself.
        let command = std::mem::replace(command, Command::new("used up"));
        let finished = Run::new(command).time_limit(DEADLINE).finish();
        assert!(finished.status.is_some(), "{}:\n{finished}", self.mode());
        assert_silent(&finished.stderr, &finished.what);
        finished
    }

    /// Starts a server; it is ended with the guard.
    pub fn serve(&self, command: &mut Command, log: &Path) -> Server {
        let log_file = File::create(log).expect("a log file");
        command
            .stdin(Stdio::null())
            .stdout(log_file.try_clone().expect("a second handle"))
            .stderr(log_file)
            .process_group(0);
        let server = Server {
            child: start(command),
            log: log.to_owned(),
        };
        if let Some(library) = &self.preload {
            server.assert_maps(library);
        }
        server
    }

    /// Adds a result that both runs must have in common.
    pub fn record(&self, what: &str, bytes: &[u8]) {
        self.transcript
            .borrow_mut()
            .push((what.to_owned(), bytes.to_vec()));
    }

    /// Adds a file of the folder.
    pub fn record_file(&self, name: &str) {
        let path = self.folder.join(name);
        let bytes = fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
        self.record(&format!("the file {name}"), &bytes);
    }

    fn mode(&self) -> &'static str {
        if self.preload.is_some() {
            "with the library"
        } else {
            "even without the library"
        }
    }
}

/// A running server, ended with its whole process group when dropped.
pub struct Server {
    child: Child,
    log: PathBuf,
}

impl Server {
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// What the server has written so far.
    pub fn log(&self) -> String {
        fs::read(&self.log)
            .map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
            .unwrap_or_default()
    }

    /// Polls until `ready`, as long as the server lives.
    pub fn wait_until(&mut self, what: &str, mut ready: impl FnMut() -> bool) {
        let pause = Duration::from_millis(50);
        for _ in 0..DEADLINE.as_millis() / pause.as_millis() {
            if ready() {
                return;
            }
            let gone = self
                .child
                .wait_timeout(pause)
                .expect("the server can be waited for");
            assert!(
                gone.is_none(),
                "the server ended before {what}:\n{}",
                self.log()
            );
        }
        panic!("no {what} within {DEADLINE:?}:\n{}", self.log());
    }

    /// Sends `signal`, if any, and demands a clean end within the deadline.
    pub fn end_cleanly(mut self, signal: Option<Signal>) {
        if let Some(signal) = signal {
            nix::sys::signal::kill(pid(&self.child), signal).expect("the server lives");
        }
        let status = self
            .child
            .wait_timeout(DEADLINE)
            .expect("the server can be waited for");
        let Some(status) = status else {
            panic!(
                "the server did not end within {DEADLINE:?}:\n{}",
                self.log()
            );
        };
        assert!(
            status.success(),
            "the server ended with {status}:\n{}",
            self.log()
        );
        assert_silent(&self.log(), "the server");
    }

    /// Waits for the library in the server's memory map: it is there as soon as `exec` is through.
    fn assert_maps(&self, library: &Path) {
        let library = library.to_str().expect("a plain path");
        for _ in 0..100 {
            let maps = fs::read_to_string(format!("/proc/{}/maps", self.id())).unwrap_or_default();
            if maps.contains(library) {
                return;
            }
            std::thread::sleep(Duration::from_millis(20));
        }
        panic!(
            "the server runs without {library} in its memory map:\n{}",
            self.log()
        );
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if matches!(self.child.try_wait(), Ok(None)) {
            end_group(&mut self.child);
        }
    }
}

fn pid(child: &Child) -> Pid {
    Pid::from_raw(child.id().try_into().expect("process ids fit"))
}

fn end_group(child: &mut Child) {
    // Either may fail only because everything has ended already, which is what is wanted.
    let _ = killpg(pid(child), Signal::SIGKILL);
    let _ = child.wait();
}

fn start(command: &mut Command) -> Child {
    command
        .spawn()
        .unwrap_or_else(|error| panic!("{} does not start: {error}", shown(command)))
}

/// The allocator speaks only when it ends a process.
fn assert_silent(stderr: &str, what: &str) {
    let complaint = stderr.lines().find(|line| line.starts_with("glebe: "));
    assert!(
        complaint.is_none(),
        "{what}: {}
{stderr}",
        complaint.unwrap_or_default()
    );
}

/// The command as one would type it, shortened.
fn shown(command: &Command) -> String {
    let mut line = format!("`{}", Path::new(command.get_program()).display());
    for argument in command.get_args() {
        line.push(' ');
        line.extend(argument.to_string_lossy().chars().take(60));
    }
    line + "`"
}
