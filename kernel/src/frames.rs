//! Page frames: the supplier of blocks.
//!
//! Three tables of one bit a frame: whether it is memory to be handed out at all, whether it is
//! free, and whether a run that was handed out starts there. A run ends where the next one starts,
//! at a free frame or at the end of memory; so its length needs no record, and giving back
//! anything but the start of a run is found out.
//!
//! It is offered in both ways that pools know: [`PageFrames`] is a [`BlockSource`], and the pair
//! [`mem_block_alloc`] and [`mem_block_free`] are the calls of a kernel.

use crate::memory::{LARGE_PAGE, MAPPED_END, PAGE, SMALL_PAGES_END};
use core::ffi::c_void;
use core::fmt;
use core::num::NonZeroUsize;
use core::ops::Range;
use core::ptr::{self, NonNull};
use glebe_pool::{BLOCK, BlockSource, Purpose};
use spin::Mutex;

// The pool's blocks are our frames.
const _: () = assert!(BLOCK == PAGE);

/// Frames that the tables have bits for.
const FRAMES: usize = MAPPED_END / PAGE;
const WORD_BITS: usize = u64::BITS as usize;

/// Why frames were not taken back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// No frame starts there.
    Misaligned(usize),
    /// The frame was never ours to hand out.
    Foreign(usize),
    /// The frame is free.
    Free(usize),
    /// The frame is inside a run, which starts elsewhere.
    Interior(usize),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, address) = match *self {
            Refused::Misaligned(address) => ("misaligned address", address),
            Refused::Foreign(address) => ("address outside of the frames", address),
            Refused::Free(address) => ("free frame", address),
            Refused::Interior(address) => ("address inside a run", address),
        };
        write!(f, "mem_block_free: {what} {address:#x}")
    }
}

/// One bit a frame.
struct Table([u64; FRAMES / WORD_BITS]);

impl Table {
    const fn new() -> Table {
        Table([0; FRAMES / WORD_BITS])
    }

    fn has(&self, frame: usize) -> bool {
        self.0[frame / WORD_BITS] >> (frame % WORD_BITS) & 1 != 0
    }

    fn set(&mut self, frame: usize, value: bool) {
        let (word, bit) = (&mut self.0[frame / WORD_BITS], 1 << (frame % WORD_BITS));
        if value { *word |= bit } else { *word &= !bit }
    }

    fn set_all(&mut self, frames: Range<usize>, value: bool) {
        frames.for_each(|frame| self.set(frame, value));
    }

    /// The first frame from `from` on whose bit is `value`; [`FRAMES`] if there is none.
    fn next(&self, from: usize, value: bool) -> usize {
        let flip = if value { 0 } else { u64::MAX };
        let mut below = u64::MAX << (from % WORD_BITS);
        for (index, word) in self.0.iter().enumerate().skip(from / WORD_BITS) {
            let found = (word ^ flip) & below;
            if found != 0 {
                return index * WORD_BITS + found.trailing_zeros() as usize;
            }
            below = u64::MAX;
        }
        FRAMES
    }
}

/// All frames.
pub struct Frames {
    ours: Table,
    free: Table,
    starts: Table,
    total: usize,
    unused: usize,
    fewest_unused: usize,
}

impl Frames {
    const fn new() -> Frames {
        Frames {
            ours: Table::new(),
            free: Table::new(),
            starts: Table::new(),
            total: 0,
            unused: 0,
            fewest_unused: 0,
        }
    }

    /// Takes in a range of memory: its whole large pages that are mapped and above the image.
    /// How many frames that is.
    ///
    /// # Safety
    /// Nothing else uses the memory from now on.
    pub unsafe fn add(&mut self, memory: Range<usize>) -> usize {
        let start = memory
            .start
            .max(SMALL_PAGES_END)
            .next_multiple_of(LARGE_PAGE);
        let end = memory.end.min(MAPPED_END) / LARGE_PAGE * LARGE_PAGE;
        let frames = start / PAGE..end / PAGE;
        self.ours.set_all(frames.clone(), true);
        self.free.set_all(frames.clone(), true);
        self.total += frames.len();
        self.unused += frames.len();
        self.fewest_unused = self.unused;
        frames.len()
    }

