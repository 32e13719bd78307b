//! `glebe bench micro`: every pattern under every allocator, in interleaved rounds.
//!
//! Each run is a process of its own. A round runs each pattern under each allocator once, starting
//! with another allocator every time, so that neither a slow minute of the machine nor a place in
//! the order favours anyone.

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use anyhow::{Context, Result, ensure};
use indicatif::{ProgressBar, ProgressStyle};

use super::allocators::{self, Allocator, Line};
use super::child::{self, Failure};
use super::machine::Machine;
use super::patterns::{self, Pattern};
use super::peers;
use super::report::{self, Style};
use super::results::{Cell, Results, Row, Settings};

/// Many short samples: a processor that is shared changes its speed every few seconds.
const ROUNDS: u32 = 11;
const QUICK_ROUNDS: u32 = 3;
/// A quick run does this part of the operations.
const QUICK_SHARE: u64 = 8;
const SEED: u64 = 20_260_101;

/// Arguments of `glebe bench micro`.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
An operation is one allocation and its free; in the grow patterns it is one realloc.
Exit status: 0; 1 when a run failed (it is reported, the others go on); 2 when glebe itself fails.
Variables that tune an allocator (MIMALLOC_*, MALLOC_CONF, …) are passed on and reported.")]
pub struct Args {
    /// Rounds (default 11, quick 3)
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: Option<u32>,
    /// Run only patterns whose name contains this; may be repeated
    #[arg(long, value_name = "FILTER")]
    pattern: Vec<String>,
    /// Run only allocators whose name contains this; may be repeated. The base always runs
    #[arg(long, value_name = "FILTER")]
    allocator: Vec<String>,
    /// The allocator that ratios are to
    #[arg(long, value_name = "NAME", default_value = "mimalloc3")]
    base: String,
    /// One more library to compare, under a name of its own; may be repeated
    #[arg(long, value_name = "NAME=PATH")]
    with: Vec<String>,
    /// The libglebe.so to measure instead of the one found beside this command
    #[arg(long, value_name = "PATH")]
    library: Option<std::path::PathBuf>,
    /// Write every sample, the machine and the versions to a file, or to standard output with "-"
    #[arg(long, value_name = "FILE")]
    json: Option<String>,
    /// Seed of sizes and choices
    #[arg(long, value_name = "N", default_value_t = SEED)]
    seed: u64,
    /// Short runs: a first look, too noisy for claims
    #[arg(long)]
    quick: bool,
    /// Show every allocator's spread, processor time and faults for every pattern
    #[arg(long)]
    detail: bool,
    /// List patterns and allocators and run nothing
    #[arg(long)]
    list: bool,
}

