//! Side tags: two bits a granule, apart from the land.
//!
//! ```text
//! granules   │A A A│B│C C C C C│D D│         A and C live, B and D free
//! starts      1 0 0 1 1 0 0 0 0 1 0
//! free        0 0 0 1 0 0 0 0 0 0 1          only the last granule of a free block has the bit
//! ```
//!
//! Words of both tables lie side by side in pairs. Allocation clears one free bit or, when a block
//! is split, sets one start bit; a free between live neighbours sets one free bit.
//!
//! A block ends where the next start bit stands; if there is none in its own word and the next, it
//! covers that next word whole. A word of starts that is zero is thus *covered* by one block, and
//! its word of free bits is free for another use: in the first and the last word that a block
//! covers stands the block's length in granules, and its state in the top bit, where the free bit
//! of the last granule would stand anyway. So both ends of every block, however long, are found
//! from either side by looking at two words at most, without a word in the land.
//!
//! Invariants:
//! 1. The end mark is a start; granule 0 is none, and not free.
//! 2. In words with a start, free bits stand at the last granules of free blocks and nowhere else.
//! 3. The first and the last covered word of a block hold `length | free << top`. What the others
//!    hold does not matter.

use super::{Layout, Survey, explain};
use crate::fault::Fault;
use crate::plot::{Plot, Record};
use crate::site::Torn;
use crate::word::{At, BITS, GRANULE, WORD, round_up};

/// Bits out of band. The default choice: nothing is written into or beside live blocks.
#[derive(Clone, Copy, Debug)]
pub struct SideTags;

/// The bit of a word of free bits that belongs to the last granule of the word.
const TOP: usize = 1 << (BITS - 1);

/// Both words of the granules `word × BITS ..`.
#[derive(Clone, Copy)]
struct Pair(At);

impl Pair {
    #[inline(always)]
    fn of(plot: &Plot, word: usize) -> Pair {
        Pair(plot.table.plus(word * 2 * WORD))
    }
    #[inline(always)]
    fn starts(self) -> usize {
        self.0.load(0)
    }
    #[inline(always)]
    fn free(self) -> usize {
        self.0.load(WORD)
    }
    #[inline(always)]
    fn set_starts(self, word: usize) {
        self.0.store(0, word);
    }
    #[inline(always)]
    fn set_free(self, word: usize) {
        self.0.store(WORD, word);
    }
    #[inline(always)]
    fn put_free(self, bit: usize, free: bool) {
        let word = self.free();
        self.set_free(if free { word | bit } else { word & !bit });
    }
}

const fn bit(index: usize) -> usize {
    1 << (index % BITS)
}

/// Bytes of tables for a plot with this end mark. After the last pair with a meaning comes one
/// more, so that there is always a next one to look at.
const fn table_bytes(limit: usize) -> usize {
    ((limit / BITS + 2) * 2 * WORD).next_multiple_of(GRANULE)
}

/// Whether a granule is the last of a free block, for the last granule of any block.
#[inline(always)]
fn free_bit(plot: &Plot, index: usize) -> bool {
    Pair::of(plot, index / BITS).free() >> (index % BITS) & 1 != 0
}

#[inline(always)]
fn put_free(plot: &Plot, index: usize, free: bool) {
    Pair::of(plot, index / BITS).put_free(bit(index), free);
}

/// Two words.
#[cfg(target_pointer_width = "64")]
type Double = u128;
#[cfg(not(target_pointer_width = "64"))]
type Double = u64;

/// The low word from bit `shift` on, and above it the bits of the high word.
#[inline(always)]
const fn funnel(low: usize, high: usize, shift: usize) -> usize {
    // One instruction of most processors.
    ((high as Double) << BITS | low as Double).unbounded_shr((shift % BITS) as u32) as usize
}

/// The index where the block that starts at `start` ends.
#[inline(always)]
fn end(plot: &Plot, start: usize) -> usize {
    let pair = Pair::of(plot, start / BITS);
    let rest = pair.starts() >> (start % BITS) >> 1;
    if rest != 0 {
        return start + 1 + rest.trailing_zeros() as usize;
    }
    let word = start / BITS + 1;
    let next = Pair::of(plot, word);
    match next.starts() {
        0 => start + (next.free() & !TOP),
        starts => word * BITS + starts.trailing_zeros() as usize,
    }
}

/// The index where the block that ends at `end` starts.
#[inline(always)]
fn before(plot: &Plot, end: usize) -> usize {
    let below = Pair::of(plot, end / BITS).starts() & (bit(end) - 1);
    if below != 0 {
        return end / BITS * BITS + below.ilog2() as usize;
    }
    let word = end / BITS - 1;
    let pair = Pair::of(plot, word);
    match pair.starts() {
        0 => end - (pair.free() & !TOP),
        starts => word * BITS + starts.ilog2() as usize,
    }
}

