//! One test alone in its process: large objects that lie over several mappings move.

use glebe::raw;

/// Fresh land gets huge pages from 16 MiB on, which is a border of two mappings; an object that
/// moved is one of its own. The system moves pages of one mapping only.
#[test]
fn objects_over_several_mappings_keep_their_contents() {
    const STEPS: usize = 4;
    const FIRST: usize = 32 << 20;
    let every_page = |length: usize| (0..length).step_by(4096);
    let mut object = raw::malloc(FIRST);
    // SAFETY: live and that long.
    every_page(FIRST).for_each(|at| unsafe { *object.add(at) = 1 });
    let mut behind = Vec::new();
    for step in 1..=STEPS {
        // Longer than any free run, so that it lies behind the object.
        behind.push(raw::malloc(FIRST * STEPS * 2));
        // SAFETY: live; given up for the result, which is that long.
        unsafe {
            let (length, old) = (FIRST * (step + 1), object);
            object = raw::realloc(old, length);
            assert!(!object.is_null() && object != old);
            // Nobody has got this land since.
            assert!(step > 1 || old.read_volatile() == 1, "copied");
            // Grows where it stands too: what moved, and what did not, are one object then.
            object = raw::realloc(object, length + (8 << 20));
            assert!(every_page(length - FIRST).all(|at| *object.add(at) == 1));
            every_page(length).for_each(|at| *object.add(at) = 1);
        }
        raw::verify().unwrap();
    }
    behind.push(object);
    // SAFETY: live, and given up.
    behind
        .into_iter()
        .for_each(|block| unsafe { raw::free(block) });
}
