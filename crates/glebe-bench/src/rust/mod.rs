//! The rows of `glebe bench rust`: what Rust programs do with `Box`, `Vec`, `String` and the
//! collections of the standard library.
//!
//! A row is a *round* that is repeated. It builds something, changes it, checks it and drops all of
//! it. What is checked follows from the contents: a round that computed its objects away, or an
//! allocator that gave the same memory twice, would not pass.

mod boxes;
mod maps;
mod strings;
mod threads;
mod tree;
mod vecs;

use fastrand::Rng;

use crate::pattern::{Load, Pattern, repeat};

/// The rows, in the order of the report.
pub fn rows() -> Vec<Pattern> {
    let families = [
        boxes::rows(),
        vecs::rows(),
        strings::rows(),
        maps::rows(),
        tree::rows(),
        threads::rows(),
    ];
    families.into_iter().flatten().collect()
}

/// Does a round and returns its operations.
type Round = fn(&mut Rng) -> u64;

fn row(name: &str, about: &'static str, ops: u64, round: Round) -> Pattern {
    let make = move |seed| Repeated {
        random: Rng::with_seed(seed),
        round,
    };
    Pattern::new(name, about, ops, make)
}

struct Repeated {
    random: Rng,
    round: Round,
}

impl Load for Repeated {
    fn run(&mut self, ops: u64) -> u64 {
        repeat(ops, || (self.round)(&mut self.random))
    }
}

/// Adds up all values that are put into a structure and subtracts those that are taken out. Then
/// the sum over what is still in there must be the same.
#[derive(Default)]
struct Account(u64);

impl Account {
    fn put(&mut self, value: u64) -> u64 {
        self.0 = self.0.wrapping_add(value);
        value
    }

    fn take(&mut self, value: u64) {
        self.0 = self.0.wrapping_sub(value);
    }

    fn settle(mut self, rest: impl Iterator<Item = u64>) {
        rest.for_each(|value| self.take(value));
        assert_eq!(self.0, 0, "contents were lost");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_row_runs_and_checks_itself() {
        for row in rows() {
            let mut load = row.make(1);
            let done = load.run(1);
            assert!((1..=row.ops / 8).contains(&done), "{}: {done}", row.name);
        }
    }

    #[test]
    #[should_panic = "contents were lost"]
    fn an_account_misses_what_is_lost() {
        let mut account = Account::default();
        account.put(7);
        account.put(8);
        account.settle([8].into_iter());
    }
}
