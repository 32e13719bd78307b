//! The flat tables that hold all allocation state, apart from the land they describe.
//!
//! One reservation of 2ᵏ bytes holds everything. It is cut into *units* of 64 KiB; unit `u` is the
//! land at `base + u·64 KiB` and row `u` of every table. The tables lie at the front:
//!
//! ```text
//! base                                                    base + 2^k
//! ├─── rows ───┬── S ──┬─── R ───┬─ heaps ─┬w┬─ guard ─┬── land ──┤
//!    512 B       32 B    512 B     9 KiB     ·  never     64 KiB
//!    a unit                        a heap       opened    a unit
//! ```
//!
//! | table | a unit's part | written by |
//! |--|--|--|
//! | rows: D | [`directory::Entry`]: whose land | who opens or closes the slab or run |
//! | rows: U | frees until something must be done about the slab | the slab's owner |
//! | rows: A | live: one bit a slot | the slab's owner |
//! | rows: link | the next unit in an inbox | who marked the unit |
//! | S | [`land::Record`]: lists, lengths, states | the slab's owner; runs: the region's lock |
//! | R remote | one bit a slot: freed by another thread, not yet taken back | anyone, atomically |
//! | heaps | what one thread owns | its thread |
//! | w | a page that a forked child reads as zero | the region |
//!
//! Invariants
//! 1. A bit of A is set exactly while its slot is live, or freed remotely and not yet taken back.
//! 2. A bit of R is set only where the bit of A is.
//! 3. Rows of units that no slab covers are zero in A (but for the bit 0 of a large run), R and U.
//! 4. The tables are never unmapped and never move.

pub mod directory;
#[cfg(not(loom))]
pub mod land;
#[cfg(not(loom))]
pub mod layout;
#[cfg(not(loom))]
pub mod row;

#[cfg(not(loom))]
pub use directory::Entry;
#[cfg(not(loom))]
pub use layout::{UNIT, UNIT_SHIFT};
