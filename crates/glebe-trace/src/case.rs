//! [`Case`], a few words from which a list of events and the manner of playing it follow: what the
//! fuzzer draws, what tests play, and what a report names.

use crate::abreast;
use crate::bad::{Bad, Way};
use crate::fault::{Fault, Origin};
use crate::op::{IMPOSSIBLE, Op};
use crate::profile::{Profile, Sizes};
use crate::recording::Event;
use crate::replay::{Care, Summary};
use crate::rng::{Rng, mix};
use crate::stream::Stream;
use crate::target::Target;
use crate::turns;
use std::collections::HashMap;
use std::fmt;
use strum::{Display, EnumIter, EnumString, IntoEnumIterator, VariantNames};

/// What kind of case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Display, EnumIter, EnumString, VariantNames)]
#[strum(serialize_all = "lowercase")]
pub enum Mix {
    /// A few ops, with every check after each.
    Checked,
    /// Many ops.
    Long,
    /// Ops that random bytes stand for, with every check after each.
    Bytes,
    /// On several threads that take turns.
    Turns,
    /// On several threads at once.
    Abreast,
    /// A few ops, the last of which is a bad free, to be refused.
    Bad,
}

/// Seed, profile and manner.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Case {
    /// What kind.
    pub mix: Mix,
    /// From which the events follow.
    pub seed: u64,
    /// Their look, and how many threads.
    pub profile: Profile,
    /// How many events; of [`Mix::Bytes`], about.
    pub ops: usize,
}

/// How events are played.
#[derive(Clone, Copy, Debug)]
pub enum Manner {
    /// One call at a time, looking so closely.
    Turns(Care),
    /// All threads at once.
    Abreast,
}

/// From what cases are drawn.
#[derive(Clone, Debug)]
pub struct Choice {
    /// All cases follow from it.
    pub seed: u64,
    /// One of these.
    pub profiles: Vec<Profile>,
    /// Most threads.
    pub threads: u32,
    /// Whether bad frees are refused.
    pub bad_frees: bool,
}

impl Choice {
    /// The case of a number.
    pub fn case(&self, number: u64) -> Case {
        let mut rng = Rng::new(mix(self.seed).wrapping_add(mix(number)));
        let mix = self.mix(&mut rng);
        let profile = self.profiles[rng.below(self.profiles.len())];
        let threads = match mix {
            Mix::Turns | Mix::Abreast => rng.between(2, self.threads as usize) as u32,
            Mix::Bad if rng.once_in(2) => rng.between(1, self.threads as usize) as u32,
            _ => 1,
        };
        let ops = match mix {
            Mix::Checked | Mix::Bytes => rng.log_between(50, 2000),
            Mix::Bad => rng.log_between(1, 4000),
            Mix::Long => rng.log_between(20_000, 400_000),
            Mix::Turns => rng.log_between(5000, 100_000),
            Mix::Abreast => rng.log_between(20_000, 200_000),
        };
        Case {
            mix,
            seed: rng.next() >> 16,
            profile: profile.on_threads(threads),
            // Large blocks take a thousand times as long to fill and check.
            ops: match profile.sizes {
                Sizes::Large => 1 + ops / 40,
                _ => ops,
            },
        }
    }

    fn mix(&self, rng: &mut Rng) -> Mix {
        let mixes: Vec<Mix> = Mix::iter()
            .filter(|mix| match mix {
                Mix::Turns | Mix::Abreast => self.threads > 1,
                Mix::Bad => self.bad_frees,
                _ => true,
            })
            .collect();
        mixes[rng.below(mixes.len())]
    }
}

impl Case {
    /// The events to play.
    pub fn events(&self) -> Vec<Event> {
        let profile = Profile {
            // Or a short case would be all growth.
            max_live: self.profile.max_live.min(self.ops / 6 + 4),
            ..self.profile
        };
        let ops = || Stream::new(self.seed, profile).take(self.ops);
        match self.mix {
            Mix::Bytes => {
                let mut rng = Rng::new(mix(self.seed ^ 0xb17e5));
                let bytes: Vec<u8> = (0..self.ops * 3).map(|_| rng.next() as u8).collect();
                let ops = Stream::from_bytes(&bytes).take(self.ops);
                turns::spread(ops, self.seed, profile.threads).collect()
            }
            Mix::Bad => {
                let events = turns::spread(ops(), self.seed, profile.threads).collect();
                self.with_bad_free(events)
            }
            _ => turns::spread(ops(), self.seed, profile.threads).collect(),
        }
    }

