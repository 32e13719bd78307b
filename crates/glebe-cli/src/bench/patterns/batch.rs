//! Allocate a batch of objects, then free them all: first in first out (a queue drained) or last in
//! first out (a stack unwound).

use super::heap::{obtain, release};
use super::pattern::{Load, Pattern};
use super::sizes::Sizes;
use super::table::Table;

const BATCHES: [usize; 2] = [256, 10_000];

pub fn patterns() -> Vec<Pattern> {
    let mut patterns = Vec::new();
    for (order, about) in [
        (Order::Fifo, "allocate a batch, free it in the same order"),
        (
            Order::Lifo,
            "allocate a batch, free it in the opposite order",
        ),
    ] {
        let name = if order == Order::Fifo { "fifo" } else { "lifo" };
        for count in BATCHES {
            let fixed = move |_| Batch::new(count, Sizes::fixed(64), order);
            let mixed = move |seed| Batch::new(count, Sizes::uniform(seed, 16, 512), order);
            let ops = 6_000_000;
            patterns.push(Pattern::new(
                format!("{name}/{count}x64"),
                about,
                ops,
                fixed,
            ));
            let ops = 4_000_000;
            patterns.push(Pattern::new(
                format!("{name}/{count}x16-512"),
                about,
                ops,
                mixed,
            ));
        }
    }
    patterns
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Order {
    Fifo,
    Lifo,
}

struct Batch {
    objects: Table<*mut u8>,
    sizes: Sizes,
    order: Order,
}

impl Batch {
    fn new(count: usize, sizes: Sizes, order: Order) -> Self {
        Self {
            objects: Table::new(count),
            sizes,
            order,
        }
    }
}

impl Load for Batch {
    fn run(&mut self, ops: u64) -> u64 {
        let rounds = ops.div_ceil(self.objects.len() as u64);
        // SAFETY: every slot was filled in the round, and is freed once.
        let free = |&object: &*mut u8| unsafe { release(object) };
        for _ in 0..rounds {
            for slot in self.objects.iter_mut() {
                *slot = obtain(self.sizes.next());
            }
            match self.order {
                Order::Fifo => self.objects.iter().for_each(free),
                Order::Lifo => self.objects.iter().rev().for_each(free),
            }
        }
        rounds * self.objects.len() as u64
    }
}
