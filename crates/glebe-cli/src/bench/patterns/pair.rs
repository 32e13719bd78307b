//! Allocate, write a word, free, one object after another: the shortest path through an allocator.

use super::heap::{obtain, release};
use super::pattern::{Load, Pattern};

const SIZES: [usize; 5] = [16, 64, 256, 1024, 8192];

/// A short cycle, so that consecutive requests are of different classes.
const MIXED: [usize; 16] = [
    16, 48, 24, 96, 32, 200, 64, 16, 128, 40, 512, 32, 80, 1024, 24, 256,
];

pub fn patterns() -> Vec<Pattern> {
    let about = "allocate and free one object after another";
    let fixed = SIZES.map(|size| {
        Pattern::new(format!("pair/{size}"), about, 10_000_000, move |_| {
            Fixed(size)
        })
    });
    let mixed = "the same with a cycle of 16 sizes from 16 to 1024 bytes";
    let mixed = Pattern::new("pair/mixed", mixed, 10_000_000, |_| Mixed);
    fixed.into_iter().chain([mixed]).collect()
}

struct Fixed(usize);

impl Load for Fixed {
    fn run(&mut self, ops: u64) -> u64 {
        let size = self.0;
        for _ in 0..ops {
            let object = obtain(size);
            // SAFETY: just obtained.
            unsafe { release(object) };
        }
        ops
    }
}

struct Mixed;

impl Load for Mixed {
    fn run(&mut self, ops: u64) -> u64 {
        let cycles = ops.div_ceil(MIXED.len() as u64);
        for _ in 0..cycles {
            for size in MIXED {
                let object = obtain(size);
                // SAFETY: just obtained.
                unsafe { release(object) };
            }
        }
        cycles * MIXED.len() as u64
    }
}
