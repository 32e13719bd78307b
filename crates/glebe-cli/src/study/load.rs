//! What all workloads share: sizes as talc's benchmarks draw them, and blocks that are held.

use std::alloc::Layout;

use glebe_trace::rng::Rng;
use serde::{Deserialize, Serialize};

use super::arms::Arm;

/// From which sizes requests are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sizes {
    /// The least first request.
    pub least: usize,
    /// The most.
    pub most: usize,
    /// The most that a reallocation reaches.
    pub most_realloc: usize,
}

impl Sizes {
    /// 4 to 256 bytes.
    pub const SMALL: Sizes = Sizes {
        least: 4,
        most: 256,
        most_realloc: 256,
    };

    /// Up to 10 kB, by reallocations up to 100 kB.
    pub const LARGE: Sizes = Sizes {
        least: 4,
        most: 10_000,
        most_realloc: 100_000,
    };

    /// Smaller sizes more often than larger ones, and seldom an alignment above 8.
    pub fn draw(self, rng: &mut Rng) -> Layout {
        let cap = rng.between(self.least + 12, self.most);
        let size = rng.between(self.least, cap);
        let align = 8 << ((rng.next() | 1 << 16).trailing_zeros() / 2);
        layout(size, align)
    }
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
