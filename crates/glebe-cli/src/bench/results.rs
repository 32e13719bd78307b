//! The samples of a benchmark and what is computed from them: ratios round by round, so that a slow
//! minute of the machine falls on both sides, then medians, then geometric means over the rows.

use serde::{Deserialize, Serialize};

use super::allocators::{Absent, Allocator, Role};
use super::child::Failure;
use super::machine::Machine;
use super::stats::{Spread, Verdict, geometric_mean};
use super::suite::Unit;
use super::worker::Sample;
use glebe_bench::pattern::{Latency, Quantiles};

/// What of a sample is compared. Less is better in both.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Metric {
    /// Nanoseconds per operation.
    Time,
    /// Peak resident set.
    Peak,
}

impl Metric {
    fn of(self, sample: &Sample) -> f64 {
        match self {
            Self::Time => sample.ns_per_op,
            Self::Peak => sample.peak_rss_kib as f64,
        }
    }
}

/// All runs of one row under one allocator.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Cell {
    /// One for each round, until a failure.
    pub samples: Vec<Sample>,
    /// Why there are no more.
    pub failure: Option<Failure>,
}

impl Cell {
    /// Adds the outcome of a round.
    pub fn add(&mut self, outcome: Result<Sample, Failure>) {
        match outcome {
            Ok(sample) => self.samples.push(sample),
            Err(failure) => self.failure = Some(failure),
        }
    }

    /// The metric over the rounds. A cell that failed once has no figures.
    pub fn spread(&self, metric: Metric) -> Option<Spread> {
        let samples = self.failure.is_none().then_some(&self.samples)?;
        Spread::of(samples.iter().map(|sample| metric.of(sample)))
    }

    /// How long single calls took, if they were timed: medians over the rounds of the quantiles of
    /// `malloc` and of `free`.
    pub fn latency(&self) -> Option<[[f64; 4]; 2]> {
        let rounds = self.samples.iter().map(|sample| sample.latency);
        let rounds: Vec<Latency> = rounds.collect::<Option<_>>()?;
        if self.failure.is_some() || rounds.is_empty() {
            return None;
        }
        let medians = |of: fn(&Latency) -> Quantiles| {
            [0, 1, 2, 3].map(|at| {
                let figures = rounds.iter().map(|one| of(one).rising()[at] as f64);
                Spread::of(figures).map_or(0.0, |spread| spread.median)
            })
        };
        Some([medians(|one| one.malloc), medians(|one| one.free)])
    }

    /// The ratios to another cell, round by round.
    fn ratios(&self, other: &Self, metric: Metric) -> Option<impl Iterator<Item = f64>> {
        let both = self.failure.is_none() && other.failure.is_none();
        let rounds = both.then(|| self.samples.iter().zip(&other.samples))?;
        Some(rounds.map(move |(own, other)| metric.of(own) / metric.of(other)))
    }
}

/// One row of a suite.
#[derive(Debug, Serialize, Deserialize)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// One for each allocator, in their order.
    pub cells: Vec<Cell>,
}

/// What the user chose for all suites.
#[derive(Debug, Serialize, Deserialize)]
pub struct Settings {
    /// Seed of every row.
    pub seed: u64,
    /// Whether the short runs were asked for.
    pub quick: bool,
}

/// The version of the layout of results.
pub const SCHEMA: u32 = 2;

/// A whole benchmark, as written by `--json`.
#[derive(Debug, Serialize, Deserialize)]
pub struct Results {
    /// Version of this layout.
    pub schema: u32,
    /// Seconds since 1970 at the start.
    pub started: u64,
    /// Where.
    pub machine: Machine,
    /// How.
    pub settings: Settings,
    /// What was measured.
    pub suites: Vec<Table>,
}

/// All samples of one suite.
#[derive(Debug, Serialize, Deserialize)]
pub struct Table {
    /// Its name.
    pub suite: String,
    /// What an operation is.
    pub about: String,
    /// The unit that times are shown in.
    pub unit: Unit,
    /// Rounds.
    pub rounds: u32,
    /// The allocator that ratios are to.
    pub base: String,
    /// The columns.
    pub allocators: Vec<Allocator>,
    /// Allocators and rows that could not run.
    pub absent: Vec<Absent>,
    /// The rows.
    pub rows: Vec<Row>,
}

/// How the subject stands to the best peer of a row.
#[derive(Debug, Clone, Copy)]
pub struct Versus {
    /// The column of the best peer over all rounds.
    pub best: usize,
    /// The subject's ratio to it, round by round; in each, to whoever is best in the other rounds.
    /// Of many that are level, the best of all rounds was lucky in them, and would not get its
    /// figure twice.
    pub ratio: Spread,
    /// The same, judged against the noise of the row.
    pub verdict: Verdict,
}

/// How the subject stands to the best peers of all rows.
#[derive(Debug)]
pub struct Overall<'a> {
    /// The geometric mean of the ratios to the best peer of each row.
    pub mean: f64,
    /// The row with the largest, and it.
    pub worst: (&'a str, f64),
    /// Rows in which it is ahead, level, and behind.
    pub counts: [usize; 3],
}

