//! What a process costs: memory goes back to the system, a tiny program stays tiny, and few system
//! calls are made before the first block is handed out.
use std::collections::BTreeMap;
use std::process::Command;

use glebe_tests::program::Program;
use glebe_tests::run::Run;
use glebe_tests::{conformance, library};
use regex::Regex;

conformance! {
    returns from "returns.c" {
        all_is_returned,
        all_is_returned_after_frees_in_any_order,
        all_is_returned_after_frees_by_another_thread,
        all_is_returned_after_the_owner_ended,
        all_is_returned_after_owner_and_freer_ended,
        all_is_returned_while_the_owner_sleeps,
        pages_between_survivors_are_returned,
        returned_memory_can_be_used_again,
        large_blocks_are_returned,
    }
}

const TINY: Program = Program::new("tiny.c");
/// Resident memory of a program that allocates a hundred blocks: 2.0 MB, in KiB.
const TINY_RSS_KIB: u64 = 2_000_000 / 1024;
/// System calls from the process's start to the first block, loading not counted.
const STARTUP_CALLS: usize = 5;

#[test]
fn every_mode_of_tiny_has_a_test() {
    TINY.has_exactly(&["resident_memory_of_a_hundred_blocks", "first_block"]);
}

#[test]
fn a_tiny_program_stays_tiny() {
    let run = TINY.passes("resident_memory_of_a_hundred_blocks");
    let resident: u64 = run
        .stdout
        .trim()
        .parse()
        .expect("the program prints a number");
    assert!(
        resident <= TINY_RSS_KIB,
        "{resident} KiB resident, {TINY_RSS_KIB} allowed\n{run}"
    );
}

/// The calls are counted by strace. What the program makes without the library is taken off, and
/// so is what the dynamic linker does to load the library and to protect its relocated data.
#[test]
fn few_system_calls_come_before_the_first_block() {
    let library = library();
    let library = library.to_str().expect("the path is valid UTF-8");
    let baseline = count(&calls_before_first_block(""));
    let trace = calls_before_first_block(library);
    let with_library = count(&without_loading(&trace, library));
    let extra: Vec<(String, usize)> = with_library
        .into_iter()
        .map(|(name, calls)| {
            let usual = baseline.get(&name).copied().unwrap_or(0);
            (name, calls.saturating_sub(usual))
        })
        .filter(|(_, calls)| *calls > 0)
        .collect();
    let total: usize = extra.iter().map(|(_, calls)| calls).sum();
    let trace = trace.join("\n");
    assert!(
        total <= STARTUP_CALLS,
        "{total} calls, {STARTUP_CALLS} allowed: {extra:?}\n{trace}"
    );
}

/// The system calls, as strace prints them, up to the write that marks the first block.
fn calls_before_first_block(preload: &str) -> Vec<String> {
    let trace = tempfile::NamedTempFile::new().expect("a temporary file can be made");
    let mut command = Command::new("strace");
    command.arg("-o").arg(trace.path()).args(["-s", "256"]);
    if !preload.is_empty() {
        command.arg("-E").arg(format!("LD_PRELOAD={preload}"));
    }
    command.arg(TINY.executable()).arg("first_block");
    assert!(
        Command::new("strace").arg("--version").output().is_ok(),
        "strace is needed to count system calls; install it (apt-get install strace)"
    );
    Run::new(command).finish().expect_success();
    let text = std::fs::read_to_string(trace.path()).expect("strace writes its trace");
    let calls: Vec<String> = text.lines().map(str::to_string).collect();
    let mark = calls
        .iter()
        .position(|call| call.contains("first block\\n"));
    calls[..mark.expect("the program marks its first block")].to_vec()
}

/// Leaves out opening, reading and mapping the library, and making its relocated data read-only.
fn without_loading(calls: &[String], library: &str) -> Vec<String> {
    let opened = calls
        .iter()
        .position(|call| call.starts_with("openat(") && call.contains(library))
        .expect("the dynamic linker opens the library");
    let closed = opened
        + calls[opened..]
            .iter()
            .position(|call| call.starts_with("close("))
            .expect("and closes it");
    let land = mapped(&calls[opened..=closed]);
    let protects = |call: &str| {
        call.starts_with("mprotect(")
            && call.contains("PROT_READ)")
            && address(call).is_some_and(|at| land.iter().any(|range| range.contains(&at)))
    };
    let outside = calls
        .iter()
        .enumerate()
        .filter(|(i, _)| *i < opened || *i > closed);
    outside
        .map(|(_, call)| call)
        .filter(|call| !protects(call))
        .cloned()
        .collect()
}

/// Where the library's segments were mapped.
fn mapped(calls: &[String]) -> Vec<std::ops::Range<u64>> {
    let pattern = Regex::new(r"^mmap\([^,]+, (\d+),.* = 0x([0-9a-f]+)$").expect("valid");
    let captures = calls.iter().filter_map(|call| pattern.captures(call));
    captures
        .map(|found| {
            let start = u64::from_str_radix(&found[2], 16).expect("an address");
            start..start + found[1].parse::<u64>().expect("a length")
        })
        .collect()
}

/// A call's first argument, when it is an address.
fn address(call: &str) -> Option<u64> {
    let (_, arguments) = call.split_once("(0x")?;
    let end = arguments.find(|c: char| !c.is_ascii_hexdigit())?;
    u64::from_str_radix(&arguments[..end], 16).ok()
}

/// How often each system call was made.
fn count(calls: &[String]) -> BTreeMap<String, usize> {
    let mut counts = BTreeMap::new();
    for name in calls
        .iter()
        .filter_map(|call| call.split_once('('))
        .map(|(name, _)| name)
    {
        *counts.entry(name.to_string()).or_insert(0) += 1;
    }
    counts
}

#[test]
fn loading_is_not_counted() {
    let calls = [
        r#"execve("./tiny", ["./tiny"], 0x7ffd /* 3 vars */) = 0"#,
        r#"openat(AT_FDCWD, "/lib/libglebe.so", O_RDONLY|O_CLOEXEC) = 3"#,
        "mmap(NULL, 8192, PROT_READ, MAP_PRIVATE|MAP_DENYWRITE, 3, 0) = 0x7f0000010000",
        "close(3)                                = 0",
        "mprotect(0x7f0000011000, 4096, PROT_READ) = 0",
        "mprotect(0x7f0000020000, 4096, PROT_READ) = 0",
        "mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE|MAP_ANONYMOUS, -1, 0) = 0x7f0000030000",
    ]
    .map(str::to_string);
    let left = count(&without_loading(&calls, "/lib/libglebe.so"));
    let expected = [("execve", 1), ("mmap", 1), ("mprotect", 1)];
    assert_eq!(
        left,
        expected
            .map(|(name, calls)| (name.to_string(), calls))
            .into()
    );
}
