//! Bad frees are refused in every variant, told to the hook, and change nothing; so are writes
//! after free and past the end, where the tags can see them.

use crate::common::{Land, every_policy, in_a_process, remember, remembered};
use glebe_pool::{Fault, FirstFit, Fit, InlineTags, NoSource, Pool, State, Tags, TwoLevel};
use std::alloc::Layout;
use std::os::unix::process::ExitStatusExt;

fn bytes(size: usize) -> Layout {
    Layout::from_size_align(size, 1).expect("a layout")
}

fn pool<F: Fit, T: Tags>(land: &Land) -> Pool<F, T> {
    let mut pool = Pool::new(NoSource).with_hook(remember);
    land.give(&mut pool);
    pool
}

/// Frees an address that must be refused; as what.
fn refusal<F: Fit, T: Tags>(pool: &mut Pool<F, T>, address: *mut u8) -> Fault {
    let before: Vec<_> = pool.blocks().collect();
    // SAFETY: to be refused.
    let refused = unsafe { pool.free(address, None) }.expect_err("a bad free is refused");
    assert_eq!(remembered(), Some(refused), "the hook was told");
    assert_eq!(
        before,
        pool.blocks().collect::<Vec<_>>(),
        "nothing has changed"
    );
    pool.verify().expect("a sound pool");
    refused
}

fn free<F: Fit, T: Tags>(pool: &mut Pool<F, T>, block: *mut u8) {
    // SAFETY: callers pass live blocks.
    unsafe { pool.free(block, None) }.expect("it lives");
}

fn refuses<F: Fit, T: Tags>() {
    let land = Land::new(1 << 16, 16);
    let mut pool = pool::<F, T>(&land);
    let [a, b, c, d] = [40, 3000, 16, 500].map(|size| pool.alloc(bytes(size)).unwrap().as_ptr());
    for (block, size) in [(a, 40), (b, 3000), (c, 16), (d, 500)] {
        for offset in (1..size).step_by(7) {
            let inside = block.wrapping_add(offset);
            let fault = refusal(&mut pool, inside);
            let expected = match offset % 16 {
                0 => Fault::Interior(inside.addr(), block.addr()),
                _ => Fault::Misaligned(inside.addr()),
            };
            assert_eq!(fault, expected);
        }
    }
    free(&mut pool, b);
    assert_eq!(refusal(&mut pool, b), Fault::DoubleFree(b.addr()));
    free(&mut pool, c);
    // Both are one block now, which starts at b.
    assert_eq!(refusal(&mut pool, c), Fault::DoubleFree(c.addr()));
    assert_eq!(refusal(&mut pool, b), Fault::DoubleFree(b.addr()));
    free(&mut pool, a);
    assert_eq!(refusal(&mut pool, b), Fault::DoubleFree(b.addr()));
    let mut local = 0u64;
    let foreign = (&raw mut local).cast::<u8>();
    assert_eq!(refusal(&mut pool, foreign), Fault::Foreign(foreign.addr()));
    let null = std::ptr::null_mut();
    assert_eq!(refusal(&mut pool, null), Fault::Foreign(0));
    let below = land.start().wrapping_sub(16);
    assert_eq!(refusal(&mut pool, below), Fault::Foreign(below.addr()));
    let tables = land.start().wrapping_add(land.bytes() - 32);
    assert_eq!(refusal(&mut pool, tables), Fault::Table(tables.addr()));
    // SAFETY: to be refused.
    let refused = unsafe { pool.free(d, Some(bytes(501 + 32))) };
    assert!(
        matches!(refused, Err(Fault::WrongSize { named: 533, .. })),
        "{refused:?}"
    );
    free(&mut pool, d);
    pool.trim();
    assert_eq!(pool.stats().free_blocks, 1);
}

/// Overwrites each byte of the links of free blocks; nothing is lost and nothing crashes.
fn survives_writes_after_free<F: Fit, T: Tags>() {
    let land = Land::new(1 << 16, 16);
    for at in 0..16 {
        let mut pool = pool::<F, T>(&land);
        let blocks: Vec<_> = (0..64)
            .map(|_| pool.alloc(bytes(80)).unwrap().as_ptr())
            .collect();
        for block in blocks.iter().step_by(2) {
            free(&mut pool, *block);
        }
        remembered();
        for block in blocks.iter().step_by(4) {
            // SAFETY: to be noticed.
            unsafe {
                let byte = block.add(at);
                byte.write(!byte.read());
            }
        }
        let mut again: Vec<_> = (0..32)
            .map(|_| pool.alloc(bytes(80)).unwrap().as_ptr())
            .collect();
        for block in blocks.iter().skip(1).step_by(2) {
            free(&mut pool, *block);
        }
        let fault = remembered();
        let noticed = pool.rebuilt() > 0;
        assert!(
            !noticed || matches!(fault, Some(Fault::TornLink(_))),
            "{fault:?}"
        );
        again.sort_unstable();
        again.dedup();
        assert_eq!(again.len(), 32, "no block was handed out twice");
        for block in again {
            free(&mut pool, block);
        }
        // What nobody has looked at may still be torn; making the index anew sees to that.
        assert_eq!(pool.stats().live_blocks, 0);
    }
}

