//! [`Op`], one call of an allocator, by the id of the block instead of its address.
//!
//! An id names a block from its allocation to its free and may be used again afterwards. An op on
//! an id in the wrong state (an allocation of a live one, anything else of a dead one) means
//! nothing and is passed over; so any part of a list of ops is itself a valid list, on which the
//! minimiser stands.

use crate::bad::{Bad, Way};
use std::fmt;

/// A request of this size can never be granted, and no smaller one of a stream is refused.
pub const IMPOSSIBLE: usize = 1 << 62;

/// One operation.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Op {
    /// As `malloc`.
    Alloc {
        /// The new block.
        id: u32,
        /// Bytes requested.
        size: usize,
    },
    /// As `calloc`.
    Zeroed {
        /// The new block.
        id: u32,
        /// Bytes requested.
        size: usize,
    },
    /// As `aligned_alloc`.
    Aligned {
        /// The new block.
        id: u32,
        /// Bytes requested.
        size: usize,
        /// A power of two.
        align: usize,
    },
    /// As `realloc` of a live block; a size of 0 counts as 1.
    Realloc {
        /// The block.
        id: u32,
        /// Bytes requested.
        size: usize,
    },
    /// As `free`.
    Free {
        /// The block.
        id: u32,
    },
    /// As `free_sized`, or `free_aligned_sized` if the block was allocated so.
    FreeSized {
        /// The block.
        id: u32,
    },
    /// As `malloc_usable_size`.
    Usable {
        /// The block.
        id: u32,
    },
    /// As `malloc_trim`.
    Purge,
    /// A free that must be refused, the last op of its list. Means nothing unless the target has
    /// been promised to refuse it, and the block is in the state that it needs.
    Bad {
        /// The block from which the pointer is made.
        id: u32,
        /// What is wrong with the pointer.
        bad: Bad,
        /// The call.
        way: Way,
    },
}

impl Op {
    /// The block that the op is about.
    pub const fn id(self) -> Option<u32> {
        match self {
            Op::Alloc { id, .. }
            | Op::Zeroed { id, .. }
            | Op::Aligned { id, .. }
            | Op::Realloc { id, .. }
            | Op::Free { id }
            | Op::FreeSized { id }
            | Op::Usable { id }
            | Op::Bad { id, .. } => Some(id),
            Op::Purge => None,
        }
    }

    /// Whether the op makes a new block.
    pub const fn allocates(self) -> bool {
        matches!(
            self,
            Op::Alloc { .. } | Op::Zeroed { .. } | Op::Aligned { .. }
        )
    }
}

impl fmt::Display for Op {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Op::Alloc { id, size } => write!(f, "alloc #{id} {size}"),
            Op::Zeroed { id, size } => write!(f, "zeroed #{id} {size}"),
            Op::Aligned { id, size, align } => write!(f, "aligned #{id} {size} at {align}"),
            Op::Realloc { id, size } => write!(f, "realloc #{id} {size}"),
            Op::Free { id } => write!(f, "free #{id}"),
            Op::FreeSized { id } => write!(f, "free-sized #{id}"),
            Op::Usable { id } => write!(f, "usable #{id}"),
            Op::Purge => write!(f, "purge"),
            Op::Bad { id, bad, way } => write!(f, "bad {way} #{id} {bad}"),
        }
    }
}
