//! The oracle fires: on an allocator with one defect, each of its checks in turn; and on a good one
//! it keeps silent, whatever the stream.

use glebe_trace::fault::Kind;
use glebe_trace::{
    Care, Case, Event, Fault, Mix, Op, Origin, Profile, Stream, Target, abreast, minimise, replay,
    turns,
};
use proptest::prelude::*;
use proptest::test_runner::RngSeed;
use std::alloc::{GlobalAlloc, Layout, System};
use std::ops::ControlFlow;
use std::ptr::null_mut;
use std::sync::Mutex;
use strum::IntoEnumIterator;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Defect {
    None,
    GivesTwice,
    GivesInside,
    IgnoresAlignment,
    TooFewUsable,
    UsableGrows,
    UsableShrinks,
    WritesIntoNeighbour,
    WritesAtPurge,
    DirtyZeroed,
    ForgetsLastByte,
    SpoilsOnFailedRealloc,
    Refuses,
    GrantsAll,
    BrokenRecords,
}

impl Defect {
    fn frees_none(self) -> bool {
        use Defect::{GivesInside, GivesTwice, WritesIntoNeighbour};
        matches!(self, GivesInside | GivesTwice | WritesIntoNeighbour)
    }
}

/// The system's allocator with a defect that shows now and then. What is wrong stays harmless to
/// the test: blocks get slack, one is given twice only for what fits, and a defect that touches the
/// block given last at an allocation frees none, for another thread may have freed that one.
struct Broken {
    defect: Defect,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    calls: usize,
    last: Option<Last>,
}

/// The block given last.
#[derive(Clone, Copy)]
struct Last {
    start: usize,
    /// As it was asked for.
    size: usize,
}

const SLACK: usize = 64;

fn padded(size: usize, align: usize) -> Option<Layout> {
    Layout::from_size_align(size.checked_add(SLACK)?, align.max(16)).ok()
}

impl Broken {
    fn new(defect: Defect) -> Broken {
        Broken {
            defect,
            state: Mutex::default(),
        }
    }

    /// Whether the defect shows in this call.
    fn shows(&self, defect: Defect) -> bool {
        let mut state = self.state.lock().unwrap();
        state.calls += usize::from(self.defect == defect);
        self.defect == defect && state.calls.is_multiple_of(100)
    }

    fn last(&self) -> Option<Last> {
        self.state.lock().unwrap().last
    }

    fn give(&self, size: usize, align: usize) -> *mut u8 {
        if let Some(last) = self.last() {
            let fits = size <= last.size && align <= 16;
            if fits && self.shows(Defect::GivesTwice) {
                return last.start as *mut u8;
            }
            if self.shows(Defect::GivesInside) && size < SLACK / 2 && align <= 16 {
                return (last.start + 16) as *mut u8;
            }
            if self.shows(Defect::WritesIntoNeighbour) {
                // SAFETY: blocks have slack, and this defect frees none.
                unsafe { *(last.start as *mut u8) ^= 0x80 };
            }
        }
        if self.shows(Defect::Refuses) {
            return null_mut();
        }
        let wish = match self.defect {
            Defect::GrantsAll if size > isize::MAX as usize => 1,
            _ => size,
        };
        let Some(layout) = padded(wish, align) else {
            return null_mut();
        };
        // SAFETY: the layout has a size.
        let block = unsafe { GlobalAlloc::alloc(&System, layout) };
        if block.is_null() {
            return block;
        }
        if self.shows(Defect::IgnoresAlignment) {
            return block.wrapping_add(8);
        }
        let start = block as usize;
        self.state.lock().unwrap().last = Some(Last { start, size });
        block
    }
}

impl Target for Broken {
    const KEEPS_ALIGNMENT: bool = true;

    fn alloc(&self, size: usize) -> *mut u8 {
        self.give(size, 16)
    }

    fn zeroed(&self, size: usize) -> *mut u8 {
        let block = self.give(size, 16);
        if !block.is_null() && size < 1 << 40 {
            // SAFETY: the block has that many bytes.
            unsafe { block.write_bytes(0, size) };
            if size > 0 && self.shows(Defect::DirtyZeroed) {
                // SAFETY: as above.
                unsafe { *block.add(size - 1) = 1 };
            }
        }
        block
    }

    fn aligned(&self, align: usize, size: usize) -> *mut u8 {
        self.give(size, align)
    }

