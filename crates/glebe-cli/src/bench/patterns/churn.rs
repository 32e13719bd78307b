//! Threads that come and go, as in a server with a thread for each request (the pattern of Larson
//! and Krishnan, "Memory Allocation for Long-Running Server Applications", ISMM 1998): each thread
//! replaces random objects of an array, ends, and hands the array over to a new thread. The first
//! free of every slot is of an object whose thread has gone.

use std::thread;

use super::pattern::{Load, Pattern};
use super::random::Replace;
use super::sizes::Sizes;

const LIVE: usize = 1_000;
/// Replacements in the life of a thread.
const STEPS: u64 = 5_000;

pub fn patterns() -> Vec<Pattern> {
    let about =
        "2 chains of threads; each replaces 5000 of 1000 objects of 8 to 500 bytes and ends";
    let make = |seed| Churn::new(2, 8, 500, seed);
    vec![Pattern::new("churn/2", about, 12_000_000, make)]
}

/// More chains than most machines have processors.
pub fn stress() -> Vec<Pattern> {
    let about = "4 chains of threads; each replaces 5000 of 1000 objects and ends";
    [(10, 500), (8, 1000)]
        .map(|(low, high)| {
            let make = move |seed| Churn::new(4, low, high, seed);
            Pattern::new(format!("larson/4x{low}-{high}"), about, 12_000_000, make)
        })
        .into()
}

struct Churn {
    chains: Vec<Replace>,
}

impl Churn {
    fn new(chains: u64, low: usize, high: usize, seed: u64) -> Self {
        let seeds = (0..chains).map(|chain| seed.wrapping_add(chain));
        Self {
            chains: seeds
                .map(|seed| Replace::new(LIVE, Sizes::uniform(seed, low, high), seed))
                .collect(),
        }
    }
}

impl Load for Churn {
    fn run(&mut self, ops: u64) -> u64 {
        let steps = self.chains.len() as u64 * STEPS;
        let rounds = ops.div_ceil(steps);
        thread::scope(|scope| {
            for chain in &mut self.chains {
                // This thread only starts the others and waits for them.
                scope.spawn(move || {
                    for _ in 0..rounds {
                        thread::scope(|scope| scope.spawn(|| chain.run(STEPS)).join())
                            .expect("a chain does not panic");
                    }
                });
            }
        });
        rounds * steps
    }
}
