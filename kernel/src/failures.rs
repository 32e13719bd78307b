//! Runs that must fail: a verdict is worth something only if it can go the other way.

use crate::drill::hook::HOOK;
use crate::frames::{PageFrames, all_are_back};
use crate::say;
use alloc::vec::Vec;
use core::alloc::Layout;
use core::arch::asm;
use core::hint::black_box;
use glebe_pool::{FirstFit, InlineTags, Pool, SideTags, TwoLevel};

/// What may stand on the command line.
const FAILURES: [(&str, fn()); 6] = [
    ("fail=overrun", overrun),
    ("fail=leak", leak),
    ("fail=double-free", double_free),
    ("fail=out-of-memory", out_of_memory),
    ("fail=null", null),
    ("fail=stack", stack),
];

/// What the command line asks for. Coming back from it is no failure: it was not found out.
pub fn find(word: &str) -> fn() {
    let Some((_, failure)) = FAILURES.iter().find(|(name, _)| *name == word) else {
        say!("`{word}` is not known; leave `-append` out, or append one of:");
        FAILURES.iter().for_each(|(name, _)| say!("  {name}"));
        crate::verdict::fail()
    };
    say!("to fail: {word}");
    *failure
}

fn layout() -> Layout {
    Layout::new::<[u64; 8]>()
}

/// A write past the end of a block breaks an invariant.
fn overrun() {
    let mut pool = Pool::<FirstFit, InlineTags, _>::new(PageFrames).with_hook(HOOK);
    let block = pool.alloc(layout()).expect("there is memory");
    // SAFETY: the word past the end is inside the grant; that it is a tag is what this is about.
    unsafe { block.cast::<u64>().add(8).write(u64::MAX) };
    if let Err(broken) = pool.verify() {
        // Where the frames are is fixed, and so is the address.
        panic!("{broken}");
    }
}

/// A block that was never freed holds a frame.
fn leak() {
    let mut pool = Pool::<TwoLevel, SideTags, _>::new(PageFrames).with_hook(HOOK);
    black_box(pool.alloc(layout()));
    core::mem::forget(pool);
    all_are_back();
}

/// The default hook ends the run.
fn double_free() {
    let mut pool = Pool::<TwoLevel, SideTags, _>::new(PageFrames);
    let block = pool.alloc(layout()).expect("there is memory").as_ptr();
    let other = pool.alloc(layout());
    for _ in 0..2 {
        // SAFETY: the second free is refused.
        let _ = unsafe { pool.free(block, Some(layout())) };
    }
    black_box(other);
}

/// A collection that cannot report a refusal ends the run.
fn out_of_memory() {
    black_box(Vec::<u8>::with_capacity(1 << 30));
}

/// Page 0 is not there.
fn null() {
    // SAFETY: the write faults, and the fault ends the run.
    unsafe { asm!("mov byte ptr [{}], 1", in(reg) 0_usize) };
}

/// The page below the stack is not there.
fn stack() {
    black_box(descend(black_box(0)));
}

fn descend(depth: usize) -> usize {
    let room = black_box([depth; 128]);
    if depth == usize::MAX {
        return 0;
    }
    descend(depth + 1) + room[depth % 128]
}
