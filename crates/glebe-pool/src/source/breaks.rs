//! The program break, shared with whoever else moves it.

use super::{BlockSource, Purpose};
use crate::word::{BLOCK, GRANULE};
use core::ffi::c_void;
use core::num::NonZeroUsize;
use core::ptr::{self, NonNull};

/// `sbrk`: moves the break and gives the old one, or all ones if it cannot.
pub type Sbrk = unsafe extern "C" fn(increment: isize) -> *mut c_void;

/// Memory below the program break.
///
/// A grant whose end is still the break is extended and lowered there. If somebody else has moved
/// the break in between, the next grant starts a new plot above theirs, and the pool keeps what
/// lies below as long as theirs is in the way.
///
/// Take the C library's own `sbrk` in a process that has one: it remembers the break, and would
/// put it back below memory that was got behind its back.
#[derive(Clone, Copy, Debug)]
pub struct Break {
    sbrk: Sbrk,
    /// The end of the last grant, if there is one.
    end: Option<NonZeroUsize>,
}

impl Break {
    /// By a call like `sbrk`.
    ///
    /// # Safety
    /// The call does what its type's description says: what lies between two breaks is the
    /// caller's, until the break is lowered again.
    pub const unsafe fn new(sbrk: Sbrk) -> Break {
        Break { sbrk, end: None }
    }

    /// The break of the process, by the `sbrk` of the C library.
    #[cfg(feature = "sbrk")]
    pub const fn of_process() -> Break {
        unsafe extern "C" {
            fn sbrk(increment: isize) -> *mut c_void;
        }
        Break { sbrk, end: None }
    }

    /// Moves the break up; where it was.
    fn raise(&self, bytes: usize) -> Option<NonNull<u8>> {
        let increment = isize::try_from(bytes).ok()?;
        // SAFETY: memory above the break is nobody's.
        let old = unsafe { (self.sbrk)(increment) };
        NonNull::new(old.cast()).filter(|old| old.addr().get() != usize::MAX)
    }

    fn now(&self) -> Option<NonZeroUsize> {
        self.raise(0).map(NonNull::addr)
    }

    /// Moves the break down.
    ///
    /// # Safety
    /// The memory between is not used any more.
    unsafe fn drop_by(&mut self, bytes: usize) {
        let Ok(decrement) = isize::try_from(bytes) else {
            return;
        };
        // SAFETY: the caller's promise. If it fails, the memory stays where it is, unused.
        unsafe { (self.sbrk)(-decrement) };
        self.end = self.now();
    }
}

// SAFETY: what lies between two breaks belongs to who has moved it.
unsafe impl BlockSource for Break {
    const RESIZES: bool = true;

    fn grant(&mut self, blocks: NonZeroUsize, _: Purpose) -> Option<NonNull<[u8]>> {
        let bytes = blocks.get().checked_mul(BLOCK)?;
        // Others may leave the break at any address.
        let astray = self.now()?.get().wrapping_neg() % GRANULE;
        let old = self.raise(bytes.checked_add(astray)?)?;
        let memory = old.as_ptr().wrapping_add(astray);
        let grant = NonNull::new(ptr::slice_from_raw_parts_mut(memory, bytes))?;
        self.end = NonZeroUsize::new(memory.addr().wrapping_add(bytes));
        Some(grant)
    }

    unsafe fn release(&mut self, grant: NonNull<[u8]>, purpose: Purpose) {
        if self.takes(grant, purpose) {
            // SAFETY: the caller's promise, and nobody has moved the break since.
            unsafe { self.drop_by(grant.len()) };
        }
    }

    fn takes(&mut self, grant: NonNull<[u8]>, _: Purpose) -> bool {
        let end = grant.addr().get() + grant.len();
        self.now().is_some_and(|now| now.get() == end)
    }

    fn top(&mut self) -> Option<usize> {
        let end = self.end?;
        (self.now()? == end).then_some(end.get())
    }

    fn extend(&mut self, blocks: NonZeroUsize) -> Option<NonZeroUsize> {
        let bytes = blocks.checked_mul(NonZeroUsize::new(BLOCK)?)?;
        let end = self.end?;
        let old = self.raise(bytes.get())?;
        if old.addr() != end {
            // Somebody was faster. What was got is given back, if it still can be.
            if self.now().map(NonZeroUsize::get) == Some(old.addr().get() + bytes.get()) {
                // SAFETY: it was got just now and never used.
                unsafe { self.drop_by(bytes.get()) };
            }
            self.end = Some(end);
            return None;
        }
        self.end = end.checked_add(bytes.get());
        Some(bytes)
    }

    unsafe fn lower(&mut self, bytes: NonZeroUsize) {
        // SAFETY: the caller's promise.
        unsafe { self.drop_by(bytes.get()) };
    }
}
