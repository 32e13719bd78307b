//! The frames by themselves: runs are taken, given back, refused, used up and joined again.

use crate::frames::{MACHINE, Refused, all_are_back, mem_block_alloc, mem_block_free};
use crate::memory::{PAGE, SMALL_PAGES_END};
use crate::say;
use core::ffi::c_void;

fn refuses(address: usize, why: fn(usize) -> Refused) {
    let outcome = MACHINE.lock().free(address);
    assert_eq!(outcome, Err(why(address)));
}

/// Gives back what is a run's start.
fn give(run: *mut c_void) {
    // SAFETY: the run was taken here, and nothing uses its memory.
    unsafe { mem_block_free(run) }
}

pub fn run() {
    say!("\n== page frames");
    let first = mem_block_alloc(3);
    let second = mem_block_alloc(1);
    let third = mem_block_alloc(70);
    assert_eq!(
        second.addr() - first.addr(),
        3 * PAGE,
        "runs lie side by side"
    );
    assert_eq!(third.addr() - second.addr(), PAGE, "runs lie side by side");

    refuses(first.addr() + 8, Refused::Misaligned);
    refuses(third.addr() + 69 * PAGE, Refused::Interior);
    refuses(third.addr() + 70 * PAGE, Refused::Free);
    refuses(SMALL_PAGES_END - PAGE, Refused::Foreign);
    refuses(usize::MAX - PAGE + 1, Refused::Foreign);
    give(second);
    refuses(second.addr(), Refused::Free);
    assert_eq!(
        mem_block_alloc(1),
        second,
        "the lowest run that is long enough is taken"
    );
    say!("refused: misaligned, interior, free twice, never free, foreign");

    let rest = MACHINE.lock().unused();
    assert!(
        mem_block_alloc(rest + 1).is_null(),
        "there are not that many"
    );
    let all = mem_block_alloc(rest);
    assert!(
        !all.is_null() && mem_block_alloc(1).is_null(),
        "none is left"
    );
    say!("used up: no more after {}", 3 + 1 + 70 + rest);
    [second, all, first, third].into_iter().for_each(give);
    all_are_back();
    say!("given back: one run again");
}
