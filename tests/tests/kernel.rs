//! A kernel whose page frames supply the pools (`kernel/`), booted in an emulated machine.
//!
//! It prints the same with every compiler, to the byte: `kernel/expected.txt`. A change that is
//! meant goes there by `GLEBE_BLESS=1 cargo test --package glebe-tests --test kernel`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::OnceLock;
use std::time::Duration;

use glebe_tests::root;
use glebe_tests::run::{Finished, Run};

const EXPECTED: &str = "kernel/expected.txt";

/// QEMU's exit codes for the kernel's verdicts.
const PASS: i32 = 33;
const FAIL: i32 = 35;

/// A whole run takes some 5 s of an idle processor.
const TIME_LIMIT: Duration = Duration::from_secs(240);

/// What must fail, and what the kernel says of it.
const FAILURES: [(&str, &str); 6] = [
    (
        "fail=overrun",
        "invariant 3 at 0x400010: the tags of a block disagree",
    ),
    ("fail=leak", "not all frames have come back"),
    ("fail=double-free", "glebe: double free of 0x400000"),
    (
        "fail=out-of-memory",
        "memory allocation of 1073741824 bytes failed",
    ),
    ("fail=null", "page fault at 0x0, by the code at 0x2"),
    ("fail=stack", "page fault at 0x2"),
];

/// The image, built once per test run.
fn image() -> &'static Path {
    static IMAGE: OnceLock<PathBuf> = OnceLock::new();
    IMAGE.get_or_init(|| {
        // A target folder of its own: the outer `cargo test` may hold the lock of the usual one.
        let target = root().join("target/kernel");
        let status = Command::new(env!("CARGO"))
            .args(["build", "--quiet", "--release", "--locked", "--target-dir"])
            .arg(&target)
            .current_dir(root().join("kernel"))
            .env_remove("LD_PRELOAD")
            // Flags for programs of the host, sanitizers and models, are no use without one.
            .env_remove("RUSTFLAGS")
            .env_remove("CARGO_ENCODED_RUSTFLAGS")
            .status()
            .expect("cargo starts");
        assert!(status.success(), "building the kernel failed");
        target.join("release/glebe-kernel")
    })
}

/// A machine with this memory, run to its verdict; an empty `command_line` runs all drills.
fn boot(memory: &str, command_line: &str) -> Finished {
    let mut qemu = Command::new("qemu-system-x86_64");
    qemu.args([
        "-accel",
        "tcg",
        "-machine",
        "pc",
        "-m",
        memory,
        "-nodefaults",
    ])
    .args(["-display", "none", "-serial", "stdio", "-no-reboot"])
    .args(["-device", "isa-debug-exit,iobase=0xf4,iosize=4", "-kernel"])
    .arg(image());
    if !command_line.is_empty() {
        qemu.args(["-append", command_line]);
    }
    Run::new(qemu).time_limit(TIME_LIMIT).finish()
}

#[track_caller]
fn ended_with(finished: &Finished, code: i32, verdict: &str) {
    let ended = finished.status.and_then(|status| status.code());
    assert_eq!(ended, Some(code), "{finished}");
    let last = finished.stdout.lines().last();
    assert_eq!(last, Some(verdict), "{finished}");
}

#[test]
fn every_drill_passes_and_prints_what_is_expected() {
    let finished = boot("64M", "");
    ended_with(&finished, PASS, "verdict: pass");
    let path = root().join(EXPECTED);
    if std::env::var_os("GLEBE_BLESS").is_some() {
        fs::write(&path, &finished.stdout).expect("the expected output can be written");
    }
    let expected = fs::read_to_string(&path).unwrap_or_else(|e| panic!("{EXPECTED}: {e}"));
    let (expected, real) = (expected.lines(), finished.stdout.lines());
    for (number, (expected, real)) in expected.clone().zip(real.clone()).enumerate() {
        assert_eq!(real, expected, "line {} of {EXPECTED}", number + 1);
    }
    assert_eq!(
        real.count(),
        expected.count(),
        "lines of output and of {EXPECTED}"
    );
}

#[test]
fn another_size_of_memory_will_do() {
    let finished = boot("24M", "");
    ended_with(&finished, PASS, "verdict: pass");
    assert!(
        finished
            .stdout
            .starts_with("glebe kernel: 4608 page frames\n"),
        "{finished}"
    );
}

#[test]
fn what_is_wrong_is_found_out() {
    for (word, says) in FAILURES {
        let finished = boot("64M", word);
        ended_with(&finished, FAIL, "verdict: FAIL");
        assert!(finished.stdout.contains(says), "no `{says}`:\n{finished}");
    }
}

#[test]
fn an_unknown_word_fails_and_names_all_that_are_known() {
    let finished = boot("64M", "fail=nothing");
    ended_with(&finished, FAIL, "verdict: FAIL");
    let known = finished
        .stdout
        .lines()
        .filter_map(|line| line.strip_prefix("  "));
    assert!(known.eq(FAILURES.map(|(word, _)| word)), "{finished}");
}

#[test]
fn a_machine_without_memory_to_spare_fails() {
    let finished = boot("4M", "");
    ended_with(&finished, FAIL, "verdict: FAIL");
    assert!(finished.stdout.contains("no page frames"), "{finished}");
}
