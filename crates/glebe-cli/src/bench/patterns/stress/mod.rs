//! The families that only `stress` has, written anew after the published descriptions of the
//! benchmarks that each file names, and the list of the suite.

mod aligned;
mod bignum;
mod cross;
mod cubes;
mod large;
mod latency;
mod migrate;
mod octree;
mod ring;
mod sharing;
mod start;
mod threads;
mod turns;
mod waves;
mod zeroed;

use super::pattern::Pattern;
use super::{churn, handoff, random};

pub use start::short_life;

/// The patterns of `stress`, in the order of the report.
pub fn patterns() -> Vec<Pattern> {
    let families = [
        random::stress(),
        churn::stress(),
        waves::patterns(),
        handoff::stress(),
        migrate::patterns(),
        cross::patterns(),
        sharing::patterns(),
        bignum::patterns(),
        cubes::patterns(),
        octree::patterns(),
        large::patterns(),
        turns::patterns(),
        aligned::patterns(),
        zeroed::patterns(),
        threads::patterns(),
        latency::patterns(),
        start::patterns(),
    ];
    families.into_iter().flatten().collect()
}
