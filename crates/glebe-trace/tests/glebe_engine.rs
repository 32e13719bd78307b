//! Every kind of case on the engine, by its bare calls and as Rust's allocator: under the oracle,
//! with the engine's own check, on one thread, on several in turns and on several at once.
//!
//! The engine's check may run only while no other thread is inside the engine, so the tests run
//! one at a time, each on a thread that has ended, its data with it, before the next begins.

use glebe_trace::{Care, Case, GlebeRaw, Mix, Op, Origin, Profile, Sizes, Target, replay};
use std::sync::{Mutex, PoisonError};
use std::thread;

static ENGINE: Mutex<()> = Mutex::new(());

/// Runs a test alone.
fn alone(test: impl FnOnce() + Send + 'static) {
    let _engine = ENGINE.lock().unwrap_or_else(PoisonError::into_inner);
    if let Err(panic) = thread::spawn(test).join() {
        std::panic::resume_unwind(panic);
    }
}

/// Ops of a case; fewer where a block takes a millisecond to fill and check.
fn ops(mix: Mix, sizes: Sizes) -> usize {
    let optimised = if cfg!(debug_assertions) { 1 } else { 40 };
    let most = match mix {
        Mix::Long => 6000,
        Mix::Abreast => 6000,
        Mix::Turns => 2000,
        Mix::Checked | Mix::Bytes | Mix::Bad => 100,
    };
    match sizes {
        Sizes::Large => optimised * most / 40 + 20,
        _ => optimised * most,
    }
}

/// Plays a kind of case in every profile.
fn play(target: &impl Target, name: &str, mix: Mix, seed: u64, threads: u32) {
    let mut most_live = 0;
    for profile in Profile::all() {
        let ops = ops(mix, profile.sizes);
        let profile = profile.on_threads(threads);
        let case = Case {
            mix,
            seed,
            profile,
            ops,
        };
        let again = format!("glebe-fuzz case {case} --target {name}");
        match case.play(target, &Origin::Command(again)) {
            Ok(summary) => {
                assert_eq!(summary.passed_over, 0, "{case}");
                most_live += summary.most_live;
                let among_threads = mix == Mix::Abreast && profile.sizes != Sizes::Large;
                let few = summary.handed_over < summary.ops / 30;
                assert!(!among_threads || !few, "{case}: {summary:?}");
            }
            Err(fault) => panic!("{fault}"),
        }
    }
    assert!(most_live > 24 * 5, "{most_live} over all profiles");
}

#[test]
fn long_on_one_thread() {
    alone(|| play(&GlebeRaw, "glebe", Mix::Long, 1, 1));
}

#[test]
fn checked_after_every_op() {
    alone(|| play(&GlebeRaw, "glebe", Mix::Checked, 2, 1));
}

#[test]
fn checked_after_every_op_on_threads() {
    alone(|| play(&GlebeRaw, "glebe", Mix::Checked, 3, 3));
}

#[test]
fn any_bytes() {
    alone(|| play(&GlebeRaw, "glebe", Mix::Bytes, 4, 2));
}

#[test]
fn on_threads_in_turns() {
    alone(|| play(&GlebeRaw, "glebe", Mix::Turns, 5, 3));
}

#[test]
fn on_threads_at_once() {
    alone(|| play(&GlebeRaw, "glebe", Mix::Abreast, 6, 4));
}

#[test]
fn as_rusts_allocator() {
    alone(|| {
        play(&glebe::Glebe, "glebe-global", Mix::Checked, 7, 1);
        play(&glebe::Glebe, "glebe-global", Mix::Turns, 8, 2);
        play(&glebe::Glebe, "glebe-global", Mix::Abreast, 9, 3);
    });
}

/// A purge between any two ops: nothing that lives may be touched by it.
#[test]
fn purged_after_every_op() {
    alone(|| {
        for profile in Profile::all() {
            let (mix, seed, ops) = (Mix::Checked, 10, 60);
            let case = Case {
                mix,
                seed,
                profile,
                ops,
            };
            let ops = case
                .events()
                .into_iter()
                .flat_map(|event| [event.op, Op::Purge]);
            if let Err(fault) = replay(&GlebeRaw, ops, Care::UTMOST, &Origin::List) {
                panic!("{case}, with purges: {fault}");
            }
        }
    });
}

#[test]
fn bytes_from_a_fuzzer() {
    alone(|| {
        let mut rng = glebe_trace::rng::Rng::new(8);
        for length in [0, 1, 2, 3, 50, 2000] {
            let bytes: Vec<u8> = (0..length).map(|_| rng.next() as u8).collect();
            glebe_trace::fuzz_one(&bytes);
        }
    });
}

/// The oracle reaches the engine's edges: these have once been special cases there.
#[test]
fn edges() {
    const MIB: usize = 1 << 20;
    let id = 0;
    let list = [
        Op::Alloc { id, size: 0 },
        Op::Realloc { id, size: 0 },
        Op::FreeSized { id },
        Op::Aligned {
            id,
            size: 0,
            align: 4 * MIB,
        },
        Op::Realloc { id, size: 1 },
        Op::Realloc { id, size: 3 * MIB },
        Op::Realloc { id, size: 7 * MIB },
        Op::Purge,
        Op::Realloc {
            id,
            size: usize::MAX,
        },
        Op::Realloc { id, size: 5 },
        Op::FreeSized { id },
        Op::Zeroed { id, size: 9 * MIB },
        Op::FreeSized { id },
        Op::Zeroed { id, size: 9 * MIB },
        Op::Zeroed {
            id: 1,
            size: usize::MAX,
        },
        Op::Usable { id },
    ];
    alone(move || {
        replay(&GlebeRaw, list, Care::UTMOST, &Origin::List).expect("no fault");
    });
}