    unsafe fn realloc(&self, block: *mut u8, old: Layout, size: usize) -> *mut u8 {
        let fails = size > 1 << 40;
        if fails && self.defect == Defect::SpoilsOnFailedRealloc && old.size() > 0 {
            // SAFETY: the block is live and has a byte.
            unsafe { *block ^= 1 };
        }
        if fails && self.defect != Defect::GrantsAll {
            return null_mut();
        }
        let new = self.give(size, old.align());
        if !new.is_null() && new != block {
            let kept = old.size().min(size);
            let forgets = kept > 0 && self.shows(Defect::ForgetsLastByte);
            // SAFETY: both blocks are at least that long; they may overlap by a defect.
            unsafe {
                new.copy_from(block, kept - usize::from(forgets));
                if forgets {
                    *new.add(kept - 1) = !*block.add(kept - 1);
                }
                self.free(block, old);
            }
        }
        new
    }

    unsafe fn free(&self, block: *mut u8, layout: Layout) {
        let mut state = self.state.lock().unwrap();
        if state.last.is_some_and(|last| last.start == block as usize) {
            state.last = None;
        }
        let layout = padded(layout.size(), layout.align()).unwrap();
        if !self.defect.frees_none() {
            // SAFETY: the caller gives the block up, and it was allocated with the padded layout.
            unsafe { System.dealloc(block, layout) };
        }
    }

    unsafe fn free_sized(&self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { self.free(block, layout) }
    }

    unsafe fn usable_size(&self, _: *mut u8, layout: Layout) -> Option<usize> {
        let size = layout.size();
        match self.defect {
            Defect::TooFewUsable if size > 0 => Some(size - 1),
            Defect::UsableGrows if self.shows(Defect::UsableGrows) => Some(size + 32),
            Defect::UsableShrinks if self.shows(Defect::UsableShrinks) => Some(size),
            _ => Some(size + 16),
        }
    }

    fn purge(&self) {
        if let Some(last) = self.last()
            && self.defect == Defect::WritesAtPurge
        {
            // SAFETY: the block has slack, and threads take turns where something purges.
            unsafe { *(last.start as *mut u8) ^= 1 };
        }
    }

    fn verify(&self) -> Result<(), String> {
        if self.shows(Defect::BrokenRecords) {
            return Err("a count is off".to_owned());
        }
        Ok(())
    }
}

fn ops(profile: &str, count: usize) -> Vec<Op> {
    let profile: Profile = profile.parse().unwrap();
    Stream::new(3, profile).take(count).collect()
}

fn play(defect: Defect, ops: &[Op]) -> Result<(), Box<Fault>> {
    let target = Broken::new(defect);
    replay(&target, ops.iter().copied(), Care::UTMOST, &Origin::List).map(|_| ())
}

#[track_caller]
fn fires(defect: Defect, kind: Kind) {
    let ops = ops("skewed-growth", 20_000);
    let fault = play(defect, &ops).expect_err("the defect shows");
    assert_eq!(fault.wrong.kind(), kind, "{defect:?}: {fault}");
    let (index, op) = fault.op.expect("it shows before the end");
    assert_eq!(op, ops[index as usize]);
    assert_eq!(fault.wrong.address().is_none(), {
        matches!(kind, Kind::Refused | Kind::Records)
    });
}

#[test]
fn a_block_given_twice() {
    fires(Defect::GivesTwice, Kind::Overlap);
}

#[test]
fn a_block_inside_another() {
    fires(Defect::GivesInside, Kind::Overlap);
}

#[test]
fn ignored_alignment() {
    fires(Defect::IgnoresAlignment, Kind::Misaligned);
}

#[test]
fn too_few_usable_bytes() {
    fires(Defect::TooFewUsable, Kind::TooShort);
}

#[test]
fn an_inconstant_usable_size() {
    fires(Defect::UsableGrows, Kind::UsableChanged);
    fires(Defect::UsableShrinks, Kind::UsableChanged);
}

#[test]
fn a_write_into_a_neighbour() {
    fires(Defect::WritesIntoNeighbour, Kind::Clobbered);
}

#[test]
fn a_write_at_purge() {
    fires(Defect::WritesAtPurge, Kind::Clobbered);
}

#[test]
fn calloc_without_zeros() {
    fires(Defect::DirtyZeroed, Kind::NotZeroed);
}

#[test]
fn realloc_that_forgets_a_byte() {
    fires(Defect::ForgetsLastByte, Kind::NotPreserved);
}

#[test]
fn realloc_that_fails_and_spoils() {
    fires(Defect::SpoilsOnFailedRealloc, Kind::Clobbered);
}

#[test]
fn a_refusal_without_need() {
    fires(Defect::Refuses, Kind::Refused);
}

#[test]
fn a_block_that_cannot_be() {
    fires(Defect::GrantsAll, Kind::Impossible);
}

#[test]
fn broken_records() {
    fires(Defect::BrokenRecords, Kind::Records);
}

