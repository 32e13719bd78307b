//! Bad frees, each in a process of its own: the process must end by SIGABRT after exactly one line
//! on its standard error stream, which starts with `glebe: ` and names the fault, the address and,
//! where it is known, the size class.
//!
//! The cases and the ways to commit them are in `programs/bad_frees.cc`; here is what each must
//! lead to. The judge itself is tried on runs that it must refuse.
use std::collections::BTreeSet;
use std::sync::LazyLock;

use glebe_tests::program::Program;
use glebe_tests::run::Finished;
use regex::Regex;

const PROGRAM: Program = Program::new("bad_frees.cc");
const SIGABRT: i32 = 6;
/// The exit status of a case that does not exist in this process, such as a fifth mapping.
const NO_SUCH_CASE: i32 = 77;

/// Every function that frees a block or looks into one.
const EVERY_WAY: &[&str] = &[
    "free",
    "realloc",
    "realloc_to_zero",
    "reallocarray",
    "malloc_usable_size",
    "free_sized",
    "free_aligned_sized",
    "delete",
    "delete_array",
    "delete_sized",
    "delete_array_sized",
    "delete_nothrow",
    "delete_aligned",
    "delete_sized_aligned",
    "cfree",
    "glebe_free",
];

/// The ways that free. While another thread's free is on its way the block is still live for its
/// owner, who may look into it (or grow it in place) unnoticed, but not free it.
const FREEING_WAYS: &[&str] = &[
    "free",
    "realloc",
    "realloc_to_zero",
    "reallocarray",
    "free_sized",
    "delete",
    "delete_array",
    "delete_sized",
    "delete_array_sized",
    "delete_nothrow",
    "cfree",
    "glebe_free",
];

/// The ways that say how large the block is.
const SIZED_WAYS: &[&str] = &[
    "free_sized",
    "free_aligned_sized",
    "delete_sized",
    "delete_array_sized",
    "delete_sized_aligned",
];

/// As [`SIZED_WAYS`], without those that also claim an alignment.
const PLAIN_SIZED_WAYS: &[&str] = &["free_sized", "delete_sized", "delete_array_sized"];

const DOUBLE: &[&str] = &["double free"];
/// The run, or the whole slab, may be free land again, of no class.
const DOUBLE_GONE: &[&str] = &["double free", "never allocated"];
const INTERIOR: &[&str] = &["interior pointer"];
const MISALIGNED: &[&str] = &["misaligned pointer"];
const FOREIGN: &[&str] = &["foreign pointer"];
const FOREIGN_MISALIGNED: &[&str] = &["foreign pointer", "misaligned pointer"];
const NEVER: &[&str] = &["never allocated"];
/// A slot that lies in a slab but was never handed out looks like one that was freed.
const NEVER_SLOT: &[&str] = &["never allocated", "double free"];
/// Somewhere in the reservation, or just outside.
const BESIDE: &[&str] = &["foreign pointer", "allocator's tables", "never allocated"];
const BEFORE: &[&str] = &[
    "interior pointer",
    "foreign pointer",
    "allocator's tables",
    "never allocated",
];
const WRONG_SIZE: &[&str] = &["wrong size in sized free"];

/// Runs one case one way; `None` when there is no such case in this process.
fn run(case: &str, way: &str) -> Option<Finished> {
    let finished = PROGRAM.run(case).arg(way).finish();
    let code = finished.status.and_then(|status| status.code());
    (code != Some(NO_SUCH_CASE)).then_some(finished)
}

/// What is wrong with the end of a process that freed what it must not.
fn judge(run: &Finished, faults: &[&str], with_class: bool) -> Result<(), String> {
    static VICTIM: LazyLock<Regex> =
        LazyLock::new(|| Regex::new(r"^address (0x[0-9a-f]+|0) usable (\d+)\n$").expect("valid"));
    if run.signal() != Some(SIGABRT) {
        return Err("did not end by SIGABRT".to_string());
    }
    let victim = VICTIM
        .captures(&run.stdout)
        .ok_or("noticed before or after the bad free")?;
    let (address, usable) = (&victim[1], &victim[2]);
    let line = run
        .stderr
        .strip_suffix('\n')
        .ok_or("no line on standard error")?;
    if line.contains('\n') {
        return Err("more than one line on standard error".to_string());
    }
    if !line.starts_with("glebe: ") {
        return Err("the line does not start with 'glebe: '".to_string());
    }
    if !faults.iter().any(|fault| line.contains(fault)) {
        return Err(format!("the line names none of the faults {faults:?}"));
    }
    if !has_word(line, address) {
        return Err(format!("the line does not name the address {address}"));
    }
    if with_class && !has_word(line, usable) {
        return Err(format!("the line does not name the size class {usable}"));
    }
    Ok(())
}

