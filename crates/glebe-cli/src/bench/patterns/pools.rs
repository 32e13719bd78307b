//! Patterns of one allocator over a range of its own: `glebe bench pools`.

use super::pattern::{Load, Pattern, repeat};
use crate::arms::{Actions, Arm, Held, MOSTS, Name, PAIRS_PER_LOOK, Plan, Sizes, Step, layout};
use glebe_bench::PAGE;
use glebe_trace::rng::Rng;
use std::time::Duration;

const PAGES: usize = 4096;
/// Steps of a plan of replacements.
const STEPS: usize = 1 << 16;

/// Every pattern on an arm, in the order of the report.
pub fn patterns(arm: Name) -> Vec<Pattern> {
    let about = "300 blocks live: allocs, frees and a seventh reallocs to at most three times this";
    let actions = MOSTS.map(|most| {
        let ops = 24_000_000 / (6 + most as u64 / 1000);
        Pattern::new(format!("actions/{most}"), about, ops, move |seed| Acting {
            arm: open(arm, Actions::RANGE),
            actions: Actions::new(most, seed),
        })
    });
    let about = "replace a random one of so many blocks of 4 to 256 bytes";
    let random = [("300", 300), ("20k", 20_000)].map(|(name, live)| {
        Pattern::new(format!("random/{name}"), about, 8_000_000, move |seed| {
            Replacing::new(arm, live, seed)
        })
    });
    let about = "fill 16 MiB by blocks of 4096 bytes at multiples of 4096, and free all";
    let pages = Pattern::new("pages", about, 1_000_000, move |_| Paging {
        arm: open(arm, (PAGES + 1) * PAGE),
    });
    actions.into_iter().chain(random).chain([pages]).collect()
}

fn open(arm: Name, bytes: usize) -> Box<dyn Arm> {
    arm.open(bytes).unwrap_or_else(|error| {
        eprintln!("cannot open {arm}: {error}");
        std::process::exit(3)
    })
}

struct Acting {
    arm: Box<dyn Arm>,
    actions: Actions,
}

impl Load for Acting {
    fn run(&mut self, ops: u64) -> u64 {
        self.actions.run(self.arm.as_mut(), |done, _| done >= ops).0
    }
}

struct Replacing {
    arm: Box<dyn Arm>,
    plan: Plan,
}

impl Replacing {
    fn new(name: Name, live: usize, seed: u64) -> Self {
        let mut arm = open(name, (1 << 20) + live * 512);
        let mut rng = Rng::new(seed);
        let blocks = (0..live).map(|_| {
            let held = Held::new(arm.as_mut(), Sizes::SMALL.draw(&mut rng));
            held.expect("the range has room for twice as much")
        });
        let blocks = blocks.collect();
        let step = |_| Step::new(rng.below(live), Sizes::SMALL.draw(&mut rng));
        let steps = (0..STEPS).map(step).collect();
        Self {
            arm,
            plan: Plan::new(blocks, steps, PAIRS_PER_LOOK),
        }
    }
}

impl Load for Replacing {
    fn run(&mut self, ops: u64) -> u64 {
        self.plan.set_stretch(ops as usize, Duration::MAX);
        let done = self.arm.replace(&mut self.plan);
        assert!(!done.full, "the range has room for twice as much");
        done.pairs as u64
    }
}

struct Paging {
    arm: Box<dyn Arm>,
}

impl Load for Paging {
    fn run(&mut self, ops: u64) -> u64 {
        let arm = self.arm.as_mut();
        let mut pages = Vec::with_capacity(PAGES);
        repeat(ops, || {
            pages.extend(std::iter::from_fn(|| Held::new(arm, layout(PAGE, PAGE))));
            let filled = pages.len() as u64;
            assert!(filled > 0, "there is room for pages");
            pages.drain(..).for_each(|page| page.free(arm));
            filled
        })
    }
}
