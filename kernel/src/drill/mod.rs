//! What is done with pools: each kind of them the same, over the machine's frames.

mod checked;
mod churn;
mod collections;
mod exhaustion;
pub mod hook;
mod lesson;
mod refusals;
mod runs;

use crate::frames::{PageFrames, all_are_back};
use crate::say;
use glebe_pool::{
    BestFit, FirstFit, Fit, Heap, InlineTags, NextFit, Pool, QuickFit, SideTags, Tags, TwoLevel,
};
use hook::HOOK;

/// Every drill on every kind of pool, then the collections.
pub fn run() {
    runs::run();
    each_tags::<FirstFit>();
    each_tags::<NextFit>();
    each_tags::<BestFit>();
    each_tags::<TwoLevel>();
    each_tags::<QuickFit>();
    collections::run();
    all_are_back();
}

fn each_tags<F: Fit>() {
    pool::<F, InlineTags>();
    pool::<F, SideTags>();
}

fn pool<F: Fit, T: Tags>() {
    let mut pool: Pool<F, T, _> = Pool::new(PageFrames).with_hook(HOOK);
    let (fit, tags) = pool.policy();
    say!("\n== {fit}, {tags}");
    let drills: [fn(&mut dyn Heap); 4] = [lesson::run, refusals::run, churn::run, exhaustion::run];
    for drill in drills {
        drill(&mut pool);
        // Quick fit lets blocks wait.
        pool.trim();
        assert_eq!(
            pool.stats().held_bytes,
            0,
            "the pool holds memory without blocks"
        );
        all_are_back();
    }
}
