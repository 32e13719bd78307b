//! Locality: question c. Which lines and pages a program touches, by where its blocks lie.
//!
//! Not hardware counters, which would measure the machine as well: the addresses of the blocks are
//! written down, and every touch of a block as touches of its 64-byte lines. A block is written
//! whole when it is new, and its first line is read before it is freed. An allocator's own records
//! are not part of this; the instructions of question a are.
//!
//! The *reuse distance* of a touch is the number of other lines touched since the same line was
//! touched last; a cache of so many lines (LRU) hits.

use std::collections::{HashMap, HashSet};

use glebe_bench::PAGE;
use glebe_trace::rng::Rng;
use serde::{Deserialize, Serialize};

use crate::arms::Sizes;
use crate::arms::{Arm, Held, Name, free_all, layout};
use crate::bench::stats::Spread;

const LINE: usize = 64;
/// 32 KiB and 1 MiB of lines, common sizes of first and second caches.
const NEAR: usize = (32 << 10) / LINE;
const MID: usize = (1 << 20) / LINE;
const RANGE: usize = 64 << 20;
const LISTS: usize = 200;
const NODES: usize = 50;
const NODE: usize = 48;

/// What to measure.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Job {
    /// On what.
    pub arm: Name,
    /// Seed of sizes and choices.
    pub seed: u64,
    /// Blocks that live meanwhile.
    pub live: usize,
    /// Replacements of young blocks.
    pub replacements: usize,
}

/// What came of it.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Locality {
    /// Distinct pages touched by the replacements.
    pub pages: usize,
    /// Distinct lines.
    pub lines: usize,
    /// Median reuse distance, in lines, of touches of lines touched before.
    pub median_distance: f64,
    /// Share of all touches that a cache of 32 KiB would hit.
    pub near: f64,
    /// And one of 1 MiB.
    pub mid: f64,
    /// Distinct pages on a walk along a list of 50 nodes of 48 bytes, on average.
    pub list_pages: f64,
    /// Distinct lines.
    pub list_lines: f64,
}

/// Lines in order of their touches.
#[derive(Default)]
struct Touches(Vec<usize>);

impl Touches {
    fn whole(&mut self, held: &Held) {
        let first = held.block.addr() / LINE;
        let last = (held.block.addr() + held.size().max(1) - 1) / LINE;
        self.0.extend(first..=last);
    }

    fn head(&mut self, held: &Held) {
        self.0.push(held.block.addr() / LINE);
    }

    fn lines(&self) -> usize {
        self.0.iter().collect::<HashSet<_>>().len()
    }

    fn pages(&self) -> usize {
        let pages = self.0.iter().map(|line| line * LINE / PAGE);
        pages.collect::<HashSet<_>>().len()
    }
}

/// The reuse distance of each touch; none for first touches. A Fenwick tree over time marks the
/// last touch of every line.
fn reuse_distances(touches: &[usize]) -> Vec<Option<usize>> {
    let mut marks = vec![0_u32; touches.len() + 1];
    let add = |marks: &mut Vec<u32>, time: usize, by: u32| {
        let mut at = time + 1;
        while at < marks.len() {
            marks[at] = marks[at].wrapping_add(by);
            at += at & at.wrapping_neg();
        }
    };
    let before = |marks: &Vec<u32>, time: usize| {
        let (mut at, mut sum) = (time, 0_u32);
        while at > 0 {
            sum = sum.wrapping_add(marks[at]);
            at &= at - 1;
        }
        sum as usize
    };
    let mut last = HashMap::new();
    let mut distances = Vec::with_capacity(touches.len());
    for (now, line) in touches.iter().enumerate() {
        let distance = last.insert(line, now).map(|then| {
            let distance = before(&marks, now) - before(&marks, then + 1);
            add(&mut marks, then, 1_u32.wrapping_neg());
            distance
        });
        add(&mut marks, now, 1);
        distances.push(distance);
    }
    distances
}

/// A heap in which half of what was allocated lives, at random places.
fn aged(arm: &mut dyn Arm, live: usize, rng: &mut Rng) -> Vec<Held> {
    let mut blocks: Vec<Held> = (0..2 * live)
        .map_while(|_| Held::new(arm, Sizes::SMALL.draw(rng)))
        .collect();
    for last in (1..blocks.len()).rev() {
        blocks.swap(last, rng.below(last + 1));
    }
    let given_up = blocks.split_off(blocks.len() / 2);
    free_all(arm, given_up);
    blocks
}

