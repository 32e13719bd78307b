//! Bulk allocation freed in waves, after sh6bench and sh8bench of MicroQuill (the makers of
//! SmartHeap): a wave of objects up to 1000 bytes, the smaller the more, is allocated and then
//! freed first in first out, last in first out or every other object first; some live until the
//! next wave. With several threads, each may give a quarter of its wave to another one to free.

use crate::bench::patterns::handoff::{MESSAGE, Message};
use crate::bench::patterns::heap::{obtain, release};
use crate::bench::patterns::pattern::{Load, Pattern};
use crate::bench::patterns::sizes::Sizes;
use crate::bench::patterns::table::Table;

use super::ring::{self, Link};

/// Objects in a wave.
const WAVE: usize = 64 * MESSAGE;
/// One of so many lives until the next wave.
const KEPT_SHARE: usize = 8;

pub fn patterns() -> Vec<Pattern> {
    let own = "allocate 4096 objects of 8 to 1000 bytes, free them in one of three orders";
    let given = "the same; the next thread frees a quarter of each wave";
    [
        ("waves/1", own, 1, 0),
        ("waves/2", own, 2, 0),
        ("waves/2-given", given, 2, WAVE / 4),
    ]
    .map(|(name, about, threads, given)| {
        Pattern::new(name, about, 10_000_000 * threads, move |seed| Waves {
            workers: (0..threads)
                .map(|thread| Worker::new(seed.wrapping_add(thread), given))
                .collect(),
        })
    })
    .into()
}

struct Waves {
    workers: Vec<Worker>,
}

struct Worker {
    objects: Table<*mut u8>,
    kept: Table<*mut u8>,
    sizes: Sizes,
    /// Objects of a wave that others free.
    given: usize,
}

impl Worker {
    fn new(seed: u64, given: usize) -> Self {
        let mut sizes = Sizes::logarithmic(seed, 8, 1000);
        let mut kept = Table::new(WAVE / KEPT_SHARE);
        kept.iter_mut()
            .for_each(|slot| *slot = obtain(sizes.next()));
        Self {
            objects: Table::new(WAVE),
            kept,
            sizes,
            given,
        }
    }

    fn wave(&mut self, number: u64, link: &mut Link) {
        for slot in self.objects.iter_mut() {
            *slot = obtain(self.sizes.next());
        }
        // The new ones among them are kept, those of the last wave take their places.
        let leaving = self.objects.iter_mut().step_by(KEPT_SHARE);
        for (kept, slot) in self.kept.iter_mut().zip(leaving) {
            std::mem::swap(kept, slot);
        }
        let (given, own) = self.objects.split_at(self.given);
        for message in given.as_chunks::<MESSAGE>().0 {
            link.send(Message(*message));
        }
        link.free_arrived();
        // SAFETY: every slot was filled in this wave or holds a kept object of the last one, and
        // is freed once.
        let free = |&object: &*mut u8| unsafe { release(object) };
        match number % 3 {
            0 => own.iter().for_each(free),
            1 => own.iter().rev().for_each(free),
            _ => {
                own.iter().step_by(2).for_each(free);
                own.iter().skip(1).step_by(2).for_each(free);
            }
        }
    }
}

impl Load for Waves {
    fn run(&mut self, ops: u64) -> u64 {
        let together = (self.workers.len() * WAVE) as u64;
        let waves = ops.div_ceil(together);
        ring::run(&mut self.workers, |worker, link| {
            for number in 0..waves {
                worker.wave(number, link);
            }
        });
        waves * together
    }
}
