//! The engine, as far as it matters which lines and pages are touched: the paths of malloc and free
//! through heaps, slabs and words as in `crates/glebe/src/heap`, with the same decisions.
//!
//! | module | of the engine |
//! |--|--|
//! | [`places`] | `records/layout.rs`, `slab/classes.rs` |
//! | [`region`] | `region` |
//! | here | `heap/malloc.rs`, `heap/free.rs` |
//! | `refill` | `heap/refill.rs`, `heap/slabs.rs` |
//! | `remote` | `heap/outbox.rs`, `slab/remote.rs` |
//! | `life` | `heap/life.rs` |
//!
//! Left out: realloc, fork, colours, pages of idle slabs of sleeping threads, and that a new thread
//! prefers the heap of its predecessor on the same stack. Instructions are not simulated; each call
//! takes [`CALL`] besides what its lines take.

mod life;
pub mod places;
mod refill;
pub mod region;
mod remote;
#[cfg(test)]
mod tests;
mod verify;

use std::collections::VecDeque;

use crate::machine::Machine;
use crate::memory::{Memory, Touch};
use crate::policy::{Choices, Policy};
use places::{SIZES, UNIT, class_of};
use region::{Caller, Latch, Region};
use remote::Outbox;

/// A malloc or a free by its instructions alone: half of what a pair takes here (`pair/16` of
/// `docs/results/all.json`, 5.08 ns).
pub const CALL: f64 = 2.5;

const CLASSES: usize = SIZES.len();

/// A live block.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Block {
    unit: u32,
    slot: u32,
    bytes: u32,
}

/// Who calls: a core, and the heap of the thread that runs there just now.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Who {
    /// The core.
    pub core: usize,
    /// The heap.
    pub heap: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Current,
    Listed,
    Full,
}

#[derive(Debug)]
struct Slab {
    heap: usize,
    class: usize,
    state: State,
    live: Vec<u64>,
    remote: Vec<u64>,
    /// Bits set in `live`.
    used: usize,
    /// Words that ever had a slot in use.
    touched: usize,
    /// Others have freed here since the owner last took frees back.
    shared: bool,
}

/// What a unit is.
#[derive(Debug)]
enum Land {
    Free,
    Slab(Slab),
    /// The first unit of a large object: its length, and the core that asked for it.
    Large(u32, usize),
    Inside,
}

#[derive(Clone, Debug, Default)]
struct Cursor {
    unit: Option<u32>,
    word: usize,
    mask: u64,
    next: usize,
    quiet: u32,
}

#[derive(Debug)]
struct Heap {
    /// Where its thread ran when it was seen last.
    core: usize,
    /// Where it was made, or adopted.
    home: usize,
    parked: bool,
    cursors: Vec<Cursor>,
    /// Slabs with room; the next to be used first.
    listed: Vec<VecDeque<u32>>,
    outbox: Outbox,
    inbox: Vec<Vec<u32>>,
}

/// See the module's text.
pub struct Engine {
    /// Caches and pages.
    pub memory: Memory,
    choices: Choices,
    region: Region,
    land: Vec<Land>,
    heaps: Vec<Heap>,
    registry: Latch,
    /// Parked heaps; the last is the one parked last.
    parked: Vec<usize>,
    /// Of each complex, if complexes share them.
    gathered: Vec<(Outbox, Latch)>,
    now: f64,
}

impl Engine {
    /// Without heaps and land.
    pub fn new(machine: Machine, policy: Policy, huge_pages: bool) -> Engine {
        let choices = policy.choices();
        let complexes = machine.all_complexes();
        Engine {
            region: Region::new(choices, machine.nodes, complexes),
            memory: Memory::new(machine, huge_pages.then_some(places::LAND)),
            choices,
            land: Vec::new(),
            heaps: Vec::new(),
            registry: Latch::default(),
            parked: Vec::new(),
            gathered: (0..complexes).map(|_| Default::default()).collect(),
            now: 0.0,
        }
    }

    /// A step of a thread begins.
    pub fn begin(&mut self, now: f64) {
        self.now = now;
    }

    fn caller(&self, core: usize) -> Caller {
        Caller {
            core,
            now: self.now,
        }
    }

    /// Allocates.
    pub fn malloc(&mut self, who: &mut Who, bytes: u32) -> Block {
        let Some(class) = class_of(bytes) else {
            return self.malloc_large(who.core, bytes);
        };
        self.heaps[who.heap].core = who.core;
        self.memory
            .touch(who.core, places::cursor(who.heap, class), Touch::Write);
        while self.heaps[who.heap].cursors[class].mask == 0 {
            self.refill(who, class);
        }
        let cursor = &mut self.heaps[who.heap].cursors[class];
        let bit = cursor.mask.trailing_zeros();
        cursor.mask &= cursor.mask - 1;
        let (unit, word) = (cursor.unit.expect("where slots are held"), cursor.word);
        self.memory
            .touch(who.core, places::live(unit, word), Touch::Write);
        let slab = self.slab(unit);
        slab.live[word] |= 1 << bit;
        slab.used += 1;
        Block {
            unit,
            slot: word as u32 * 64 + bit,
            bytes,
        }
    }

