//! The `glebe` command: the command line, and nothing else. Each subcommand lives in a module.

mod arms;
mod bench;
mod elf;
mod library;
mod page;
mod program;
mod record;
mod replay;
mod run;
mod sigpipe;
mod simulate;
mod study;
mod words;

use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{Parser, Subcommand};

/// Run programs on the Glebe allocator, and measure it beside its peers.
#[derive(Parser, Debug)]
#[command(name = "glebe", version, about, subcommand_required = true)]
#[command(arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand, Debug)]
enum Command {
    /// Run a program on the allocator
    Run(run::Args),
    /// Measure the allocator beside its peers
    Bench(bench::Args),
    /// Runs one pattern in this process; started by `glebe bench`
    #[command(hide = true)]
    BenchWorker(bench::worker::Args),
    /// Runs one program and prints what it cost; started by `glebe bench`
    #[command(hide = true)]
    BenchRunner(bench::runner::Args),
    /// Touches memory before a sample; started by `glebe bench`
    #[command(hide = true)]
    BenchWarm(bench::warm::Args),
    /// Play recordings on allocators, or malloc-lab traces on pools; generate such traces
    Replay(replay::Args),
    /// Answer four questions about allocators by measurement, in a report
    Study(study::Args),
    /// Compare ways to share the region out on machines with several memory nodes, in a model
    Simulate(simulate::Args),
    /// Makes one measurement in this process; started by `glebe study`
    #[command(hide = true)]
    StudyWorker(study::worker::Args),
}

fn main() -> ExitCode {
    // Before anything else is done: the benchmark times such a process as a whole.
    if bench::short_life() {
        return ExitCode::SUCCESS;
    }
    let command = match Cli::try_parse() {
        Ok(cli) => cli.command,
        Err(error) => return usage(&error),
    };
    match command {
        Command::Run(args) => run::run(&args).unwrap_or_else(|error| {
            eprintln!("glebe run: {error}");
            ExitCode::from(error.status())
        }),
        Command::Bench(args) => bench::run(&args).unwrap_or_else(|error| {
            eprintln!("glebe bench: {error:#}");
            ExitCode::from(2)
        }),
        Command::BenchWorker(args) => bench::worker::run(&args),
        Command::BenchRunner(args) => bench::runner::run(&args),
        Command::BenchWarm(args) => bench::warm::run(&args),
        Command::Replay(args) => replay::run(&args).unwrap_or_else(|error| {
            eprintln!("glebe replay: {error:#}");
            ExitCode::from(2)
        }),
        Command::Study(args) => study::run(&args).unwrap_or_else(|error| {
            eprintln!("glebe study: {error:#}");
            ExitCode::from(2)
        }),
        Command::Simulate(args) => simulate::run(&args).unwrap_or_else(|error| {
            eprintln!("glebe simulate: {error:#}");
            ExitCode::from(2)
        }),
        Command::StudyWorker(args) => study::worker::run(&args),
    }
}

/// Prints a usage error or the help. `glebe run` must not answer with a status that could be the
/// program's, so its usage errors leave as its own failures do.
fn usage(error: &clap::Error) -> ExitCode {
    // Nothing can be done when the terminal is gone.
    let _ = error.print();
    match error.kind() {
        ErrorKind::DisplayHelp | ErrorKind::DisplayVersion => ExitCode::SUCCESS,
        _ if std::env::args_os().nth(1).is_some_and(|arg| arg == "run") => {
            ExitCode::from(run::OWN_FAILURE)
        }
        _ => ExitCode::from(2),
    }
}
