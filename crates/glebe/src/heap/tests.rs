//! The heap from inside: what the outside cannot arrange or cannot see. Each test may run beside
//! others, so none calls `verify`; `tests/quiet.rs` does. Those that count what a purge returns
//! take turns, for it takes the pages of all threads.

extern crate std;

use super::life::REGISTRY;
use super::{
    Heap, free, free_sized, malloc, memalign, purge, realloc, realloc_with_room, tls, usable_size,
    zalloc,
};
use crate::blocks::system::{BLOCK, faults};
use crate::records::UNIT;
use crate::records::layout::TABLES;
use crate::region::REGION;
use crate::slab::classes::{EXACT, class_of, size_of_class};
use crate::slab::{CLASSES, MAX_SLOT};
use std::sync::mpsc::channel;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use std::vec::Vec;

/// Held by a test while nobody else's purge may take its pages.
fn purges_alone() -> MutexGuard<'static, ()> {
    static PURGES: Mutex<()> = Mutex::new(());
    PURGES.lock().unwrap_or_else(PoisonError::into_inner)
}

fn unit_of(block: *mut u8) -> u32 {
    ((block as usize - TABLES.base()) / UNIT) as u32
}

#[test]
fn every_refused_system_call_is_a_null_pointer_and_no_more() {
    // Far more than is open yet, so each needs at least one call.
    const HUGE: usize = 4 << 30;
    let kept = malloc(100);
    for calls in 0..4 {
        faults::after(Some(calls));
        let blocks: Vec<_> = (0..5).map(|_| malloc(HUGE)).collect();
        faults::after(None);
        assert!(
            blocks.iter().any(|block| block.is_null()),
            "after {calls} calls"
        );
        for block in blocks.into_iter().filter(|block| !block.is_null()) {
            // SAFETY: live, and given up.
            unsafe { free(block) };
        }
        let block = malloc(HUGE);
        assert!(!block.is_null(), "requests succeed again");
        // SAFETY: live, and given up.
        unsafe { free(block) };
        // What lies free now must not serve the next turn.
        HELD.with_borrow_mut(|held| held.extend((0..6).map(|_| malloc(HUGE) as usize)));
    }
    // SAFETY: live, and given up.
    unsafe {
        assert_eq!(usable_size(kept), 112);
        free(kept);
    }
    for block in HELD.take() {
        // SAFETY: live or null, and given up.
        unsafe { free(block as *mut u8) };
    }
}

std::thread_local! {
    static HELD: std::cell::RefCell<Vec<usize>> = const { std::cell::RefCell::new(Vec::new()) };
}

#[test]
fn a_refused_purge_or_move_changes_nothing_but_the_pages() {
    const SHORT: usize = 4 << 20;
    let _turn = purges_alone();
    // Opening land, asking, moving, mapping the target again: each is refused once.
    for calls in 0..4 {
        let block = malloc(SHORT);
        // SAFETY: live and long enough, alone in this test's hands.
        unsafe {
            block.write_bytes(7, SHORT);
            // Something behind it, so that it cannot grow where it stands.
            let behind = malloc(SHORT);
            faults::after(Some(calls));
            let moved = realloc(block, 16 << 20);
            faults::after(None);
            let moved = if moved.is_null() {
                realloc(block, 16 << 20)
            } else {
                moved
            };
            assert!(
                (0..SHORT).all(|n| *moved.add(n) == 7),
                "after {calls} calls"
            );
            free(behind);
            free(moved);
            faults::after(Some(0));
            purge();
            faults::after(None);
            let again = zalloc(SHORT);
            assert!(
                (0..SHORT).all(|n| *again.add(n) == 0),
                "what was not purged is not zero"
            );
            free(again);
        }
    }
}

