//! [`Load`]: a row of the suite.

use std::io;
use std::path::Path;

use super::launch::{Launch, Program};
use super::stage::Stage;
use crate::bench::child::Failure;
use crate::bench::worker::Sample;

/// What a row is about.
#[derive(Debug, Clone, Copy)]
pub struct Title {
    /// The row's name.
    pub name: &'static str,
    /// What it does, for `--list`.
    pub about: &'static str,
    /// The program that is measured.
    pub program: Program,
    /// Arguments of a short run, in which all its processes are seen.
    pub short: &'static [&'static str],
    /// Programs that are needed beside it.
    pub others: &'static [Program],
}

/// One row.
pub trait Load {
    /// What it is about.
    fn title(&self) -> Title;

    /// Makes the inputs in the row's folder. `libc` is for programs that help with that.
    fn prepare(&self, stage: &mut Stage, libc: &Path) -> io::Result<()>;

    /// Runs the program once, with the library preloaded.
    fn run(&self, stage: &Stage, library: &Path) -> io::Result<Result<Sample, Failure>>;

    /// A start of the measured program.
    fn launch<'a>(&self, stage: &'a Stage, library: &'a Path) -> Launch<'a> {
        Launch {
            stage,
            library,
            program: self.title().program,
            arguments: Vec::new(),
            environment: &[],
            expect: String::new(),
            stop: None,
        }
    }
}
