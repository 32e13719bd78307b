//! What is compared: how free runs, fresh land, parked heaps and pending frees are shared out.

use serde::Serialize;
use strum::{Display, EnumIter, EnumString};

/// Who shares a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reach {
    /// Everybody.
    All,
    /// The threads of a node.
    Node,
    /// The threads of a complex.
    Complex,
}

/// What somebody does who has no dirty run of his own, before he takes clean or fresh land.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lend {
    /// Leaves others' dirty runs alone.
    Never,
    /// Takes them.
    Freely,
    /// Takes those that have lain for half of the decay: their own people seem not to need them.
    Aged,
    /// Takes them, but gives their pages back first: the next ones are on his own node.
    Purged,
}

/// Which parked heap a new thread gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Adopt {
    /// The one parked last.
    Last,
    /// Of the last eight, one of the thread's complex, else one of its node, else the last.
    Near,
    /// The one parked last by a thread of the node, or a new one.
    Node,
    /// The one parked last by a thread of the complex, or a new one.
    Complex,
}

/// A way to do it. Each is a choice for every field of [`Choices`].
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Display, EnumIter, EnumString,
)]
#[serde(rename_all = "kebab-case")]
#[strum(serialize_all = "kebab-case")]
pub enum Policy {
    /// As it is.
    Flat,
    /// Free runs by node, never lent.
    Node,
    /// Free runs by node, lent to who has none.
    NodeLent,
    /// Free runs by node, lent when they have lain a while.
    NodeAged,
    /// Free runs by node, lent without their pages.
    NodePurged,
    /// Free runs by complex, lent to who has none.
    ComplexLent,
    /// Runs of large objects only by node.
    LargeNode,
    /// Parked heaps by node.
    ParkedNode,
    /// Parked heaps by complex.
    ParkedComplex,
    /// A near one of the parked heaps.
    ParkedNear,
    /// `node-lent` and `parked-near`.
    NodeBoth,
    /// `complex-lent` and `parked-near`.
    ComplexBoth,
    /// `node-both`, and fresh land in strides.
    Strides,
    /// The same, and threads that moved to another node change their heap.
    Follow,
    /// As it is, but complexes share their outboxes.
    Gather,
}

/// What a policy decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Choices {
    /// Whose the free runs are that slabs are made of.
    pub small: Reach,
    /// Whose those of large objects are.
    pub large: Reach,
    /// What happens when there are none.
    pub lend: Lend,
    /// Whose parked heaps are.
    pub adopt: Adopt,
    /// Whether fresh land comes in strides.
    pub strides: bool,
    /// Whether a thread changes its heap when it has moved to another node.
    pub follow: bool,
    /// Whether a complex shares its outboxes.
    pub gather: bool,
}

const FLAT: Choices = Choices {
    small: Reach::All,
    large: Reach::All,
    lend: Lend::Freely,
    adopt: Adopt::Last,
    strides: false,
    follow: false,
    gather: false,
};

impl Policy {
    /// What it decides.
    pub fn choices(self) -> Choices {
        let by = |reach, lend| Choices {
            small: reach,
            large: reach,
            lend,
            ..FLAT
        };
        let adopting = |adopt| Choices { adopt, ..FLAT };
        let both = Choices {
            adopt: Adopt::Near,
            ..by(Reach::Node, Lend::Freely)
        };
        let strides = Choices {
            strides: true,
            ..both
        };
        match self {
            Policy::Flat => FLAT,
            Policy::Node => by(Reach::Node, Lend::Never),
            Policy::NodeLent => by(Reach::Node, Lend::Freely),
            Policy::NodeAged => by(Reach::Node, Lend::Aged),
            Policy::NodePurged => by(Reach::Node, Lend::Purged),
            Policy::ComplexLent => by(Reach::Complex, Lend::Freely),
            Policy::LargeNode => Choices {
                large: Reach::Node,
                ..FLAT
            },
            Policy::ParkedNode => adopting(Adopt::Node),
            Policy::ParkedComplex => adopting(Adopt::Complex),
            Policy::ParkedNear => adopting(Adopt::Near),
            Policy::NodeBoth => both,
            Policy::ComplexBoth => Choices {
                small: Reach::Complex,
                large: Reach::Complex,
                ..both
            },
            Policy::Strides => strides,
            Policy::Follow => Choices {
                follow: true,
                ..strides
            },
            Policy::Gather => Choices {
                gather: true,
                ..FLAT
            },
        }
    }

    /// A line for people.
    pub fn about(self) -> &'static str {
        match self {
            Policy::Flat => {
                "as it is: one region, dirty runs to whoever asks, the last parked heap"
            }
            Policy::Node => "free runs kept by the node they were dealt to; others' never taken",
            Policy::NodeLent => "the same; others' dirty runs before clean and fresh ones",
            Policy::NodeAged => "the same; only others' that have lain for half of the decay",
            Policy::NodePurged => "the same; others' at once, but without their pages",
            Policy::ComplexLent => "as node-lent, by complex",
            Policy::LargeNode => "as node-lent for large objects, slabs from one pool",
            Policy::ParkedNode => "parked heaps adopted by threads of their node only",
            Policy::ParkedComplex => "parked heaps adopted by threads of their complex only",
            Policy::ParkedNear => "of the last eight parked heaps the nearest",
            Policy::NodeBoth => "node-lent and parked-near",
            Policy::ComplexBoth => "complex-lent and parked-near",
            Policy::Strides => "node-both, and fresh land dealt in strides of 8 MiB a node",
            Policy::Follow => {
                "strides, and a thread that has moved to another node changes its heap"
            }
            Policy::Gather => "flat, but the threads of a complex share their outboxes",
        }
    }
}