#[test]
fn empty_pages_of_a_sleeping_thread_go_back_by_themselves_and_its_live_objects_stay() {
    let _turn = purges_alone();
    const COUNT: usize = 2_000;
    const SIZE: usize = 5000;
    let (give, take) = channel::<Vec<usize>>();
    let (wake, sleep) = channel::<()>();
    let filled = |n: usize| {
        let block = malloc(SIZE);
        // SAFETY: live, and that long.
        unsafe { block.write_bytes(n as u8 | 1, SIZE) };
        block as usize
    };
    let sleeper = std::thread::spawn(move || {
        give.send((0..COUNT).map(filled).collect()).unwrap();
        sleep.recv().unwrap();
        (0..COUNT).map(filled).collect::<Vec<_>>()
    });
    let blocks = take.recv().unwrap();
    let (kept, freed): (Vec<_>, Vec<_>) = (0..COUNT).partition(|n| n % 8 == 0);
    for n in freed {
        // SAFETY: live, and given up.
        unsafe { free(blocks[n] as *mut u8) };
    }
    super::publish();
    let purged = || {
        let slabs = kept.iter().map(|&n| unit_of(blocks[n] as *mut u8));
        slabs
            .filter(|&unit| TABLES.land(unit).purged.get() > 1)
            .count()
    };
    (0..3).for_each(|_| super::reap::round_for_test());
    assert!(purged() > kept.len() / 2, "{} of {}", purged(), kept.len());
    wake.send(()).unwrap();
    let more = sleeper.join().unwrap();
    let all = (kept.iter().map(|&n| (n, blocks[n]))).chain(more.into_iter().enumerate());
    for (n, block) in all {
        let block = block as *mut u8;
        // SAFETY: live, and that long; then given up.
        unsafe {
            assert!((0..SIZE).all(|at| *block.add(at) == n as u8 | 1));
            free(block);
        }
    }
}

#[test]
fn pages_of_a_sleeping_thread_go_back_when_others_free_its_objects() {
    let _turn = purges_alone();
    const COUNT: usize = 20_000;
    let (give, take) = channel::<Vec<usize>>();
    let (wake, sleep) = channel::<()>();
    let sleeper = std::thread::spawn(move || {
        give.send((0..COUNT).map(|_| malloc(200) as usize).collect())
            .unwrap();
        sleep.recv().unwrap();
        // Its slabs are whole, and it takes back what was freed.
        let blocks: Vec<_> = (0..COUNT).map(|_| malloc(200)).collect();
        for block in blocks {
            // SAFETY: live, and given up.
            unsafe {
                block.write_bytes(1, 200);
                free(block);
            }
        }
    });
    let blocks = take.recv().unwrap();
    for &block in &blocks {
        // SAFETY: live, and given up.
        unsafe { free(block as *mut u8) };
    }
    assert!(purge() > 0);
    let purged = blocks.iter().filter(|&&block| {
        let record = TABLES.land(unit_of(block as *mut u8));
        record.purged.get() == 1
    });
    // All but the slab where the sleeper's cursor stands.
    assert!(purged.count() >= COUNT - usize::from(crate::slab::words::class(12).slots));
    wake.send(()).unwrap();
    sleeper.join().unwrap();
}

#[test]
fn holes_between_live_objects_are_returned_and_the_objects_stay() {
    let _turn = purges_alone();
    const COUNT: usize = 64 * 200;
    let blocks: Vec<_> = (0..COUNT).map(|_| malloc(1024)).collect();
    for (n, &block) in blocks.iter().enumerate() {
        // SAFETY: live; all but every 50th are given up.
        unsafe {
            block.write_bytes(n as u8, 1024);
            if n % 50 != 0 {
                free(block);
            }
        }
    }
    assert!(purge() > COUNT * 1024 / 2, "most pages hold nothing live");
    for (n, &block) in blocks.iter().enumerate().filter(|(n, _)| n % 50 == 0) {
        // SAFETY: live until now.
        unsafe {
            assert!((0..1024).all(|i| *block.add(i) == n as u8), "object {n}");
            free(block);
        }
    }
}

#[test]
fn a_heap_outlives_its_thread_and_is_lived_on_by_the_next() {
    let heaps: Vec<_> = (0..50)
        .map(|_| {
            std::thread::spawn(|| {
                let block = malloc(50);
                let number = match TABLES.directory(unit_of(block)).get().land() {
                    crate::records::directory::Land::Slab { heap, .. } => heap,
                    land => panic!("{land:?}"),
                };
                // SAFETY: live, and given up.
                unsafe { free(block) };
                number
            })
            .join()
            .unwrap()
        })
        .collect();
    let mut different = heaps.clone();
    different.sort_unstable();
    different.dedup();
    // Other tests' threads may take a parked heap in between.
    assert!(different.len() < heaps.len() / 2, "{heaps:?}");
    let heap = Heap::numbered(heaps[0]);
    assert_eq!(heap.number.get(), heaps[0]);
}

