//! `glebe-fuzz`, random operation streams against an allocator, under the oracle.
//!
//! Each case is played in a child process, so that an abort, a crash or a hang is a finding with
//! its seed and not the end of the run. The first finding ends the run: it is cut down to as few
//! ops as show it, and written as a recording that `glebe-fuzz replay` plays again.

mod broken;
mod child;
mod finding;
mod hunt;
mod supervise;

use clap::{Args, Parser, Subcommand, ValueEnum, value_parser};
use glebe_trace::case::Manner;
use glebe_trace::{Care, Case, Event, Mix, Profile, recording};
use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use strum::Display;

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

/// A search for findings.
#[derive(Args)]
struct HuntArgs {
    /// Start no case after so many seconds [default: 60, without --ops]
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1..))]
    seconds: Option<u64>,
    /// Play so many operations
    #[arg(long, value_name = "N", conflicts_with = "seconds",
          value_parser = value_parser!(u64).range(1..))]
    ops: Option<u64>,
    /// The same seed gives the same cases [default: from the clock, and printed]
    #[arg(long)]
    seed: Option<u64>,
    /// Draw from this profile and others so named [default: from all]
    #[arg(long = "profile", value_name = "NAME")]
    profiles: Vec<Profile>,
    /// Most threads of a case; 1 for cases on one thread only
    #[arg(long, value_name = "N", default_value_t = 4,
          value_parser = value_parser!(u32).range(1..=64))]
    threads: u32,
    /// Cases played at a time [default: one for each core]
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(1..=1024))]
    jobs: Option<u16>,
    /// Where findings are written, as a recording and a report
    #[arg(long, value_name = "DIR", default_value = "target/fuzz")]
    seed_out: PathBuf,
    /// Print the result as one JSON object
    #[arg(long)]
    json: bool,
    /// Print nothing but findings
    #[arg(long)]
    quiet: bool,
    #[command(flatten)]
    on: On,
}

/// On what to play, and how long.
#[derive(Args, Clone)]
struct On {
    /// The allocator
    #[arg(long, value_enum, default_value_t = TargetName::Glebe)]
    target: TargetName,
    /// A case that takes longer counts as hanging
    #[arg(long, value_name = "SECONDS", default_value_t = 60,
          value_parser = value_parser!(u64).range(1..))]
    time_limit: u64,
    /// Play here instead of in a child process
    #[arg(long, hide = true)]
    here: bool,
}

#[derive(Args)]
struct ReplayArgs {
    /// The recording
    file: PathBuf,
    /// All threads at once instead of in turns
    #[arg(long)]
    abreast: bool,
    /// With every check after every operation
    #[arg(long, conflicts_with = "abreast")]
    checked: bool,
    /// Play it so often, or until it shows something
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = value_parser!(u32).range(1..))]
    tries: u32,
    #[command(flatten)]
    on: On,
}

#[derive(Args)]
struct CaseArgs {
    /// What kind of case: checked, long, bytes, turns, abreast, bad
    #[arg(long)]
    mix: Mix,
    /// From which the operations follow
    #[arg(long)]
    seed: u64,
    /// The look of the stream
    #[arg(long, value_name = "NAME")]
    profile: Profile,
    /// Threads
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = value_parser!(u32).range(1..=64))]
    threads: u32,
    /// Operations
    #[arg(long, value_name = "N")]
    ops: usize,
    #[command(flatten)]
    on: On,
}

/// The allocators that can be played on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Display, ValueEnum)]
#[strum(serialize_all = "kebab-case")]
enum TargetName {
    /// Glebe by its bare calls
    Glebe,
    /// Glebe as Rust's allocator
    GlebeGlobal,
    /// The C library's allocator
    System,
    /// Gives a block twice
    #[value(hide = true)]
    BrokenTwice,
    /// Aborts
    #[value(hide = true)]
    BrokenAbort,
    /// Hangs
    #[value(hide = true)]
    BrokenHang,
    /// Accepts bad frees
    #[value(hide = true)]
    BrokenLax,
    /// Aborts when another thread frees a block
    #[value(hide = true)]
    BrokenRemote,
}

impl TargetName {
    /// Whether it says that bad frees end the process.
    fn refuses_bad_frees(self) -> bool {
        matches!(self, TargetName::Glebe | TargetName::BrokenLax)
    }
}

impl CaseArgs {
    fn case(&self) -> Case {
        Case {
            mix: self.mix,
            seed: self.seed,
            profile: self.profile.on_threads(self.threads),
            ops: self.ops,
        }
    }
}

impl ReplayArgs {
    fn manner(&self) -> Manner {
        match (self.abreast, self.checked) {
            (true, _) => Manner::Abreast,
            (_, true) => Manner::Turns(Care::UTMOST),
            _ => Manner::Turns(Care::default()),
        }
    }
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
