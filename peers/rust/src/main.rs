//! Does one row of `glebe bench rust` in this process, with the allocator of the chosen feature as
//! `#[global_allocator]`, and prints what it cost as one line of JSON.

use std::hint::black_box;
use std::process::ExitCode;

use clap::Parser;
use glebe_bench::{Identity, libc_version, measure, rust};

/// The allocator of the one feature that is on; with none or two this does not compile.
macro_rules! allocators {
    ($($feature:literal: $($path:ident)::+,)*) => { $(
        #[cfg(feature = $feature)]
        use $($path)::+ as Allocator;
        #[cfg(feature = $feature)]
        const NAME: &str = $feature;
    )* };
}

allocators! {
    "glebe": glebe::Glebe,
    "glibc": std::alloc::System,
    "google-tcmalloc": tcmalloc_better::TCMalloc,
    "jemalloc": tikv_jemallocator::Jemalloc,
    "mimalloc3": mimalloc::MiMalloc,
    "rpmalloc": rpmalloc::RpMalloc,
    "snmalloc": snmalloc_rs::SnMalloc,
}

#[global_allocator]
static ALLOCATOR: Allocator = Allocator;

#[derive(Parser)]
struct Args {
    /// The row to run; without one, only tells which allocator is in use
    #[arg(long)]
    row: Option<String>,
    #[arg(long, default_value_t = 1)]
    ops: u64,
    #[arg(long, default_value_t = 1)]
    seed: u64,
}

fn main() -> ExitCode {
    match run(&Args::parse()) {
        Ok(line) => {
            println!("{line}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("{NAME}: {error}");
            ExitCode::from(4)
        }
    }
}

fn run(args: &Args) -> Result<String, String> {
    if is_served_by_glibc() != (NAME == "glibc") {
        return Err("another allocator serves this program".into());
    }
    let line = match &args.row {
        None => serde_json::to_string(&Identity {
            library: NAME.into(),
            version: (NAME == "glibc").then(libc_version),
        }),
        Some(row) => {
            let found = rust::rows().into_iter().find(|one| one.name == *row);
            let row = found.ok_or_else(|| format!("no row {row}"))?;
            serde_json::to_string(&measure(&row, args.ops, args.seed, NAME.into())?)
        }
    };
    line.map_err(|error| error.to_string())
}

/// Whether a block of this program is one more in the books of the C library's allocator.
fn is_served_by_glibc() -> bool {
    // SAFETY: it only reads the allocator's own figures.
    let in_use = || unsafe { libc::mallinfo2() }.uordblks;
    let before = in_use();
    let _block = black_box(vec![1u8; 50_000]);
    in_use() != before
}
