//! Memory of the harness itself, taken from the system and not from the allocator under test.

use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};
use std::sync::atomic::AtomicPtr;

use memmap2::{MmapMut, MmapOptions};

/// Types for which zeroed memory is a value.
///
/// # Safety
/// All-zero bytes must be a valid value that needs no drop, and the alignment at most that of a
/// page.
pub unsafe trait Zeroed {}
// SAFETY: null is a valid raw pointer.
unsafe impl Zeroed for *mut u8 {}
// SAFETY: as above.
unsafe impl Zeroed for AtomicPtr<u8> {}
// SAFETY: any bytes are an integer.
unsafe impl Zeroed for u32 {}

/// A zeroed array whose pages are resident from the start.
pub struct Table<T> {
    map: MmapMut,
    len: usize,
    item: PhantomData<T>,
}

// SAFETY: a table owns its mapping and hands out its items by borrowing rules only. The items of a
// pointer table are objects that any one thread may free.
unsafe impl<T: Zeroed> Send for Table<T> {}

impl<T: Zeroed> Table<T> {
    /// `len` zeroed items.
    pub fn new(len: usize) -> Self {
        let bytes = len * size_of::<T>();
        match MmapOptions::new().len(bytes).populate().map_anon() {
            Ok(map) => Self {
                map,
                len,
                item: PhantomData,
            },
            Err(error) => {
                eprintln!("cannot map {bytes} bytes for the pattern's own table: {error}");
                std::process::exit(3)
            }
        }
    }
}

impl<T: Zeroed> Deref for Table<T> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        // SAFETY: the mapping holds `len` items, page-aligned and initialised to zero, and is
        // borrowed with `self`.
        unsafe { std::slice::from_raw_parts(self.map.as_ptr().cast(), self.len) }
    }
}

impl<T: Zeroed> DerefMut for Table<T> {
    fn deref_mut(&mut self) -> &mut [T] {
        // SAFETY: as in `deref`, and `self` is borrowed exclusively.
        unsafe { std::slice::from_raw_parts_mut(self.map.as_mut_ptr().cast(), self.len) }
    }
}
