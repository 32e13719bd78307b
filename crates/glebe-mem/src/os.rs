//! `os_malloc`, `os_calloc`, `os_realloc` and `os_free`: memory as `malloc` has it of old.
//!
//! | | from | blocks |
//! |--|--|--|
//! | heap | the program break | best fit, header and footer, split and coalesced |
//! | mappings | `mmap` | one block in each; unmapped when it is freed |
//!
//! The first request to the heap gets 128 KiB from the break.

use crate::any::{AnyPool, FitKind, Settings, TagKind};
use crate::calls;
use crate::fault;
use crate::source::{Source, Supplier};
use crate::state::State;
use crate::system::{self, PAGE};
use crate::twin::{Thresholds, Twin};
use core::ffi::c_void;

/// What the heap starts with, and from where on a request gets a mapping.
const THRESHOLD: usize = 128 * 1024;

/// The heap and the mappings.
pub fn twin(state: &mut State) -> &mut Twin {
    state.os.get_or_insert_with(new_twin)
}

/// The two as they begin: there are no mappings yet.
fn new_twin() -> Twin {
    let settings = Settings {
        hook: fault::note,
        spare: THRESHOLD,
    };
    let thresholds = Thresholds {
        alloc: THRESHOLD,
        alloc_zeroed: PAGE,
        are_strict: true,
    };
    let heap = Source::new(Supplier::Break(system::program_break()), THRESHOLD, 0);
    let heap = AnyPool::new(FitKind::Best, TagKind::Inline, heap, settings);
    Twin::new(
        heap,
        Source::new(Supplier::Mmap, 0, 0),
        thresholds,
        usize::MAX,
        true,
    )
}

/// Memory of `size` bytes: from the heap, or a mapping from 128 KiB on. Null if `size` is 0.
#[unsafe(no_mangle)]
pub extern "C" fn os_malloc(size: usize) -> *mut c_void {
    calls::alloc(twin, size)
}

/// Memory for `nmemb` elements of `size` bytes, zeroed: from the heap, or a mapping from a page on.
#[unsafe(no_mangle)]
pub extern "C" fn os_calloc(nmemb: usize, size: usize) -> *mut c_void {
    calls::alloc_zeroed(twin, nmemb, size)
}

/// Gives a block another size: null is allocated, and with 0 the block is freed.
///
/// # Safety
/// As [`os_free`] if it has worked.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn os_realloc(block: *mut c_void, size: usize) -> *mut c_void {
    // SAFETY: the caller's promise.
    unsafe { calls::realloc(twin, block, size) }
}

/// Frees a block; null is nothing.
///
/// # Safety
/// Nothing uses the block any more. What is no block is refused.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn os_free(block: *mut c_void) {
    // SAFETY: the caller's promise.
    unsafe { calls::free(twin, block) }
}
