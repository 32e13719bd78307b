//! [`Picture`]: what a dump tells, whatever its format: parts, their blocks, sums, and a map.
//!
//! A *range* is memory without a gap between its blocks: a plot of land, or a single block's own
//! grant. Ranges are numbered by address within their part. *Relative* addresses are the number of
//! the range and the way from its first block, so that two runs of a program dump alike.

use crate::any::View;
use core::fmt;
use glebe_pool::{Block, State, Stats};

/// Cells in the one-line map.
const CELLS: usize = 64;

/// With more free blocks their places in the lists are not told, which would take O(f²).
const PLACES: usize = 4096;

/// A pool.
pub struct Part<'a> {
    pub view: &'a dyn View,
    /// The names of the fit policy and of the tags; none where each block has a grant of its own.
    pub policy: Option<(&'static str, &'static str)>,
    /// The name of the supplier.
    pub supplier: &'static str,
    pub stats: Stats,
}

impl<'a> Part<'a> {
    /// Of land.
    pub fn land(view: &'a dyn View, supplier: &'static str) -> Part<'a> {
        Part {
            view,
            policy: Some(view.policy()),
            supplier,
            stats: view.stats(),
        }
    }

    /// Of large blocks.
    pub fn large(view: &'a dyn View, supplier: &'static str) -> Part<'a> {
        Part {
            view,
            policy: None,
            supplier,
            stats: view.stats(),
        }
    }

    /// Whether places in the lists are told.
    pub fn tells_places(&self) -> bool {
        self.stats.free_blocks <= PLACES
    }
}

/// Its one-line description.
impl fmt::Display for Part<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.policy {
            Some((fit, tags)) => write!(f, "{fit}, {tags} tags, blocks by {}", self.supplier),
            None => write!(f, "large blocks, each by {}", self.supplier),
        }
    }
}

/// All that is dumped.
pub struct Picture<'a> {
    pub parts: &'a [Part<'a>],
    pub is_relative: bool,
}

/// A block with its range.
pub struct Shown {
    pub block: Block,
    /// The number of its range, and the address of the range's first block.
    pub range: usize,
    pub start: usize,
    /// Whether it is the first of its range.
    pub is_first: bool,
}

/// The word for a state, as the header explains it.
pub const fn state_word(state: State) -> &'static str {
    match state {
        State::Live => "used",
        State::Single => "single",
        State::Free => "free",
        State::Torn => "torn",
    }
}

pub const fn is_used(state: State) -> bool {
    !matches!(state, State::Free)
}

impl<'a> Picture<'a> {
    pub const fn new(parts: &'a [Part<'a>], is_relative: bool) -> Picture<'a> {
        Picture { parts, is_relative }
    }

    /// Calls `each` for all blocks of a part by address, until it fails.
    pub fn blocks(&self, part: &Part, each: &mut dyn FnMut(&Shown) -> fmt::Result) -> fmt::Result {
        let (mut range, mut start, mut expected) = (0, 0, 0);
        let mut outcome = Ok(());
        let mut take = |block: Block| {
            let is_first = block.address != expected;
            if is_first {
                range += usize::from(expected != 0);
                start = block.address;
            }
            expected = block.address + block.stride;
            let shown = Shown {
                block,
                range,
                start,
                is_first,
            };
            if outcome.is_ok() {
                outcome = each(&shown);
            }
        };
        match part.tells_places() {
            true => part.view.walk(&mut take),
            false => part.view.blocks(&mut take),
        }
        outcome
    }

    /// Sums over all parts.
    pub fn totals(&self) -> Stats {
        let mut sum = Stats::default();
        for Part { stats, .. } in self.parts {
            sum.live_blocks += stats.live_blocks;
            sum.live_bytes += stats.live_bytes;
            sum.free_blocks += stats.free_blocks;
            sum.free_bytes += stats.free_bytes;
            sum.largest_free = sum.largest_free.max(stats.largest_free);
            sum.record_bytes += stats.record_bytes;
            sum.held_bytes += stats.held_bytes;
            sum.granted_bytes += stats.granted_bytes;
            sum.ranges += stats.ranges;
        }
        sum
    }

    /// The one-line map: every cell stands for the same share of all blocks' bytes.
    pub fn map(&self) -> Map {
        let mut strides = 0;
        for part in self.parts {
            part.view
                .blocks(&mut |block| strides += block.stride as u128);
        }
        let mut used = [0; CELLS];
        let mut at = 0;
        for part in self.parts {
            part.view.blocks(&mut |block| {
                if is_used(block.state) {
                    spread(&mut used, strides, at, block.stride as u128);
                }
                at += block.stride as u128;
            });
        }
        Map { used, strides }
    }
}

/// Adds bytes `at ..` to the cells they lie in. In units of 1/CELLS byte a cell is `strides` long.
fn spread(used: &mut [u128; CELLS], strides: u128, at: u128, bytes: u128) {
    let (mut from, end) = (at * CELLS as u128, (at + bytes) * CELLS as u128);
    while from < end {
        let cell = from / strides;
        let next = end.min((cell + 1) * strides);
        used[cell as usize] += next - from;
        from = next;
    }
}

/// One line of cells.
pub struct Map {
    /// Of each cell, in units of 1/CELLS byte.
    used: [u128; CELLS],
    strides: u128,
}

impl Map {
    /// What the letters mean.
    pub const LEGEND: &str = "# used, + at least half, - less, . free";
}

impl fmt::Display for Map {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.strides == 0 {
            return Ok(());
        }
        for used in self.used {
            f.write_str(match used {
                0 => ".",
                used if used == self.strides => "#",
                used if used * 2 >= self.strides => "+",
                _ => "-",
            })?;
        }
        Ok(())
    }
}

/// An address as the picture tells it.
pub struct Address {
    pub range: usize,
    pub start: usize,
    pub address: usize,
    pub is_relative: bool,
}

impl Picture<'_> {
    pub fn address(&self, shown: &Shown) -> Address {
        Address {
            range: shown.range,
            start: shown.start,
            address: shown.block.address,
            is_relative: self.is_relative,
        }
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_relative {
            write!(f, "{}+{:#08x}", self.range, self.address - self.start)
        } else {
            write!(f, "{:#014x}", self.address)
        }
    }
}

/// The share of free bytes that do not lie in the largest free block, in tenths of a percent.
pub fn fragmentation(stats: &Stats) -> u128 {
    let (free, largest) = (stats.free_bytes as u128, stats.largest_free as u128);
    ((free - largest) * 1000).checked_div(free).unwrap_or(0)
}
