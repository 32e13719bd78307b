//! Warms the machine's memory before a sample, so that no sample pays for what ran before it.
//!
//! Free memory of a virtual machine may be with its host again (free page reporting), which has to
//! find and zero it anew. That takes some 4 ms a huge page where zeroing alone takes 0.1, and
//! falls on whoever asks for huge pages next; processes with small pages mostly get those that
//! another has just left. A process that ends leaves its memory to the next, too: the second of two
//! equal samples in a row was the faster one, by a tenth.
//!
//! So a process of its own, for memory stays in a parent's peak, touches what the row has needed
//! so far and half as much again, in huge pages where there are any, and ends.

use std::io;
use std::process::{Command, ExitCode, Stdio};

use glebe_bench::PAGE;
use memmap2::{Advice, MmapOptions};

use super::results::Row;

/// Rows that need less see little of it.
const LEAST_KIB: u64 = 16 << 10;
/// No more than so much is touched: seconds at worst.
const MOST_KIB: u64 = 768 << 10;

/// Arguments of the hidden command.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Memory to touch, in KiB
    #[arg(long)]
    kib: u64,
}

/// Touches memory; the end of the process gives it back.
pub fn run(args: &Args) -> ExitCode {
    match touch((args.kib.min(MOST_KIB) << 10) as usize) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("bench-warm: {error}");
            ExitCode::from(4)
        }
    }
}

fn touch(bytes: usize) -> io::Result<()> {
    let mut memory = MmapOptions::new().len(bytes).map_anon()?;
    // A kernel without huge pages has small ones.
    let _ = memory.advise(Advice::HugePage);
    memory.iter_mut().step_by(PAGE).for_each(|byte| *byte = 1);
    Ok(())
}

/// Warms what another sample of a row may need.
pub fn before(row: &Row) -> io::Result<()> {
    let kib = wanted_kib(row);
    if kib == 0 {
        return Ok(());
    }
    let mut command = Command::new(std::env::current_exe()?);
    command.args(["bench-warm", "--kib", &kib.to_string()]);
    command.stdin(Stdio::null()).env_remove("LD_PRELOAD");
    // A machine that has not so much memory free measures without it.
    command.status().map(drop)
}

fn wanted_kib(row: &Row) -> u64 {
    let samples = row.cells.iter().flat_map(|cell| &cell.samples);
    let peak = samples.map(|sample| sample.peak_rss_kib).max().unwrap_or(0);
    if peak < LEAST_KIB {
        return 0;
    }
    (peak + peak / 2).min(MOST_KIB)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::results::Cell;
    use crate::bench::worker::Sample;

    fn row(peaks: &[u64]) -> Row {
        let sample = |&peak_rss_kib: &u64| Sample {
            ops: 1,
            ns_per_op: 1.0,
            peak_rss_kib,
            user_ms: 0.0,
            system_ms: 0.0,
            minor_faults: 0,
            major_faults: 0,
            library: "libc.so.6".into(),
            latency: None,
        };
        Row {
            name: "row".into(),
            cells: vec![Cell {
                samples: peaks.iter().map(sample).collect(),
                failure: None,
            }],
        }
    }

    #[test]
    fn rows_are_warmed_by_what_they_needed() {
        assert_eq!(wanted_kib(&row(&[])), 0);
        assert_eq!(wanted_kib(&row(&[LEAST_KIB - 1])), 0);
        assert_eq!(wanted_kib(&row(&[LEAST_KIB, 40_000])), 60_000);
        assert_eq!(wanted_kib(&row(&[MOST_KIB])), MOST_KIB);
    }

    #[test]
    fn memory_is_touched_and_left() {
        assert_eq!(run(&Args { kib: 1024 }), ExitCode::SUCCESS);
    }
}
