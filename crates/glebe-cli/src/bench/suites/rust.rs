//! The suite of what Rust programs do, each allocator as the `#[global_allocator]` of an executable
//! of its own: calls of the allocator can be inlined and know sizes, as in no preloaded library.
//!
//! The rows are in `glebe-bench`, which the executables are built with; see `peers/rust`.

use std::io;
use std::path::Path;

use anyhow::Result;
use glebe_bench::pattern::Pattern;

use super::patterns;
use crate::bench::allocators::{Absent, Allocator, Ask, Line, Role, SUBJECT};
use crate::bench::child::{self, Failure};
use crate::bench::peers;
use crate::bench::suite::{Effort, Suite, Task};
use crate::bench::worker::Sample;

/// See the module's text.
pub struct Rust {
    rows: Vec<Pattern>,
}

impl Rust {
    /// All rows.
    pub fn new() -> Self {
        Self {
            rows: glebe_bench::rust::rows(),
        }
    }
}

impl Suite for Rust {
    fn name(&self) -> &'static str {
        "rust"
    }

    fn tasks(&self) -> Vec<Task> {
        patterns::tasks(&self.rows)
    }

    fn line(&self, _: &Ask) -> Result<Line> {
        let mut line = Line::default();
        for (name, allocator) in peers::executables() {
            let role = if allocator == SUBJECT {
                Role::Subject
            } else {
                Role::Peer
            };
            match peers::product(name) {
                Some(path) => line.add(allocator, role, Some(path)),
                None => line.absent.push(Absent {
                    name: allocator.into(),
                    remedy: peers::REMEDY.into(),
                }),
            }
        }
        Ok(line)
    }

    fn rounds(&self) -> u32 {
        7
    }

    fn about(&self) -> &'static str {
        "An operation is one object made and dropped, one entry in or out, one node of a tree."
    }

    fn probe(&self, arm: &Allocator) -> io::Result<Result<Option<String>, Failure>> {
        let path = executable(arm);
        let version = || peers::crate_version(path.file_name()?.to_str()?);
        let identity = child::identify_executable(path)?;
        Ok(identity.map(|found| found.version.or_else(version)))
    }

    fn sample(
        &self,
        task: &Task,
        arm: &Allocator,
        effort: Effort,
    ) -> io::Result<Result<Sample, Failure>> {
        let ops = patterns::ops(&self.rows, task, effort);
        child::sample_executable(executable(arm), &task.name, ops, effort.seed)
    }
}

fn executable(arm: &Allocator) -> &Path {
    arm.library.as_deref().unwrap_or(Path::new(&arm.name))
}
