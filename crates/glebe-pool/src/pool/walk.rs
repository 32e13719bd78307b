//! All blocks in order, and sums over them.

use super::Pool;
use crate::fit::{Fit, Place};
use crate::plot::Record;
use crate::site::Site;
use crate::source::BlockSource;
use crate::tags::Tags;
use crate::word::At;

/// Whether a block is in use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum State {
    /// Handed out.
    Live,
    /// Handed out, in a grant of its own.
    Single,
    /// Free.
    Free,
    /// The rest of a range whose tags are overwritten from here on. Always the range's last.
    Torn,
}

/// A block as a walk shows it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    /// Its address, which users have.
    pub address: usize,
    /// Bytes for its user.
    pub usable: usize,
    /// Bytes from its address to the next block's: `usable` and its tags.
    pub stride: usize,
    /// Whether it is in use.
    pub state: State,
    /// Where it stands in the policy's index; only on request, see [`Pool::place`].
    pub place: Option<Place>,
}

/// Sums over a pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Stats {
    /// Blocks in use.
    pub live_blocks: usize,
    /// Their usable bytes.
    pub live_bytes: usize,
    /// Free blocks.
    pub free_blocks: usize,
    /// Their usable bytes.
    pub free_bytes: usize,
    /// Usable bytes of the largest.
    pub largest_free: usize,
    /// Bytes of tags, tables and records.
    pub record_bytes: usize,
    /// Bytes of all ranges: the four sums.
    pub held_bytes: usize,
    /// Of these, bytes from the supplier.
    pub granted_bytes: usize,
    /// Ranges, grants for single blocks among them.
    pub ranges: usize,
}

impl Stats {
    /// How much of the free bytes is not in the largest free block: 0 for none, to 1.
    pub fn fragmentation(&self) -> f64 {
        if self.free_bytes == 0 {
            return 0.0;
        }
        1.0 - self.largest_free as f64 / self.free_bytes as f64
    }
}

/// An iterator over the blocks of a pool, by address.
#[derive(Debug)]
pub struct Blocks<'a, T> {
    site: &'a Site<T>,
    record: Option<Record>,
    at: At,
}

impl<'a, T: Tags> Blocks<'a, T> {
    pub(super) fn new(site: &'a Site<T>) -> Blocks<'a, T> {
        let mut blocks = Blocks {
            site,
            record: None,
            at: At(0),
        };
        blocks.enter(0);
        blocks
    }

    /// Goes to the first range from an address on.
    fn enter(&mut self, from: usize) {
        let next = self.site.plots.from(from);
        self.record = next.map(|at| at.read(0));
        if let Some(record) = self.record {
            self.at = match record.single {
                0 => record.plot.first(),
                single => At(single),
            };
        }
    }

    fn tagged(&self, record: &Record) -> Block {
        let plot = &record.plot;
        let at = self.at;
        let (stride, state) = match (T::stride(plot, at), T::is_free(plot, at)) {
            (Ok(stride), Ok(true)) => (stride, State::Free),
            (Ok(stride), Ok(false)) => (stride, State::Live),
            _ => (plot.end().0 - at.0, State::Torn),
        };
        Block {
            address: at.0,
            usable: stride.saturating_sub(T::OVERHEAD),
            stride,
            state,
            place: None,
        }
    }
}

impl<T: Tags> Iterator for Blocks<'_, T> {
    type Item = Block;

    fn next(&mut self) -> Option<Block> {
        let record = self.record?;
        if record.single != 0 {
            self.enter(record.memory + 1);
            return Some(Block {
                address: record.single,
                usable: record.single_bytes,
                stride: record.single_bytes,
                state: State::Single,
                place: None,
            });
        }
        let block = self.tagged(&record);
        self.at = self.at.plus(block.stride);
        if self.at >= record.plot.end() {
            self.enter(record.memory + 1);
        }
        Some(block)
    }
}

impl<F: Fit, T: Tags, S: BlockSource> Pool<F, T, S> {
    /// All blocks by address, live and free, without their places in the index.
    pub fn blocks(&self) -> Blocks<'_, T> {
        Blocks::new(&self.site)
    }

    /// All blocks by address, the free ones with their places in the index. O(f²).
    pub fn walk(&self) -> impl Iterator<Item = Block> {
        self.blocks().map(|block| Block {
            place: self.place(&block),
            ..block
        })
    }

    /// Where a free block stands in the policy's index. O(f).
    pub fn place(&self, block: &Block) -> Option<Place> {
        if block.state != State::Free {
            return None;
        }
        self.index
            .place(&self.site, (At(block.address), block.stride))
    }

    /// Sums over all blocks.
    pub fn stats(&self) -> Stats {
        let mut stats = Stats {
            ranges: self.site.plots.count,
            granted_bytes: self.granted,
            held_bytes: self.site.plots.held_bytes(),
            ..Stats::default()
        };
        for block in self.blocks() {
            match block.state {
                State::Live | State::Single => {
                    stats.live_blocks += 1;
                    stats.live_bytes += block.usable;
                }
                State::Free => {
                    stats.free_blocks += 1;
                    stats.free_bytes += block.usable;
                    stats.largest_free = stats.largest_free.max(block.usable);
                }
                State::Torn => {}
            }
        }
        stats.record_bytes = stats.held_bytes - stats.live_bytes - stats.free_bytes;
        stats
    }
}
