//! The global allocator: `alloc`'s collections on a pool, on frames by the kernel's two calls.

use glebe_pool::{Kernel, Locked, Pool, SideTags, TwoLevel};
use spin::Mutex;

/// What `Box`, `Vec` and their like allocate from. Its faults end the run: the hook is the default
/// one, which panics.
#[global_allocator]
pub static HEAP: Locked<Mutex<()>, TwoLevel, SideTags, Kernel> = {
    // SAFETY: the two symbols are those of `frames`, which keep to what they promise.
    Locked::new(Pool::new(unsafe { Kernel::linked() }))
};
