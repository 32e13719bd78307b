//! `glebe bench`: measures the allocator beside its peers.
//!
//! A [`suite`] decides what is run; everything else is shared: [`allocators`] knows the arms,
//! [`peers`] builds them, [`child`] starts [`worker`] processes under them, [`runner`] other
//! programs, [`rounds`] runs all in turns on [`warm`] memory, [`results`] and [`stats`] compute,
//! [`figures`] says what it means, [`report`] shows it, [`output`] writes it.

pub mod allocators;
pub mod child;
mod figures;
pub mod machine;
pub mod output;
mod patterns;
mod peers;
mod report;
mod results;
pub mod rounds;
pub mod runner;
pub mod stats;
pub mod suite;
pub mod suites;
mod traces;
pub mod warm;
pub mod worker;

pub use patterns::short_life;

use std::process::ExitCode;

use anyhow::{Result, ensure};
use clap::Subcommand;
use strum::IntoEnumIterator;

use suites::Name;

/// Arguments of `glebe bench`.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Debug)]
enum What {
    /// Malloc and free patterns, each in a process of its own
    Micro(rounds::Args),
    /// Patterns after published benchmarks of allocators, most with several threads
    Stress(rounds::Args),
    /// Real programs with generated inputs, from interpreters to databases
    Real(rounds::Args),
    /// Rust's own types, with the allocator as `#[global_allocator]`
    Rust(rounds::Args),
    /// Allocators for kernels and small systems, over a fixed range
    Pools(rounds::Args),
    /// Recordings of programs, made by `glebe run --trace`
    Traces(suites::traces::Args),
    /// Every suite, interleaved round by round
    All(rounds::Args),
    /// Show results that --json has written
    Show(output::Args),
    /// Build the other allocators from their sources
    Peers(peers::Args),
}

/// Runs what was asked for.
pub fn run(args: &Args) -> Result<ExitCode> {
    match &args.what {
        What::Micro(args) => rounds::run(&[Name::Micro], args),
        What::Stress(args) => rounds::run(&[Name::Stress], args),
        What::Real(args) => rounds::run(&[Name::Real], args),
        What::Rust(args) => run_linked(Name::Rust, args),
        What::Pools(args) => run_linked(Name::Pools, args),
        What::Traces(args) => suites::traces::run(args),
        What::All(args) => rounds::run(&Name::iter().collect::<Vec<_>>(), args),
        What::Show(args) => output::show(args),
        What::Peers(args) => peers::run(args),
    }
}

/// Runs a suite whose allocators are linked in.
fn run_linked(name: Name, args: &rounds::Args) -> Result<ExitCode> {
    ensure!(
        args.ask.is_empty(),
        "--with and --library name libraries to preload, and this suite preloads none"
    );
    rounds::run(&[name], args)
}
