//! A buffer grown by `realloc` from 4 KiB to 64 MiB, as a reader of unknown length does, by half
//! its size or by a fixed step. New bytes are written, old ones checked at the seams.

use super::heap::{obtain, release, resize};
use super::pattern::{Load, Pattern};

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
        let mut bytes = FIRST_BYTES;
        let mut buffer = obtain(bytes);
        // SAFETY: the buffer holds `bytes`.
        unsafe { buffer.write_bytes(FILL, bytes) };
        let mut resized = 0;
        while bytes < LAST_BYTES {
            let wanted = (self.0)(bytes).min(LAST_BYTES);
            // SAFETY: the buffer is live, and the result replaces it. It holds `wanted` bytes, of
            // which the first `bytes` were written.
            unsafe {
                buffer = resize(buffer, wanted);
                assert!(
                    *buffer == FILL && *buffer.add(bytes - 1) == FILL,
                    "contents were lost"
                );
                buffer.add(bytes).write_bytes(FILL, wanted - bytes);
            }
            bytes = wanted;
            resized += 1;
        }
        // SAFETY: the buffer is live.
        unsafe { release(buffer) };
        resized
    }
}

impl Load for Grow {
    fn run(&mut self, ops: u64) -> u64 {
        let mut done = 0;
        while done < ops {
            done += self.once();
        }
        done
    }
}
