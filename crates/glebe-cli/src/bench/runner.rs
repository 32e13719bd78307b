//! The parent of a measured program: starts it with a library preloaded, waits, and prints what it
//! cost, or how it failed, as one line of JSON.
//!
//! `ru_maxrss` of a child begins with the memory of the process it was started from. This one is
//! small, and a peak that is not above its own is refused. Of several processes, one after another
//! or side by side, `ru_maxrss` is that of the largest. A server's processes are asked for their
//! `VmHWM` every few milliseconds instead; the largest sum over those alive is reported (memory
//! that they share counts in each).
//!
//! The end of standard input ends the program: a server is meant to be stopped that way, and
//! nothing is left behind when `glebe bench` itself is gone.

use std::ffi::OsString;
use std::fs;
use std::io::{self, stdin};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::sys::signal::{Signal, killpg};
use nix::sys::time::TimeValLike;
use nix::unistd::Pid;

use super::child::{self, Failure, Said};
use super::worker::{Sample, peak_rss_kib};

/// How often a server's processes are looked at.
const LOOK_MILLISECONDS: u16 = 20;

/// Arguments of the hidden runner command.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The library to preload
    #[arg(long)]
    pub library: PathBuf,
    /// Seconds after which the program is ended by force
    #[arg(long)]
    pub limit: u64,
    /// What the program's output must contain
    #[arg(long, default_value = "")]
    pub expect: String,
    /// It is a server, and this signal stops it
    #[arg(long)]
    pub stop: Option<Signal>,
    /// The user and the group to run it as
    #[arg(long, num_args = 2, value_names = ["UID", "GID"])]
    pub user: Vec<u32>,
    /// Where the dynamic linker reports its bindings, in one file for each process
    #[arg(long)]
    pub bindings: Option<PathBuf>,
    /// The program and its arguments
    #[arg(last = true, required = true)]
    pub program: Vec<OsString>,
}

/// Runs the program. The status tells only whether there is a result to read.
pub fn run(args: &Args) -> ExitCode {
    let done = supervise(args).and_then(|outcome| Ok(serde_json::to_string(&outcome)?));
    match done {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            let program = args.program[0].display();
            eprintln!("bench-runner: {program}: {error}");
            ExitCode::from(4)
        }
    }
}

fn supervise(args: &Args) -> io::Result<Result<Sample, Failure>> {
    let own_peak = peak_rss_kib("self").map_err(io::Error::other)?;
    let start = Instant::now();
    let running = child::start(command(args))?;
    let program = running.id();
    let sum = args.stop.map(|_| Arc::<AtomicU64>::default());
    let seen = sum.clone();
    let stop = args.stop.unwrap_or(Signal::SIGKILL);
    std::thread::spawn(move || stop_at_end_of_input(program, stop, seen.as_deref()));
    let ended = running.end(Duration::from_secs(args.limit))?;
    let elapsed = start.elapsed();
    // What it has left running. Mostly there is nothing, and no group any more.
    let _ = killpg(program, Signal::SIGKILL);
    Ok(ended.and_then(|said| {
        confirm(args, &said)?;
        let usage = getrusage(UsageWho::RUSAGE_CHILDREN);
        let usage = usage.map_err(|error| Failure::new("getrusage", error.to_string()))?;
        let peak = match sum {
            None => u64::try_from(usage.max_rss()).unwrap_or_default(),
            Some(sum) => sum.load(Ordering::Relaxed),
        };
        if args.bindings.is_none() && peak <= own_peak {
            let message = format!("{peak} KiB are not above the {own_peak} of its parent");
            return Err(Failure::new("peak unknown", message));
        }
        Ok(sample(args, elapsed, peak, usage))
    }))
}

