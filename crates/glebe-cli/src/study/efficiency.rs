//! Talc's kind of benchmarks, for the targets: how full a range gets, and random actions by the
//! clock.

use std::time::{Duration, Instant};

use glebe_trace::rng::Rng;
use serde::{Deserialize, Serialize};

use crate::arms::Sizes;
use crate::arms::{Actions, Arm, Held, Name, layout};

/// Pages in the range for small blocks and for pages.
pub const PAGES: usize = 4096;
const RANGE: usize = PAGES * 4096;
/// As in talc's own benchmark, where reallocations reach 100 kB.
const LARGE_RANGE: usize = 1 << 27;
/// So long may a fill take, all its rounds together.
pub const LIMIT: Duration = Duration::from_secs(20);

/// What to measure of how full a range gets.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Job {
    /// On what.
    pub arm: Name,
    /// Seed of sizes and choices.
    pub seed: u64,
    /// How often the ranges for small and for large blocks are filled.
    pub rounds: [u64; 2],
}

/// How full a range gets.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
pub struct Fullness {
    /// Share of 16 MiB when actions on 4 to 256 bytes first find no room; none if it took too long.
    pub small: Option<f64>,
    /// Share of 128 MiB, up to 10 kB and by reallocations up to 100 kB; none if it took too long.
    pub large: Option<f64>,
    /// Pages of 4096 bytes at multiples of 4096 in 16 MiB.
    pub pages: usize,
}

/// One action of ten: five allocs, a free, four reallocs; whether there was room.
fn act(arm: &mut dyn Arm, live: &mut Vec<Held>, sizes: Sizes, rng: &mut Rng) -> bool {
    match rng.below(10) {
        5 if !live.is_empty() => {
            let which = rng.below(live.len());
            live.swap_remove(which).free(arm);
            true
        }
        6.. if !live.is_empty() => {
            let which = rng.below(live.len());
            let size = rng.between(sizes.least, sizes.most_realloc);
            live[which].resize(arm, size)
        }
        _ => match Held::new(arm, sizes.draw(rng)) {
            Some(held) => {
                live.push(held);
                true
            }
            None => false,
        },
    }
}

fn fill(job: &Job, range: usize, sizes: Sizes, rounds: u64) -> std::io::Result<Option<f64>> {
    let start = Instant::now();
    let mut bytes = 0;
    for round in 0..rounds {
        let mut arm = job.arm.open(range)?;
        let mut rng = Rng::new(job.seed + round);
        let mut live = Vec::new();
        while act(arm.as_mut(), &mut live, sizes, &mut rng) {
            if start.elapsed() > LIMIT {
                return Ok(None);
            }
        }
        bytes += live.iter().map(Held::size).sum::<usize>();
    }
    Ok(Some(bytes as f64 / (range as u64 * rounds) as f64))
}

/// Measures how full a range gets.
pub fn measure(job: &Job) -> std::io::Result<Fullness> {
    let mut arm = job.arm.open(RANGE)?;
    let [small, large] = job.rounds;
    let mut pages = 0;
    while Held::new(arm.as_mut(), layout(4096, 4096)).is_some() {
        pages += 1;
    }
    Ok(Fullness {
        small: fill(job, RANGE, Sizes::SMALL, small)?,
        large: fill(job, LARGE_RANGE, Sizes::LARGE, large)?,
        pages,
    })
}

/// What to time.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub struct Timed {
    /// On what.
    pub arm: Name,
    /// The largest first request.
    pub most: usize,
    /// Seed of sizes and choices.
    pub seed: u64,
    /// For how long.
    pub milliseconds: u64,
}

/// [`Actions`] a second.
pub fn time(job: &Timed) -> std::io::Result<f64> {
    let mut arm = job.arm.open(Actions::RANGE)?;
    let mut actions = Actions::new(job.most, job.seed);
    let limit = Duration::from_millis(job.milliseconds);
    actions.run(arm.as_mut(), |_, elapsed| elapsed > limit / 10);
    let (done, elapsed) = actions.run(arm.as_mut(), |_, elapsed| elapsed > limit);
    actions.end(arm.as_mut());
    Ok(done as f64 / elapsed.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn side_tags_put_no_header_before_a_page() {
        let pages = |arm: &str| {
            let mut arm = arm.parse::<Name>().unwrap().open(RANGE).unwrap();
            let grant = |_| Held::new(arm.as_mut(), layout(4096, 4096));
            (0..).map_while(grant).count()
        };
        assert!(pages("two-level,side") > 4000);
        assert!(pages("two-level,inline") < 2100);
    }

    #[test]
    fn actions_are_done() {
        let timed = Timed {
            arm: Name::SUBJECT,
            most: 1000,
            seed: 1,
            milliseconds: 20,
        };
        assert!(time(&timed).unwrap() > 0.0);
    }
}
