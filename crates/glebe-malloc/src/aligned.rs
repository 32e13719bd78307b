//! memalign and its kin. They differ in which alignments they take and how they say no.

use crate::errno::{EINVAL, ENOMEM, fail, or_enomem};
use crate::export;
use glebe_core::raw;

const MOST: usize = isize::MAX as usize;

unsafe extern "C" {
    safe fn getauxval(kind: usize) -> usize;
}

fn page_size() -> usize {
    const AT_PAGESZ: usize = 6;
    getauxval(AT_PAGESZ)
}

export! {
    /// A block of `size` bytes at a multiple of `align`. As in glibc an alignment that is no power of
    /// two is rounded up to one.
    ///
    /// # Safety
    /// None beyond C's.
    memalign = glebe_memalign(align: usize, size: usize) -> *mut u8 {
        if align > MOST / 2 + 1 {
            return fail(EINVAL);
        }
        or_enomem(raw::memalign(align.next_power_of_two(), size))
    }

    /// A block of `size` bytes at a multiple of `align`, which is a power of two; else `EINVAL`.
    ///
    /// # Safety
    /// None beyond C's.
    aligned_alloc = glebe_aligned_alloc(align: usize, size: usize) -> *mut u8 {
        if !align.is_power_of_two() {
            return fail(EINVAL);
        }
        or_enomem(raw::memalign(align, size))
    }

    /// Stores a block of `size` bytes at a multiple of `align`, a power of two and a multiple of the
    /// size of a pointer. Returns 0, `EINVAL` or `ENOMEM`; on failure nothing is stored and `errno`
    /// is left alone.
    ///
    /// # Safety
    /// `result` may be written.
    posix_memalign = glebe_posix_memalign(result: *mut *mut u8, align: usize, size: usize) -> i32 {
        if !align.is_power_of_two() || !align.is_multiple_of(size_of::<usize>()) {
            return EINVAL;
        }
        let block = raw::memalign(align, size);
        if block.is_null() {
            return ENOMEM;
        }
        *result = block;
        0
    }

    /// A block of `size` bytes at a page boundary.
    ///
    /// # Safety
    /// None beyond C's.
    valloc = glebe_valloc(size: usize) -> *mut u8 {
        or_enomem(raw::memalign(page_size(), size))
    }

    /// A block of `size` bytes rounded up to whole pages, at a page boundary.
    ///
    /// # Safety
    /// None beyond C's.
    pvalloc = glebe_pvalloc(size: usize) -> *mut u8 {
        let page = page_size();
        match size.max(1).checked_next_multiple_of(page) {
            Some(bytes) if size <= MOST => or_enomem(raw::memalign(page, bytes)),
            _ => fail(ENOMEM),
        }
    }
}
