//! What the programs of the course share: a pool in 16 KiB of fixed memory, and how it is talked
//! about. Blocks go by their places, offsets in that memory, so that they print the same on every
//! machine, and the same as the programs in C (`docs/course/c/lab.h`).
//!
//! A place is a number. Nobody holds a reference into the land, so a wrong place can be freed or
//! written to here and harm nobody.
#![allow(dead_code, reason = "each program uses a part of it")]

use glebe_pool::{
    BestFit, Buffer, Fault, FirstFit, Fit, Heap, Hook, InlineTags, NextFit, Pool, QuickFit,
    SideTags, State, Stats, Tags, TwoLevel, abort,
};
use std::alloc::Layout;
use std::ptr::NonNull;

/// Bytes of the land.
pub const LAND: usize = 16 * 1024;

#[repr(C, align(4096))]
struct Land([u8; LAND]);

/// Which free block serves a request.
#[derive(Clone, Copy)]
pub enum Policy {
    First,
    Next,
    Best,
    TwoLevel,
    Quick,
}

/// Those that join what is freed at once, by name.
pub const POLICIES: [(&str, Policy); 4] = [
    ("first fit", Policy::First),
    ("next fit", Policy::Next),
    ("best fit", Policy::Best),
    ("two-level fit", Policy::TwoLevel),
];

/// The one that lets it wait.
pub const QUICK: (&str, Policy) = ("quick fit", Policy::Quick);

/// Where records are kept.
#[derive(Clone, Copy)]
pub enum Records {
    Inline,
    Side,
}

/// What an inline tag says: bytes from block to block, and whether the block is free.
pub struct Tag {
    pub stride: usize,
    pub is_free: bool,
}

/// A pool and its land.
pub struct Lab {
    heap: Box<dyn Heap>,
    land: NonNull<u8>,
}

impl Lab {
    /// An empty pool that ends the program at a bad pointer.
    pub fn new(policy: Policy, records: Records) -> Lab {
        Lab::with_hook(policy, records, abort)
    }

    /// An empty pool that calls `hook` at a bad pointer.
    pub fn with_hook(policy: Policy, records: Records, hook: Hook) -> Lab {
        let land = Box::leak(Box::new(Land([0; LAND])));
        let land = NonNull::from(&mut land.0).cast();
        let heap = match records {
            Records::Inline => by_policy::<InlineTags>(policy, land, hook),
            Records::Side => by_policy::<SideTags>(policy, land, hook),
        };
        Lab { heap, land }
    }

    fn pointer(&self, place: usize) -> *mut u8 {
        self.land.as_ptr().wrapping_add(place)
    }

    fn place(&self, block: NonNull<u8>) -> usize {
        block.addr().get() - self.land.addr().get()
    }

    /// A block, if there is room. A size of 0 is none.
    pub fn try_take(&mut self, size: usize) -> Option<usize> {
        let layout = Layout::from_size_align(size, 1).ok()?;
        let block = (size > 0).then(|| self.heap.alloc(layout)).flatten()?;
        Some(self.place(block))
    }

    /// A block that there must be room for.
    pub fn take(&mut self, size: usize) -> usize {
        self.try_take(size).expect("there is room")
    }

    /// A zeroed block for `count` elements; none if there is no room or the product overflows.
    pub fn take_zeroed(&mut self, count: usize, size: usize) -> Option<usize> {
        let layout = Layout::from_size_align(count.checked_mul(size)?, 1).ok()?;
        let block = self.heap.alloc_zeroed(layout)?;
        Some(self.place(block))
    }

    /// Frees whatever is at a place.
    pub fn free(&mut self, place: usize) -> Result<(), Fault> {
        self.free_pointer(self.pointer(place))
    }

    /// Frees whatever is at an address.
    pub fn free_pointer(&mut self, pointer: *mut u8) -> Result<(), Fault> {
        // SAFETY: blocks are known by their places alone, so nobody uses this one's bytes.
        unsafe { self.heap.free(pointer, None) }
    }

    /// Frees a block that lives.
    pub fn put_back(&mut self, place: usize) {
        self.free(place).expect("a block that lives");
    }

    /// Gives a block another size: where it is then.
    pub fn resize(&mut self, place: usize, size: usize) -> Option<usize> {
        let old = self.pointer(place);
        // SAFETY: blocks are known by their places alone, so nobody uses this one's bytes.
        let moved = unsafe { self.heap.realloc(old, None, size) }.ok()?;
        Some(self.place(moved))
    }

    /// Copies bytes out of the land.
    pub fn read<const N: usize>(&self, place: usize) -> [u8; N] {
        assert!(place + N <= LAND, "inside of the land");
        // SAFETY: the land is never freed, holds so many bytes, and nobody has a reference to it.
        unsafe { self.pointer(place).cast::<[u8; N]>().read_unaligned() }
    }

    /// Writes bytes into the land, wherever that is.
    pub fn write(&mut self, place: usize, bytes: &[u8]) {
        assert!(place + bytes.len() <= LAND, "inside of the land");
        // SAFETY: as for `read`. The pool checks its records in the land before it trusts them.
        unsafe { self.pointer(place).copy_from(bytes.as_ptr(), bytes.len()) }
    }

    /// The tag at a place: 24 bits of checksum, 36 bits of size, 4 bits of state.
    fn tag(&self, place: usize) -> Tag {
        let word = u64::from_ne_bytes(self.read(place));
        Tag {
            stride: (word & 0xff_ffff_fff0) as usize,
            is_free: word & 1 != 0,
        }
    }

    /// The tag in front of a block.
    pub fn header(&self, place: usize) -> Tag {
        self.tag(place - 8)
    }

    /// The tag behind it.
    pub fn footer(&self, place: usize) -> Tag {
        self.tag(place + self.header(place).stride - 16)
    }

    /// Usable bytes of a block with inline tags.
    pub fn usable(&self, place: usize) -> usize {
        self.header(place).stride - 16
    }

    /// Sums over all blocks.
    pub fn stats(&self) -> Stats {
        self.heap.stats()
    }

    /// Usable bytes of all free blocks, by address.
    pub fn free_sizes(&self) -> Vec<usize> {
        let mut sizes = Vec::new();
        self.heap.walk(&mut |block| {
            if block.state == State::Free {
                sizes.push(block.usable);
            }
        });
        sizes
    }
}

fn by_policy<T: Tags + 'static>(policy: Policy, land: NonNull<u8>, hook: Hook) -> Box<dyn Heap> {
    match policy {
        Policy::First => over::<FirstFit, T>(land, hook),
        Policy::Next => over::<NextFit, T>(land, hook),
        Policy::Best => over::<BestFit, T>(land, hook),
        Policy::TwoLevel => over::<TwoLevel, T>(land, hook),
        Policy::Quick => over::<QuickFit, T>(land, hook),
    }
}

fn over<F: Fit + 'static, T: Tags + 'static>(land: NonNull<u8>, hook: Hook) -> Box<dyn Heap> {
    // SAFETY: the land was leaked for this pool, and is read and written by places only.
    let buffer = unsafe { Buffer::from_raw(NonNull::slice_from_raw_parts(land, LAND)) };
    let pool: Pool<F, T, Buffer> = Pool::new(buffer).with_hook(hook).with_spare(usize::MAX);
    Box::new(pool)
}
