//! Every bad pointer ends the process by SIGABRT, after one line that names fault and address.

use std::sync::LazyLock;

use crate::program::{Link, Program};

static PROGRAM: LazyLock<Program> =
    LazyLock::new(|| Program::of_tests("pools_faults.c", Link::Static));

const SIGABRT: i32 = 6;

/// Each mode, and what its line says after `glebe: `.
const FAULTS: [(&str, &str); 20] = [
    ("twice", "double free"),
    ("twice_after_a_join", "double free"),
    ("one_byte_off", "misaligned pointer"),
    ("inside", "interior pointer"),
    ("of_malloc", "foreign pointer"),
    ("of_the_stack", "foreign pointer"),
    ("of_a_variable", "foreign pointer"),
    ("of_os_malloc", "foreign pointer"),
    ("realloc_of_a_freed_one", "double free"),
    ("resize_inside", "interior pointer"),
    ("inside_a_large_one", "interior pointer"),
    ("a_large_one_twice", "foreign pointer"),
    (
        "records_of_a_large_one",
        "pointer into the allocator's tables",
    ),
    ("written_after_free", "write after free"),
    (INLINE_ONLY, "overwritten header"),
    ("os_twice", "double free"),
    ("os_inside", "interior pointer"),
    ("os_of_mem_alloc", "foreign pointer"),
    ("os_realloc_of_a_freed_one", "double free"),
    ("block_twice", "double free"),
];

/// Needs headers and footers.
const INLINE_ONLY: &str = "written_past_the_end";

#[test]
fn every_fault_is_tested() {
    let names: Vec<String> = FAULTS.iter().map(|(name, _)| name.to_string()).collect();
    assert_eq!(PROGRAM.modes(), names);
}

#[track_caller]
fn is_refused(mode: &str, words: &str, tags: &str) {
    let end = PROGRAM.run(&[mode, tags]).finish();
    assert_eq!(
        end.signal(),
        Some(SIGABRT),
        "{mode} with {tags} tags: {end}"
    );
    let address = end.stdout.trim();
    assert!(address.starts_with("0x"), "{end}");
    let start = format!("glebe: {words}: {address}: ");
    assert!(
        end.stderr.starts_with(&start),
        "{mode} with {tags} tags: {end}"
    );
    assert_eq!(end.stderr.matches('\n').count(), 1, "{end}");
}

#[test]
fn with_side_tags() {
    for (mode, words) in FAULTS.iter().filter(|(mode, _)| *mode != INLINE_ONLY) {
        is_refused(mode, words, "side");
    }
}

#[test]
fn with_inline_tags() {
    for (mode, words) in FAULTS {
        is_refused(mode, words, "inline");
    }
}

/// With nobody left to tell, it still is the end.
#[test]
fn without_standard_streams() {
    let end = PROGRAM.run(&["os_twice"]).without_streams().finish();
    assert_eq!(end.signal(), Some(SIGABRT), "{end}");
}