/// Replaces young blocks mostly: most programs' blocks die young.
fn replace(arm: &mut dyn Arm, live: &mut Vec<Held>, count: usize, rng: &mut Rng) -> Touches {
    let mut touches = Touches::default();
    for _ in 0..count {
        let young = live.len().div_ceil(20);
        let which = match rng.once_in(10) {
            true => rng.below(live.len()),
            false => live.len() - 1 - rng.below(young),
        };
        let old = live.swap_remove(which);
        touches.head(&old);
        old.free(arm);
        if let Some(new) = Held::new(arm, Sizes::SMALL.draw(rng)) {
            touches.whole(&new);
            live.push(new);
        }
    }
    touches
}

/// Builds lists, a random block replaced between every two nodes; touches of a walk along each.
fn walks(arm: &mut dyn Arm, live: &mut [Held], rng: &mut Rng) -> Vec<Touches> {
    let mut lists = Vec::new();
    for _ in 0..LISTS {
        let mut walk = Touches::default();
        for _ in 0..NODES {
            if let Some(node) = Held::new(arm, layout(NODE, 8)) {
                walk.whole(&node);
            }
            let which = rng.below(live.len());
            if let Some(new) = Held::new(arm, Sizes::SMALL.draw(rng)) {
                std::mem::replace(&mut live[which], new).free(arm);
            }
        }
        lists.push(walk);
    }
    lists
}

/// Measures.
pub fn measure(job: &Job) -> std::io::Result<Locality> {
    let mut arm = job.arm.open(RANGE)?;
    let mut rng = Rng::new(job.seed);
    let mut live = aged(arm.as_mut(), job.live, &mut rng);
    let touches = replace(arm.as_mut(), &mut live, job.replacements, &mut rng);
    let walks = walks(arm.as_mut(), &mut live, &mut rng);
    let distances = reuse_distances(&touches.0);
    let within = |limit| {
        let hits = distances
            .iter()
            .flatten()
            .filter(|distance| **distance < limit);
        hits.count() as f64 / distances.len() as f64
    };
    let known = Spread::of(distances.iter().flatten().map(|one| *one as f64));
    let mean = |figure: fn(&Touches) -> usize| {
        walks.iter().map(figure).sum::<usize>() as f64 / walks.len() as f64
    };
    // The lists are not freed: the process ends.
    std::mem::forget(arm);
    Ok(Locality {
        pages: touches.pages(),
        lines: touches.lines(),
        median_distance: known.map_or(0.0, |known| known.median),
        near: within(NEAR),
        mid: within(MID),
        list_pages: mean(Touches::pages),
        list_lines: mean(Touches::lines),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arms::engine_alone;

    #[test]
    fn distances_count_the_lines_between() {
        let distances = reuse_distances(&[7, 8, 9, 7, 7, 8, 8]);
        let expected = [None, None, None, Some(2), Some(0), Some(2), Some(0)];
        assert_eq!(distances, expected);
    }

    #[test]
    fn blocks_touch_the_lines_that_they_lie_on() {
        let held = |address: usize, size| Held {
            block: std::ptr::without_provenance_mut(address),
            layout: layout(size, 8),
        };
        let mut touches = Touches::default();
        touches.whole(&held(4096 + 48, 32));
        touches.head(&held(4096 + 48, 32));
        touches.whole(&held(8192 - 8, 16));
        assert_eq!(touches.0, [64, 65, 64, 127, 128]);
        assert_eq!((touches.lines(), touches.pages()), (4, 2));
    }

    #[test]
    fn arms_have_figures_that_can_be() {
        let _engine = engine_alone();
        for arm in ["two-level,side", "next-fit,inline", "engine", "rlsf"] {
            let job = Job {
                arm: arm.parse().unwrap(),
                seed: 5,
                live: 1000,
                replacements: 5000,
            };
            let found = measure(&job).unwrap();
            assert!(
                found.pages >= 5 && found.lines > found.pages,
                "{arm}: {found:?}"
            );
            assert!(
                found.near <= found.mid && found.mid <= 1.0,
                "{arm}: {found:?}"
            );
            assert!(
                (25.0..=100.0).contains(&found.list_lines),
                "{arm}: {found:?}"
            );
            assert!((1.0..=50.0).contains(&found.list_pages), "{arm}: {found:?}");
        }
    }
}
