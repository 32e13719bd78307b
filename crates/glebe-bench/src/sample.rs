//! [`Sample`], what one run of a row cost, and how that is measured.

use std::ffi::CStr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use serde::{Deserialize, Serialize};

use crate::gauge;
use crate::pattern::{Latency, Load, Pattern};

/// The part of the timed run that is done before the clock starts.
const WARM_UP_SHARE: u64 = 10;
/// What a slice of a run is to take at least, ten times a look at the machine.
const SLICE: Duration = Duration::from_millis(2);
const MOST_SLICES: u64 = 24;
/// One of so many slices counts.
const COUNTED_SHARE: usize = 3;
/// Processor time beside wall-clock time from which a run is taken to use several processors.
const PARALLEL: f64 = 1.2;

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
    /// Wall-clock nanoseconds for each of them, while the machine was at its fastest.
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
    let warm_up = Cost::of(|| load.run((ops / WARM_UP_SHARE).max(1)))?;
    // What is told of single calls is of one run.
    let slices = match load.latency() {
        Some(_) => 1,
        None => warm_up.slices(ops),
    };
    let (ns_per_op, cost) = in_slices(slices, ops, &mut *load)?;
    let mut sample = cost.sample(library)?;
    sample.ns_per_op = ns_per_op;
    sample.latency = load.latency();
    Ok(sample)
}

/// Runs a load in slices. What an operation took in those of them in which the machine was at its
/// fastest, and the cost of all.
fn in_slices(slices: u64, ops: u64, load: &mut dyn Load) -> Result<(f64, Cost), String> {
    let (mut all, mut done) = (Vec::new(), 0);
    let mut before = gauge::look();
    // A load may do more than it is asked for.
    while done < ops {
        let cost = Cost::of(|| load.run(ops.div_ceil(slices)))?;
        let after = gauge::look();
        done += cost.ops;
        all.push((before + after, cost));
        before = after;
    }
    all.sort_by_key(|&(looks, _)| looks);
    let counted = all.len().div_ceil(COUNTED_SHARE);
    let sum = |slices: &[(Duration, Cost)]| {
        let costs = slices.iter().map(|(_, cost)| cost);
        costs.fold(Cost::default(), Cost::and)
    };
    Ok((sum(&all[..counted]).ns_per_op(), sum(&all)))
}

/// Runs what is to be timed, and says how many operations it was.
pub fn timed(library: PathBuf, run: impl FnOnce() -> u64) -> Result<Sample, String> {
    Cost::of(run)?.sample(library)
}

/// What a run took.
#[derive(Default)]
struct Cost {
    ops: u64,
    elapsed: Duration,
    user_ms: f64,
    system_ms: f64,
    minor_faults: i64,
    major_faults: i64,
}

impl Cost {
    fn of(run: impl FnOnce() -> u64) -> Result<Self, String> {
        let before = usage()?;
        let start = Instant::now();
        let ops = run();
        let elapsed = start.elapsed();
        let after = usage()?;
        let milliseconds = |time: fn(&Usage) -> i64| (time(&after) - time(&before)) as f64 / 1e3;
        Ok(Self {
            ops,
            elapsed,
            user_ms: milliseconds(|usage| usage.user_time().num_microseconds()),
            system_ms: milliseconds(|usage| usage.system_time().num_microseconds()),
            minor_faults: after.minor_page_faults() - before.minor_page_faults(),
            major_faults: after.major_page_faults() - before.major_page_faults(),
        })
    }

    /// Both together.
    fn and(self, other: &Self) -> Self {
        Self {
            ops: self.ops + other.ops,
            elapsed: self.elapsed + other.elapsed,
            user_ms: self.user_ms + other.user_ms,
            system_ms: self.system_ms + other.system_ms,
            minor_faults: self.minor_faults + other.minor_faults,
            major_faults: self.major_faults + other.major_faults,
        }
    }

    fn ns_per_op(&self) -> f64 {
        self.elapsed.as_nanos() as f64 / self.ops as f64
    }

    /// Into how many slices a run of so many operations is cut, if they take as long as these.
    fn slices(&self, ops: u64) -> u64 {
        if self.user_ms + self.system_ms > PARALLEL * self.elapsed.as_secs_f64() * 1e3 {
            return 1;
        }
        let nanoseconds = self.ns_per_op() * ops as f64;
        ((nanoseconds / SLICE.as_nanos() as f64) as u64).clamp(1, MOST_SLICES)
    }

    fn sample(&self, library: PathBuf) -> Result<Sample, String> {
        Ok(Sample {
            ops: self.ops,
            ns_per_op: self.ns_per_op(),
            peak_rss_kib: peak_rss_kib("self")?,
            user_ms: self.user_ms,
            system_ms: self.system_ms,
            minor_faults: self.minor_faults,
            major_faults: self.major_faults,
            library,
            latency: None,
        })
    }
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

    struct Counts(Vec<u64>);

    impl Load for Counts {
        fn run(&mut self, ops: u64) -> u64 {
            self.0.push(ops);
            ops.next_multiple_of(10)
        }
    }

    #[test]
    fn runs_are_cut_into_slices_and_end() {
        let mut load = Counts(Vec::new());
        let (ns_per_op, cost) = in_slices(6, 100, &mut load).unwrap();
        assert_eq!(load.0, [17; 5]);
        assert!(cost.ops == 100 && ns_per_op > 0.0);
    }

    #[test]
    fn short_and_parallel_runs_are_whole() {
        let cost = |milliseconds, user_ms| Cost {
            ops: 10,
            elapsed: Duration::from_millis(milliseconds),
            user_ms,
            ..Cost::default()
        };
        assert_eq!(cost(1, 1.0).slices(10), 1);
        assert_eq!(cost(1, 1.0).slices(100), 5);
        assert_eq!(cost(1, 1.9).slices(100), 1);
        assert_eq!(cost(9, 9.0).slices(100), MOST_SLICES);
    }

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
