//! Suppliers: where the blocks of a pool come from and go back to.
//!
//! | supplier | blocks are |
//! |--|--|
//! | [`NoSource`] | none; the pool lives on what [`Pool::add`](crate::Pool::add) gives it |
//! | [`Buffer`], [`Buffers`] | one fixed range, several disjoint ones |
//! | [`Kernel`] | a kernel's `mem_block_alloc` and `mem_block_free`, as callbacks or linked |
//! | `Mmap` | anonymous mappings of Linux (feature `mmap`) |
//! | [`Break`] | the program break, by an `sbrk` |
//! | [`Split`] | two of these: one for the pool's land, one for requests with blocks of their own |
//! | [`Faulty`] | those of another, with failures at chosen calls: a test double |

mod breaks;
mod faulty;
mod fixed;
mod kernel;
#[cfg(feature = "mmap")]
mod mapped;
mod split;

pub use breaks::{Break, Sbrk};
pub use faulty::{Faulty, Mischief};
pub use fixed::{Buffer, Buffers, NoSource};
pub use kernel::{BlockAlloc, BlockFree, Kernel};
#[cfg(feature = "mmap")]
pub use mapped::Mmap;
pub use split::Split;

use core::num::NonZeroUsize;
use core::ptr::NonNull;

/// What blocks are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To be cut up for many requests.
    Land,
    /// For one large request alone.
    Single,
}

/// A supplier of blocks of [`BLOCK`](crate::BLOCK) bytes.
///
/// # Safety
/// What [`grant`](BlockSource::grant) gives may be read and written by the pool, and by nobody
/// else, until it is released.
///
/// The pool does not rely on more: a grant that is too small, wraps around or overlaps what the
/// pool holds is handed back untouched and counts as a refusal, and a misaligned one is used from
/// its first aligned granule on.
pub unsafe trait BlockSource {
    /// Whether it ever grants anything. A pool over a source that does not compiles to less.
    const GRANTS: bool = true;
    /// Whether grants can grow and shrink at their end: see [`BlockSource::top`].
    const RESIZES: bool = false;

    /// At least so many blocks, in one piece; more if that is how it comes.
    fn grant(&mut self, blocks: NonZeroUsize, purpose: Purpose) -> Option<NonNull<[u8]>>;

    /// Takes a grant back.
    ///
    /// # Safety
    /// `grant` is what [`BlockSource::grant`] gave, with what [`BlockSource::extend`] added and
    /// without what [`BlockSource::lower`] took; nothing of it is used any more.
    unsafe fn release(&mut self, grant: NonNull<[u8]>, purpose: Purpose);

    /// Whether a grant can be released now. The pool keeps one that cannot, and uses it.
    fn takes(&mut self, grant: NonNull<[u8]>, purpose: Purpose) -> bool {
        let _ = (grant, purpose);
        true
    }

    /// The end of the one grant that can be extended or lowered now.
    fn top(&mut self) -> Option<usize> {
        None
    }

    /// Extends the grant that ends at [`BlockSource::top`]: by how many bytes, at least as many
    /// blocks as asked for.
    fn extend(&mut self, blocks: NonZeroUsize) -> Option<NonZeroUsize> {
        let _ = blocks;
        None
    }

    /// Takes the last bytes, whole blocks, of the grant that ends at [`BlockSource::top`].
    ///
    /// # Safety
    /// These bytes are not used any more, and are less than the grant.
    unsafe fn lower(&mut self, bytes: NonZeroUsize) {
        let _ = bytes;
    }
}
