//! [`Pattern`], a row of a suite: a name and a constructor of a [`Load`].
//!
//! A load does its set-up when it is made, and then `run(ops)` as often as asked, so that the
//! worker can warm up and time the same code.

use serde::{Deserialize, Serialize};

/// How long single calls took, in nanoseconds.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Quantiles {
    /// Calls that were timed.
    pub calls: u64,
    /// Half of them took no longer.
    pub p50: u64,
    /// 99 % took no longer.
    pub p99: u64,
    /// 99.9 % took no longer.
    pub p999: u64,
    /// The longest.
    pub max: u64,
}

impl Quantiles {
    /// From the middle to the longest.
    pub fn rising(&self) -> [u64; 4] {
        [self.p50, self.p99, self.p999, self.max]
    }
}

/// The calls of both kinds.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
pub struct Latency {
    /// Of `malloc`.
    pub malloc: Quantiles,
    /// Of `free`.
    pub free: Quantiles,
}

/// Work that can be repeated.
pub trait Load {
    /// Does about `ops` operations and returns how many it did.
    fn run(&mut self, ops: u64) -> u64;

    /// How long the single calls of the last run took, if they were timed.
    fn latency(&self) -> Option<Latency> {
        None
    }
}

/// Calls `once`, which returns how many operations it did, until they are `ops` or more; how many
/// they are then.
#[inline(always)]
pub fn repeat(ops: u64, mut once: impl FnMut() -> u64) -> u64 {
    let mut done = 0;
    while done < ops {
        done += once();
    }
    done
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
