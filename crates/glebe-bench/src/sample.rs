//! [`Sample`], what one run of a row cost, and how that is measured.

use std::ffi::CStr;
use std::path::PathBuf;
use std::time::Instant;

use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use serde::{Deserialize, Serialize};

use crate::pattern::{Latency, Pattern};

/// The part of the timed run that is done before the clock starts.
const WARM_UP_SHARE: u64 = 10;

/// Which allocator serves a process.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Identity {
    /// The file that `malloc` is in, or the name of an allocator that is compiled in.
    pub library: PathBuf,
    /// What the allocator says its version is, if it can be asked.
    pub version: Option<String>,
}

/// What one run cost.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Sample {
    /// Operations in the timed part.
    pub ops: u64,
    /// Wall-clock nanoseconds for each of them.
    pub ns_per_op: f64,
    /// The largest resident set of the whole process, in KiB.
    pub peak_rss_kib: u64,
    /// Processor time of the timed part, in milliseconds.
    pub user_ms: f64,
    /// As `user_ms`, in the kernel.
    pub system_ms: f64,
    /// Page faults of the timed part that needed no input or output.
    pub minor_faults: i64,
    /// Page faults of the timed part that did.
    pub major_faults: i64,
    /// The file name of the library that `malloc` was in, or the allocator's own.
    pub library: PathBuf,
    /// How long single calls took, in rows that time them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub latency: Option<Latency>,
}

/// Runs a row once in this process.
pub fn measure(row: &Pattern, ops: u64, seed: u64, library: PathBuf) -> Result<Sample, String> {
    let mut load = row.make(seed);
    load.run((ops / WARM_UP_SHARE).max(1));
    let mut sample = timed(library, || load.run(ops))?;
    sample.latency = load.latency();
    Ok(sample)
}

/// Runs what is to be timed, and says how many operations it was.
pub fn timed(library: PathBuf, run: impl FnOnce() -> u64) -> Result<Sample, String> {
    let before = usage()?;
    let start = Instant::now();
    let ops = run();
    let elapsed = start.elapsed();
    let after = usage()?;
    let milliseconds = |time: fn(&Usage) -> i64| (time(&after) - time(&before)) as f64 / 1e3;
    Ok(Sample {
        ops,
        ns_per_op: elapsed.as_nanos() as f64 / ops as f64,
        peak_rss_kib: peak_rss_kib("self")?,
        user_ms: milliseconds(|usage| usage.user_time().num_microseconds()),
        system_ms: milliseconds(|usage| usage.system_time().num_microseconds()),
        minor_faults: after.minor_page_faults() - before.minor_page_faults(),
        major_faults: after.major_page_faults() - before.major_page_faults(),
        library,
        latency: None,
    })
}

fn usage() -> Result<Usage, String> {
    getrusage(UsageWho::RUSAGE_SELF).map_err(|error| format!("getrusage: {error}"))
}

/// The largest resident set of a process: `VmHWM`, and not `ru_maxrss`, for that remembers the
/// parent's image from before `execve`.
pub fn peak_rss_kib(process: &str) -> Result<u64, String> {
    let file = format!("/proc/{process}/status");
    let status = std::fs::read_to_string(&file);
    let status = status.map_err(|error| format!("{file}: {error}"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let digits = line.and_then(|rest| rest.trim().strip_suffix(" kB"));
    digits
        .and_then(|digits| digits.trim().parse().ok())
        .ok_or_else(|| format!("no VmHWM in {file}"))
}

/// The version of the C library of this process.
pub fn libc_version() -> String {
    // SAFETY: it returns a static C string.
    let version = unsafe { CStr::from_ptr(libc::gnu_get_libc_version()) };
    version.to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_peak_counts_touched_memory_that_is_gone() {
        let bytes = 64 << 20;
        let touched = vec![1u8; bytes];
        assert!(touched.iter().step_by(4096).all(|&byte| byte == 1));
        drop(touched);
        let peak = peak_rss_kib("self").unwrap();
        assert!(peak >= (bytes >> 10) as u64, "{peak} KiB");
    }
}
