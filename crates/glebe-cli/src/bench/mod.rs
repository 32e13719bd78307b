//! `glebe bench`: measures the allocator beside its peers.
//!
//! A suite decides what is run; everything else is shared: [`allocators`] knows the arms,
//! [`peers`] builds them, [`child`] starts [`worker`] processes under them, [`results`] and
//! [`stats`] compute, [`report`] prints.

mod allocators;
pub mod child;
pub mod machine;
mod micro;
mod patterns;
mod peers;
mod report;
mod results;
pub mod stats;
pub mod worker;

use std::process::ExitCode;

use anyhow::Result;
use clap::Subcommand;

/// Arguments of `glebe bench`.
#[derive(clap::Args, Debug)]
pub struct Args {
    #[command(subcommand)]
    suite: Suite,
}

#[derive(Subcommand, Debug)]
enum Suite {
    /// Malloc and free patterns, each in a process of its own
    Micro(micro::Args),
    /// Build the other allocators from their sources
    Peers(peers::Args),
}

/// Runs a suite.
pub fn run(args: &Args) -> Result<ExitCode> {
    match &args.suite {
        Suite::Micro(args) => micro::run(args),
        Suite::Peers(args) => peers::run(args),
    }
}
