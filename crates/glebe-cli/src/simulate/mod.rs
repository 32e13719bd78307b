//! `glebe simulate`: the engine on machines with several nodes and complexes, in a model.
//!
//! What is run and what comes of it is `glebe-sim`'s; here is the command line, and how it is told.

mod report;

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result};
use glebe_sim::experiment::{self, Order, Report};
use glebe_sim::machine;
use glebe_sim::policy::Policy;
use glebe_sim::workloads::{self, Effort};
use indicatif::{ProgressBar, ProgressStyle};
use strum::IntoEnumIterator;

use crate::page::terminal::{self, Style};

const SEED: u64 = 20_260_101;

/// Arguments of `glebe simulate`.
#[derive(clap::Args, Debug)]
#[command(after_help = "\
Names are parts of those in --list. `flat`, the engine as it is, is always run, and once more by
other seeds: that is the null arm.
A machine takes about a minute, a quick look ten seconds; always on one core.
Exit status: 0; 2 when glebe itself fails.")]
pub struct Args {
    /// Machines to simulate, or `all`; may be repeated or joined by commas
    #[arg(
        long,
        value_name = "MACHINE",
        value_delimiter = ',',
        default_value = "two-chiplets"
    )]
    machine: Vec<String>,
    /// Only workloads whose names contain this; may be repeated or joined by commas
    #[arg(long, value_name = "WORKLOAD", value_delimiter = ',')]
    workload: Vec<String>,
    /// Only policies whose names contain this; may be repeated or joined by commas
    #[arg(long, value_name = "POLICY", value_delimiter = ',')]
    policy: Vec<String>,
    /// Seed of everything
    #[arg(long, value_name = "N", default_value_t = SEED)]
    seed: u64,
    /// Runs of each, by seeds drawn from that one
    #[arg(long, value_name = "N", default_value_t = 3)]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=100))]
    rounds: u64,
    /// How many misses are under way at a time, instead of what was fitted
    #[arg(long, value_name = "N", value_parser = overlap)]
    overlap: Option<f64>,
    /// Short runs: a first look
    #[arg(long)]
    quick: bool,
    /// Write all figures to a file, or to standard output with "-"
    #[arg(long, value_name = "FILE")]
    json: Option<String>,
    /// Write the tables as Markdown to a file
    #[arg(long, value_name = "FILE")]
    markdown: Option<PathBuf>,
    /// Show where time and pages went, too
    #[arg(long)]
    detail: bool,
    /// List machines, workloads and policies
    #[arg(long)]
    list: bool,
}

fn overlap(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "this is no number".to_owned())?;
    match (1.0..=100.0).contains(&number) {
        true => Ok(number),
        false => Err("it is between 1 and 100".into()),
    }
}

/// Simulates, and writes the reports.
pub fn run(args: &Args) -> Result<ExitCode> {
    if args.list {
        write!(io::stdout(), "{}", report::list())?;
        return Ok(ExitCode::SUCCESS);
    }
    let order = order(args)?;
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len}, {eta} left  {msg}")
        .context("the template of the progress bar")?;
    let bar = ProgressBar::new(order.runs() as u64).with_style(style);
    let report = experiment::carry_out(&order, |what| {
        bar.set_message(what.to_owned());
        bar.inc(1);
    });
    bar.finish_and_clear();
    publish(args, &report)?;
    Ok(ExitCode::SUCCESS)
}

fn order(args: &Args) -> Result<Order> {
    let machines = match args.machine.as_slice() {
        [all] if all == "all" => machine::Name::iter().collect(),
        names => named("machine", names)?,
    };
    Ok(Order {
        machines,
        workloads: containing::<workloads::Name>("workload", &args.workload)?,
        policies: containing::<Policy>("policy", &args.policy)?,
        seed: args.seed,
        rounds: args.rounds,
        effort: match args.quick {
            true => Effort::QUICK,
            false => Effort::FULL,
        },
        overlap: args.overlap,
    })
}

/// What is known by just these names.
fn named<T: std::str::FromStr>(kind: &str, names: &[String]) -> Result<Vec<T>> {
    let find = |name: &String| name.parse().map_err(|_| unknown(kind, name));
    names.iter().map(find).collect()
}

/// All whose names contain one of `filters`; without any, all there are.
fn containing<T: IntoEnumIterator + ToString>(kind: &str, filters: &[String]) -> Result<Vec<T>> {
    for filter in filters {
        if !T::iter().any(|one| one.to_string().contains(filter)) {
            return Err(unknown(kind, filter));
        }
    }
    let wanted = |one: &T| {
        let name = one.to_string();
        filters.is_empty() || filters.iter().any(|filter| name.contains(filter))
    };
    Ok(T::iter().filter(wanted).collect())
}

fn unknown(kind: &str, name: &str) -> anyhow::Error {
    anyhow::anyhow!("there is no {kind} `{name}`; glebe simulate --list shows what there is")
}

fn publish(args: &Args, report: &Report) -> Result<()> {
    let json = serde_json::to_string_pretty(report).context("cannot write the figures as JSON")?;
    let mut files = Vec::new();
    if args.json.as_deref() == Some("-") {
        writeln!(io::stdout(), "{json}")?;
    } else {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let style = Style {
            colours: io::stdout().is_terminal() && !plain,
            detail: args.detail,
        };
        for section in report::sections(report) {
            write!(io::stdout(), "{}", terminal::render(&section, style))?;
        }
        files.extend(args.json.clone().map(|file| (file.into(), json + "\n")));
    }
    let markdown = args.markdown.clone();
    files.extend(markdown.map(|file| (file, report::markdown(report))));
    for (path, text) in files {
        fs::write(&path, text).with_context(|| format!("cannot write {}", path.display()))?;
        eprintln!("written: {}", path.display());
    }
    Ok(())
}
