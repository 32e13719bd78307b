//! Runs suites: every row under every allocator, in interleaved rounds.
//!
//! Each run is a process of its own. A round runs each row of each suite under each allocator once,
//! starting with another allocator every time, and in another order, so that neither a slow minute
//! of the machine nor a place in the order nor who ran before favours anyone.

use std::io;
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use indicatif::{ProgressBar, ProgressStyle};

use super::allocators::{Absent, Allocator, Ask, Line};
use super::child::Failure;
use super::machine::Machine;
use super::output::Output;
use super::results::{Cell, Results, Row, SCHEMA, Settings, Table};
use super::suite::{Effort, Suite, Task};
use super::suites::Name;
use super::warm;

/// The seed, if the user names none.
pub const SEED: u64 = 20_260_101;

/// Arguments of each suite.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Exit status: 0; 1 when a run failed (it is reported, the others go on); 2 when glebe itself fails.
Variables that tune an allocator (MIMALLOC_*, MALLOC_CONF, …) are passed on and reported.")]
pub struct Args {
    /// Rounds, instead of each suite's own number
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    pub rounds: Option<u32>,
    /// Run only rows whose name contains this; may be repeated
    #[arg(long, value_name = "FILTER", visible_alias = "pattern")]
    pub row: Vec<String>,
    /// Run only allocators whose name contains this; may be repeated. The base always runs
    #[arg(long, value_name = "FILTER")]
    pub allocator: Vec<String>,
    /// The allocator that ratios are to, instead of each suite's own choice
    #[arg(long, value_name = "NAME")]
    pub base: Option<String>,
    #[command(flatten)]
    pub ask: Ask,
    #[command(flatten)]
    pub output: Output,
    /// Seed of sizes and choices
    #[arg(long, value_name = "N", default_value_t = SEED)]
    pub seed: u64,
    /// Short runs: a first look, too noisy for claims
    #[arg(long)]
    pub quick: bool,
    /// List rows and allocators and run nothing
    #[arg(long)]
    pub list: bool,
}

/// A suite about to run: what was chosen of it.
struct Chosen {
    suite: Box<dyn Suite>,
    tasks: Vec<Task>,
    /// Rows that were chosen and cannot run.
    missing: Vec<Absent>,
    line: Line,
}

/// Runs suites by their names.
pub fn run(names: &[Name], args: &Args) -> Result<ExitCode> {
    run_suites(names.iter().map(|name| name.open()), args)
}

