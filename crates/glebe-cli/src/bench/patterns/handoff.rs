//! One thread allocates, another frees: a queue between two stages of a server. Every free is of
//! another thread's object.

use std::thread;

use super::heap::{consume, obtain};
use super::sizes::Sizes;
use super::{Load, Pattern};

/// Objects in flight at most.
const CAPACITY: usize = 1024;
/// Tries before a waiting side yields the processor.
const SPINS: u32 = 64;

pub fn patterns() -> Vec<Pattern> {
    let about = "one thread allocates 64 to 512 bytes, another frees, through a queue of 1024";
    vec![Pattern::new("handoff/1:1", about, 5_000_000, |seed| {
        Handoff {
            sizes: Sizes::uniform(seed, 64, 512),
        }
    })]
}

struct Handoff {
    sizes: Sizes,
}

/// An object on its way to the thread that frees it.
struct Parcel(*mut u8);

// SAFETY: the sender does not touch the object again.
unsafe impl Send for Parcel {}

impl Load for Handoff {
    fn run(&mut self, ops: u64) -> u64 {
        let (mut sender, mut receiver) = rtrb::RingBuffer::<Parcel>::new(CAPACITY);
        let sizes = &mut self.sizes;
        let bytes = thread::scope(|scope| {
            scope.spawn(move || {
                for _ in 0..ops {
                    let parcel = Parcel(obtain(sizes.next()));
                    retry(|| (!sender.is_full()).then_some(()));
                    let sent = sender.push(parcel);
                    debug_assert!(sent.is_ok(), "only this thread fills the queue");
                }
            });
            let consumer = scope.spawn(move || {
                let mut bytes = 0;
                for _ in 0..ops {
                    let Parcel(object) = retry(|| receiver.pop().ok());
                    // SAFETY: the parcel is the only owner of its object.
                    bytes += unsafe { consume(object) };
                }
                bytes
            });
            consumer.join().expect("the consumer does not panic")
        });
        assert!(
            bytes >= ops as usize * 64,
            "objects lost their contents on the way"
        );
        ops
    }
}

/// Calls `attempt` until it yields something, spinning at first, then giving way.
#[inline(always)]
fn retry<T>(mut attempt: impl FnMut() -> Option<T>) -> T {
    loop {
        for _ in 0..SPINS {
            if let Some(value) = attempt() {
                return value;
            }
            std::hint::spin_loop();
        }
        thread::yield_now();
    }
}
