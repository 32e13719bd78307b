//! Suppliers: what they grant and get back, and pools whose suppliers fail or misbehave.

use crate::common::{Land, remember};
use glebe_pool::{
    BLOCK, BestFit, BlockSource, Break, Buffer, Buffers, Faulty, FirstFit, Fit, Heap, InlineTags,
    Kernel, Mischief, Mmap, NextFit, Pool, QuickFit, SideTags, Split, Stats, Tags, TwoLevel,
};
use std::alloc::{Layout, alloc, dealloc};
use std::cell::RefCell;
use std::collections::HashMap;
use std::ffi::c_void;
use std::ptr::NonNull;

fn bytes(size: usize) -> Layout {
    Layout::from_size_align(size, 1).expect("a layout")
}

thread_local! {
    /// Blocks that the kernel of a thread has given out, by address.
    static GIVEN: RefCell<HashMap<usize, Layout>> = RefCell::default();
}

extern "C" fn kernel_alloc(n: usize) -> *mut c_void {
    assert!(n > 0, "a kernel is asked for something");
    let layout = Layout::from_size_align(n * BLOCK, BLOCK).expect("a layout");
    // SAFETY: the layout has a size.
    let block = unsafe { alloc(layout) };
    GIVEN.with_borrow_mut(|given| given.insert(block.addr(), layout));
    block.cast()
}

extern "C" fn kernel_free(block: *mut c_void) {
    let layout = GIVEN.with_borrow_mut(|given| given.remove(&block.addr()));
    // SAFETY: the map has only what was allocated with the layout and not freed since.
    unsafe { dealloc(block.cast(), layout.expect("a block that was given out")) }
}

fn given() -> usize {
    GIVEN.with_borrow(|given| given.values().map(Layout::size).sum())
}

fn kernel() -> Kernel {
    // SAFETY: the two keep the contract.
    unsafe { Kernel::new(kernel_alloc, kernel_free) }
}

/// What the linked kernel calls, for the whole test program.
#[unsafe(no_mangle)]
extern "C" fn mem_block_alloc(n: usize) -> *mut c_void {
    kernel_alloc(n)
}

#[unsafe(no_mangle)]
extern "C" fn mem_block_free(block: *mut c_void) {
    kernel_free(block);
}

/// Allocates a mix of blocks, frees them in another order; the most that was granted.
fn exercise(heap: &mut dyn Heap) -> Stats {
    let mut live = Vec::new();
    for round in 0..200usize {
        let layout = Layout::from_size_align(round * 37 % 1500, 1 << (round % 7)).expect("valid");
        let block = heap.alloc(layout).expect("the supplier has more");
        // SAFETY: the block has room for the layout.
        unsafe { block.write_bytes(round as u8, layout.size()) };
        live.push((block.as_ptr(), layout));
        heap.verify().expect("a sound pool");
    }
    let stats = heap.stats();
    for round in 0..200 {
        let (block, layout) = live.swap_remove(round * 13 % live.len());
        // SAFETY: the block lives and is given up.
        unsafe { heap.free(block, Some(layout)) }.expect("it lives");
        heap.verify().expect("a sound pool");
    }
    heap.trim();
    stats
}

fn comes_and_goes<F: Fit, T: Tags>() {
    let mut pool: Pool<F, T, Kernel> = Pool::new(kernel());
    let most = exercise(&mut pool);
    assert!(most.held_bytes < most.live_bytes * 3 / 2, "{most:?}");
    assert_eq!(
        most.live_bytes + most.free_bytes + most.record_bytes,
        most.held_bytes
    );
    assert_eq!((given(), pool.stats().held_bytes), (0, 0));
}

#[test]
fn kernel_blocks_come_and_go_for_every_policy() {
    comes_and_goes::<FirstFit, InlineTags>();
    comes_and_goes::<NextFit, SideTags>();
    comes_and_goes::<BestFit, InlineTags>();
    comes_and_goes::<TwoLevel, SideTags>();
    comes_and_goes::<QuickFit, SideTags>();
    comes_and_goes::<QuickFit, InlineTags>();
}

