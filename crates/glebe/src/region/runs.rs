//! Free runs of units: two sets of size bins, coalescing both ways, oldest first to purge.
//!
//! ```text
//! dirty bins   runs that may hold pages: reused first, purged when they have lain long enough
//! clean bins   runs that read as zero and hold no pages
//!
//! bin   0 … 31      runs of exactly 1 … 32 units
//!      32 … 111     four bins a doubling
//! ```
//! A free run is marked at both edges: D says dirty or clean, S says how long. Its inside is blank.
//!
//! Invariants
//! 1. No two free runs of the same kind are neighbours.
//! 2. A run is in exactly one bin, that of its length; dirty runs are in the age list too.
//! 3. A bin's bit is set exactly while its list is not empty.
//! 4. `dirty_units` and `clean_units` are the sums of the lengths.
//!
//! Finding a run takes O(1): a bitmap search over 112 bins, then at most [`LOOK`] runs of one bin.

use crate::blocks::clock;
use crate::records::directory::Land;
use crate::records::layout::TABLES;
use crate::records::{Entry, land::Record};

const EXACT: u32 = 32;
const BINS: usize = 112;
/// How many runs of a bin are looked at for the lowest address or a fit.
const LOOK: u32 = 8;
/// How many of the runs that were freed first are looked at for one that has come of age.
const AGED_LOOK: u32 = 64;

/// Dirty or clean.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Kind {
    /// May hold pages, of any content.
    Dirty,
    /// Holds no pages, reads as zero.
    Clean,
}

impl Kind {
    const fn entry(self) -> Entry {
        match self {
            Kind::Dirty => Entry::DIRTY,
            Kind::Clean => Entry::CLEAN,
        }
    }

    const fn land(self) -> Land {
        match self {
            Kind::Dirty => Land::Dirty,
            Kind::Clean => Land::Clean,
        }
    }
}

/// A run of units.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Run {
    /// Its first unit.
    pub unit: u32,
    /// Its length in units.
    pub units: u32,
    /// What it holds.
    pub kind: Kind,
}

struct Bins {
    occupied: [u64; 2],
    heads: [u32; BINS],
}

/// All free runs.
pub struct Runs {
    dirty: Bins,
    clean: Bins,
    oldest: u32,
    newest: u32,
    /// Units in dirty runs.
    pub dirty_units: u32,
    /// Units in clean runs.
    pub clean_units: u32,
}

#[inline]
fn record(unit: u32) -> &'static Record {
    TABLES.land(unit)
}

/// The bin of runs of this length.
#[inline]
fn bin_of(units: u32) -> usize {
    if units <= EXACT {
        return units as usize - 1;
    }
    let log = 31 - units.leading_zeros();
    (EXACT + (log - 5) * 4 + (units >> (log - 2) & 3)) as usize
}

impl Bins {
    const fn new() -> Self {
        Bins {
            occupied: [0; 2],
            heads: [0; BINS],
        }
    }

    /// The first occupied bin from `bin` on.
    fn next_occupied(&self, bin: usize) -> Option<usize> {
        let (word, bit) = (bin / 64, bin % 64);
        let here = self.occupied[word] & u64::MAX << bit;
        if here != 0 {
            return Some(word * 64 + here.trailing_zeros() as usize);
        }
        (word == 0 && self.occupied[1] != 0)
            .then(|| 64 + self.occupied[1].trailing_zeros() as usize)
    }

    fn insert(&mut self, unit: u32, units: u32) {
        let bin = bin_of(units);
        let head = self.heads[bin];
        record(unit).next.set(head);
        record(unit).prev.set(0);
        if head != 0 {
            record(head).prev.set(unit);
        }
        self.heads[bin] = unit;
        self.occupied[bin / 64] |= 1 << (bin % 64);
    }

    fn remove(&mut self, unit: u32, units: u32) {
        let (next, prev) = (record(unit).next.get(), record(unit).prev.get());
        if next != 0 {
            record(next).prev.set(prev);
        }
        if prev != 0 {
            record(prev).next.set(next);
            return;
        }
        let bin = bin_of(units);
        self.heads[bin] = next;
        if next == 0 {
            self.occupied[bin / 64] &= !(1 << (bin % 64));
        }
    }