/// An eager defect, so that no list of ops is needed to get to it.
#[test]
fn a_fault_says_what_where_and_how_to_have_it_again() {
    let again = "glebe-fuzz case --seed 77".to_owned();
    let target = Broken::new(Defect::TooFewUsable);
    let ops = ops("classes-fifo", 500);
    let fault = replay(&target, ops, Care::default(), &Origin::Command(again)).unwrap_err();
    let text = fault.to_string();
    let address = format!("{:#x}", fault.wrong.address().unwrap());
    assert!(
        text.contains("too short") && text.contains(&address),
        "{text}"
    );
    assert!(text.contains("op 0 (") || text.contains("op 1 ("), "{text}");
    assert!(text.contains(" on thread 0"), "{text}");
    assert!(text.ends_with("again: glebe-fuzz case --seed 77"), "{text}");
}

#[test]
fn a_minimised_list_shows_the_same_fault() {
    let ops = ops("skewed-random", 4000);
    let shows = |ops: &[Op]| {
        let found = play(Defect::WritesAtPurge, ops).err();
        ControlFlow::Continue(found.is_some_and(|f| f.wrong.kind() == Kind::Clobbered))
    };
    let short = minimise(&ops, shows);
    assert!(
        matches!(*short, [first, Op::Purge] if first.allocates()),
        "{short:?}"
    );
}

#[test]
fn ops_that_mean_nothing_are_passed_over() {
    let id = 4;
    let list = [
        Op::Free { id },
        Op::Realloc { id, size: 3 },
        Op::Alloc { id, size: 3 },
        Op::Zeroed { id, size: 9 },
        Op::Usable { id: 5 },
    ];
    let summary = replay(&System, list, Care::UTMOST, &Origin::List).unwrap();
    assert_eq!((summary.ops, summary.passed_over), (5, 4));
    assert_eq!(summary.most_live, 1);
}

fn events(threads: u32, count: usize) -> Vec<Event> {
    let ops = Stream::new(5, "skewed-random".parse::<Profile>().unwrap());
    turns::spread(ops, 5, threads).take(count).collect()
}

#[test]
fn threads_at_once_see_what_one_sees() {
    let events = events(3, 20_000);
    let play = |defect| abreast::replay(&Broken::new(defect), &events, &Origin::List);
    // What another thread writes into a block shows wherever its owner looks next.
    let spoilt: &[Kind] = &[Kind::Clobbered, Kind::NotZeroed, Kind::NotPreserved];
    for (defect, kinds) in [
        (Defect::WritesIntoNeighbour, spoilt),
        (Defect::GivesTwice, spoilt),
        (Defect::IgnoresAlignment, &[Kind::Misaligned]),
        (Defect::DirtyZeroed, &[Kind::NotZeroed]),
        (Defect::ForgetsLastByte, &[Kind::NotPreserved]),
        (Defect::UsableGrows, &[Kind::UsableChanged]),
        (Defect::Refuses, &[Kind::Refused]),
    ] {
        let fault = play(defect).unwrap_err();
        assert!(kinds.contains(&fault.wrong.kind()), "{fault}");
        if let Some((index, op)) = fault.op {
            let event = events[index as usize];
            assert_eq!((op, fault.thread), (event.op, event.thread));
        }
    }
    let summary = play(Defect::None).unwrap();
    assert_eq!((summary.ops, summary.passed_over), (20_000, 0));
    assert!(summary.handed_over > 2000, "{summary:?}");
}

#[test]
fn threads_in_turns_see_what_one_sees() {
    let events = events(3, 20_000);
    assert!(
        events.iter().any(|event| event.thread > 5),
        "no thread ended"
    );
    let play = |defect| {
        let target = Broken::new(defect);
        turns::replay(&target, &events, Care::default(), &Origin::List)
    };
    let fault = play(Defect::WritesAtPurge).unwrap_err();
    assert_eq!(fault.wrong.kind(), Kind::Clobbered, "{fault}");
    let (index, op) = fault.op.unwrap();
    let event = events[index as usize];
    assert_eq!((op, fault.thread), (event.op, event.thread));
    let fault = play(Defect::BrokenRecords).unwrap_err();
    assert_eq!(fault.wrong.kind(), Kind::Records, "{fault}");
    assert_eq!(play(Defect::None).unwrap().passed_over, 0);
}

/// What was announced, from the one test that plays bad frees.
static ANNOUNCED: Mutex<Vec<(usize, String)>> = Mutex::new(Vec::new());

fn announce(address: usize, words: &[&str]) {
    ANNOUNCED
        .lock()
        .unwrap()
        .push((address, words.join(" or ")));
}

