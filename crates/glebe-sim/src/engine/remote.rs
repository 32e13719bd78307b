//! Frees of other heaps' slots: gathered by word, published in R, announced by an inbox, taken back
//! by the owner.

use super::places::{self, SIZES, words};
use super::{Block, CLASSES, Engine, Who};
use crate::memory::Touch;

/// Slots up to here are gathered.
const GATHERED: u32 = 4096;
/// Bytes that may wait in an outbox.
const MOST_PENDING: usize = 256 << 10;

/// One word of A, and the slots of it freed here.
#[derive(Clone, Copy, Debug, Default)]
pub struct Parcel {
    unit: u32,
    word: usize,
    freed: u64,
}

/// Frees that wait.
#[derive(Clone, Debug)]
pub struct Outbox {
    parcels: [Parcel; CLASSES],
    pending: usize,
    turn: usize,
}

impl Default for Outbox {
    fn default() -> Self {
        Outbox {
            parcels: [Parcel::default(); CLASSES],
            pending: 0,
            turn: 0,
        }
    }
}

impl Outbox {
    /// How many slots wait.
    pub fn slots(&self) -> usize {
        let parcels = self.parcels.iter();
        parcels
            .map(|parcel| parcel.freed.count_ones() as usize)
            .sum()
    }
}

impl Engine {
    fn outbox(&mut self, who: Who) -> &mut Outbox {
        match self.choices.gather {
            true => &mut self.gathered[self.memory.machine.complex_of(who.core)].0,
            false => &mut self.heaps[who.heap].outbox,
        }
    }

    /// Frees a slot in another heap's slab, by and by.
    pub(super) fn free_by_and_by(&mut self, who: &Who, block: Block) {
        self.heaps[who.heap].core = who.core;
        let (unit, word) = (block.unit, block.slot as usize / 64);
        let class = self.slab(unit).class;
        let bit = 1 << (block.slot % 64);
        if SIZES[class] > GATHERED {
            self.look(who.core, unit, class, word);
            return self.publish(who.core, unit, word, bit);
        }
        if self.choices.gather {
            let complex = self.memory.machine.complex_of(who.core);
            let (core, now) = (who.core, self.now);
            let lock = places::gathered(complex, CLASSES);
            let latch = &mut self.gathered[complex].1;
            let since = latch.enter(&mut self.memory, core, lock, now);
            self.put(*who, block, class, word, bit);
            let latch = &mut self.gathered[complex].1;
            latch.leave(&mut self.memory, core, lock, since, now);
        } else {
            self.put(*who, block, class, word, bit);
        }
    }

    fn put(&mut self, who: Who, block: Block, class: usize, word: usize, bit: u64) {
        let place = match self.choices.gather {
            true => places::gathered(self.memory.machine.complex_of(who.core), class),
            false => places::parcel(who.heap, class),
        };
        self.memory.touch(who.core, place, Touch::Write);
        let parcel = self.outbox(who).parcels[class];
        let same = parcel.freed != 0 && (parcel.unit, parcel.word) == (block.unit, word);
        if !same {
            self.look(who.core, block.unit, class, word);
            self.send(who, class);
        }
        let slot = places::land(block.unit) + u64::from(block.slot) * u64::from(SIZES[class]);
        self.memory.touch(who.core, slot, Touch::Write);
        let outbox = self.outbox(who);
        let parcel = &mut outbox.parcels[class];
        assert!(!same || parcel.freed & bit == 0, "freed twice");
        (parcel.unit, parcel.word) = (block.unit, word);
        parcel.freed |= bit;
        outbox.pending += SIZES[class] as usize;
        if outbox.pending > MOST_PENDING {
            let next = (1..=CLASSES)
                .map(|step| (outbox.turn + step) % CLASSES)
                .find(|&class| outbox.parcels[class].freed != 0);
            outbox.turn = next.expect("something waits");
            let turn = outbox.turn;
            self.send(who, turn);
        }
    }

    /// Looks which slots of a word are live.
    fn look(&mut self, core: usize, unit: u32, class: usize, word: usize) {
        self.memory
            .touch(core, places::live(unit, word), Touch::Wait);
        self.memory
            .touch(core, places::remote(unit, class, word), Touch::Read);
    }

    /// Publishes what waits in a class.
    fn send(&mut self, who: Who, class: usize) {
        let outbox = self.outbox(who);
        let parcel = std::mem::take(&mut outbox.parcels[class]);
        if parcel.freed == 0 {
            return;
        }
        outbox.pending -= parcel.freed.count_ones() as usize * SIZES[class] as usize;
        self.publish(who.core, parcel.unit, parcel.word, parcel.freed);
    }

    /// Publishes all that waits.
    pub(super) fn send_all(&mut self, who: Who) {
        if self.outbox(who).pending != 0 {
            (0..CLASSES).for_each(|class| self.send(who, class));
        }
    }

    fn publish(&mut self, core: usize, unit: u32, word: usize, freed: u64) {
        let slab = self.slab(unit);
        assert!(
            slab.live[word] & !slab.remote[word] & freed == freed,
            "freed twice"
        );
        slab.remote[word] |= freed;
        let told = std::mem::replace(&mut slab.shared, true);
        let (owner, class) = (slab.heap, slab.class);
        if !told {
            self.memory.touch(core, places::entry(unit), Touch::Lock);
        }
        self.memory
            .touch(core, places::remote(unit, class, word), Touch::Lock);
        self.memory.touch(core, places::entry(unit), Touch::Read);
        if told {
            return;
        }
        self.memory.touch(core, places::entry(unit), Touch::Write);
        self.memory
            .touch(core, places::inbox(owner, class), Touch::Lock);
        self.heaps[owner].inbox[class].push(unit);
        if self.heaps[owner].parked {
            let (now, lock) = (self.now, places::registry());
            let since = self.registry.enter(&mut self.memory, core, lock, now);
            self.drain(core, owner, class);
            self.registry
                .leave(&mut self.memory, core, lock, since, now);
        }
    }

    /// Takes back what others freed in a class.
    pub(super) fn drain(&mut self, core: usize, heap: usize, class: usize) {
        let place = places::inbox(heap, class);
        let units = std::mem::take(&mut self.heaps[heap].inbox[class]);
        let how = match units.is_empty() {
            true => Touch::Wait,
            false => Touch::Lock,
        };
        self.memory.touch(core, place, how);
        for unit in units.into_iter().rev() {
            self.memory.touch(core, places::entry(unit), Touch::Wait);
            self.memory.touch(core, places::entry(unit), Touch::Lock);
            self.slab(unit).shared = false;
            let mut back = 0;
            for word in 0..words(class) {
                back += self.take_back(core, unit, class, word);
            }
            self.memory.touch(core, places::until(unit), Touch::Write);
            self.lower(core, unit, back);
        }
    }

    /// Takes others' frees of a word back and counts them; whether there were any.
    pub(super) fn collect(&mut self, core: usize, unit: u32, class: usize, word: usize) -> bool {
        let back = self.take_back(core, unit, class, word);
        self.lower(core, unit, back);
        back != 0
    }

    fn take_back(&mut self, core: usize, unit: u32, class: usize, word: usize) -> usize {
        let remote = places::remote(unit, class, word);
        self.memory.touch(core, remote, Touch::Read);
        let slab = self.slab(unit);
        let freed = std::mem::take(&mut slab.remote[word]);
        if freed == 0 {
            return 0;
        }
        slab.live[word] &= !freed;
        self.memory.touch(core, remote, Touch::Lock);
        self.memory
            .touch(core, places::live(unit, word), Touch::Write);
        freed.count_ones() as usize
    }
}
