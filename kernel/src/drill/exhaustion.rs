//! Blocks are taken until the machine's frames are used up, and some more; then all recovers.

use super::checked::{Checked, Held};
use crate::frames::MACHINE;
use crate::say;
use core::alloc::Layout;
use fastrand::Rng;
use glebe_pool::Heap;

const PLACES: usize = 1024;

/// Bytes that are asked for, each until there is no more.
const SIZES: [usize; 6] = [6 << 20, 1 << 20, 60 << 10, 4 << 10, 500, 16];

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size, 16).expect("it is small")
}

/// Takes blocks of a size until there is no more: how many.
fn use_up(heap: &mut Checked<'_>, size: usize, places: &mut [Option<Held>]) -> usize {
    let mut free = places.iter_mut().filter(|place| place.is_none());
    let mut count = 0;
    while let Some(held) = heap.alloc(layout(size)) {
        *free
            .next()
            .expect("there are places enough for what fits into memory") = Some(held);
        count += 1;
    }
    count
}

/// Nothing is to be had, and being refused changes nothing.
fn is_used_up(heap: &mut Checked<'_>, held: &mut Held) {
    let longer = held.size() + (8 << 20);
    assert!(
        !heap.realloc(held, longer) && !heap.resize(held, longer),
        "no room to grow"
    );
    let layouts = [
        layout(16),
        layout(1 << 20),
        layout(isize::MAX as usize - 15),
    ];
    for layout in layouts {
        assert!(heap.alloc(layout).is_none(), "{layout:?}: no room");
        assert!(heap.alloc_zeroed(layout).is_none(), "{layout:?}: no room");
    }
}

pub fn run(heap: &mut dyn Heap) {
    let mut heap = Checked::new(heap);
    let mut places = [const { None }; PLACES];
    let counts = SIZES.map(|size| use_up(&mut heap, size, &mut places));
    let [first, ..] = &mut places;
    let held = first.as_mut().expect("something fitted into memory");
    is_used_up(&mut heap, held);
    let frames = MACHINE.lock().most_used();
    say!("used up: {counts:?} blocks of {SIZES:?} bytes, {frames} frames");

    // What was given up can be had again at once.
    let size = held.size();
    if let Some(held) = first.take() {
        heap.free(held, true);
    }
    *first = heap.alloc(layout(size));
    let held = first.as_mut().expect("there is room where there just was");
    assert!(heap.realloc(held, size / 2), "there is room for less");
    assert!(
        heap.alloc(layout(size / 4))
            .map(|held| heap.free(held, true))
            .is_some(),
        "room"
    );

    Rng::with_seed(61).shuffle(&mut places);
    for held in places.into_iter().flatten() {
        heap.free(held, true);
    }
    say!("recovered: all blocks freed after {} calls", heap.calls());
}
