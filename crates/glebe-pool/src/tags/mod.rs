//! Tags: the records that say where blocks start, how long they are and which are live.
//!
//! | | [`InlineTags`] | [`SideTags`] |
//! |--|--|--|
//! | where | a header and a footer around each block | two bits a granule, after the land |
//! | cost | 16 bytes a block | 1/64 of the land, whatever the blocks |
//! | least block | 32 bytes | 16 bytes |
//! | a write past the end | tears a tag, noticed at a free beside it | harms no record |
//! | refusal of bad frees | by checksum, 1 wrong in 2²⁴ | exact |
//!
//! The *stride* of a block is the way from its address to the next block's: its usable bytes and
//! [`Layout::OVERHEAD`].

mod inline;
mod side;

pub use inline::InlineTags;
pub use side::SideTags;

use crate::fault::{Fault, Torn};
use crate::plot::Plot;
use crate::word::{At, BITS, GRANULE};

/// How a pool tags its blocks: [`InlineTags`] or [`SideTags`].
pub trait Tags: Layout {}

impl<T: Layout> Tags for T {}

/// The largest stride of which tags can tell at once.
pub const NEAR: usize = BITS * GRANULE;

/// A live block: its stride, and those of its free neighbours, 0 for neighbours that are not free.
#[derive(Clone, Copy, Debug)]
pub struct Survey {
    pub(crate) stride: usize,
    pub(crate) before: usize,
    pub(crate) after: usize,
}

/// A free neighbour with its stride, if it is free.
type Neighbour = Option<(At, usize)>;

impl Survey {
    /// The free neighbours of the block at `at`, if they are.
    pub(crate) fn neighbours(self, at: At) -> (Neighbour, Neighbour) {
        let before = (self.before != 0).then(|| (at.minus(self.before), self.before));
        let after = (self.after != 0).then(|| (at.plus(self.stride), self.after));
        (before, after)
    }

    /// The block at `at` and its free neighbours as one.
    pub(crate) const fn whole(self, at: At) -> (At, usize) {
        let stride = self.before + self.stride + self.after;
        (at.minus(self.before), stride)
    }
}

