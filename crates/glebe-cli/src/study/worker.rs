//! The hidden `glebe study-worker`: one measurement in a process of its own, its result as JSON on
//! standard output.

use std::process::ExitCode;

use serde::{Deserialize, Serialize};

use super::{ageing, efficiency, growth, locality, pairs};

/// A measurement.
#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
pub enum Task {
    /// Question a.
    Pairs(pairs::Job),
    /// Question b.
    Ageing(ageing::Job),
    /// Question c.
    Locality(locality::Job),
    /// Question d.
    Growth(growth::Job),
    /// Targets.
    Fullness(efficiency::Job),
    /// Targets, by the clock.
    Actions(efficiency::Timed),
}

impl Task {
    /// For the progress bar and for failures.
    pub fn label(&self) -> String {
        match self {
            Task::Pairs(job) => format!("{}, {} live", job.arm, job.live),
            Task::Ageing(job) => format!("{}, {}", job.arm, job.lifetimes),
            Task::Locality(job) => format!("{}, locality", job.arm),
            Task::Growth(job) => format!("{}, {}", job.arm, job.pattern),
            Task::Fullness(job) => format!("{}, filling", job.arm),
            Task::Actions(job) => format!("{}, up to {} B", job.arm, job.most),
        }
    }
}

/// Arguments of the worker.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// A task as JSON
    task: String,
}

/// Does the task.
pub fn run(args: &Args) -> ExitCode {
    let result = serde_json::from_str(&args.task)
        .map_err(std::io::Error::other)
        .and_then(|task| measure(&task));
    match result {
        Ok(json) => {
            println!("{json}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("glebe study-worker: {error}");
            ExitCode::from(2)
        }
    }
}

fn measure(task: &Task) -> std::io::Result<serde_json::Value> {
    let value = match task {
        Task::Pairs(job) => serde_json::to_value(pairs::measure(job)?),
        Task::Ageing(job) => serde_json::to_value(ageing::measure(job)?),
        Task::Locality(job) => serde_json::to_value(locality::measure(job)?),
        Task::Growth(job) => serde_json::to_value(growth::measure(job)?),
        Task::Fullness(job) => serde_json::to_value(efficiency::measure(job)?),
        Task::Actions(job) => serde_json::to_value(efficiency::time(job)?),
    };
    Ok(value?)
}
