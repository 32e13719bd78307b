//! The measurements, on any allocator over a fixed range: talc's kind of benchmark.
//!
//! They see an allocator by `GlobalAlloc` alone, so that peers can be put beside the pools.

use std::alloc::{GlobalAlloc, Layout};
use std::hint::black_box;
use std::time::Instant;

/// SplitMix64.
pub struct Rng(pub u64);

impl Rng {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: usize, high: usize) -> usize {
        low + ((u128::from(self.next()) * (high - low + 1) as u128) >> 64) as usize
    }
}

/// Sizes of a mix: first requests, and what reallocations may reach.
#[derive(Clone, Copy)]
pub struct Mix {
    pub least: usize,
    pub most: usize,
    pub most_realloc: usize,
}

impl Mix {
    /// Smaller sizes more often than larger ones, seldom an alignment above 8: as talc's
    /// benchmarks draw them.
    fn draw(self, rng: &mut Rng) -> Layout {
        let cap = rng.between(self.least + 12, self.most);
        let size = rng.between(self.least, cap);
        let align = 8 << ((rng.next() | 1 << 16).trailing_zeros() / 2);
        Layout::from_size_align(size, align).expect("a layout")
    }
}

/// 4 to 256 bytes.
pub const SMALL: Mix = Mix {
    least: 4,
    most: 256,
    most_realloc: 256,
};

/// Up to 10 kB, reallocations up to 100 kB.
pub const LARGE: Mix = Mix {
    least: 4,
    most: 10_000,
    most_realloc: 100_000,
};

struct Held {
    start: *mut u8,
    layout: Layout,
}

/// A heap in use: the blocks that live, and the sum of their sizes as asked for.
struct Load<'a, A> {
    heap: &'a A,
    rng: Rng,
    live: Vec<Held>,
    bytes: usize,
}

impl<A: GlobalAlloc> Load<'_, A> {
    fn alloc(&mut self, mix: Mix) -> bool {
        let layout = mix.draw(&mut self.rng);
        let size = layout.size();
        // SAFETY: the layout has a size.
        let start = unsafe { self.heap.alloc(layout) };
        if !start.is_null() {
            self.live.push(Held { start, layout });
            self.bytes += size;
        }
        !start.is_null()
    }

    fn free(&mut self, which: usize) {
        let held = self.live.swap_remove(which);
        self.bytes -= held.layout.size();
        // SAFETY: the block lives and is given up.
        unsafe { self.heap.dealloc(held.start, held.layout) }
    }

    fn realloc(&mut self, mix: Mix) -> bool {
        let which = self.any();
        let size = self.rng.between(mix.least, mix.most_realloc);
        let held = &mut self.live[which];
        // SAFETY: only the new block is used from here on.
        let start = unsafe { self.heap.realloc(held.start, held.layout, size) };
        if start.is_null() {
            return false;
        }
        self.bytes = self.bytes - held.layout.size() + size;
        held.start = start;
        held.layout = Layout::from_size_align(size, held.layout.align()).expect("a layout");
        true
    }

    fn any(&mut self) -> usize {
        self.rng.between(0, self.live.len() - 1)
    }

    /// One random action; whether there was room for it.
    fn act(&mut self, mix: Mix) -> bool {
        match self.rng.between(0, 9) {
            _ if self.live.is_empty() => self.alloc(mix),
            0..5 => self.alloc(mix),
            5 => {
                let which = self.any();
                self.free(which);
                true
            }
            _ => self.realloc(mix),
        }
    }

    fn clear(&mut self) {
        while !self.live.is_empty() {
            let which = self.any();
            self.free(which);
        }
    }
}

fn load<A>(heap: &A, seed: u64) -> Load<'_, A> {
    Load {
        heap,
        rng: Rng(seed),
        live: Vec::new(),
        bytes: 0,
    }
}

/// Share of the range in use, as asked for, when random actions first find no room.
pub fn efficiency<A: GlobalAlloc>(heap: &A, range: usize, mix: Mix, rounds: u64) -> f64 {
    let mut sum = 0.0;
    for seed in 0..rounds {
        let mut load = load(heap, seed);
        while load.act(mix) {}
        sum += load.bytes as f64 / range as f64;
        load.clear();
    }
    sum / rounds as f64
}

/// How many pages of 4096 bytes at 4096 fit.
pub fn pages<A: GlobalAlloc>(heap: &A) -> usize {
    let layout = Layout::from_size_align(4096, 4096).expect("a layout");
    let mut live = Vec::new();
    loop {
        // SAFETY: the layout has a size.
        let page = unsafe { heap.alloc(layout) };
        if page.is_null() {
            break;
        }
        live.push(page);
    }
    for page in &live {
        // SAFETY: the page lives and is given up.
        unsafe { heap.dealloc(*page, layout) }
    }
    live.len()
}

/// Kept out of line, so that callgrind can count what happens inside, and nothing else.
#[inline(never)]
pub fn counted_alloc<A: GlobalAlloc>(heap: &A, layout: Layout) -> *mut u8 {
    // SAFETY: the layout has a size.
    unsafe { heap.alloc(layout) }
}

/// As [`counted_alloc`].
///
/// # Safety
/// As `GlobalAlloc::dealloc`.
#[inline(never)]
pub unsafe fn counted_free<A: GlobalAlloc>(heap: &A, block: *mut u8, layout: Layout) {
    // SAFETY: the caller's promise.
    unsafe { heap.dealloc(block, layout) }
}

/// Replaces a random one of so many live blocks, over and over: nanoseconds a pair.
pub fn pairs<A: GlobalAlloc>(heap: &A, live: usize, mix: Mix, pairs: usize) -> f64 {
    let mut load = load(heap, 42);
    for _ in 0..live {
        assert!(load.alloc(mix), "room for {live} blocks");
    }
    // The sizes and places come from a table, so that drawing them is not measured.
    let mut rng = Rng(1);
    let plan: Vec<(usize, Layout)> = (0..4096)
        .map(|_| (rng.between(0, live - 1), mix.draw(&mut rng)))
        .collect();
    let start = Instant::now();
    let mut missed = 0;
    for round in 0..pairs {
        let (which, layout) = plan[round & 4095];
        let held = &mut load.live[which];
        // SAFETY: the block lives and is replaced at once.
        unsafe { counted_free(heap, held.start, held.layout) };
        held.layout = layout;
        held.start = counted_alloc(heap, layout);
        missed += usize::from(held.start.is_null());
    }
    let elapsed = start.elapsed();
    assert_eq!(black_box(missed), 0, "room for every replacement");
    load.clear();
    elapsed.as_nanos() as f64 / pairs as f64
}

/// Random actions with about so many blocks live: nanoseconds an action.
pub fn actions<A: GlobalAlloc>(heap: &A, mix: Mix, live: usize, actions: usize) -> f64 {
    let mut load = load(heap, 7);
    let start = Instant::now();
    for _ in 0..actions {
        if load.live.len() >= live || !load.act(mix) {
            let which = load.any();
            load.free(which);
        }
    }
    let elapsed = start.elapsed();
    load.clear();
    elapsed.as_nanos() as f64 / actions as f64
}
