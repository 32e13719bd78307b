//! Machines: how many cores share what, and what it costs to get a line from where.
//!
//! ```text
//! machine ── nodes ── complexes ── cores
//!            memory    third-level   first and second
//!            controller  cache       level caches
//! ```
//! Costs are latencies of a load by itself, from published measurements:
//!
//! | ns | chiplets (Milan) | monoliths (Cascade Lake) | here (Zen 4) | by |
//! |--|--:|--:|--:|--|
//! | second level | 3.6 | 5.2 | 5.4 | a: 13 and 14 cycles, at 3.6 and 2.7 GHz; 14 at 2.6 |
//! | third level | 13 | 17 | 19 | b: 46 cycles; a: 46; 50 |
//! | dirty, same complex | 23 | 47 | 30 | c; the project's ledger, at best |
//! | dirty, other complex | 107 | – | – | c |
//! | dirty, other node | 197 | 134 | – | c |
//! | memory of the node | 107 | 78 | 107 | d, e, d |
//! | memory of another | 200 | 144 | – | d, e |
//!
//! - a: AnandTech, "AMD Rome Second Generation EPYC Review", 2019, page 7: Rome and Xeon 8280.
//! - b: Chips and Cheese, "Genoa-X", 2023: 50 cycles on Milan-X, and "Deep Diving Zen 3 V-Cache",
//!   2022: of these 4 by its larger cache.
//! - c: N. Viennot, github.com/nviennot/core-to-core-latency: EPYC 7R13 and Xeon 8275CL, one and
//!   two sockets; medians, one way.
//! - d: Intel MLC on two EPYC 9224, in published notes of an experiment with CXL: 107 ns, 116 in
//!   the other half of the socket, 200 in the other socket. That is Zen 4; two sockets of 52 Intel
//!   cores have 108 and 196 (stevescargall.com, "Linux NUMA Distances Explained", 2022).
//! - e: Intel MLC on two Xeon Platinum 8269: 78.6 and 144.1 (plantegg.github.io, on NUMA).

use serde::Serialize;
use strum::{Display, EnumIter, EnumString};

/// A machine that is known by name.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Display, EnumIter, EnumString,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Name {
    /// One socket: 8 complexes of 8 cores, one memory node.
    Chiplets,
    /// Two such sockets.
    TwoChiplets,
    /// Two sockets of 24 cores that share one cache.
    TwoMonoliths,
    /// Two cores with one third-level cache: what the engine is measured on.
    Here,
}

/// Latencies in nanoseconds.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
pub struct Costs {
    /// A line in the core's second-level cache.
    pub second: f64,
    /// A line in the complex's cache.
    pub third: f64,
    /// A line that another core of the complex wrote.
    pub neighbour: f64,
    /// A line that a core of another complex of the node wrote.
    pub complex: f64,
    /// A line that a core of another node wrote.
    pub node: f64,
    /// Memory of the core's node.
    pub local: f64,
    /// Memory of another node.
    pub remote: f64,
}

/// A machine.
#[derive(Clone, Debug, Serialize)]
pub struct Machine {
    /// Memory nodes.
    pub nodes: usize,
    /// Complexes of a node.
    pub complexes: usize,
    /// Cores of a complex.
    pub cores: usize,
    /// Bytes of a core's first-level cache.
    pub first: usize,
    /// Bytes of a core's second-level cache.
    pub second: usize,
    /// Bytes of a complex's cache.
    pub third: usize,
    /// How many misses that do not wait for each other are under way at a time.
    pub overlap: f64,
    /// See [`Costs`].
    pub costs: Costs,
}

/// The one constant that is fitted: half-way between what the measured rows of own blocks ask for
/// and what those of blocks from hand to hand do (`tests/calibration.rs`).
const OVERLAP: f64 = 6.0;

const MILAN: Costs = Costs {
    second: 3.6,
    third: 13.0,
    neighbour: 23.0,
    complex: 107.0,
    node: 197.0,
    local: 107.0,
    remote: 200.0,
};

const CASCADE_LAKE: Costs = Costs {
    second: 5.2,
    third: 17.0,
    neighbour: 47.0,
    complex: 47.0,
    node: 134.0,
    local: 78.0,
    remote: 144.0,
};

const HERE: Costs = Costs {
    second: 5.4,
    third: 19.0,
    neighbour: 30.0,
    complex: 30.0,
    node: 30.0,
    local: 107.0,
    remote: 107.0,
};

impl Name {
    /// The machine with caches of their real size.
    pub fn machine(self) -> Machine {
        let of = |nodes, complexes, cores, second, third, costs| Machine {
            nodes,
            complexes,
            cores,
            first: 32 << 10,
            second,
            third,
            overlap: OVERLAP,
            costs,
        };
        match self {
            Name::Chiplets => of(1, 8, 8, 512 << 10, 32 << 20, MILAN),
            Name::TwoChiplets => of(2, 8, 8, 512 << 10, 32 << 20, MILAN),
            Name::TwoMonoliths => of(2, 1, 24, 1 << 20, 32 << 20, CASCADE_LAKE),
            Name::Here => of(1, 1, 2, 1 << 20, 32 << 20, HERE),
        }
    }

    /// A line for people.
    pub fn about(self) -> &'static str {
        match self {
            Name::Chiplets => "one socket, 8 complexes of 8 cores, one node",
            Name::TwoChiplets => "two sockets, 8 complexes of 8 cores each, a node each",
            Name::TwoMonoliths => "two sockets of 24 cores with one cache, a node each",
            Name::Here => "two cores with one cache, one node",
        }
    }
}

impl Machine {
    /// With the caches that a run of a fraction of a second can fill: the second level a quarter,
    /// the third a sixteenth. The first is as it is, for what it holds does not grow with a
    /// program's memory.
    pub fn scaled(self) -> Machine {
        Machine {
            second: self.second / 4,
            third: self.third / 16,
            ..self
        }
    }

    /// All cores.
    pub fn all_cores(&self) -> usize {
        self.all_complexes() * self.cores
    }

    /// All complexes of all nodes.
    pub fn all_complexes(&self) -> usize {
        self.nodes * self.complexes
    }

    /// The complex of a core, counted over all nodes.
    pub fn complex_of(&self, core: usize) -> usize {
        core / self.cores
    }

    /// The node of a core.
    pub fn node_of(&self, core: usize) -> usize {
        core / (self.cores * self.complexes)
    }

    /// A core, by its number in its complex, that one's in its node, and the node; all wrap around.
    pub fn core(&self, node: usize, complex: usize, number: usize) -> usize {
        let complex = node % self.nodes * self.complexes + complex % self.complexes;
        complex * self.cores + number % self.cores
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use strum::IntoEnumIterator;

    #[test]
    fn cores_are_counted_through() {
        let machine = Name::TwoChiplets.machine();
        assert_eq!(machine.all_cores(), 128);
        for core in 0..128 {
            let (node, complex) = (machine.node_of(core), machine.complex_of(core));
            assert_eq!((node, complex), (core / 64, core / 8));
            assert_eq!(machine.core(node, complex % 8, core % 8), core);
        }
    }

    #[test]
    fn farther_is_dearer() {
        for name in Name::iter() {
            let costs = name.machine().costs;
            let near_to_far = [
                costs.second,
                costs.third,
                costs.neighbour,
                costs.complex,
                costs.node,
            ];
            assert!(near_to_far.is_sorted() && costs.local <= costs.remote);
        }
    }
}
