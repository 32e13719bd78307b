//! Giving pages back: dirty runs that have lain for the decay, oldest first, by whoever passes.
//!
//! A run to be purged is taken out of the free runs first, so the system call happens without the
//! lock and nobody can be handed the run meanwhile; it comes back clean. Purging with
//! `MADV_DONTNEED` lowers the resident size at once and splits no mapping.

use super::{Kind, Region, Run, State, bytes};
use crate::blocks::{clock, system};
use crate::records::layout::TABLES;
use crate::sync::Ordering::Relaxed;

/// Ticks of [`clock`] that a free run keeps its pages: 250 to 500 ms.
pub const DECAY: u32 = 1000;
/// Ticks between two looks at the age list.
const PERIOD: u32 = DECAY / 8;

impl Region {
    /// Purges what has lain for the decay, if nobody looked for a while. Costs a clock reading
    /// otherwise.
    pub fn purge_if_due(&self) {
        let (now, last) = (clock::now(), self.purged_at.load(Relaxed));
        let due = clock::elapsed(now, last, PERIOD);
        if due
            && self
                .purged_at
                .compare_exchange(last, now, Relaxed, Relaxed)
                .is_ok()
        {
            self.purge(now, DECAY);
        }
    }

    /// Purges every dirty run that has lain for `ticks`; the bytes given back.
    pub fn purge(&self, now: u32, ticks: u32) -> usize {
        let mut purged = 0;
        // Runs that the system refuses to purge come back dirty and young: they must not be met
        // again in this call.
        let limit = self.enter().runs.dirty_units;
        let mut seen = 0;
        while seen < limit {
            let Some(run) = self.enter().take_expired(now, ticks) else {
                break;
            };
            seen += run.units;
            purged += self.purge_run(run);
        }
        purged
    }

    fn purge_run(&self, run: Run) -> usize {
        let length = bytes(run.units);
        // A system page larger than a unit can be given back only if the run covers it whole.
        let page = system::page_size();
        let address = TABLES.address(run.unit);
        let whole = (address as usize | length) & (page - 1) == 0;
        // SAFETY: the run is free and in our hands only.
        let clean = whole && unsafe { system::purge(address, length) };
        let kind = if clean { Kind::Clean } else { Kind::Dirty };
        self.enter().take_back(Run { kind, ..run });
        if clean { length } else { 0 }
    }
}

impl State {
    /// Takes a dirty run that has lain for `ticks` out of the free ones.
    fn take_expired(&mut self, now: u32, ticks: u32) -> Option<Run> {
        let run = self.runs.take_expired(now, ticks)?;
        self.away += 1;
        Some(run)
    }

    /// Such a run is free again.
    fn take_back(&mut self, run: Run) {
        self.away -= 1;
        self.returned = self.returned.wrapping_add(1);
        self.runs.give(run);
    }
}
