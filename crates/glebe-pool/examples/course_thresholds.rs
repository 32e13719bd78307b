//! Chapter 7 of the course: `os_malloc`, a heap at the program break and mappings beside it.
//! `docs/course/c/thresholds.c` is the same in C, and prints the same.

use glebe_pool::{BestFit, Break, Heap, InlineTags, Mmap, Pool, SideTags};
use std::alloc::Layout;
use std::ptr::NonNull;

/// What the heap starts with, and from where on a request gets a mapping.
const THRESHOLD: usize = 128 * 1024;
/// From where on a zeroed request gets one.
const PAGE: usize = 4096;

/// A block: who has it may use it. It cannot be copied, and whoever frees it gives it away, so that
/// in Rust no block is freed twice or used after its free.
struct Block(NonNull<u8>);

impl Block {
    fn pointer(&self) -> *mut u8 {
        self.0.as_ptr()
    }
}

/// `os_malloc` and its kin: two pools, and a rule which of them serves a request.
struct Os {
    heap: Pool<BestFit, InlineTags, Break>,
    mappings: Pool<BestFit, SideTags, Mmap>,
    is_set_up: bool,
}

impl Os {
    fn new() -> Os {
        Os {
            heap: Pool::new(Break::of_process()).with_spare(THRESHOLD),
            mappings: Pool::new(Mmap).with_single_from(0),
            is_set_up: false,
        }
    }

    fn layout(size: usize) -> Option<Layout> {
        Layout::from_size_align(size, 16).ok()
    }

    /// Raises the break by the threshold: takes a block nearly so large and frees it.
    fn set_up(&mut self) -> Option<()> {
        if !self.is_set_up {
            self.is_set_up = true;
            let first = self.heap.alloc(Os::layout(THRESHOLD - PAGE)?)?;
            self.free(Block(first));
        }
        Some(())
    }

    fn malloc(&mut self, size: usize) -> Option<Block> {
        if size >= THRESHOLD {
            return self.mappings.alloc(Os::layout(size)?).map(Block);
        }
        self.set_up()?;
        self.heap.alloc(Os::layout(size)?).map(Block)
    }

    fn calloc(&mut self, size: usize) -> Option<Block> {
        if size >= PAGE {
            // Fresh from the system a mapping is all zero.
            return self.mappings.alloc(Os::layout(size)?).map(Block);
        }
        self.set_up()?;
        self.heap.alloc_zeroed(Os::layout(size)?).map(Block)
    }

    /// The heap knows its blocks by their headers; all others are mappings.
    fn is_mapping(&self, block: &Block) -> bool {
        self.heap.usable_size(block.pointer()).is_err()
    }

    fn kind(&self, block: &Block) -> &'static str {
        if self.is_mapping(block) {
            "mapping"
        } else {
            "heap"
        }
    }

    fn usable(&self, block: &Block) -> usize {
        let size = if self.is_mapping(block) {
            self.mappings.usable_size(block.pointer())
        } else {
            self.heap.usable_size(block.pointer())
        };
        size.expect("a block that lives")
    }

    fn free(&mut self, block: Block) {
        let heap: &mut dyn Heap = if self.is_mapping(&block) {
            &mut self.mappings
        } else {
            &mut self.heap
        };
        // SAFETY: the block was given away, so nobody uses it any more.
        let freed = unsafe { heap.free(block.pointer(), None) };
        freed.expect("a block that lives");
    }

    /// The block with another size; the old one if there is no memory.
    fn realloc(&mut self, block: Block, size: usize) -> Result<Block, Block> {
        let usable = self.usable(&block);
        match (self.is_mapping(&block), size >= THRESHOLD) {
            (true, true) if (usable / 2..=usable).contains(&size) => return Ok(block),
            (false, false) => {
                // SAFETY: the block was given away, so nobody uses it any more.
                let moved = unsafe { self.heap.realloc(block.pointer(), None, size) };
                return moved.map(Block).map_err(|_| block);
            }
            _ => {}
        }
        let Some(new) = self.malloc(size) else {
            return Err(block);
        };
        // SAFETY: two blocks that live, of at least so many bytes.
        unsafe { new.0.copy_from_nonoverlapping(block.0, usable.min(size)) };
        self.free(block);
        Ok(new)
    }

    fn heap_kib(&self) -> usize {
        self.heap.stats().granted_bytes / 1024
    }
}

fn first_request(os: &mut Os) {
    println!("-- 7.1 the first request");
    println!("before: {} KiB", os.heap_kib());
    let block = os.malloc(100).expect("memory");
    println!("100 bytes: {} KiB", os.heap_kib());
    let more = os.malloc(50000).expect("memory");
    println!("50000 bytes: {} KiB", os.heap_kib());
    os.free(more);
    os.free(block);
    println!("all freed: {} KiB", os.heap_kib());
}

fn thresholds(os: &mut Os) {
    println!("-- 7.2 heap or mapping");
    for size in [1000, 131_071, 131_072] {
        let block = os.malloc(size).expect("memory");
        println!("os_malloc of {size}: {}", os.kind(&block));
        os.free(block);
    }
    for size in [1000, 4095, 4096] {
        let block = os.calloc(size).expect("memory");
        println!("os_calloc of {size}: {}", os.kind(&block));
        os.free(block);
    }
}

fn shrinking(os: &mut Os) {
    println!("-- 7.3 the heap shrinks at its end");
    let [low, middle, high] = [100_000; 3].map(|size| os.malloc(size).expect("memory"));
    println!("three blocks of 100000: {} KiB", os.heap_kib());
    for (name, block) in [("middle", middle), ("last", high), ("first", low)] {
        os.free(block);
        println!("the {name} one freed: {} KiB", os.heap_kib());
    }
}

fn crossing(os: &mut Os) {
    println!("-- 7.4 across the threshold");
    let mut block = os.malloc(1000).expect("memory");
    // SAFETY: the block has so many bytes.
    unsafe { block.pointer().write_bytes(b'x', 1000) };
    for size in [100_000, 200_000, 150_000, 1000] {
        block = os
            .realloc(block, size)
            .unwrap_or_else(|_| panic!("no memory for {size} bytes"));
        // SAFETY: the block has at least so many bytes, and they were written.
        let kept = unsafe { block.pointer().cast::<[u8; 1000]>().read() };
        assert_eq!(kept, [b'x'; 1000]);
        println!("to {size} bytes: {}", os.kind(&block));
    }
    os.free(block);
}

fn main() {
    let mut os = Os::new();
    first_request(&mut os);
    thresholds(&mut os);
    shrinking(&mut os);
    crossing(&mut os);
}
