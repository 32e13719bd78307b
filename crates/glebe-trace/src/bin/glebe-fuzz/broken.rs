//! Allocators with one defect each, on which this program itself is tested. None of them ever gives
//! memory back, so that what they do wrong stays harmless to the process.

use std::alloc::{GlobalAlloc, Layout, System};
use std::collections::HashSet;
use std::process::abort;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

/// What is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Defect {
    /// Gives the same block for every large request.
    Twice,
    /// Aborts at a large request.
    Abort,
    /// Never returns from a large request.
    Hang,
    /// Accepts bad frees, of which it does nothing, and is right in all else.
    Lax,
    /// Aborts when another thread than its own frees a block.
    Remote,
}

/// Bytes of a large request.
const LARGE: usize = 1000;
/// What [`Defect::Twice`] gives has so many bytes.
const SAME: usize = 16 << 20;

/// An allocator with a defect.
pub struct Broken {
    defect: Defect,
    /// The address that [`Defect::Twice`] gives.
    same: OnceLock<usize>,
    /// What lives, for [`Defect::Lax`].
    live: Mutex<HashSet<usize>>,
}

impl Broken {
    /// An allocator with this defect.
    pub fn new(defect: Defect) -> Broken {
        Broken {
            defect,
            same: OnceLock::new(),
            live: Mutex::default(),
        }
    }

    fn live(&self) -> MutexGuard<'_, HashSet<usize>> {
        self.live.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A number that no other thread has.
fn this_thread() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    thread_local!(static NUMBER: u64 = NEXT.fetch_add(1, Relaxed));
    NUMBER.with(|number| *number)
}

/// Takes a block from the system, with the number of its thread in the 16 bytes before.
fn take(layout: Layout) -> *mut u8 {
    let front = layout.align().max(16);
    let whole = layout.size().checked_add(front);
    let whole = whole.and_then(|size| Layout::from_size_align(size, front).ok());
    // SAFETY: the layout has a size.
    let start = whole.map_or(null_mut(), |whole| unsafe { System.alloc_zeroed(whole) });
    if start.is_null() {
        return start;
    }
    // SAFETY: the front lies in the block, has at least 16 bytes and is as aligned.
    unsafe {
        let block = start.add(front);
        block.sub(16).cast::<u64>().write(this_thread());
        block
    }
}

// SAFETY: blocks come from the system and are never given back; what is wrong is wrong on purpose,
// and no two owners rely on what they share.
unsafe impl GlobalAlloc for Broken {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        if (LARGE..SAME).contains(&layout.size()) {
            match self.defect {
                Defect::Abort => abort(),
                Defect::Hang => loop {
                    thread::sleep(Duration::from_secs(1));
                },
                Defect::Twice if layout.align() <= 16 => {
                    let all = Layout::from_size_align(SAME, 16).expect("a fine layout");
                    let same = self.same.get_or_init(|| take(all).expose_provenance());
                    return std::ptr::with_exposed_provenance_mut(*same);
                }
                _ => {}
            }
        }
        let block = take(layout);
        if self.defect == Defect::Lax {
            self.live().insert(block.addr());
        }
        block
    }

    unsafe fn realloc(&self, block: *mut u8, old: Layout, size: usize) -> *mut u8 {
        if self.defect == Defect::Lax && !self.live().contains(&block.addr()) {
            return null_mut();
        }
        // SAFETY: the layout has a size, for the caller's promise holds here.
        let new = unsafe { self.alloc(Layout::from_size_align_unchecked(size, old.align())) };
        if !new.is_null() {
            // SAFETY: both have that many bytes; with a defect they may be the same.
            unsafe {
                new.copy_from(block, old.size().min(size));
                self.dealloc(block, old);
            }
        }
        new
    }

    unsafe fn dealloc(&self, block: *mut u8, _: Layout) {
        if self.defect == Defect::Lax {
            self.live().remove(&block.addr());
        }
        if self.defect == Defect::Remote {
            // SAFETY: with this defect, what is freed comes from `take`.
            let owner = unsafe { block.sub(16).cast::<u64>().read() };
            if owner != this_thread() {
                abort();
            }
        }
    }
}
