//! Tiny cases by hand: what each path does to slabs and runs, and which lines it touches.

use super::*;
use crate::machine::Name;
use crate::memory::Source;

/// Two threads, on two nodes.
fn lab(policy: Policy) -> (Engine, [Who; 2]) {
    let mut engine = Engine::new(Name::TwoChiplets.machine(), policy, false);
    let threads = [0, 64].map(|core| engine.attach(core));
    (engine, threads)
}

fn lines_from(engine: &Engine, source: Source) -> u64 {
    engine.memory.traffic.lines[source as usize]
}

#[test]
fn a_pair_touches_nothing_that_is_not_its_own() {
    let (mut engine, [mut who, _]) = lab(Policy::Flat);
    let first = engine.malloc(&mut who, 64);
    engine.memory.forget();
    for _ in 0..10 {
        let block = engine.malloc(&mut who, 64);
        engine.free(&who, block);
    }
    // A cursor and a word of A; an entry, a word of A and a count.
    assert_eq!(lines_from(&engine, Source::First), 10 * (2 + 3));
    engine.verify(1).unwrap();
    engine.free(&who, first);
    engine.verify(0).unwrap();
}

#[test]
fn a_block_freed_elsewhere_comes_home() {
    let (mut engine, [mut owner, mut other]) = lab(Policy::Flat);
    let blocks: Vec<Block> = (0..2000).map(|_| engine.malloc(&mut owner, 64)).collect();
    engine.memory.forget();
    for &block in &blocks {
        engine.free(&other, block);
    }
    assert!(lines_from(&engine, Source::Node) > 0);
    engine.verify(0).unwrap();
    // Slabs of the class are full as far as their owner knows; it takes the frees back.
    let (dealt, _) = engine.region.units();
    engine.exit(other);
    other = engine.attach(other.core);
    for _ in 0..2000 {
        engine.malloc(&mut owner, 64);
    }
    assert_eq!(engine.region.units().0, dealt, "no fresh land was needed");
    engine.verify(2000).unwrap();
    engine.exit(other);
    engine.verify(2000).unwrap();
}

#[test]
#[should_panic = "freed twice"]
fn a_second_free_is_refused() {
    let (mut engine, [mut who, _]) = lab(Policy::Flat);
    let block = engine.malloc(&mut who, 64);
    engine.free(&who, block);
    engine.free(&who, block);
}

#[test]
#[should_panic = "freed twice"]
fn so_is_one_by_another_thread_and_by_the_owner() {
    let (mut engine, [mut owner, other]) = lab(Policy::Flat);
    let block = engine.malloc(&mut owner, 64);
    engine.free(&other, block);
    engine.exit(other);
    engine.free(&owner, block);
}

/// What node 1 has freed, node 0 gets, or not.
#[test]
fn runs_are_lent_as_the_policy_says() {
    for (policy, same) in [
        (Policy::Flat, true),
        (Policy::Node, false),
        (Policy::NodeLent, true),
        (Policy::NodeAged, false),
        (Policy::NodePurged, true),
        (Policy::ComplexLent, true),
        (Policy::LargeNode, true),
    ] {
        let (mut engine, [mut near, mut far]) = lab(policy);
        let block = engine.malloc(&mut far, 256 << 10);
        engine.write(far.core, block);
        engine.free(&far, block);
        let next = engine.malloc(&mut near, 256 << 10);
        assert_eq!(next.unit == block.unit, same, "{policy}");
        engine.write(near.core, next);
        let (pages, off) = engine.pages();
        let own_pages = policy == Policy::NodePurged || !same;
        assert_eq!(
            (pages, off),
            (64, if own_pages { 0 } else { 64 }),
            "{policy}"
        );
        engine.verify(1).unwrap();
    }
}

#[test]
fn parked_heaps_are_adopted_as_the_policy_says() {
    for (policy, heap) in [
        (Policy::Flat, 2),
        (Policy::ParkedNear, 0),
        (Policy::ParkedNode, 1),
        (Policy::ParkedComplex, 0),
    ] {
        let mut engine = Engine::new(Name::TwoChiplets.machine(), policy, false);
        // Of the complex, of the node, of the other node; parked in this order.
        let threads = [0, 8, 64].map(|core| engine.attach(core));
        threads.into_iter().for_each(|who| engine.exit(who));
        assert_eq!(engine.attach(1).heap, heap, "{policy}");
        engine.verify(0).unwrap();
    }
}

#[test]
fn strides_keep_the_tables_pages_apart() {
    for (policy, apart) in [(Policy::NodeBoth, false), (Policy::Strides, true)] {
        let (mut engine, threads) = lab(policy);
        let units = threads.map(|mut who| engine.malloc(&mut who, 8192).unit);
        let pages = units.map(|unit| places::entry(unit) / 4096);
        assert_eq!(pages[0] != pages[1], apart, "{policy}");
    }
}
