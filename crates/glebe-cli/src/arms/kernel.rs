//! A stand-in for a kernel's `mem_block_alloc` and `mem_block_free`: runs of 4096-byte blocks out
//! of one large reservation, the lowest run that fits, neighbours joined when they come back.

use std::collections::BTreeMap;
use std::ffi::c_void;
use std::ptr;
use std::sync::{Mutex, PoisonError};

use super::land::Land;

const BLOCK: usize = 4096;
/// Address space only: pages come when they are touched.
const RESERVED: usize = 4 << 30;

struct Blocks {
    land: Land,
    /// Free and granted runs: length in blocks by first block.
    free: BTreeMap<usize, usize>,
    granted: BTreeMap<usize, usize>,
}

// SAFETY: the range is reached by nobody else, from whatever thread.
unsafe impl Send for Blocks {}

impl Blocks {
    fn new() -> Option<Blocks> {
        Some(Blocks {
            land: Land::of(RESERVED).ok()?,
            free: BTreeMap::from([(0, RESERVED / BLOCK)]),
            granted: BTreeMap::new(),
        })
    }

    fn grant(&mut self, count: usize) -> Option<*mut u8> {
        let (&first, &length) = self.free.iter().find(|(_, length)| **length >= count)?;
        self.free.remove(&first);
        if length > count {
            self.free.insert(first + count, length - count);
        }
        self.granted.insert(first, count);
        Some(self.land.start().wrapping_add(first * BLOCK))
    }

    /// Takes a run back; nothing happens if it was never granted.
    fn take_back(&mut self, run: *mut u8) {
        let mut first = (run.addr() - self.land.start().addr()) / BLOCK;
        let Some(mut length) = self.granted.remove(&first) else {
            return;
        };
        if let Some(after) = self.free.remove(&(first + length)) {
            length += after;
        }
        let before = self.free.range(..first).next_back();
        if let Some((&start, &before)) =
            before.filter(|(start, before)| **start + **before == first)
        {
            first = start;
            length += before;
        }
        self.free.insert(first, length);
    }
}

/// Calls `with` on the kernel's blocks, which are reserved at the first call; none if they cannot.
fn enter<R>(with: impl FnOnce(&mut Blocks) -> R) -> Option<R> {
    static BLOCKS: Mutex<Option<Blocks>> = Mutex::new(None);
    let mut blocks = BLOCKS.lock().unwrap_or_else(PoisonError::into_inner);
    if blocks.is_none() {
        *blocks = Blocks::new();
    }
    blocks.as_mut().map(with)
}

/// So many blocks in one piece, or null.
pub extern "C" fn mem_block_alloc(count: usize) -> *mut c_void {
    let run = enter(|blocks| blocks.grant(count)).flatten();
    run.map_or(ptr::null_mut(), |run| run.cast())
}

/// Takes a run back. What was never granted is refused by doing nothing.
///
/// # Safety
/// Nothing of the run is used any more.
pub unsafe extern "C" fn mem_block_free(run: *mut c_void) {
    enter(|blocks| blocks.take_back(run.cast()));
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_come_back_as_one() {
        let mut blocks = Blocks::new().unwrap();
        let runs = [3, 1, 2].map(|count| blocks.grant(count).unwrap());
        assert!(runs.iter().all(|run| run.addr() % BLOCK == 0));
        for which in [0, 2, 1] {
            blocks.take_back(runs[which]);
        }
        assert_eq!(blocks.grant(6), Some(runs[0]));
    }
}
