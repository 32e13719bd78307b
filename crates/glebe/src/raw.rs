//! The heap by bare pointers, as the C face calls it. Nothing here touches `errno`.

pub use crate::heap::{
    free, free_aligned_sized, free_sized, malloc, malloc_or, malloc_slowly, memalign, memalign_or,
    memalign_slowly, purge, realloc, realloc_with_room, usable_size, zalloc,
};
pub use crate::inspect::{Stats, class_stats, stats, verify};
pub use crate::slab::CLASSES;

/// The smallest size that a size class serves.
pub const fn least_of_class(class: usize) -> usize {
    crate::slab::classes::least_of_class(class)
}

/// Slot size in bytes of a size class.
pub const fn class_size(class: usize) -> usize {
    crate::slab::classes::size_of_class(class)
}
