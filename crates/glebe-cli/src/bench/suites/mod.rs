//! The suites.
//!
//! | file | rows | allocators |
//! |--|--|--|
//! | `patterns` | `micro` and `stress`: patterns in a worker process | preloaded libraries |
//! | `real` | `real`: whole programs with generated inputs | preloaded libraries |
//! | `rust` | `Box`, `Vec`, `String`, maps | `#[global_allocator]` of an executable each |
//! | `pools` | patterns on a fixed range, in a worker process | pools and peers linked in |
//! | `traces` | recordings of programs, played in a worker process | preloaded libraries |

mod patterns;
mod pools;
mod real;
mod rust;
pub mod traces;

use strum::{Display, EnumIter};

use super::suite::Suite;

/// Which suites there are, in the order of the report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumIter, Display)]
#[strum(serialize_all = "lowercase")]
pub enum Name {
    /// Malloc and free patterns, each in a process of its own
    Micro,
    /// Patterns after published benchmarks of allocators, most with several threads
    Stress,
    /// Real programs with generated inputs, from interpreters to databases
    Real,
    /// Rust's own types, with the allocator as `#[global_allocator]`
    Rust,
    /// Allocators for kernels and small systems, over a fixed range
    Pools,
}

impl Name {
    /// The suite of this name.
    pub fn open(self) -> Box<dyn Suite> {
        match self {
            Name::Micro => Box::new(patterns::micro()),
            Name::Stress => Box::new(patterns::stress()),
            Name::Real => Box::new(real::Real::new()),
            Name::Rust => Box::new(rust::Rust::new()),
            Name::Pools => Box::new(pools::Pools),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;
    use strum::IntoEnumIterator;

    #[test]
    fn suites_are_named_as_they_are_called_and_their_rows_are_unique() {
        for name in Name::iter() {
            let suite = name.open();
            assert_eq!(suite.name(), name.to_string());
            let tasks = suite.tasks();
            let names: BTreeSet<_> = tasks.iter().map(|task| &task.name).collect();
            assert_eq!(names.len(), tasks.len(), "{name}");
        }
    }
}
