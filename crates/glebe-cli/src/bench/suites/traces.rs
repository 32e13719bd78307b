//! The suite whose rows are recordings of programs, see [`traces`](crate::bench::traces).

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail};
use glebe_trace::recording;
use tempfile::TempDir;

use crate::bench::allocators::Allocator;
use crate::bench::child::{self, Failure};
use crate::bench::rounds;
use crate::bench::suite::{Effort, Suite, Task};
use crate::bench::traces::ENDING;
use crate::bench::traces::make;
use crate::bench::traces::plan::Plan;
use crate::bench::worker::Sample;

/// Arguments of `glebe bench traces`.
#[derive(clap::Args, Debug)]
#[group(id = "traces")]
pub struct Args {
    /// Recordings, or folders with some
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Record a dozen programs of this machine into the folder that is named, and play nothing
    #[arg(long)]
    make: bool,
    #[command(flatten)]
    rounds: rounds::Args,
}

/// Runs the suite.
pub fn run(args: &Args) -> Result<ExitCode> {
    match args.files.as_slice() {
        [folder] if args.make => make::run(folder),
        _ if args.make => bail!("--make needs one folder to write into"),
        files => play(files, &args.rounds),
    }
}

/// Plays recordings.
pub fn play(files: &[PathBuf], args: &rounds::Args) -> Result<ExitCode> {
    let suite: Box<dyn Suite> = Box::new(Traces::new(files)?);
    rounds::run_suites([suite], args)
}

/// See the module's text.
pub struct Traces {
    /// By the names of their rows.
    files: BTreeMap<String, PathBuf>,
    /// Plans, named as the rows.
    plans: Option<TempDir>,
}

impl Traces {
    /// Of these recordings. A folder stands for all that are in it.
    pub fn new(places: &[PathBuf]) -> Result<Traces> {
        let mut files = BTreeMap::new();
        for place in places {
            for file in recordings(place)? {
                let short = file.file_stem().unwrap_or_default().to_string_lossy();
                let short = short.into_owned();
                let taken = files.contains_key(&short);
                let name = if taken {
                    file.display().to_string()
                } else {
                    short
                };
                files.insert(name, file);
            }
        }
        let plans = None;
        Ok(Traces { files, plans })
    }

    fn plan(&self, task: &Task) -> io::Result<PathBuf> {
        let place = self.files.keys().position(|name| *name == task.name);
        let found = self.plans.as_ref().zip(place);
        found
            .map(|(folder, place)| folder.path().join(place.to_string()))
            .ok_or_else(|| io::Error::other(format!("there is no plan for {}", task.name)))
    }
}

fn recordings(place: &Path) -> Result<Vec<PathBuf>> {
    if !place.is_dir() {
        return Ok(vec![place.to_owned()]);
    }
    let unreadable = || format!("cannot read {}", place.display());
    let entries = fs::read_dir(place).with_context(unreadable)?;
    let files = entries.map(|entry| Ok(entry?.path()));
    let mut files: Vec<PathBuf> = files.collect::<io::Result<_>>().with_context(unreadable)?;
    files.retain(|file| file.extension().is_some_and(|ending| ending == ENDING));
    Ok(files)
}

impl Suite for Traces {
    fn name(&self) -> &'static str {
        "traces"
    }

    fn tasks(&self) -> Vec<Task> {
        let task = |(name, file): (&String, &PathBuf)| Task {
            name: name.clone(),
            about: file.display().to_string(),
        };
        self.files.iter().map(task).collect()
    }

    fn base(&self) -> &'static str {
        "glibc"
    }

    fn rounds(&self) -> u32 {
        7
    }

    fn about(&self) -> &'static str {
        "An operation is one recorded call, with the first writes to its block. Peak memory \
         is without the player's own."
    }

    fn prepare(&mut self, chosen: &[Task], _: Effort) -> Result<()> {
        self.plans = Some(tempfile::tempdir()?);
        for task in chosen {
            let file = &self.files[&task.name];
            let cannot = || format!("cannot play {}", file.display());
            let events = File::open(file).with_context(cannot)?;
            let events = recording::read(events).with_context(cannot)?;
            let plan = BufWriter::new(File::create(self.plan(task)?)?);
            Plan::new(&events)
                .write(plan)
                .context("cannot write a plan")?;
        }
        Ok(())
    }

    fn sample(
        &self,
        task: &Task,
        arm: &Allocator,
        _: Effort,
    ) -> io::Result<Result<Sample, Failure>> {
        child::play(arm.library.as_deref(), &self.plan(task)?)
    }
}
