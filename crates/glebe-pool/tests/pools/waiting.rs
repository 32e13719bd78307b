//! Quick fit: blocks that wait to be joined are free to everyone, and are joined when needed.

use crate::common::{Land, remember, remembered};
use glebe_pool::{
    BLOCK, BlockSource, Fault, InlineTags, Mmap, NoSource, Pool, QuickFit, SideTags, State, Tags,
    Unresized,
};
use std::alloc::Layout;

fn bytes(size: usize) -> Layout {
    Layout::from_size_align(size, 1).expect("a layout")
}

fn pool<T: Tags>(land: &Land) -> Pool<QuickFit, T> {
    let mut pool = Pool::new(NoSource).with_hook(remember);
    land.give(&mut pool);
    pool
}

/// So many blocks in a row, of so many bytes.
fn row<T: Tags, const N: usize>(pool: &mut Pool<QuickFit, T>, size: usize) -> [*mut u8; N] {
    std::array::from_fn(|_| pool.alloc(bytes(size)).expect("room").as_ptr())
}

fn free<T: Tags>(pool: &mut Pool<QuickFit, T>, block: *mut u8) {
    // SAFETY: callers pass live blocks.
    unsafe { pool.free(block, None) }.expect("it lives");
    pool.verify().expect("a sound pool");
}

/// How many blocks wait.
fn waiting<T: Tags>(pool: &Pool<QuickFit, T>) -> usize {
    pool.walk()
        .filter(|block| block.place.is_some_and(|place| place.waits))
        .inspect(|block| assert_eq!(block.state, State::Free))
        .count()
}

fn refuses<T: Tags>(size: usize) {
    let land = Land::new(1 << 19, 16);
    let mut pool = pool::<T>(&land);
    let [a, b, c, d] = row(&mut pool, size);
    for block in [b, c] {
        free(&mut pool, block);
    }
    assert_eq!(waiting(&pool), 2, "neighbours are not joined");
    for at in [b, c, b.wrapping_add(16), b.wrapping_add(1)] {
        if at.addr() >= b.addr() + size && at != c {
            continue;
        }
        // SAFETY: all of these are to be refused.
        unsafe {
            assert_eq!(pool.free(at, None), Err(Fault::DoubleFree(at.addr())));
            let sized = pool.free(at, Some(bytes(size)));
            assert_eq!(sized, Err(Fault::DoubleFree(at.addr())));
            let fault = Fault::DoubleFree(at.addr());
            assert_eq!(pool.realloc(at, None, 40), Err(Unresized::Refused(fault)));
            assert_eq!(pool.resize(at, 1), Err(Unresized::Refused(fault)));
        }
        assert_eq!(remembered(), Some(Fault::DoubleFree(at.addr())));
        assert!(pool.usable_size(at).is_err());
        pool.verify().expect("a sound pool");
    }
    // Its neighbours live on, and are freed as ever.
    free(&mut pool, a);
    free(&mut pool, d);
    assert_eq!((waiting(&pool), remembered()), (4, None));
    let again = pool.alloc(bytes(size)).expect("it waits").as_ptr();
    assert_eq!(again, d, "the last freed first");
    free(&mut pool, again);
    pool.trim();
    assert_eq!((waiting(&pool), pool.stats().free_blocks), (0, 1));
}

#[test]
fn blocks_that_wait_are_refused_as_free() {
    for size in [16, 40, 200, 900, 2000, 5000] {
        refuses::<SideTags>(size);
        refuses::<InlineTags>(size);
    }
}

fn joins_when_nothing_fits<T: Tags>() {
    let land = Land::new(1 << 19, 16);
    let mut pool = pool::<T>(&land);
    let blocks: [_; 16] = row(&mut pool, 100);
    let rest = pool.stats().largest_free;
    pool.alloc(bytes(rest)).expect("all of the rest");
    for block in blocks {
        free(&mut pool, block);
    }
    assert_eq!(waiting(&pool), 16);
    let whole = pool.alloc(bytes(1600)).expect("joined, it fits").as_ptr();
    assert_eq!((whole, waiting(&pool)), (blocks[0], 0));
    pool.verify().expect("a sound pool");
}

fn grows_into_blocks_that_wait<T: Tags>() {
    let land = Land::new(1 << 19, 16);
    let mut pool = pool::<T>(&land);
    let [a, b, c, d] = row(&mut pool, 100);
    for block in [c, b] {
        free(&mut pool, block);
    }
    // SAFETY: the blocks live, and are used with the sizes that they have.
    unsafe {
        a.write_bytes(7, 100);
        pool.resize(a, 330).expect("over both that wait");
        pool.verify().expect("a sound pool");
        assert_eq!(pool.resize(a, 500), Err(Unresized::NoRoom));
        assert!((0..100).all(|at| a.add(at).read() == 7));
    }
    free(&mut pool, a);
    free(&mut pool, d);
    assert_eq!(remembered(), None);
}

#[test]
fn blocks_that_wait_are_joined_when_they_are_needed() {
    joins_when_nothing_fits::<SideTags>();
    joins_when_nothing_fits::<InlineTags>();
    grows_into_blocks_that_wait::<SideTags>();
    grows_into_blocks_that_wait::<InlineTags>();
}

