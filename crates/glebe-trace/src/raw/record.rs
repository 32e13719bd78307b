//! One record of the recorder's: what a call did, in 16 bytes.
//!
//! ```text
//! word 0:  address, 48 bits   log2 of the alignment, 8 bits   kind, 8 bits
//! word 1:  size, 44 bits      thread, 20 bits
//! ```
//! This file is part of two crates: `libglebe_record.so`, which may not bring anything else into
//! the programs that it is loaded into, compiles it in.

/// Threads with a number of their own; later ones share the last number.
const THREADS: u32 = 1 << 20;
const SIZES: u64 = 1 << 44;

/// What is at the start of a raw file; records follow.
#[repr(C, align(4096))]
pub struct Head {
    /// Records begun so far: the place of the next one.
    pub records: core::sync::atomic::AtomicU64,
    /// Threads so far: the number of the next one.
    pub threads: core::sync::atomic::AtomicU64,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Kind {
    /// A block is there.
    Alloc = 1,
    /// A block of zeros is there.
    Zeroed,
    /// A block with an alignment is there.
    Aligned,
    /// `realloc` of a block begins: from here on others may be given its address.
    Resizing,
    /// The thread's `realloc` is over: the block is here now. At 0 it stayed where it was, or, with
    /// a size of 0, was freed.
    Resized,
    /// A block is about to be freed.
    Free,
    /// A block is about to be freed by a call that names its size.
    FreeSized,
    /// A block is asked for its usable size.
    Usable,
    /// The process runs another program from here on: all blocks are gone.
    Image,
}

impl Kind {
    fn of(number: u8) -> Option<Kind> {
        use Kind::{Aligned, Alloc, Free, FreeSized, Image, Resized, Resizing, Usable, Zeroed};
        let all = [
            Alloc, Zeroed, Aligned, Resizing, Resized, Free, FreeSized, Usable, Image,
        ];
        all.into_iter().find(|kind| *kind as u8 == number)
    }
}

/// See the module's text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record {
    /// What happened.
    pub kind: Kind,
    /// The block.
    pub address: u64,
    /// Bytes requested.
    pub size: u64,
    /// Log2 of the alignment requested, of [`Kind::Aligned`].
    pub align: u8,
    /// The thread that called.
    pub thread: u32,
}

impl Record {
    /// As words. The first is not zero.
    #[inline(always)]
    pub fn pack(self) -> [u64; 2] {
        let thread = u64::from(self.thread.min(THREADS - 1));
        [
            (self.address << 16) | (u64::from(self.align) << 8) | self.kind as u64,
            (self.size.min(SIZES - 1) * u64::from(THREADS)) | thread,
        ]
    }

    /// From words; none if there is no such kind, as in a place that was never written.
    pub fn unpack([block, request]: [u64; 2]) -> Option<Record> {
        Some(Record {
            kind: Kind::of(block as u8)?,
            address: block >> 16,
            size: request / u64::from(THREADS),
            align: (block >> 8) as u8,
            thread: request as u32 % THREADS,
        })
    }
}