    /// Of the first few runs in `bin` that `fits`, the one at the lowest address.
    fn lowest(&self, bin: usize, fits: impl Fn(u32) -> bool) -> Option<u32> {
        let mut best = None;
        let mut unit = self.heads[bin];
        for _ in 0..LOOK {
            if unit == 0 {
                break;
            }
            if fits(unit) && best.is_none_or(|b| unit < b) {
                best = Some(unit);
            }
            unit = record(unit).next.get();
        }
        best
    }

    /// A run in which `units` aligned to `align` units fit.
    fn find(&self, units: u32, align: u32) -> Option<u32> {
        // No run is as long as this; and what has no bin cannot be looked for.
        if units.checked_add(align)? >= 1 << 25 {
            return None;
        }
        let fits = |unit: u32| {
            let skipped = TABLES.units_to_alignment(unit, align);
            skipped + units <= record(unit).units.get()
        };
        let mut from = bin_of(units);
        // Past the bin that holds this length for certain, everything fits.
        let certain = bin_of(units + align - 1) + 1;
        while let Some(bin) = self.next_occupied(from) {
            if let Some(unit) = self.lowest(bin, fits) {
                return Some(unit);
            }
            if bin >= certain {
                return None;
            }
            from = bin + 1;
            if from == BINS {
                return None;
            }
        }
        None
    }
}

impl Default for Runs {
    fn default() -> Self {
        Self::new()
    }
}

impl Runs {
    /// No runs.
    pub const fn new() -> Self {
        Runs {
            dirty: Bins::new(),
            clean: Bins::new(),
            oldest: 0,
            newest: 0,
            dirty_units: 0,
            clean_units: 0,
        }
    }

    /// Cuts `units`, aligned to `align` units, out of the free runs: dirty ones first.
    pub fn take(&mut self, units: u32, align: u32) -> Option<Run> {
        self.take_of(Kind::Dirty, units, align)
            .or_else(|| self.take_of(Kind::Clean, units, align))
    }

    fn take_of(&mut self, kind: Kind, units: u32, align: u32) -> Option<Run> {
        let bins = if kind == Kind::Dirty {
            &self.dirty
        } else {
            &self.clean
        };
        let unit = bins.find(units, align)?;
        let length = record(unit).units.get();
        let stamp = record(unit).stamp.get();
        self.remove(unit, kind);
        let start = unit + TABLES.units_to_alignment(unit, align);
        let end = start + units;
        if start > unit {
            self.insert(unit, start - unit, kind, stamp);
        }
        if end < unit + length {
            self.insert(end, unit + length - end, kind, stamp);
        }
        Some(Run {
            unit: start,
            units,
            kind,
        })
    }

    /// Cuts the first `units` off the free run that starts at `unit`, if one that long does.
    pub fn take_at(&mut self, unit: u32, units: u32) -> Option<Run> {
        let kind = match TABLES.directory(unit).get().land() {
            Land::Dirty => Kind::Dirty,
            Land::Clean => Kind::Clean,
            _ => return None,
        };
        let length = record(unit).units.get();
        if length < units {
            return None;
        }
        let stamp = record(unit).stamp.get();
        self.remove(unit, kind);
        if units < length {
            self.insert(unit + units, length - units, kind, stamp);
        }
        Some(Run { unit, units, kind })
    }

    /// Adds a run, joined with free neighbours of its kind. The whole is as old as its longest
    /// part: a long run that lies idle comes of age though short ones are cut off and joined again.
    pub fn give(&mut self, run: Run) {
        let Run {
            mut unit,
            mut units,
            kind,
        } = run;
        let mut stamp = clock::now();
        let mut longest = units;
        let mut join = |runs: &mut Runs, start: u32| {
            let length = record(start).units.get();
            if length > longest {
                (longest, stamp) = (length, record(start).stamp.get());
            }
            units += length;
            runs.remove(start, kind);
        };
        if TABLES.directory(unit - 1).get().land() == kind.land() {
            unit -= record(unit - 1).units.get();
            join(self, unit);
        }
        if TABLES.directory(run.unit + run.units).get().land() == kind.land() {
            join(self, run.unit + run.units);
        }
        self.insert(unit, units, kind, stamp);
    }

