//! What must hold between two steps.

use super::places::{relist_at, valid, words};
use super::{Engine, Land, Slab, State};

impl Engine {
    /// Checks that all units are accounted for, that slabs count their slots right and are where
    /// their states say, and that exactly `live` blocks live, `waiting` of them freed by and by.
    pub fn verify(&self, live: usize) -> Result<(), String> {
        self.memory.verify()?;
        self.verify_units()?;
        let mut found = 0;
        for (unit, land) in self.land.iter().enumerate() {
            match land {
                Land::Slab(slab) => {
                    self.verify_slab(unit as u32, slab)?;
                    let bits = slab.live.iter().zip(&slab.remote);
                    found += bits
                        .map(|(live, remote)| (live & !remote).count_ones() as usize)
                        .sum::<usize>();
                }
                Land::Large(..) => found += 1,
                Land::Free | Land::Inside => {}
            }
        }
        let waiting = self.waiting();
        if found != live + waiting {
            return Err(format!(
                "{found} blocks live, {live} in use and {waiting} on their way"
            ));
        }
        Ok(())
    }

    /// Slots that wait in outboxes.
    fn waiting(&self) -> usize {
        let own = self.heaps.iter().map(|heap| &heap.outbox);
        let shared = self.gathered.iter().map(|(outbox, _)| outbox);
        own.chain(shared).map(super::Outbox::slots).sum()
    }

    fn verify_units(&self) -> Result<(), String> {
        let mut free = vec![false; self.land.len()];
        let mut twice = None;
        self.region.each_free(|unit| {
            let Some(seen) = free.get_mut(unit as usize) else {
                return;
            };
            if std::mem::replace(seen, true) {
                twice = Some(unit);
            }
        })?;
        if let Some(unit) = twice {
            return Err(format!("unit {unit} is in two free runs"));
        }
        let is_free = |land: &Land| matches!(land, Land::Free);
        let in_use = self.land.iter().filter(|land| !is_free(land)).count() as u32;
        let (dealt, free_units) = self.region.units();
        if dealt != in_use + free_units {
            return Err(format!(
                "{dealt} units dealt, {in_use} used, {free_units} free"
            ));
        }
        let mut both = self.land.iter().zip(free);
        match both.position(|(land, free)| free && !is_free(land)) {
            Some(unit) => Err(format!("unit {unit} is free and in use")),
            None => Ok(()),
        }
    }

    fn verify_slab(&self, unit: u32, slab: &Slab) -> Result<(), String> {
        let fail = |what: &str| Err(format!("slab {unit}: {what}"));
        let bits: usize = slab
            .live
            .iter()
            .map(|word| word.count_ones() as usize)
            .sum();
        let heap = &self.heaps[slab.heap];
        let cursor = &heap.cursors[slab.class];
        let stands = cursor.unit == Some(unit);
        let listed = heap.listed[slab.class]
            .iter()
            .filter(|&&other| other == unit);
        if bits != slab.used {
            return fail("counts its slots wrong");
        }
        if stands != (slab.state == State::Current) {
            return fail("and its cursor do not agree");
        }
        if listed.count() != usize::from(slab.state == State::Listed) {
            return fail("is not where its state says");
        }
        if slab.state == State::Full && slab.used <= relist_at(slab.class) {
            return fail("should be listed");
        }
        let queued = heap.inbox[slab.class]
            .iter()
            .filter(|&&other| other == unit);
        if queued.count() != usize::from(slab.shared) {
            return fail("is marked and not told of, or told of twice");
        }
        for word in 0..words(slab.class) {
            let live = slab.live[word];
            if live & !valid(slab.class, word) != 0 || slab.remote[word] & !live != 0 {
                return fail("has bits that stand for nothing live");
            }
        }
        if stands && cursor.mask & slab.live[cursor.word] != 0 {
            return fail("lends live slots");
        }
        Ok(())
    }
}
