//! The region: one reservation of address space, dealt out in runs of units under one lock.
//!
//! ```text
//!  first unit                    frontier        opened                           end
//!  ├── slabs, large, free runs ─────┤── untouched ──┤────── not accessible ─────────┤
//! ```
//! A request is served from dirty free runs, then from clean ones, then from the frontier. What
//! comes back lies dirty for a while (the decay) and is then purged, so that memory in use again
//! and again is neither given back nor fetched, and memory no longer in use does go back.
//!
//! Invariants
//! 1. Every unit from the first to the frontier belongs to exactly one slab, large run, free run,
//!    or is on its way between them in the hands of one thread.
//! 2. Units from the frontier on have never been touched; those before `opened` are accessible.
//! 3. No system call is made under the lock, except opening land, which never blocks.

mod large;
mod opening;
mod purge;
mod runs;

pub use large::{Grown, own_bytes};
pub use purge::DECAY;
pub use runs::{Kind, Run, Runs};

use crate::blocks::{clock, system};
use crate::cpu;
use crate::records::Entry;
use crate::records::directory::Land;
use crate::records::layout::{TABLES, UNIT_SHIFT};
use crate::sync::{AtomicU32, Guard, Lock, Ordering};
use core::cell::UnsafeCell;

/// The region of the process.
pub static REGION: Region = Region::new();

/// Free runs and the frontier, behind a lock.
pub struct Region {
    lock: Lock,
    state: UnsafeCell<State>,
    /// When somebody last looked for runs to purge.
    purged_at: AtomicU32,
    /// How many moved runs were freed, up to the number from which they are treated otherwise.
    moved: AtomicU32,
}

/// What the lock guards.
pub struct State {
    /// Free runs before the frontier.
    pub runs: Runs,
    /// The first unit of land.
    pub first: u32,
    /// The first unit never handed out.
    pub frontier: u32,
    /// Units before this one are accessible.
    pub opened: u32,
    /// The first unit past the reservation.
    pub end: u32,
    /// How many heaps there is room for.
    pub max_heaps: u32,
    /// How many free runs are being purged, and how many ever came back from that.
    pub away: u32,
    pub returned: u32,
}

// SAFETY: `state` is reached only through `enter`, which holds the lock.
unsafe impl Sync for Region {}

/// The lock held, and what it guards.
pub struct Entered<'a> {
    state: &'a mut State,
    _held: Guard<'a>,
}

impl core::ops::Deref for Entered<'_> {
    type Target = State;
    fn deref(&self) -> &State {
        self.state
    }
}

impl core::ops::DerefMut for Entered<'_> {
    fn deref_mut(&mut self) -> &mut State {
        self.state
    }
}

impl Region {
    const fn new() -> Self {
        let state = State {
            runs: Runs::new(),
            first: 0,
            frontier: 0,
            opened: 0,
            end: 0,
            max_heaps: 0,
            away: 0,
            returned: 0,
        };
        Region {
            lock: Lock::new(),
            state: UnsafeCell::new(state),
            purged_at: AtomicU32::new(0),
            moved: AtomicU32::new(0),
        }
    }

