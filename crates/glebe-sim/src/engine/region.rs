//! Free runs and fresh land, in shards.
//!
//! A unit belongs to the shard it was dealt to when it was fresh, and goes back there. Runs join
//! with neighbours of the same shard only: that is what sharding costs in fragmentation. Each
//! shard has its lock, bins and decay; with one shard this is the engine's region.

use std::collections::BTreeMap;
use std::ops::Range;

use super::places::{self, UNIT};
use crate::memory::{Memory, Touch};
use crate::policy::{Choices, Lend, Reach};

/// Nanoseconds that a free run keeps its pages: scaled as the length of runs is.
pub const DECAY: f64 = 100_000.0;
/// Between two looks for runs that have come of age.
const PERIOD: f64 = DECAY / 8.0;
/// Units of a stride: its records fill a page of S, its rows 16 pages, its land 4 huge pages.
const STRIDE: u32 = 128;

/// A lock that knows when it was held last.
#[derive(Clone, Debug, Default)]
pub struct Latch {
    held: Range<f64>,
}

impl Latch {
    /// Takes it at `now`, waiting for whoever has it just then; the time from which it is held.
    pub fn enter(&mut self, memory: &mut Memory, core: usize, address: u64, now: f64) -> f64 {
        memory.touch(core, address, Touch::Lock);
        let since = now + memory.spent();
        if self.held.contains(&since) {
            memory.wait(self.held.end - since);
        }
        now + memory.spent()
    }

    /// Lets go.
    pub fn leave(&mut self, memory: &mut Memory, core: usize, address: u64, since: f64, now: f64) {
        memory.touch(core, address, Touch::Write);
        self.held = since..now + memory.spent();
    }
}

#[derive(Clone, Copy, Debug)]
struct Free {
    units: u32,
    /// When it was freed.
    stamp: f64,
}

#[derive(Debug, Default)]
struct Shard {
    latch: Latch,
    dirty: BTreeMap<u32, Free>,
    clean: BTreeMap<u32, Free>,
    /// What is left of the last stride.
    fresh: Range<u32>,
    purged_at: f64,
}

impl Shard {
    /// The shortest dirty or clean run that is long enough, the lowest of these.
    fn fitting(runs: &BTreeMap<u32, Free>, units: u32, before: f64) -> Option<u32> {
        let fits = runs
            .iter()
            .filter(|(_, run)| run.units >= units && run.stamp <= before);
        fits.min_by_key(|(unit, run)| (run.units, **unit))
            .map(|(unit, _)| *unit)
    }

    /// Cuts units off the front of a run.
    fn cut(runs: &mut BTreeMap<u32, Free>, unit: u32, units: u32) -> u32 {
        let run = runs.remove(&unit).expect("a run that was found");
        if run.units > units {
            let rest = Free {
                units: run.units - units,
                ..run
            };
            runs.insert(unit + units, rest);
        }
        unit
    }

    /// Adds a run, joined with its neighbours; the whole is as old as its longest part.
    fn join(runs: &mut BTreeMap<u32, Free>, mut unit: u32, mut run: Free) {
        let mut longest = run.units;
        let before = runs.range(..unit).next_back().map(|(at, run)| (*at, *run));
        let before = before.filter(|(at, run)| at + run.units == unit);
        let behind = runs.get(&(unit + run.units)).copied();
        let behind = behind.map(|next| (unit + run.units, next));
        for (at, other) in before.into_iter().chain(behind) {
            runs.remove(&at);
            unit = unit.min(at);
            run.units += other.units;
            if other.units > longest {
                (longest, run.stamp) = (other.units, other.stamp);
            }
        }
        runs.insert(unit, run);
    }
}

/// See the module's text.
#[derive(Debug)]
pub struct Region {
    choices: Choices,
    shards: Vec<Shard>,
    frontier: u32,
    frontier_latch: Latch,
    /// Whose each unit is.
    shard_of: Vec<u8>,
    /// The shard that somebody looks at next besides his own.
    turn: usize,
}

