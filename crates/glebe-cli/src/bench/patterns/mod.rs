//! The malloc/free patterns of `glebe bench micro`.
//!
//! A pattern is a name and a constructor of a [`Load`]. A load does its set-up when it is made,
//! and then `run(ops)` as often as asked, so that the worker can warm up and time the same code.
//! All choices come from the seed: every allocator gets the same requests in the same order.

mod batch;
mod churn;
mod grow;
mod handoff;
mod heap;
mod pair;
mod random;
mod sizes;
mod table;

/// Work that can be repeated.
pub trait Load {
    /// Does about `ops` operations and returns how many it did.
    fn run(&mut self, ops: u64) -> u64;
}

type Make = Box<dyn Fn(u64) -> Box<dyn Load>>;

/// One row of the micro suite.
pub struct Pattern {
    /// `family/parameters`.
    pub name: String,
    /// What it does, for `--list`.
    pub about: &'static str,
    /// Operations in a timed run.
    pub ops: u64,
    make: Make,
}

impl Pattern {
    fn new<L: Load + 'static>(
        name: impl Into<String>,
        about: &'static str,
        ops: u64,
        make: impl Fn(u64) -> L + 'static,
    ) -> Self {
        let make: Make = Box::new(move |seed| Box::new(make(seed)));
        Self {
            name: name.into(),
            about,
            ops,
            make,
        }
    }

    /// Sets the load up.
    pub fn make(&self, seed: u64) -> Box<dyn Load> {
        (self.make)(seed)
    }
}

/// Every pattern, in the order of the report.
pub fn all() -> Vec<Pattern> {
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

    #[test]
    fn names_are_unique_and_every_load_does_work() {
        let patterns = all();
        let mut names: Vec<_> = patterns.iter().map(|pattern| &pattern.name).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), patterns.len());
        // The set with three million live objects is too large for a unit test.
        for pattern in patterns
            .iter()
            .filter(|pattern| pattern.name != "random/3M")
        {
            let ops = pattern.ops.min(2_000);
            let mut load = pattern.make(7);
            let done = load.run(ops) + load.run(ops);
            assert!(done >= ops, "{}: {done} operations of {ops}", pattern.name);
        }
    }
}
