//! What the tables say: figures for people and machines, and a walker that checks every invariant.

mod stats;
mod verify;

pub use stats::{Stats, class_stats, stats};
pub use verify::verify;
