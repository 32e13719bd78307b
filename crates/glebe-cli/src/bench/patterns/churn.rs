//! Threads that come and go, as in a server with a thread for each request (the pattern of Larson
//! and Krishnan): each thread replaces random objects of an array, ends, and hands the array over
//! to a new thread. The first free of every slot is of an object whose thread has gone.

use std::thread;

use super::heap::{obtain, release};
use super::pattern::{Load, Pattern};
use super::sizes::{Random, Sizes};
use super::table::Table;

const CHAINS: u64 = 2;
const LIVE: usize = 1_000;
/// Replacements in the life of a thread.
const STEPS: u64 = 5_000;

pub fn patterns() -> Vec<Pattern> {
    let about =
        "2 chains of threads; each replaces 5000 of 1000 objects of 8 to 500 bytes and ends";
    vec![Pattern::new("churn/2", about, 12_000_000, |seed| Churn {
        chains: (0..CHAINS)
            .map(|chain| Chain::new(seed.wrapping_add(chain)))
            .collect(),
    })]
}

struct Churn {
    chains: Vec<Chain>,
}

struct Chain {
    objects: Table<*mut u8>,
    sizes: Sizes,
    random: Random,
}

impl Chain {
    fn new(seed: u64) -> Self {
        let mut sizes = Sizes::uniform(seed, 8, 500);
        let mut objects = Table::new(LIVE);
        objects
            .iter_mut()
            .for_each(|slot| *slot = obtain(sizes.next()));
        Self {
            objects,
            sizes,
            random: Random::new(!seed),
        }
    }

    /// The life of one thread.
    fn live(&mut self) {
        for _ in 0..STEPS {
            let slot = &mut self.objects[self.random.below(LIVE)];
            // SAFETY: every slot always holds a live object.
            unsafe { release(*slot) };
            *slot = obtain(self.sizes.next());
        }
    }
}

impl Load for Churn {
    fn run(&mut self, ops: u64) -> u64 {
        let rounds = ops.div_ceil(CHAINS * STEPS);
        thread::scope(|scope| {
            for chain in &mut self.chains {
                // This thread only starts the others and waits for them.
                scope.spawn(move || {
                    for _ in 0..rounds {
                        thread::scope(|scope| scope.spawn(|| chain.live()).join())
                            .expect("a chain does not panic");
                    }
                });
            }
        });
        rounds * CHAINS * STEPS
    }
}