fn has_word(line: &str, word: &str) -> bool {
    line.split(|c: char| !c.is_ascii_alphanumeric())
        .any(|found| found == word)
}

/// Commits a case in each of the ways and lists all that go wrong.
fn must_abort(case: &str, ways: &[&str], faults: &[&str], with_class: bool) {
    let mut wrong = Vec::new();
    for way in ways {
        let run = run(case, way).unwrap_or_else(|| panic!("{case} does not exist here"));
        if let Err(why) = judge(&run, faults, with_class) {
            wrong.push(format!("{case} by {way}: {why}\n{run}"));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {} ways\n{}",
        wrong.len(),
        ways.len(),
        wrong.join("\n")
    );
}

fn must_pass(case: &str, ways: &[&str]) {
    for way in ways {
        run(case, way)
            .expect("valid cases exist everywhere")
            .expect_success();
    }
}

/// Tests of valid frees, and of bad ones: case, ways, faults, and whether the class is known.
macro_rules! cases {
    (valid { $($valid:ident: $valid_ways:expr,)+ }
     bad { $($case:ident: $ways:expr, $faults:expr, $class:expr;)+ }) => {
        $(
            #[test]
            fn $valid() {
                must_pass(stringify!($valid), $valid_ways);
            }
        )+
        $(
            #[test]
            fn $case() {
                must_abort(stringify!($case), $ways, $faults, $class);
            }
        )+
        const TESTED: &[&str] = &[$(stringify!($valid),)+ $(stringify!($case)),+];
    };
}

const CLASS: bool = true;
const NO_CLASS: bool = false;

cases! {
    valid {
        valid_small: EVERY_WAY,
        valid_medium: EVERY_WAY,
        valid_large: EVERY_WAY,
        valid_null: EVERY_WAY,
        valid_in_another_thread: EVERY_WAY,
        valid_from_ended_thread: EVERY_WAY,
        valid_other_size_of_the_class: PLAIN_SIZED_WAYS,
    }
    bad {
        double_small: EVERY_WAY, DOUBLE, CLASS;
        double_smallest: EVERY_WAY, DOUBLE, CLASS;
        double_medium: EVERY_WAY, DOUBLE, CLASS;
        double_large: EVERY_WAY, DOUBLE_GONE, NO_CLASS;
        double_huge: EVERY_WAY, DOUBLE_GONE, NO_CLASS;
        double_after_other_work: EVERY_WAY, DOUBLE, CLASS;
        double_medium_after_other_work: EVERY_WAY, DOUBLE_GONE, NO_CLASS;
        double_after_trim: EVERY_WAY, DOUBLE_GONE, NO_CLASS;
        double_in_a_batch: EVERY_WAY, DOUBLE_GONE, NO_CLASS;
        double_in_a_batch_of_medium: EVERY_WAY, DOUBLE_GONE, NO_CLASS;
        double_after_realloc_moved_it: EVERY_WAY, DOUBLE, CLASS;
        double_of_aligned: EVERY_WAY, DOUBLE, CLASS;
        double_of_calloc: EVERY_WAY, DOUBLE, CLASS;

        owner_then_another: EVERY_WAY, DOUBLE, CLASS;
        owner_then_another_medium: EVERY_WAY, DOUBLE, CLASS;
        owner_then_another_large: EVERY_WAY, DOUBLE_GONE, NO_CLASS;
        ended_thread_then_owner: FREEING_WAYS, DOUBLE, CLASS;
        ended_thread_then_owner_medium: FREEING_WAYS, DOUBLE, CLASS;
        ended_thread_then_owner_large: EVERY_WAY, DOUBLE_GONE, NO_CLASS;
        ended_thread_then_owner_reused: FREEING_WAYS, DOUBLE, CLASS;
        sleeping_thread_then_owner_reused: FREEING_WAYS, DOUBLE, CLASS;
        sleeping_thread_then_owner: FREEING_WAYS, DOUBLE, CLASS;
        sleeping_thread_then_owner_medium: FREEING_WAYS, DOUBLE, CLASS;
        sleeping_thread_then_owner_large: EVERY_WAY, DOUBLE_GONE, NO_CLASS;
        sleeping_thread_then_third: FREEING_WAYS, DOUBLE, CLASS;
        two_other_threads: FREEING_WAYS, DOUBLE, CLASS;
        two_other_threads_medium: FREEING_WAYS, DOUBLE, CLASS;
        owner_ended_freed_there: EVERY_WAY, DOUBLE_GONE, NO_CLASS;
        owner_ended_freed_there_medium: EVERY_WAY, DOUBLE_GONE, NO_CLASS;
        owner_ended_freed_twice_here: FREEING_WAYS, DOUBLE_GONE, NO_CLASS;
        owner_ended_freed_here_then_elsewhere: FREEING_WAYS, DOUBLE_GONE, NO_CLASS;

        misaligned_by_1: EVERY_WAY, MISALIGNED, NO_CLASS;
        misaligned_by_8: EVERY_WAY, MISALIGNED, NO_CLASS;
        misaligned_in_large: EVERY_WAY, MISALIGNED, NO_CLASS;
        interior_16_of_64: EVERY_WAY, INTERIOR, CLASS;
        interior_48_of_64: EVERY_WAY, INTERIOR, CLASS;
        interior_64_of_256: EVERY_WAY, INTERIOR, CLASS;
        interior_middle_of_medium: EVERY_WAY, INTERIOR, CLASS;
        interior_of_medium_at_4096: EVERY_WAY, INTERIOR, CLASS;
        interior_middle_of_large: EVERY_WAY, INTERIOR, NO_CLASS;
        interior_of_large_at_4096: EVERY_WAY, INTERIOR, NO_CLASS;
        interior_of_large_at_16384: EVERY_WAY, INTERIOR, NO_CLASS;
        interior_of_large_at_16: EVERY_WAY, INTERIOR, NO_CLASS;
        interior_of_huge: EVERY_WAY, INTERIOR, NO_CLASS;
        interior_of_aligned: EVERY_WAY, INTERIOR, CLASS;
        before_a_block: EVERY_WAY, BEFORE, NO_CLASS;

        stack: EVERY_WAY, FOREIGN, NO_CLASS;
        static_variable: EVERY_WAY, FOREIGN, NO_CLASS;
        static_variable_misaligned: EVERY_WAY, FOREIGN_MISALIGNED, NO_CLASS;
        own_mapping: EVERY_WAY, FOREIGN, NO_CLASS;
        code: EVERY_WAY, FOREIGN, NO_CLASS;
        small_integer: EVERY_WAY, FOREIGN, NO_CLASS;
        small_integer_misaligned: EVERY_WAY, FOREIGN_MISALIGNED, NO_CLASS;
        not_canonical: EVERY_WAY, FOREIGN, NO_CLASS;
        top_of_address_space: EVERY_WAY, FOREIGN, NO_CLASS;
        half_of_address_space: EVERY_WAY, FOREIGN, NO_CLASS;

        past_everything: EVERY_WAY, NEVER, NO_CLASS;
        free_neighbour: EVERY_WAY, NEVER_SLOT, NO_CLASS;
        free_neighbour_of_medium: EVERY_WAY, NEVER_SLOT, NO_CLASS;
        past_a_large_block: EVERY_WAY, NEVER_SLOT, NO_CLASS;

        size_too_large: SIZED_WAYS, WRONG_SIZE, CLASS;
        size_too_small: SIZED_WAYS, WRONG_SIZE, CLASS;
        size_zero_of_64: SIZED_WAYS, WRONG_SIZE, CLASS;
        size_one_class_up: SIZED_WAYS, WRONG_SIZE, CLASS;
        size_one_class_down: SIZED_WAYS, WRONG_SIZE, CLASS;
        size_of_large_for_small: SIZED_WAYS, WRONG_SIZE, CLASS;
        size_of_small_for_large: SIZED_WAYS, WRONG_SIZE, NO_CLASS;
        size_of_larger_for_large: SIZED_WAYS, WRONG_SIZE, NO_CLASS;
        size_of_smaller_for_large: SIZED_WAYS, WRONG_SIZE, NO_CLASS;
        size_wrong_for_medium: SIZED_WAYS, WRONG_SIZE, CLASS;
        size_impossible: SIZED_WAYS, WRONG_SIZE, CLASS;
        size_wrong_for_aligned: SIZED_WAYS, WRONG_SIZE, CLASS;
        size_wrong_in_another_thread: SIZED_WAYS, WRONG_SIZE, CLASS;
    }
}

/// Tables, guard gaps and land not yet opened lie in mappings that touch the heap's own.
#[test]
fn pointers_beside_the_heap() {
    let mut found = 0;
    for n in 0..6 {
        let case = format!("beside_the_heap_{n}");
        for way in EVERY_WAY {
            let Some(run) = run(&case, way) else { continue };
            found += 1;
            judge(&run, BESIDE, false)
                .unwrap_or_else(|why| panic!("{case} by {way}: {why}\n{run}"));
        }
    }
    assert!(
        found >= EVERY_WAY.len(),
        "no mapping was found beside the heap's own"
    );
}

/// Whatever the program does about SIGABRT, the bad free ends it.
#[test]
fn sigabrt_cannot_be_evaded() {
    for meddling in ["ignored", "blocked"] {
        let run = PROGRAM
            .run("double_small")
            .arg("free")
            .arg(meddling)
            .finish();
        judge(&run, DOUBLE, true).unwrap_or_else(|why| panic!("{meddling}: {why}\n{run}"));
    }
    let run = PROGRAM
        .run("double_small")
        .arg("free")
        .arg("handled")
        .finish();
    assert_eq!(run.signal(), Some(SIGABRT), "{run}");
    assert!(
        run.stdout.ends_with("handled\n"),
        "the program's handler was not called\n{run}"
    );
}

#[test]
fn a_bad_free_without_standard_streams_still_aborts() {
    let run = PROGRAM
        .run("double_small")
        .arg("free")
        .without_streams()
        .finish();
    assert_eq!(run.signal(), Some(SIGABRT), "{run}");
}

#[test]
fn every_case_and_every_way_is_tested() {
    let beside = (0..6).map(|n| format!("beside_the_heap_{n}"));
    let tested: BTreeSet<String> = TESTED
        .iter()
        .map(|case| case.to_string())
        .chain(beside)
        .collect();
    assert_eq!(PROGRAM.modes().into_iter().collect::<BTreeSet<_>>(), tested);
    let ways = PROGRAM.plain_run("ways").finish().expect_success().stdout;
    assert_eq!(ways.lines().collect::<Vec<_>>(), EVERY_WAY);
}

#[test]
fn the_judge_refuses_a_valid_free() {
    let run = run("valid_small", "free").expect("valid cases exist everywhere");
    assert!(judge(&run, DOUBLE, true).is_err(), "{run}");
}

/// The system's allocator aborts too, but says something else.
#[test]
fn the_judge_refuses_another_allocators_message() {
    let run = PROGRAM.plain_run("double_small").arg("free").finish();
    assert_eq!(run.signal(), Some(SIGABRT), "{run}");
    assert!(judge(&run, DOUBLE, true).is_err(), "{run}");
}

#[test]
fn the_judge_refuses_the_wrong_words() {
    let good = "glebe: double free of 0x7f0000000040 (size class 64 bytes)\n";
    let run = |stderr: &str| Finished {
        what: "an invented run".to_string(),
        status: Some(std::os::unix::process::ExitStatusExt::from_raw(SIGABRT)),
        stdout: "address 0x7f0000000040 usable 64\n".to_string(),
        stderr: stderr.to_string(),
        took: std::time::Duration::ZERO,
    };
    assert_eq!(judge(&run(good), DOUBLE, true), Ok(()));
    let wrong = [
        good.replace("double free", "interior pointer"),
        good.replace("0x7f0000000040", "0x7f0000000041"),
        good.replace("64 bytes", "640 bytes"),
        good.replace("glebe: ", "libc: "),
        good.replace('\n', ""),
        format!("{good}{good}"),
        String::new(),
    ];
    for stderr in wrong {
        assert!(
            judge(&run(&stderr), DOUBLE, true).is_err(),
            "{stderr:?} was accepted"
        );
    }
}
