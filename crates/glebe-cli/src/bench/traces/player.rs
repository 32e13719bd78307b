//! Plays a [`plan`](super::plan), each of its threads on a thread of its own, as fast as they can.
//!
//! Blocks are written to, as programs do, or large ones would cost nothing: one byte of each 64 of
//! the first page and one of each further page, up to 16 MiB, since more than that is often
//! reserved and hardly used. What lives at the end is not freed: a program that ends does not,
//! either.

use std::fs::File;
use std::io;
use std::path::Path;
use std::ptr::null_mut;
use std::sync::atomic::{AtomicPtr, Ordering};
use std::thread::{self, Scope};

use glebe_bench::PAGE;
use memmap2::{Mmap, MmapOptions};

use super::plan::{Call, Head, Part, Step};
use crate::bench::patterns::heap::out_of_memory;
use crate::bench::patterns::table::Table;

const LINE: usize = 64;
const MOST_TOUCHED: usize = 16 << 20;
/// Tries before a waiting thread yields the processor.
const SPINS: u32 = 64;

/// A mapped plan, and its slots.
pub struct Player {
    map: Mmap,
    slots: Table<AtomicPtr<u8>>,
}

impl Player {
    /// Maps a plan that [`Plan::write`](super::plan::Plan::write) wrote.
    pub fn open(path: &Path) -> io::Result<Player> {
        let file = File::open(path)?;
        // SAFETY: nobody writes to a plan once it is there.
        let map = unsafe { MmapOptions::new().populate().map(&file)? };
        let head: &Head = bytemuck::from_bytes(&map[..size_of::<Head>()]);
        let slots = Table::new(head.slots.max(1) as usize);
        Ok(Player { map, slots })
    }

    /// Memory of the player's own, all of it resident before it plays.
    pub fn own_kib(&self) -> u64 {
        ((self.map.len() + size_of_val(&*self.slots)) >> 10) as u64
    }

    /// Plays all, and says how many calls that were.
    pub fn play(&self) -> u64 {
        let (head, steps) = self.map.split_at(size_of::<Head>());
        let head: &Head = bytemuck::from_bytes(head);
        let (parts, steps) = steps.split_at(head.parts as usize * size_of::<Part>());
        let stage = Stage {
            parts: bytemuck::cast_slice(parts),
            steps: bytemuck::cast_slice(steps),
            slots: &self.slots,
        };
        if head.parts > 0 {
            thread::scope(|scope| stage.perform(scope, 0));
        }
        head.calls
    }
}

struct Stage<'a> {
    parts: &'a [Part],
    steps: &'a [Step],
    slots: &'a [AtomicPtr<u8>],
}

impl Stage<'_> {
    fn perform<'s>(&'s self, scope: &'s Scope<'s, '_>, part: usize) {
        let Part { first, steps } = self.parts[part];
        for step in &self.steps[first as usize..][..steps as usize] {
            match Call::from_repr(step.call).expect("a plan has known steps") {
                Call::Start => {
                    let part = step.to as usize;
                    scope.spawn(move || self.perform(scope, part));
                }
                Call::End => self.put(step, null_mut::<u8>().wrapping_add(1)),
                Call::Await => {
                    self.wait(step.from);
                }
                call => self.call(call, step),
            }
        }
    }

    fn put(&self, step: &Step, block: *mut u8) {
        self.slots[step.to as usize].store(block, Ordering::Release);
    }

    #[inline(always)]
    fn take(&self, step: &Step) -> *mut u8 {
        if step.waits != 0 {
            return self.wait(step.from);
        }
        self.slots[step.from as usize].load(Ordering::Relaxed)
    }

    #[cold]
    fn wait(&self, slot: u32) -> *mut u8 {
        let mut spins = 0_u32;
        loop {
            let block = self.slots[slot as usize].load(Ordering::Acquire);
            if !block.is_null() {
                return block;
            }
            spins = spins.wrapping_add(1);
            if spins.is_multiple_of(SPINS) {
                thread::yield_now();
            } else {
                std::hint::spin_loop();
            }
        }
    }

    #[inline(always)]
    fn call(&self, call: Call, step: &Step) {
        let size = step.size as usize;
        // SAFETY: by the plan a block is in one slot at a time, and its steps follow each other; so
        // it is live and nobody else's. A block is touched inside of its size.
        unsafe {
            match call {
                Call::Free => return libc::free(self.take(step).cast()),
                Call::Usable => {
                    let block = self.take(step);
                    std::hint::black_box(libc::malloc_usable_size(block.cast()));
                    return self.put(step, block);
                }
                _ => {}
            }
            let block = match call {
                Call::Zeroed => libc::calloc(1, size),
                Call::Aligned => aligned(step),
                Call::Realloc => libc::realloc(self.take(step).cast(), size),
                _ => libc::malloc(size),
            };
            if block.is_null() {
                out_of_memory(size);
            }
            touch(block.cast(), step.before as usize, size);
            self.put(step, block.cast());
        }
    }
}

/// A block with an alignment, or null.
fn aligned(step: &Step) -> *mut libc::c_void {
    let align = (1 << step.align).max(size_of::<usize>());
    let mut block = null_mut();
    // SAFETY: `block` may be written to, and the alignment is a power of two and not too small.
    unsafe { libc::posix_memalign(&raw mut block, align, step.size as usize) };
    block
}

/// Writes to a block, from where it was written to before.
///
/// # Safety
/// The block has `size` bytes and is the caller's.
#[inline(always)]
unsafe fn touch(block: *mut u8, before: usize, size: usize) {
    let mut at = before;
    while at < size.min(MOST_TOUCHED) {
        // SAFETY: inside of the block.
        unsafe { block.add(at).write_volatile(1) };
        at += if at < PAGE { LINE } else { PAGE };
    }
}
