//! False sharing, after cache-scratch and cache-thrash (Emery Berger and others, "Hoard: A Scalable
//! Memory Allocator for Multithreaded Applications", ASPLOS 2000). Threads write often to small
//! objects of their own; an allocator that gave two of them objects of one cache line makes them
//! slow. Passive: every thread first frees a small object of the starting thread, beside those of
//! the other threads, which it must not get again. Active: it only allocates its own.

use std::thread;

use crate::bench::patterns::handoff::Message;
use crate::bench::patterns::heap::{consume, obtain, release};
use crate::bench::patterns::pattern::{Load, Pattern};

const THREADS: usize = 2;
const BYTES: usize = 8;
/// Objects in the life of a thread.
const LIVES: u64 = 1_000;
/// Writes in the life of an object.
const WRITES: usize = 1_000;

pub fn patterns() -> Vec<Pattern> {
    let passive = "2 threads free another's 8 bytes, then allocate, write 1000 times and free";
    let active = "2 threads allocate 8 bytes, write them 1000 times and free them";
    vec![
        Pattern::new("sharing/passive", passive, 1_600_000, |_| Sharing {
            gift: true,
        }),
        Pattern::new("sharing/active", active, 1_600_000, |_| Sharing {
            gift: false,
        }),
    ]
}

struct Sharing {
    /// Whether each thread gets an object to free.
    gift: bool,
}

impl Load for Sharing {
    fn run(&mut self, ops: u64) -> u64 {
        let together = THREADS as u64 * LIVES;
        let rounds = ops.div_ceil(together);
        for _ in 0..rounds {
            let gifts = [(); THREADS].map(|()| self.gift.then(|| Message([obtain(BYTES)])));
            thread::scope(|scope| {
                for gift in gifts {
                    scope.spawn(move || live(gift));
                }
            });
        }
        rounds * together
    }
}

/// The life of a thread.
fn live(gift: Option<Message<1>>) {
    if let Some(Message([object])) = gift {
        // SAFETY: the message is the only owner of its object.
        let size = unsafe { consume(object) };
        assert_eq!(size, BYTES, "the object lost its contents");
    }
    for _ in 0..LIVES {
        let object = obtain(BYTES);
        let word = object.cast::<usize>();
        for _ in 0..WRITES {
            // SAFETY: the object is live and holds a word, which `obtain` wrote.
            unsafe { word.write_volatile(word.read_volatile() + 1) };
        }
        // SAFETY: just obtained.
        unsafe {
            assert_eq!(word.read_volatile(), BYTES + WRITES, "writes were lost");
            release(object);
        }
    }
}
