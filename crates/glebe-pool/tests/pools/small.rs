//! Little memory, odd memory, large alignments, many ranges; what holds for all policies.

use crate::common::{Land, remember};
use glebe_pool::{
    BestFit, FirstFit, Fit, Heap, InlineTags, Locked, Mmap, NextFit, NoSource, Pool, QuickFit,
    SideTags, State, Tags, TwoLevel, Unresized, Unusable,
};
use std::alloc::Layout;

fn bytes(size: usize) -> Layout {
    Layout::from_size_align(size, 1).expect("a layout")
}

/// 4 KiB for the pool, its records and its land.
fn four_kilobytes<F: Fit, T: Tags>() {
    let rest = 4096 - size_of::<Pool<F, T>>();
    let land = Land::new(rest, 16);
    let mut pool: Pool<F, T> = Pool::new(NoSource);
    let usable = land.give(&mut pool);
    assert!(usable > rest * 9 / 10 - 128, "{usable} of {rest}");
    let mut count = 0;
    while pool.alloc(bytes(24)).is_some() {
        count += 1;
    }
    assert!(
        count * 48 > usable - 100,
        "{count} blocks of 24 bytes in {usable}"
    );
    pool.verify().expect("a sound pool");
}

#[test]
fn four_kilobytes_are_enough() {
    four_kilobytes::<FirstFit, InlineTags>();
    four_kilobytes::<NextFit, SideTags>();
    four_kilobytes::<BestFit, SideTags>();
    four_kilobytes::<TwoLevel<2>, SideTags>();
    four_kilobytes::<TwoLevel<2>, InlineTags>();
    four_kilobytes::<QuickFit<2>, SideTags>();
    four_kilobytes::<QuickFit<2>, InlineTags>();
}

/// Land of every size and alignment: used or refused, and all of it comes back.
fn any_land<F: Fit, T: Tags>() {
    let land = Land::new(4096, 16);
    for skip in [0, 1, 7, 8, 15] {
        for length in (0..700).chain([2000, 4001]) {
            let mut pool: Pool<F, T> = Pool::new(NoSource);
            let start = land.start().wrapping_add(skip);
            // SAFETY: the land outlives the pool, and no other pool is over it.
            match unsafe { pool.add(start, length) } {
                Ok(usable) => {
                    assert!(usable < length);
                    pool.verify().expect("a sound pool");
                    let all = pool.alloc(bytes(usable)).expect("what it says it has");
                    assert!(pool.alloc(bytes(1)).is_none());
                    // SAFETY: the block lives and has so many bytes.
                    unsafe {
                        all.write_bytes(0xff, usable);
                        pool.verify().expect("a sound pool");
                        pool.free(all.as_ptr(), Some(bytes(usable)))
                            .expect("it lives");
                    }
                    pool.verify().expect("a sound pool");
                }
                Err(why) => assert!(why == Unusable::TooSmall && length < 300, "{length}: {why}"),
            }
        }
    }
}

#[test]
fn land_of_any_size_at_any_address() {
    any_land::<BestFit, SideTags>();
    any_land::<FirstFit, InlineTags>();
    any_land::<QuickFit<1>, SideTags>();
}

#[test]
fn land_that_overlaps_is_refused() {
    let land = Land::new(8192, 16);
    let mut pool: Pool = Pool::new(NoSource);
    let middle = land.start().wrapping_add(2000);
    // SAFETY: the land outlives the pool, and nobody else uses it.
    let mut add = |start: *mut u8, length| unsafe { pool.add(start, length) };
    assert!(add(middle, 4000).is_ok());
    for (skip, length) in [
        (0, 2001),
        (0, 8192),
        (2000, 4000),
        (3000, 500),
        (5999, 2000),
    ] {
        let overlap = add(land.start().wrapping_add(skip), length);
        assert_eq!(overlap, Err(Unusable::Overlap));
    }
    assert_eq!(add(std::ptr::null_mut(), 4096), Err(Unusable::Overlap));
    assert_eq!(add(middle, usize::MAX), Err(Unusable::Overlap));
    assert!(add(land.start(), 2000).is_ok() && add(middle.wrapping_add(4000), 2192).is_ok());
    pool.verify().expect("a sound pool");
}

fn alignments<F: Fit, T: Tags>() {
    let land = Land::new(8 << 20, 16);
    let mut pool: Pool<F, T> = Pool::new(NoSource);
    land.give(&mut pool);
    let mut live = Vec::new();
    for size in [0, 1, 17, 5000] {
        for align in (0..=20).map(|log2| 1 << log2) {
            let layout = Layout::from_size_align(size, align).expect("a layout");
            let block = pool.alloc(layout).expect("room").as_ptr();
            assert!(block.addr().is_multiple_of(align.max(16)));
            live.push((block, layout));
            pool.verify().expect("a sound pool");
        }
        for (block, layout) in live.drain(..) {
            // SAFETY: the block lives.
            unsafe { pool.free(block, Some(layout)) }.expect("it lives");
        }
        pool.trim();
        assert_eq!(pool.stats().free_blocks, 1);
    }
}