    /// How they are to be played.
    pub fn manner(&self) -> Manner {
        match self.mix {
            Mix::Checked | Mix::Bytes => Manner::Turns(Care::UTMOST),
            Mix::Long | Mix::Turns | Mix::Bad => Manner::Turns(Care::default()),
            Mix::Abreast => Manner::Abreast,
        }
    }

    /// Plays the case; a bad free is passed over.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn play<T: Target + ?Sized>(
        &self,
        target: &T,
        origin: &Origin,
    ) -> Result<Summary, Box<Fault>> {
        self.manner().play(target, &self.events(), origin)
    }

    /// Adds a bad free of a block, and what it needs before.
    fn with_bad_free(&self, mut events: Vec<Event>) -> Vec<Event> {
        let mut rng = Rng::new(mix(self.seed ^ 0x0bad));
        let bads: Vec<Bad> = Bad::iter().collect();
        let bad = bads[rng.below(bads.len())];
        let live = live_at_the_end(&events);
        let id = match live.len() {
            0 => {
                let (id, size) = (u32::MAX, rng.log_between(32, 64 << 10));
                events.push(Op::Alloc { id, size }.into());
                id
            }
            live_blocks => live[rng.below(live_blocks)],
        };
        let threads = self.profile.threads as usize;
        let mut push = |op| {
            let thread = rng.below(threads) as u32;
            events.push(Event { thread, op });
        };
        if bad == Bad::Stale {
            push(Op::Free { id });
        }
        let way = self.way(bad);
        push(Op::Bad { id, bad, way });
        events
    }

    fn way(&self, bad: Bad) -> Way {
        if bad == Bad::WrongSize {
            return Way::Sized;
        }
        let mut rng = Rng::new(mix(self.seed ^ 0x7a1));
        // While another thread's free is on its way, the block may still be looked into.
        let looks = self.profile.threads == 1 || !matches!(bad, Bad::Twice | Bad::Stale);
        let ways: Vec<Way> = Way::iter()
            .filter(|way| looks || *way != Way::Usable)
            .collect();
        ways[rng.below(ways.len())]
    }
}

/// Blocks that live after all events, in a fixed order.
fn live_at_the_end(events: &[Event]) -> Vec<u32> {
    let mut last: HashMap<u32, bool> = HashMap::new();
    for event in events {
        let lives = match event.op {
            Op::Alloc { id, size } | Op::Zeroed { id, size } | Op::Aligned { id, size, .. } => {
                (id, size < IMPOSSIBLE)
            }
            Op::Free { id } | Op::FreeSized { id } => (id, false),
            _ => continue,
        };
        last.insert(lives.0, lives.1);
    }
    let mut live: Vec<u32> = last
        .into_iter()
        .filter(|(_, lives)| *lives)
        .map(|(id, _)| id)
        .collect();
    live.sort_unstable();
    live
}

impl Manner {
    /// Plays events.
    ///
    /// # Errors
    /// The first thing that is wrong.
    pub fn play<T: Target + ?Sized>(
        &self,
        target: &T,
        events: &[Event],
        origin: &Origin,
    ) -> Result<Summary, Box<Fault>> {
        match self {
            Manner::Turns(care) => turns::replay(target, events, *care, origin),
            Manner::Abreast => abreast::replay(target, events, origin),
        }
    }
}

impl fmt::Display for Case {
    /// The arguments of `glebe-fuzz case`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Case {
            mix,
            seed,
            profile,
            ops,
        } = self;
        let threads = profile.threads;
        write!(
            f,
            "--mix {mix} --seed {seed} --profile {profile} --threads {threads} --ops {ops}"
        )
    }
}
