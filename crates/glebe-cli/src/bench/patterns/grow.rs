//! A buffer grown by `realloc` from 4 KiB to 64 MiB, as a reader of unknown length does, by half
//! its size or by a fixed step. New bytes are written, old ones checked at the seams.

use super::heap::{obtain, release, resize};
use super::pattern::{Load, Pattern, repeat};

const FIRST_BYTES: usize = 4 << 10;
const LAST_BYTES: usize = 64 << 20;
const STEP_BYTES: usize = 64 << 10;
const FILL: u8 = 0xA5;

pub fn patterns() -> Vec<Pattern> {
    let half: fn(usize) -> usize = |bytes| bytes + bytes / 2;
    let step: fn(usize) -> usize = |bytes| bytes + STEP_BYTES;
    let by_half = "grow a buffer from 4 KiB to 64 MiB by half its size, and write it";
    let by_step = "grow a buffer from 4 KiB to 64 MiB by 64 KiB, and write it";
    vec![
        Pattern::new("grow/x1.5", by_half, 200, move |_| Grow(half)),
        Pattern::new("grow/+64K", by_step, 2_048, move |_| Grow(step)),
    ]
}

/// How the next size follows from the last.
struct Grow(fn(usize) -> usize);

impl Grow {
    /// One buffer's life; the number of times it was resized.
    fn once(&self) -> u64 {
        let mut buffer = Buffer::new(FIRST_BYTES);
        let mut resized = 0;
        while buffer.bytes() < LAST_BYTES {
            buffer.grow((self.0)(buffer.bytes()).min(LAST_BYTES));
            resized += 1;
        }
        resized
    }
}

/// A block whose every byte has been written.
pub struct Buffer {
    start: *mut u8,
    bytes: usize,
}

impl Buffer {
    /// A written block.
    pub fn new(bytes: usize) -> Self {
        let start = obtain(bytes);
        // SAFETY: the block holds `bytes`.
        unsafe { start.write_bytes(FILL, bytes) };
        Self { start, bytes }
    }

    /// Its size.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// Makes it `wanted` bytes long, which is more than it was.
    pub fn grow(&mut self, wanted: usize) {
        let bytes = self.bytes;
        // SAFETY: the block is live, and the result replaces it. It holds `wanted` bytes, of
        // which the first `bytes` were written.
        unsafe {
            self.start = resize(self.start, wanted);
            assert!(
                *self.start == FILL && *self.start.add(bytes - 1) == FILL,
                "contents were lost"
            );
            self.start.add(bytes).write_bytes(FILL, wanted - bytes);
        }
        self.bytes = wanted;
    }
}

impl Drop for Buffer {
    fn drop(&mut self) {
        // SAFETY: the block is live, and not used again.
        unsafe { release(self.start) };
    }
}

impl Load for Grow {
    fn run(&mut self, ops: u64) -> u64 {
        repeat(ops, || self.once())
    }
}