    fn malloc_large(&mut self, core: usize, bytes: u32) -> Block {
        let units = u64::from(bytes).div_ceil(UNIT) as u32;
        let caller = self.caller(core);
        let unit = self.region.take(&mut self.memory, caller, units, true);
        self.memory.touch(core, places::live(unit, 0), Touch::Write);
        self.occupy(unit, units);
        self.land[unit as usize] = Land::Large(units, core);
        Block {
            unit,
            slot: 0,
            bytes,
        }
    }

    /// Notes that units are no longer free.
    fn occupy(&mut self, unit: u32, units: u32) {
        let end = (unit + units) as usize;
        if self.land.len() < end {
            self.land.resize_with(end, || Land::Free);
        }
        for unit in unit as usize..end {
            assert!(matches!(self.land[unit], Land::Free), "a unit dealt twice");
            self.land[unit] = Land::Inside;
        }
    }

    /// Frees.
    pub fn free(&mut self, who: &Who, block: Block) {
        self.memory
            .touch(who.core, places::entry(block.unit), Touch::Read);
        match &self.land[block.unit as usize] {
            Land::Slab(slab) if slab.heap == who.heap => self.free_own(who, block),
            Land::Slab(_) => self.free_by_and_by(who, block),
            Land::Large(units, _) => {
                let units = *units;
                self.free_large(who.core, block.unit, units);
            }
            Land::Free | Land::Inside => panic!("{block:?} is not live"),
        }
    }

    fn free_large(&mut self, core: usize, unit: u32, units: u32) {
        self.memory.touch(core, places::live(unit, 0), Touch::Write);
        for inside in unit..unit + units {
            self.land[inside as usize] = Land::Free;
        }
        let caller = self.caller(core);
        self.region.give(&mut self.memory, caller, unit, units);
    }

    fn free_own(&mut self, who: &Who, block: Block) {
        let (unit, word) = (block.unit, block.slot as usize / 64);
        let slab = self.slab(unit);
        let (class, shared) = (slab.class, slab.shared);
        let bit = 1 << (block.slot % 64);
        assert!(
            slab.live[word] & !slab.remote[word] & bit != 0,
            "freed twice"
        );
        slab.live[word] &= !bit;
        if shared {
            let remote = places::remote(unit, class, word);
            self.memory.touch(who.core, remote, Touch::Read);
        }
        self.memory
            .touch(who.core, places::live(unit, word), Touch::Write);
        self.memory
            .touch(who.core, places::until(unit), Touch::Write);
        self.lower(who.core, unit, 1);
    }

    /// The user writes a block: each line of a small one, up to eight, and of a large one a line a
    /// page, for the rest comes in a stream.
    pub fn write(&mut self, core: usize, block: Block) {
        let (bytes, step) = match class_of(block.bytes) {
            Some(_) => (block.bytes.min(512), 64),
            None => (block.bytes, 4096),
        };
        for offset in (0..bytes).step_by(step) {
            let address = self.address(block) + u64::from(offset);
            self.memory.touch(core, address, Touch::Write);
        }
    }

    /// The user touches a block's first line.
    pub fn touch(&mut self, core: usize, block: Block, touch: Touch) {
        self.memory.touch(core, self.address(block), touch);
    }

    fn address(&self, block: Block) -> u64 {
        let slot = class_of(block.bytes).map_or(0, |class| SIZES[class]);
        places::land(block.unit) + u64::from(block.slot) * u64::from(slot)
    }

    fn slab(&mut self, unit: u32) -> &mut Slab {
        match &mut self.land[unit as usize] {
            Land::Slab(slab) => slab,
            other => panic!("unit {unit} is no slab: {other:?}"),
        }
    }

    /// Pages of slabs and large objects, and how many of them are on another node than the core
    /// where their owner was last seen; a large object's is who asked for it.
    pub fn pages(&self) -> (u64, u64) {
        let (mut all, mut far) = (0, 0);
        for (unit, land) in self.land.iter().enumerate() {
            let (core, units) = match land {
                Land::Slab(slab) => (self.heaps[slab.heap].core, 1),
                Land::Large(units, core) => (*core, *units),
                Land::Free | Land::Inside => continue,
            };
            let node = self.memory.machine.node_of(core);
            let start = places::land(unit as u32);
            let pages = (start..start + u64::from(units) * UNIT).step_by(4096);
            for home in pages.filter_map(|address| self.memory.home(address)) {
                all += 1;
                far += u64::from(home != node);
            }
        }
        (all, far)
    }
}
