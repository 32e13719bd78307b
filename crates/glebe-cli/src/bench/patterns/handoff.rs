//! One thread allocates, another frees: two stages of a server. Every free is of another thread's
//! object.
//!
//! Objects travel in messages of [`MESSAGE`]. One at a time, the two threads would pass the queue's
//! own cache lines to and fro for each object, and the row would tell how well they happen to keep
//! out of step: an allocator that does nothing at all then takes from 16 to 50 ns an object.

use std::thread;

use super::heap::{consume, obtain};
use super::pattern::{Load, Pattern};
use super::sizes::Sizes;

/// Objects in a message.
const MESSAGE: usize = 64;
/// Messages in flight at most.
const CAPACITY: usize = 16;
/// Tries before a waiting side yields the processor.
const SPINS: u32 = 64;

pub fn patterns() -> Vec<Pattern> {
    let about = "one thread allocates 64 to 512 bytes, another frees, in messages of 64";
    vec![Pattern::new("handoff/1:1", about, 5_000_000, |seed| {
        Handoff {
            sizes: Sizes::uniform(seed, 64, 512),
        }
    })]
}

struct Handoff {
    sizes: Sizes,
}

/// Objects on their way to the thread that frees them.
struct Message([*mut u8; MESSAGE]);

// SAFETY: the sender does not touch the objects again.
unsafe impl Send for Message {}

impl Load for Handoff {
    fn run(&mut self, ops: u64) -> u64 {
        let messages = ops.div_ceil(MESSAGE as u64);
        let (mut sender, mut receiver) = rtrb::RingBuffer::<Message>::new(CAPACITY);
        let sizes = &mut self.sizes;
        let bytes = thread::scope(|scope| {
            scope.spawn(move || {
                for _ in 0..messages {
                    let message = Message([(); MESSAGE].map(|()| obtain(sizes.next())));
                    retry(|| (!sender.is_full()).then_some(()));
                    let sent = sender.push(message);
                    debug_assert!(sent.is_ok(), "only this thread fills the queue");
                }
            });
            let consumer = scope.spawn(move || {
                let mut bytes = 0;
                for _ in 0..messages {
                    let Message(objects) = retry(|| receiver.pop().ok());
                    for object in objects {
                        // SAFETY: the message is the only owner of its objects.
                        bytes += unsafe { consume(object) };
                    }
                }
                bytes
            });
            consumer.join().expect("the consumer does not panic")
        });
        assert!(
            bytes >= messages as usize * MESSAGE * 64,
            "objects lost their contents on the way"
        );
        messages * MESSAGE as u64
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
