//! What a study has found: all that its reports say, and the JSON.

use serde::Serialize;

use super::ageing::{Aged, Lifetimes};
use super::efficiency::Fullness;
use super::growth::{Growth, Pattern};
use super::locality::Locality;
use crate::arms::Name;
use crate::bench::machine::Machine;
use crate::bench::stats::Verdict;

/// The whole study.
#[derive(Debug, Default, Serialize)]
pub struct Study {
    /// Of this format.
    pub schema: u32,
    /// How it was made.
    pub setting: Setting,
    /// Question a.
    pub costs: Vec<CostRow>,
    /// Question b.
    pub ageing: Vec<AgeRow>,
    /// Question c.
    pub locality: Vec<LocalityRow>,
    /// Question d.
    pub growth: Vec<GrowthRow>,
    /// How full ranges get.
    pub fullness: Vec<FullnessRow>,
    /// Random actions by the clock.
    pub actions: Vec<ActionsRow>,
    /// What the project promises, and whether it holds.
    pub targets: Vec<Target>,
    /// The subject against the best peer, row by row.
    pub duels: Vec<Duel>,
    /// Measurements that failed.
    pub failures: Vec<Failure>,
}

impl Study {
    /// A mean over the lives of an arm.
    pub fn mean_life(&self, arm: Name, value: impl Fn(&AgeRow) -> Option<f64>) -> Option<f64> {
        let rows = self.ageing.iter().filter(|row| row.arm == arm);
        let values: Option<Vec<f64>> = rows.map(value).collect();
        let values = values.filter(|values| !values.is_empty())?;
        Some(values.iter().sum::<f64>() / values.len() as f64)
    }
}

/// How a study was made.
#[derive(Debug, Default, Serialize)]
pub struct Setting {
    /// Seconds since 1970.
    pub started: u64,
    /// How long it took, in seconds.
    pub seconds: f64,
    /// The version of this command.
    pub version: String,
    /// The machine.
    pub machine: Machine,
    /// The peers' crates and versions.
    pub peers: Vec<String>,
    /// Seed of everything.
    pub seed: u64,
    /// A short one.
    pub quick: bool,
    /// The version of valgrind, if it was there.
    pub valgrind: Option<String>,
    /// Rounds of what the clock measures.
    pub rounds: usize,
    /// Operations of a life over a fixed range, and with a supplier.
    pub ops: [u64; 2],
    /// The null arm: the largest ratio of the same pool's time to itself, less 1.
    pub noise: Option<f64>,
}

/// The cost of a pair with so many blocks live.
#[derive(Debug, Serialize)]
pub struct CostRow {
    /// Whose.
    pub arm: Name,
    /// The second row of the same arm, which shows the noise.
    pub null: bool,
    /// Live blocks.
    pub live: usize,
    /// Nanoseconds of a pair: the median of all stretches of all rounds.
    pub nanoseconds: Option<f64>,
    /// The fastest and the slowest stretch.
    pub spread: Option<[f64; 2]>,
    /// Instructions of an alloc.
    pub alloc: Option<f64>,
    /// Instructions of a free.
    pub free: Option<f64>,
    /// Why a figure is missing.
    pub given_up: Option<String>,
}

impl CostRow {
    /// Without figures yet.
    pub fn of(((arm, null), live): ((Name, bool), usize)) -> CostRow {
        CostRow {
            arm,
            null,
            live,
            nanoseconds: None,
            spread: None,
            alloc: None,
            free: None,
            given_up: None,
        }
    }

    /// Instructions of both.
    pub fn instructions(&self) -> Option<f64> {
        Some(self.alloc? + self.free?)
    }
}

/// A life of a heap.
#[derive(Debug, Serialize)]
pub struct AgeRow {
    /// Whose.
    pub arm: Name,
    /// How.
    pub lifetimes: Lifetimes,
    /// What came of it.
    #[serde(flatten)]
    pub aged: Aged,
}

/// Locality of an arm.
#[derive(Debug, Serialize)]
pub struct LocalityRow {
    /// Whose.
    pub arm: Name,
    /// What came of it.
    #[serde(flatten)]
    pub found: Locality,
}

/// Growth of buffers.
#[derive(Debug, Serialize)]
pub struct GrowthRow {
    /// Whose.
    pub arm: Name,
    /// How.
    pub pattern: Pattern,
    /// What came of it.
    #[serde(flatten)]
    pub growth: Growth,
}

/// How full ranges get.
#[derive(Debug, Serialize)]
pub struct FullnessRow {
    /// Whose.
    pub arm: Name,
    /// What came of it.
    #[serde(flatten)]
    pub found: Fullness,
}

/// Random actions by the clock.
#[derive(Debug, Serialize)]
pub struct ActionsRow {
    /// Whose.
    pub arm: Name,
    /// The second row of the same arm, which shows the noise.
    pub null: bool,
    /// The largest first request.
    pub most: usize,
    /// Actions a second: the median of the rounds.
    pub per_second: f64,
}

/// A promise.
#[derive(Debug, Serialize)]
pub struct Target {
    /// What is promised.
    pub what: String,
    /// What was measured.
    pub measured: String,
    /// The best peer.
    pub best_peer: String,
    /// Whether it holds; none if it was not measured.
    pub holds: Option<bool>,
}

/// The subject against the best peer.
#[derive(Debug, Serialize)]
pub struct Duel {
    /// In what.
    pub what: String,
    /// What was measured of the subject.
    pub measured: String,
    /// And of the best peer.
    pub best_peer: String,
    /// How many times better the subject is.
    pub ratio: f64,
    /// Whether that is more than the noise.
    pub verdict: Verdict,
}

/// A measurement that failed.
#[derive(Debug, Serialize)]
pub struct Failure {
    /// Which.
    pub what: String,
    /// Why.
    pub why: String,
}
