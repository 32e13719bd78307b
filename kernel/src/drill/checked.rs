//! [`Checked`], a pool of which every call is followed by a walk over all its blocks, and [`Held`],
//! a block whose contents are known.

use core::alloc::Layout;
use core::ptr::NonNull;
use core::slice;
use glebe_pool::{Heap, Unresized};

/// Of a pool; counts the calls.
pub struct Checked<'a> {
    heap: &'a mut dyn Heap,
    calls: usize,
}

/// A live block, filled with words that come of `mark`.
#[derive(Debug)]
pub struct Held {
    block: NonNull<u8>,
    layout: Layout,
    mark: u64,
}

const WORD: usize = size_of::<u64>();

/// Odd and large, so that words differ in all their bytes.
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

impl Held {
    pub fn size(&self) -> usize {
        self.layout.size()
    }

    fn bytes(&mut self, size: usize) -> &mut [u8] {
        // SAFETY: the block is live, has at least its layout's bytes, and is borrowed like this;
        // callers name no more.
        unsafe { slice::from_raw_parts_mut(self.block.as_ptr(), size) }
    }

    fn fill(&mut self) {
        let mut word = self.mark;
        for part in self.bytes(self.size()).chunks_mut(WORD) {
            part.copy_from_slice(&word.to_le_bytes()[..part.len()]);
            word = word.wrapping_add(STEP);
        }
    }

    /// Checks that the first bytes are as they were filled.
    fn check(&mut self, size: usize) {
        let mut word = self.mark;
        let start = self.block;
        for part in self.bytes(size).chunks(WORD) {
            let whole = word.to_le_bytes();
            assert_eq!(
                part,
                &whole[..part.len()],
                "the block at {start:?} was overwritten"
            );
            word = word.wrapping_add(STEP);
        }
    }

    /// It has another size, and perhaps another place: what is left of its contents is checked,
    /// and the rest filled.
    fn become_of(&mut self, block: NonNull<u8>, size: usize) {
        let kept = size.min(self.size());
        self.block = block;
        let layout = Layout::from_size_align(size, self.layout.align());
        self.layout = layout.expect("the pool took the size");
        self.check(kept);
        self.fill();
    }
}

impl Checked<'_> {
    pub fn new(heap: &mut dyn Heap) -> Checked<'_> {
        Checked { heap, calls: 0 }
    }

    pub fn calls(&self) -> usize {
        self.calls
    }

    fn verify(&mut self) {
        self.calls += 1;
        if let Err(broken) = self.heap.verify() {
            panic!("after call {}: {broken}", self.calls);
        }
    }

    /// A block, if there is one.
    pub fn alloc(&mut self, layout: Layout) -> Option<Held> {
        let block = self.heap.alloc(layout);
        self.take(layout, block?)
    }

    /// A block whose bytes are zero, if there is one.
    pub fn alloc_zeroed(&mut self, layout: Layout) -> Option<Held> {
        let block = self.heap.alloc_zeroed(layout)?;
        // SAFETY: the block is live and has these bytes, all of them written.
        let bytes = unsafe { slice::from_raw_parts(block.as_ptr(), layout.size()) };
        assert!(
            bytes.iter().all(|byte| *byte == 0),
            "{block:?} is not zeroed"
        );
        self.take(layout, block)
    }

    fn take(&mut self, layout: Layout, block: NonNull<u8>) -> Option<Held> {
        self.verify();
        assert_eq!(
            block.addr().get() % layout.align(),
            0,
            "{block:?} is not aligned"
        );
        let usable = self.heap.usable_size(block.as_ptr());
        assert!(
            usable.is_ok_and(|usable| usable >= layout.size()),
            "{block:?} is too small"
        );
        let mark = STEP.wrapping_mul(self.calls as u64);
        let mut held = Held {
            block,
            layout,
            mark,
        };
        held.fill();
        Some(held)
    }

    /// Frees a block, naming its layout or not.
    pub fn free(&mut self, mut held: Held, name_layout: bool) {
        held.check(held.size());
        let layout = name_layout.then_some(held.layout);
        // SAFETY: the block is live, and `held` ends here.
        let outcome = unsafe { self.heap.free(held.block.as_ptr(), layout) };
        assert_eq!(outcome, Ok(()));
        self.verify();
    }

    /// Gives a block another size in place, if there is room.
    pub fn resize(&mut self, held: &mut Held, size: usize) -> bool {
        // SAFETY: the block is live; what is cut off is not looked at any more.
        let outcome = unsafe { self.heap.resize(held.block.as_ptr(), size) };
        self.verify();
        self.finish_resize(held, size, outcome.map(|()| held.block))
    }

    /// Gives a block another size, in place or elsewhere, if there is room.
    pub fn realloc(&mut self, held: &mut Held, size: usize) -> bool {
        // SAFETY: the block is live; only the new one is looked at.
        let outcome = unsafe {
            self.heap
                .realloc(held.block.as_ptr(), Some(held.layout), size)
        };
        self.verify();
        self.finish_resize(held, size, outcome)
    }

    fn finish_resize(
        &mut self,
        held: &mut Held,
        size: usize,
        outcome: Result<NonNull<u8>, Unresized>,
    ) -> bool {
        match outcome {
            Ok(block) => {
                assert_eq!(
                    block.addr().get() % held.layout.align(),
                    0,
                    "{block:?}: alignment"
                );
                held.become_of(block, size);
                true
            }
            Err(Unresized::NoRoom) => {
                held.check(held.size());
                false
            }
            Err(Unresized::Refused(fault)) => panic!("refused: {fault}"),
        }
    }
}
