//! The suite of real programs: each runs once over a generated input with the allocator preloaded.
//!
//! | file | what it knows |
//! |--|--|
//! | `load`, `stage` | what a row is, and the folder it works in |
//! | `job`, `scripts`, `programs` | programs that run and end |
//! | `generate`, `git`, `inputs/` | what they read |
//! | `server`, `redis`, `postgres` | servers and their clients |
//! | `launch`, `bindings` | starting a program, and proof that its `malloc` is the library's |
//!
//! Before its first sample, a program makes a short run under each library in which the dynamic
//! linker reports what it does: a program whose `malloc` is not the library's is not measured. For
//! the arm of the C library, that library itself is preloaded, since a program may be linked to
//! another allocator (Debian's Redis).

mod bindings;
mod generate;
mod git;
mod job;
mod launch;
mod load;
mod postgres;
mod programs;
mod redis;
mod scripts;
mod server;
mod stage;

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use anyhow::Context;
use tempfile::TempDir;

use crate::bench::allocators::{Absent, Allocator};
use crate::bench::child::{self, Failure};
use crate::bench::suite::{Effort, Suite, Task, Unit};
use crate::bench::worker::Sample;
use launch::Launch;
use load::Load;
use stage::Stage;

/// See the module's text.
pub struct Real {
    loads: Vec<&'static dyn Load>,
    prepared: Option<Prepared>,
}

/// What all runs share.
struct Prepared {
    /// Holds everything below; deleted in the end.
    folder: TempDir,
    stages: BTreeMap<String, Stage>,
    /// The C library's file.
    libc: PathBuf,
    /// Of which rows and libraries it is known whether they go together.
    checked: RefCell<BTreeMap<(String, PathBuf), Result<(), Failure>>>,
}

impl Real {
    /// All rows.
    pub fn new() -> Self {
        let jobs = scripts::JOBS.iter().chain(&programs::JOBS);
        let jobs = jobs.map(|job| job as &dyn Load);
        let servers: [&dyn Load; 2] = [&redis::Redis, &postgres::Postgres];
        Self {
            loads: servers.into_iter().chain(jobs).collect(),
            prepared: None,
        }
    }

    fn load(&self, name: &str) -> io::Result<&'static dyn Load> {
        let mut loads = self.loads.iter();
        let load = loads.find(|load| load.title().name == name);
        load.copied().ok_or_else(|| unknown(name))
    }
}

fn unknown(name: &str) -> io::Error {
    io::Error::other(format!("the row {name} was not prepared"))
}

/// What to install for a row, if anything.
fn remedy(load: &dyn Load) -> Option<String> {
    let title = load.title();
    let mut programs = [title.program]
        .into_iter()
        .chain(title.others.iter().copied());
    programs.find_map(|program| program.find().err())
}

impl Suite for Real {
    fn name(&self) -> &'static str {
        "real"
    }

    fn tasks(&self) -> Vec<Task> {
        let here = self.loads.iter().filter(|load| remedy(**load).is_none());
        let task = |load: &&dyn Load| Task {
            name: load.title().name.into(),
            about: load.title().about.into(),
        };
        here.map(task).collect()
    }

    fn missing(&self) -> Vec<Absent> {
        let absent = |load: &&dyn Load| {
            let name = load.title().name.into();
            remedy(*load).map(|remedy| Absent { name, remedy })
        };
        self.loads.iter().filter_map(absent).collect()
    }

    fn rounds(&self) -> u32 {
        5
    }

    fn quick_rounds(&self) -> u32 {
        1
    }

    fn unit(&self) -> Unit {
        Unit::Milliseconds
    }

    fn about(&self) -> &'static str {
        "An operation is one run. Of several processes the largest counts, of a server's the sum."
    }

    fn prepare(&mut self, chosen: &[Task], effort: Effort) -> anyhow::Result<()> {
        let folder = tempfile::Builder::new().prefix("glebe-bench-").tempdir()?;
        stage::open_to_all(folder.path())?;
        let libc = child::identify(None)??.library;
        let mut stages = BTreeMap::new();
        for task in chosen {
            let mut stage = Stage::new(folder.path(), &task.name, effort)?;
            let prepared = self.load(&task.name)?.prepare(&mut stage, &libc);
            prepared.with_context(|| format!("the row {}", task.name))?;
            stages.insert(task.name.clone(), stage);
        }
        self.prepared = Some(Prepared {
            folder,
            stages,
            libc,
            checked: RefCell::default(),
        });
        Ok(())
    }

    fn sample(
        &self,
        task: &Task,
        arm: &Allocator,
        _effort: Effort,
    ) -> io::Result<Result<Sample, Failure>> {
        let prepared = self.prepared.as_ref().ok_or_else(|| unknown(&task.name))?;
        let stage = prepared.stages.get(&task.name);
        let stage = stage.ok_or_else(|| unknown(&task.name))?;
        let library = prepared.library(arm)?;
        let load = self.load(&task.name)?;
        match prepared.check(load, stage, &library)? {
            Ok(()) => load.run(stage, &library),
            Err(failure) => Ok(Err(failure)),
        }
    }
}

impl Prepared {
    /// The file to preload. A copy: a program that does not run as root could not read a library
    /// in a private folder.
    fn library(&self, arm: &Allocator) -> io::Result<PathBuf> {
        let Some(original) = &arm.library else {
            return Ok(self.libc.clone());
        };
        let folder = self.folder.path().join("libraries").join(&arm.name);
        let copy = folder.join(original.file_name().unwrap_or_default());
        if !copy.exists() {
            fs::create_dir_all(&folder)?;
            fs::copy(original, &copy)?;
            stage::open_to_all(&copy)?;
        }
        Ok(copy)
    }

    /// Whether the program's `malloc` is the library's.
    fn check(
        &self,
        load: &dyn Load,
        stage: &Stage,
        library: &Path,
    ) -> io::Result<Result<(), Failure>> {
        let title = load.title();
        let pair = (title.name.to_owned(), library.to_owned());
        if let Some(known) = self.checked.borrow().get(&pair) {
            return Ok(known.clone());
        }
        let short = Launch {
            arguments: title.short.iter().map(|text| (*text).into()).collect(),
            ..load.launch(stage, library)
        };
        let found = bindings::check(&short)?;
        self.checked.borrow_mut().insert(pair, found.clone());
        Ok(found)
    }
}

#[cfg(test)]
mod tests {
    use super::job::{Expect, Job};
    use super::launch::Program;
    use super::load::Title;
    use super::*;

    static LOST: Job = Job {
        title: Title {
            name: "lost",
            about: "nothing",
            program: Program {
                name: "no-such-program",
                package: "its-package",
            },
            short: &[],
            others: &[],
        },
        size: 1,
        input: |_, _| Ok(()),
        arguments: &[],
        environment: &[],
        expect: Expect::Output(""),
    };

    #[test]
    fn a_row_without_its_program_is_absent_with_a_remedy() {
        let suite = Real {
            loads: vec![&LOST],
            prepared: None,
        };
        assert!(suite.tasks().is_empty());
        let missing = suite.missing();
        assert_eq!(missing[0].name, "lost");
        let remedy = &missing[0].remedy;
        assert!(remedy.contains("apt-get install its-package"), "{remedy}");
    }

    #[test]
    fn every_row_is_either_here_or_missing() {
        let suite = Real::new();
        assert_eq!(
            suite.tasks().len() + suite.missing().len(),
            suite.loads.len()
        );
    }
}
