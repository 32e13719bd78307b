//! The one doorway to atomics and locks.
//!
//! Everything shared between threads goes through the names here, so that under `--cfg loom` the
//! protocols in `slab::remote` run on loom's atomics and every interleaving is explored.
//!
//! Tables hold atomics throughout: the owner of a word reads and writes it with relaxed loads and
//! stores, which compile to plain moves, and a reader on another thread is never a data race.

#[cfg(not(loom))]
mod lock;

#[cfg(not(loom))]
pub use lock::{Guard, Lock};

#[cfg(not(loom))]
pub use core::sync::atomic::{AtomicU8, AtomicU16, AtomicU32, AtomicU64, AtomicUsize, fence};

#[cfg(loom)]
pub use loom::sync::atomic::{AtomicU32, AtomicU64, fence};

pub use core::sync::atomic::Ordering;
