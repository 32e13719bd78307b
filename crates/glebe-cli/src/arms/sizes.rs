//! [`Sizes`] of requests, as talc's benchmarks draw them.

use std::alloc::Layout;

use glebe_trace::rng::Rng;
use serde::{Deserialize, Serialize};

use super::layout;

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
