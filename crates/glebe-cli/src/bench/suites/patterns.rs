//! The suites whose rows are [`Pattern`]s, run by a worker process of this same executable with the
//! allocator preloaded.

use std::io;

use crate::bench::allocators::Allocator;
use crate::bench::child::{self, Failure};
use crate::bench::patterns::{self, Pattern};
use crate::bench::suite::{Effort, Suite, Task};
use crate::bench::worker::Sample;

/// A quick run does this part of the operations.
const QUICK_SHARE: u64 = 8;

/// See the module's text.
pub struct Patterns {
    name: &'static str,
    rounds: u32,
    patterns: Vec<Pattern>,
}

/// Tight loops. Many short samples: a processor that is shared changes its speed every few
/// seconds.
pub fn micro() -> Patterns {
    Patterns {
        name: "micro",
        rounds: 11,
        patterns: patterns::micro(),
    }
}

/// Patterns after published benchmarks.
pub fn stress() -> Patterns {
    Patterns {
        name: "stress",
        rounds: 7,
        patterns: patterns::stress(),
    }
}

impl Suite for Patterns {
    fn name(&self) -> &'static str {
        self.name
    }

    fn tasks(&self) -> Vec<Task> {
        tasks(&self.patterns)
    }

    fn rounds(&self) -> u32 {
        self.rounds
    }

    fn about(&self) -> &'static str {
        "An operation is one allocation and its free; in growth patterns it is one realloc, in\n\
         threads/* a thread, in start/* a process."
    }

    fn sample(
        &self,
        task: &Task,
        arm: &Allocator,
        effort: Effort,
    ) -> io::Result<Result<Sample, Failure>> {
        let ops = ops(&self.patterns, task, effort);
        child::sample(arm.library.as_deref(), &task.name, ops, effort.seed)
    }
}

/// The rows of a suite whose rows are patterns.
pub fn tasks(patterns: &[Pattern]) -> Vec<Task> {
    let task = |pattern: &Pattern| Task {
        name: pattern.name.clone(),
        about: pattern.about.into(),
    };
    patterns.iter().map(task).collect()
}

/// How many operations of a row a run does.
pub fn ops(patterns: &[Pattern], task: &Task, effort: Effort) -> u64 {
    let pattern = patterns.iter().find(|one| one.name == task.name);
    let ops = pattern.map_or(0, |pattern| pattern.ops);
    if effort.quick { ops / QUICK_SHARE } else { ops }
}
