//! The malloc/free patterns of `glebe bench micro`, `stress` and `pools`.
//!
//! A file for each family, those of `stress` alone in a folder; here the list of `micro`. Choices
//! come from the seed: every allocator gets the same requests in the same order.

mod batch;
mod churn;
mod grow;
mod handoff;
pub mod heap;
mod pair;
mod pools;
mod random;
mod sizes;
mod stress;
pub mod table;

use glebe_bench::pattern;
pub use pattern::Pattern;
pub use pools::patterns as pools;
pub use stress::{patterns as stress, short_life};

/// The patterns of `micro`, in the order of the report.
pub fn micro() -> Vec<Pattern> {
    let families = [
        pair::patterns(),
        batch::patterns(),
        random::patterns(),
        handoff::patterns(),
        churn::patterns(),
        grow::patterns(),
    ];
    families.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::arms::Name;

    #[test]
    fn names_are_unique_and_every_load_does_work() {
        let pools = pools(Name::SUBJECT).into_iter();
        let patterns: Vec<_> = micro().into_iter().chain(stress()).chain(pools).collect();
        let mut names: Vec<_> = patterns.iter().map(|pattern| &pattern.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), patterns.len());
        // Sets of millions of live objects are too large for a unit test, and `start` starts the
        // program that it is part of.
        let small = |name: &str| !(name.starts_with("random/") && name.contains('M'));
        let here = |name: &str| small(name) && !name.starts_with("start/");
        for pattern in patterns.iter().filter(|pattern| here(&pattern.name)) {
            let ops = pattern.ops.min(2_000);
            let mut load = pattern.make(7);
            let done = load.run(ops) + load.run(ops);
            assert!(done >= ops, "{}: {done} operations of {ops}", pattern.name);
        }
    }
}
