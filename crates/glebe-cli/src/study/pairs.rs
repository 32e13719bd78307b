//! The cost of a pair of free and alloc with so many blocks live: question a.
//!
//! The heap is aged first: twice as many blocks are allocated as shall live, a random half of them
//! is freed, and as many pairs are done as blocks live, so that the holes are those of a heap in
//! use. Then random blocks are replaced by new ones. Places and sizes come from a table as long as
//! there are live blocks, so that drawing them is not measured and all blocks take part.

use std::hint::black_box;
use std::time::{Duration, Instant};

use glebe_trace::rng::Rng;
use serde::{Deserialize, Serialize};

use super::callgrind;
use crate::arms::Sizes;
use crate::arms::{Arm, Held, Name, PAIRS_PER_LOOK, Plan, Step};

const LEAST_STEPS: usize = 4096;
/// Bytes of range per block that ever lives: enough for the most wasteful peer.
const BYTES_PER_BLOCK: usize = 320;
const LEAST_RANGE: usize = 1 << 20;
const FULL: &str = "an alloc found no room";
/// So long may the heap take to age; several times as long under callgrind, which is that much
/// slower.
const SETUP: Duration = Duration::from_secs(4);
const SETUP_COUNTED: Duration = Duration::from_secs(20);
/// Timed stretches in one process; their median counts.
const STRETCHES: usize = 5;

/// What to measure.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Job {
    /// On what.
    pub arm: Name,
    /// Live blocks.
    pub live: usize,
    /// Seed of sizes and places.
    pub seed: u64,
    /// At most so many pairs in a stretch.
    pub pairs: usize,
    /// At most so many milliseconds in a stretch.
    pub milliseconds: u64,
    /// The process runs under callgrind, which is to count.
    pub counted: bool,
}

/// What came of it.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Cost {
    /// Nanoseconds of a pair, for each stretch.
    pub nanoseconds: Vec<f64>,
    /// Why there is no figure.
    pub given_up: Option<String>,
}

/// Which step of setting up took too long.
fn late(since: Instant, job: &Job, what: &str) -> Result<(), String> {
    let limit = match job.counted {
        true => SETUP_COUNTED,
        false => SETUP,
    };
    match since.elapsed() > limit {
        true => Err(format!("{what} took over {} s", limit.as_secs())),
        false => Ok(()),
    }
}

/// Ages a heap.
fn age(arm: &mut dyn Arm, job: &Job) -> Result<Plan, String> {
    let start = Instant::now();
    let look = |number: usize| match number % PAIRS_PER_LOOK {
        0 => late(start, job, "ageing the heap"),
        _ => Ok(()),
    };
    let mut rng = Rng::new(job.seed);
    let mut live = Vec::with_capacity(2 * job.live);
    for number in 0..2 * job.live {
        let layout = Sizes::SMALL.draw(&mut rng);
        live.push(Held::new(arm, layout).ok_or("no room for so many blocks")?);
        look(number)?;
    }
    for last in (1..live.len()).rev() {
        live.swap(last, rng.below(last + 1));
    }
    let mut given_up = live.split_off(job.live);
    // From high addresses to low ones: lists in order of addresses then take each at once.
    given_up.sort_unstable_by_key(|held| std::cmp::Reverse(held.block.addr()));
    for (number, held) in given_up.into_iter().enumerate() {
        held.free(arm);
        look(number)?;
    }
    let step = |_| Step::new(rng.below(job.live), Sizes::SMALL.draw(&mut rng));
    let steps: Vec<Step> = (0..job.live.max(LEAST_STEPS)).map(step).collect();
    let all = steps.len();
    let mut plan = Plan::new(live, steps, PAIRS_PER_LOOK);
    settle(&mut plan, all, arm, job, start)?;
    plan.set_stretch(job.pairs, Duration::from_millis(job.milliseconds));
    Ok(plan)
}

/// Does so many pairs.
fn settle(
    plan: &mut Plan,
    pairs: usize,
    arm: &mut dyn Arm,
    job: &Job,
    start: Instant,
) -> Result<(), String> {
    let mut settled = 0;
    while settled < pairs {
        let done = arm.replace(plan);
        if done.full {
            return Err(FULL.into());
        }
        settled += done.pairs;
        late(start, job, "replacing every block once")?;
    }
    Ok(())
}

/// Measures.
pub fn measure(job: &Job) -> std::io::Result<Cost> {
    let range = (2 * job.live * BYTES_PER_BLOCK).max(LEAST_RANGE);
    let mut arm = job.arm.open(range)?;
    let mut cost = Cost::default();
    let mut plan = match age(arm.as_mut(), job) {
        Ok(plan) => plan,
        Err(why) => {
            cost.given_up = Some(why);
            return Ok(cost);
        }
    };
    let stretches = if job.counted { 1 } else { STRETCHES };
    for _ in 0..stretches {
        if job.counted {
            callgrind::start_counting();
        }
        let done = arm.replace(&mut plan);
        if job.counted {
            callgrind::stop_counting();
        }
        let pairs = done.pairs.max(1);
        cost.nanoseconds
            .push(done.time.as_nanos() as f64 / pairs as f64);
        if done.full {
            cost.given_up = Some(FULL.into());
            break;
        }
    }
    // Nothing is freed: the process ends, and some arms would take minutes.
    black_box(plan);
    std::mem::forget(arm);
    Ok(cost)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pairs_are_done_and_timed() {
        for arm in [
            Name::SUBJECT,
            "first-fit,inline".parse().unwrap(),
            "talc".parse().unwrap(),
        ] {
            let job = Job {
                arm,
                live: 100,
                seed: 1,
                pairs: 1000,
                milliseconds: 1000,
                counted: false,
            };
            let cost = measure(&job).unwrap();
            assert!(cost.given_up.is_none(), "{cost:?}");
            assert_eq!(cost.nanoseconds.len(), STRETCHES);
            assert!(cost.nanoseconds.iter().all(|time| *time > 1.0), "{cost:?}");
        }
    }
}