/// Who asks, and when.
#[derive(Clone, Copy, Debug)]
pub struct Caller {
    /// His core.
    pub core: usize,
    /// The time when his step began.
    pub now: f64,
}

impl Region {
    /// No land yet.
    pub fn new(choices: Choices, nodes: usize, complexes: usize) -> Region {
        let count = |reach| match reach {
            Reach::All => 1,
            Reach::Node => nodes,
            Reach::Complex => complexes,
        };
        let mixed = choices.small != choices.large;
        let shards = count(choices.small).max(count(choices.large)) + usize::from(mixed);
        Region {
            choices,
            shards: (0..shards).map(|_| Shard::default()).collect(),
            frontier: 0,
            frontier_latch: Latch::default(),
            shard_of: Vec::new(),
            turn: 0,
        }
    }

    /// The shard of who asks: what all share is the last.
    fn home(&self, memory: &Memory, core: usize, large: bool) -> usize {
        match if large {
            self.choices.large
        } else {
            self.choices.small
        } {
            Reach::All => self.shards.len() - 1,
            Reach::Node => memory.machine.node_of(core),
            Reach::Complex => memory.machine.complex_of(core),
        }
    }

    /// A run for a slab or a large object.
    pub fn take(&mut self, memory: &mut Memory, by: Caller, units: u32, large: bool) -> u32 {
        let home = self.home(memory, by.core, large);
        let unit = self.inside(memory, by, home, |region, memory| {
            memory.touch(by.core, places::bins(home, units), Touch::Wait);
            let shard = &mut region.shards[home];
            let dirty = Shard::fitting(&shard.dirty, units, f64::MAX);
            dirty.map(|unit| Shard::cut(&mut shard.dirty, unit, units))
        });
        let unit = unit
            .or_else(|| self.borrow(memory, by, home, units))
            .unwrap_or_else(|| self.take_clean(memory, by, home, units));
        for edge in [unit, unit + units - 1] {
            memory.touch(by.core, places::record(edge), Touch::Write);
            memory.touch(by.core, places::entry(edge), Touch::Write);
        }
        unit
    }

    /// Calls `f` with a shard's lock held.
    fn inside<R>(
        &mut self,
        memory: &mut Memory,
        by: Caller,
        shard: usize,
        f: impl FnOnce(&mut Region, &mut Memory) -> R,
    ) -> R {
        let (core, lock) = (by.core, places::shard(shard));
        let since = self.shards[shard].latch.enter(memory, core, lock, by.now);
        let result = f(self, memory);
        let latch = &mut self.shards[shard].latch;
        latch.leave(memory, core, lock, since, by.now);
        result
    }

    /// A dirty run of another shard, if the policy lends.
    fn borrow(&mut self, memory: &mut Memory, by: Caller, home: usize, units: u32) -> Option<u32> {
        let before = match self.choices.lend {
            Lend::Never => return None,
            Lend::Aged => by.now - DECAY / 2.0,
            Lend::Freely | Lend::Purged => f64::MAX,
        };
        // Near ones first: a look without the lock, at one line of each.
        let per_node = self.shards.len().div_ceil(memory.machine.nodes);
        let mut others: Vec<usize> = (0..self.shards.len()).collect();
        others.retain(|&other| other != home);
        others.sort_by_key(|other| other / per_node != home / per_node);
        let found = others.into_iter().find_map(|other| {
            memory.touch(by.core, places::bins(other, units), Touch::Read);
            Some((
                other,
                Shard::fitting(&self.shards[other].dirty, units, before)?,
            ))
        });
        let (other, unit) = found?;
        self.inside(memory, by, other, |region, _| {
            Shard::cut(&mut region.shards[other].dirty, unit, units)
        });
        if self.choices.lend == Lend::Purged {
            memory.purge(places::land(unit), u64::from(units) * UNIT);
            self.shard_of[unit as usize..][..units as usize].fill(home as u8);
        }
        Some(unit)
    }