#[test]
fn small_requests_share_one_kernel_block() {
    // SAFETY: the linked calls keep the contract.
    let source = unsafe { Kernel::linked() };
    let mut pool: Pool<TwoLevel, SideTags, Kernel> = Pool::new(source);
    for _ in 0..100 {
        pool.alloc(bytes(24)).expect("a block");
    }
    assert_eq!(given(), BLOCK);
    drop(pool);
    assert_eq!(
        given(),
        0,
        "a pool that is dropped gives back what it holds"
    );
}

#[test]
fn spare_grants_are_kept_up_to_the_limit() {
    let mut pool: Pool<BestFit, SideTags, Kernel> = Pool::new(kernel()).with_spare(2 * BLOCK);
    let block = pool.alloc(bytes(100)).expect("a block").as_ptr();
    // SAFETY: the block lives.
    unsafe { pool.free(block, None) }.expect("it lives");
    assert_eq!(given(), BLOCK);
    let large = pool.alloc(bytes(9 * BLOCK)).expect("a block").as_ptr();
    // SAFETY: the block lives.
    unsafe { pool.free(large, None) }.expect("it lives");
    assert_eq!(given(), BLOCK, "the large one is over the limit");
}

#[test]
fn requests_over_the_threshold_get_blocks_of_their_own() {
    let mut pool: Pool<TwoLevel, InlineTags, _> = Pool::new(kernel())
        .with_single_from(2 * BLOCK)
        .with_hook(remember);
    for align in [1, 16, BLOCK, 16 * BLOCK] {
        let layout = Layout::from_size_align(3 * BLOCK, align).expect("a layout");
        let block = pool.alloc(layout).expect("a block").as_ptr();
        assert!(block.addr().is_multiple_of(align));
        assert!(pool.usable_size(block).expect("it lives") >= 3 * BLOCK);
        pool.verify().expect("a sound pool");
        let inside = block.wrapping_add(1);
        // SAFETY: refused, or the block lives; it is not used after the last free.
        unsafe {
            assert!(pool.free(inside, None).is_err());
            pool.resize(block, 100).expect("smaller always works");
            pool.free(block, None).expect("it lives");
            assert!(pool.free(block, None).is_err());
        }
        assert_eq!(given(), 0);
    }
}

#[test]
fn one_buffer_and_several() {
    let land = Land::new(40_000, 8);
    let (start, half) = (land.start(), land.bytes() / 2);
    let part = |skip: usize, length: usize| {
        NonNull::new(std::ptr::slice_from_raw_parts_mut(
            start.wrapping_add(skip),
            length,
        ))
        .expect("not null")
    };
    // SAFETY: the land outlives the pool, and is used by nobody else.
    let source = unsafe { Buffer::from_raw(part(0, half)) };
    let mut pool: Pool<TwoLevel, SideTags, Buffer> = Pool::new(source);
    assert!(pool.alloc(bytes(half)).is_none(), "records take a little");
    let block = pool.alloc(bytes(half * 9 / 10)).expect("it fits").as_ptr();
    // SAFETY: the block lives.
    unsafe { pool.free(block, None) }.expect("it lives");
    assert_eq!(pool.stats().held_bytes, 0, "the buffer has gone back");
    assert!(pool.alloc(bytes(100)).is_some(), "and comes again");
    drop(pool);
    // SAFETY: as above; the parts are apart.
    let source = unsafe { Buffers::from_raw([part(0, 9_000), part(20_001, 15_000)]) };
    let mut pool: Pool<BestFit, InlineTags, _> = Pool::new(source);
    let large = pool
        .alloc(bytes(10_000))
        .expect("the second is large enough")
        .as_ptr();
    assert!(large.addr() >= start.addr() + 20_001);
    let small = pool
        .alloc(bytes(8_000))
        .expect("the first is left")
        .as_ptr();
    assert!(small.addr() < start.addr() + 9_000);
    pool.verify().expect("a sound pool");
}

thread_local! {
    /// The break of a thread, and how far it may go.
    static BREAK: RefCell<(usize, usize)> = const { RefCell::new((0, 0)) };
}