/// What a pool asks of its tags. Addresses are those of users' bytes, also of free blocks.
pub trait Layout: 'static {
    /// Bytes of a stride that are no use to the user.
    const OVERHEAD: usize;
    /// The least stride.
    const MIN: usize;
    /// What `verify` and dumps call it.
    const NAME: &'static str;

    /// Lays memory out: the plot, and where its record may lie. Writes nothing.
    #[doc(hidden)]
    fn plan(memory: usize, bytes: usize) -> Option<(Plot, At)>;
    /// Bytes of land that [`Layout::plan`] may lose to what it lays out, for memory with room for
    /// `land` bytes of strides.
    #[doc(hidden)]
    fn bytes_for(land: usize) -> Option<usize>;
    /// Makes a plot that was planned one free block.
    #[doc(hidden)]
    fn lay(plot: &Plot);
    /// Moves the tags of a plot to where they belong when it has become longer or shorter. What is
    /// new is one block that is not free; what is cut off was a block of its own.
    #[doc(hidden)]
    fn relay(old: &Plot, new: &Plot);

    #[doc(hidden)]
    fn is_start(plot: &Plot, at: At) -> bool;
    /// Whether the block at a start, or at the end mark, is free.
    #[doc(hidden)]
    fn is_free(plot: &Plot, start: At) -> Result<bool, Torn>;
    #[doc(hidden)]
    fn stride(plot: &Plot, start: At) -> Result<usize, Torn>;
    /// The stride of the block at a start, or at the end mark, if it is free.
    #[doc(hidden)]
    #[inline(always)]
    fn free_stride(plot: &Plot, start: At) -> Result<Option<usize>, Torn> {
        Ok(match Self::is_free(plot, start)? {
            true => Some(Self::stride(plot, start)?),
            false => None,
        })
    }
    /// The stride of the free block that ends at `start`, if the one before is free.
    #[doc(hidden)]
    fn free_before(plot: &Plot, start: At) -> Result<Option<usize>, Torn>;
    /// The start of the block that ends at `start`, free or not; none at the first block.
    #[doc(hidden)]
    fn start_before(plot: &Plot, start: At) -> Result<Option<At>, Torn>;
    /// Makes `at` the start of a block. The next block's start, or the end mark, must stand.
    #[doc(hidden)]
    fn set(plot: &Plot, at: At, stride: usize, free: bool);
    /// Makes `start` a start no more.
    #[doc(hidden)]
    fn forget(plot: &Plot, start: At);
    /// Makes the live block at `at` free, and one with its free neighbours.
    #[doc(hidden)]
    #[inline(always)]
    fn join(plot: &Plot, at: At, survey: Survey) {
        if survey.after != 0 {
            Self::forget(plot, at.plus(survey.stride));
        }
        if survey.before != 0 {
            Self::forget(plot, at);
        }
        let (start, stride) = survey.whole(at);
        Self::set(plot, start, stride, true);
    }
    /// The stride of the live block at an address that a user names, whose plot this is.
    #[doc(hidden)]
    fn live(plot: &Plot, address: usize) -> Result<usize, Fault>;
    /// What [`Layout::view`] sees.
    #[doc(hidden)]
    type View: Copy;
    /// What the tags hold from an address of the land on. Never, for tags that tell nothing at
    /// once.
    #[doc(hidden)]
    #[inline(always)]
    fn view(plot: &Plot, address: usize) -> Option<Self::View> {
        let _ = (plot, address);
        None
    }
    /// The granules of the block in view, if it is live, and so are both neighbours, and all this
    /// can be told at once.
    #[doc(hidden)]
    #[inline(always)]
    fn alone(view: Self::View) -> Option<usize> {
        let _ = view;
        None
    }
    /// The granules of the block at an address, live or free, if it is one of this plot, and if it
    /// can be told at once.
    #[doc(hidden)]
    #[inline(always)]
    fn near(plot: &Plot, address: usize) -> Option<usize> {
        let _ = (plot, address);
        None
    }
    /// Whether such a block is live.
    #[doc(hidden)]
    #[inline(always)]
    fn is_live_near(plot: &Plot, at: At, granules: usize) -> bool {
        let _ = (plot, at, granules);
        false
    }
    /// The granules of the block at an address, live or free, if it is one of this plot, for tags
    /// that tell this in a few steps.
    #[doc(hidden)]
    #[inline(always)]
    fn far(plot: &Plot, address: usize) -> Option<usize> {
        let _ = (plot, address);
        None
    }
    /// Makes such a block free, and one with no other; false if it is.
    #[doc(hidden)]
    #[inline(always)]
    fn retire(plot: &Plot, at: At, granules: usize) -> bool {
        let _ = (plot, at, granules);
        false
    }
    /// Makes a live block of so many granules free, and one with no other.
    #[doc(hidden)]
    #[inline(always)]
    fn free_alone(plot: &Plot, at: At, granules: usize) {
        Self::set(plot, at, granules * GRANULE, true);
    }
    /// The block in view, if it is live, and its free neighbours, if all this can be told at once,
    /// and if they are together at most [`NEAR`].
    #[doc(hidden)]
    #[inline(always)]
    fn glance(plot: &Plot, address: usize, view: Self::View) -> Option<Survey> {
        let _ = (plot, address, view);
        None
    }
    /// Makes the first `stride` bytes of the free block at `at`, of stride `whole`, live. The rest,
    /// if there is one, stays free.
    #[doc(hidden)]
    #[inline(always)]
    fn split(plot: &Plot, at: At, whole: usize, stride: usize) {
        if whole != stride {
            Self::set(plot, at.plus(stride), whole - stride, true);
        }
        Self::set(plot, at, stride, false);
    }
    /// As [`Layout::join`], after a glance.
    #[doc(hidden)]
    #[inline(always)]
    fn join_near(plot: &Plot, at: At, glance: Survey) {
        Self::join(plot, at, glance);
    }
    /// Makes so many granules of the free block at `at`, at most [`NEAR`] or all of it, live. The
    /// rest, if that is not the whole, stays free.
    #[doc(hidden)]
    #[inline(always)]
    fn split_near(plot: &Plot, at: At, granules: usize, is_whole: bool) {
        let stride = granules * GRANULE;
        if !is_whole && let Ok(whole) = Self::stride(plot, at) {
            Self::set(plot, at.plus(stride), whole - stride, true);
        }
        Self::set(plot, at, stride, false);
    }
    /// Makes all of the free block at `at`, of stride `whole`, at most [`NEAR`], live from
    /// `front` on for `stride` bytes. What is left over before and behind stays free.
    #[doc(hidden)]
    #[inline(always)]
    fn carve_near(plot: &Plot, at: At, whole: usize, front: usize, stride: usize) {
        let live = at.plus(front);
        if whole != front + stride {
            Self::set(plot, live.plus(stride), whole - front - stride, true);
        }
        Self::set(plot, live, stride, false);
        Self::set(plot, at, front, true);
    }
    /// Whether the records of one block agree among themselves.
    #[doc(hidden)]
    fn agrees(plot: &Plot, start: At, stride: usize) -> bool;
}

/// Why an address that is no live block's start is none, by walking the plot. Not on any path
/// that succeeds.
#[cold]
pub(crate) fn explain<T: Tags>(plot: &Plot, address: usize) -> Fault {
    let inside = address.wrapping_sub(plot.first().0) < plot.len();
    if !inside {
        // Granule 0 is memory of the plot only where it holds a tag.
        return match T::OVERHEAD {
            0 => Fault::Foreign(address),
            _ => Fault::Table(address),
        };
    }
    let mut at = plot.first();
    while at < plot.end() {
        let (Ok(stride), Ok(free)) = (T::stride(plot, at), T::is_free(plot, at)) else {
            return Fault::TornTag(at.0);
        };
        let next = at.plus(stride);
        if address < next.0 {
            // Between the users' bytes of a block and those of the next lie its tags.
            return match () {
                () if free => Fault::DoubleFree(address),
                () if !address.is_multiple_of(crate::GRANULE) => Fault::Misaligned(address),
                () if address == at.0 => Fault::TornTag(address),
                () => Fault::Interior(address, at.0),
            };
        }
        at = next;
    }
    Fault::Table(address)
}
