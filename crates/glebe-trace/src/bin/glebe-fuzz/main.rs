//! `glebe-fuzz`, random operation streams against an allocator, under the oracle.
//!
//! Each case is played in a child process, so that an abort, a crash or a hang is a finding with
//! its seed and not the end of the run. The first finding ends the run: it is cut down to as few
//! ops as show it, and written as a recording that `glebe-fuzz replay` plays again.

mod args;
mod broken;
mod child;
mod finding;
mod hunt;
mod supervise;

use args::{CaseArgs, HuntArgs, ReplayArgs};
use clap::{Parser, Subcommand};
use glebe_trace::{Event, recording};
use std::fs::File;
use std::path::Path;
use std::process::ExitCode;

const AFTER_HELP: &str = "\
Exit status: 0 nothing found, 1 something found, 2 usage error or the run could not go on.

Profiles are named SIZES-LIFETIMES, with SIZES one of fixed, uniform, skewed, classes, large,
aligned, and LIFETIMES one of random, lifo, fifo, growth.";

/// Plays random operations on an allocator, with an oracle that knows what should come of each.
#[derive(Parser)]
#[command(bin_name = "glebe-fuzz", version, after_help = AFTER_HELP)]
#[command(args_conflicts_with_subcommands = true)]
struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    hunt: HuntArgs,
}

#[derive(Subcommand)]
enum Command {
    /// Plays a recording, such as the fuzzer writes for a finding
    Replay(ReplayArgs),
    /// Plays one case, as a finding names it
    Case(CaseArgs),
}

fn read(file: &Path) -> anyhow::Result<Vec<Event>> {
    let describe = |error: &dyn std::fmt::Display| anyhow::anyhow!("{}: {error}", file.display());
    let input = File::open(file).map_err(|error| describe(&error))?;
    recording::read(input).map_err(|error| describe(&error))
}

fn run(cli: &Cli) -> anyhow::Result<ExitCode> {
    match &cli.command {
        None => hunt::hunt(&cli.hunt),
        Some(Command::Case(args)) if args.on.here => {
            let case = args.case();
            child::play(&case.events(), case.manner(), args.on.target)
        }
        Some(Command::Replay(args)) if args.on.here => {
            child::play(&read(&args.file)?, args.manner(), args.on.target)
        }
        Some(Command::Case(args)) => finding::show(
            &supervise::Play::case(&args.case(), &args.on),
            args.case().ops,
            1,
        ),
        Some(Command::Replay(args)) => {
            // Here, so that a file that is no recording is not taken for a finding.
            let events = read(&args.file)?.len();
            let play = supervise::Play::recording(&args.file, args.manner(), &args.on);
            finding::show(&play, events, args.tries)
        }
    }
}

fn main() -> ExitCode {
    run(&Cli::parse()).unwrap_or_else(|error| {
        eprintln!("glebe-fuzz: {error:#}");
        ExitCode::from(2)
    })
}