#[test]
fn alignments_up_to_many_mebibytes() {
    for shift in 0..=26 {
        for size in [0, 1, 100, MAX_SLOT, 1 << 20] {
            let block = memalign(1 << shift, size);
            assert!(!block.is_null() && (block as usize).is_multiple_of(1 << shift));
            // SAFETY: live and at least that long, then given up.
            unsafe {
                block.write_bytes(1, size);
                free(block);
            }
        }
    }
    // Such alignments may be refused.
    for shift in 27..31 {
        let block = memalign(1 << shift, 1);
        assert!((block as usize).is_multiple_of(1 << shift));
        // SAFETY: live or null, and given up.
        unsafe { free(block) };
    }
}

unsafe extern "C" {
    fn fork() -> i32;
    fn alarm(seconds: u32) -> u32;
    fn _exit(status: i32) -> !;
    fn waitpid(child: i32, status: *mut i32, options: i32) -> i32;
}

/// Whether `first`, the first call of a child whose parent holds the region's lock, comes back with
/// true.
fn comes_back_in_a_child(first: impl FnOnce() -> bool) -> bool {
    let held = REGION.enter();
    // SAFETY: plain system calls. The child calls `first` and ends.
    unsafe {
        let child = fork();
        if child == 0 {
            alarm(10);
            _exit(i32::from(!first()));
        }
        drop(held);
        let mut status = -1;
        waitpid(child, &mut status, 0) == child && status == 0
    }
}

#[test]
fn a_thread_that_only_frees_gets_a_heap_for_its_outbox() {
    let blocks: Vec<usize> = (0..3).map(|_| malloc(48) as usize).collect();
    std::thread::spawn(move || {
        // The standard library may have allocated on this thread.
        tls::set(&tls::EMPTY);
        // SAFETY: live, and given up.
        blocks
            .iter()
            .for_each(|block| unsafe { free(*block as *mut u8) });
        let heap = tls::heap();
        assert_ne!(heap.number.get(), 0);
        assert_eq!(heap.outbox.verify(heap.number.get()), Ok(()));
    })
    .join()
    .unwrap();
}

#[test]
fn a_child_takes_over_a_heap_that_was_being_made() {
    // So that there is a region, and this thread's heap is not the one.
    let kept = malloc(100);
    let sound = REGISTRY.while_one_is_made(|| {
        comes_back_in_a_child(|| {
            tls::set(&tls::EMPTY);
            [(16, 16), (100, 112)].into_iter().all(|(size, usable)| {
                let block = malloc(size);
                // SAFETY: live or null.
                unsafe { usable_size(block) == usable }
            })
        })
    });
    assert!(sound);
    // SAFETY: live, and given up.
    unsafe { free(kept) };
}

#[test]
fn a_child_does_not_wait_for_a_lock_that_its_parent_held() {
    let (large, small) = (malloc(1 << 20), malloc(100));
    // SAFETY: live in each child anew, and given up there at most once.
    unsafe {
        assert!(comes_back_in_a_child(|| usable_size(large) == 1 << 20));
        assert!(comes_back_in_a_child(|| !realloc(large, 100).is_null()));
        assert!(comes_back_in_a_child(|| !realloc(large, 3 << 20).is_null()));
        assert!(comes_back_in_a_child(|| !realloc(small, 1 << 20).is_null()));
        assert!(comes_back_in_a_child(|| !malloc(1 << 20).is_null()));
        assert!(comes_back_in_a_child(|| !memalign(1 << 20, 1).is_null()));
        assert!(comes_back_in_a_child(|| {
            free(large);
            true
        }));
        assert!(comes_back_in_a_child(|| {
            free_sized(large, 1 << 20);
            true
        }));
        assert!(comes_back_in_a_child(|| {
            purge();
            true
        }));
        assert!(comes_back_in_a_child(|| {
            (0..100_000).all(|_| !malloc(100).is_null())
        }));
        free(large);
        free(small);
    }
}

