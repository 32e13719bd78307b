//! Fit policies: which of the free blocks serves a request, and how free blocks are kept at hand.
//!
//! | policy | takes the | out of a | alloc | free |
//! |--|--|--|--|--|
//! | [`FirstFit`] | lowest that fits | list by address | O(f) | O(min(f, d)) |
//! | [`NextFit`] | next that fits, going round | list by address | O(f) | O(min(f, d)) |
//! | [`BestFit`] | smallest, of these the lowest | tree by size, address | O(log f) | O(log f) |
//! | [`TwoLevel`] | last freed of about the size | list for each size class | O(1) | O(1) |
//! | [`QuickFit`] | last freed of the size | such a list, in front of the former | O(1)¹ | O(1)¹ |
//!
//! f is the number of free blocks, d how many live blocks lie between the block and the free one
//! before it; a free beside a free neighbour is O(1) for the lists. O(log f) is expected, over the
//! addresses of the blocks. The best fit for an alignment above 16 is sought in O(f) before a
//! request for one is refused.
//!
//! ¹ Amortized over frees: each block that waits is joined once, and all are when nothing fits.
//!
//! The index is only a help: it can be made anew from the tags at any time, which is done when a
//! link in a free block turns out to be overwritten.

mod best;
mod list;
mod quick;
mod two_level;

pub use best::BestFit;
pub use list::{FirstFit, NextFit};
pub use quick::QuickFit;
pub use two_level::TwoLevel;

use crate::fault::Torn;
use crate::site::Site;
use crate::tags::{Survey, Tags};
use crate::word::{At, GRANULE};

/// Which free block serves a request: [`FirstFit`], [`NextFit`], [`BestFit`], [`TwoLevel`] or
/// [`QuickFit`].
pub trait Fit: Index {}

impl<F: Index> Fit for F {}

/// A block and its stride.
pub type Extent = (At, usize);

/// Blocks that wait together: of which list, and of how many granules each.
#[derive(Clone, Copy, Debug)]
pub struct Lot {
    list: usize,
    /// How long each of them is.
    pub(crate) granules: usize,
}

/// What is asked for: the stride, of which the overhead is a part, and the alignment.
#[derive(Clone, Copy, Debug)]
pub struct Want {
    pub(crate) stride: usize,
    /// The stride that will do if the other cannot be had.
    pub(crate) least: usize,
    pub(crate) align: usize,
}

impl Want {
    /// A block of just this stride, aligned as every block.
    pub(crate) const fn plain(stride: usize) -> Want {
        Want {
            stride,
            least: stride,
            align: 1,
        }
    }

    /// The bytes in front of the first place in a free block where this fits, if it does.
    ///
    /// These bytes stay free, so they are none or a whole block.
    #[inline(always)]
    pub(crate) fn fit<T: Tags>(&self, (at, stride): Extent) -> Option<usize> {
        if self.align <= GRANULE {
            return (self.stride <= stride).then_some(0);
        }
        let mut front = at.0.wrapping_neg() & (self.align - 1);
        if front != 0 && front < T::MIN {
            front += self.align;
        }
        (front <= stride && self.stride <= stride - front).then_some(front)
    }

    /// A stride in which this fits wherever it lies; none if there is no such number.
    pub(crate) fn padded<T: Tags>(&self) -> Option<usize> {
        let slack = self.align.max(GRANULE) - GRANULE;
        match slack {
            0 => Some(self.stride),
            _ => self
                .stride
                .checked_add(slack)?
                .checked_add(2 * (T::MIN - GRANULE)),
        }
    }
}

/// The place of a free block in the index of its policy.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// Which list; always 0 where there is one.
    pub list: usize,
    /// How many come before it in that list.
    pub position: usize,
    /// Whether it is a list of blocks that wait to be joined with their neighbours. Up to 64
    /// granules its number is one less than those; see [`QuickFit`].
    pub waits: bool,
}

/// How an index breaks its own rules, at which block.
pub type Fault = (crate::broken::Rule, At);

/// Which word of a free block links to the next one of its list, and which to the one before.
const NEXT: usize = 0;
const PREVIOUS: usize = 1;