/// The starts and free bits from the granule before an address on, if it is one of the land's.
#[inline(always)]
fn window(plot: &Plot, address: usize) -> Option<(usize, usize)> {
    let before = plot.index(address.wrapping_sub(GRANULE));
    if before >= plot.limit {
        return None;
    }
    let (low, high) = (
        Pair::of(plot, before / BITS),
        Pair::of(plot, before / BITS + 1),
    );
    let shift = before % BITS;
    let starts = funnel(low.starts(), high.starts(), shift);
    let free = funnel(low.free(), high.free(), shift);
    (starts & 2 != 0).then_some((starts, free))
}

impl Layout for SideTags {
    const OVERHEAD: usize = 0;
    const MIN: usize = GRANULE;
    const NAME: &'static str = "side";

    fn plan(memory: usize, bytes: usize) -> Option<(Plot, At)> {
        let record = Record::place(memory, bytes)?;
        let first = round_up(memory, GRANULE)?;
        let room = record.0.checked_sub(first)?;
        // Of n granules of land and their tables, n / BITS pairs and a few, n is the most.
        let mut granules = room / GRANULE;
        let share = granules * BITS / (BITS + 2 * WORD / GRANULE);
        granules = granules.min(share + 2);
        while granules > 0 && granules * GRANULE + table_bytes(granules + 1) > room {
            granules -= 1;
        }
        if granules == 0 {
            return None;
        }
        let limit = granules + 1;
        let table = record.minus(table_bytes(limit));
        let base = first.checked_sub(GRANULE)?;
        Some((Plot { base, limit, table }, record))
    }

    fn bytes_for(land: usize) -> Option<usize> {
        let granules = land.div_ceil(GRANULE);
        land.checked_add(table_bytes(granules.checked_add(3)?))?
            .checked_add(2 * GRANULE)
    }

    fn lay(plot: &Plot) {
        plot.table.wipe(table_bytes(plot.limit));
        Pair::of(plot, plot.limit / BITS).set_starts(bit(plot.limit));
        Self::set(plot, plot.first(), plot.len(), true);
    }

    fn relay(old: &Plot, new: &Plot) {
        let (from, to) = (old.table, new.table);
        if new.limit < old.limit {
            // The part cut off is one block; its start becomes the end mark. The tables are moved
            // down over land that is no longer used. What stood behind the mark must not come to
            // light when the plot grows again.
            let mark = Pair::of(old, new.limit / BITS);
            mark.set_starts(mark.starts() & (bit(new.limit) | (bit(new.limit) - 1)));
            mark.set_free(mark.free() & (bit(new.limit) - 1));
            from.move_to(to, table_bytes(new.limit) - 2 * WORD);
            to.plus(table_bytes(new.limit) - 2 * WORD).wipe(2 * WORD);
            return;
        }
        let copied = (old.limit / BITS + 1) * 2 * WORD;
        from.move_to(to, copied);
        to.plus(copied).wipe(table_bytes(new.limit) - copied);
        let last = Pair::of(new, new.limit / BITS);
        last.set_starts(last.starts() | bit(new.limit));
        Self::set(new, old.end(), new.len() - old.len(), false);
    }

    #[inline(always)]
    fn is_start(plot: &Plot, at: At) -> bool {
        let index = plot.index(at.0);
        index < plot.limit && Pair::of(plot, index / BITS).starts() & bit(index) != 0
    }

    fn is_free(plot: &Plot, start: At) -> Result<bool, Torn> {
        let index = plot.index(start.0);
        Ok(index < plot.limit && free_bit(plot, end(plot, index) - 1))
    }

    #[inline(always)]
    fn stride(plot: &Plot, start: At) -> Result<usize, Torn> {
        let start = plot.index(start.0);
        Ok((end(plot, start) - start) * GRANULE)
    }

    #[inline(always)]
    fn free_before(plot: &Plot, start: At) -> Result<Option<usize>, Torn> {
        let index = plot.index(start.0);
        if !free_bit(plot, index - 1) {
            return Ok(None);
        }
        Ok(Some((index - before(plot, index)) * GRANULE))
    }

    fn start_before(plot: &Plot, start: At) -> Result<Option<At>, Torn> {
        let index = plot.index(start.0);
        Ok((index > 1).then(|| At(plot.base + before(plot, index) * GRANULE)))
    }

