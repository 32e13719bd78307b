//! Frees that must be refused: each is told to the hook, named rightly and changes nothing.

use super::hook::faults;
use crate::memory::SMALL_PAGES_END;
use crate::say;
use core::alloc::Layout;
use core::ptr;
use glebe_pool::{Fault, Heap, Unresized};

const SIZE: usize = 100;

fn layout(size: usize) -> Layout {
    Layout::from_size_align(size, 8).expect("it is small")
}

/// Frees, which must be refused with this fault.
fn refuses(heap: &mut dyn Heap, address: usize, named: Option<Layout>, fault: Fault) {
    let before = faults();
    // SAFETY: the call is refused, so nothing is freed; that is what is tested.
    let outcome = unsafe { heap.free(ptr::with_exposed_provenance_mut(address), named) };
    assert_eq!(outcome, Err(fault), "free of {address:#x}");
    was_told(heap, before, fault);
}

/// The hook heard of it once, and all is as it was.
fn was_told(heap: &mut dyn Heap, before: usize, fault: Fault) {
    assert_eq!(faults(), before + 1, "the hook hears of each refusal once");
    assert_eq!(heap.verify(), Ok(()), "a refusal changes nothing");
    say!("refused: {}", fault.words());
}

/// Resizes, which must be refused with this fault.
fn refuses_resize(heap: &mut dyn Heap, address: usize, fault: Fault) {
    let block = ptr::with_exposed_provenance_mut(address);
    let before = faults();
    // SAFETY: as in `refuses`.
    let outcome = unsafe { heap.realloc(block, None, 2 * SIZE) };
    assert_eq!(
        outcome,
        Err(Unresized::Refused(fault)),
        "realloc of {address:#x}"
    );
    was_told(heap, before, fault);
}

pub fn run(heap: &mut dyn Heap) {
    let mut block = || heap.alloc(layout(SIZE)).expect("there is memory").as_ptr();
    let (first, second, third) = (block(), block(), block());
    let at = first.expose_provenance();
    // SAFETY: the block is live and used nowhere.
    assert_eq!(unsafe { heap.free(second, Some(layout(SIZE))) }, Ok(()));

    let twice = second.expose_provenance();
    refuses(heap, twice, None, Fault::DoubleFree(twice));
    refuses(heap, at + 48, None, Fault::Interior(at + 48, at));
    refuses(heap, at + 9, None, Fault::Misaligned(at + 9));
    let on_stack = (&raw const at).expose_provenance();
    refuses(heap, on_stack, None, Fault::Foreign(on_stack));
    let static_byte = SMALL_PAGES_END - 16;
    refuses(heap, static_byte, None, Fault::Foreign(static_byte));
    // The pool's record of a grant is at its end.
    let table = (at | 4095) - 15;
    refuses(heap, table, None, Fault::Table(table));
    let real = heap.usable_size(first).expect("the block is live");
    let wrong = Fault::WrongSize {
        at,
        named: 4 * SIZE,
        real,
    };
    refuses(heap, at, Some(layout(4 * SIZE)), wrong);
    refuses_resize(heap, twice, Fault::DoubleFree(twice));

    for block in [first, third] {
        // SAFETY: the block is live still, and used nowhere.
        assert_eq!(unsafe { heap.free(block, Some(layout(SIZE))) }, Ok(()));
    }
}
