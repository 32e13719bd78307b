//! Every function, corner and kind of pool, mode by mode, with either library.

use std::process::Command;

use glebe_tests::run::Run;

use crate::program::{Link, Program};

/// Runs all modes of a program, and says how many there must be, so that none is lost unnoticed.
fn passes(name: &str, link: Link, count: usize) {
    let program = Program::of_tests(name, link);
    let modes = program.modes();
    assert_eq!(modes.len(), count, "{modes:?}");
    for mode in modes {
        program.run(&[&mode]).finish().expect_success();
    }
}

#[test]
fn mem_calls_of_the_static_library() {
    passes("pools.c", Link::Static, 19);
}

#[test]
fn mem_calls_of_the_dynamic_library() {
    passes("pools.c", Link::Dynamic, 19);
}

#[test]
fn os_calls_of_the_static_library() {
    passes("pools_os.c", Link::Static, 8);
}

#[test]
fn os_calls_of_the_dynamic_library() {
    passes("pools_os.c", Link::Dynamic, 8);
}

/// With `malloc` from `libglebe.so`, which knows nothing of the pools.
#[test]
fn all_calls_beside_glebe() {
    for name in ["pools.c", "pools_os.c"] {
        let program = Program::of_tests(name, Link::Static);
        for mode in program.modes() {
            program
                .run(&[&mode])
                .preload(&glebe_tests::library())
                .finish()
                .expect_success();
        }
    }
}

/// The system calls themselves: 128 KiB of the break at the first small request; one mapping for a
/// block of 128 KiB, one for a zeroed page, and each unmapped before the next call.
#[test]
fn a_trace_shows_the_thresholds() {
    let program = Program::of_tests("pools_os.c", Link::Static);
    let mut command = Command::new("strace");
    command
        .args(["-e", "trace=brk,mmap,munmap"])
        .arg(program.path())
        .arg("for_strace");
    let trace = Run::new(command).finish().expect_success().stderr;
    let calls: Vec<&str> = trace.lines().filter(|line| line.contains(" = ")).collect();
    let last = |count: usize| &calls[calls.len() - count..];
    // From the end: munmap of the large block, munmap of the page, the two mmaps, brk.
    let tail = last(4);
    assert!(tail[0].starts_with("mmap(NULL, 135168, "), "{trace}");
    assert!(tail[1].starts_with("mmap(NULL, 8192, "), "{trace}");
    assert!(
        tail[2].starts_with("munmap(") && tail[2].contains(", 8192)"),
        "{trace}"
    );
    assert!(
        tail[3].starts_with("munmap(") && tail[3].contains(", 135168)"),
        "{trace}"
    );
    let breaks: Vec<u64> = calls
        .iter()
        .filter(|call| call.starts_with("brk("))
        .map(|c| end(c))
        .collect();
    let [.., before, after] = breaks[..] else {
        panic!("no breaks: {trace}");
    };
    assert_eq!(after - before, 128 * 1024, "{trace}");
}

/// The result of a call, in hexadecimal.
fn end(call: &str) -> u64 {
    let result = call.rsplit("0x").next().expect("brk gives an address");
    u64::from_str_radix(result.trim(), 16).expect("brk gives an address")
}
