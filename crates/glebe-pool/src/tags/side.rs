//! Side tags: two bits a granule, apart from the land.
//!
//! ```text
//! granules   │A A A│B│C C C C C│D D│E …     A, C and E live, B and D free
//! starts      1 0 0 1 1 0 0 0 0 1 0 1
//! free        0 0 0 0 1 0 0 0 0 0 0 1       only a start behind a free block has the bit
//! ```
//!
//! Words of both tables lie side by side in pairs. Allocation clears one free bit or, when a block
//! is split, sets one start bit, both where the block ends; a free between live neighbours sets
//! that free bit again. The bits of the 64 granules from a block's start on, put together from two
//! pairs, are its *view*: they tell most blocks' lengths and neighbours at once.
//!
//! A block ends where the next start bit stands; if there is none in its own word and the next, it
//! covers that next word whole. A word of starts that is zero is thus *covered* by one block, and
//! its word of free bits is free for another use: in the first and the last word that a block
//! covers stands the block's length in granules. So both ends of every block, however long, are
//! found from either side by looking at two words at most, without a word in the land.
//!
//! Invariants:
//! 1. The end mark is a start; granule 0 is none.
//! 2. In words with a start, free bits stand at starts and the end mark behind free blocks and
//!    nowhere else.
//! 3. The first and the last covered word of a block hold its length. What the others hold does
//!    not matter.

use super::{Layout, Survey, explain};
use crate::fault::{Fault, Torn};
use crate::plot::{Plot, Record};
use crate::word::{At, BITS, GRANULE, WORD, round_up};
use core::hint::select_unpredictable;
use core::num::NonZeroUsize;

