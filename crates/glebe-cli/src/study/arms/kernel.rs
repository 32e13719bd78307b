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

static BLOCKS: Mutex<Option<Blocks>> = Mutex::new(None);

/// Calls `with` on the kernel's blocks, which are reserved at the first call; none if they cannot.
fn enter<R>(with: impl FnOnce(&mut Blocks) -> Option<R>) -> Option<R> {
    let mut blocks = BLOCKS.lock().unwrap_or_else(PoisonError::into_inner);
    if blocks.is_none() {
        let land = Land::of(RESERVED).ok()?;
        let free = BTreeMap::from([(0, RESERVED / BLOCK)]);
        *blocks = Some(Blocks {
            land,
            free,
            granted: BTreeMap::new(),
        });
    }
    with(blocks.as_mut()?)
}

/// So many blocks in one piece, or null.
pub extern "C" fn mem_block_alloc(count: usize) -> *mut c_void {
    let start = enter(|blocks| {
        let (&first, &length) = blocks.free.iter().find(|(_, length)| **length >= count)?;
        blocks.free.remove(&first);
        if length > count {
            blocks.free.insert(first + count, length - count);
        }
        blocks.granted.insert(first, count);
        Some(blocks.land.start().wrapping_add(first * BLOCK))
    });
    start.map_or(ptr::null_mut(), |start| start.cast())
}

/// Takes a run back. What was never granted is refused by doing nothing.
///
/// # Safety
/// Nothing of the run is used any more.
pub unsafe extern "C" fn mem_block_free(run: *mut c_void) {
    enter(|blocks| {
        let mut first = (run.addr() - blocks.land.start().addr()) / BLOCK;
        let mut length = blocks.granted.remove(&first)?;
        if let Some(after) = blocks.free.remove(&(first + length)) {
            length += after;
        }
        let before = blocks.free.range(..first).next_back();
        if let Some((&start, &before)) =
            before.filter(|(start, before)| **start + **before == first)
        {
            first = start;
            length += before;
        }
        blocks.free.insert(first, length);
        Some(())
    });
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn runs_come_back_as_one() {
        let runs = [mem_block_alloc(3), mem_block_alloc(1), mem_block_alloc(2)];
        assert!(
            runs.iter()
                .all(|run| !run.is_null() && run.addr() % BLOCK == 0)
        );
        let free = |run| {
            // SAFETY: the run was granted and is not used.
            unsafe { mem_block_free(run) }
        };
        free(runs[0]);
        free(runs[2]);
        free(runs[1]);
        let whole = mem_block_alloc(6);
        assert_eq!(whole, runs[0]);
        free(whole);
    }
}
