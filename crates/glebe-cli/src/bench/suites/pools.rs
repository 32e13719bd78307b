//! The suite `pools`: allocators of one thread over a fixed range, each linked into this executable
//! and run in a worker process.

use std::io;

use strum::IntoEnumIterator;

use super::patterns::{ops, tasks};
use crate::arms::{Name, Peer};
use crate::bench::allocators::{Allocator, Ask, Line, Role};
use crate::bench::child::{self, Failure};
use crate::bench::patterns;
use crate::bench::suite::{Effort, Suite, Task};
use crate::bench::worker::Sample;

/// What else the pools can be. It does not count as a peer.
const VARIANTS: [&str; 3] = ["quick-fit,inline", "two-level,side", "best-fit,side"];

/// See the module's text.
pub struct Pools;

/// Whether a peer's calls take bounded time: with a list of all free blocks some rows last minutes.
fn is_bounded(peer: Peer) -> bool {
    !matches!(peer, Peer::LinkedList | Peer::EmbeddedLlff)
}

fn arm_of(allocator: &Allocator) -> Result<Name, Failure> {
    // The null arm's name has a word more.
    let name = allocator.name.split('/').next().unwrap_or_default();
    let parsed = name.parse::<Name>();
    parsed.map_err(|error| Failure::new("no such arm", error.to_string()))
}

impl Suite for Pools {
    fn name(&self) -> &'static str {
        "pools"
    }

    fn tasks(&self) -> Vec<Task> {
        tasks(&patterns::pools(Name::SUBJECT))
    }

    fn line(&self, _: &Ask) -> anyhow::Result<Line> {
        let mut line = Line::default();
        line.add(&Name::SUBJECT.to_string(), Role::Subject, None);
        let peers = Peer::iter().filter(|peer| !Name::Peer(*peer).is_ours() && is_bounded(*peer));
        peers.for_each(|peer| line.add(&peer.to_string(), Role::Peer, None));
        VARIANTS
            .iter()
            .for_each(|name| line.add(name, Role::Extra, None));
        Ok(line)
    }

    fn base(&self) -> &'static str {
        "talc"
    }

    fn rounds(&self) -> u32 {
        7
    }

    fn about(&self) -> &'static str {
        "Allocators without an operating system, over a fixed range; an operation is an action, a \
         free and an alloc, or an alloc and its free. Lists of all free blocks are left out, as \
         they would take minutes: the study has them."
    }

    fn probe(&self, arm: &Allocator) -> io::Result<Result<Option<String>, Failure>> {
        Ok(arm_of(arm).map(|name| match name {
            Name::Peer(peer) => peer.version(),
            Name::Pool(..) => Some(env!("CARGO_PKG_VERSION").into()),
        }))
    }

    fn sample(
        &self,
        task: &Task,
        arm: &Allocator,
        effort: Effort,
    ) -> io::Result<Result<Sample, Failure>> {
        let name = match arm_of(arm) {
            Ok(name) => name,
            Err(failure) => return Ok(Err(failure)),
        };
        let ops = ops(&patterns::pools(name), task, effort);
        child::sample_of_pool(&name.to_string(), &task.name, ops, effort.seed)
    }
}
