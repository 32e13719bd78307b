//! Chapter 1 of the course: blocks from the kernel, and what is cut out of them.
//! `docs/course/c/supplier.c` is the same in C, and prints the same.

use glebe_pool::{BLOCK, BlockSource, Break, FirstFit, InlineTags, Pool, Purpose, Stats, TwoLevel};
use std::alloc::Layout;
use std::num::NonZeroUsize;
use std::ptr::NonNull;

const KERNEL_BLOCKS: usize = 64;

#[repr(C, align(4096))]
struct Memory([[u8; BLOCK]; KERNEL_BLOCKS]);

/// The kernel: a range of blocks, handed out from the bottom, taken back by count.
struct Blocks {
    memory: NonNull<[u8; BLOCK]>,
    asked: usize,
    next_block: usize,
    in_use: usize,
}

impl Blocks {
    fn new() -> Blocks {
        let memory = Box::leak(Box::new(Memory([[0; BLOCK]; KERNEL_BLOCKS])));
        Blocks {
            memory: NonNull::from(&mut memory.0).cast(),
            asked: 0,
            next_block: 0,
            in_use: 0,
        }
    }
}

// SAFETY: the memory was leaked for this value, which gives no block out twice.
unsafe impl BlockSource for Blocks {
    fn grant(&mut self, blocks: NonZeroUsize, _: Purpose) -> Option<NonNull<[u8]>> {
        let n = blocks.get();
        if n > KERNEL_BLOCKS - self.next_block {
            return None;
        }
        // SAFETY: so many blocks follow.
        let grant = unsafe { self.memory.add(self.next_block) };
        self.next_block += n;
        self.in_use += n;
        self.asked += 1;
        Some(NonNull::slice_from_raw_parts(grant.cast(), n * BLOCK))
    }

    unsafe fn release(&mut self, grant: NonNull<[u8]>, _: Purpose) {
        self.in_use -= grant.len() / BLOCK;
        if self.in_use == 0 {
            self.next_block = 0;
        }
    }
}

type Kernel = Pool<FirstFit, InlineTags, Blocks>;

fn take<F, S>(pool: &mut Pool<F, InlineTags, S>, size: usize) -> Option<NonNull<u8>>
where
    F: glebe_pool::Fit,
    S: BlockSource,
{
    pool.alloc(Layout::from_size_align(size, 1).ok()?)
}

fn put_back<F, S>(pool: &mut Pool<F, InlineTags, S>, block: NonNull<u8>)
where
    F: glebe_pool::Fit,
    S: BlockSource,
{
    // SAFETY: no program here reads or writes the blocks it takes.
    let freed = unsafe { pool.free(block.as_ptr(), None) };
    freed.expect("a block that lives");
}

/// Many small requests share a block of the kernel.
fn share() {
    println!("-- 1.1 many requests, few blocks");
    let mut pool = Kernel::new(Blocks::new());
    println!("at the start: blocks {}", pool.source().in_use);
    let mut taken = Vec::new();
    for i in 1..=100 {
        taken.push(take(&mut pool, 100).expect("there is room"));
        if [1, 10, 100].contains(&i) {
            let Blocks { in_use, asked, .. } = pool.source();
            println!("{i} times 100 bytes: blocks {in_use}, asked {asked} times");
        }
    }
    for block in taken.into_iter().rev() {
        put_back(&mut pool, block);
    }
    println!("all freed: blocks {}", pool.source().in_use);
}

/// A request larger than a block gets several in one piece.
fn large() {
    println!("-- 1.2 one request, many blocks");
    for size in [3000, 5000, 20000, 100_000] {
        let mut pool = Kernel::new(Blocks::new());
        take(&mut pool, size).expect("there is room");
        println!("{size} bytes: blocks {}", pool.source().in_use);
    }
    let outcome = take(&mut Kernel::new(Blocks::new()), 300_000);
    let named = if outcome.is_none() { "null" } else { "a block" };
    println!("300000 bytes of 64 blocks: {named}");
}

/// The program break goes up and down again.
fn program_break() {
    println!("-- 1.3 the program break");
    let mut pool: Pool<TwoLevel, InlineTags, Break> = Pool::new(Break::of_process());
    let kib = |stats: Stats| stats.granted_bytes / 1024;
    let mut blocks = Vec::new();
    for i in 1..=3 {
        blocks.push(take(&mut pool, 10000).expect("there is room"));
        println!("block {i} taken: {} KiB", kib(pool.stats()));
    }
    for which in [1, 2, 0] {
        put_back(&mut pool, blocks[which]);
        println!("block {} freed: {} KiB", which + 1, kib(pool.stats()));
    }
}

fn main() {
    share();
    large();
    program_break();
}
