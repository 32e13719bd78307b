//! One seeded stream of operations for everything that drives an allocator: property tests,
//! fuzzing, replay and measurement; with an oracle that knows what should have come of each.
//!
//! ```
//! use glebe_trace::{Care, Origin, Profile, Stream, replay};
//!
//! let profile: Profile = "skewed-random".parse()?;
//! let ops = Stream::new(42, profile).take(10_000);
//! let summary = replay(&std::alloc::System, ops, Care::default(), &Origin::List)?;
//! assert_eq!(summary.ops, 10_000);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | module | what it decides |
//! |--|--|
//! | [`op`], [`bad`] | what an op is |
//! | [`rng`], [`profile`], [`stream`], [`decode`] | which ops: from a seed, or from any bytes |
//! | [`target`] | what they are played on |
//! | [`pattern`], [`shadow`], [`fault`] | what should come of them: the oracle |
//! | [`mod@replay`], [`turns`], [`abreast`] | how: on one thread, in turns, at once |
//! | [`case`](mod@case) | all of these put together: what fuzzing and tests play |
//! | [`mod@minimise`] | the shortest list that shows a fault |
//! | [`recording`], [`import`] | ops in files |
//! | [`raw`] | what the recorder leaves, and how it becomes a recording |
//! | [`fuzz`] | the door for coverage-guided fuzzers |

pub mod abreast;
pub mod bad;
pub mod case;
pub mod decode;
pub mod fault;
pub mod fuzz;
pub mod import;
pub mod minimise;
pub mod op;
pub mod pattern;
pub mod profile;
pub mod raw;
pub mod recording;
pub mod replay;
pub mod rng;
pub mod shadow;
pub mod stream;
pub mod target;
pub mod turns;

pub use case::{Case, Mix};
pub use fault::{Fault, Origin, Wrong};
pub use fuzz::fuzz_one;
pub use minimise::minimise;
pub use op::Op;
pub use profile::{Lifetimes, Profile, Sizes};
pub use recording::Event;
pub use replay::{Care, Summary, replay};
pub use shadow::Shadow;
pub use stream::Stream;
pub use target::{GlebeRaw, Target};