#[test]
fn small_steps_of_growth_get_room_for_more() {
    let stays = |block: *mut u8, size: usize| {
        // SAFETY: live, and given up for the result.
        unsafe { realloc_with_room(block, size) == block }
    };
    // SAFETY: each block is live and given up for the next.
    unsafe {
        let plain = malloc(100);
        plain.write_bytes(7, 100);
        let roomy = realloc_with_room(plain, 113);
        assert_eq!(usable_size(roomy), 128);
        assert!([128, 114, 65].into_iter().all(|size| stays(roomy, size)));
        assert!((0..65).all(|at| *roomy.add(at) == 7));
        // Others find it by all that is recorded of it.
        let address = roomy as usize;
        let other = std::thread::spawn(move || stays(address as *mut u8, 99));
        assert!(other.join().unwrap());
        let leapt = realloc_with_room(roomy, 1000);
        assert_eq!(usable_size(leapt), 1024);
        let roomy = realloc_with_room(leapt, 1025);
        assert_eq!(usable_size(roomy), 1536);
        assert_eq!(usable_size(realloc(roomy, 1025)), 1536);
        let shrunk = realloc_with_room(roomy, 768);
        assert_eq!(usable_size(shrunk), 768);
        let roomy = realloc_with_room(shrunk, 769);
        assert_eq!(usable_size(roomy), 1024);
        // Any size that the class serves.
        free_sized(roomy, 513);
    }
}

/// Own blocks are found by their row alone, others' by all that is recorded of them.
#[test]
fn a_realloc_keeps_contents_from_any_class_to_any_other() {
    let sizes: Vec<usize> = (0..CLASSES).map(size_of_class).chain([80_000]).collect();
    let filled = |size: usize| {
        let block = malloc(size);
        // SAFETY: at least that long, and ours.
        unsafe { block.write_bytes(size as u8 / 2 + 1, size) };
        block as usize
    };
    let check = |block: usize, from: usize, to: usize| {
        // SAFETY: live, and given up for the result.
        let (same, moved) = unsafe {
            let same = realloc(block as *mut u8, from - 1);
            (same as usize, realloc(same, to))
        };
        assert_eq!(same, block, "{from} bytes stay where they are");
        // SAFETY: live and that long; given up.
        unsafe {
            assert!(usable_size(moved) >= to);
            let kept = core::slice::from_raw_parts(moved, from.min(to));
            assert!(kept.iter().all(|byte| *byte == from as u8 / 2 + 1));
            free(moved);
        }
    };
    for &from in &sizes {
        sizes.iter().for_each(|&to| check(filled(from), from, to));
    }
    let make = move || [16, 48, 1000, 20_000].map(|size| (filled(size), size));
    let others = std::thread::spawn(make).join().unwrap();
    for (block, from) in others {
        check(block, from, 3 * from);
    }
}

/// What a sized free asks of the row.
#[test]
fn a_slab_serves_the_sizes_of_its_class_and_no_others() {
    for class in 0..EXACT {
        let block = malloc(size_of_class(class));
        let row = TABLES.row_at(block as usize).unwrap();
        for size in 0..=MAX_SLOT + 1 {
            let right = (1..=MAX_SLOT).contains(&size) && class_of(size) == class;
            assert_eq!(row.serves(size), right, "{size} by class {class}");
            assert!(!row.serves(size + (1 << 32)));
        }
        // SAFETY: live, of that size, and given up.
        unsafe { free_sized(block, size_of_class(class)) };
    }
}

/// Else one free by another thread would make the owner's slower for good.
#[test]
fn a_mark_goes_when_nobody_else_frees_there_any_more() {
    // SAFETY: live, and given up.
    let release = |block: usize| unsafe { free(block as *mut u8) };
    let owner = std::thread::spawn(move || {
        let mut blocks: Vec<usize> = (0..2000).map(|_| malloc(400) as usize).collect();
        let given = blocks.pop().unwrap();
        // Slabs with room, so that the class does not run out and take its inbox back for that.
        blocks.drain(500..).for_each(release);
        std::thread::spawn(move || release(given)).join().unwrap();
        let entry = TABLES.directory(unit_of(given as *mut u8));
        assert!(entry.get().is_shared());
        for _ in 0..100 {
            for block in &mut blocks {
                release(*block);
                *block = malloc(400) as usize;
            }
        }
        assert!(!entry.get().is_shared());
        blocks.into_iter().for_each(release);
    });
    owner.join().unwrap();
}

