//! Random replacement with frees by other threads, after the benchmark of rpmalloc (Mattias
//! Jansson): each thread replaces random objects of its own, the smaller the more, and of every 256
//! objects gives 64 to the next thread to free.

use crate::bench::patterns::handoff::{MESSAGE, Message};
use crate::bench::patterns::heap::obtain;
use crate::bench::patterns::pattern::{Load, Pattern};
use crate::bench::patterns::random::Replace;
use crate::bench::patterns::sizes::Sizes;

use super::ring;

/// Live objects of each thread.
const LIVE: usize = 10_000;
/// Objects replaced for each message.
const OWN: u64 = 3 * MESSAGE as u64;

pub fn patterns() -> Vec<Pattern> {
    let about = "replace 16 to 8000 bytes at random; a quarter is freed by the next thread";
    [2, 4]
        .map(|threads| {
            let make = move |seed| Cross {
                workers: (0..threads)
                    .map(|thread| Worker::new(seed, thread))
                    .collect(),
            };
            Pattern::new(format!("cross/{threads}"), about, 4_000_000, make)
        })
        .into()
}

struct Cross {
    workers: Vec<Worker>,
}

struct Worker {
    own: Replace,
    given: Sizes,
}

impl Worker {
    fn new(seed: u64, thread: u64) -> Self {
        let seed = seed.wrapping_add(2 * thread);
        let sizes = |seed| Sizes::logarithmic(seed, 16, 8000);
        Self {
            own: Replace::new(LIVE, sizes(seed), seed),
            given: sizes(seed.wrapping_add(1)),
        }
    }
}

impl Load for Cross {
    fn run(&mut self, ops: u64) -> u64 {
        let together = self.workers.len() as u64 * (OWN + MESSAGE as u64);
        let rounds = ops.div_ceil(together);
        ring::run(&mut self.workers, |worker, link| {
            for _ in 0..rounds {
                worker.own.run(OWN);
                let given = [(); MESSAGE].map(|()| obtain(worker.given.next()));
                link.send(Message(given));
                link.free_arrived();
            }
        });
        rounds * together
    }
}
