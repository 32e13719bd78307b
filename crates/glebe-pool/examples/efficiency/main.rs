//! How well pools use their land, and what their calls cost, for each fit policy and kind of tags.
//!
//! `cargo run --release -p glebe-pool --example efficiency` prints a table. With the words
//! `pairs POLICY LIVE COUNT` it only replaces random blocks, for counting instructions:
//!
//! ```text
//! valgrind --tool=callgrind --toggle-collect='*counted_*' \
//!     target/release/examples/efficiency pairs two-level-side 300 100000
//! ```

mod measure;

use glebe_pool::{
    BestFit, FirstFit, Fit, InlineTags, Locked, NextFit, NoSource, Pool, QuickFit, SideTags, Tags,
    TwoLevel,
};
use measure::{LARGE, Mix, SMALL};
use std::alloc::{Layout, alloc_zeroed};

/// Pages of the land of every pool here.
const PAGES: usize = 4096;
const RANGE: usize = PAGES * 4096;

/// A lock for one thread that costs a store.
struct NoLock;

// SAFETY: this program has one thread, and no hook or signal handler of it allocates.
unsafe impl lock_api::RawMutex for NoLock {
    const INIT: NoLock = NoLock;
    type GuardMarker = lock_api::GuardNoSend;

    fn lock(&self) {}

    fn try_lock(&self) -> bool {
        true
    }

    unsafe fn unlock(&self) {}
}

type Heap<F, T> = Locked<NoLock, F, T, NoSource>;

/// A pool over fresh land of [`RANGE`] bytes, which it keeps.
fn heap<F: Fit, T: Tags>() -> Heap<F, T> {
    let layout = Layout::from_size_align(RANGE, 4096).expect("a layout");
    let mut pool = Pool::new(NoSource);
    // SAFETY: the layout has a size, and the land is given to this pool alone.
    unsafe {
        let land = alloc_zeroed(layout);
        assert!(!land.is_null(), "16 MiB for the land");
        pool.add(land, RANGE).expect("usable land");
    }
    Locked::new(pool)
}

fn row<F: Fit, T: Tags>(name: &str, rounds: u64) {
    let heap = heap::<F, T>();
    let small = measure::efficiency(&heap, RANGE, SMALL, rounds.min(4));
    let large = measure::efficiency(&heap, RANGE, LARGE, rounds);
    let pages = measure::pages(&heap);
    let pair = measure::pairs(&heap, 300, SMALL, 300_000);
    let many = measure::pairs(&heap, 20_000, SMALL, 300_000);
    let small_action = measure::actions(&heap, SMALL, 5_000, 300_000);
    let large_action = measure::actions(&heap, LARGE, 200, 100_000);
    println!(
        "{name:<18} {:>7.1} {:>7.1} {pages:>6} {pair:>9.1} {many:>9.1} {small_action:>9.1} \
         {large_action:>9.1}",
        small * 100.0,
        large * 100.0,
    );
}

/// Calls `$with::<Fit, Tags>(name, …)` for each policy.
macro_rules! policies {
    ($with:ident($($argument:expr),*)) => {
        policies!(@ $with ($($argument),*)
            "quick-side" QuickFit SideTags, "quick-inline" QuickFit InlineTags,
            "two-level-side" TwoLevel SideTags, "two-level-inline" TwoLevel InlineTags,
            "best-side" BestFit SideTags, "best-inline" BestFit InlineTags,
            "next-side" NextFit SideTags, "next-inline" NextFit InlineTags,
            "first-side" FirstFit SideTags, "first-inline" FirstFit InlineTags)
    };
    (@ $with:ident $arguments:tt $($name:literal $fit:ident $tags:ident),*) => {
        $( policies!(# $with $name $fit $tags $arguments); )*
    };
    (# $with:ident $name:literal $fit:ident $tags:ident ($($argument:expr),*)) => {
        $with::<$fit, $tags>($name, $($argument),*)
    };
}

fn pairs_of<F: Fit, T: Tags>(name: &str, wanted: &str, live: usize, count: usize) {
    if name == wanted {
        let time = measure::pairs(&heap::<F, T>(), live, SMALL, count);
        println!("{name}, {live} live: {time:.1} ns a pair");
    }
}

fn actions_of<F: Fit, T: Tags>(name: &str, wanted: &str, mix: Mix, live: usize, count: usize) {
    if name == wanted {
        let time = measure::actions(&heap::<F, T>(), mix, live, count);
        println!("{name}, about {live} live: {time:.1} ns an action");
    }
}

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let number = |text: &String| text.parse().expect("a number");
    match words.as_slice() {
        [] => {
            println!(
                "{:<18} {:>7} {:>7} {:>6} {:>9} {:>9} {:>9} {:>9}",
                "16 MiB of land",
                "small %",
                "large %",
                "pages",
                "pair 300",
                "pair 20k",
                "small act",
                "large act"
            );
            policies!(row(20));
            println!("pairs of free and alloc and random actions in ns");
        }
        [word, name, live, count] if word == "pairs" => {
            policies!(pairs_of(name, number(live), number(count)));
        }
        [word, name, live, count] if word == "small" => {
            policies!(actions_of(name, SMALL, number(live), number(count)));
        }
        [word, name, live, count] if word == "large" => {
            policies!(actions_of(name, LARGE, number(live), number(count)));
        }
        _ => println!("usage: efficiency [pairs|small|large POLICY LIVE COUNT]"),
    }
}
