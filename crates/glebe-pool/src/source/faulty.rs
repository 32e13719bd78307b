//! A supplier that misbehaves, to test pools with.

use super::{BlockSource, Purpose};
use core::num::NonZeroUsize;
use core::ptr::{self, NonNull};

/// What a [`Faulty`] supplier does at a call that it spoils.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mischief {
    /// Grants nothing.
    Refuse,
    /// Grants from the second byte on: one byte less, at an odd address.
    Unaligned,
    /// Grants only the first 24 bytes.
    Tiny,
    /// Grants what it granted last, once more.
    Overlap,
    /// Grants twice what was asked for.
    Double,
}

/// Another supplier's blocks, with mischief at chosen calls.
#[derive(Debug)]
pub struct Faulty<S> {
    inner: S,
    mischief: Mischief,
    /// The calls to spoil: from this one on (0 is the first), so many.
    from: usize,
    many: usize,
    calls: usize,
    /// The last honest grant, until it comes back.
    last: Option<NonNull<[u8]>>,
    /// It was granted once more, and this second grant has not come back.
    is_echoed: bool,
    /// Grants and extensions, less what came back.
    held: usize,
}

// SAFETY: the pointer is only compared and granted anew, by whoever holds the supplier.
unsafe impl<S: Send> Send for Faulty<S> {}

impl<S> Faulty<S> {
    /// Spoils the calls `from .. from + many` to `grant` and `extend`, of which 0 is the first.
    pub const fn new(inner: S, mischief: Mischief, from: usize, many: usize) -> Faulty<S> {
        Faulty {
            inner,
            mischief,
            from,
            many,
            calls: 0,
            last: None,
            is_echoed: false,
            held: 0,
        }
    }

    /// Calls to `grant` and `extend` so far.
    pub const fn calls(&self) -> usize {
        self.calls
    }

    /// Honest grants that have not come back.
    pub const fn held(&self) -> usize {
        self.held
    }

    /// Behaves from now on.
    pub const fn heal(&mut self) {
        self.many = 0;
    }

    fn is_spoiled(&mut self) -> bool {
        let call = self.calls;
        self.calls += 1;
        call.wrapping_sub(self.from) < self.many
    }
}

/// Bytes of a tiny grant.
const TINY: usize = 24;

fn part(start: *mut u8, bytes: usize) -> Option<NonNull<[u8]>> {
    NonNull::new(ptr::slice_from_raw_parts_mut(start, bytes))
}

// SAFETY: honest grants are the inner supplier's, and of each only one part is granted; except for
// `Overlap`, which grants what the pool holds already and is to find out.
unsafe impl<S: BlockSource> BlockSource for Faulty<S> {
    const RESIZES: bool = S::RESIZES;

    fn grant(&mut self, blocks: NonZeroUsize, purpose: Purpose) -> Option<NonNull<[u8]>> {
        let mut blocks = blocks;
        let spoiled = self.is_spoiled();
        match self.mischief {
            Mischief::Refuse if spoiled => return None,
            Mischief::Overlap if spoiled => {
                self.is_echoed = self.last.is_some();
                return self.last;
            }
            Mischief::Double if spoiled => blocks = blocks.saturating_add(blocks.get()),
            _ => {}
        }
        let honest = self.inner.grant(blocks, purpose)?;
        self.last = Some(honest);
        self.held += 1;
        match self.mischief {
            Mischief::Unaligned if spoiled => part(
                honest.as_ptr().cast::<u8>().wrapping_add(1),
                honest.len() - 1,
            ),
            Mischief::Tiny if spoiled => part(honest.as_ptr().cast(), TINY),
            _ => Some(honest),
        }
    }

    unsafe fn release(&mut self, grant: NonNull<[u8]>, purpose: Purpose) {
        if self.is_echoed && self.last == Some(grant) {
            self.is_echoed = false;
            return;
        }
        self.held -= 1;
        // What was granted in part goes back whole.
        let whole = match (self.last, grant.addr().get() % 2) {
            (Some(last), 0) if last.addr() == grant.addr() && grant.len() == TINY => Some(last),
            (_, 0) => Some(grant),
            _ => part(grant.as_ptr().cast::<u8>().wrapping_sub(1), grant.len() + 1),
        };
        if whole == self.last {
            self.last = None;
        }
        if let Some(whole) = whole {
            // SAFETY: the caller's promise.
            unsafe { self.inner.release(whole, purpose) }
        }
    }

    fn takes(&mut self, grant: NonNull<[u8]>, purpose: Purpose) -> bool {
        self.inner.takes(grant, purpose)
    }

    fn top(&mut self) -> Option<usize> {
        self.inner.top()
    }

    fn extend(&mut self, blocks: NonZeroUsize) -> Option<NonZeroUsize> {
        if self.is_spoiled() {
            return None;
        }
        self.inner.extend(blocks)
    }

    unsafe fn lower(&mut self, bytes: NonZeroUsize) {
        // SAFETY: the caller's promise.
        unsafe { self.inner.lower(bytes) }
    }
}
