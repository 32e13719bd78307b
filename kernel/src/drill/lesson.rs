//! The textbook's picture of a fit: four holes, three requests, and where they end up.

use crate::memory::SMALL_PAGES_END;
use crate::say;
use core::alloc::Layout;
use core::ptr::NonNull;
use glebe_pool::{Block, Heap, State};

/// Bytes of the blocks that become holes, in the order of their addresses.
const HOLES: [usize; 4] = [96, 48, 176, 64];

/// Bytes of what is asked for then.
const REQUESTS: [usize; 3] = [64, 48, 80];

fn alloc(heap: &mut dyn Heap, size: usize) -> NonNull<u8> {
    let layout = Layout::from_size_align(size, 16).expect("it is small");
    heap.alloc(layout).expect("there is memory")
}

fn free(heap: &mut dyn Heap, block: NonNull<u8>) {
    // SAFETY: callers give up a live block.
    let outcome = unsafe { heap.free(block.as_ptr(), None) };
    assert_eq!(outcome, Ok(()));
    assert_eq!(heap.verify(), Ok(()));
}

/// Prints a block; addresses count from the first frame.
fn show(block: Block) {
    let at = block.address - SMALL_PAGES_END;
    let state = match block.state {
        State::Live => "live",
        State::Single => "live, alone",
        State::Free => "free",
        State::Torn => "torn",
    };
    match block.place {
        Some(place) => {
            let (list, position) = (place.list, place.position);
            say!(
                "  +{at:#07x} {:>6} {state}, number {position} in list {list}",
                block.usable
            );
        }
        None => say!("  +{at:#07x} {:>6} {state}", block.usable),
    }
}

fn dump(heap: &dyn Heap) {
    heap.walk(&mut show);
    let stats = heap.stats();
    say!(
        "  {} live in {} bytes, {} free in {}, records in {}",
        stats.live_blocks,
        stats.live_bytes,
        stats.free_blocks,
        stats.free_bytes,
        stats.record_bytes
    );
}

pub fn run(heap: &mut dyn Heap) {
    // Between the holes, blocks that stay.
    let blocks = HOLES.map(|size| (alloc(heap, size), alloc(heap, 16)));
    for (hole, _) in blocks {
        free(heap, hole);
    }
    let requested = REQUESTS.map(|size| alloc(heap, size));
    say!("holes of {HOLES:?} bytes, then requests for {REQUESTS:?}:");
    dump(heap);
    let stays = blocks.map(|(_, stay)| stay);
    for block in requested.into_iter().chain(stays) {
        free(heap, block);
    }
}