extern "C" fn sbrk(increment: isize) -> *mut c_void {
    BREAK.with_borrow_mut(|(now, limit)| {
        let old = *now;
        let new = old.wrapping_add_signed(increment);
        if new > *limit {
            return std::ptr::without_provenance_mut(usize::MAX);
        }
        *now = new;
        std::ptr::with_exposed_provenance_mut(old)
    })
}

fn break_now() -> usize {
    BREAK.with_borrow(|(now, _)| *now)
}

/// A break that starts at an odd address of a piece of land.
fn a_break() -> (Land, Break) {
    let land = Land::new(1 << 20, 4096);
    let start = land.start().expose_provenance();
    BREAK.replace((start + 7, start + land.bytes()));
    // SAFETY: `sbrk` keeps the contract.
    (land, unsafe { Break::new(sbrk) })
}

fn break_is_extended_and_lowered<F: Fit, T: Tags>() {
    let (_land, source) = a_break();
    let start = break_now();
    let mut pool: Pool<F, T, Break> = Pool::new(source);
    let blocks: Vec<_> = (0..300)
        .map(|_| {
            let block = pool.alloc(bytes(700)).expect("a block").as_ptr();
            pool.verify().expect("a sound pool");
            block
        })
        .collect();
    assert_eq!(pool.stats().ranges, 1, "the break was extended each time");
    let top = break_now();
    for block in blocks.iter().skip(1).rev() {
        // SAFETY: the block lives.
        unsafe { pool.free(*block, None) }.expect("it lives");
        pool.verify().expect("a sound pool");
    }
    assert!(
        break_now() - start <= 2 * BLOCK,
        "lowered from {top} to {}",
        break_now()
    );
    // SAFETY: the block lives.
    unsafe { pool.free(blocks[0], None) }.expect("it lives");
    assert!(break_now() - start < 16, "at most the odd bytes stay");
}

#[test]
fn the_break_is_extended_and_lowered_again() {
    break_is_extended_and_lowered::<FirstFit, InlineTags>();
    break_is_extended_and_lowered::<TwoLevel, SideTags>();
    break_is_extended_and_lowered::<BestFit, SideTags>();
    break_is_extended_and_lowered::<QuickFit, SideTags>();
}

#[test]
fn others_may_use_the_break_too() {
    let (_land, source) = a_break();
    let mut pool: Pool<TwoLevel, SideTags, Break> = Pool::new(source);
    let low = pool.alloc(bytes(3000)).expect("a block").as_ptr();
    let theirs = sbrk(1001).cast::<u8>();
    // SAFETY: between the two breaks lies memory that nobody else uses.
    unsafe { theirs.write_bytes(0x5a, 1001) };
    let high = pool.alloc(bytes(3000)).expect("a block").as_ptr();
    assert!(high > theirs && pool.stats().ranges == 2);
    let top = break_now();
    // SAFETY: the blocks live.
    unsafe {
        pool.free(low, None).expect("it lives");
        assert_eq!(break_now(), top, "theirs is in the way");
        pool.free(high, None).expect("it lives");
    }
    assert!(break_now() >= theirs.addr() + 1001);
    for at in 0..1001 {
        // SAFETY: theirs, as above.
        assert_eq!(unsafe { theirs.add(at).read() }, 0x5a);
    }
    assert!(pool.alloc(bytes(20_000)).is_some());
    pool.verify().expect("a sound pool");
}

#[test]
fn the_end_of_the_break_refuses_and_loses_nothing() {
    let (_land, source) = a_break();
    let mut pool: Pool<TwoLevel, SideTags, Break> = Pool::new(source);
    assert!(pool.alloc(bytes(2 << 20)).is_none());
    let mut blocks = Vec::new();
    while let Some(block) = pool.alloc(bytes(5000)) {
        blocks.push(block.as_ptr());
    }
    assert!(blocks.len() > 190, "{}", blocks.len());
    pool.verify().expect("a sound pool");
    for block in blocks {
        // SAFETY: the block lives.
        unsafe { pool.free(block, None) }.expect("it lives");
    }
    assert!(pool.alloc(bytes(900_000)).is_some(), "all is there again");
}

