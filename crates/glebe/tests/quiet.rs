//! One test alone in its process, so that nobody else is inside the allocator when it looks at all
//! of the records.

use glebe::raw;

#[test]
fn the_records_are_whole_after_every_few_operations() {
    let mut random = 88_172_645_463_325_252u64;
    let mut next = move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    let mut blocks: Vec<*mut u8> = Vec::new();
    for turn in 0..20_000 {
        let size = match next() % 20 {
            0 => next() as usize % 200_000,
            1..=4 => next() as usize % 10_000,
            _ => next() as usize % 400,
        };
        if blocks.len() < 500 && next() % 3 != 0 {
            blocks.push(raw::malloc(size));
        } else if let Some(&block) = blocks.get(next() as usize % 500) {
            let index = blocks.iter().position(|&b| b == block).unwrap();
            // SAFETY: live; given up, or replaced by what it became.
            unsafe {
                if next() % 4 == 0 {
                    blocks[index] = raw::realloc(block, size);
                } else {
                    raw::free(blocks.swap_remove(index));
                }
            }
        }
        if turn % 50 == 0 {
            raw::verify().unwrap();
        }
    }
    let live = raw::stats().live_objects;
    assert_eq!(live, blocks.len());
    // SAFETY: live, and given up.
    blocks
        .into_iter()
        .for_each(|block| unsafe { raw::free(block) });
    assert!(raw::purge() > 0);
    raw::verify().unwrap();
    assert_eq!(raw::stats().live_objects, 0);
    assert_eq!(raw::stats().dirty_bytes, 0);
}
