//! The child process of a benchmark: runs one pattern once under whatever allocator was preloaded,
//! and prints what it cost as one line of JSON.
//!
//! It first asks the dynamic linker which library its `malloc`, `free` and `realloc` come from. A
//! library that failed to preload would otherwise be measured as glibc.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::{Duration, Instant};

use nix::sys::resource::{Usage, UsageWho, getrusage};
use nix::sys::time::TimeValLike;
use serde::{Deserialize, Serialize};

use super::patterns;

/// The part of the timed run that is done before the clock starts.
const WARM_UP_SHARE: u64 = 10;

/// Stands for the allocator of the C library, when nothing is preloaded.
pub const LIBC: &str = "libc";

/// Arguments of the hidden worker command.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// The pattern to run; without one, only tells which allocator is in use
    #[arg(long)]
    pattern: Option<String>,
    /// The arm that serves the pattern, from a range of its own, instead of malloc
    #[arg(long)]
    pool: Option<crate::arms::Name>,
    #[arg(long, default_value_t = 1)]
    ops: u64,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The library that malloc must come from, or "libc"
    #[arg(long)]
    expect: PathBuf,
}

/// Which allocator serves this process.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Identity {
    /// The file that `malloc` is in.
    pub library: PathBuf,
    /// What the library says its version is, if it can be asked.
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
    /// The file name of the library that `malloc` was in.
    pub library: PathBuf,
}

/// Runs as the child; every failure is one line on standard error and status 4.
pub fn run(args: &Args) -> ExitCode {
    let done = identify(&args.expect).and_then(|identity| {
        let line = match &args.pattern {
            None => serde_json::to_string(&identity),
            Some(name) => serde_json::to_string(&measure(name, args, identity.library)?),
        };
        line.map_err(|error| error.to_string())
    });
    match done {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("bench-worker: {error}");
            ExitCode::from(4)
        }
    }
}

fn measure(name: &str, args: &Args, library: PathBuf) -> Result<Sample, String> {
    let patterns = match args.pool {
        Some(arm) => patterns::pools(arm),
        None => patterns::micro()
            .into_iter()
            .chain(patterns::stress())
            .collect(),
    };
    let pattern = patterns.iter().find(|pattern| pattern.name == name);
    let mut load = pattern
        .ok_or_else(|| format!("no pattern {name}"))?
        .make(args.seed);
    load.run((args.ops / WARM_UP_SHARE).max(1));
    let before = usage()?;
    let start = Instant::now();
    let ops = load.run(args.ops);
    let elapsed = start.elapsed();
    let after = usage()?;
    let milliseconds = |time: fn(&Usage) -> i64| (time(&after) - time(&before)) as f64 / 1e3;
    Ok(Sample {
        ops,
        ns_per_op: nanoseconds_per(elapsed, ops),
        peak_rss_kib: peak_rss_kib()?,
        user_ms: milliseconds(|usage| usage.user_time().num_microseconds()),
        system_ms: milliseconds(|usage| usage.system_time().num_microseconds()),
        minor_faults: after.minor_page_faults() - before.minor_page_faults(),
        major_faults: after.major_page_faults() - before.major_page_faults(),
        library: library.file_name().unwrap_or_default().into(),
    })
}

fn nanoseconds_per(elapsed: Duration, ops: u64) -> f64 {
    elapsed.as_nanos() as f64 / ops as f64
}

fn usage() -> Result<Usage, String> {
    getrusage(UsageWho::RUSAGE_SELF).map_err(|error| format!("getrusage: {error}"))
}

/// `VmHWM`, and not `ru_maxrss`: the latter remembers the parent's image from before `execve`.
fn peak_rss_kib() -> Result<u64, String> {
    let status = std::fs::read_to_string("/proc/self/status");
    let status = status.map_err(|error| format!("/proc/self/status: {error}"))?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let digits = line.and_then(|rest| rest.trim().strip_suffix(" kB"));
    digits
        .and_then(|digits| digits.trim().parse().ok())
        .ok_or_else(|| "no VmHWM in /proc/self/status".into())
}

/// Checks that the allocator in use is the expected one.
fn identify(expect: &Path) -> Result<Identity, String> {
    let functions = [
        ("malloc", libc::malloc as *const c_void),
        ("free", libc::free as *const c_void),
        ("realloc", libc::realloc as *const c_void),
    ];
    for (name, address) in functions {
        let found = library_of(address).ok_or_else(|| format!("{name} is in no library"))?;
        if !is_expected(&found, expect) {
            let (found, expect) = (found.display(), expect.display());
            return Err(format!("{name} comes from {found}, not from {expect}"));
        }
    }
    let library = library_of(libc::malloc as *const c_void).unwrap_or_default();
    let version = if expect == Path::new(LIBC) {
        libc_version()
    } else {
        own_version()
    };
    Ok(Identity { library, version })
}

fn is_expected(found: &Path, expect: &Path) -> bool {
    if expect == Path::new(LIBC) {
        let name = found.file_name().unwrap_or_default().to_string_lossy();
        return name.starts_with("libc.so") || name.starts_with("libc-2");
    }
    match (found.canonicalize(), expect.canonicalize()) {
        (Ok(found), Ok(expect)) => found == expect,
        _ => false,
    }
}

