//! Any sequence of calls on any policy leaves a sound pool, live blocks apart and their bytes as
//! they were; bad frees in between are refused and change nothing.

use crate::common::{Land, every_policy, remember, remembered};
use glebe_pool::{Fault, Fit, Heap, NoSource, Pool, State, Tags};
use proptest::collection::vec;
use proptest::prelude::*;
use std::alloc::Layout;

#[derive(Clone, Debug)]
enum Call {
    Alloc {
        size: usize,
        align: u32,
    },
    Free {
        which: usize,
        sized: bool,
    },
    Resize {
        which: usize,
        size: usize,
    },
    Realloc {
        which: usize,
        size: usize,
    },
    /// Frees an address that is none: a block's, `offset` bytes on.
    Bad {
        which: usize,
        offset: usize,
    },
}

fn size() -> impl Strategy<Value = usize> {
    prop_oneof![4 => 0..200usize, 2 => 0..2_000usize, 1 => 0..40_000usize]
}

fn call() -> impl Strategy<Value = Call> {
    let which = || 0..1_000usize;
    prop_oneof![
        6 => (size(), prop_oneof![6 => 0..5u32, 1 => 5..21u32])
            .prop_map(|(size, align)| Call::Alloc { size, align }),
        4 => (which(), any::<bool>()).prop_map(|(which, sized)| Call::Free { which, sized }),
        2 => (which(), size()).prop_map(|(which, size)| Call::Resize { which, size }),
        2 => (which(), size()).prop_map(|(which, size)| Call::Realloc { which, size }),
        1 => (which(), 1..300usize).prop_map(|(which, offset)| Call::Bad { which, offset }),
    ]
}

struct Live {
    start: *mut u8,
    layout: Layout,
    fill: u8,
}

impl Live {
    fn fill(&self) {
        // SAFETY: the block lives and has so many bytes.
        unsafe { self.start.write_bytes(self.fill, self.layout.size()) }
    }

    fn check(&self, bytes: usize) {
        for at in 0..bytes.min(self.layout.size()) {
            // SAFETY: the byte lies in the block.
            let byte = unsafe { self.start.add(at).read() };
            assert_eq!(byte, self.fill, "byte {at} of {:?}", self.start);
        }
    }
}

struct Shadow<'a> {
    heap: &'a mut dyn Heap,
    live: Vec<Live>,
    calls: u8,
}

impl Shadow<'_> {
    fn play(&mut self, call: &Call) {
        self.calls = self.calls.wrapping_add(1);
        let count = self.live.len();
        match *call {
            Call::Alloc { size, align } => self.alloc(size, 1 << align),
            _ if count == 0 => {}
            Call::Free { which, sized } => {
                let block = self.live.swap_remove(which % count);
                block.check(usize::MAX);
                let layout = sized.then_some(block.layout);
                // SAFETY: the block lives and is given up.
                unsafe { self.heap.free(block.start, layout) }.expect("a live block is freed");
            }
            Call::Resize { which, size } => self.resize(which % count, size),
            Call::Realloc { which, size } => self.realloc(which % count, size),
            Call::Bad { which, offset } => {
                let start = self.live[which % count].start;
                let address = start.wrapping_add(offset);
                if self.live.iter().all(|live| live.start != address) {
                    // SAFETY: no block lives there, so it is refused.
                    let refused = unsafe { self.heap.free(address, None) };
                    assert_eq!(
                        refused.err(),
                        remembered(),
                        "refused, and the hook was told"
                    );
                }
            }
        }
    }

    fn alloc(&mut self, size: usize, align: usize) {
        let layout = Layout::from_size_align(size, align).expect("a layout");
        let Some(start) = self.heap.alloc(layout) else {
            return;
        };
        let start = start.as_ptr();
        assert!(start.addr().is_multiple_of(align.max(16)));
        assert!(self.heap.usable_size(start).expect("it lives") >= size);
        self.live.push(Live {
            start,
            layout,
            fill: self.calls,
        });
        self.live.last().expect("just pushed").fill();
    }

    fn resize(&mut self, which: usize, size: usize) {
        let block = &mut self.live[which];
        // SAFETY: what is cut off is not used.
        if unsafe { self.heap.resize(block.start, size) }.is_ok() {
            block.check(size);
            block.layout = Layout::from_size_align(size, block.layout.align()).expect("a layout");
            block.fill();
        }
    }

    fn realloc(&mut self, which: usize, size: usize) {
        let block = &mut self.live[which];
        // SAFETY: only the new block is used from here on.
        let moved = unsafe { self.heap.realloc(block.start, Some(block.layout), size) };
        if let Ok(moved) = moved {
            block.start = moved.as_ptr();
            assert!(block.start.addr().is_multiple_of(block.layout.align()));
            block.check(size);
            block.layout = Layout::from_size_align(size, block.layout.align()).expect("a layout");
            block.fill();
        }
    }

    fn check(&self) {
        self.heap.verify().expect("a sound pool");
        let mut walked = Vec::new();
        self.heap.walk(&mut |block| {
            assert_eq!(block.place.is_some(), block.state == State::Free);
            if block.state == State::Live {
                walked.push(block.address);
            }
        });
        let mut known: Vec<_> = self.live.iter().map(|live| live.start.addr()).collect();
        known.sort_unstable();
        assert_eq!(walked, known);
    }
}

fn holds<F: Fit, T: Tags>(calls: &[Call], ranges: usize) {
    let lands: Vec<_> = (0..ranges)
        .map(|_| Land::new(100_000 / ranges, 16))
        .collect();
    let mut pool: Pool<F, T> = Pool::new(NoSource).with_hook(remember);
    for land in &lands {
        land.give(&mut pool);
    }
    let mut shadow = Shadow {
        heap: &mut pool,
        live: Vec::new(),
        calls: 0,
    };
    for call in calls {
        shadow.play(call);
        shadow.check();
    }
    for block in std::mem::take(&mut shadow.live) {
        block.check(usize::MAX);
        // SAFETY: the block lives and is given up.
        unsafe { shadow.heap.free(block.start, Some(block.layout)) }.expect("it lives");
    }
    shadow.check();
    shadow.heap.trim();
    shadow.check();
    let stats = shadow.heap.stats();
    assert_eq!((stats.live_blocks, stats.free_blocks), (0, ranges));
    assert!(!matches!(
        remembered(),
        Some(Fault::TornLink(_) | Fault::TornTag(_))
    ));
}

macro_rules! matrix {
    ($($name:ident: $fit:ty, $tags:ty;)*) => {
        proptest! {
            #![proptest_config(ProptestConfig {
                cases: 64,
                failure_persistence: None,
                ..ProptestConfig::default()
            })]
            $(
                #[test]
                fn $name(calls in vec(call(), 1..400), ranges in 1..4usize) {
                    holds::<$fit, $tags>(&calls, ranges);
                }
            )*
        }
    };
}

every_policy!(matrix! {
    few_classes: glebe_pool::TwoLevel<1>, glebe_pool::SideTags;
});
