//! Making land accessible, and asking for huge pages on it once the heap has shown to be large.
//!
//! The accessible part is always one prefix of the land, so the system keeps two or three mappings
//! for the whole region however much is allocated and freed, and a few hundred at most when large
//! objects move by their pages. A program of a few megabytes lives on small pages, of which it uses
//! what it touches; from [`HUGE_PAGES_FROM`] on, fresh land is dense enough for huge ones.

use super::{Region, State, bytes};
use crate::blocks::system;
use crate::records::layout::{TABLES, UNIT_SHIFT};
use core::ops::Range;

/// Bytes of land that stay on small pages.
pub const HUGE_PAGES_FROM: usize = 16 << 20;

const HUGE_PAGE_UNITS: u32 = 2 << 20 >> UNIT_SHIFT;
const LEAST_STEP: u32 = 1 << 20 >> UNIT_SHIFT;
const LARGEST_STEP: u32 = 64 << 20 >> UNIT_SHIFT;

impl State {
    /// Opens land up to `needed` and some way beyond; if that is refused, just as far as needed.
    pub(super) fn open(&mut self, needed: u32) -> bool {
        let step = ((self.opened - self.first) / 4).clamp(LEAST_STEP, LARGEST_STEP);
        let generous = (needed + step).next_multiple_of(LEAST_STEP).min(self.end);
        self.open_to(generous) || self.open_to(needed)
    }

    fn open_to(&mut self, to: u32) -> bool {
        let start = TABLES.address(self.opened);
        // SAFETY: the range is land of our reservation.
        if !unsafe { system::open(start, bytes(to - self.opened)) } {
            return false;
        }
        self.ask_for_huge_pages(self.opened, to);
        self.opened = to;
        true
    }

    fn ask_for_huge_pages(&self, from: u32, to: u32) {
        // Whole huge pages only: advice on a part would split the mapping for nothing.
        let dense = self.dense(to);
        let from = (from / HUGE_PAGE_UNITS * HUGE_PAGE_UNITS).max(dense.start);
        if from < dense.end {
            // SAFETY: the range is land of our reservation.
            unsafe { system::prefer_huge_pages(TABLES.address(from), bytes(dense.end - from)) };
        }
    }

    /// The units that have huge pages if land is open up to `opened`.
    fn dense(&self, opened: u32) -> Range<u32> {
        let threshold = self.first + (HUGE_PAGES_FROM >> UNIT_SHIFT) as u32;
        threshold..(opened / HUGE_PAGE_UNITS * HUGE_PAGE_UNITS).max(threshold)
    }
}

impl Region {
    /// Asks for the pages that land had when it was opened, after it was mapped anew: or else it
    /// would stay a mapping of its own.
    pub(super) fn advise_again(&self, unit: u32, units: u32) {
        let dense = {
            let state = self.enter();
            state.dense(state.opened)
        };
        let end = unit + units;
        let (from, to) = (dense.start.clamp(unit, end), dense.end.clamp(unit, end));
        // SAFETY: the ranges are land of our reservation.
        let advise = |advice: unsafe fn(*mut u8, usize), units: Range<u32>| unsafe {
            if !units.is_empty() {
                advice(TABLES.address(units.start), bytes(units.end - units.start));
            }
        };
        advise(system::prefer_small_pages, unit..from);
        advise(system::prefer_huge_pages, from..to);
        advise(system::prefer_small_pages, to..end);
    }
}
