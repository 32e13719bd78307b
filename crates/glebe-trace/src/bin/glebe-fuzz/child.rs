//! What runs in a child process: one list of events on one target. How it ends, and what it says on
//! its two streams, is the result, which [`crate::supervise`] reads.
//!
//! Before a bad free, a line on the standard output names the address and the words of which one
//! must stand in the target's last line.

use crate::args::TargetName;
use crate::broken::{Broken, Defect};
use anyhow::Context;
use glebe_trace::case::Manner;
use glebe_trace::{Event, GlebeRaw, Origin, Target};
use rustix::process::{Resource, Rlimit, Signal};
use std::alloc::System;
use std::io::Write;
use std::process::ExitCode;

/// With what the line begins that announces a bad free.
pub const BAD_FREE: &str = "bad free of ";
/// Between the words.
pub const OR: &str = " or ";

/// Plays events in this process.
pub fn play(events: &[Event], manner: Manner, target: TargetName) -> anyhow::Result<ExitCode> {
    die_quietly()?;
    let manner = match manner {
        // SAFETY: these refuse bad frees; the one of them that does not leaves them undone.
        Manner::Turns(care) if target.refuses_bad_frees() => unsafe {
            Manner::Turns(care.with_bad_frees(announce))
        },
        manner => manner,
    };
    let broken = |defect| play_on(&Broken::new(defect), events, manner);
    Ok(match target {
        TargetName::Glebe => play_on(&GlebeRaw, events, manner),
        TargetName::GlebeGlobal => play_on(&glebe::Glebe, events, manner),
        TargetName::System => play_on(&System, events, manner),
        TargetName::BrokenTwice => broken(Defect::Twice),
        TargetName::BrokenAbort => broken(Defect::Abort),
        TargetName::BrokenHang => broken(Defect::Hang),
        TargetName::BrokenLax => broken(Defect::Lax),
        TargetName::BrokenRemote => broken(Defect::Remote),
    })
}

fn play_on(target: &impl Target, events: &[Event], manner: Manner) -> ExitCode {
    match manner.play(target, events, &Origin::List) {
        Ok(_) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("{fault}");
            ExitCode::FAILURE
        }
    }
}

/// No core dumps, and no life after the parent's.
fn die_quietly() -> anyhow::Result<()> {
    let none = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    rustix::process::setrlimit(Resource::Core, none).context("cannot turn core dumps off")?;
    rustix::process::set_parent_process_death_signal(Some(Signal::KILL))
        .context("cannot ask to end with the parent")
}

fn announce(address: usize, words: &[&str]) {
    let line = format!("{BAD_FREE}{address:#x}: {}\n", words.join(OR));
    // If the line is lost, the parent takes the refusal for a crash, and that is a finding.
    let _ = std::io::stdout().write_all(line.as_bytes());
}
