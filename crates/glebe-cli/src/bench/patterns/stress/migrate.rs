//! Objects that migrate between threads through shared slots, after mstress (Daan Leijen, the
//! stress test of mimalloc): threads that do unequal amounts of work replace objects of their own,
//! exchange some with the shared slots, free what they hold, and end; new threads follow. Every
//! word of an object is written, and checked by whoever frees it.

use std::sync::atomic::{AtomicPtr, Ordering};
use std::thread;

use crate::bench::patterns::heap::{obtain, release};
use crate::bench::patterns::pattern::{Load, Pattern, repeat};
use crate::bench::patterns::sizes::{Random, Sizes};
use crate::bench::patterns::table::Table;

/// Slots that all threads share.
const SHARED: usize = 1_000;
/// Objects that a thread holds at most.
const HELD: usize = 2_000;
/// Steps in the life of a thread, on the average.
const STEPS: usize = 20_000;
/// One of so many steps exchanges an object.
const EXCHANGE_SHARE: usize = 4;

pub fn patterns() -> Vec<Pattern> {
    let about = "threads replace objects of 16 B to 16 KiB and exchange some through shared slots";
    [2, 4]
        .map(|threads| {
            let make = move |seed| Migrate {
                shared: (0..SHARED).map(|_| AtomicPtr::default()).collect(),
                workers: (0..threads)
                    .map(|thread| Worker::new(seed, thread, threads))
                    .collect(),
            };
            Pattern::new(format!("migrate/{threads}"), about, 600_000, make)
        })
        .into()
}

struct Migrate {
    shared: Vec<AtomicPtr<u8>>,
    workers: Vec<Worker>,
}

struct Worker {
    held: Table<*mut u8>,
    sizes: Sizes,
    random: Random,
    /// In the life of one of its threads.
    steps: usize,
}

impl Worker {
    fn new(seed: u64, thread: usize, threads: usize) -> Self {
        let seed = seed.wrapping_add(thread as u64);
        Self {
            held: Table::new(HELD),
            sizes: Sizes::logarithmic(seed, 16, 16 << 10),
            random: Random::new(!seed),
            steps: STEPS * 2 * (thread + 1) / (threads + 1),
        }
    }

    /// The life of one thread; the number of objects it allocated.
    fn live(&mut self, shared: &[AtomicPtr<u8>]) -> u64 {
        let mut allocated = 0;
        for _ in 0..self.steps {
            let slot = &mut self.held[self.random.below(HELD)];
            if self.random.below(EXCHANGE_SHARE) == 0 {
                let shared = &shared[self.random.below(SHARED)];
                *slot = shared.swap(*slot, Ordering::AcqRel);
            } else {
                // SAFETY: a slot is null or the only owner of an object made by `written`.
                unsafe { check_and_free(*slot) };
                *slot = written(self.sizes.next());
                allocated += 1;
            }
        }
        for slot in self.held.iter_mut() {
            // SAFETY: as above, and the slot is emptied.
            unsafe { check_and_free(std::mem::replace(slot, std::ptr::null_mut())) };
        }
        allocated
    }
}

/// Allocates an object whose first word is its size and each other word tells its own place.
fn written(size: usize) -> *mut u8 {
    let object = obtain(size);
    let words = object.cast::<usize>();
    for at in 1..size / size_of::<usize>() {
        // SAFETY: so many words fit into `size` bytes, and blocks are aligned for a word.
        unsafe { words.add(at).write(size ^ at) };
    }
    object
}

/// Checks every word, and frees the object. Null is allowed.
///
/// # Safety
/// `object` is null or came from [`written`], and is not used again.
unsafe fn check_and_free(object: *mut u8) {
    if object.is_null() {
        return;
    }
    let words = object.cast::<usize>();
    // SAFETY: a live object holds its size, and as many words as `written` wrote.
    let lost = unsafe {
        let size = words.read();
        (1..size / size_of::<usize>()).any(|at| words.add(at).read() != size ^ at)
    };
    assert!(!lost, "an object lost its contents on the way");
    // SAFETY: passed on to the caller.
    unsafe { release(object) };
}

impl Load for Migrate {
    fn run(&mut self, ops: u64) -> u64 {
        repeat(ops, || {
            let shared = &self.shared;
            thread::scope(|scope| {
                let lives = self.workers.iter_mut();
                let lives = lives.map(|worker| scope.spawn(|| worker.live(shared)));
                let lives: Vec<_> = lives.collect();
                let allocated = lives.into_iter().map(|life| life.join());
                allocated
                    .map(|count| count.expect("objects keep their contents"))
                    .sum()
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_do_unequal_work_and_objects_stay_in_the_shared_slots() {
        let shared: Vec<_> = (0..SHARED).map(|_| AtomicPtr::default()).collect();
        let mut workers = [0, 1].map(|thread| Worker::new(1, thread, 2));
        assert!(workers[0].steps < workers[1].steps);
        let allocated = workers.each_mut().map(|worker| worker.live(&shared));
        assert!(allocated[0] > 0 && allocated[0] < allocated[1]);
        let full = |slot: &&AtomicPtr<u8>| !slot.load(Ordering::Relaxed).is_null();
        assert!(shared.iter().filter(full).count() > SHARED / 2);
    }

    #[test]
    #[should_panic(expected = "lost its contents")]
    fn a_changed_word_is_noticed() {
        let object = written(64);
        // SAFETY: the object is live, and holds eight words.
        unsafe {
            object.cast::<usize>().add(7).write(0);
            check_and_free(object);
        }
    }
}
