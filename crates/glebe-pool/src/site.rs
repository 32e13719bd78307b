//! [`Site`], the land of a pool with its tags, and the links in free blocks.
//!
//! A free block holds two links to other free blocks in its first two words. Users can write there
//! after a free, so a link is never trusted: it is stored as `address × K ⊕ key`, K odd. Reading
//! undoes that and asks whether an aligned address within the pool's bounds has come out. Of all
//! overwritten words `bounds / 2⁶⁴` pass, about 2⁻⁴⁰ in a pool of 16 MiB (2⁻⁸ of 32-bit words).

use crate::plot::{Plot, Plots, Record};
use crate::tags::Tags;
use crate::word::{At, GRANULE, WORD};
use core::cell::Cell;
use core::marker::PhantomData;

/// A word at this block was overwritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Torn(pub(crate) At);

/// Multiplier of links, odd, and its inverse modulo the size of a word.
const K: usize = 0x9e37_79b9_7f4a_7c15_u64 as usize;
const K_INVERSE: usize = inverse(K);

const fn inverse(odd: usize) -> usize {
    // Newton's iteration doubles the number of right bits, of which there are 3 to begin with.
    let mut guess = odd;
    let mut round = 0;
    while round < 5 {
        guess = guess.wrapping_mul(2usize.wrapping_sub(odd.wrapping_mul(guess)));
        round += 1;
    }
    guess
}

/// Everything about a pool's memory but the index of free blocks.
#[derive(Debug)]
pub struct Site<T> {
    pub(crate) plots: Plots,
    key: usize,
    /// Lowest address of all plots, and granules from there to the highest.
    low: usize,
    span: usize,
    steps: Cell<u64>,
    tags: PhantomData<fn() -> T>,
}

impl<T> Site<T> {
    pub(crate) const fn new() -> Site<T> {
        Site {
            plots: Plots::new(),
            key: 0,
            low: 0,
            span: 0,
            steps: Cell::new(0),
            tags: PhantomData,
        }
    }

    /// Widens the bounds of links to memory that comes in.
    pub(crate) fn include(&mut self, memory: usize, bytes: usize) {
        if self.span == 0 {
            self.key = (memory ^ K).wrapping_mul(K) | 1;
            self.low = memory & !(GRANULE - 1);
        }
        let end = (self.low + self.span * GRANULE).max(memory + bytes);
        self.low = self.low.min(memory & !(GRANULE - 1));
        self.span = (end - self.low) / GRANULE;
    }

    /// Counts a step: a block, a node or a bin that was looked at.
    #[inline(always)]
    pub(crate) fn step(&self) {
        if cfg!(any(test, feature = "count-steps")) {
            self.steps.set(self.steps.get() + 1);
        }
    }

    /// Steps so far; always 0 without the feature `count-steps`.
    pub(crate) fn steps(&self) -> u64 {
        self.steps.get()
    }

    /// How a link to an address is stored; 0 is a link to nothing.
    #[inline(always)]
    pub(crate) fn seal(&self, address: usize) -> usize {
        address.wrapping_mul(K) ^ self.key
    }

    /// The address that a stored link names, 0 for nothing.
    #[inline(always)]
    pub(crate) fn unseal(&self, block: At, word: usize) -> Result<usize, Torn> {
        let address = (word ^ self.key).wrapping_mul(K_INVERSE);
        let index = address
            .wrapping_sub(self.low)
            .rotate_right(GRANULE.trailing_zeros());
        if index < self.span || address == 0 {
            Ok(address)
        } else {
            Err(Torn(block))
        }
    }

    /// The first (0) or second (1) link in a free block.
    #[inline(always)]
    pub(crate) fn link(&self, block: At, which: usize) -> Result<Option<At>, Torn> {
        let address = self.unseal(block, block.load(which * WORD))?;
        Ok((address != 0).then_some(At(address)))
    }

    #[inline(always)]
    pub(crate) fn set_link(&self, block: At, which: usize, to: Option<At>) {
        block.store(which * WORD, self.seal(to.map_or(0, |to| to.0)));
    }

    /// The shared plot of an address, its granule 0 and its end mark not counted; also for
    /// misaligned addresses.
    #[inline(always)]
    pub(crate) fn plot(&self, address: usize) -> Option<Plot> {
        let here = self.plots.here();
        if here.index(address) < here.limit {
            Some(here)
        } else {
            self.other_plot(address)
        }
    }

    #[cold]
    #[inline(never)]
    fn other_plot(&self, address: usize) -> Option<Plot> {
        self.step();
        let record: Record = self.plots.find(address)?.read(0);
        let is_land = |plot: &Plot| address.wrapping_sub(plot.first().0) < plot.len();
        if record.single != 0 || !is_land(&record.plot) {
            return None;
        }
        self.plots.stay(record.plot);
        Some(record.plot)
    }
}

impl<T: Tags> Site<T> {
    /// Bytes from this free block to the next, for a block that a link has named.
    #[inline(always)]
    pub(crate) fn free_stride(&self, block: At) -> Result<usize, Torn> {
        self.step();
        let plot = self.plot(block.0).ok_or(Torn(block))?;
        // A link that was forged well enough to be followed must not be followed further.
        if !T::is_start(&plot, block) || !T::is_free(&plot, block)? {
            return Err(Torn(block));
        }
        T::stride(&plot, block)
    }
}
