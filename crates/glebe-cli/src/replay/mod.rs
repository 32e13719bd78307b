//! `glebe replay`: CS:APP `.rep` traces played on a pool or a peer, scored as the malloc lab does;
//! and recordings of programs, played on preloaded allocators by the benchmark's suite for them.
//!
//! | module | what it decides |
//! |--|--|
//! | [`shapes`] | traces of the classic shapes, from a seed |
//! | [`score`] | playing, checking and scoring |

mod score;
mod shapes;

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context, Result, bail, ensure};
use comfy_table::presets::NOTHING;
use comfy_table::{Cell, CellAlignment, Table};
use glebe_trace::{import, recording};
use serde::Serialize;
use strum::IntoEnumIterator;

use crate::arms::Name;
use crate::bench::allocators::Ask;
use crate::bench::output::Output;
use crate::bench::rounds;
use crate::bench::suites;
use score::Score;
use shapes::{SEED, Shape};

const MAX_RANGE_MIB: usize = 4096;

/// Arguments of `glebe replay`.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
A pool is FIT,TAGS or FIT,TAGS,SUPPLIER; the engine and the peers of `glebe study` are known by
name, too. Utilisation is the most bytes that lived at a time, as requested, divided by the memory
used for them: over a fixed range, from the lowest block to the end of the highest; with a supplier,
the most bytes held, and of the engine its slabs as a whole, touched or not. Every block is filled
and checked before it goes.
Recordings of `glebe run --trace` are played on preloaded allocators instead, as `glebe bench
traces` does; --allocator, --with, --library and --rounds are for them alone.
Exit status: 0; 1 when an allocator refused or damaged a block; 2 when glebe itself fails.")]
pub struct Args {
    /// The pool or peer; may be repeated
    #[arg(long, value_name = "POOL", default_value = "two-level,side")]
    pool: Vec<Name>,
    /// MiB of the range of arms over fixed memory
    #[arg(long, value_name = "MIB", default_value_t = 64)]
    #[arg(value_parser = clap::value_parser!(u16).range(1..=MAX_RANGE_MIB as i64))]
    range: u16,
    /// Write the scores as JSON to a file, or to standard output with "-"
    #[arg(long, value_name = "FILE")]
    json: Option<String>,
    /// Write a trace of this shape instead, to the file that is named or to standard output; `all`
    /// writes every shape into a folder
    #[arg(long, value_name = "SHAPE", conflicts_with_all = ["pool", "json", "range"])]
    generate: Option<String>,
    /// Seed of a generated trace
    #[arg(long, value_name = "N", default_value_t = SEED, requires = "generate")]
    seed: u64,
    /// Play recordings only on allocators whose name contains this, and on glibc; may be repeated
    #[arg(long, value_name = "FILTER")]
    allocator: Vec<String>,
    #[command(flatten)]
    ask: Ask,
    /// Play each recording so many times on each allocator
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..=1000))]
    rounds: Option<u32>,
    /// Recordings or traces to play, `-` for standard input; with --generate, where to write
    #[arg(value_name = "TRACE")]
    traces: Vec<PathBuf>,
}

/// A trace on an arm.
#[derive(Debug, Serialize)]
struct Row {
    trace: String,
    pool: Name,
    #[serde(flatten)]
    outcome: Outcome,
}

/// In JSON either has its own fields, and nothing around them.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Outcome {
    Scored(Score),
    Failed { failure: String },
}

impl Row {
    fn score(&self) -> Result<&Score, &str> {
        match &self.outcome {
            Outcome::Scored(score) => Ok(score),
            Outcome::Failed { failure } => Err(failure),
        }
    }
}

/// Plays or generates.
pub fn run(args: &Args) -> Result<ExitCode> {
    if let Some(shape) = &args.generate {
        generate(shape, args.seed, &args.traces)?;
        return Ok(ExitCode::SUCCESS);
    }
    ensure!(
        !args.traces.is_empty(),
        "which trace? name a .rep file, or make one: glebe replay --generate random FILE"
    );
    let recordings = args.traces.iter().filter(|path| is_recording(path));
    match recordings.count() {
        0 => score(args),
        all if all == args.traces.len() => suites::traces::play(&args.traces, &rounds(args)),
        _ => bail!("some of these are recordings and some are traces; name them in two commands"),
    }
}

/// Whether a file begins as a recording does.
fn is_recording(path: &Path) -> bool {
    File::open(path).is_ok_and(recording::is_one)
}