/// Frees so many blocks of these sizes in turn; the most bytes that waited at a time.
fn most_waiting<S: BlockSource>(
    pool: &mut Pool<QuickFit, SideTags, S>,
    sizes: [usize; 2],
) -> usize {
    let block = |at| pool.alloc(bytes(sizes[at % 2])).expect("room").as_ptr();
    let blocks: [_; 1000] = std::array::from_fn(block);
    let mut most = 0;
    for block in blocks {
        // SAFETY: the block lives.
        unsafe { pool.free(block, None) }.expect("it lives");
        let waits = |block: &glebe_pool::Block| block.place.is_some_and(|place| place.waits);
        let sum: usize = pool.walk().filter(waits).map(|block| block.stride).sum();
        most = most.max(sum);
    }
    pool.verify().expect("a sound pool");
    most
}

#[test]
fn no_more_waits_than_a_part_of_the_land() {
    let land = Land::new(1 << 18, 16);
    let mut pool = pool::<SideTags>(&land);
    let most = most_waiting(&mut pool, [200, 100]);
    assert!(most > (1 << 18) / 32, "{most} bytes at most");
    assert!(most <= (1 << 18) / 16 + 208, "{most} bytes at most");
}

#[test]
fn all_that_is_of_one_size_may_wait_if_there_is_no_supplier() {
    let land = Land::new(1 << 18, 16);
    let mut fixed = pool::<SideTags>(&land);
    assert_eq!(most_waiting(&mut fixed, [200, 200]), 1000 * 208);
    // And what is asked for next may have it.
    assert_eq!(most_waiting(&mut fixed, [60, 60]), 1000 * 64);
    fixed.trim();
    let most = most_waiting(&mut fixed, [200, 100]);
    assert!(most <= (1 << 18) / 16 + 208, "{most} bytes at most");

    let mut granted: Pool<QuickFit, SideTags, Mmap> = Pool::new(Mmap);
    let most = most_waiting(&mut granted, [200, 200]);
    assert!(most < 1000 * 208 / 8, "{most} bytes at most");
}

/// Above 1 KiB there is a list for every 32nd of a doubling only.
fn rounds_while_there_is_room<T: Tags>() {
    let land = Land::new(1 << 17, 16);
    let mut pool = pool::<T>(&land);
    let usable = |pool: &Pool<_, _>, block: *mut u8| pool.usable_size(block).expect("it lives");
    let [roomy] = row(&mut pool, 5000);
    let more = usable(&pool, roomy) - 5000;
    assert!((16..=5000 / 32 + 16).contains(&more), "{more} bytes more");
    let [_most, tight] = [90_000, 4960].map(|size| row::<T, 1>(&mut pool, size)[0]);
    assert_eq!(usable(&pool, tight), 4960, "no room to waste");
    // SAFETY: the blocks live, and are used with the sizes that they have.
    unsafe {
        // Less than its size and more than its measure: it stays, and may be freed by either name.
        let same = pool.realloc(tight, Some(bytes(4960)), 4940);
        assert_eq!(same.expect("smaller").as_ptr(), tight);
        pool.free(tight, Some(bytes(4940))).expect("it lives");
        pool.verify().expect("a sound pool");
        let wrong = pool.free(roomy, Some(bytes(4000)));
        assert!(matches!(wrong, Err(Fault::WrongSize { .. })), "{wrong:?}");
        pool.free(roomy, Some(bytes(5000))).expect("it lives");
        assert!(matches!(remembered(), Some(Fault::WrongSize { .. })));
    }
    pool.verify().expect("a sound pool");
    assert_eq!(waiting(&pool), 1, "the one of a measure");
    let again = pool.alloc(bytes(5050)).expect("it waits").as_ptr();
    assert_eq!(again, roomy);
}

#[test]
fn large_requests_are_rounded_while_there_is_room() {
    rounds_while_there_is_room::<SideTags>();
    rounds_while_there_is_room::<InlineTags>();
}

fn notices_a_write_after_free(size: usize) {
    let land = Land::new(1 << 19, 16);
    let mut pool = pool::<SideTags>(&land);
    let [a, b, _c] = row(&mut pool, size);
    for block in [a, b] {
        free(&mut pool, block);
    }
    // SAFETY: to be noticed; the memory is the land's.
    unsafe { b.cast::<usize>().write(0x6161) };
    let block = pool.alloc(bytes(size)).expect("room").as_ptr();
    assert_eq!(remembered(), Some(Fault::TornLink(b.addr())));
    assert_eq!(pool.rebuilt(), 1);
    pool.verify().expect("made anew");
    free(&mut pool, block);
}

#[test]
fn a_write_after_free_is_noticed_when_the_block_is_taken() {
    notices_a_write_after_free(100);
    notices_a_write_after_free(5000);
}

#[test]
fn what_waits_keeps_its_grant_until_a_trim() {
    let mut pool: Pool<QuickFit, SideTags, Mmap> = Pool::new(Mmap);
    let block = pool.alloc(bytes(24)).expect("a block").as_ptr();
    // SAFETY: the block lives.
    unsafe { pool.free(block, None) }.expect("it lives");
    assert_eq!(pool.stats().granted_bytes, BLOCK);
    pool.trim();
    assert_eq!(pool.stats().granted_bytes, 0);
}
