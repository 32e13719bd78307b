//! Glebe on machines that the project does not have: several memory nodes, many core complexes.
//!
//! The engine's decisions are played on a model of caches and pages, line by line: who holds a
//! line, on which node a page lives, what it costs to get it. So ways to share the region out among
//! nodes and complexes can be compared before anyone builds them. What comes out are ratios, of
//! which `tests/calibration.rs` says how far they can be trusted, and `docs/numa.md` what follows.
//!
//! | module | what it is |
//! |--|--|
//! | [`machine`] | cores, complexes, nodes, and published latencies |
//! | [`memory`] | lines, caches, pages |
//! | [`policy`] | what is compared |
//! | [`engine`] | the allocator: heaps, slabs, words, free runs |
//! | [`world`] | threads with clocks |
//! | [`workloads`] | what they do |
//! | [`experiment`] | which runs are made, and what they come to |

pub mod engine;
pub mod experiment;
pub mod machine;
pub mod memory;
pub mod policy;
pub mod workloads;
pub mod world;
