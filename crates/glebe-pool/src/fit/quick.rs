//! Quick fit: lists of blocks freed lately, one for each small size, in front of another fit.
//!
//! ```text
//! granules   1   2   3  …  64
//! waiting    ▪   ·   ▪▪▪ … ·      last freed first, neighbours not joined
//!            │ when nothing fits, when too many wait, at a trim: joined
//!            ▼
//! two-level segregated fit: as ever
//! ```
//!
//! A block of up to 64 granules that is freed waits in the list of its size, and the next request
//! for this size takes it: no neighbour is looked at, nothing is joined and nothing is split.
//! (Weinstock, Wulf: *Quick Fit: An Efficient Algorithm for Heap Storage Allocation*, 1988.) A
//! block that waits is free by its tags as any other, so a second free of it is refused in the same
//! way, and a neighbour that is joined finds it. Lists are doubly linked as those of the two-level
//! fit, and only their heads tell whose a block is: it can leave a list that nobody has named.

use super::two_level::{NEXT, PREVIOUS, TwoLevel, delist};
use super::{Extent, Fault, Index, Place, Want};
use crate::pool::Rule;
use crate::site::{Site, Torn};
use crate::tags::{NEAR, Tags};
use crate::word::{At, GRANULE, WORD};

/// Lists, the first for blocks of one granule.
const LISTS: usize = NEAR / GRANULE;
/// How many blocks of a list a request for an alignment above the granule looks at.
const TRIES: usize = 4;

/// The block freed last among those of the size; without one, as [`TwoLevel`].
///
/// Freed blocks of up to 1 KiB (512 bytes on 32-bit machines) are joined with their neighbours
/// later: when no free block is large enough, before a supplier is asked; when more than a 64th of
/// the land waits, a few at every free; and at [`Pool::trim`](crate::Pool::trim). Until then
/// [`Stats`](crate::Stats) count them as free blocks of their own, and a plot that holds one does
/// not go back to its supplier.
///
/// `WORDS` are those of [`TwoLevel`]; the lists take `64 × 8` bytes more.
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

/// The blocks of a list, from its first.
fn follow<'a, T>(site: &'a Site<T>, head: usize) -> impl Iterator<Item = Result<At, Torn>> + 'a {
    let mut next = Ok((head != site.nothing()).then_some(At(head)));
    core::iter::from_fn(move || {
        let at = match core::mem::replace(&mut next, Ok(None)) {
            Ok(at) => at?,
            Err(torn) => return Some(Err(torn)),
        };
        next = site.link(at, NEXT);
        Some(Ok(at))
    })
}

impl<const WORDS: usize> QuickFit<WORDS> {
    /// The head of the list for so many granules, 1 to [`LISTS`].
    #[inline(always)]
    fn head(&mut self, granules: usize) -> &mut usize {
        debug_assert!((1..=LISTS).contains(&granules));
        // SAFETY: callers have a stride of at least a granule and at most `NEAR`.
        unsafe { self.heads.get_unchecked_mut(granules - 1) }
    }

    /// Notes that so many granules wait.
    fn count<T>(&mut self, site: &Site<T>, granules: usize) {
        self.most = site.plots.may_wait();
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
    const WAITS: bool = true;
    const NAME: &'static str = "quick fit";

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

    fn waiting_at<T: Tags>(&mut self, site: &Site<T>, granules: usize, align: usize) -> Option<At> {
        let head = *self.head(granules);
        let mut blocks = follow(site, head).take(TRIES);
        let at = blocks.find_map(|at| at.ok().filter(|at| at.0.is_multiple_of(align)))?;
        if at.0 == head {
            return self.waiting(site, granules).ok()?;
        }
        delist(site, at).ok()?;
        self.left = self.left.wrapping_add_unsigned(granules);
        Some(at)
    }

    fn next_to_join<T: Tags>(&mut self, site: &Site<T>) -> Result<Option<Extent>, Torn> {
        for _ in 0..LISTS {
            let granules = self.turn + 1;
            if let Some(at) = self.waiting(site, granules)? {
                return Ok(Some((at, granules * GRANULE)));
            }
            self.turn = (self.turn + 1) % LISTS;
        }
        self.count(site, 0);
        Ok(None)
    }

    fn is_crowded<T: Tags>(&mut self, site: &Site<T>) -> bool {
        if let Some(less) = self.patience.checked_sub(1) {
            self.patience = less;
        } else {
            let (mut blocks, mut sum) = (0, 0);
            for (head, granules) in self.heads.iter().zip(1..) {
                for _ in follow(site, *head).take_while(Result::is_ok) {
                    site.step();
                    sum += granules;
                    blocks += 1;
                }
            }
            self.count(site, sum);
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
        let (at, stride) = block;
        if stride > NEAR || *self.head(stride / GRANULE) != at.0 {
            // In the middle of a list it does not matter whose it is.
            return self.joined.remove(site, block);
        }
        self.waiting(site, stride / GRANULE).map(|_| ())
    }

    fn check<T: Tags>(&self, site: &Site<T>) -> Result<usize, Fault> {
        let mut count = self.joined.check(site)?;
        let mut sum = 0;
        for (list, head) in self.heads.iter().enumerate() {
            let stride = (list + 1) * GRANULE;
            let mut previous = None;
            for at in follow(site, *head) {
                let at = at.map_err(|torn| (Rule::Links, torn.0))?;
                let right = site.free_stride(at) == Ok(stride);
                if !right || previous.is_some_and(|is| at.load(PREVIOUS * WORD) != is) {
                    return Err((Rule::Index, at));
                }
                previous = Some(at.0);
                sum += list + 1;
                count += 1;
            }
        }
        match self.left.checked_add_unsigned(sum) <= Some(self.most.cast_signed()) {
            true => Ok(count),
            false => Err((Rule::Index, At(0))),
        }
    }

    fn place<T: Tags>(&self, site: &Site<T>, block: Extent) -> Option<Place> {
        let list = block.1 / GRANULE - 1;
        let found = self.heads.get(list).and_then(|head| {
            let mut blocks = follow(site, *head);
            blocks.position(|at| at == Ok(block.0))
        });
        match found {
            Some(position) => Some(Place {
                list,
                position,
                waits: true,
            }),
            None => self.joined.place(site, block),
        }
    }
}
