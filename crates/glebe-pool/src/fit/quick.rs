//! Quick fit: lists of blocks freed lately, one for each measure, in front of another fit.
//!
//! ```text
//! granules   1   2   3  …  64  72  80 … 128  144 … 8192
//! waiting    ▪   ·   ▪▪▪ … ·   ▪   ·     ▪▪  ·      ·     last freed first, neighbours not joined
//!            │ when nothing fits, when too many wait, at a trim: joined
//!            ▼
//! two-level segregated fit: as ever
//! ```
//!
//! A block that is freed waits in the list of its size, and the next request for this size takes
//! it: no neighbour is looked at, nothing is joined and nothing is split. (Weinstock, Wulf: *Quick
//! Fit: An Efficient Algorithm for Heap Storage Allocation*, 1988.) Above 64 granules there are
//! eight *measures* to each doubling. Requests are rounded up to one, by 5 % in the mean, as long
//! as there is room: so that few lists serve them all, with blocks that were in use not long ago.
//! Blocks of other sizes come of requests that are served when room gets scarce, and do not wait.
//!
//! A block that waits is free by its tags as any other, so a second free of it is refused in the
//! same way, and a neighbour that is joined finds it. Lists are doubly linked as those of the
//! two-level fit, and only their heads tell whose a block is: it can leave a list that nobody has
//! named.

use super::two_level::{EXACT, TwoLevel, check_list, delist};
use super::{Extent, Fault, Index, Lot, NEXT, Place, Want, follow, position_in};
use crate::broken::Rule;
use crate::fault::Torn;
use crate::site::Site;
use crate::tags::Tags;
use crate::word::{At, GRANULE, WORD};

/// The most granules of a block that waits.
const MOST: usize = 1 << 13;
/// Lists, the first for blocks of one granule.
const LISTS: usize = list_of(MOST) + 1;
/// log₂ of the measures to a doubling.
const STEPS_LOG2: u32 = 3;
/// [`shift_for`] of the first granules above [`EXACT`].
const SHIFTS_FROM: u32 = EXACT.ilog2() - STEPS_LOG2;
/// So many blocks that wait are enough: more would only take up cache.
const ENOUGH: usize = 2048;
/// What waits is of one size if no more than one part of so many is of others.
const ALIKE: usize = 8;
/// How many blocks of a list a request for an alignment above the granule looks at.
const TRIES: usize = 8;

/// The block freed last among those of the size; without one, as [`TwoLevel`].
///
/// Freed blocks of up to 128 KiB are joined with their neighbours later: when no free block is
/// large enough, before a supplier is asked; when more than a 16th of the land waits, or more than
/// is of use, a few at every free; and at [`Pool::trim`](crate::Pool::trim). Until then
/// [`Stats`](crate::Stats) count them as free blocks of their own, and a plot that holds one does
/// not go back to its supplier. In a pool without a supplier, if nearly all of too much is of one
/// size, twice as much may wait until all is joined.
///
/// Requests above 1 KiB are rounded up, by at most an eighth, while half of the land is free in one
/// piece.
///
/// `WORDS` are those of [`TwoLevel`]; the lists take `120 × 8` bytes more (64-bit). Tables of
/// constants, 2,288 bytes, tell the list of a size.
#[derive(Debug)]
pub struct QuickFit<const WORDS: usize = 16> {
    /// The first block of each list, [`Site::nothing`] for none. Its link to the one before means
    /// nothing.
    heads: [usize; LISTS],
    /// How many granules may wait, as of when it was last counted what does.
    most: usize,
    /// Those that have not been put into the lists since, less those that requests took out: at
    /// most what more may wait. Negative when that is too much.
    left: isize,
    /// How often too much may seem to wait before it is counted again.
    patience: usize,
    /// The list that is joined next when too much waits.
    turn: usize,
    joined: TwoLevel<WORDS>,
}

/// Above [`EXACT`] granules: measures are multiples of two to this power.
#[inline(always)]
const fn shift_for(granules: usize) -> u32 {
    (granules - 1).ilog2() - STEPS_LOG2
}

/// The list for blocks of so many granules, rounded up to a measure.
#[inline(always)]
const fn list_of(granules: usize) -> usize {
    if granules <= EXACT {
        return granules - 1;
    }
    let shift = shift_for(granules);
    // The quotient has its highest bit in the same place, for every shift.
    ((shift - SHIFTS_FROM) << STEPS_LOG2) as usize + ((granules - 1) >> shift) - (1 << STEPS_LOG2)
        + EXACT
}

/// Up to so many granules a table tells the list, without a branch: sizes are not to be foretold.
const BRIEF: usize = 2048;
/// [`list_of`] one granule and more.
static BRIEF_LISTS: [u8; BRIEF] = {
    let mut lists = [0; BRIEF];
    let mut at = 0;
    while at < BRIEF {
        lists[at] = list_of(at + 1) as u8;
        at += 1;
    }
    lists
};
/// [`granules_in`] of every list.
static MEASURES: [u16; LISTS] = {
    let mut measures = [0; LISTS];
    let mut at = 0;
    while at < LISTS {
        measures[at] = granules_in(at) as u16;
        at += 1;
    }
    measures
};

