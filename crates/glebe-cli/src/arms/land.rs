//! Fixed ranges: zeroed pages from the system, at a multiple of their own size's power of two as
//! far as buddies need, so that no arm suffers from where its range happens to lie.

use std::io;
use std::ptr::NonNull;

use glebe_bench::PAGE;
use memmap2::{MmapMut, MmapOptions};

/// As buddies of a range lie best when it starts at a multiple of its size.
const MOST_ALIGNMENT: usize = 1 << 27;

/// A range that is given up when it is dropped.
#[derive(Debug)]
pub struct Land {
    mapping: MmapMut,
    start: NonNull<u8>,
    bytes: usize,
}

impl Land {
    /// So many bytes, not yet touched.
    pub fn of(bytes: usize) -> io::Result<Land> {
        let align = bytes.next_power_of_two().clamp(4096, MOST_ALIGNMENT);
        let mut mapping = MmapOptions::new()
            .len(bytes + align)
            .no_reserve_swap()
            .map_anon()?;
        let memory = mapping.as_mut_ptr();
        let start = memory.wrapping_add(memory.align_offset(align));
        Ok(Land {
            mapping,
            start: NonNull::new(start).expect("a mapping does not start at 0"),
            bytes,
        })
    }

    /// So many bytes, with all pages in place, as those are that a kernel or a small system deals
    /// in: or else the cost of their first use would be taken for the arm's.
    pub fn in_place(bytes: usize) -> io::Result<Land> {
        let mut land = Self::of(bytes)?;
        let offset = land.start.as_ptr() as usize - land.mapping.as_ptr() as usize;
        let pages = land.mapping[offset..offset + bytes].iter_mut();
        pages.step_by(PAGE).for_each(|byte| *byte = 0);
        Ok(land)
    }

    /// Its first byte.
    pub fn start(&self) -> *mut u8 {
        self.start.as_ptr()
    }

    /// Its length.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// As a slice.
    pub fn slice(&self) -> NonNull<[u8]> {
        NonNull::slice_from_raw_parts(self.start, self.bytes)
    }
}