    /// A run of frames, the lowest that is long enough: its first address.
    pub fn alloc(&mut self, count: NonZeroUsize) -> Option<NonNull<u8>> {
        let mut start = self.free.next(0, true);
        while start < FRAMES {
            let end = self.free.next(start, false);
            if end - start >= count.get() {
                self.free.set_all(start..start + count.get(), false);
                self.starts.set(start, true);
                self.unused -= count.get();
                self.fewest_unused = self.fewest_unused.min(self.unused);
                return NonNull::new(ptr::with_exposed_provenance_mut(start * PAGE));
            }
            start = self.free.next(end, true);
        }
        None
    }

    /// Takes a run back by its first address: how many frames it had.
    ///
    /// # Errors
    /// Why it is none. Nothing has changed then.
    pub fn free(&mut self, address: usize) -> Result<usize, Refused> {
        let frame = address / PAGE;
        if frame >= FRAMES || !self.ours.has(frame) {
            return Err(Refused::Foreign(address));
        }
        if !address.is_multiple_of(PAGE) {
            return Err(Refused::Misaligned(address));
        }
        if self.free.has(frame) {
            return Err(Refused::Free(address));
        }
        if !self.starts.has(frame) {
            return Err(Refused::Interior(address));
        }
        let ends = [
            self.free.next(frame, true),
            self.starts.next(frame + 1, true),
            self.ours.next(frame, false),
        ];
        let end = ends.into_iter().min().unwrap_or(FRAMES);
        self.starts.set(frame, false);
        self.free.set_all(frame..end, true);
        self.unused += end - frame;
        Ok(end - frame)
    }

    /// How many frames there are.
    pub const fn total(&self) -> usize {
        self.total
    }

    /// How many of them are free.
    pub const fn unused(&self) -> usize {
        self.unused
    }

    /// How many were in use at most, since this was asked last.
    pub const fn most_used(&mut self) -> usize {
        let most = self.total - self.fewest_unused;
        self.fewest_unused = self.unused;
        most
    }
}

/// The machine's frames. Nothing that holds this lock allocates or prints.
pub static MACHINE: Mutex<Frames> = Mutex::new(Frames::new());

/// No frame is in use, and they are one run again.
pub fn all_are_back() {
    let mut machine = MACHINE.lock();
    let total = machine.total();
    assert_eq!(machine.unused(), total, "not all frames have come back");
    let all = NonZeroUsize::new(total).and_then(|count| machine.alloc(count));
    let all = all.expect("all frames are one run");
    assert_eq!(machine.free(all.addr().get()), Ok(total));
    // That was not a use of theirs.
    machine.most_used();
}

/// The machine's frames as a pool's supplier.
#[derive(Clone, Copy, Debug, Default)]
pub struct PageFrames;

// SAFETY: a run of frames belongs to nobody else until it is given back.
unsafe impl BlockSource for PageFrames {
    fn grant(&mut self, blocks: NonZeroUsize, _: Purpose) -> Option<NonNull<[u8]>> {
        let start = MACHINE.lock().alloc(blocks)?;
        Some(NonNull::slice_from_raw_parts(start, blocks.get() * PAGE))
    }

    unsafe fn release(&mut self, grant: NonNull<[u8]>, _: Purpose) {
        let outcome = MACHINE.lock().free(grant.addr().get());
        assert_eq!(
            outcome,
            Ok(grant.len() / PAGE),
            "the pool gave back what it was not granted"
        );
    }
}

/// Contiguous memory of `n` > 0 blocks of 4096 bytes, or null.
#[unsafe(no_mangle)]
pub extern "C" fn mem_block_alloc(n: usize) -> *mut c_void {
    let count = NonZeroUsize::new(n).expect("mem_block_alloc: no blocks asked for");
    let start = MACHINE.lock().alloc(count);
    start.map_or(ptr::null_mut(), |start| start.as_ptr().cast())
}

/// Takes back what [`mem_block_alloc`] gave. Anything else ends the run.
///
/// # Safety
/// Nothing uses the memory any more.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mem_block_free(block: *mut c_void) {
    let outcome = MACHINE.lock().free(block.addr());
    if let Err(refused) = outcome {
        panic!("{refused}");
    }
}