/// Another thread has marked a slab's unit and not yet told the owner; meanwhile all its slots have
/// come home by another unit. Two such slabs change places at the end of the list.
#[test]
fn a_heap_is_tidied_while_others_hold_on_to_its_empty_slabs() {
    let (done, wait) = channel();
    let owner = std::thread::spawn(move || {
        let blocks: Vec<*mut u8> = (0..400).map(|_| malloc(3000)).collect();
        let mut units: Vec<u32> = blocks.iter().map(|&block| unit_of(block)).collect();
        units.dedup();
        for cell in units.iter().map(|&unit| TABLES.directory(unit)) {
            assert!(cell.mark_shared(cell.get()));
        }
        for block in blocks {
            // SAFETY: live, and given up.
            unsafe { free(block) };
        }
        tls::heap().tidy();
        let held = units
            .iter()
            .copied()
            .filter(|&unit| TABLES.directory(unit).get().is_shared());
        let held: Vec<u32> = held.collect();
        for &unit in &held {
            super::life::tell_owner(tls::heap().number.get(), class_of(3000), unit);
        }
        tls::heap().tidy();
        done.send((units.len(), held.len())).unwrap();
    });
    let (all, held) = wait
        .recv_timeout(Duration::from_secs(60))
        .expect("tidy comes to an end");
    assert!(all > 4 && held == all, "{held} of {all}");
    owner.join().unwrap();
}

/// Own slots in later units and other heaps' slots are not found by the fast path.
#[test]
fn a_sized_free_by_another_thread_comes_home() {
    let make = || -> Vec<(usize, usize)> {
        let sizes = [16, 100, 5000, 20_000, 30_000, 100_000];
        let all = sizes.iter().cycle().take(1000);
        all.map(|&size| (malloc(size) as usize, size)).collect()
    };
    let others = std::thread::spawn(make);
    for (block, size) in others.join().unwrap().into_iter().chain(make()) {
        // SAFETY: live, of that size, and given up.
        unsafe {
            assert!(usable_size(block as *mut u8) >= size);
            free_sized(block as *mut u8, size);
        }
    }
    let (small, large) = (malloc(100), malloc(1 << 20));
    for (block, size) in [(small, 113), (small, 96), (small, 0), (large, 16)] {
        let dies = || {
            // SAFETY: a child of its own, which is to end by that.
            unsafe { free_sized(block, size) };
            true
        };
        assert!(!comes_back_in_a_child(dies), "{size} is wrong");
    }
    // SAFETY: live, and given up.
    unsafe {
        free(small);
        free(large);
    }
}

/// Not of whole units, which are sixteen times as long.
#[test]
fn large_objects_are_usable_to_the_end_of_their_last_block() {
    for size in [MAX_SLOT + 1, 70_000, 2 * UNIT, 2 * UNIT + 1, 1_000_000] {
        let block = malloc(size);
        // SAFETY: live until freed, by the size it has then; it stays in its last unit.
        unsafe {
            assert_eq!(usable_size(block), size.next_multiple_of(BLOCK));
            block.add(size - 1).write(7);
            let less = (size - 1) / UNIT * UNIT + 1;
            let same = realloc(block, less);
            assert_eq!(
                (same, usable_size(same)),
                (block, less.next_multiple_of(BLOCK))
            );
            free_sized(same, less);
        }
    }
}

#[test]
fn a_child_repairs_the_late_heap() {
    let kept = malloc(100);
    std::thread::spawn(|| {
        let was = tls::heap();
        tls::set(&tls::LATE);
        let block = malloc(500);
        // SAFETY: live, and given up.
        unsafe { free(block) };
        tls::set(was);
    })
    .join()
    .unwrap();
    let held = super::life::LATE_LOCK.lock();
    let sound = comes_back_in_a_child(|| (0..100_000).all(|_| !malloc(100).is_null()));
    drop(held);
    assert!(sound);
    // SAFETY: live, and given up.
    unsafe { free(kept) };
}
