//! [`Stream`], the endless list of ops that follows from a seed and a profile.
//!
//! The stream keeps a model of what lives, so that every op means something. How many blocks are to
//! live changes in waves, down to none now and then: slabs fill, thin out and empty.

use crate::decode::Decoded;
use crate::op::{IMPOSSIBLE, Op};
use crate::profile::{Lifetimes, Profile, Request};
use crate::rng::{Rng, mix};
use std::collections::VecDeque;

/// Ops without end.
#[derive(Clone, Debug)]
pub struct Stream {
    rng: Rng,
    profile: Profile,
    /// The size that [`crate::profile::Sizes::Fixed`] keeps to.
    fixed: usize,
    /// Live ids, oldest first.
    live: VecDeque<u32>,
    dead: Vec<u32>,
    /// Requested bytes by id.
    sizes: Vec<usize>,
    bytes: usize,
    /// How many shall live in this wave, and how many ops the wave still lasts.
    goal: usize,
    wave: usize,
}

impl Stream {
    /// The stream of a seed and a profile.
    pub fn new(seed: u64, profile: Profile) -> Stream {
        let mut rng = Rng::new(mix(seed));
        let fixed = rng.log_between(1, 4096);
        Stream {
            rng,
            profile,
            fixed,
            live: VecDeque::new(),
            dead: Vec::new(),
            sizes: Vec::new(),
            bytes: 0,
            goal: 0,
            wave: 0,
        }
    }

    /// Ops that any bytes whatever stand for; ends with the bytes.
    pub fn from_bytes(bytes: &[u8]) -> Decoded<'_> {
        Decoded::new(bytes)
    }

    fn step(&mut self) -> Op {
        if self.wave == 0 {
            self.start_wave();
        }
        self.wave -= 1;
        let growing = self.profile.lifetimes == Lifetimes::Growth;
        let reallocations = if growing { 2048 } else { 160 };
        match self.rng.below(4096) {
            0 => Op::Purge,
            1..5 => self.impossible(),
            5..64 if !self.live.is_empty() => Op::Usable { id: self.any() },
            roll if roll < reallocations && !self.live.is_empty() => self.reallocate(),
            roll => {
                let wanted = self.live.len() < self.goal;
                // Three in ten ops go against the wave.
                if wanted == (roll % 10 >= 3) || self.live.is_empty() {
                    self.allocate()
                } else {
                    self.free()
                }
            }
        }
    }

    fn start_wave(&mut self) {
        let most = self.profile.max_live;
        self.goal = match self.rng.below(8) {
            0 => 0,
            1 => most,
            _ => self.rng.below(most),
        };
        self.wave = self.rng.between(most / 2, most * 3);
    }

    fn allocate(&mut self) -> Op {
        let Request { size, align } = self.profile.sizes.draw(&mut self.rng, self.fixed);
        let full = self.live.len() >= self.profile.max_live
            || self.bytes.saturating_add(size) > self.profile.max_bytes;
        if full && !self.live.is_empty() {
            return self.free();
        }
        let id = self.dead.pop().unwrap_or_else(|| {
            self.sizes.push(0);
            self.sizes.len() as u32 - 1
        });
        self.live.push_back(id);
        self.resize(id, size);
        match self.rng.below(16) {
            _ if align != 0 => Op::Aligned { id, size, align },
            0 => Op::Aligned {
                id,
                size,
                align: 1 << self.rng.below(13),
            },
            1..4 => Op::Zeroed { id, size },
            _ => Op::Alloc { id, size },
        }
    }

    fn free(&mut self) -> Op {
        let last = self.live.len() - 1;
        let victim = match self.profile.lifetimes {
            // Some disorder, or lists of one kind would never be cut in the middle.
            _ if self.rng.once_in(16) => self.rng.below(last + 1),
            Lifetimes::Random | Lifetimes::Growth => self.rng.below(last + 1),
            Lifetimes::Lifo => last,
            Lifetimes::Fifo => 0,
        };
        let id = self.remove(victim);
        self.resize(id, 0);
        self.dead.push(id);
        if self.rng.once_in(3) {
            Op::FreeSized { id }
        } else {
            Op::Free { id }
        }
    }

    fn remove(&mut self, place: usize) -> u32 {
        // Taking the ends keeps the order of ages; out of the middle, it need not.
        let taken = match place {
            0 => self.live.pop_front(),
            _ => self.live.swap_remove_back(place),
        };
        taken.expect("a place among the live")
    }

    fn reallocate(&mut self) -> Op {
        let id = self.any();
        let old = self.sizes[id as usize];
        let drawn = self
            .profile
            .sizes
            .draw(&mut self.rng, self.fixed)
            .size
            .max(1);
        let grown = old + 1 + self.rng.below(old.max(16));
        let grows = self.profile.lifetimes == Lifetimes::Growth && !self.rng.once_in(8);
        let wish = match grows {
            true if grown <= self.profile.sizes.ceiling() => grown,
            _ => drawn,
        };
        let fits = self.bytes - old + wish <= self.profile.max_bytes;
        let size = if fits { wish } else { 1 + old / 2 };
        self.resize(id, size);
        Op::Realloc { id, size }
    }

    /// A request that has to be refused. The model does not change.
    fn impossible(&mut self) -> Op {
        let size = match self.rng.below(3) {
            0 => usize::MAX - self.rng.below(64 << 10),
            1 => (isize::MAX as usize).wrapping_add(self.rng.below(64 << 10)) - (32 << 10),
            _ => IMPOSSIBLE + self.rng.below(IMPOSSIBLE),
        };
        if !self.live.is_empty() && self.rng.once_in(2) {
            return Op::Realloc {
                id: self.any(),
                size,
            };
        }
        let id = self.dead.last().copied().unwrap_or(self.sizes.len() as u32);
        match self.rng.below(3) {
            0 => Op::Alloc { id, size },
            1 => Op::Zeroed { id, size },
            _ => Op::Aligned {
                id,
                size,
                align: 16 << self.rng.below(16),
            },
        }
    }

    fn any(&mut self) -> u32 {
        self.live[self.rng.below(self.live.len())]
    }

    fn resize(&mut self, id: u32, size: usize) {
        let old = std::mem::replace(&mut self.sizes[id as usize], size);
        self.bytes = self.bytes - old + size;
    }
}

