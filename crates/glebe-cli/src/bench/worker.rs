//! The child process of a benchmark: runs one pattern once under whatever allocator was preloaded,
//! and prints what it cost as one line of JSON.
//!
//! It first asks the dynamic linker which library its `malloc`, `free` and `realloc` come from. A
//! library that failed to preload would otherwise be measured as glibc.

use std::ffi::{CStr, c_char, c_int, c_void};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use glebe_bench::libc_version;
pub use glebe_bench::{Identity, Sample, peak_rss_kib};

use super::patterns;
use super::traces::player::Player;

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
    /// The plan of a recording to play instead
    #[arg(long)]
    plan: Option<PathBuf>,
    #[arg(long, default_value_t = 1)]
    ops: u64,
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The library that malloc must come from, or "libc"
    #[arg(long)]
    expect: PathBuf,
}

/// Runs as the child; every failure is one line on standard error and status 4.
pub fn run(args: &Args) -> ExitCode {
    let done = identify(&args.expect).and_then(|identity| {
        let line = match (&args.pattern, &args.plan) {
            (Some(name), _) => serde_json::to_string(&measure(name, args, &identity.library)?),
            (None, Some(plan)) => serde_json::to_string(&play(plan, &identity.library)?),
            (None, None) => serde_json::to_string(&identity),
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

fn measure(name: &str, args: &Args, library: &Path) -> Result<Sample, String> {
    let patterns = match args.pool {
        Some(arm) => patterns::pools(arm),
        None => patterns::micro()
            .into_iter()
            .chain(patterns::stress())
            .collect(),
    };
    let pattern = patterns.iter().find(|pattern| pattern.name == name);
    let pattern = pattern.ok_or_else(|| format!("no pattern {name}"))?;
    glebe_bench::measure(pattern, args.ops, args.seed, file_name(library))
}

fn play(plan: &Path, library: &Path) -> Result<Sample, String> {
    let player = Player::open(plan).map_err(|error| format!("{}: {error}", plan.display()))?;
    let mut sample = glebe_bench::timed(file_name(library), || player.play())?;
    sample.peak_rss_kib = sample.peak_rss_kib.saturating_sub(player.own_kib());
    Ok(sample)
}

fn file_name(library: &Path) -> PathBuf {
    library.file_name().unwrap_or_default().into()
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
        Some(libc_version())
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
}