/// A script of calls that needs the supplier again and again; how many requests were refused.
fn script<F: Fit, T: Tags, S: BlockSource>(pool: &mut Pool<F, T, S>) -> usize {
    let mut live: Vec<(*mut u8, Layout)> = Vec::new();
    let mut refused = 0;
    for round in 0..60usize {
        let size = [40, 5000, 300, 70_000, 1, 12_000][round % 6] + round;
        let layout = Layout::from_size_align(size, 1 << (round % 14)).expect("a layout");
        match pool.alloc(layout) {
            None => refused += 1,
            Some(block) => {
                // SAFETY: the block has room for the layout.
                unsafe { block.write_bytes(round as u8, size) };
                live.push((block.as_ptr(), layout));
            }
        }
        pool.verify().expect("a sound pool");
        if round % 3 == 2 && !live.is_empty() {
            let (block, layout) = live.swap_remove(round * 7 % live.len());
            // SAFETY: the block lives; its last byte is in it.
            unsafe {
                let last = block.add(layout.size() - 1).read();
                assert_eq!(block.read(), last, "its bytes are as they were");
                pool.free(block, Some(layout)).expect("it lives");
            }
        }
    }
    for (block, layout) in live {
        // SAFETY: the block lives.
        unsafe { pool.free(block, Some(layout)) }.expect("it lives");
    }
    pool.verify().expect("a sound pool");
    pool.trim();
    pool.verify().expect("a sound pool");
    refused
}

/// Spoils every call of the script in turn: what fails is refused, nothing is lost, and later
/// requests succeed.
fn survives<F: Fit, T: Tags, S: BlockSource>(mischief: Mischief, source: impl Fn() -> S) {
    let mut calls = 1;
    let mut from = 0;
    while from < calls {
        for many in [1, 2, usize::MAX] {
            let faulty = Faulty::new(source(), mischief, from, many);
            let mut pool: Pool<F, T, _> = Pool::new(faulty)
                .with_hook(remember)
                .with_single_from(50_000);
            let refused = script(&mut pool);
            calls = calls.max(pool.source().calls());
            assert!(
                refused <= 60 && (many == usize::MAX || refused <= many),
                "{refused}"
            );
            assert_eq!(pool.source().held(), 0, "everything has gone back");
            assert_eq!(pool.stats().held_bytes, 0);
            pool.source_mut().heal();
            assert_eq!(
                script(&mut pool),
                0,
                "a supplier that has recovered is enough"
            );
            assert_eq!(crate::common::remembered(), None);
        }
        from += 1;
    }
    assert!(from > 10, "the script calls the supplier {from} times");
}

#[test]
fn every_failure_at_every_call_is_survived() {
    for mischief in [
        Mischief::Refuse,
        Mischief::Unaligned,
        Mischief::Tiny,
        Mischief::Overlap,
        Mischief::Double,
    ] {
        survives::<FirstFit, InlineTags, _>(mischief, kernel);
        survives::<BestFit, SideTags, _>(mischief, kernel);
        survives::<TwoLevel, SideTags, _>(mischief, || Mmap);
        survives::<TwoLevel, InlineTags, _>(mischief, kernel);
        survives::<QuickFit, SideTags, _>(mischief, kernel);
        survives::<QuickFit, InlineTags, _>(mischief, kernel);
        assert_eq!(given(), 0);
    }
}

#[test]
fn a_break_that_fails_at_every_call_is_survived() {
    let (_land, source) = a_break();
    let start = break_now();
    survives::<TwoLevel, SideTags, _>(Mischief::Refuse, || Split::new(source, Mmap));
    survives::<BestFit, InlineTags, _>(Mischief::Refuse, || Split::new(source, Mmap));
    survives::<QuickFit, SideTags, _>(Mischief::Refuse, || Split::new(source, Mmap));
    assert!(break_now() - start < 16, "the break is where it was");
}