    /// Of the first runs in the order in which they were freed, one that has lain for `ticks`;
    /// taken out.
    pub fn take_expired(&mut self, now: u32, ticks: u32) -> Option<Run> {
        let mut unit = self.oldest;
        for _ in 0..AGED_LOOK {
            if unit == 0 {
                return None;
            }
            let units = record(unit).units.get();
            if clock::elapsed(now, record(unit).stamp.get(), ticks) {
                self.remove(unit, Kind::Dirty);
                return Some(Run {
                    unit,
                    units,
                    kind: Kind::Dirty,
                });
            }
            unit = record(unit).newer.get();
        }
        None
    }

    fn insert(&mut self, unit: u32, units: u32, kind: Kind, stamp: u32) {
        let last = unit + units - 1;
        record(unit).units.set(units);
        record(last).units.set(units);
        TABLES.directory(unit).set(kind.entry());
        TABLES.directory(last).set(kind.entry());
        match kind {
            Kind::Dirty => {
                self.dirty.insert(unit, units);
                self.age(unit, stamp);
                self.dirty_units += units;
            }
            Kind::Clean => {
                self.clean.insert(unit, units);
                self.clean_units += units;
            }
        }
    }

    fn remove(&mut self, unit: u32, kind: Kind) {
        let units = record(unit).units.get();
        TABLES.directory(unit).set(Entry::BLANK);
        TABLES.directory(unit + units - 1).set(Entry::BLANK);
        match kind {
            Kind::Dirty => {
                self.dirty.remove(unit, units);
                self.forget_age(unit);
                self.dirty_units -= units;
            }
            Kind::Clean => {
                self.clean.remove(unit, units);
                self.clean_units -= units;
            }
        }
    }

    /// Joined and split runs keep their age but go to the young end, so ages are only roughly in
    /// order.
    fn age(&mut self, unit: u32, stamp: u32) {
        record(unit).stamp.set(stamp);
        record(unit).older.set(self.newest);
        record(unit).newer.set(0);
        if self.newest == 0 {
            self.oldest = unit;
        } else {
            record(self.newest).newer.set(unit);
        }
        self.newest = unit;
    }

    fn forget_age(&mut self, unit: u32) {
        let (older, newer) = (record(unit).older.get(), record(unit).newer.get());
        if older == 0 {
            self.oldest = newer;
        } else {
            record(older).newer.set(newer);
        }
        if newer == 0 {
            self.newest = older;
        } else {
            record(newer).older.set(older);
        }
    }

    /// Calls `each` for every run of a kind, and checks invariants 2 to 4 on the way.
    pub fn walk(&self, kind: Kind, mut each: impl FnMut(Run)) -> Result<(), &'static str> {
        let (bins, sum) = match kind {
            Kind::Dirty => (&self.dirty, self.dirty_units),
            Kind::Clean => (&self.clean, self.clean_units),
        };
        let mut total = 0;
        for (bin, &head) in bins.heads.iter().enumerate() {
            if (head != 0) != (bins.occupied[bin / 64] >> (bin % 64) & 1 != 0) {
                return Err("runs 3: a bin's bit differs from its list");
            }
            let (mut unit, mut prev) = (head, 0);
            while unit != 0 {
                let units = record(unit).units.get();
                if bin_of(units) != bin || record(unit).prev.get() != prev {
                    return Err("runs 2: a run is in the wrong bin");
                }
                each(Run { unit, units, kind });
                total += units;
                (prev, unit) = (unit, record(unit).next.get());
            }
        }
        if total == sum {
            Ok(())
        } else {
            Err("runs 4: the sum of lengths is off")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{BINS, bin_of};

    #[test]
    fn bins_are_ordered_and_bounded() {
        let mut last = 0;
        for units in 1..1 << 20 {
            let bin = bin_of(units);
            assert!(bin == last || bin == last + 1 || units == 1, "{units}");
            last = bin;
        }
        assert!(bin_of((1 << 24) - 1) < BINS);
    }
}