/// The lot of a list.
#[inline(always)]
fn lot_in(list: usize) -> Lot {
    debug_assert!(list < LISTS);
    // SAFETY: callers have a list's number.
    let granules = usize::from(unsafe { *MEASURES.get_unchecked(list) });
    Lot { list, granules }
}

/// The granules of a list's blocks.
const fn granules_in(list: usize) -> usize {
    if list < EXACT {
        return list + 1;
    }
    let (shift, step) = (
        (list - EXACT) >> STEPS_LOG2,
        (list - EXACT) % (1 << STEPS_LOG2),
    );
    ((1 << STEPS_LOG2) + step + 1) << (shift + SHIFTS_FROM as usize)
}

impl<const WORDS: usize> QuickFit<WORDS> {
    /// The head of a list.
    #[inline(always)]
    fn head(&mut self, lot: Lot) -> &mut usize {
        // SAFETY: lots have the number of a list: of sizes up to `MOST`, that `list_of` numbers.
        unsafe { self.heads.get_unchecked_mut(lot.list) }
    }

    /// The first block of a list.
    fn first<T>(&self, site: &Site<T>, list: usize) -> Option<At> {
        let head = *self.heads.get(list)?;
        (head != site.nothing()).then_some(At(head))
    }

    /// Notes that so many blocks wait, of so many granules together.
    fn count<T>(&mut self, site: &Site<T>, blocks: usize, granules: usize) {
        let enough = granules / blocks.max(1) * ENOUGH;
        self.allow(site.plots.may_wait().min(enough), granules);
    }

    /// Sets how many granules may wait; how many do is known.
    fn allow(&mut self, most: usize, granules: usize) {
        self.most = most;
        self.left = most.wrapping_sub(granules).cast_signed();
    }
}

impl<const WORDS: usize> Index for QuickFit<WORDS> {
    const EMPTY: QuickFit<WORDS> = QuickFit {
        heads: [0; LISTS],
        most: 0,
        left: 0,
        patience: 0,
        turn: 0,
        joined: TwoLevel::EMPTY,
    };
    const QUICK: bool = true;
    const MOST_WAITING: usize = MOST;
    const BRIEF: usize = BRIEF;
    const NAME: &'static str = "quick fit";

    #[inline(always)]
    fn measure(granules: usize) -> usize {
        match (EXACT + 1..=MOST).contains(&granules) {
            true => Self::lot(granules).granules,
            false => granules,
        }
    }

    #[inline(always)]
    fn lot(granules: usize) -> Lot {
        debug_assert!((1..=MOST).contains(&granules));
        if granules <= BRIEF {
            // SAFETY: callers have a granule or more.
            return lot_in(usize::from(unsafe {
                *BRIEF_LISTS.get_unchecked(granules - 1)
            }));
        }
        lot_in(list_of(granules))
    }

    #[inline(always)]
    fn waits(granules: usize) -> bool {
        (1..=MOST).contains(&granules) && Self::lot(granules).granules == granules
    }

    #[inline(always)]
    fn is_measure_of(granules: usize, least: usize) -> bool {
        let shift = if granules > EXACT {
            shift_for(granules)
        } else {
            0
        };
        (granules - 1) >> shift == least.wrapping_sub(1) >> shift
    }

    #[inline(always)]
    fn has_joined(&self, bytes: usize) -> bool {
        self.joined.reaches(bytes)
    }

    fn prepare<T: Tags>(&mut self, site: &Site<T>) {
        self.heads = [site.nothing(); LISTS];
        self.joined.prepare(site);
    }

    #[inline(always)]
    fn wait<T: Tags>(&mut self, site: &Site<T>, at: At, lot: Lot) -> bool {
        site.step();
        let next = core::mem::replace(self.head(lot), at.0);
        self.joined.enlist(site, at, next);
        self.left = self.left.wrapping_sub_unsigned(lot.granules);
        self.left >= 0
    }

    #[inline(always)]
    fn waiting<T: Tags>(&mut self, site: &Site<T>, lot: Lot) -> Result<Option<At>, Torn> {
        let head = self.head(lot);
        let at = At(*head);
        if at.0 == site.nothing() {
            return Ok(None);
        }
        site.step();
        *head = site.unseal(at, at.load(NEXT * WORD))?;
        self.left = self.left.wrapping_add_unsigned(lot.granules);
        Ok(Some(at))
    }

