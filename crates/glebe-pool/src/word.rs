//! Words of the pool's own memory, and [`At`], an address inside it.
//!
//! This is the one doorway through which the pool touches memory. Provenance is exposed when land
//! comes in ([`At::of`]) and taken up again here, so that records may name addresses by numbers.

use core::ptr;

/// Bytes in one granule: every block starts at a multiple of it and is a multiple of it long.
pub const GRANULE: usize = 16;

/// Bytes in one block of a supplier.
pub const BLOCK: usize = 4096;

/// Bits in one word.
pub(crate) const BITS: usize = usize::BITS as usize;

/// Bytes in one word.
pub(crate) const WORD: usize = size_of::<usize>();

/// An address inside memory that a pool holds.
///
/// Invariant, kept by whoever makes one: the granule at the address is the pool's to read and
/// write, except for the first address past the end of land, which is never read or written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(transparent)]
pub struct At(pub(crate) usize);

impl At {
    /// The address of a pointer into memory that comes into the pool's hands.
    pub(crate) fn of(pointer: *mut u8) -> At {
        At(pointer.expose_provenance())
    }

    pub(crate) const fn plus(self, bytes: usize) -> At {
        At(self.0 + bytes)
    }

    pub(crate) const fn minus(self, bytes: usize) -> At {
        At(self.0 - bytes)
    }

    pub(crate) fn pointer(self) -> *mut u8 {
        ptr::with_exposed_provenance_mut(self.0)
    }

    /// The word at `offset` bytes from here.
    #[inline(always)]
    pub(crate) fn load(self, offset: usize) -> usize {
        // SAFETY: by the invariant of `At` the memory is the pool's, and words lie aligned.
        unsafe { ptr::with_exposed_provenance::<usize>(self.0 + offset).read() }
    }

    /// As [`Self::load`], from memory even if the compiler has the word in a register.
    #[inline(always)]
    pub(crate) fn load_again(self, offset: usize) -> usize {
        // SAFETY: as in `load`.
        unsafe { ptr::with_exposed_provenance::<usize>(self.0 + offset).read_volatile() }
    }

    /// Sets the word at `offset` bytes from here.
    #[inline(always)]
    pub(crate) fn store(self, offset: usize, word: usize) {
        // SAFETY: as in `load`.
        unsafe { ptr::with_exposed_provenance_mut::<usize>(self.0 + offset).write(word) }
    }

    /// What lies at `offset` bytes from here.
    #[inline(always)]
    pub(crate) fn read<T: Copy>(self, offset: usize) -> T {
        // SAFETY: as in `load`; the pool wrote a `T` there, or `T` is a plain number.
        unsafe { ptr::with_exposed_provenance::<T>(self.0 + offset).read() }
    }

    /// Puts `value` at `offset` bytes from here.
    #[inline(always)]
    pub(crate) fn write<T: Copy>(self, offset: usize, value: T) {
        // SAFETY: as in `load`.
        unsafe { ptr::with_exposed_provenance_mut::<T>(self.0 + offset).write(value) }
    }

    /// Zeroes `bytes` from here on.
    pub(crate) fn wipe(self, bytes: usize) {
        // SAFETY: by the invariant of `At`; callers wipe only what they lay out.
        unsafe { self.pointer().write_bytes(0, bytes) }
    }

    /// Moves `bytes` from here to `to`; the two may overlap.
    pub(crate) fn move_to(self, to: At, bytes: usize) {
        // SAFETY: both are the pool's memory for that many bytes, as callers see to.
        unsafe { ptr::copy(self.pointer(), to.pointer(), bytes) }
    }
}

/// The lowest multiple of `align`, a power of two, that is not below `value`; none past the end.
#[inline(always)]
pub(crate) const fn round_up(value: usize, align: usize) -> Option<usize> {
    match value.checked_add(align - 1) {
        Some(high) => Some(high & !(align - 1)),
        None => None,
    }
}

/// The highest multiple of `align`, a power of two, that is not above `value`.
pub(crate) const fn round_down(value: usize, align: usize) -> usize {
    value & !(align - 1)
}
