//! `glebe study`: four questions about allocators, answered by measurement.
//!
//! (a) what alloc and free cost as blocks become more, (b) fragmentation over a long life,
//! (c) locality, (d) what realloc saves; and (e) whether the project's targets hold.
//!
//! | module | what it decides |
//! |--|--|
//! | [`pairs`], [`ageing`], [`locality`], [`growth`], [`efficiency`] | the workloads |
//! | [`worker`], [`child`], [`callgrind`] | each measurement in a process of its own |
//! | [`order`], [`plan`], [`results`] | which measurements, and what they found |
//! | [`targets`], [`answers`], [`figures`] | what they mean |
//! | [`html`], [`markdown`], [`terminal`] | how it is told |

mod ageing;
mod answers;
mod callgrind;
mod child;
mod efficiency;
mod figures;
mod growth;
mod html;
mod locality;
mod markdown;
mod order;
mod pairs;
mod plan;
mod results;
mod targets;
mod terminal;
pub mod worker;

use std::fs;
use std::io::{self, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};
use clap::ValueEnum;

use crate::arms::Name;
use order::{Order, Question};
use results::Study;

const SEED: u64 = 20_260_101;

/// Arguments of `glebe study`.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Arms are pools, FIT,TAGS or FIT,TAGS,SUPPLIER (fixed if there is none named), the hosted engine and
peers. Instructions are counted by valgrind's callgrind where it is installed (apt-get install
valgrind); without it those columns are empty, and the report says so.
A full study takes 5 to 10 minutes on two cores, a quick one less than 2.
Exit status: 0, whether or not the targets hold; 1 when a measurement failed (it is reported, the
others go on); 2 when glebe itself fails.")]
pub struct Args {
    /// Where study.html, study.md and study.json go
    #[arg(long, value_name = "DIR", default_value = "study")]
    out: PathBuf,
    /// Write the answers in words to this file, too
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Write the JSON to this file, too, or to standard output with "-"
    #[arg(long, value_name = "FILE")]
    json: Option<String>,
    /// Only these questions: a, b, c, d, or e for the targets; may be repeated or joined by commas
    #[arg(long, value_name = "QUESTION", value_delimiter = ',')]
    only: Vec<Question>,
    /// Only these arms, joined by spaces: `two-level,side first-fit,inline,mmap talc`
    #[arg(long, value_name = "ARMS")]
    policies: Option<String>,
    /// Seed of sizes and choices
    #[arg(long, value_name = "N", default_value_t = SEED)]
    seed: u64,
    /// Short runs: a first look, too noisy for claims
    #[arg(long)]
    quick: bool,
}

/// Runs the study and writes its reports.
pub fn run(args: &Args) -> Result<ExitCode> {
    let order = order(args)?;
    fs::create_dir_all(&args.out)
        .with_context(|| format!("cannot make the folder {}", args.out.display()))?;
    let study = plan::carry_out(&order)?;
    publish(args, &study)?;
    Ok(match study.failures.is_empty() {
        true => ExitCode::SUCCESS,
        false => ExitCode::FAILURE,
    })
}

fn order(args: &Args) -> Result<Order> {
    let questions = match args.only.as_slice() {
        [] => Question::value_variants().iter().copied().collect(),
        only => only.iter().copied().collect(),
    };
    let arms = match &args.policies {
        None => Name::all(),
        Some(list) => list
            .split_whitespace()
            .map(str::parse)
            .collect::<Result<_, _>>()?,
    };
    ensure!(
        !arms.is_empty(),
        "--policies names nothing; without it all are measured"
    );
    Ok(Order {
        questions,
        arms,
        seed: args.seed,
        quick: args.quick,
    })
}

fn publish(args: &Args, study: &Study) -> Result<()> {
    let json = serde_json::to_string_pretty(study).context("cannot write the results as JSON")?;
    let markdown = markdown::render(study);
    let mut files = vec![
        (args.out.join("study.html"), html::render(study)),
        (args.out.join("study.md"), markdown.clone()),
        (args.out.join("study.json"), json.clone() + "\n"),
    ];
    files.extend(args.markdown.clone().map(|path| (path, markdown)));
    match args.json.as_deref() {
        Some("-") => writeln!(io::stdout(), "{json}")?,
        Some(file) => files.push((file.into(), json + "\n")),
        None => {}
    }
    for (path, text) in files {
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        eprintln!("written: {}", path.display());
    }
    if args.json.as_deref() != Some("-") {
        print!("{}", terminal::render(study));
    }
    Ok(())
}