#[test]
fn alignments_up_to_a_megabyte() {
    alignments::<FirstFit, InlineTags>();
    alignments::<NextFit, SideTags>();
    alignments::<BestFit, InlineTags>();
    alignments::<TwoLevel, InlineTags>();
    alignments::<TwoLevel, SideTags>();
    alignments::<QuickFit, InlineTags>();
    alignments::<QuickFit, SideTags>();
}

#[test]
fn side_tags_give_aligned_pages_without_waste() {
    let land = Land::new(4096 * 4096, 4096);
    let mut pool: Pool<TwoLevel, SideTags> = Pool::new(NoSource);
    land.give(&mut pool);
    let page = Layout::from_size_align(4096, 4096).expect("a layout");
    let pages = std::iter::from_fn(|| pool.alloc(page)).count();
    assert!(pages >= 4000, "{pages}");
}

fn resizes<F: Fit, T: Tags>() {
    let land = Land::new(1 << 16, 16);
    let mut pool: Pool<F, T> = Pool::new(NoSource).with_hook(remember);
    let usable = land.give(&mut pool);
    let [a, b, c] = [1000, 1000, 1000].map(|size| pool.alloc(bytes(size)).unwrap().as_ptr());
    // SAFETY: the blocks live as the comments say, and each is used with the size it has.
    unsafe {
        assert_eq!(
            pool.resize(a, 1100),
            Err(Unresized::NoRoom),
            "b is in the way"
        );
        pool.free(b, None).expect("it lives");
        pool.resize(a, 1900).expect("into what b was");
        a.write_bytes(7, 1900);
        pool.resize(a, 500).expect("smaller");
        assert_eq!(pool.resize(a, usable), Err(Unresized::NoRoom));
        pool.verify().expect("a sound pool");
        // c cannot grow behind itself; what a has given up lies before it.
        let fence = pool.alloc(bytes(200)).expect("room").as_ptr();
        c.write_bytes(9, 1000);
        let rest = pool.stats().largest_free;
        let filler = pool.alloc(bytes(rest)).expect("room").as_ptr();
        let moved = pool
            .realloc(c, Some(bytes(1000)), 1200)
            .expect("room before")
            .as_ptr();
        assert!(moved < c && (0..1000).all(|at| moved.add(at).read() == 9));
        pool.verify().expect("a sound pool");
        assert!((0..500).all(|at| a.add(at).read() == 7));
        for block in [a, moved, fence, filler] {
            pool.free(block, None).expect("it lives");
        }
    }
    pool.trim();
    assert_eq!(pool.stats().free_bytes, usable);
}

#[test]
fn blocks_grow_into_both_neighbours() {
    resizes::<FirstFit, InlineTags>();
    resizes::<NextFit, SideTags>();
    resizes::<BestFit, InlineTags>();
    resizes::<BestFit, SideTags>();
    resizes::<TwoLevel, InlineTags>();
    resizes::<TwoLevel, SideTags>();
    resizes::<QuickFit, InlineTags>();
    resizes::<QuickFit, SideTags>();
}

/// Shrinks a block among live ones when there is a gap of its new size, and a large one or none.
fn packs<F: Fit, T: Tags>(is_scarce: bool) {
    let size = if is_scarce { 80_000 } else { 8 << 20 };
    let land = Land::new(size, 16);
    let mut pool: Pool<F, T> = Pool::new(NoSource);
    land.give(&mut pool);
    let [gap, _low, large, _high] =
        [2_000, 16, 20_000, 16].map(|size| pool.alloc(bytes(size)).expect("room").as_ptr());
    if is_scarce {
        let rest = pool.stats().largest_free;
        pool.alloc(bytes(rest)).expect("all that is left");
    }
    // SAFETY: the blocks live, and are not used after they are given up.
    unsafe {
        pool.free(gap, None).expect("it lives");
        large.write_bytes(0x5a, 20_000);
        let moved = pool.realloc(large, Some(bytes(20_000)), 1_900);
        let moved = moved.expect("smaller always works").as_ptr();
        assert_eq!(moved, if is_scarce { gap } else { large });
        for at in 0..1_900 {
            assert_eq!(moved.add(at).read(), 0x5a, "byte {at}");
        }
        pool.verify().expect("a sound pool");
        let largest = pool.stats().largest_free;
        assert!(largest >= 20_000, "{largest}");
        // What becomes a little smaller stays.
        let again = pool.realloc(moved, Some(bytes(1_900)), 1_000);
        assert_eq!(again.expect("smaller always works").as_ptr(), moved);
    }
    pool.verify().expect("a sound pool");
}