/// Runs the suites.
pub fn run_suites(
    suites: impl IntoIterator<Item = Box<dyn Suite>>,
    args: &Args,
) -> Result<ExitCode> {
    let mut chosen = Vec::new();
    for suite in suites {
        let wanted =
            |name: &str| args.row.is_empty() || args.row.iter().any(|filter| name.contains(filter));
        let (mut tasks, mut missing) = (suite.tasks(), suite.missing());
        tasks.retain(|task| wanted(&task.name));
        missing.retain(|absent| wanted(&absent.name));
        let line = suite.line(&args.ask)?;
        if !tasks.is_empty() || !missing.is_empty() {
            chosen.push(Chosen {
                suite,
                tasks,
                missing,
                line,
            });
        }
    }
    if args.list {
        chosen.iter().for_each(|one| print!("{}", list(one)));
        return Ok(ExitCode::SUCCESS);
    }
    ensure!(
        !chosen.is_empty(),
        "no row is named so; --list shows those there are"
    );
    let results = measure(args, chosen)?;
    args.output.publish(&results)?;
    let failed = results
        .suites
        .iter()
        .any(|one| one.failures().next().is_some());
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn list(chosen: &Chosen) -> String {
    let rows = chosen
        .tasks
        .iter()
        .map(|task| format!("  {:20} {}\n", task.name, task.about));
    let present = chosen.line.present.iter().map(|arm| {
        let library = arm.library.as_ref().map(|path| path.display().to_string());
        let library = library.unwrap_or_else(|| "the C library's own".into());
        format!("  {:20} {library}\n", arm.name)
    });
    let absent = |one: &Absent| {
        let remedy = one.remedy.replace('\n', " ");
        format!("  {:20} not here: {remedy}\n", one.name)
    };
    let head = |text: &str| [format!("{text} of {}\n", chosen.suite.name())].into_iter();
    head("Rows")
        .chain(rows)
        .chain(chosen.missing.iter().map(absent))
        .chain(head("Allocators"))
        .chain(present)
        .chain(chosen.line.absent.iter().map(absent))
        .collect()
}

fn measure(args: &Args, mut chosen: Vec<Chosen>) -> Result<Results> {
    let effort = Effort {
        seed: args.seed,
        quick: args.quick,
    };
    let started = SystemTime::now().duration_since(UNIX_EPOCH);
    let mut results = Results {
        schema: SCHEMA,
        started: started.map_or(0, |since| since.as_secs()),
        machine: Machine::read(),
        settings: Settings {
            seed: args.seed,
            quick: args.quick,
        },
        suites: Vec::new(),
    };
    for one in &mut chosen {
        results.suites.push(begin(args, one, effort)?);
    }
    run_rounds(&mut results, &chosen, effort)?;
    Ok(results)
}

/// An empty table for a suite, with the versions of its allocators.
fn begin(args: &Args, one: &mut Chosen, effort: Effort) -> Result<Table> {
    let base = args.base.as_deref().unwrap_or(one.suite.base());
    one.line.choose(&args.allocator, base)?;
    one.suite
        .prepare(&one.tasks, effort)
        .with_context(|| format!("cannot prepare {}", one.suite.name()))?;
    let cells = probe(one.suite.as_ref(), &mut one.line.present)?;
    let mut absent = std::mem::take(&mut one.line.absent);
    absent.append(&mut one.missing);
    let rounds = match args.quick {
        true => one.suite.quick_rounds(),
        false => one.suite.rounds(),
    };
    let row = |task: &Task| Row {
        name: task.name.clone(),
        cells: cells.clone(),
    };
    Ok(Table {
        suite: one.suite.name().into(),
        about: one.suite.about().into(),
        unit: one.suite.unit(),
        rounds: args.rounds.unwrap_or(rounds),
        base: base.into(),
        rows: one.tasks.iter().map(row).collect(),
        allocators: std::mem::take(&mut one.line.present),
        absent,
    })
}

/// Asks each allocator for its version. One under which no program starts gets a failed cell
/// everywhere.
fn probe(suite: &dyn Suite, allocators: &mut [Allocator]) -> io::Result<Vec<Cell>> {
    let probe_one = |arm: &mut Allocator| {
        Ok(match suite.probe(arm)? {
            Ok(version) => {
                arm.version = version;
                Cell::default()
            }
            Err(Failure { what, message }) => {
                let message = format!("no program starts on it: {message}");
                Cell {
                    samples: Vec::new(),
                    failure: Some(Failure { what, message }),
                }
            }
        })
    };
    allocators.iter_mut().map(probe_one).collect()
}

fn run_rounds(results: &mut Results, chosen: &[Chosen], effort: Effort) -> Result<()> {
    let runs = |table: &Table| table.rows.len() * table.allocators.len();
    let total = results.suites.iter();
    let total: usize = total.map(|table| table.rounds as usize * runs(table)).sum();
    let bar = ProgressBar::new(total as u64).with_style(bar_style()?);
    let most = results.suites.iter().map(|table| table.rounds).max();
    for round in 0..most.unwrap_or(0) {
        for (table, one) in results.suites.iter_mut().zip(chosen) {
            if round < table.rounds {
                run_round(table, one, round as usize, effort, &bar)?;
            }
        }
    }
    bar.finish_and_clear();
    Ok(())
}

fn run_round(
    table: &mut Table,
    chosen: &Chosen,
    round: usize,
    effort: Effort,
    bar: &ProgressBar,
) -> Result<()> {
    let arms = table.allocators.len();
    for (at, (row, task)) in table.rows.iter_mut().zip(&chosen.tasks).enumerate() {
        for column in order(arms, round, at) {
            let arm = &table.allocators[column];
            bar.set_message(format!("{} {} {}", table.suite, row.name, arm.name));
            if row.cells[column].failure.is_none() {
                warm::before(row).context("cannot start a process")?;
                let outcome = chosen
                    .suite
                    .sample(task, arm, effort)
                    .context("cannot start a process")?;
                row.cells[column].add(outcome);
            }
            bar.inc(1);
        }
    }
    Ok(())
}

/// The order in which a round's row goes through its arms: from another one on each time, by steps
/// of another length each round.
fn order(arms: usize, round: usize, row: usize) -> impl Iterator<Item = usize> {
    let steps: Vec<usize> = (1..=arms).filter(|&step| gcd(step, arms) == 1).collect();
    let step = steps[round % steps.len()];
    (0..arms).map(move |turn| (round + row + turn * step) % arms)
}

fn gcd(one: usize, other: usize) -> usize {
    match other {
        0 => one,
        _ => gcd(other, one % other),
    }
}

fn bar_style() -> Result<ProgressStyle> {
    let template = "{bar:30} {pos}/{len}, {eta} left  {msg}";
    ProgressStyle::with_template(template).context("the template of the progress bar")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_arm_has_its_turn_and_others_before_it() {
        for arms in 1..=16 {
            let mut all: Vec<usize> = order(arms, 5, 3).collect();
            all.sort_unstable();
            assert!(all.into_iter().eq(0..arms));
        }
        let before = |round| {
            let all: Vec<usize> = order(12, round, 0).chain(order(12, round, 0)).collect();
            all[all.iter().skip(1).position(|&arm| arm == 0).unwrap()]
        };
        assert_ne!(before(0), before(1));
        assert!(order(1, 7, 0).eq([0]));
    }
}
