//! Fragmentation over a long life of a heap: question b.
//!
//! All arms are seen from outside, so that the same figure means the same for each:
//!
//! | figure | how |
//! |--|--|
//! | internal | a fresh range is filled until the first refusal: the share that is not the user's |
//! | largest free block | after the ageing, the largest request that is granted, by bisection |
//! | external | 1 − largest / free bytes; free = range × (1 − internal) − live bytes as requested |
//! | efficiency at first failure | the aged heap is filled on: live bytes / range |
//! | held / requested | for arms with a supplier, at the end of the ageing and at the peak |

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use glebe_trace::rng::Rng;
use serde::{Deserialize, Serialize};
use strum::{Display, EnumIter};

use crate::arms::Sizes;
use crate::arms::{Arm, Held, Name, free_all, layout};

/// The range of arms over fixed memory.
pub const RANGE: usize = 2 << 20;
/// Live bytes, as requested, that lifetimes aim at.
pub const GOAL: usize = RANGE / 10 * 6;
const SIZES: Sizes = Sizes {
    least: 4,
    most: 4096,
    most_realloc: 16 << 10,
};
const LOOK: u64 = 1 << 14;
/// Whoever needs longer has done fewer operations, which the report says.
pub const LIMIT: Duration = Duration::from_secs(25);

/// Which block goes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, Display, EnumIter)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Lifetimes {
    /// Any.
    Random,
    /// The oldest.
    Queue,
    /// The youngest, in waves of 20 to 60 % of the range.
    Stack,
    /// Nine in ten of the youngest tenth, else any.
    Generations,
    /// Any, and half of all operations are reallocations to half or up to twice the size.
    Growth,
}

impl Lifetimes {
    /// A few words for the report.
    pub fn about(self) -> &'static str {
        match self {
            Lifetimes::Random => "any",
            Lifetimes::Queue => "the oldest",
            Lifetimes::Stack => "the youngest, in waves of 20 to 60 % of the range",
            Lifetimes::Generations => "nine in ten of the youngest tenth, else any",
            Lifetimes::Growth => "any, and half of all operations are reallocations",
        }
    }
}

/// What to measure.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Job {
    /// On what.
    pub arm: Name,
    /// How.
    pub lifetimes: Lifetimes,
    /// Operations.
    pub ops: u64,
    /// Seed of sizes and choices.
    pub seed: u64,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Aged {
    /// Operations that were done.
    pub ops: u64,
    /// Of these, refused for want of room.
    pub refused: u64,
    /// For arms over a fixed range.
    pub fixed: Option<Fixed>,
    /// For arms with a supplier: bytes held over bytes requested at the end …
    pub held: Option<f64>,
    /// … and the most held over the most requested.
    pub peak: Option<f64>,
}

/// Figures of a fixed range, as shares of 1.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Fixed {
    /// Internal fragmentation with all records.
    pub internal: f64,
    /// External fragmentation.
    pub external: f64,
    /// Bytes of the largest free block.
    pub largest: usize,
    /// Live bytes over the range at the first failure.
    pub efficiency: f64,
}

struct Life<'a> {
    arm: &'a mut dyn Arm,
    lifetimes: Lifetimes,
    rng: Rng,
    live: VecDeque<Held>,
    bytes: usize,
    /// What a wave aims at.
    goal: usize,
    refused: u64,
}

impl Life<'_> {
    fn step(&mut self) {
        let growing = self.lifetimes == Lifetimes::Growth && self.rng.once_in(2);
        if growing && !self.live.is_empty() {
            return self.resize();
        }
        if self.bytes >= self.goal || (self.rng.once_in(4) && !self.live.is_empty()) {
            self.free();
            if self.lifetimes == Lifetimes::Stack && self.bytes < self.goal {
                self.goal = RANGE / 10 * if self.goal == GOAL { 2 } else { 6 };
            }
        } else {
            let layout = SIZES.draw(&mut self.rng);
            match Held::new(self.arm, layout) {
                Some(held) => {
                    self.bytes += held.size();
                    self.live.push_back(held);
                }
                None => self.refuse(),
            }
        }
    }

    fn refuse(&mut self) {
        self.refused += 1;
        if !self.live.is_empty() {
            self.free();
        }
    }

    fn free(&mut self) {
        let count = self.live.len();
        let which = match self.lifetimes {
            Lifetimes::Queue => 0,
            Lifetimes::Stack => count - 1,
            Lifetimes::Generations if !self.rng.once_in(10) => {
                count - 1 - self.rng.below(count.div_ceil(10))
            }
            _ => self.rng.below(count),
        };
        let held = match which {
            0 => self.live.pop_front(),
            _ => self.live.swap_remove_back(which),
        };
        let held = held.expect("a place among the live");
        self.bytes -= held.size();
        held.free(self.arm);
    }

    fn resize(&mut self) {
        let which = self.rng.below(self.live.len());
        let held = &mut self.live[which];
        let old = held.size();
        let size = self
            .rng
            .between(old / 2, 2 * old)
            .clamp(4, SIZES.most_realloc);
        if self.bytes - old + size > GOAL || !held.resize(self.arm, size) {
            return self.refuse_growth(size > old);
        }
        self.bytes = self.bytes - old + size;
    }

    /// A block that may not grow makes room instead.
    fn refuse_growth(&mut self, grows: bool) {
        if grows && !self.live.is_empty() {
            self.free();
        }
    }
}