/// Runs the suite.
pub fn run(args: &Args) -> Result<ExitCode> {
    let chosen: Vec<_> = patterns::all()
        .into_iter()
        .filter(|pattern| {
            let matches = |filter: &String| pattern.name.contains(filter.as_str());
            args.pattern.is_empty() || args.pattern.iter().any(matches)
        })
        .collect();
    let mut line = allocators::line(args.library.as_deref(), &args.with)?;
    if args.list {
        print!("{}", list(&chosen, &line));
        return Ok(ExitCode::SUCCESS);
    }
    ensure!(
        !chosen.is_empty(),
        "no pattern is named so; --list shows those there are"
    );
    line.choose(&args.allocator, &args.base)?;
    let results = measure(args, &chosen, line)?;
    publish(args, &results)?;
    let failed = results.failures().next().is_some();
    Ok(if failed {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn list(patterns: &[Pattern], line: &Line) -> String {
    let patterns = patterns
        .iter()
        .map(|p| format!("  {:16} {}\n", p.name, p.about));
    let present = line.present.iter().map(|arm| {
        let library = arm.library.as_ref().map(|path| path.display().to_string());
        format!(
            "  {:16} {}\n",
            arm.name,
            library.unwrap_or_else(|| "the C library's own".into())
        )
    });
    let absent = line.absent.iter().map(|arm| {
        format!(
            "  {:16} not here: {}\n",
            arm.name,
            arm.remedy.replace('\n', " ")
        )
    });
    let head = |text: &str| [text.to_owned()].into_iter();
    head("Patterns\n")
        .chain(patterns)
        .chain(head("Allocators\n"))
        .chain(present)
        .chain(absent)
        .collect()
}

fn measure(args: &Args, patterns: &[Pattern], line: Line) -> Result<Results> {
    let default_rounds = if args.quick { QUICK_ROUNDS } else { ROUNDS };
    let started = SystemTime::now().duration_since(UNIX_EPOCH);
    let mut results = Results {
        schema: 1,
        suite: "micro",
        started: started.map_or(0, |since| since.as_secs()),
        machine: Machine::read(),
        settings: Settings {
            rounds: args.rounds.unwrap_or(default_rounds),
            seed: args.seed,
            quick: args.quick,
            base: args.base.clone(),
        },
        allocators: line.present,
        absent: line.absent,
        rows: Vec::new(),
    };
    let cells = probe(&mut results.allocators)?;
    results.rows = patterns
        .iter()
        .map(|pattern| Row {
            pattern: pattern.name.clone(),
            ops: if args.quick {
                pattern.ops / QUICK_SHARE
            } else {
                pattern.ops
            },
            cells: cells.clone(),
        })
        .collect();
    run_rounds(&mut results)?;
    Ok(results)
}

/// Asks each allocator for its version. One under which no program starts gets a failed cell
/// everywhere.
fn probe(allocators: &mut [Allocator]) -> io::Result<Vec<Cell>> {
    let probe_one = |arm: &mut Allocator| {
        Ok(match child::identify(arm.library.as_deref())? {
            Ok(identity) => {
                arm.version = identity.version.or_else(|| peers::crate_version(&arm.name));
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

fn run_rounds(results: &mut Results) -> Result<()> {
    let Settings { rounds, seed, .. } = results.settings;
    let arms = results.allocators.len();
    let runs = u64::from(rounds) * (results.rows.len() * arms) as u64;
    let bar = ProgressBar::new(runs).with_style(bar_style()?);
    for round in 0..rounds as usize {
        for (at, row) in results.rows.iter_mut().enumerate() {
            for turn in 0..arms {
                let column = (round + at + turn) % arms;
                let arm = &results.allocators[column];
                bar.set_message(format!("{} {}", row.pattern, arm.name));
                if row.cells[column].failure.is_none() {
                    let library = arm.library.as_deref();
                    let outcome = child::sample(library, &row.pattern, row.ops, seed)
                        .context("cannot start a worker process")?;
                    row.cells[column].add(outcome);
                }
                bar.inc(1);
            }
        }
    }
    bar.finish_and_clear();
    Ok(())
}

fn bar_style() -> Result<ProgressStyle> {
    let template = "{bar:30} {pos}/{len}, {eta} left  {msg}";
    ProgressStyle::with_template(template).context("the template of the progress bar")
}

/// Prints the report, and the samples where they were asked for. With samples on standard output
/// the report goes to standard error.
fn publish(args: &Args, results: &Results) -> Result<()> {
    let json = || serde_json::to_string_pretty(results).context("cannot write the results as JSON");
    let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    let style = |terminal: bool| Style {
        colours: terminal && !plain,
        detail: args.detail,
    };
    if args.json.as_deref() == Some("-") {
        eprint!(
            "{}",
            report::render(results, style(io::stderr().is_terminal()))
        );
        return Ok(writeln!(io::stdout(), "{}", json()?)?);
    }
    let text = report::render(results, style(io::stdout().is_terminal()));
    write!(io::stdout(), "{text}")?;
    if let Some(file) = &args.json {
        fs::write(file, json()? + "\n").with_context(|| format!("cannot write {file}"))?;
    }
    Ok(())
}