/// The file that the dynamic linker mapped `address` from.
fn library_of(address: *const c_void) -> Option<PathBuf> {
    let mut info = std::mem::MaybeUninit::<libc::Dl_info>::zeroed();
    // SAFETY: `info` is large enough; zeroed memory is a valid Dl_info (null names).
    let (found, info) = unsafe {
        let found = libc::dladdr(address, info.as_mut_ptr());
        (found, info.assume_init())
    };
    if found == 0 || info.dli_fname.is_null() {
        return None;
    }
    // SAFETY: after success the name is a C string that lives as long as the library is mapped.
    let name = unsafe { CStr::from_ptr(info.dli_fname) };
    Some(PathBuf::from(name.to_string_lossy().into_owned()))
}

/// An address that the dynamic linker found.
type Symbol = *mut c_void;

/// `int mi_version(void)`.
type Number = extern "C" fn() -> c_int;

/// A function that returns a static string, as most version functions do.
type Text = extern "C" fn() -> *const c_char;

fn libc_version() -> Option<String> {
    // SAFETY: glibc declares `const char *gnu_get_libc_version(void)`.
    let call = unsafe { std::mem::transmute::<Symbol, Text>(symbol(c"gnu_get_libc_version")?) };
    text(call())
}

/// Asks a preloaded allocator for its version through whichever of the known functions it exports.
fn own_version() -> Option<String> {
    type JemallocControl =
        extern "C" fn(*const c_char, *mut c_void, *mut usize, *mut c_void, usize) -> c_int;
    type TcmallocVersion =
        extern "C" fn(*mut c_int, *mut c_int, *mut *const c_char) -> *const c_char;
    if let Some(function) = symbol(c"mi_version") {
        // SAFETY: mimalloc declares `int mi_version(void)`.
        let number = unsafe { std::mem::transmute::<Symbol, Number>(function) }();
        return Some(mimalloc_version(number));
    }
    if let Some(function) = symbol(c"tc_version") {
        // SAFETY: gperftools declares `const char *tc_version(int *, int *, const char **)`.
        let call = unsafe { std::mem::transmute::<Symbol, TcmallocVersion>(function) };
        let (mut major, mut minor, mut patch) = (0, 0, std::ptr::null());
        return text(call(&mut major, &mut minor, &mut patch));
    }
    if let Some(function) = symbol(c"mallctl") {
        // SAFETY: jemalloc declares mallctl with these five parameters.
        let call = unsafe { std::mem::transmute::<Symbol, JemallocControl>(function) };
        let mut value: *const c_char = std::ptr::null();
        let mut size = size_of_val(&value);
        let place = (&raw mut value).cast();
        let status = call(
            c"version".as_ptr(),
            place,
            &mut size,
            std::ptr::null_mut(),
            0,
        );
        // 5.3.1-0-g81034ce: what follows the first hyphen is a build's, not a reader's.
        let version = if status == 0 { text(value) } else { None };
        return version.map(|full| full.split('-').next().unwrap_or_default().to_owned());
    }
    // SAFETY: the library declares `const char *glebe_version(void)`.
    let call = unsafe { std::mem::transmute::<Symbol, Text>(symbol(c"glebe_version")?) };
    text(call())
}

fn symbol(name: &CStr) -> Option<Symbol> {
    // SAFETY: `name` is a C string; the default search order needs no handle.
    let address = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    (!address.is_null()).then_some(address)
}

fn text(pointer: *const c_char) -> Option<String> {
    if pointer.is_null() {
        return None;
    }
    // SAFETY: the version functions return static C strings.
    Some(
        unsafe { CStr::from_ptr(pointer) }
            .to_string_lossy()
            .into_owned(),
    )
}

/// Version 2 packs 2.0.9 as 209; version 3 packs 3.4.3 as 30403.
fn mimalloc_version(number: c_int) -> String {
    if number < 10_000 {
        format!("{}.{}.{}", number / 100, number / 10 % 10, number % 10)
    } else {
        format!(
            "{}.{}.{}",
            number / 10_000,
            number / 100 % 100,
            number % 100
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_process_runs_on_libc() {
        let identity = identify(Path::new("libc")).unwrap();
        assert!(
            identity.version.unwrap().starts_with("2."),
            "{:?}",
            identity.library
        );
        let error = identify(Path::new("/no/such/library.so")).unwrap_err();
        assert!(error.contains("malloc comes from"), "{error}");
    }

    #[test]
    fn mimalloc_numbers_are_read_in_both_packings() {
        assert_eq!(mimalloc_version(209), "2.0.9");
        assert_eq!(mimalloc_version(30403), "3.4.3");
        assert_eq!(mimalloc_version(20212), "2.2.12");
    }

    #[test]
    fn the_peak_counts_touched_memory_that_is_gone() {
        let bytes = 64 << 20;
        let touched = vec![1u8; bytes];
        assert!(touched.iter().step_by(4096).all(|&byte| byte == 1));
        drop(touched);
        let peak = peak_rss_kib().unwrap();
        assert!(peak >= (bytes >> 10) as u64, "{peak} KiB");
    }
}