/// A target on which every free is harmless, for it does none.
struct Lax;

// SAFETY: blocks come from the system's allocator and are never given back.
unsafe impl GlobalAlloc for Lax {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        // SAFETY: the caller's promise.
        unsafe { GlobalAlloc::alloc(&System, layout) }
    }

    unsafe fn dealloc(&self, _: *mut u8, _: Layout) {}
}

#[test]
fn bad_frees_that_are_not_refused() {
    use glebe_trace::bad::{Bad, Way};
    // SAFETY: not kept, for no bad free does anything to this target.
    let care = unsafe { Care::UTMOST.with_bad_frees(announce) };
    let (id, way) = (3, Way::Free);
    let list = |bad, free: bool| -> Vec<Event> {
        let ops = [
            Some(Op::Alloc { id, size: 100 }),
            free.then_some(Op::Free { id }),
            Some(Op::Bad { id, bad, way }),
        ];
        ops.into_iter().flatten().map(Event::from).collect()
    };
    let play = |bad, free, care| turns::replay(&Lax, &list(bad, free), care, &Origin::List);
    for bad in Bad::iter() {
        let stale = bad == Bad::Stale;
        let fault = play(bad, stale, care).unwrap_err();
        let address = fault.wrong.address().unwrap();
        let announced = ANNOUNCED.lock().unwrap().pop().unwrap();
        assert_eq!(announced, (address, bad.words().join(" or ")));
        assert_eq!(fault.wrong.kind(), Kind::Accepted, "{fault}");
        assert_eq!(address % 16 != 0, bad == Bad::Askew, "{fault}");
        // In the wrong state, or without the promise, it means nothing.
        assert_eq!(play(bad, !stale, care).unwrap().passed_over, 1);
        assert_eq!(play(bad, stale, Care::UTMOST).unwrap().passed_over, 1);
    }
    assert_eq!(*ANNOUNCED.lock().unwrap(), []);
}

/// The same cases in every run.
fn config() -> ProptestConfig {
    ProptestConfig {
        cases: 48,
        rng_seed: RngSeed::Fixed(1),
        failure_persistence: None,
        ..ProptestConfig::default()
    }
}

fn profiles() -> impl Strategy<Value = Profile> {
    let all: Vec<Profile> = Profile::all()
        .map(|profile| Profile {
            max_bytes: profile.max_bytes / 16,
            ..profile
        })
        .collect();
    proptest::sample::select(all)
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn silent_on_the_systems_allocator(seed: u64, profile in profiles(), count in 0_usize..3000) {
        let ops = Stream::new(seed, profile).take(count);
        let summary = replay(&System, ops, Care::default(), &Origin::List);
        prop_assert_eq!(summary.map(|s| (s.ops, s.passed_over)), Ok((count as u64, 0)));
    }

    #[test]
    fn silent_on_the_same_with_slack(seed: u64, profile in profiles()) {
        let ops: Vec<Op> = Stream::new(seed, profile).take(500).collect();
        prop_assert_eq!(play(Defect::None, &ops), Ok(()));
    }

    #[test]
    fn any_bytes_are_ops_that_mean_something(bytes in prop::collection::vec(any::<u8>(), 0..2000)) {
        let summary = replay(&System, Stream::from_bytes(&bytes), Care::default(), &Origin::List);
        prop_assert_eq!(summary.map(|s| s.passed_over), Ok(0));
    }

    #[test]
    fn silent_on_every_kind_of_case(
        seed: u64,
        profile in profiles(),
        mix in proptest::sample::select(Mix::iter().collect::<Vec<_>>()),
        threads in 1_u32..4,
    ) {
        let case = Case { mix, seed, profile: profile.on_threads(threads), ops: 600 };
        let summary = case.play(&System, &Origin::List);
        let bad = u64::from(mix == Mix::Bad);
        prop_assert_eq!(summary.map(|s| s.passed_over), Ok(bad));
    }

    /// On which minimisation stands.
    #[test]
    fn any_part_of_a_list_is_a_list(
        seed: u64,
        profile in profiles(),
        keep in prop::collection::vec(any::<bool>(), 400),
    ) {
        let ops = Stream::new(seed, profile).zip(keep).filter(|(_, keep)| *keep);
        let events: Vec<Event> = turns::spread(ops.map(|(op, _)| op), seed, 3).collect();
        let in_turns = turns::replay(&System, &events, Care::default(), &Origin::List);
        let abreast = abreast::replay(&System, &events, &Origin::List);
        let passed_over = |s: glebe_trace::Summary| s.passed_over;
        prop_assert_eq!(in_turns.map(passed_over), abreast.map(passed_over));
    }
}
