//! One test alone in its process: what becomes of the pages of large objects that move.

use glebe::raw;
use std::fs;

const SHORT: usize = 4 << 20;
const LONG: usize = 5 << 20;
/// Twice as many as stay mappings of their own when they are freed.
const OBJECTS: usize = 64;

/// Where something is written: a few pages of each object.
fn spots() -> impl Iterator<Item = usize> {
    (0..SHORT).step_by(1 << 20)
}

/// An object that moves because something lies behind it; that, where it stood, and where it is.
fn moved() -> [*mut u8; 3] {
    let (old, behind) = (raw::malloc(SHORT), raw::malloc(SHORT));
    // SAFETY: live and that long; given up for the result.
    let new = unsafe {
        spots().for_each(|at| *old.add(at) = 7);
        raw::realloc(old, LONG)
    };
    assert!(!new.is_null() && new != old);
    // SAFETY: live and that long.
    assert!(spots().all(|at| unsafe { *new.add(at) } == 7));
    [behind, old, new]
}

fn free([behind, _, new]: [*mut u8; 3]) {
    // SAFETY: live, and given up.
    unsafe {
        raw::free(behind);
        raw::free(new);
    }
}

fn mappings() -> usize {
    fs::read_to_string("/proc/self/maps")
        .unwrap()
        .lines()
        .count()
}

#[test]
fn pages_go_along_to_fresh_land_only_and_mappings_stay_few() {
    free(moved());
    // All of this land was used before: what is copied from keeps its pages for the next one.
    let again = moved();
    // SAFETY: nobody has got this land since; it is accessible.
    assert_eq!(unsafe { again[1].read_volatile() }, 7);
    free(again);
    raw::verify().unwrap();

    let before = mappings();
    let objects: Vec<_> = (0..OBJECTS).map(|_| moved()).collect();
    let most = mappings();
    objects.into_iter().for_each(free);
    raw::verify().unwrap();
    let left = mappings();
    // Each was one mapping more, and cut another in two.
    assert!(left < before + OBJECTS * 3 / 2, "{before}, {most}, {left}");
    assert!(raw::purge() > 0);
    raw::verify().unwrap();
    assert_eq!(raw::stats().live_objects, 0);
}