/// The blocks of a list, from its first, up to a torn link.
fn follow<T>(site: &Site<T>, first: Option<At>) -> impl Iterator<Item = Result<At, Torn>> {
    let mut next = Ok(first);
    core::iter::from_fn(move || {
        let at = match core::mem::replace(&mut next, Ok(None)) {
            Ok(at) => at?,
            Err(torn) => return Some(Err(torn)),
        };
        next = site.link(at, NEXT);
        Some(Ok(at))
    })
}

/// How many blocks come before one in a list.
fn position_in<T>(site: &Site<T>, first: Option<At>, block: At) -> Option<usize> {
    follow(site, first).position(|at| at == Ok(block))
}

/// What a pool asks of its index of free blocks.
pub trait Index: 'static {
    /// Of no blocks.
    #[doc(hidden)]
    const EMPTY: Self;
    /// Whether [`Index::quick`] and [`Index::quick_insert`] do anything.
    #[doc(hidden)]
    const QUICK: bool = false;
    /// The most granules of freed blocks that wait, by [`Index::wait`], to be joined later.
    #[doc(hidden)]
    const MOST_WAITING: usize = 0;
    /// Whether any do; then all up to [`NEAR`](crate::tags::NEAR) do.
    #[doc(hidden)]
    const WAITS: bool = Self::MOST_WAITING > 0;
    /// The most granules whose lot is told by a table.
    #[doc(hidden)]
    const BRIEF: usize = 0;
    /// What `verify` and dumps call it.
    const NAME: &'static str;

    /// Readies an empty index for blocks of this site, which has just got its bounds.
    #[doc(hidden)]
    fn prepare<T: Tags>(&mut self, site: &Site<T>) {
        let _ = site;
    }

    /// So many granules, or a few more, if blocks had better be so large; up to
    /// [`NEAR`](crate::tags::NEAR) just as many.
    #[doc(hidden)]
    #[inline(always)]
    fn measure(granules: usize) -> usize {
        granules
    }

    /// Where blocks of so many granules wait, rounded up to a measure; at most
    /// [`Index::MOST_WAITING`].
    #[doc(hidden)]
    #[inline(always)]
    fn lot(granules: usize) -> Lot {
        Lot { list: 0, granules }
    }

    /// The same for granules up to [`NEAR`](crate::tags::NEAR).
    #[doc(hidden)]
    #[inline(always)]
    fn near_lot(granules: usize) -> Lot {
        let list = granules.wrapping_sub(1);
        Lot { list, granules }
    }

    /// Whether freed blocks of just so many granules wait.
    #[doc(hidden)]
    #[inline(always)]
    fn waits(granules: usize) -> bool {
        granules <= Self::MOST_WAITING && Self::measure(granules) == granules
    }

    /// Whether blocks of so many granules, that [`Index::waits`], are what requests of `least`
    /// granules are rounded up to.
    #[doc(hidden)]
    #[inline(always)]
    fn is_measure_of(granules: usize, least: usize) -> bool {
        granules == least
    }

    /// Whether there is a free block of so many bytes or hardly less, that does not wait. O(1).
    #[doc(hidden)]
    #[inline(always)]
    fn has_joined(&self, bytes: usize) -> bool {
        let _ = bytes;
        false
    }

    /// A free block in which the request fits. It stays in the index.
    #[doc(hidden)]
    fn find<T: Tags>(&mut self, site: &Site<T>, want: Want) -> Result<Option<Extent>, Torn>;

    /// Takes out a free block of this stride or more, for an index that does so sooner than by
    /// [`Index::find`]. None, and torn links, may be asked for again there.
    #[doc(hidden)]
    #[inline(always)]
    fn take<T: Tags>(&mut self, site: &Site<T>, stride: usize) -> Result<Option<Extent>, Torn> {
        let _ = (site, stride);
        Ok(None)
    }

    /// Takes out a free block of so many granules or more, if one is at hand: where it starts, and
    /// how many more. It is at most [`NEAR`](crate::tags::NEAR), as what is asked for.
    #[doc(hidden)]
    #[inline(always)]
    fn quick<T: Tags>(&mut self, site: &Site<T>, granules: usize) -> Option<(At, usize)> {
        let _ = (site, granules);
        None
    }

    /// Puts in a block of this lot, that waits to be joined; false if, as far as known, too much
    /// waits then.
    #[doc(hidden)]
    #[inline(always)]
    fn wait<T: Tags>(&mut self, site: &Site<T>, at: At, lot: Lot) -> bool {
        let _ = (site, at, lot);
        true
    }

    /// Takes out a block that waits, if there is one of this lot.
    #[doc(hidden)]
    #[inline(always)]
    fn waiting<T: Tags>(&mut self, site: &Site<T>, lot: Lot) -> Result<Option<At>, Torn> {
        let _ = (site, lot);
        Ok(None)
    }

    /// The same for an alignment above the granule, if one is soon found.
    #[doc(hidden)]
    #[inline(always)]
    fn waiting_at<T: Tags>(&mut self, site: &Site<T>, granules: usize, align: usize) -> Option<At> {
        let _ = (site, granules, align);
        None
    }

    /// Whether too much waits, which is counted from time to time, as it may have become less
    /// unnoticed. `keeps` if there is no supplier to give anything back to. O(1), amortized over
    /// the calls.
    #[doc(hidden)]
    fn is_crowded<T: Tags>(&mut self, site: &Site<T>, keeps: bool) -> bool {
        let _ = (site, keeps);
        false
    }

    /// Takes out any block that waits.
    #[doc(hidden)]
    #[inline(always)]
    fn next_to_join<T: Tags>(&mut self, site: &Site<T>) -> Result<Option<Extent>, Torn> {
        let _ = site;
        Ok(None)
    }

    /// Puts in a block of so many granules, at most [`NEAR`](crate::tags::NEAR).
    #[doc(hidden)]
    #[inline(always)]
    fn quick_insert<T: Tags>(&mut self, site: &Site<T>, at: At, granules: usize) {
        let _ = (site, at, granules);
    }

    /// As [`Index::join`], after a glance.
    #[doc(hidden)]
    #[inline(always)]
    fn quick_join<T: Tags>(&mut self, site: &Site<T>, at: At, glance: Survey) -> Result<(), Torn> {
        let (before, after) = glance.neighbours(at);
        self.join(site, before, (at, glance.stride), after)
    }

    #[doc(hidden)]
    fn insert<T: Tags>(&mut self, site: &Site<T>, block: Extent) -> Result<(), Torn>;

    #[doc(hidden)]
    fn remove<T: Tags>(&mut self, site: &Site<T>, block: Extent) -> Result<(), Torn>;

    /// Takes out a block; the part `back` of it comes in again. The tags still tell of the whole.
    #[doc(hidden)]
    #[inline(always)]
    fn carve<T: Tags>(
        &mut self,
        site: &Site<T>,
        block: Extent,
        back: Option<Extent>,
    ) -> Result<(), Torn> {
        self.remove(site, block)?;
        match back {
            Some(back) => self.insert(site, back),
            None => Ok(()),
        }
    }

    /// Puts in a block together with its free neighbours, as one.
    #[doc(hidden)]
    #[inline(always)]
    fn join<T: Tags>(
        &mut self,
        site: &Site<T>,
        before: Option<Extent>,
        freed: Extent,
        after: Option<Extent>,
    ) -> Result<(), Torn> {
        let mut whole = freed;
        if let Some(after) = after {
            self.remove(site, after)?;
            whole.1 += after.1;
        }
        if let Some(before) = before {
            self.remove(site, before)?;
            whole = (before.0, before.1 + whole.1);
        }
        self.insert(site, whole)
    }

    /// Checks the index alone, calling `each` for every block in it; the blocks' number.
    #[doc(hidden)]
    fn check<T: Tags>(&self, site: &Site<T>) -> Result<usize, Fault>;

    /// Where a block is in the index. Takes O(f).
    #[doc(hidden)]
    fn place<T: Tags>(&self, site: &Site<T>, block: Extent) -> Option<Place>;
}
