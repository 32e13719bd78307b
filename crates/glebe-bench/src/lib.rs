//! What `glebe bench` and the executables that it starts share: rows, samples, and how the one
//! becomes the other.
//!
//! A row that is run under a preloaded library can live in the command itself. One that is compiled
//! with its allocator cannot: it stands here, for the command to list and the executables to run.

mod gauge;
pub mod pattern;
pub mod rust;
mod sample;

/// Bytes of a page, of which touching one byte is enough.
pub const PAGE: usize = 4096;

pub use sample::{Identity, Sample, libc_version, measure, peak_rss_kib, timed};
