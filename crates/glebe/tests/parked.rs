//! Frees into the heap of a thread that has ended. Alone in its process: another thread might take
//! the heap over.

use glebe::raw;

#[test]
fn frees_into_a_parked_heap_are_taken_back_at_once() {
    let thread = std::thread::spawn(|| {
        (0..100_000)
            .map(|n| raw::malloc(16 + n % 500) as usize)
            .collect::<Vec<_>>()
    });
    let blocks = thread.join().unwrap();
    assert_eq!(raw::stats().live_objects, blocks.len());
    assert_eq!(raw::stats().parked_heaps, 1);
    for block in blocks {
        // SAFETY: live, and given up.
        unsafe { raw::free(block as *mut u8) };
    }
    let stats = raw::stats();
    assert_eq!(stats.live_objects, 0);
    // At most one empty slab of each class stays with the heap.
    assert!(stats.slab_bytes <= 40 * 65536, "{stats:?}");
    raw::verify().unwrap();
}
