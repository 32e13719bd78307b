//! [`Pattern`], a row of a suite: a name and a constructor of a [`Load`].
//!
//! A load does its set-up when it is made, and then `run(ops)` as often as asked, so that the
//! worker can warm up and time the same code.

/// Work that can be repeated.
pub trait Load {
    /// Does about `ops` operations and returns how many it did.
    fn run(&mut self, ops: u64) -> u64;
}

type Make = Box<dyn Fn(u64) -> Box<dyn Load>>;

/// One row of a suite.
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
    /// A row whose load `make` sets up for a seed.
    pub fn new<L: Load + 'static>(
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