#[test]
fn blocks_that_become_much_smaller_fill_gaps_when_land_is_scarce() {
    for is_scarce in [false, true] {
        packs::<FirstFit, InlineTags>(is_scarce);
        packs::<NextFit, SideTags>(is_scarce);
        packs::<BestFit, SideTags>(is_scarce);
        packs::<TwoLevel, InlineTags>(is_scarce);
        packs::<TwoLevel, SideTags>(is_scarce);
        packs::<QuickFit, InlineTags>(is_scarce);
        packs::<QuickFit, SideTags>(is_scarce);
    }
}

#[test]
fn next_fit_goes_round_and_first_fit_goes_back() {
    let land = Land::new(1 << 14, 16);
    let mut first: Pool<FirstFit, SideTags> = Pool::new(NoSource);
    land.give(&mut first);
    let a = first.alloc(bytes(64)).expect("room").as_ptr();
    first.alloc(bytes(64)).expect("room");
    // SAFETY: the block lives.
    unsafe { first.free(a, None) }.expect("it lives");
    assert_eq!(first.alloc(bytes(16)).expect("room").as_ptr(), a);
    let land = Land::new(1 << 14, 16);
    let mut next: Pool<NextFit, SideTags> = Pool::new(NoSource);
    land.give(&mut next);
    let a = next.alloc(bytes(64)).expect("room").as_ptr();
    let b = next.alloc(bytes(64)).expect("room").as_ptr();
    // SAFETY: the block lives.
    unsafe { next.free(a, None) }.expect("it lives");
    assert!(next.alloc(bytes(16)).expect("room").as_ptr() > b);
    let rest = next.stats().largest_free;
    next.alloc(bytes(rest)).expect("room");
    assert_eq!(next.alloc(bytes(16)).expect("room").as_ptr(), a, "round");
}

#[test]
fn best_fit_takes_the_smallest() {
    let land = Land::new(1 << 14, 16);
    let mut pool: Pool<BestFit, InlineTags> = Pool::new(NoSource);
    land.give(&mut pool);
    let blocks: Vec<_> = [300, 16, 100, 16, 200, 16]
        .map(|size| pool.alloc(bytes(size)).expect("room").as_ptr())
        .to_vec();
    for block in [blocks[0], blocks[2], blocks[4]] {
        // SAFETY: the block lives.
        unsafe { pool.free(block, None) }.expect("it lives");
    }
    assert_eq!(pool.alloc(bytes(110)).expect("room").as_ptr(), blocks[2]);
    assert_eq!(pool.alloc(bytes(110)).expect("room").as_ptr(), blocks[4]);
    let places: Vec<_> = pool.walk().filter_map(|block| block.place).collect();
    assert_eq!(
        places.len(),
        pool.blocks().filter(|b| b.state == State::Free).count()
    );
}

#[test]
fn heaps_can_be_told_apart_at_run_time() {
    let lands: Vec<_> = (0..2).map(|_| Land::new(8192, 16)).collect();
    let mut first: Pool<FirstFit, InlineTags> = Pool::new(NoSource);
    let mut best: Pool<BestFit, SideTags> = Pool::new(NoSource);
    lands[0].give(&mut first);
    lands[1].give(&mut best);
    let mut heaps: [Box<dyn Heap>; 2] = [Box::new(first), Box::new(best)];
    for heap in &mut heaps {
        let block = heap.alloc(bytes(100)).expect("room").as_ptr();
        assert!(heap.usable_size(block).expect("it lives") >= 100);
        let mut seen = 0;
        heap.walk(&mut |_| seen += 1);
        assert_eq!(seen, 2);
    }
    assert_eq!(heaps[0].policy(), ("first fit", "inline"));
    assert_eq!(heaps[1].policy(), ("best fit", "side"));
}

static SHARED: Locked<spin::Mutex<()>, TwoLevel, SideTags, Mmap> = Locked::new(Pool::new(Mmap));

#[test]
fn a_locked_pool_serves_threads_and_collections() {
    use allocator_api2::vec::Vec;
    std::thread::scope(|scope| {
        for thread in 0..4u8 {
            scope.spawn(move || {
                let mut all: Vec<Vec<u8, _>, _> = Vec::new_in(&SHARED);
                for length in 0..200usize {
                    let mut bytes = Vec::new_in(&SHARED);
                    bytes.resize(length * 3, thread);
                    all.push(bytes);
                }
                all.retain(|bytes| bytes.len() % 2 == 0);
                assert!(all.iter().flatten().all(|byte| *byte == thread));
            });
        }
    });
    SHARED.lock().verify().expect("a sound pool");
    assert_eq!(SHARED.lock().stats().granted_bytes, 0);
}