/// How the benchmark is to play recordings.
fn rounds(args: &Args) -> rounds::Args {
    rounds::Args {
        rounds: args.rounds,
        row: Vec::new(),
        allocator: args.allocator.clone(),
        base: None,
        ask: args.ask.clone(),
        output: Output {
            json: args.json.clone(),
            detail: true,
            ..Output::default()
        },
        seed: rounds::SEED,
        quick: false,
        list: false,
    }
}

/// Plays and scores traces.
fn score(args: &Args) -> Result<ExitCode> {
    let ask = &args.ask;
    ensure!(
        args.allocator.is_empty()
            && ask.with.is_empty()
            && ask.library.is_none()
            && args.rounds.is_none(),
        "--allocator, --with, --library and --rounds are for recordings; traces are played on \
         pools, see --pool"
    );
    let mut rows = Vec::new();
    for path in &args.traces {
        let text = read(path)?;
        let events = import::rep(&text).with_context(|| format!("{}", path.display()))?;
        for &pool in &args.pool {
            let range = usize::from(args.range) << 20;
            let outcome = match score::play(pool, &events, range) {
                Ok(score) => Outcome::Scored(score),
                Err(failure) => Outcome::Failed {
                    failure: failure.to_string(),
                },
            };
            let trace = path.display().to_string();
            rows.push(Row {
                trace,
                pool,
                outcome,
            });
        }
    }
    publish(args, &rows)?;
    Ok(match rows.iter().all(|row| row.score().is_ok()) {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

fn read(path: &Path) -> Result<String> {
    match path.to_str() {
        Some("-") => io::read_to_string(io::stdin()).context("cannot read standard input"),
        _ => fs::read_to_string(path).with_context(|| format!("cannot read {}", path.display())),
    }
}

fn generate(shape: &str, seed: u64, places: &[PathBuf]) -> Result<()> {
    let write = |path: &Path, shape: Shape| {
        fs::write(path, shape.trace(seed))
            .with_context(|| format!("cannot write {}", path.display()))
    };
    match (shape, places) {
        ("all", [folder]) => {
            fs::create_dir_all(folder)
                .with_context(|| format!("cannot make the folder {}", folder.display()))?;
            Shape::iter().try_for_each(|shape| write(&folder.join(format!("{shape}.rep")), shape))
        }
        ("all", _) => bail!("--generate all needs one folder to write into"),
        (name, places) => {
            let shape: Shape = name.parse().map_err(|_| {
                let names: Vec<String> = Shape::iter().map(|shape| shape.to_string()).collect();
                anyhow::anyhow!(
                    "no shape is called `{name}`: say all, or {}",
                    names.join(", ")
                )
            })?;
            match places {
                [] => Ok(io::stdout().write_all(shape.trace(seed).as_bytes())?),
                [path] => write(path, shape),
                _ => bail!("--generate {name} writes one file, but several are named"),
            }
        }
    }
}

fn publish(args: &Args, rows: &[Row]) -> Result<()> {
    let json = || serde_json::to_string_pretty(rows).context("cannot write the scores as JSON");
    if args.json.as_deref() == Some("-") {
        return Ok(writeln!(io::stdout(), "{}", json()?)?);
    }
    write!(io::stdout(), "{}", table(rows))?;
    if let Some(file) = &args.json {
        fs::write(file, json()? + "\n").with_context(|| format!("cannot write {file}"))?;
    }
    Ok(())
}

fn table(rows: &[Row]) -> String {
    let mut table = Table::new();
    table.load_preset(NOTHING).force_no_tty();
    table.set_header(["trace", "pool", "ops", "utilisation", "thousand ops/s"]);
    let right = |text: String| Cell::new(text).set_alignment(CellAlignment::Right);
    let mut utilisations: BTreeMap<Name, Vec<f64>> = BTreeMap::new();
    for row in rows {
        let (trace, pool) = (Cell::new(&row.trace), Cell::new(row.pool));
        match row.score() {
            Ok(score) => {
                utilisations
                    .entry(row.pool)
                    .or_default()
                    .push(score.utilisation);
                let percent = format!("{:.1} %", score.utilisation * 100.0);
                let speed = format!("{:.0}", score.ops_per_second / 1e3);
                let cells = [score.ops.to_string(), percent, speed].map(right);
                table.add_row([trace, pool].into_iter().chain(cells));
            }
            Err(failure) => {
                table.add_row([trace, pool, Cell::new("failed: ".to_owned() + failure)]);
            }
        }
    }
    let mut out = format!("{table}\n");
    for (pool, utilisations) in utilisations.iter().filter(|(_, all)| all.len() > 1) {
        let mean = utilisations.iter().sum::<f64>() / utilisations.len() as f64;
        out += &format!("{pool}: mean utilisation {:.1} %\n", mean * 100.0);
    }
    out
}
