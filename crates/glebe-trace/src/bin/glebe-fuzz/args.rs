//! Arguments: of a search for findings, of a recording and of a case; and on which allocator.

use clap::{Args, ValueEnum, value_parser};
use glebe_trace::case::Manner;
use glebe_trace::{Care, Case, Mix, Profile};
use std::path::PathBuf;
use strum::Display;

/// A search for findings.
#[derive(Args)]
pub struct HuntArgs {
    /// Start no case after so many seconds [default: 60, without --ops]
    #[arg(long, value_name = "N", value_parser = value_parser!(u64).range(1..))]
    pub seconds: Option<u64>,
    /// Play so many operations
    #[arg(long, value_name = "N", conflicts_with = "seconds",
          value_parser = value_parser!(u64).range(1..))]
    pub ops: Option<u64>,
    /// The same seed gives the same cases [default: from the clock, and printed]
    #[arg(long)]
    pub seed: Option<u64>,
    /// Draw from this profile and others so named [default: from all]
    #[arg(long = "profile", value_name = "NAME")]
    pub profiles: Vec<Profile>,
    /// Most threads of a case; 1 for cases on one thread only
    #[arg(long, value_name = "N", default_value_t = 4,
          value_parser = value_parser!(u32).range(1..=64))]
    pub threads: u32,
    /// Cases played at a time [default: one for each core]
    #[arg(long, value_name = "N", value_parser = value_parser!(u16).range(1..=1024))]
    pub jobs: Option<u16>,
    /// Where findings are written, as a recording and a report
    #[arg(long, value_name = "DIR", default_value = "target/fuzz")]
    pub seed_out: PathBuf,
    /// Print the result as one JSON object
    #[arg(long)]
    pub json: bool,
    /// Print nothing but findings
    #[arg(long)]
    pub quiet: bool,
    #[command(flatten)]
    pub on: On,
}

/// On what to play, and how long.
#[derive(Args, Clone)]
pub struct On {
    /// The allocator
    #[arg(long, value_enum, default_value_t = TargetName::Glebe)]
    pub target: TargetName,
    /// A case that takes longer counts as hanging
    #[arg(long, value_name = "SECONDS", default_value_t = 60,
          value_parser = value_parser!(u64).range(1..))]
    pub time_limit: u64,
    /// Play here instead of in a child process
    #[arg(long, hide = true)]
    pub here: bool,
}

#[derive(Args)]
pub struct ReplayArgs {
    /// The recording
    pub file: PathBuf,
    /// All threads at once instead of in turns
    #[arg(long)]
    pub abreast: bool,
    /// With every check after every operation
    #[arg(long, conflicts_with = "abreast")]
    pub checked: bool,
    /// Play it so often, or until it shows something
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = value_parser!(u32).range(1..))]
    pub tries: u32,
    #[command(flatten)]
    pub on: On,
}

#[derive(Args)]
pub struct CaseArgs {
    /// What kind of case: checked, long, bytes, turns, abreast, bad
    #[arg(long)]
    pub mix: Mix,
    /// From which the operations follow
    #[arg(long)]
    pub seed: u64,
    /// The look of the stream
    #[arg(long, value_name = "NAME")]
    pub profile: Profile,
    /// Threads
    #[arg(long, value_name = "N", default_value_t = 1,
          value_parser = value_parser!(u32).range(1..=64))]
    pub threads: u32,
    /// Operations
    #[arg(long, value_name = "N")]
    pub ops: usize,
    #[command(flatten)]
    pub on: On,
}

/// The allocators that can be played on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Display, ValueEnum)]
#[strum(serialize_all = "kebab-case")]
pub enum TargetName {
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
    pub fn refuses_bad_frees(self) -> bool {
        matches!(self, TargetName::Glebe | TargetName::BrokenLax)
    }
}

impl CaseArgs {
    pub fn case(&self) -> Case {
        Case {
            mix: self.mix,
            seed: self.seed,
            profile: self.profile.on_threads(self.threads),
            ops: self.ops,
        }
    }
}

impl ReplayArgs {
    pub fn manner(&self) -> Manner {
        match (self.abreast, self.checked) {
            (true, _) => Manner::Abreast,
            (_, true) => Manner::Turns(Care::UTMOST),
            _ => Manner::Turns(Care::default()),
        }
    }
}
