//! Allocators of one thread under one trait, each over memory of its own: the arms of comparisons.
//!
//! | file | what it has |
//! |--|--|
//! | `arm` | what an arm is, and the blocks that it gives |
//! | `name` | which arms there are |
//! | `land` | the memory that they get |
//! | `kernel` | a stand-in for a kernel's calls for blocks |
//! | `pools` | each fit policy × tag layout × supplier |
//! | `peers` | the hosted engine, and other allocators' crates over a fixed range |
//! | `sizes`, `actions` | what is asked of them, after talc's benchmarks |

mod actions;
mod arm;
mod kernel;
mod land;
mod name;
mod peers;
mod pools;
mod sizes;

pub use actions::{Actions, MOSTS};
pub use arm::{Arm, Held, PAIRS_PER_LOOK, Plan, Step, free_all, layout};
pub use name::{Fit, Name, Peer, Supplier, Tags};
pub use sizes::Sizes;

impl Name {
    /// A fresh one. Those over a fixed range get so many bytes.
    pub fn open(self, bytes: usize) -> std::io::Result<Box<dyn Arm>> {
        match self {
            Name::Pool(fit, tags, supplier) => pools::open(fit, tags, supplier, bytes),
            Name::Peer(peer) => peers::open(peer, bytes),
        }
    }
}

/// Held by a test while it uses the engine, of which a process has but one.
#[cfg(test)]
pub fn engine_alone() -> std::sync::MutexGuard<'static, ()> {
    static ENGINE: std::sync::Mutex<()> = std::sync::Mutex::new(());
    ENGINE
        .lock()
        .unwrap_or_else(std::sync::PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::alloc::Layout;

    use super::*;

    /// Blocks are apart and keep what is written into them, also when they are resized. Not on the
    /// program break, which is no place for two threads: `tests/replay.rs` has that.
    #[test]
    fn every_arm_serves() {
        let _engine = engine_alone();
        for name in Name::all()
            .into_iter()
            .filter(|name| !name.is_on_the_break())
        {
            let mut arm = name.open(1 << 20).unwrap();
            let mut live = Vec::new();
            for number in 0..200_usize {
                let layout = Layout::from_size_align(8 + number * 5, 8).unwrap();
                let block = arm.alloc(layout);
                assert!(!block.is_null(), "{name}");
                // SAFETY: the block is ours and has so many bytes.
                unsafe { block.write_bytes(number as u8, layout.size()) };
                live.push((block, layout));
            }
            for (number, (block, layout)) in live.iter_mut().enumerate() {
                let size = layout.size() * 2;
                // SAFETY: the block lives, and only the new one is used from here on.
                *block = unsafe { arm.realloc(*block, *layout, size) };
                assert!(!block.is_null(), "{name}");
                // SAFETY: the block has so many bytes, of which the first half was written.
                let kept = unsafe { std::slice::from_raw_parts(*block, layout.size()) };
                assert!(kept.iter().all(|byte| *byte == number as u8), "{name}");
                *layout = Layout::from_size_align(size, 8).unwrap();
            }
            for (block, layout) in live {
                // SAFETY: the block lives and is given up.
                unsafe { arm.free(block, layout) };
            }
        }
    }
}
