//! Plots: the ranges of memory that a pool holds, and how to find the one that an address lies in.
//!
//! A plot keeps its own [`Record`] in its last bytes, so that its first bytes stay aligned and the
//! pool needs no memory of its own however many plots it holds. The records form a tree ordered by
//! address; the plot that was used last is kept at hand, so that a pool of one plot never descends.
//!
//! ```text
//! memory                                                          memory + bytes
//! │ land: blocks ……………………………………………………… end │ tables (side tags) │ Record │
//! └─ base = the granule before the first block           table ┘
//! ```

use crate::tree::{Nodes, Side, Tree};
use crate::word::{At, GRANULE, round_down};
use core::cell::Cell;
use core::convert::Infallible;

/// What the fast paths need to know of a plot.
///
/// Granule 0 lies right below the first block and belongs to no block; the end mark is a start that
/// is never free. So no neighbour is ever looked for in vain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Plot {
    /// Address of granule 0.
    pub base: usize,
    /// Index of the end mark: blocks start at 1 ≤ index < limit.
    pub limit: usize,
    /// The tables; granule 0 for tags that need none.
    pub table: At,
}

impl Plot {
    /// Holds no address.
    pub(crate) const NOWHERE: Plot = Plot {
        base: 0,
        limit: 0,
        table: At(0),
    };

    /// The index of the granule at an address: at least `limit` if it is misaligned or elsewhere.
    #[inline(always)]
    pub(crate) const fn index(&self, address: usize) -> usize {
        address
            .wrapping_sub(self.base)
            .rotate_right(GRANULE.trailing_zeros())
    }

    /// The first block.
    pub(crate) const fn first(&self) -> At {
        At(self.base + GRANULE)
    }

    /// The end mark.
    pub(crate) const fn end(&self) -> At {
        At(self.base + self.limit * GRANULE)
    }

    /// Bytes of land.
    pub(crate) const fn len(&self) -> usize {
        (self.limit - 1) * GRANULE
    }
}

/// All that is known of a plot.
#[derive(Clone, Copy, Debug)]
#[repr(C)]
pub(crate) struct Record {
    pub plot: Plot,
    /// The memory as it came: first address and length.
    pub memory: usize,
    pub bytes: usize,
    /// Whether it came from the supplier, and so may go back.
    pub granted: bool,
    /// The address of the plot's only block and its usable bytes, if it was granted for that
    /// block alone; else 0. Such a plot has no tags.
    pub single: usize,
    pub single_bytes: usize,
    pub left: Option<At>,
    pub right: Option<At>,
}

/// Bytes that a record takes at the end of a plot.
pub(crate) const RECORD: usize = size_of::<Record>().next_multiple_of(GRANULE);

impl Record {
    pub(crate) const fn new(plot: Plot, memory: usize, bytes: usize, granted: bool) -> Record {
        Record {
            plot,
            memory,
            bytes,
            granted,
            single: 0,
            single_bytes: 0,
            left: None,
            right: None,
        }
    }

    /// Where the record of this memory lies; none if the memory is too small for one.
    pub(crate) fn place(memory: usize, bytes: usize) -> Option<At> {
        let at = round_down(memory.checked_add(bytes)?, GRANULE).checked_sub(RECORD)?;
        (at >= memory).then_some(At(at))
    }

    /// Whether the address lies in this memory.
    pub(crate) const fn holds(&self, address: usize) -> bool {
        address.wrapping_sub(self.memory) < self.bytes
    }
}

/// The records as nodes of a tree, by their first address.
struct Records;

impl Nodes for Records {
    type Torn = Infallible;
    type Key = usize;

    fn child(&self, node: At, side: Side) -> Result<Option<At>, Infallible> {
        let record: Record = node.read(0);
        Ok(match side {
            Side::Left => record.left,
            Side::Right => record.right,
        })
    }

