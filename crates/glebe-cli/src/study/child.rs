//! Starts workers: one after the other where the clock counts, else one per core. A worker that
//! crashes or hangs is a failed measurement, not the end of the study.

use std::fs;
use std::io;
use std::process::Command;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::ProgressBar;
use serde::de::DeserializeOwned;

use super::callgrind::{self, Counts};
use super::worker::Task;
use crate::bench::child;

/// Every worker ends itself long before.
const LIMIT: Duration = Duration::from_secs(120);

/// A result, or why there is none.
pub type Outcome<T> = Result<T, String>;

/// Does one task in a process of its own.
pub fn one<T: DeserializeOwned>(task: &Task) -> Outcome<T> {
    let program = std::env::current_exe().map_err(|error| error.to_string())?;
    collect(Command::new(program), task)
}

/// Does one task under callgrind.
pub fn counted<T: DeserializeOwned>(task: &Task) -> Outcome<(T, Option<Counts>)> {
    let text = |error: io::Error| error.to_string();
    let program = std::env::current_exe().map_err(text)?;
    let folder = tempfile::tempdir().map_err(text)?;
    let path = folder.path().join("profile");
    let result = collect(callgrind::command(&program, &path), task)?;
    let profile = fs::read_to_string(&path).map_err(text)?;
    Ok((result, callgrind::counts(&profile)))
}

/// Does all tasks by `each`, so many at a time. Results are in the order of the tasks.
pub fn all<T: Send>(
    tasks: &[Task],
    at_a_time: usize,
    bar: &ProgressBar,
    each: impl Fn(&Task) -> Outcome<T> + Sync,
) -> Vec<Outcome<T>> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(tasks.len()));
    std::thread::scope(|scope| {
        for _ in 0..at_a_time.clamp(1, tasks.len().max(1)) {
            scope.spawn(|| {
                while let Some((number, task)) = {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    tasks.get(number).map(|task| (number, task))
                } {
                    bar.set_message(task.label());
                    let outcome = each(task);
                    bar.inc(1);
                    let mut done = done.lock().unwrap_or_else(PoisonError::into_inner);
                    done.push((number, outcome));
                }
            });
        }
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_by_key(|(number, _)| *number);
    done.into_iter().map(|(_, outcome)| outcome).collect()
}

fn collect<T: DeserializeOwned>(mut command: Command, task: &Task) -> Outcome<T> {
    let json = serde_json::to_string(task).map_err(|error| error.to_string())?;
    command
        .args(["study-worker", &json])
        .env_remove("LD_PRELOAD");
    child::collect(command, LIMIT)
        .map_err(|error| format!("cannot start a worker: {error}"))?
        .map_err(|failure| failure.to_string())
}
