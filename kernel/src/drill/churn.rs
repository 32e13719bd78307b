//! A random but repeatable life: blocks of all sizes come, change and go.

use super::checked::{Checked, Held};
use crate::frames::MACHINE;
use crate::say;
use core::alloc::Layout;
use fastrand::Rng;
use glebe_pool::Heap;

const CALLS: usize = 3000;
const PLACES: usize = 96;

/// Mostly small, sometimes up to 64 KiB.
fn size(random: &mut Rng) -> usize {
    match random.u8(..100) {
        0..50 => random.usize(1..=64),
        50..80 => random.usize(1..=512),
        80..98 => random.usize(1..=8 << 10),
        _ => random.usize(1..=64 << 10),
    }
}

/// Of such a size, mostly aligned as words are, sometimes to up to a page.
fn layout(random: &mut Rng) -> Layout {
    let most = if random.u8(..8) == 0 { 12 } else { 3 };
    let align = 1 << random.u32(0..=most);
    Layout::from_size_align(size(random), align).expect("both are small")
}

/// What is done with a place that holds nothing, and with one that holds a block.
fn turn(heap: &mut Checked<'_>, random: &mut Rng, place: &mut Option<Held>) {
    let Some(held) = place else {
        let layout = layout(random);
        let block = match random.bool() {
            true => heap.alloc(layout),
            false => heap.alloc_zeroed(layout),
        };
        assert!(block.is_some(), "there is memory for {layout:?}");
        *place = block;
        return;
    };
    match random.u8(..8) {
        0 => {
            heap.resize(held, size(random));
        }
        1 | 2 => assert!(heap.realloc(held, size(random)), "there is memory"),
        _ => {
            let name_layout = random.bool();
            if let Some(held) = place.take() {
                heap.free(held, name_layout);
            }
        }
    }
}

pub fn run(heap: &mut dyn Heap) {
    let mut heap = Checked::new(heap);
    let mut random = Rng::with_seed(4096);
    let mut places = [const { None }; PLACES];
    while heap.calls() < CALLS {
        let place = random.usize(..PLACES);
        turn(&mut heap, &mut random, &mut places[place]);
    }
    random.shuffle(&mut places);
    for held in places.into_iter().flatten() {
        heap.free(held, true);
    }
    let frames = MACHINE.lock().most_used();
    say!("churn: {} calls, {frames} frames at most", heap.calls());
}