    fn set_child(&self, node: At, side: Side, child: Option<At>) {
        let mut record: Record = node.read(0);
        match side {
            Side::Left => record.left = child,
            Side::Right => record.right = child,
        }
        node.write(0, record);
    }

    fn key(&self, node: At) -> Result<usize, Infallible> {
        Ok(node.read::<Record>(0).memory)
    }
}

/// All plots of a pool.
#[derive(Debug)]
pub(crate) struct Plots {
    tree: Tree,
    /// The plot at hand, word by word, so that reading one does not read all.
    base: Cell<usize>,
    limit: Cell<usize>,
    table: Cell<At>,
    pub count: usize,
    /// Bytes of land of all shared plots.
    land: usize,
}

/// What part of the land may wait to be joined.
const WAITING: usize = 16;

impl Plots {
    pub(crate) const fn new() -> Plots {
        Plots {
            tree: Tree::EMPTY,
            base: Cell::new(Plot::NOWHERE.base),
            limit: Cell::new(Plot::NOWHERE.limit),
            table: Cell::new(Plot::NOWHERE.table),
            count: 0,
            land: 0,
        }
    }

    /// Writes a record into its plot and enters it. The memory must overlap no other plot.
    pub(crate) fn add(&mut self, at: At, record: Record) {
        at.write(0, record);
        let Ok(()) = self.tree.insert(&Records, at, record.memory);
        self.count += 1;
        if record.single == 0 {
            self.land += record.plot.len();
            self.stay(record.plot);
        }
    }

    /// Bytes of land of all shared plots.
    pub(crate) fn land(&self) -> usize {
        self.land
    }

    /// How many granules of the land may wait to be joined.
    pub(crate) fn may_wait(&self) -> usize {
        self.land / WAITING / GRANULE
    }

    /// Strikes a plot out.
    pub(crate) fn remove(&mut self, at: At) {
        let record: Record = at.read(0);
        let Ok(found) = self.tree.remove(&Records, at, record.memory);
        debug_assert!(found, "a plot to be removed was entered");
        self.count -= 1;
        if record.single == 0 {
            self.land -= record.plot.len();
        }
        self.stay(Plot::NOWHERE);
    }

    /// The plot at hand.
    #[inline(always)]
    pub(crate) fn here(&self) -> Plot {
        Plot {
            base: self.base.get(),
            limit: self.limit.get(),
            table: self.table.get(),
        }
    }

    pub(crate) fn stay(&self, plot: Plot) {
        self.base.set(plot.base);
        self.limit.set(plot.limit);
        self.table.set(plot.table);
    }

    /// The record of the plot that an address lies in.
    pub(crate) fn find(&self, address: usize) -> Option<At> {
        let Ok(found) = self.tree.at_most(&Records, address);
        found.filter(|at| at.read::<Record>(0).holds(address))
    }

    /// The plot with the lowest first address that is not below `address`.
    pub(crate) fn from(&self, address: usize) -> Option<At> {
        let Ok(found) = self.tree.at_least(&Records, address);
        found
    }

    /// Whether memory may come in: it wraps nowhere and overlaps no plot.
    pub(crate) fn is_apart(&self, memory: usize, bytes: usize) -> bool {
        let Some(end) = memory.checked_add(bytes) else {
            return false;
        };
        let Ok(before) = self.tree.at_most(&Records, end - 1);
        before.is_none_or(|at| {
            let record: Record = at.read(0);
            record.memory + record.bytes <= memory
        })
    }

    /// The plot with the highest first address.
    pub(crate) fn last(&self) -> Option<At> {
        let Ok(found) = self.tree.at_most(&Records, usize::MAX);
        found
    }

    /// Bytes of all plots.
    pub(crate) fn held_bytes(&self) -> usize {
        let (mut sum, mut from) = (0, 0);
        while let Some(at) = self.from(from) {
            let record: Record = at.read(0);
            sum += record.bytes;
            from = record.memory + 1;
        }
        sum
    }
}
