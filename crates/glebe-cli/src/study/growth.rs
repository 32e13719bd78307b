//! What `mem_realloc` saves buffers that grow: question d.
//!
//! A reallocation that gives another address has moved its block, and copied what it held. The
//! hosted engine can move pages without a copy; its bytes are then an upper bound.

use glebe_trace::rng::Rng;
use serde::{Deserialize, Serialize};
use strum::{Display, EnumIter};

use crate::arms::Sizes;
use crate::arms::{Arm, Held, Name, layout};

const RANGE: usize = 64 << 20;
const LARGE: usize = 1 << 20;
const STRING: usize = 16 << 10;
const STRINGS: usize = 64;
const ROUNDS: usize = 20;

/// How buffers grow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, Display, EnumIter)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Pattern {
    /// One, by a quarter each time, from 64 bytes to 1 MiB.
    Alone,
    /// One, by 4096 bytes each time.
    Pages,
    /// Two in turn, by a quarter.
    Two,
    /// 64 strings, any of them by 1 to 256 bytes, to 16 KiB; then it starts anew.
    Strings,
    /// One by a quarter, small blocks allocated and freed between.
    Among,
}

impl Pattern {
    /// A line for the report.
    pub fn about(self) -> &'static str {
        match self {
            Pattern::Alone => "one buffer, by a quarter, 64 B to 1 MiB",
            Pattern::Pages => "one buffer, by 4096 B, to 1 MiB",
            Pattern::Two => "two buffers in turn, by a quarter, to 1 MiB",
            Pattern::Strings => "64 strings, by 1 to 256 B, to 16 KiB",
            Pattern::Among => "one buffer by a quarter among small blocks",
        }
    }
}

/// What to measure.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Job {
    /// On what.
    pub arm: Name,
    /// How.
    pub pattern: Pattern,
    /// Seed of sizes and choices.
    pub seed: u64,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Growth {
    /// Reallocations.
    pub calls: u64,
    /// Of these, without a move.
    pub stayed: u64,
    /// Bytes copied by the others.
    pub copied: u64,
    /// Bytes that all buffers had in the end: copying less than this is good.
    pub grown: u64,
    /// Reallocations that were refused; the buffer starts anew.
    pub refused: u64,
}

impl Growth {
    /// The share of the calls that moved nothing.
    pub fn avoided(&self) -> f64 {
        self.stayed as f64 / self.calls.max(1) as f64
    }

    /// Bytes copied for each byte grown.
    pub fn copied_per_byte(&self) -> f64 {
        self.copied as f64 / self.grown.max(1) as f64
    }

    fn grow(&mut self, arm: &mut dyn Arm, buffer: &mut Held, size: usize) {
        let (old, bytes) = (buffer.block, buffer.size());
        self.calls += 1;
        if !buffer.resize(arm, size) {
            self.refused += 1;
            self.calls -= 1;
        } else if buffer.block == old {
            self.stayed += 1;
        } else {
            self.copied += bytes as u64;
        }
    }
}

fn by_a_quarter(size: usize) -> usize {
    (size + size / 4 + 16).min(LARGE)
}

fn start(arm: &mut dyn Arm) -> Option<Held> {
    Held::new(arm, layout(64, 16))
}

/// Grows so many buffers in turn to 1 MiB, `between` called before each call.
fn in_turn(
    arm: &mut dyn Arm,
    growth: &mut Growth,
    buffers: usize,
    step: fn(usize) -> usize,
    mut between: impl FnMut(&mut dyn Arm),
) {
    let mut live: Vec<Held> = (0..buffers).filter_map(|_| start(arm)).collect();
    while live.iter().any(|buffer| buffer.size() < LARGE) {
        for buffer in &mut live {
            between(arm);
            let refused = growth.refused;
            growth.grow(arm, buffer, step(buffer.size()));
            if growth.refused > refused {
                return;
            }
        }
    }
    growth.grown += live.iter().map(|buffer| buffer.size() as u64).sum::<u64>();
    live.into_iter().for_each(|buffer| buffer.free(arm));
}

fn strings(arm: &mut dyn Arm, growth: &mut Growth, rng: &mut Rng) {
    let mut live: Vec<Held> = (0..STRINGS).filter_map(|_| start(arm)).collect();
    for _ in 0..ROUNDS * STRINGS * 64 {
        let which = rng.below(live.len());
        let size = live[which].size() + rng.between(1, 256);
        if size <= STRING {
            growth.grow(arm, &mut live[which], size);
            continue;
        }
        growth.grown += live[which].size() as u64;
        if let Some(fresh) = start(arm) {
            std::mem::replace(&mut live[which], fresh).free(arm);
        }
    }
    growth.grown += live.iter().map(|buffer| buffer.size() as u64).sum::<u64>();
}

/// Replaces one of 1,000 small blocks at each call.
fn small_blocks(mut rng: Rng) -> impl FnMut(&mut dyn Arm) {
    let mut small: Vec<Held> = Vec::new();
    move |arm| {
        let new = Held::new(arm, Sizes::SMALL.draw(&mut rng));
        if small.len() < 1000 {
            small.extend(new);
        } else if let Some(new) = new {
            let which = rng.below(small.len());
            std::mem::replace(&mut small[which], new).free(arm);
        }
    }
}

/// Measures.
pub fn measure(job: &Job) -> std::io::Result<Growth> {
    let mut arm = job.arm.open(RANGE)?;
    let arm = arm.as_mut();
    let mut growth = Growth::default();
    let mut rng = Rng::new(job.seed);
    match job.pattern {
        Pattern::Strings => strings(arm, &mut growth, &mut rng),
        pattern => {
            let mut between = small_blocks(rng);
            for _ in 0..ROUNDS {
                match pattern {
                    Pattern::Alone => in_turn(arm, &mut growth, 1, by_a_quarter, |_| {}),
                    Pattern::Pages => {
                        in_turn(
                            arm,
                            &mut growth,
                            1,
                            |size| size / 4096 * 4096 + 4096,
                            |_| {},
                        );
                    }
                    Pattern::Two => in_turn(arm, &mut growth, 2, by_a_quarter, |_| {}),
                    _ => in_turn(arm, &mut growth, 1, by_a_quarter, &mut between),
                }
            }
        }
    }
    Ok(growth)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn growth(arm: &str, pattern: Pattern) -> Growth {
        let arm = arm.parse().unwrap();
        measure(&Job {
            arm,
            pattern,
            seed: 9,
        })
        .unwrap()
    }

    #[test]
    fn a_pool_grows_in_place_and_a_linked_list_never_does() {
        let pool = growth("first-fit,side", Pattern::Alone);
        assert_eq!((pool.copied, pool.refused), (0, 0), "{pool:?}");
        assert_eq!(pool.stayed, pool.calls);
        let list = growth("linked-list", Pattern::Alone);
        assert!(list.copied > list.grown, "{list:?}");
        assert!(list.avoided() < 0.1, "{list:?}");
        assert_eq!(list.calls, pool.calls);
    }

    #[test]
    fn two_buffers_stand_in_each_others_way() {
        let two = growth("next-fit,inline", Pattern::Two);
        assert!(two.copied > 0 && two.stayed < two.calls, "{two:?}");
        assert_eq!(two.grown, 2 * (ROUNDS * LARGE) as u64);
    }
}