/// Overwrites all links of a free block with zeros or a stray pointer.
fn notices_writes_after_free<F: Fit, T: Tags>(word: usize) {
    let land = Land::new(1 << 16, 16);
    let mut pool = pool::<F, T>(&land);
    let blocks: Vec<_> = (0..9)
        .map(|_| pool.alloc(bytes(80)).unwrap().as_ptr())
        .collect();
    for block in [blocks[1], blocks[3], blocks[5], blocks[7]] {
        free(&mut pool, block);
    }
    for block in [blocks[1], blocks[3], blocks[5], blocks[7]] {
        // SAFETY: to be noticed.
        unsafe { block.cast::<[usize; 2]>().write([word; 2]) };
    }
    free(&mut pool, blocks[2]);
    free(&mut pool, blocks[6]);
    pool.trim();
    let fault = remembered();
    assert!(matches!(fault, Some(Fault::TornLink(_))), "{fault:?}");
    assert!(pool.rebuilt() > 0);
    pool.verify().expect("the index was made anew");
    let free_blocks = pool
        .blocks()
        .filter(|block| block.state == State::Free)
        .count();
    assert_eq!(free_blocks, 3);
}

macro_rules! matrix {
    ($($name:ident: $fit:ty, $tags:ty;)*) => {$(
        #[test]
        fn $name() {
            refuses::<$fit, $tags>();
            survives_writes_after_free::<$fit, $tags>();
            for word in [0, usize::MAX, 0x6161_6161, &raw const word_of_static as usize] {
                notices_writes_after_free::<$fit, $tags>(word);
            }
        }
    )*};
}

#[expect(non_upper_case_globals, reason = "read like a variable")]
static word_of_static: usize = 0;

every_policy!(matrix! {});

#[test]
fn inline_tags_notice_writes_past_the_end_and_before_the_start() {
    let land = Land::new(1 << 14, 16);
    let mut pool = pool::<FirstFit, InlineTags>(&land);
    let [a, b, c] = [48, 48, 48].map(|size| pool.alloc(bytes(size)).unwrap().as_ptr());
    // SAFETY: one past the block lies its footer, in the same land.
    unsafe { a.add(48).write(1) };
    assert_eq!(refusal_of_torn(&mut pool, a), Fault::TornTag(a.addr()));
    // SAFETY: before the block lies its header.
    unsafe { c.sub(3).write(0xee) };
    assert_eq!(refusal_of_torn(&mut pool, c), Fault::TornTag(c.addr()));
    assert!(pool.verify().is_err());
    // Its neighbours are torn, it is not: it is freed, and let lie beside them.
    // SAFETY: the block lives.
    unsafe { pool.free(b, None) }.expect("it lives");
    assert!(matches!(remembered(), Some(Fault::TornTag(_))));
}

fn refusal_of_torn(pool: &mut Pool<FirstFit, InlineTags>, block: *mut u8) -> Fault {
    // SAFETY: to be refused.
    let refused = unsafe { pool.free(block, None) }.expect_err("torn tags are noticed");
    assert_eq!(remembered(), Some(refused));
    refused
}

/// The default hook in a process of its own, which is this test once more.
#[test]
fn the_default_hook_says_a_line_and_aborts() {
    let Some(output) = in_a_process("refused::the_default_hook_says_a_line_and_aborts") else {
        let land = Land::new(4096, 16);
        let mut pool: Pool<TwoLevel<2>> = Pool::new(NoSource);
        land.give(&mut pool);
        let block = pool.alloc(bytes(100)).expect("a block").as_ptr();
        // SAFETY: the first is right, the second ends the process.
        let _ = unsafe { (pool.free(block, None), pool.free(block, None)) };
        std::process::exit(0);
    };
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("glebe: double free of 0x"), "{said}");
    assert_eq!(output.status.signal(), Some(6), "SIGABRT");
}