/// Bits out of band. The default choice: nothing is written into or beside live blocks.
#[derive(Clone, Copy, Debug)]
pub struct SideTags;

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
    fn put_start(self, bit: usize, start: bool) {
        let word = self.starts();
        self.set_starts(if start { word | bit } else { word & !bit });
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

/// Whether the block that ends at a start is free.
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

/// The granules of the block that starts at `start`.
///
/// Which word tells it is not to be foretold, so all three are read, and no branch is taken.
#[inline(always)]
fn length(plot: &Plot, start: usize) -> usize {
    let rest = Pair::of(plot, start / BITS).starts() >> (start % BITS) & !1;
    let next = Pair::of(plot, start / BITS + 1);
    let starts = next.starts();
    let far = (!start & (BITS - 1)) + 1 + starts.trailing_zeros() as usize;
    let far = select_unpredictable(starts != 0, far, next.free());
    select_unpredictable(rest != 0, rest.trailing_zeros() as usize, far)
}

/// The index where that block ends.
#[inline(always)]
fn end(plot: &Plot, start: usize) -> usize {
    start + length(plot, start)
}

/// The index where the block that ends at `end` starts.
#[inline(always)]
fn before(plot: &Plot, end: usize) -> usize {
    let below = Pair::of(plot, end / BITS).starts() & (bit(end) - 1);
    // Below the first word nothing starts, and nothing is looked for.
    let lower = Pair::of(plot, (end / BITS).saturating_sub(1));
    let starts = lower.starts();
    // A word's highest bit is at 63 less leading zeros; so counted from the end of the word.
    let base = end & !(BITS - 1);
    let near = (base + BITS - 1).wrapping_sub(below.leading_zeros() as usize);
    let far = base.wrapping_sub(1 + starts.leading_zeros() as usize);
    let far = select_unpredictable(starts != 0, far, end.wrapping_sub(lower.free()));
    select_unpredictable(below != 0, near, far)
}

/// Writes the length of a block into the words that it covers, if there are any.
#[inline(always)]
fn cover(plot: &Plot, start: usize, end: usize) {
    let (first, last) = (start / BITS + 1, end / BITS);
    if last > first {
        Pair::of(plot, first).set_free(end - start);
        Pair::of(plot, last - 1).set_free(end - start);
    }
}

/// The bits from a granule on.
#[derive(Clone, Copy, Debug)]
pub struct View {
    starts: usize,
    free: usize,
}

/// The word without its lowest bit.
#[inline(always)]
const fn but_lowest(word: usize) -> usize {
    word & word.wrapping_sub(1)
}

impl Layout for SideTags {
    const OVERHEAD: usize = 0;
    const MIN: usize = GRANULE;
    const NAME: &'static str = "side";

    type View = View;

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
            mark.set_free(mark.free() & (bit(new.limit) | (bit(new.limit) - 1)));
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
        Ok(index < plot.limit && free_bit(plot, end(plot, index)))
    }

    #[inline(always)]
    fn free_stride(plot: &Plot, start: At) -> Result<Option<usize>, Torn> {
        let index = plot.index(start.0);
        if index >= plot.limit {
            return Ok(None);
        }
        let end = end(plot, index);
        Ok(free_bit(plot, end).then_some((end - index) * GRANULE))
    }

    #[inline(always)]
    fn stride(plot: &Plot, start: At) -> Result<usize, Torn> {
        let start = plot.index(start.0);
        Ok((end(plot, start) - start) * GRANULE)
    }

    #[inline(always)]
    fn free_before(plot: &Plot, start: At) -> Result<Option<usize>, Torn> {
        let index = plot.index(start.0);
        if !free_bit(plot, index) {
            return Ok(None);
        }
        Ok(Some((index - before(plot, index)) * GRANULE))
    }

    fn start_before(plot: &Plot, start: At) -> Result<Option<At>, Torn> {
        let index = plot.index(start.0);
        Ok((index > 1).then(|| At(plot.base + before(plot, index) * GRANULE)))
    }

    fn set(plot: &Plot, at: At, stride: usize, free: bool) {
        let start = plot.index(at.0);
        let end = start + stride / GRANULE;
        let pair = Pair::of(plot, start / BITS);
        if pair.starts() == 0 {
            // It was covered, and holds a length, if anything, where bits are to stand.
            pair.set_free(0);
        }
        pair.set_starts(pair.starts() | bit(start));
        put_free(plot, end, free);
        cover(plot, start, end);
    }

    #[inline(always)]
    fn forget(plot: &Plot, start: At) {
        let index = plot.index(start.0);
        let pair = Pair::of(plot, index / BITS);
        pair.put_start(bit(index), false);
        pair.put_free(bit(index), false);
    }

    #[inline(always)]
    fn join(plot: &Plot, at: At, survey: Survey) {
        Self::join_near(plot, at, survey);
        let (start, stride) = survey.whole(at);
        let start = plot.index(start.0);
        cover(plot, start, start + stride / GRANULE);
    }

    #[inline(always)]
    fn split(plot: &Plot, at: At, whole: usize, stride: usize) {
        let start = plot.index(at.0);
        let end = start + stride / GRANULE;
        let pair = Pair::of(plot, end / BITS);
        if whole == stride {
            pair.put_free(bit(end), false);
            return;
        }
        if pair.starts() == 0 {
            pair.set_free(0);
        }
        pair.put_start(bit(end), true);
        cover(plot, start, end);
        cover(plot, end, start + whole / GRANULE);
    }

    fn live(plot: &Plot, address: usize) -> Result<usize, Fault> {
        Self::far(plot, address)
            .filter(|granules| Self::is_live_near(plot, At(address), *granules))
            .map(|granules| granules * GRANULE)
            .ok_or_else(|| explain::<Self>(plot, address))
    }

    #[inline(always)]
    fn view(plot: &Plot, address: usize) -> Option<View> {
        let index = plot.index(address);
        if index >= plot.limit {
            return None;
        }
        let (low, high) = (
            Pair::of(plot, index / BITS),
            Pair::of(plot, index / BITS + 1),
        );
        let starts = funnel(low.starts(), high.starts(), index);
        let free = funnel(low.free(), high.free(), index);
        Some(View { starts, free })
    }

    #[inline(always)]
    fn alone(view: View) -> Option<usize> {
        if view.starts & 1 == 0 {
            return None;
        }
        let ends = view.starts & !1;
        let beyond = NonZeroUsize::new(but_lowest(ends))?.get();
        // Behind the block before, this one and the next; bit 0 of the starts is set.
        let behind = view.starts ^ but_lowest(beyond);
        if view.free & behind != 0 {
            return None;
        }
        // SAFETY: more than one bit of it is set.
        let ends = unsafe { NonZeroUsize::new_unchecked(ends) };
        Some(ends.trailing_zeros() as usize)
    }

    #[inline(always)]
    fn near(plot: &Plot, address: usize) -> Option<usize> {
        let view = Self::view(plot, address)?;
        if view.starts & 1 == 0 {
            return None;
        }
        Some(NonZeroUsize::new(view.starts & !1)?.trailing_zeros() as usize)
    }

    #[inline(always)]
    fn is_live_near(plot: &Plot, at: At, granules: usize) -> bool {
        !free_bit(plot, plot.index(at.0) + granules)
    }

    #[inline(always)]
    fn far(plot: &Plot, address: usize) -> Option<usize> {
        Self::is_start(plot, At(address)).then(|| length(plot, plot.index(address)))
    }

    #[inline(always)]
    fn retire(plot: &Plot, at: At, granules: usize) -> bool {
        let end = plot.index(at.0) + granules;
        let pair = Pair::of(plot, end / BITS);
        let new = pair.free() | bit(end);
        // Compared in memory: a copy of the old word would take one register more than there are.
        if new == pair.0.load_again(WORD) {
            return false;
        }
        pair.set_free(new);
        true
    }

    #[inline(always)]
    fn free_alone(plot: &Plot, at: At, granules: usize) {
        put_free(plot, plot.index(at.0) + granules, true);
    }

    #[inline(always)]
    fn glance(plot: &Plot, address: usize, view: View) -> Option<Survey> {
        let ends = view.starts & !1;
        let beyond = but_lowest(ends);
        if view.starts & 1 == 0 || beyond == 0 {
            return None;
        }
        let stride = ends.trailing_zeros() as usize;
        if view.free & bit(stride) != 0 {
            return None;
        }
        let next_end = beyond.trailing_zeros() as usize;
        let mut after = 0;
        if view.free & bit(next_end) != 0 {
            after = next_end - stride;
        }
        let mut before = 0;
        if view.free & 1 != 0 {
            let index = plot.index(address);
            let lower = Pair::of(plot, (index / BITS).saturating_sub(1));
            // The 64 starts below. In the first word fewer, and the rest means nothing: the block
            // before, which is there as it is free, starts above it.
            let below = funnel(lower.starts(), Pair::of(plot, index / BITS).starts(), index);
            if below == 0 {
                return None;
            }
            before = below.leading_zeros() as usize + 1;
        }
        (before + stride + after <= BITS).then_some(Survey {
            stride: stride * GRANULE,
            before: before * GRANULE,
            after: after * GRANULE,
        })
    }

    #[inline(always)]
    fn join_near(plot: &Plot, at: At, glance: Survey) {
        let index = plot.index(at.0);
        let end = index + glance.stride / GRANULE;
        let pair = Pair::of(plot, end / BITS);
        if glance.after == 0 {
            pair.put_free(bit(end), true);
        } else {
            pair.put_start(bit(end), false);
        }
        if glance.before != 0 {
            Self::forget(plot, at);
        }
    }

    #[inline(always)]
    fn split_near(plot: &Plot, at: At, granules: usize, is_whole: bool) {
        // No word is covered by what is so short, and what is whole covers what it did.
        let end = plot.index(at.0) + granules;
        let pair = Pair::of(plot, end / BITS);
        if is_whole {
            pair.put_free(bit(end), false);
        } else {
            pair.put_start(bit(end), true);
        }
    }

    #[inline(always)]
    fn carve_near(plot: &Plot, at: At, whole: usize, front: usize, stride: usize) {
        let live = at.plus(front);
        Self::split_near(plot, live, stride / GRANULE, whole == front + stride);
        let index = plot.index(live.0);
        let pair = Pair::of(plot, index / BITS);
        pair.put_start(bit(index), true);
        pair.put_free(bit(index), true);
    }

    fn agrees(plot: &Plot, start: At, stride: usize) -> bool {
        let index = plot.index(start.0);
        let end = index + stride / GRANULE;
        let first = Pair::of(plot, index / BITS);
        // Between its start and its end, a block's first word has no free bit.
        let inner = match end >= (index / BITS + 1) * BITS {
            true => usize::MAX,
            false => bit(end) - 1,
        } & !1 << (index % BITS);
        before(plot, end) == index && first.free() & inner == 0
    }
}
