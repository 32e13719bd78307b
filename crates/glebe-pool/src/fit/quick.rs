//! Quick fit: lists of blocks freed lately, one for each measure, in front of another fit.
//!
//! ```text
//! granules   1   2   3  …  64  66  68 … 128  132 … 8192
//! waiting    ▪   ·   ▪▪▪ … ·   ▪   ·     ▪▪  ·      ·     last freed first, neighbours not joined
//!            │ when nothing fits, when too many wait, at a trim: joined
//!            ▼
//! two-level segregated fit: as ever
//! ```
//!
//! A block that is freed waits in the list of its size, and the next request for this size takes
//! it: no neighbour is looked at, nothing is joined and nothing is split. (Weinstock, Wulf: *Quick
//! Fit: An Efficient Algorithm for Heap Storage Allocation*, 1988.) Above 64 granules there are 32
//! *measures* to each doubling, the largest sizes of the classes of two-level fit. Requests are
//! rounded up to one, by 1.1 % in the mean, as long as there is room: so that few lists serve them
//! all. Blocks of other sizes come of requests that are served when room gets scarce, and do not
//! wait.
//!
//! A block that waits is free by its tags as any other, so a second free of it is refused in the
//! same way, and a neighbour that is joined finds it. Lists are doubly linked as those of the
//! two-level fit, and only their heads tell whose a block is: it can leave a list that nobody has
//! named.

use super::two_level::{EXACT, TwoLevel, check_list, class_of, delist, largest_in};
use super::{Extent, Fault, Index, NEXT, Place, Want, follow, position_in};
use crate::pool::Rule;
use crate::site::{Site, Torn};
use crate::tags::Tags;
use crate::word::{At, GRANULE, WORD};

/// The most granules of a block that waits.
const MOST: usize = 1 << 13;
/// Lists, the first for blocks of one granule.
const LISTS: usize = class_of(MOST - 1) + 1;
/// So many blocks that wait are enough: more would only take up cache.
const ENOUGH: usize = 2048;
/// How many blocks of a list a request for an alignment above the granule looks at.
const TRIES: usize = 8;

/// The block freed last among those of the size; without one, as [`TwoLevel`].
///
/// Freed blocks of up to 128 KiB are joined with their neighbours later: when no free block is
/// large enough, before a supplier is asked; when more than a 16th of the land waits, or more than
/// is of use, a few at every free; and at [`Pool::trim`](crate::Pool::trim). Until then
/// [`Stats`](crate::Stats) count them as free blocks of their own, and a plot that holds one does
/// not go back to its supplier.
///
/// Requests above 1 KiB are rounded up, by at most a 32nd, while half of the land is free in one
/// piece.
///
/// `WORDS` are those of [`TwoLevel`]; the lists take `288 × 8` bytes more (64-bit).
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

impl<const WORDS: usize> QuickFit<WORDS> {
    /// The head of the list for so many granules.
    #[inline(always)]
    fn head(&mut self, granules: usize) -> &mut usize {
        debug_assert!((1..=MOST).contains(&granules));
        // Where tags tell of small blocks only, the compiler sees that this one is.
        let list = match granules {
            ..=EXACT => granules - 1,
            _ => class_of(granules - 1),
        };
        // SAFETY: callers have a stride of at least a granule and at most `MOST`.
        unsafe { self.heads.get_unchecked_mut(list) }
    }

    /// The first block of a list.
    fn first<T>(&self, site: &Site<T>, list: usize) -> Option<At> {
        let head = *self.heads.get(list)?;
        (head != site.nothing()).then_some(At(head))
    }

    /// Notes that so many blocks wait, of so many granules together.
    fn count<T>(&mut self, site: &Site<T>, blocks: usize, granules: usize) {
        let enough = granules / blocks.max(1) * ENOUGH;
        self.most = site.plots.may_wait().min(enough);
        self.left = self.most.wrapping_sub(granules).cast_signed();
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
    const NAME: &'static str = "quick fit";

    #[inline(always)]
    fn measure(granules: usize) -> usize {
        match (EXACT + 1..=MOST).contains(&granules) {
            true => largest_in(class_of(granules - 1)),
            false => granules,
        }
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
    fn wait<T: Tags>(&mut self, site: &Site<T>, at: At, granules: usize) -> bool {
        site.step();
        let next = core::mem::replace(self.head(granules), at.0);
        self.joined.enlist(site, at, next);
        self.left = self.left.wrapping_sub_unsigned(granules);
        self.left >= 0
    }

    #[inline(always)]
    fn waiting<T: Tags>(&mut self, site: &Site<T>, granules: usize) -> Result<Option<At>, Torn> {
        let at = At(*self.head(granules));
        if at.0 == site.nothing() {
            return Ok(None);
        }
        site.step();
        *self.head(granules) = site.unseal(at, at.load(NEXT * WORD))?;
        self.left = self.left.wrapping_add_unsigned(granules);
        Ok(Some(at))
    }

    #[inline(always)]
    fn waiting_at<T: Tags>(&mut self, site: &Site<T>, granules: usize, align: usize) -> Option<At> {
        let mut at = At(*self.head(granules));
        // By a mask: the compiler does not know that it is a power of two.
        if at.0 & (align - 1) == 0 || at.0 == site.nothing() {
            return self.waiting(site, granules).ok()?;
        }
        for _ in 1..TRIES {
            at = site.link(at, NEXT).ok()??;
            if at.0 & (align - 1) == 0 {
                delist(site, at).ok()?;
                self.left = self.left.wrapping_add_unsigned(granules);
                return Some(at);
            }
        }
        None
    }

    fn next_to_join<T: Tags>(&mut self, site: &Site<T>) -> Result<Option<Extent>, Torn> {
        for _ in 0..LISTS {
            let granules = largest_in(self.turn);
            if let Some(at) = self.waiting(site, granules)? {
                return Ok(Some((at, granules * GRANULE)));
            }
            self.turn = (self.turn + 1) % LISTS;
        }
        self.count(site, 0, 0);
        Ok(None)
    }

    fn is_crowded<T: Tags>(&mut self, site: &Site<T>) -> bool {
        if let Some(less) = self.patience.checked_sub(1) {
            self.patience = less;
        } else {
            let (mut blocks, mut sum) = (0, 0);
            for list in 0..LISTS {
                for _ in follow(site, self.first(site, list)).take_while(Result::is_ok) {
                    site.step();
                    sum += largest_in(list);
                    blocks += 1;
                }
            }
            self.count(site, blocks, sum);
            // So that the count costs each call as much as a few blocks.
            self.patience = blocks / 8;
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
        if !Self::waits(granules) || *self.head(granules) != block.0.0 {
            // In the middle of a list it does not matter whose it is.
            return self.joined.remove(site, block);
        }
        self.waiting(site, granules).map(|_| ())
    }

    fn check<T: Tags>(&self, site: &Site<T>) -> Result<usize, Fault> {
        let mut count = self.joined.check(site)?;
        let mut sum = 0;
        for list in 0..LISTS {
            let granules = largest_in(list);
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
        let list = class_of(block.1 / GRANULE - 1);
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