/// One allocator over all rows.
#[derive(Debug, Clone, Copy)]
pub struct Summary {
    /// Geometric mean of the ratios of time to the base.
    pub time: f64,
    /// The same of peak memory.
    pub peak: f64,
    /// Rows that entered the means.
    pub rows: usize,
}

impl Summary {
    /// The mean of a metric.
    pub fn of(&self, metric: Metric) -> f64 {
        match metric {
            Metric::Time => self.time,
            Metric::Peak => self.peak,
        }
    }
}

impl Table {
    fn column(&self, wanted: impl Fn(&Allocator) -> bool) -> Option<usize> {
        self.allocators.iter().position(wanted)
    }

    /// The column that ratios are to.
    pub fn base(&self) -> usize {
        let base = &self.base;
        self.column(|arm| arm.name == *base)
            .expect("the base is always among the allocators")
    }

    /// The column of the allocator that the comparison is about, if it ran.
    pub fn subject(&self) -> Option<usize> {
        self.column(|arm| arm.role == Role::Subject)
    }

    /// A cell's ratio to the base.
    pub fn ratio(&self, row: &Row, column: usize, metric: Metric) -> Option<Spread> {
        Spread::of(row.cells[column].ratios(&row.cells[self.base()], metric)?)
    }

    /// The peer with the smallest median ratio to the base, `without` one of the rounds.
    fn best_peer(&self, row: &Row, metric: Metric, without: Option<usize>) -> Option<usize> {
        let base = &row.cells[self.base()];
        let median = |at: usize| {
            let ratios = row.cells[at].ratios(base, metric)?.enumerate();
            let others = ratios.filter(|(round, _)| Some(*round) != without);
            Some((at, Spread::of(others.map(|(_, ratio)| ratio))?.median))
        };
        let peers = (0..self.allocators.len()).filter(|&at| self.allocators[at].role == Role::Peer);
        peers
            .filter_map(median)
            .min_by(|(_, one), (_, other)| one.total_cmp(other))
            .map(|(at, _)| at)
    }

    /// The subject against the best peer of a row.
    pub fn versus(&self, row: &Row, metric: Metric) -> Option<Versus> {
        let subject = &row.cells[self.subject()?];
        let best = self.best_peer(row, metric, None)?;
        let in_round = |round| {
            let best = self.best_peer(row, metric, Some(round)).unwrap_or(best);
            subject.ratios(&row.cells[best], metric)?.nth(round)
        };
        let ratio = Spread::of((0..subject.samples.len()).filter_map(in_round))?;
        let null = self.column(|arm| arm.role == Role::Null);
        let null = null
            .and_then(|at| self.ratio(row, at, metric))
            .map(|spread| spread.median);
        Some(Versus {
            best,
            ratio,
            verdict: Verdict::of(ratio.median, null),
        })
    }

    /// The subject against the best peers of all rows; `None` when no row has figures of both.
    pub fn overall(&self, metric: Metric) -> Option<Overall<'_>> {
        let rows = || {
            let versus = |row| Some((row, self.versus(row, metric)?));
            self.rows.iter().filter_map(versus)
        };
        let ratios = rows().map(|(row, versus)| (row.name.as_str(), versus.ratio.median));
        let count = |verdict| {
            rows()
                .filter(|(_, versus)| versus.verdict == verdict)
                .count()
        };
        Some(Overall {
            mean: geometric_mean(ratios.clone().map(|(_, ratio)| ratio))?,
            worst: ratios.max_by(|one, other| one.1.total_cmp(&other.1))?,
            counts: [Verdict::Ahead, Verdict::Level, Verdict::Behind].map(count),
        })
    }

    /// The geometric means of a column; `None` when it has no row.
    pub fn summary(&self, column: usize) -> Option<Summary> {
        let medians = |metric| {
            let ratios = self
                .rows
                .iter()
                .filter_map(move |row| self.ratio(row, column, metric));
            ratios.map(|spread| spread.median)
        };
        Some(Summary {
            time: geometric_mean(medians(Metric::Time))?,
            peak: geometric_mean(medians(Metric::Peak))?,
            rows: medians(Metric::Time).count(),
        })
    }

    /// Every failure, with the names of its row and allocator.
    pub fn failures(&self) -> impl Iterator<Item = (&str, &str, &Failure)> {
        self.rows.iter().flat_map(|row| {
            self.allocators
                .iter()
                .zip(&row.cells)
                .filter_map(|(arm, cell)| {
                    Some((row.name.as_str(), arm.name.as_str(), cell.failure.as_ref()?))
                })
        })
    }
}

#[cfg(test)]
pub mod tests {
    use super::*;
    use crate::bench::machine::Machine;

    fn sample(ns_per_op: f64) -> Sample {
        Sample {
            ops: 1,
            ns_per_op,
            peak_rss_kib: (ns_per_op * 1024.0) as u64,
            user_ms: 0.0,
            system_ms: 0.0,
            minor_faults: 0,
            major_faults: 0,
            library: "/lib/test.so".into(),
            latency: None,
        }
    }

