//! What is done with pools: each kind of them the same, over the machine's frames.

mod checked;
mod churn;
mod collections;
mod exhaustion;
mod lesson;
mod refusals;
mod runs;

use crate::frames::{MACHINE, PageFrames};
use crate::say;
use core::num::NonZeroUsize;
use core::sync::atomic::{AtomicUsize, Ordering};
use glebe_pool::{
    BestFit, Fault, FirstFit, Fit, Heap, Hook, InlineTags, NextFit, Pool, SideTags, Tags, TwoLevel,
};

/// Faults that pools have told of.
static FAULTS: AtomicUsize = AtomicUsize::new(0);

/// Counts faults, so that a refused call comes back.
pub const HOOK: Hook = count;

fn count(_: &Fault) {
    FAULTS.fetch_add(1, Ordering::Relaxed);
}

fn faults() -> usize {
    FAULTS.load(Ordering::Relaxed)
}

/// Every drill on every kind of pool, then the collections.
pub fn run() {
    runs::run();
    each_tags::<FirstFit>();
    each_tags::<NextFit>();
    each_tags::<BestFit>();
    each_tags::<TwoLevel>();
    collections::run();
    all_frames_are_back();
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
        assert_eq!(
            pool.stats().held_bytes,
            0,
            "the pool holds memory without blocks"
        );
        all_frames_are_back();
    }
}

/// No frame is in use, and they are one run again.
pub fn all_frames_are_back() {
    let mut machine = MACHINE.lock();
    let total = machine.total();
    assert_eq!(machine.unused(), total, "not all frames have come back");
    let all = NonZeroUsize::new(total).and_then(|count| machine.alloc(count));
    let all = all.expect("all frames are one run");
    assert_eq!(machine.free(all.addr().get()), Ok(total));
    // That was not a use of theirs.
    machine.most_used();
}
