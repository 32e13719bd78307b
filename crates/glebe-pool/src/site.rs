//! [`Site`], the land of a pool with its tags, and the links in free blocks.
//!
//! A free block holds two links to other free blocks in its first two words. Users can write there
//! after a free, so a link is never trusted: it is stored as `address × key`, key odd and secret.
//! Reading undoes that and asks whether an address within the pool's bounds, rounded to a power of
//! two, has come out, aligned to a word. Of all overwritten words about 2⁻⁴² pass in a pool of
//! 16 MiB (2⁻⁹ of 32-bit words), and 0 never does.

use crate::fault::Torn;
use crate::plot::{Plot, Plots, Record};
use crate::tags::Tags;
use crate::word::{At, GRANULE, WORD};
use core::cell::Cell;
use core::marker::PhantomData;

/// Makes keys of addresses: odd, without a pattern.
const K: usize = 0x9e37_79b9_7f4a_7c15_u64 as usize;

/// The inverse of an odd number modulo the size of a word.
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
    /// What links are multiplied by, and by what again when they are read.
    key: usize,
    inverse: usize,
    /// The lowest address of all plots, the highest end, and the bits of a block's distance from
    /// `low` that are always 0.
    low: usize,
    high: usize,
    fixed: usize,
    /// Where a link to nothing points: inside the bounds, and where no block can be.
    nothing: usize,
    steps: Cell<u64>,
    tags: PhantomData<fn() -> T>,
}

impl<T> Site<T> {
    pub(crate) const fn new() -> Site<T> {
        Site {
            plots: Plots::new(),
            key: 0,
            inverse: 0,
            low: 0,
            nothing: 0,
            high: 0,
            fixed: usize::MAX,
            steps: Cell::new(0),
            tags: PhantomData,
        }
    }

    /// Widens the bounds of links to memory that comes in; whether it is the first.
    pub(crate) fn include(&mut self, memory: usize, bytes: usize) -> bool {
        let start = memory & !(GRANULE - 1);
        let is_first = self.key == 0;
        if is_first {
            self.nothing = start | WORD;
            self.key = (memory ^ K).wrapping_mul(K) | 1;
            self.inverse = inverse(self.key);
            self.low = start;
        } else {
            self.low = self.low.min(start);
        }
        self.high = self.high.max(memory + bytes);
        let span = (self.high - self.low).checked_next_power_of_two();
        self.fixed = !span.map_or(usize::MAX, |span| span - 1) | (WORD - 1);
        is_first
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

    /// How a link to an address is stored.
    #[inline(always)]
    pub(crate) fn seal(&self, address: usize) -> usize {
        address.wrapping_mul(self.key)
    }

    /// The address that stands for nothing.
    #[inline(always)]
    pub(crate) fn nothing(&self) -> usize {
        self.nothing
    }

    /// Whether links can be to these two addresses.
    #[inline(always)]
    pub(crate) fn are_inside(&self, a: usize, b: usize) -> bool {
        (a.wrapping_sub(self.low) | b.wrapping_sub(self.low)) & self.fixed == 0
    }

    /// What a stored link names, if it was not overwritten.
    #[inline(always)]
    pub(crate) fn unsealed(&self, word: usize) -> usize {
        word.wrapping_mul(self.inverse)
    }

    /// The address that a link in a block names, [`Site::nothing`] among them.
    #[inline(always)]
    pub(crate) fn unseal(&self, block: At, word: usize) -> Result<usize, Torn> {
        let address = self.unsealed(word);
        match self.are_inside(address, address) {
            true => Ok(address),
            false => Err(Torn(block)),
        }
    }

    /// The first (0) or second (1) link in a free block.
    #[inline(always)]
    pub(crate) fn link(&self, block: At, which: usize) -> Result<Option<At>, Torn> {
        let address = self.unseal(block, block.load(which * WORD))?;
        Ok((address != self.nothing).then_some(At(address)))
    }

    #[inline(always)]
    pub(crate) fn set_link(&self, block: At, which: usize, to: Option<At>) {
        block.store(which * WORD, self.seal(to.map_or(self.nothing, |to| to.0)));
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
        if !T::is_start(&plot, block) {
            return Err(Torn(block));
        }
        T::free_stride(&plot, block)?.ok_or(Torn(block))
    }
}