    fn cell(rounds: &[f64]) -> Cell {
        Cell {
            samples: rounds.iter().copied().map(sample).collect(),
            failure: None,
        }
    }

    fn failed() -> Cell {
        let failure = Failure {
            what: "SIGABRT".into(),
            message: "double free".into(),
        };
        Cell {
            samples: vec![sample(1.0)],
            failure: Some(failure),
        }
    }

    fn arm(name: &str, role: Role) -> Allocator {
        Allocator {
            name: name.into(),
            role,
            library: None,
            version: None,
        }
    }

    /// Two rows: the subject halves the base in one and its best peer crashes in the other.
    pub fn example() -> Table {
        Table {
            suite: "micro".into(),
            about: "An operation is one allocation and its free.".into(),
            unit: Unit::Nanoseconds,
            rounds: 3,
            base: "base".into(),
            allocators: vec![
                arm("glebe", Role::Subject),
                arm("base", Role::Peer),
                arm("base/null", Role::Null),
                arm("quick", Role::Peer),
                arm("armoured", Role::Hardened),
            ],
            absent: vec![Absent {
                name: "lost".into(),
                remedy: "find it".into(),
            }],
            rows: vec![
                Row {
                    name: "one".into(),
                    cells: vec![
                        cell(&[2.0, 5.0, 2.0]),
                        cell(&[4.0, 10.0, 4.0]),
                        cell(&[4.0, 10.0, 4.4]),
                        cell(&[3.0, 8.0, 3.0]),
                        cell(&[1.0, 1.0, 1.0]),
                    ],
                },
                Row {
                    name: "two".into(),
                    cells: vec![
                        cell(&[8.0, 8.0, 8.0]),
                        cell(&[4.0, 4.0, 4.0]),
                        cell(&[4.0, 4.0, 4.0]),
                        failed(),
                        cell(&[4.0, 4.0, 4.0]),
                    ],
                },
            ],
        }
    }

    /// The example in a whole benchmark.
    pub fn whole() -> Results {
        Results {
            schema: SCHEMA,
            started: 0,
            machine: Machine::read(),
            settings: Settings {
                seed: 1,
                quick: false,
            },
            suites: vec![example()],
        }
    }

    #[test]
    fn ratios_are_taken_round_by_round() {
        let results = example();
        let ratio = results.ratio(&results.rows[0], 0, Metric::Time).unwrap();
        assert_eq!(
            ratio,
            Spread {
                median: 0.5,
                min: 0.5,
                max: 0.5
            }
        );
        let null = results.ratio(&results.rows[0], 2, Metric::Time).unwrap();
        assert!(
            (null.median - 1.0).abs() < 1e-9 && (null.max - 1.1).abs() < 1e-9,
            "{null:?}"
        );
    }

    #[test]
    fn the_best_peer_is_neither_hardened_nor_failed() {
        let results = example();
        let versus = results.versus(&results.rows[0], Metric::Time).unwrap();
        assert_eq!((versus.best, versus.verdict), (3, Verdict::Ahead));
        let versus = results.versus(&results.rows[1], Metric::Time).unwrap();
        assert_eq!((versus.best, versus.verdict), (1, Verdict::Behind));
    }

    #[test]
    fn nobody_is_best_by_the_luck_of_the_round_that_counts() {
        let mut table = example();
        table.rows[0].cells = vec![
            cell(&[4.0, 4.0, 4.0]),
            cell(&[4.0, 4.0, 4.0]),
            cell(&[4.0, 4.0, 4.0]),
            cell(&[2.0, 4.4, 3.9]),
            failed(),
        ];
        let versus = table.versus(&table.rows[0], Metric::Time).unwrap();
        assert_eq!((versus.best, versus.ratio.median), (3, 1.0));
    }

    #[test]
    fn latencies_are_medians_over_the_rounds() {
        let timed = |p50| {
            let malloc = Quantiles {
                calls: 1,
                p50,
                p99: 20,
                p999: 30,
                max: 40 * p50,
            };
            let free = Quantiles { p50: 5, ..malloc };
            let mut sample = sample(1.0);
            sample.latency = Some(Latency { malloc, free });
            sample
        };
        let mut cell = Cell {
            samples: [9, 1, 2].map(timed).into(),
            failure: None,
        };
        let expected = [[2.0, 20.0, 30.0, 80.0], [5.0, 20.0, 30.0, 80.0]];
        assert_eq!(cell.latency(), Some(expected));
        cell.failure = failed().failure;
        assert_eq!(cell.latency(), None);
    }

    #[test]
    fn means_count_only_rows_with_figures() {
        let results = example();
        let subject = results.summary(0).unwrap();
        assert!(
            (subject.time - 1.0).abs() < 1e-9 && subject.rows == 2,
            "{subject:?}"
        );
        let failed = results.summary(3).unwrap();
        assert!(
            (failed.time - 0.75).abs() < 1e-9 && failed.rows == 1,
            "{failed:?}"
        );
        let failures: Vec<_> = results.failures().collect();
        assert_eq!(failures.len(), 1);
        assert_eq!((failures[0].0, failures[0].1), ("two", "quick"));
    }
}
