//! [`Actions`]: random allocs, frees and reallocs, after talc's benchmark of that name.

use std::time::{Duration, Instant};

use glebe_trace::rng::Rng;

use super::{Arm, Held, Sizes, free_all};

/// The largest sizes that are measured.
pub const MOSTS: [usize; 5] = [200, 1000, 3000, 10_000, 30_000];

/// Blocks that live.
const LIVE: usize = 300;
/// How much larger than the first requests reallocations are at most.
const REALLOC: usize = 3;
/// After so many actions one looks whether it is time to end.
const ACTIONS_PER_LOOK: u64 = 128;

/// With 300 blocks live: three in seven allocs, three frees, a realloc.
pub struct Actions {
    live: Vec<Held>,
    sizes: Sizes,
    rng: Rng,
}

impl Actions {
    /// The range that an arm needs for the largest sizes.
    pub const RANGE: usize = 1 << 26;

    /// First requests up to so many bytes.
    pub fn new(most: usize, seed: u64) -> Actions {
        Actions {
            live: Vec::with_capacity(4 * LIVE),
            sizes: Sizes {
                least: 4,
                most,
                most_realloc: most * REALLOC,
            },
            rng: Rng::new(seed),
        }
    }

    /// Acts until `is_over`, which gets the actions done and the time so far, and is asked from
    /// time to time. How many found room, and the time.
    pub fn run(
        &mut self,
        arm: &mut dyn Arm,
        is_over: impl Fn(u64, Duration) -> bool,
    ) -> (u64, Duration) {
        let start = Instant::now();
        let mut done = 0;
        loop {
            for _ in 0..ACTIONS_PER_LOOK {
                done += u64::from(self.act(arm));
            }
            let elapsed = start.elapsed();
            if is_over(done, elapsed) {
                return (done, elapsed);
            }
        }
    }

    fn act(&mut self, arm: &mut dyn Arm) -> bool {
        let (live, rng) = (&mut self.live, &mut self.rng);
        let action = rng.below(7);
        if action == 6 && !live.is_empty() {
            let which = rng.below(live.len());
            let size = rng.between(1, self.sizes.most_realloc);
            return live[which].resize(arm, size);
        }
        if action < 3 || live.len() < LIVE {
            let held = Held::new(arm, self.sizes.draw(rng));
            live.extend(held);
            return held.is_some();
        }
        let which = rng.below(live.len());
        live.swap_remove(which).free(arm);
        true
    }

    /// Frees what lives.
    pub fn end(self, arm: &mut dyn Arm) {
        free_all(arm, self.live);
    }
}