    /// Takes the lock.
    pub fn enter(&self) -> Entered<'_> {
        let held = self.lock.lock();
        // SAFETY: the lock is held until `Entered` is dropped.
        let state = unsafe { &mut *self.state.get() };
        Entered { state, _held: held }
    }

    /// Reserves the address space and opens the tables, once. False if the system refuses.
    pub fn create(&self) -> bool {
        let mut state = self.enter();
        if state.end != 0 {
            return true;
        }
        let Some(layout) = TABLES.create() else {
            return false;
        };
        cpu::look();
        state.first = layout.first_unit;
        state.frontier = layout.first_unit;
        state.opened = layout.first_unit;
        state.end = layout.units();
        state.max_heaps = layout.max_heaps;
        self.purged_at.store(clock::now(), Ordering::Relaxed);
        true
    }

    /// A run of `units`, aligned to `align` units, whose entries are blank.
    pub fn take(&self, units: u32, align: u32) -> Option<Run> {
        let run = self.enter().take(units, align);
        run.or_else(|| self.take_of_all(units, align))
    }

    /// As [`Self::take`], with address space short: all dirty runs become clean ones, so that they
    /// can join; those that others are purging are waited for, but no later ones.
    #[cold]
    fn take_of_all(&self, units: u32, align: u32) -> Option<Run> {
        self.purge(clock::now(), 0);
        let (away, returned) = {
            let mut state = self.enter();
            let run = state.take(units, align);
            if run.is_some() || state.away == 0 {
                return run;
            }
            (state.away, state.returned)
        };
        while self.enter().returned.wrapping_sub(returned) < away {
            system::give_way();
        }
        self.enter().take(units, align)
    }

    /// Takes back a run whose entries are blank.
    pub fn give(&self, run: Run) {
        self.enter().runs.give(run);
        self.purge_if_due();
    }

    /// The first unit of land, and the first that was never handed out.
    pub fn bounds(&self) -> (u32, u32) {
        let state = self.enter();
        (state.first, state.frontier)
    }

    /// In a freshly forked child, which has one thread: frees the lock, and if another thread held
    /// it at the time, makes the free runs anew from the directory.
    pub fn repair_after_fork(&self) {
        let torn = self.lock.try_lock().is_none();
        self.lock.reset();
        let mut state = self.enter();
        // Nobody is there who would bring them back.
        state.away = 0;
        if torn {
            state.rebuild();
        }
    }
}

impl State {
    fn take(&mut self, units: u32, align: u32) -> Option<Run> {
        self.runs
            .take(units, align)
            .or_else(|| self.take_frontier(units, align))
    }

    fn take_frontier(&mut self, units: u32, align: u32) -> Option<Run> {
        let skipped = TABLES.units_to_alignment(self.frontier, align);
        let start = self.frontier.checked_add(skipped)?;
        let end = start.checked_add(units).filter(|&end| end <= self.end)?;
        if end > self.opened && !self.open(end) {
            return None;
        }
        let unit = self.frontier;
        self.frontier = end;
        if skipped > 0 {
            self.runs.give(Run {
                unit,
                units: skipped,
                kind: Kind::Clean,
            });
        }
        Some(Run {
            unit: start,
            units,
            kind: Kind::Clean,
        })
    }

    /// The free runs again, from the directory alone: whatever is no whole slab and no large run
    /// is free and dirty.
    fn rebuild(&mut self) {
        self.runs = Runs::new();
        let mut unit = self.first;
        let mut free_from = unit;
        while unit < self.frontier {
            let length = used_length(unit, self.frontier);
            if length == 0 {
                unit += 1;
                continue;
            }
            self.give_blank(free_from, unit);
            unit += length;
            free_from = unit;
        }
        self.give_blank(free_from, self.frontier);
    }

    fn give_blank(&mut self, from: u32, to: u32) {
        if from < to {
            (from..to).for_each(|unit| TABLES.directory(unit).set(Entry::BLANK));
            self.runs.give(Run {
                unit: from,
                units: to - from,
                kind: Kind::Dirty,
            });
        }
    }
}

/// Units of the whole slab or large run that starts at `unit`; 0 if none does.
pub fn used_length(unit: u32, frontier: u32) -> u32 {
    let units = TABLES.land(unit).units.get();
    let fits = units > 0 && units <= frontier - unit;
    match TABLES.directory(unit).get().land() {
        Land::Large if fits => units,
        Land::Slab {
            heap,
            class,
            delta: 0,
        } if fits => {
            let whole = (1..units).all(|delta| {
                let entry = TABLES.directory(unit + delta).get().unshared();
                entry == Entry::slab(heap, class, delta)
            });
            if whole { units } else { 0 }
        }
        _ => 0,
    }
}

/// Bytes in a number of units.
#[inline]
pub const fn bytes(units: u32) -> usize {
    (units as usize) << UNIT_SHIFT
}