fn command(args: &Args) -> Command {
    let mut command = Command::new(&args.program[0]);
    command
        .args(&args.program[1..])
        .env("LD_PRELOAD", &args.library)
        .stdin(Stdio::null())
        .process_group(0);
    if let [user, group] = args.user[..] {
        command.uid(user).gid(group);
    }
    if let Some(file) = &args.bindings {
        command
            .env("LD_BIND_NOW", "1")
            .env("LD_DEBUG", "bindings")
            .env("LD_DEBUG_OUTPUT", file);
    }
    command
}

/// Whether the program has done its work.
fn confirm(args: &Args, said: &Said) -> Result<(), Failure> {
    if said.output.contains(&args.expect) {
        return Ok(());
    }
    let last = child::tail(&said.output);
    let message = format!("no {:?} in {last:?} {}", args.expect, said.message);
    Err(Failure::new("wrong output", message))
}

fn sample(args: &Args, elapsed: Duration, peak_rss_kib: u64, usage: Usage) -> Sample {
    let milliseconds = |time: nix::sys::time::TimeVal| time.num_microseconds() as f64 / 1e3;
    Sample {
        ops: 1,
        ns_per_op: elapsed.as_nanos() as f64,
        peak_rss_kib,
        user_ms: milliseconds(usage.user_time()),
        system_ms: milliseconds(usage.system_time()),
        minor_faults: usage.minor_page_faults(),
        major_faults: usage.major_page_faults(),
        library: args.library.file_name().unwrap_or_default().into(),
        latency: None,
    }
}

/// Waits for the end of standard input. Of a server, notes the largest sum of peaks all the while.
fn stop_at_end_of_input(program: Pid, stop: Signal, sum: Option<&AtomicU64>) {
    let input = stdin();
    let pause = sum.map_or(PollTimeout::NONE, |_| LOOK_MILLISECONDS.into());
    loop {
        let mut ends = [PollFd::new(input.as_fd(), PollFlags::POLLIN)];
        let ready = poll(&mut ends, pause);
        if let Some(sum) = sum {
            sum.fetch_max(peaks(&program.to_string()), Ordering::Relaxed);
        }
        if ready != Ok(0) {
            break;
        }
    }
    // It may have ended by itself.
    let _ = killpg(program, stop);
}

/// The sum of the peaks of a process and of all that it has started, in KiB. What has just ended
/// counts no more.
fn peaks(process: &str) -> u64 {
    let children = fs::read_to_string(format!("/proc/{process}/task/{process}/children"));
    let children = children.unwrap_or_default();
    let others: u64 = children.split_whitespace().map(peaks).sum();
    peak_rss_kib(process).unwrap_or_default() + others
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shell(script: &str) -> Args {
        Args {
            library: "libc.so.6".into(),
            limit: 20,
            expect: "done".into(),
            stop: None,
            user: Vec::new(),
            bindings: None,
            program: ["sh", "-c", script].map(OsString::from).into(),
        }
    }

    #[test]
    fn work_that_was_not_done_is_a_failure() {
        let said = |output: &str| Said {
            output: output.into(),
            message: "sorry".into(),
        };
        let args = shell("");
        assert!(confirm(&args, &said("all done")).is_ok());
        let failure = confirm(&args, &said("half of it")).unwrap_err();
        assert_eq!(failure.what, "wrong output");
        assert!(failure.message.contains("half of it") && failure.message.contains("sorry"));
    }

    #[test]
    fn a_process_and_its_child_count_together() {
        let mut command = command(&shell("sleep 60 & wait"));
        command.stdout(Stdio::null());
        let mut parent = command.spawn().unwrap();
        let id = Pid::from_raw(parent.id().cast_signed());
        let one = || peak_rss_kib(&id.to_string()).unwrap_or_default();
        let start = Instant::now();
        while peaks(&id.to_string()) <= one() && start.elapsed() < Duration::from_secs(20) {
            std::thread::yield_now();
        }
        assert!(peaks(&id.to_string()) > one());
        killpg(id, Signal::SIGKILL).unwrap();
        parent.wait().unwrap();
        assert_eq!(peaks(&id.to_string()), 0);
    }
}