    #[inline(always)]
    fn waiting_at<T: Tags>(&mut self, site: &Site<T>, granules: usize, align: usize) -> Option<At> {
        let lot = Self::lot(granules);
        let mut at = At(*self.head(lot));
        // By a mask: the compiler does not know that it is a power of two.
        if at.0 & (align - 1) == 0 || at.0 == site.nothing() {
            return self.waiting(site, lot).ok()?;
        }
        for _ in 1..TRIES {
            at = site.link(at, NEXT).ok()??;
            if at.0 & (align - 1) == 0 {
                delist(site, at).ok()?;
                self.left = self.left.wrapping_add_unsigned(lot.granules);
                return Some(at);
            }
        }
        None
    }

    fn next_to_join<T: Tags>(&mut self, site: &Site<T>) -> Result<Option<Extent>, Torn> {
        for _ in 0..LISTS {
            let lot = lot_in(self.turn);
            if let Some(at) = self.waiting(site, lot)? {
                return Ok(Some((at, lot.granules * GRANULE)));
            }
            self.turn = (self.turn + 1) % LISTS;
        }
        self.count(site, 0, 0);
        Ok(None)
    }

    fn is_crowded<T: Tags>(&mut self, site: &Site<T>, keeps: bool) -> bool {
        if let Some(less) = self.patience.checked_sub(1) {
            self.patience = less;
        } else {
            let (mut blocks, mut sum, mut one) = (0, 0, 0);
            for list in 0..LISTS {
                let before = sum;
                for _ in follow(site, self.first(site, list)).take_while(Result::is_ok) {
                    site.step();
                    sum += granules_in(list);
                    blocks += 1;
                }
                one = one.max(sum - before);
            }
            self.count(site, blocks, sum);
            // So that the count costs each call as much as a few blocks.
            self.patience = blocks / 8;
            if keeps && self.left < 0 && one > sum - sum / ALIKE {
                // The next count comes when twice as many wait, and costs each as little.
                self.allow(2 * sum, sum);
                self.patience = 0;
            }
        }
        self.left < 0
    }

    fn find<T: Tags>(&mut self, site: &Site<T>, want: Want) -> Result<Option<Extent>, Torn> {
        self.joined.find(site, want)
    }

    #[inline(always)]
    fn take<T: Tags>(&mut self, site: &Site<T>, stride: usize) -> Result<Option<Extent>, Torn> {
        self.joined.take(site, stride)
    }

    #[inline(always)]
    fn quick<T: Tags>(&mut self, site: &Site<T>, granules: usize) -> Option<(At, usize)> {
        self.joined.quick(site, granules)
    }

    #[inline(always)]
    fn quick_insert<T: Tags>(&mut self, site: &Site<T>, at: At, granules: usize) {
        self.joined.quick_insert(site, at, granules);
    }

    #[inline(always)]
    fn insert<T: Tags>(&mut self, site: &Site<T>, block: Extent) -> Result<(), Torn> {
        self.joined.insert(site, block)
    }

    #[inline(always)]
    fn remove<T: Tags>(&mut self, site: &Site<T>, block: Extent) -> Result<(), Torn> {
        let granules = block.1 / GRANULE;
        if !Self::waits(granules) || *self.head(Self::lot(granules)) != block.0.0 {
            // In the middle of a list it does not matter whose it is.
            return self.joined.remove(site, block);
        }
        self.waiting(site, Self::lot(granules)).map(|_| ())
    }

    fn check<T: Tags>(&self, site: &Site<T>) -> Result<usize, Fault> {
        let mut count = self.joined.check(site)?;
        let mut sum = 0;
        for list in 0..LISTS {
            let granules = granules_in(list);
            let belongs = |stride| stride == granules * GRANULE;
            let blocks = check_list(site, self.first(site, list), belongs)?;
            sum += blocks * granules;
            count += blocks;
        }
        match self.left.checked_add_unsigned(sum) <= Some(self.most.cast_signed()) {
            true => Ok(count),
            false => Err((Rule::Index, At(0))),
        }
    }

    fn place<T: Tags>(&self, site: &Site<T>, block: Extent) -> Option<Place> {
        let list = list_of(block.1 / GRANULE);
        match position_in(site, self.first(site, list), block.0) {
            Some(position) => Some(Place {
                list,
                position,
                waits: true,
            }),
            None => self.joined.place(site, block),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_list_has_a_measure_of_its_own_and_every_size_a_list_just_above() {
        for list in 0..LISTS {
            assert_eq!(list_of(granules_in(list)), list);
            assert!(<QuickFit>::waits(granules_in(list)));
        }
        for granules in 1..=MOST {
            let measure = <QuickFit>::measure(granules);
            assert_eq!(granules_in(list_of(granules)), measure);
            assert!(measure >= granules && (measure - granules) * 8 < granules.max(8));
            for least in [granules, measure - measure / 8, measure / 2] {
                let is = <QuickFit>::measure(least) == measure;
                assert_eq!(
                    <QuickFit>::is_measure_of(measure, least),
                    is,
                    "{least} {measure}"
                );
            }
        }
        assert_eq!(<QuickFit>::measure(MOST + 1), MOST + 1);
    }
}
