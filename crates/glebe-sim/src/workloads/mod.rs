//! What threads do: patterns in which sharding could matter, and one in which it must not.
//!
//! Sixteen threads, or as many as there are cores; two to a complex where there are many. All sizes
//! are from 16 to 1024 bytes unless a workload says otherwise, every doubling equally likely.

mod births;
mod own;
mod passed;

use serde::Serialize;
use strum::{Display, EnumIter, EnumString};

use crate::machine::Machine;
use crate::policy::Policy;
use crate::world::{Figures, Work, World};
use births::Births;
use own::{Churn, Large, Moves, Tide};
use passed::{Pairs, Server, To};

/// Threads of most workloads.
const THREADS: usize = 16;

/// A workload by name.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Display, EnumIter, EnumString,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Name {
    /// Each thread replaces blocks of its own.
    Churn,
    /// The same, and threads move to other cores.
    Migrate,
    /// Pairs of threads: one allocates, the other frees, in one complex.
    PairsInside,
    /// The same, in two complexes of a node.
    PairsAcross,
    /// The same, on two nodes.
    PairsApart,
    /// Threads end, and others begin elsewhere.
    Births,
    /// The same on huge pages.
    BirthsHuge,
    /// Some accept requests, others work on them and answer; a cache that all have.
    Server,
    /// While one half of the machine grows the other shrinks, in turn, faster than the decay.
    Tide,
    /// The same, slower than the decay.
    TideSlow,
    /// Large objects are replaced.
    Large,
}

/// How much is done.
#[derive(Clone, Copy, Debug)]
pub struct Effort {
    /// Calls of each thread.
    pub calls: u64,
}

impl Effort {
    /// For figures.
    pub const FULL: Effort = Effort { calls: 12_000 };
    /// For a first look, and for tests.
    pub const QUICK: Effort = Effort { calls: 2_000 };
}

impl Name {
    /// Whether a machine has what it needs: two complexes of a node, two nodes.
    pub fn applies(self, machine: &Machine) -> bool {
        match self {
            Name::PairsAcross => machine.complexes > 1,
            Name::PairsApart => machine.nodes > 1,
            _ => true,
        }
    }

    /// A line for people.
    pub fn about(self) -> &'static str {
        match self {
            Name::Churn => "each thread replaces one of 4,000 blocks of its own",
            Name::Migrate => {
                "the same; every 250 calls a thread moves: 60 % within the complex, \
                 25 % within the node, 15 % anywhere"
            }
            Name::PairsInside => "one thread allocates, another of its complex reads and frees",
            Name::PairsAcross => "the same, in two complexes of a node",
            Name::PairsApart => "the same, on two nodes",
            Name::Births => {
                "threads build 1,000 blocks, free nine of ten and end; their successors \
                 begin on any core, and free what was left"
            }
            Name::BirthsHuge => "the same on huge pages",
            Name::Server => {
                "a quarter of the threads accept and answer, the others work; requests, \
                 answers and a cache of 4,000 entries go from hand to hand"
            }
            Name::Tide => {
                "half of the machine allocates 16 B to 8 KiB, and large objects, while \
                 the other half, which has just done so, frees it all; turns of 0.6 decays"
            }
            Name::TideSlow => "the same in turns of two decays",
            Name::Large => {
                "each thread replaces one of four objects of 128 to 512 KiB, and writes \
                 every page"
            }
        }
    }

    /// Runs it.
    pub fn run(self, machine: &Machine, policy: Policy, effort: Effort, seed: u64) -> Figures {
        let calls = effort.calls;
        let play = Play {
            machine,
            policy,
            seed,
            huge_pages: self == Name::BirthsHuge,
            brief: false,
        };
        let now = [0, calls];
        let warm = [calls / 2, calls / 2];
        match self {
            Name::Churn => play.of(Churn::new(4000, None), warm),
            Name::Migrate => play.of(Churn::new(4000, Some(Moves::USUAL)), warm),
            Name::PairsInside => play.of(Pairs::new(To::Inside), warm),
            Name::PairsAcross => play.of(Pairs::new(To::Across), warm),
            Name::PairsApart => play.of(Pairs::new(To::Apart), warm),
            Name::Births | Name::BirthsHuge => play.of(Births::default(), now),
            Name::Server => play.of(Server::default(), now),
            Name::Tide => play.of(Tide::lasting(0.6), now),
            Name::TideSlow => play.of(Tide::lasting(2.0), now),
            Name::Large => play.of(Large, [0, calls / 20]),
        }
    }
}

/// A run of anything.
struct Play<'a> {
    machine: &'a Machine,
    policy: Policy,
    seed: u64,
    huge_pages: bool,
    brief: bool,
}

impl Play<'_> {
    /// So many calls of each thread before anything is counted, and then.
    fn of(&self, mut work: impl Work, efforts: [u64; 2]) -> Figures {
        let cores = work.cores(self.machine);
        let machine = self.machine.clone();
        let mut world = World::new(
            machine,
            self.policy,
            self.huge_pages,
            &cores,
            efforts,
            self.seed,
        );
        world.brief = self.brief;
        let figures = world.run(&mut work);
        let broken = world.verify(&work);
        assert_eq!(broken, Ok(()), "{} breaks the model", self.policy);
        figures
    }
}

/// Threads two to a complex, evenly over the nodes.
fn spread(machine: &Machine) -> Vec<usize> {
    let threads = THREADS.min(machine.all_cores());
    let seat = |thread: usize| {
        let (node, inside) = (thread % machine.nodes, thread / machine.nodes);
        let number = inside % 2 + 2 * (inside / (2 * machine.complexes));
        machine.core(node, inside / 2, number)
    };
    (0..threads).map(seat).collect()
}

/// Rows of `docs/results/all.json` on the machine that they were measured on.
pub mod measured {
    use super::own::Churn;
    use super::passed::{Pairs, To};
    use super::{Figures, Play};
    use crate::machine::{Machine, Name};
    use crate::policy::Policy;

    fn play(machine: &Machine, seed: u64) -> Play<'_> {
        Play {
            machine,
            policy: Policy::Flat,
            seed,
            huge_pages: false,
            brief: true,
        }
    }

    /// One thread replaces any of `live` blocks, as in `random/…`.
    pub fn random(live: usize, seed: u64) -> Figures {
        let machine = Name::Here.machine();
        let calls = (4 * live as u64).max(100_000);
        play(&machine, seed).of(Churn::alone(live), [calls, 200_000])
    }

    /// One thread allocates, the other frees, as in `handoff/1:1`.
    pub fn handoff(seed: u64) -> Figures {
        let machine = Name::Here.machine();
        play(&machine, seed).of(Pairs::measured(To::Inside), [100_000, 200_000])
    }
}
