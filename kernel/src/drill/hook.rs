//! The hook of the drilled pools, which counts.

use core::sync::atomic::{AtomicUsize, Ordering};
use glebe_pool::{Fault, Hook};

/// Faults that pools have told of.
static FAULTS: AtomicUsize = AtomicUsize::new(0);

/// Counts faults, so that a refused call comes back.
pub const HOOK: Hook = count;

fn count(_: &Fault) {
    FAULTS.fetch_add(1, Ordering::Relaxed);
}

pub fn faults() -> usize {
    FAULTS.load(Ordering::Relaxed)
}
