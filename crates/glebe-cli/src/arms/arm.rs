//! [`Arm`], an allocator of one thread, and the blocks that it gives.
//!
//! The loop that replaces blocks is here, too: it is a method of the trait, so that it is compiled
//! for each arm and calls it directly.

use std::alloc::Layout;
use std::time::{Duration, Instant};

use glebe_pool::Stats;

/// After so many pairs the clock is looked at.
pub const PAIRS_PER_LOOK: usize = 64;

/// An allocator of one thread.
pub trait Arm {
    /// A block, or null.
    fn alloc(&mut self, layout: Layout) -> *mut u8;

    /// Frees a block.
    ///
    /// # Safety
    /// The block lives and has this layout.
    unsafe fn free(&mut self, block: *mut u8, layout: Layout);

    /// Gives a block another size, or null: then the block is as it was.
    ///
    /// # Safety
    /// The block lives and has this layout; after success only the new one does.
    unsafe fn realloc(&mut self, block: *mut u8, layout: Layout, size: usize) -> *mut u8;

    /// Bytes held from a supplier or the system; none over a fixed range.
    fn held(&self) -> Option<usize> {
        None
    }

    /// Exact sums, where the arm can tell them.
    fn stats(&self) -> Option<Stats> {
        None
    }

    /// Replaces blocks by a plan. A method, so that the loop is compiled for each arm.
    fn replace(&mut self, plan: &mut Plan) -> Replaced {
        plan.run(self)
    }
}

/// What `realloc` is where an allocator has none of its own.
///
/// # Safety
/// As [`Arm::realloc`].
pub unsafe fn move_to_new(
    arm: &mut (impl Arm + ?Sized),
    block: *mut u8,
    layout: Layout,
    size: usize,
) -> *mut u8 {
    let Ok(wanted) = Layout::from_size_align(size, layout.align()) else {
        return std::ptr::null_mut();
    };
    let new = arm.alloc(wanted);
    if !new.is_null() {
        // SAFETY: both blocks live, apart from each other, and the old one is given up.
        unsafe {
            new.copy_from_nonoverlapping(block, layout.size().min(size));
            arm.free(block, layout);
        }
    }
    new
}

/// The layout of a request.
pub fn layout(size: usize, align: usize) -> Layout {
    Layout::from_size_align(size, align).expect("workloads ask for small powers of two")
}

/// A block that lives.
#[derive(Clone, Copy, Debug)]
pub struct Held {
    /// Its address.
    pub block: *mut u8,
    /// As it was asked for.
    pub layout: Layout,
}

impl Held {
    /// A new block, if there is room.
    pub fn new(arm: &mut (impl Arm + ?Sized), layout: Layout) -> Option<Held> {
        let block = arm.alloc(layout);
        (!block.is_null()).then_some(Held { block, layout })
    }

    /// Gives it up.
    pub fn free(self, arm: &mut (impl Arm + ?Sized)) {
        // SAFETY: whoever holds a block frees it once: values are dropped where they are freed.
        unsafe { arm.free(self.block, self.layout) }
    }

    /// Gives it another size, if there is room; whether it was done.
    pub fn resize(&mut self, arm: &mut (impl Arm + ?Sized), size: usize) -> bool {
        // SAFETY: the block lives; its new address replaces the old one.
        let block = unsafe { arm.realloc(self.block, self.layout, size) };
        if block.is_null() {
            return false;
        }
        *self = Held {
            block,
            layout: layout(size, self.layout.align()),
        };
        true
    }

    /// The bytes asked for.
    pub fn size(&self) -> usize {
        self.layout.size()
    }
}

/// Frees all of these.
pub fn free_all(arm: &mut (impl Arm + ?Sized), live: impl IntoIterator<Item = Held>) {
    for held in live {
        held.free(arm);
    }
}

/// A replacement: which block, and the size and alignment of the next one. Small, as there may be a
/// million of them.
#[derive(Clone, Copy)]
pub struct Step {
    which: u32,
    size: u16,
    align: u16,
}

/// Replacements among blocks, done in stretches.
pub struct Plan {
    live: Vec<Held>,
    steps: Vec<Step>,
    /// The step that is next.
    at: usize,
    pairs: usize,
    limit: Duration,
}

/// What came of a stretch.
#[derive(Clone, Copy, Debug)]
pub struct Replaced {
    /// Pairs that were done.
    pub pairs: usize,
    /// The time of all of them.
    pub time: Duration,
    /// An alloc found no room, which ended it.
    pub full: bool,
}

impl Step {
    /// Replaces that block by one of this layout.
    pub fn new(which: usize, layout: Layout) -> Step {
        Step {
            which: u32::try_from(which).expect("fewer than 2^32 blocks live"),
            size: u16::try_from(layout.size()).expect("the blocks of a pair are small"),
            align: u16::try_from(layout.align()).expect("the blocks of a pair are small"),
        }
    }
}

impl Plan {
    /// Takes these steps among these blocks, again and again, in stretches of so many pairs.
    pub fn new(live: Vec<Held>, steps: Vec<Step>, pairs: usize) -> Plan {
        Plan {
            live,
            steps,
            at: 0,
            pairs,
            limit: Duration::MAX,
        }
    }

    /// From now on a stretch has so many pairs at most, and takes no longer than this.
    pub fn set_stretch(&mut self, pairs: usize, limit: Duration) {
        (self.pairs, self.limit) = (pairs, limit);
    }

    /// A stretch: replaces blocks, until the pairs are done or the time is up.
    #[inline(never)]
    fn run<A: Arm + ?Sized>(&mut self, arm: &mut A) -> Replaced {
        let start = Instant::now();
        let mut pairs = 0;
        let mut full = false;
        while pairs < self.pairs && !full {
            for _ in 0..PAIRS_PER_LOOK {
                let step = self.steps[self.at];
                self.at = match self.at + 1 {
                    end if end == self.steps.len() => 0,
                    next => next,
                };
                let held = &mut self.live[step.which as usize];
                counted_free(arm, held.block, held.layout);
                let layout = layout(usize::from(step.size), usize::from(step.align));
                let block = counted_alloc(arm, layout);
                if block.is_null() {
                    full = true;
                    break;
                }
                *held = Held { block, layout };
                pairs += 1;
            }
            if start.elapsed() > self.limit {
                break;
            }
        }
        Replaced {
            pairs,
            time: start.elapsed(),
            full,
        }
    }
}

/// Out of line, so that callgrind can tell what happens inside.
#[inline(never)]
fn counted_alloc<A: Arm + ?Sized>(arm: &mut A, layout: Layout) -> *mut u8 {
    arm.alloc(layout)
}

#[inline(never)]
fn counted_free<A: Arm + ?Sized>(arm: &mut A, block: *mut u8, layout: Layout) {
    // SAFETY: a plan holds blocks that live, and replaces this one at once.
    unsafe { arm.free(block, layout) }
}
