//! Recordings of programs, played on whatever allocator a worker process has.
//!
//! | module | what it decides |
//! |--|--|
//! | [`plan`] | who does what, and who waits for whom: worked out before any run, in a file |
//! | [`player`] | plays a plan in the worker |
//! | [`make`] | recordings of real programs, made on this machine |

pub mod make;
pub mod plan;
pub mod player;

/// How the name of a recording ends.
pub const ENDING: &str = "glbt";
