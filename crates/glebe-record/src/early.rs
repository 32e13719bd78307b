//! A little memory for calls that come while the allocator behind is being looked up: `dlsym` may
//! allocate. Its blocks are never freed, and never recorded.

use core::cell::UnsafeCell;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicUsize, Ordering};

const BYTES: usize = 16 << 10;

#[repr(align(16))]
struct Memory(UnsafeCell<[u8; BYTES]>);

// SAFETY: `alloc` gives each byte out once.
unsafe impl Sync for Memory {}

static MEMORY: Memory = Memory(UnsafeCell::new([0; BYTES]));
static USED: AtomicUsize = AtomicUsize::new(0);

/// A block of zeros; null when the memory is used up.
pub fn alloc(size: usize) -> *mut u8 {
    let Some(rounded) = size.max(1).checked_next_multiple_of(16) else {
        return null_mut();
    };
    let take = |used: usize| used.checked_add(rounded).filter(|end| *end <= BYTES);
    match USED.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take) {
        Ok(start) => MEMORY.0.get().cast::<u8>().wrapping_add(start),
        Err(_) => null_mut(),
    }
}

/// How many bytes lie behind `block` here; none if it is not from here.
#[inline(always)]
pub fn bytes_from(block: *mut u8) -> Option<usize> {
    let distance = (block as usize).wrapping_sub(MEMORY.0.get() as usize);
    (distance < BYTES).then(|| BYTES - distance)
}