impl Iterator for Stream {
    type Item = Op;

    fn next(&mut self) -> Option<Op> {
        Some(self.step())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashMap;

    /// Follows a stream as an allocator would; panics at an op that means nothing.
    fn follow(profile: Profile, count: usize) -> (usize, usize, bool) {
        let mut live: HashMap<u32, usize> = HashMap::new();
        let (mut most, mut most_bytes, mut emptied) = (0, 0, false);
        for op in Stream::new(11, profile).take(count) {
            match op {
                Op::Alloc { id, size } | Op::Zeroed { id, size } | Op::Aligned { id, size, .. } => {
                    assert!(!live.contains_key(&id), "{op}");
                    if size < IMPOSSIBLE {
                        live.insert(id, size);
                    }
                }
                Op::Realloc { id, size } => {
                    assert!(live.contains_key(&id) && size > 0, "{op}");
                    if size < IMPOSSIBLE {
                        live.insert(id, size);
                    }
                }
                Op::Free { id } | Op::FreeSized { id } => assert!(live.remove(&id).is_some()),
                Op::Usable { id } => assert!(live.contains_key(&id)),
                Op::Purge | Op::Bad { .. } => {}
            }
            most = most.max(live.len());
            most_bytes = most_bytes.max(live.values().sum());
            emptied |= most > 16 && live.len() < 4;
        }
        (most, most_bytes, emptied)
    }

    #[test]
    fn every_op_means_something_and_bounds_hold() {
        for mut profile in Profile::all() {
            profile.max_live = profile.max_live.min(200);
            let (most, bytes, emptied) = follow(profile, 20_000);
            assert!(most > profile.max_live * 3 / 4, "{profile}: {most}");
            assert!(most <= profile.max_live, "{profile}: {most}");
            assert!(
                bytes <= profile.max_bytes + profile.sizes.ceiling(),
                "{profile}"
            );
            assert!(emptied, "{profile}");
        }
    }

    /// Pins the streams: a seed in a report must mean the same ops in every version.
    #[test]
    fn a_seed_means_the_same_for_ever() {
        let profile = "skewed-random".parse().unwrap();
        let text: String = Stream::new(1, profile)
            .take(5000)
            .map(|op| format!("{op}\n"))
            .collect();
        assert_eq!(crc32fast::hash(text.as_bytes()), 3_102_778_683);
    }
}
