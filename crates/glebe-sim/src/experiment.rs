//! Which runs are made, and what they come to beside the engine as it is.
//!
//! A round is one seed: every policy meets the same choices of the workload. Ratios are taken round
//! by round against `flat`, then their geometric mean. The null arm is `flat` by other seeds: what
//! is nearer to 1 than it is says nothing.

use glebe_trace::rng::mix;
use serde::Serialize;
use strum::IntoEnumIterator;

use crate::machine::{self, Machine};
use crate::policy::Policy;
use crate::workloads::{self, Effort, measured};
use crate::world::Figures;

/// What is to be run.
#[derive(Clone, Debug)]
pub struct Order {
    /// On which machines.
    pub machines: Vec<machine::Name>,
    /// What threads do.
    pub workloads: Vec<workloads::Name>,
    /// What is compared with [`Policy::Flat`], which is always run.
    pub policies: Vec<Policy>,
    /// Of everything.
    pub seed: u64,
    /// Seeds drawn from it.
    pub rounds: u64,
    /// How much is done in a run.
    pub effort: Effort,
    /// Instead of [`Machine::overlap`].
    pub overlap: Option<f64>,
}

impl Order {
    /// Everything, on one machine.
    pub fn full(machines: Vec<machine::Name>, seed: u64) -> Order {
        Order {
            machines,
            workloads: workloads::Name::iter().collect(),
            policies: Policy::iter().collect(),
            seed,
            rounds: 3,
            effort: Effort::FULL,
            overlap: None,
        }
    }

    fn machine(&self, name: machine::Name) -> Machine {
        let machine = name.machine().scaled();
        Machine {
            overlap: self.overlap.unwrap_or(machine.overlap),
            ..machine
        }
    }

    fn cells(&self) -> impl Iterator<Item = (machine::Name, workloads::Name)> {
        let on = |&machine: &machine::Name| {
            let made = self.machine(machine);
            let some = self.workloads.iter().copied();
            let some: Vec<_> = some.filter(|workload| workload.applies(&made)).collect();
            some.into_iter().map(move |workload| (machine, workload))
        };
        self.machines.iter().flat_map(on)
    }

    fn policies(&self) -> impl Iterator<Item = Policy> {
        let others = self.policies.iter().copied();
        others.filter(|&policy| policy != Policy::Flat)
    }

    /// How many runs that makes, without those of the calibration.
    pub fn runs(&self) -> usize {
        self.cells().count() * (self.policies().count() + 2) * self.rounds as usize
    }
}

/// A policy under a workload: means over the rounds.
#[derive(Clone, Debug, Serialize)]
pub struct Row {
    /// On which machine.
    pub machine: machine::Name,
    /// What threads did.
    pub workload: workloads::Name,
    /// By which policy.
    pub policy: Policy,
    /// Whether it is the null arm.
    pub null: bool,
    /// Time of a call, as a ratio to `flat`.
    pub time: f64,
    /// The least and the largest such ratio of a round.
    pub spread: [f64; 2],
    /// Peak memory, as a ratio to `flat`.
    pub memory: f64,
    /// Nanoseconds of a call.
    pub ns: f64,
    /// Of these, for first touches of pages and for giving pages back.
    pub paging: f64,
    /// And waiting for locks.
    pub waiting: f64,
    /// The share of lines from beyond the complex.
    pub beyond_complex: f64,
    /// The share of lines from beyond the node.
    pub beyond_node: f64,
    /// The share of pages on another node than who has them.
    pub far_pages: f64,
    /// Peak bytes.
    pub peak: f64,
}

/// A row that was measured, and what the model says.
#[derive(Clone, Debug, Serialize)]
pub struct Measured {
    /// The row of `docs/results/all.md`.
    pub row: String,
    /// Nanoseconds of an allocation and its free there.
    pub measured: f64,
    /// And here.
    pub simulated: f64,
}

/// All that was found.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// Of this format.
    pub schema: u32,
    /// Of everything.
    pub seed: u64,
    /// Seeds drawn from it.
    pub rounds: u64,
    /// See [`Machine::overlap`].
    pub overlap: f64,
    /// By machine, workload and policy.
    pub rows: Vec<Row>,
    /// The model beside what was measured.
    pub measured: Vec<Measured>,
}

/// Runs everything; `each` is told what comes next.
pub fn carry_out(order: &Order, mut each: impl FnMut(&str)) -> Report {
    let mut rows = Vec::new();
    for (machine, workload) in order.cells() {
        let made = order.machine(machine);
        let mut runs = |policy: Policy, salt: u64| -> Vec<Figures> {
            let rounds = (0..order.rounds).map(|round| {
                each(&format!("{machine} {workload} {policy}"));
                let seed = mix(order.seed.wrapping_add(round + salt));
                workload.run(&made, policy, order.effort, seed)
            });
            rounds.collect()
        };
        let flat = runs(Policy::Flat, 0);
        let row = |policy, null, runs: &[Figures]| {
            let row = Row {
                null,
                ..row(policy, &flat, runs)
            };
            Row {
                machine,
                workload,
                ..row
            }
        };
        rows.push(row(Policy::Flat, false, &flat));
        rows.push(row(Policy::Flat, true, &runs(Policy::Flat, 1 << 32)));
        rows.extend(
            order
                .policies()
                .map(|policy| row(policy, false, &runs(policy, 0))),
        );
    }
    Report {
        schema: 1,
        seed: order.seed,
        rounds: order.rounds,
        overlap: order.machine(machine::Name::Here).overlap,
        rows,
        measured: beside_the_measured(order.seed),
    }
}

fn row(policy: Policy, flat: &[Figures], runs: &[Figures]) -> Row {
    let mean = |value: fn(&Figures) -> f64| {
        let values = runs.iter().map(value);
        values.sum::<f64>() / runs.len() as f64
    };
    let ratios = |value: fn(&Figures) -> f64| {
        let both = runs.iter().zip(flat);
        both.map(move |(run, flat)| value(run) / value(flat))
    };
    let middle = |value| {
        let logs = ratios(value).map(f64::ln);
        (logs.sum::<f64>() / runs.len() as f64).exp()
    };
    let time = |run: &Figures| run.ns;
    Row {
        machine: machine::Name::Here,
        workload: workloads::Name::Churn,
        policy,
        null: false,
        time: middle(time),
        spread: [
            ratios(time).fold(f64::INFINITY, f64::min),
            ratios(time).fold(0.0, f64::max),
        ],
        memory: middle(|run| run.peak),
        ns: mean(|run| run.ns),
        paging: mean(|run| run.traffic.paging_ns / run.calls as f64),
        waiting: mean(|run| run.traffic.waiting_ns / run.calls as f64),
        beyond_complex: mean(|run| run.beyond_complex),
        beyond_node: mean(|run| run.beyond_node),
        far_pages: mean(|run| run.far_pages),
        peak: mean(|run| run.peak),
    }
}

/// Rows of `docs/results/all.md` on the machine they were measured on: medians of the engine.
/// Measured rows have what the benchmark itself does in them, and translation of addresses.
pub fn beside_the_measured(seed: u64) -> Vec<Measured> {
    let row = |row: &str, measured, simulated| Measured {
        row: row.into(),
        measured,
        simulated,
    };
    let random = |live| 2.0 * measured::random(live, seed).ns;
    vec![
        row("random/1k", 7.71, random(1000)),
        row("random/10k", 8.14, random(10_000)),
        row("random/100k", 15.5, random(100_000)),
        row("handoff/1:1", 9.56, 2.0 * measured::handoff(seed).elapsed),
    ]
}