    fn take_clean(&mut self, memory: &mut Memory, by: Caller, home: usize, units: u32) -> u32 {
        let shard = &mut self.shards[home];
        if let Some(unit) = Shard::fitting(&shard.clean, units, f64::MAX) {
            return Shard::cut(&mut shard.clean, unit, units);
        }
        if shard.fresh.len() < units as usize {
            self.deal(memory, by, home, units);
        }
        let fresh = &mut self.shards[home].fresh;
        fresh.start += units;
        fresh.start - units
    }

    /// Moves the frontier, for one shard: by as much as is needed, or by strides.
    fn deal(&mut self, memory: &mut Memory, by: Caller, home: usize, units: u32) {
        let shared = self.shards.len() > 1;
        let lock = places::frontier();
        let since = shared.then(|| {
            let latch = &mut self.frontier_latch;
            latch.enter(memory, by.core, lock, by.now)
        });
        let length = match self.choices.strides {
            true => units.next_multiple_of(STRIDE),
            false => units,
        };
        let dealt = self.frontier..self.frontier + length;
        assert!(dealt.end < places::UNITS, "the simulated land is used up");
        self.frontier = dealt.end;
        self.shard_of.resize(dealt.end as usize, home as u8);
        if let Some(since) = since {
            let latch = &mut self.frontier_latch;
            latch.leave(memory, by.core, lock, since, by.now);
        }
        let shard = &mut self.shards[home];
        let rest = std::mem::replace(&mut shard.fresh, dealt);
        if !rest.is_empty() {
            let free = Free {
                units: rest.len() as u32,
                stamp: by.now,
            };
            Shard::join(&mut shard.clean, rest.start, free);
        }
    }

    /// Takes a run back, and purges what has lain for the decay: in its own shard, and in another
    /// one in turn, whose people may be asleep.
    pub fn give(&mut self, memory: &mut Memory, by: Caller, unit: u32, units: u32) {
        let shard = usize::from(self.shard_of[unit as usize]);
        self.inside(memory, by, shard, |region, memory| {
            memory.touch(by.core, places::bins(shard, units), Touch::Write);
            for edge in [unit, unit + units - 1] {
                memory.touch(by.core, places::record(edge), Touch::Write);
                memory.touch(by.core, places::entry(edge), Touch::Write);
            }
            let free = Free {
                units,
                stamp: by.now,
            };
            Shard::join(&mut region.shards[shard].dirty, unit, free);
        });
        self.turn = (self.turn + 1) % self.shards.len();
        self.purge_if_due(memory, by, shard);
        self.purge_if_due(memory, by, self.turn);
    }

    fn purge_if_due(&mut self, memory: &mut Memory, by: Caller, number: usize) {
        let shard = &mut self.shards[number];
        if by.now - shard.purged_at < PERIOD {
            return;
        }
        shard.purged_at = by.now;
        let old = |run: &Free| by.now - run.stamp >= DECAY;
        let expired: Vec<u32> = shard
            .dirty
            .iter()
            .filter(|(_, run)| old(run))
            .map(|(unit, _)| *unit)
            .collect();
        for unit in expired {
            let run = shard.dirty.remove(&unit).expect("it was there");
            memory.purge(places::land(unit), u64::from(run.units) * UNIT);
            Shard::join(&mut shard.clean, unit, run);
        }
    }

    /// Units dealt out so far, and of these the free ones.
    pub fn units(&self) -> (u32, u32) {
        let free = |shard: &Shard| {
            let runs = shard.dirty.values().chain(shard.clean.values());
            runs.map(|run| run.units).sum::<u32>() + shard.fresh.len() as u32
        };
        (self.frontier, self.shards.iter().map(free).sum())
    }

    /// Calls `each` for every unit that is in a free run.
    pub fn each_free(&self, mut each: impl FnMut(u32)) -> Result<(), String> {
        for (number, shard) in self.shards.iter().enumerate() {
            let runs = shard.dirty.iter().chain(&shard.clean);
            for unit in runs.flat_map(|(unit, run)| *unit..unit + run.units) {
                if usize::from(self.shard_of[unit as usize]) != number {
                    return Err(format!("region: unit {unit} is in another's shard"));
                }
                each(unit);
            }
        }
        Ok(())
    }
}
