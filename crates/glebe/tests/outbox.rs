//! Frees of another thread's slots wait in the freeing thread, but not many and not for ever. Alone
//! in its process: the counts are the process's.

use glebe::raw;
use std::sync::{Arc, Barrier};

/// The size class of 64 bytes.
const CLASS: usize = 3;
const COUNT: usize = 50_000;

fn live() -> usize {
    raw::class_stats(CLASS).0
}

#[test]
fn what_waits_is_bounded_and_published_when_the_thread_ends() {
    assert_eq!(raw::class_size(CLASS), 64);
    let before = live();
    let blocks: Vec<usize> = (0..COUNT).map(|_| raw::malloc(64) as usize).collect();
    assert_eq!(live(), before + COUNT);
    // Barriers, because channels allocate, and a new slab sends what waits.
    let (freed, leave) = (Arc::new(Barrier::new(2)), Arc::new(Barrier::new(2)));
    let (done, go) = (freed.clone(), leave.clone());
    let freer = std::thread::spawn(move || {
        // A thread without a heap has no outbox.
        let own = raw::malloc(64);
        // Forth and back, so that parcels are sent full and all but empty.
        let (even, odd): (Vec<_>, Vec<_>) = blocks.into_iter().partition(|block| block % 128 == 0);
        for block in even.into_iter().chain(odd.into_iter().rev()) {
            // SAFETY: live, and given up.
            unsafe { raw::free(block as *mut u8) };
        }
        // SAFETY: live, and given up.
        unsafe { raw::free(own) };
        done.wait();
        go.wait();
    });
    freed.wait();
    let waiting = live() - before;
    assert!(waiting > 0, "nothing waits: is there an outbox at all?");
    assert!(waiting * 64 <= 64 << 10, "{waiting} frees wait");
    raw::verify().unwrap();
    leave.wait();
    freer.join().unwrap();
    assert_eq!(live(), before);
    // The owner finds all of it again.
    let again: Vec<_> = (0..COUNT).map(|_| raw::malloc(64)).collect();
    assert_eq!(live(), before + COUNT);
    for block in again {
        // SAFETY: live, and given up.
        unsafe { raw::free(block) };
    }
    raw::verify().unwrap();
}
