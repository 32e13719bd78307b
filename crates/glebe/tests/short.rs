//! One test alone in its process, whose address space is short: free memory serves whoever asks for
//! it, even while another thread is about to give its pages back.

use glebe::raw;
use rustix::process::{Resource, Rlimit, setrlimit};
use std::sync::atomic::{AtomicBool, Ordering};

/// Of the address space the half is reserved, of which this is more than a half.
const SIZE: usize = 300 << 20;
const ADDRESS_SPACE: u64 = 800 << 20;

#[test]
fn memory_that_is_being_purged_is_waited_for() {
    let limit = Some(ADDRESS_SPACE);
    setrlimit(
        Resource::As,
        Rlimit {
            current: limit,
            maximum: limit,
        },
    )
    .unwrap();
    let over = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                raw::purge();
            }
        });
        let refused = (0..300).filter(|_| !comes_and_goes()).count();
        over.store(true, Ordering::Relaxed);
        assert_eq!(refused, 0, "so many of 300");
    });
    raw::verify().unwrap();
}

/// Whether a block of more than half of all land is to be had; its pages are used.
fn comes_and_goes() -> bool {
    let block = raw::malloc(SIZE);
    if block.is_null() {
        return false;
    }
    // SAFETY: live and that long, and given up.
    unsafe {
        (0..SIZE).step_by(4096).for_each(|at| *block.add(at) = 1);
        raw::free(block);
    }
    true
}