/// Share of a fresh range that does not come to the user's bytes.
fn internal(job: &Job) -> std::io::Result<f64> {
    let mut arm = job.arm.open(RANGE)?;
    let mut rng = Rng::new(job.seed);
    let mut bytes = 0;
    while let Some(held) = Held::new(arm.as_mut(), SIZES.draw(&mut rng)) {
        bytes += held.size();
    }
    Ok(1.0 - bytes as f64 / RANGE as f64)
}

/// The largest request that is granted, to 16 bytes.
fn largest(arm: &mut dyn Arm) -> usize {
    let (mut granted, mut refused) = (0, RANGE + 16);
    while refused - granted > 16 {
        let size = granted.midpoint(refused);
        match Held::new(arm, layout(size, 8)) {
            Some(held) => {
                held.free(arm);
                granted = size;
            }
            None => refused = size,
        }
    }
    granted
}

/// Measures.
pub fn measure(job: &Job) -> std::io::Result<Aged> {
    let mut arm = job.arm.open(RANGE)?;
    let before = arm.held().unwrap_or(0);
    let mut life = Life {
        arm: arm.as_mut(),
        lifetimes: job.lifetimes,
        rng: Rng::new(job.seed),
        live: VecDeque::with_capacity(8192),
        bytes: 0,
        goal: GOAL,
        refused: 0,
    };
    let start = Instant::now();
    let (mut most, mut most_held) = (0, 0);
    let mut aged = Aged::default();
    while aged.ops < job.ops {
        life.step();
        aged.ops += 1;
        most = most.max(life.bytes);
        if aged.ops % LOOK == 0 {
            most_held = most_held.max(life.arm.held().unwrap_or(0));
            if start.elapsed() > LIMIT {
                break;
            }
        }
    }
    aged.refused = life.refused;
    let Life {
        arm: aged_arm,
        mut live,
        mut bytes,
        mut rng,
        ..
    } = life;
    if let Some(held) = aged_arm.held() {
        let most_held = most_held.max(held);
        aged.held = Some((held - before) as f64 / bytes as f64);
        aged.peak = Some((most_held - before) as f64 / most as f64);
    }
    if job.arm.is_fixed() {
        let internal = internal(job)?;
        let largest = largest(aged_arm);
        let free = (RANGE as f64 * (1.0 - internal) - bytes as f64).max(largest as f64);
        while let Some(held) = Held::new(aged_arm, SIZES.draw(&mut rng)) {
            bytes += held.size();
            live.push_back(held);
        }
        aged.fixed = Some(Fixed {
            internal,
            external: 1.0 - largest as f64 / free,
            largest,
            efficiency: bytes as f64 / RANGE as f64,
        });
    }
    free_all(aged_arm, live);
    Ok(aged)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arms::engine_alone;
    use strum::IntoEnumIterator;

    fn aged(arm: &str, lifetimes: Lifetimes) -> Aged {
        let arm = arm.parse().unwrap();
        let job = Job {
            arm,
            lifetimes,
            ops: 50_000,
            seed: 3,
        };
        measure(&job).unwrap()
    }

    #[test]
    fn every_lifetime_gives_figures_that_can_be() {
        for lifetimes in Lifetimes::iter() {
            let aged = aged("best-fit,side", lifetimes);
            let fixed = aged.fixed.unwrap();
            assert_eq!(aged.ops, 50_000);
            assert!(
                (0.015..0.1).contains(&fixed.internal),
                "{lifetimes}: {fixed:?}"
            );
            assert!(
                (0.0..1.0).contains(&fixed.external),
                "{lifetimes}: {fixed:?}"
            );
            assert!(
                fixed.largest > 16 && fixed.largest < RANGE,
                "{lifetimes}: {fixed:?}"
            );
            assert!(
                (0.5..0.99).contains(&fixed.efficiency),
                "{lifetimes}: {fixed:?}"
            );
            assert!(aged.held.is_none());
        }
    }

    /// Buddies round every request up to a power of two: about a quarter is lost.
    #[test]
    fn buddies_waste_more_inside_than_boundary_tags() {
        let buddies = aged("buddy", Lifetimes::Random).fixed.unwrap();
        let tags = aged("best-fit,inline", Lifetimes::Random).fixed.unwrap();
        assert!(
            buddies.internal > 0.2 && tags.internal < 0.1,
            "{buddies:?} {tags:?}"
        );
    }

    #[test]
    fn suppliers_and_the_engine_hold_at_least_what_was_requested() {
        let _engine = engine_alone();
        for arm in ["two-level,side,mmap", "first-fit,inline,kernel", "engine"] {
            let aged = aged(arm, Lifetimes::Random);
            assert!(aged.fixed.is_none());
            assert!((1.0..4.0).contains(&aged.held.unwrap()), "{arm}: {aged:?}");
            assert!((1.0..4.0).contains(&aged.peak.unwrap()), "{arm}: {aged:?}");
        }
    }

    /// What is seen from outside agrees with the pool's own sums.
    #[test]
    fn the_largest_block_is_found_from_outside() {
        let name: Name = "first-fit,side".parse().unwrap();
        let mut arm = name.open(1 << 20).unwrap();
        let mut rng = Rng::new(1);
        let live: Vec<Held> = (0..300)
            .map_while(|_| Held::new(arm.as_mut(), SIZES.draw(&mut rng)))
            .collect();
        free_all(arm.as_mut(), live.into_iter().step_by(2));
        let exact = arm.stats().unwrap().largest_free;
        let found = largest(arm.as_mut());
        assert!(exact - found < 32, "{found} of {exact}");
    }
}