    fn set(plot: &Plot, at: At, stride: usize, free: bool) {
        let length = stride / GRANULE;
        let start = plot.index(at.0);
        let end = start + length;
        let (first, last) = (start / BITS, (end - 1) / BITS);
        let pair = Pair::of(plot, first);
        if pair.starts() == 0 {
            // It was covered, and holds a length, if anything, where bits are to stand.
            pair.set_free(0);
        }
        pair.set_starts(pair.starts() | bit(start));
        if last == first || !end.is_multiple_of(BITS) {
            put_free(plot, end - 1, free);
        }
        if end / BITS > first + 1 {
            let word = length | if free { TOP } else { 0 };
            Pair::of(plot, first + 1).set_free(word);
            Pair::of(plot, end / BITS - 1).set_free(word);
        }
    }

    fn forget(plot: &Plot, start: At) {
        let index = plot.index(start.0);
        let pair = Pair::of(plot, index / BITS);
        pair.set_starts(pair.starts() & !bit(index));
        // The granule before is the last of its block no more.
        put_free(plot, index - 1, false);
    }

    fn live(plot: &Plot, address: usize) -> Result<usize, Fault> {
        let index = plot.index(address);
        if Self::is_start(plot, At(address)) {
            let end = end(plot, index);
            if !free_bit(plot, end - 1) {
                return Ok((end - index) * GRANULE);
            }
        }
        Err(explain::<Self>(plot, address))
    }

    #[inline(always)]
    fn alone(plot: &Plot, address: usize) -> Option<usize> {
        let (starts, free) = window(plot, address)?;
        let ends = starts & !3;
        let beyond = ends & ends.wrapping_sub(1);
        let later = beyond & beyond.wrapping_sub(1);
        // Bits at the last granules of the block before, of this one and of the next.
        let lasts = (ends ^ later) >> 1 | 1;
        (beyond != 0 && free & lasts == 0).then(|| (ends.trailing_zeros() as usize - 1) * GRANULE)
    }

    #[inline(always)]
    fn free_alone(plot: &Plot, at: At, stride: usize) {
        put_free(plot, plot.index(at.0) + stride / GRANULE - 1, true);
    }

    #[inline(always)]
    fn glance(plot: &Plot, address: usize) -> Option<Survey> {
        let (starts, free) = window(plot, address)?;
        let ends = starts & !3;
        let beyond = ends & ends.wrapping_sub(1);
        if beyond == 0 {
            return None;
        }
        let end = ends.trailing_zeros() as usize;
        if free >> (end - 1) & 1 != 0 {
            return None;
        }
        let next_end = beyond.trailing_zeros() as usize;
        let is_free = free >> (next_end - 1) & 1 != 0;
        let after = if is_free { next_end - end } else { 0 };
        let mut before = 0;
        if free & 1 != 0 {
            let index = plot.index(address.wrapping_sub(GRANULE));
            let low = Pair::of(plot, index / BITS).starts() & usize::MAX >> (!index % BITS);
            if low == 0 {
                return None;
            }
            before = index % BITS + 1 - low.ilog2() as usize;
        }
        let stride = end - 1;
        (before + stride + after < BITS).then_some(Survey {
            stride: stride * GRANULE,
            before: before * GRANULE,
            after: after * GRANULE,
        })
    }

    #[inline(always)]
    fn merge_near(plot: &Plot, at: At, glance: Survey) {
        let index = plot.index(at.0);
        let end = index + glance.stride / GRANULE;
        if glance.after == 0 {
            put_free(plot, end - 1, true);
        } else {
            let pair = Pair::of(plot, end / BITS);
            pair.set_starts(pair.starts() & !bit(end));
        }
        if glance.before != 0 {
            let pair = Pair::of(plot, index / BITS);
            pair.set_starts(pair.starts() & !bit(index));
            put_free(plot, index - 1, false);
        }
    }

    #[inline(always)]
    fn split_near(plot: &Plot, at: At, whole: usize, stride: usize) {
        let end = plot.index(at.0) + stride / GRANULE;
        if whole == stride {
            put_free(plot, end - 1, false);
        } else {
            // No word is covered by what is so short.
            let pair = Pair::of(plot, end / BITS);
            pair.set_starts(pair.starts() | bit(end));
        }
    }

    fn agrees(plot: &Plot, start: At, stride: usize) -> bool {
        let index = plot.index(start.0);
        let end = index + stride / GRANULE;
        let first = Pair::of(plot, index / BITS);
        // Between its start and its last granule, a block's first word has no free bit.
        let inner = match end > (index / BITS + 1) * BITS {
            true => usize::MAX,
            false => bit(end - 1) - 1,
        } & usize::MAX << (index % BITS);
        before(plot, end) == index && first.free() & inner == 0
    }
}
