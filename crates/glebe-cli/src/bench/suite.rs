//! [`Suite`]: what a benchmark suite must know. All else is shared by all suites.

use std::io;

use serde::{Deserialize, Serialize};

use super::allocators::{self, Absent, Allocator, Ask, Line};
use super::child::Failure;
use super::worker::Sample;

/// One row of a suite.
#[derive(Debug, Clone)]
pub struct Task {
    /// `family/parameters`; unique in its suite.
    pub name: String,
    /// What it does, for `--list`.
    pub about: String,
}

/// How a run is to be done.
#[derive(Debug, Clone, Copy)]
pub struct Effort {
    /// Of sizes and choices.
    pub seed: u64,
    /// A short run, for a first look.
    pub quick: bool,
}

/// The unit that times of a suite are shown in. Samples are in nanoseconds always.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Unit {
    /// An operation takes nanoseconds.
    #[serde(rename = "ns")]
    Nanoseconds,
    /// An operation is a whole program.
    #[serde(rename = "ms")]
    Milliseconds,
}

/// Rows, and how to run one of them once under an allocator.
pub trait Suite {
    /// Its name on the command line and in results.
    fn name(&self) -> &'static str;

    /// Its rows, in the order of the report.
    fn tasks(&self) -> Vec<Task>;

    /// Rows that cannot run here.
    fn missing(&self) -> Vec<Absent> {
        Vec::new()
    }

    /// The allocators it compares: the preloaded libraries, unless it says otherwise.
    fn line(&self, ask: &Ask) -> anyhow::Result<Line> {
        allocators::line(ask)
    }

    /// The allocator that ratios are to, if the user names none.
    fn base(&self) -> &'static str {
        "mimalloc3"
    }

    /// Rounds, if the user does not say how many.
    fn rounds(&self) -> u32;

    /// The same for a quick run.
    fn quick_rounds(&self) -> u32 {
        3
    }

    /// The unit of its tables.
    fn unit(&self) -> Unit {
        Unit::Nanoseconds
    }

    /// What an operation is, for the notes under the tables.
    fn about(&self) -> &'static str;

    /// Makes inputs that all runs share. Called once, before the first run.
    fn prepare(&mut self, _chosen: &[Task], _effort: Effort) -> anyhow::Result<()> {
        Ok(())
    }

    /// Checks that `arm` works at all, and asks for its version.
    fn probe(&self, arm: &Allocator) -> io::Result<Result<Option<String>, Failure>> {
        allocators::probe(arm)
    }

    /// Runs one row once.
    fn sample(
        &self,
        task: &Task,
        arm: &Allocator,
        effort: Effort,
    ) -> io::Result<Result<Sample, Failure>>;
}
