//! The walk that checks a pool's invariants.

use super::Pool;
use crate::broken::{Broken, Rule};
use crate::fit::{Extent, Fit};
use crate::plot::Record;
use crate::source::BlockSource;
use crate::tags::Tags;

impl<F: Fit, T: Tags, S: BlockSource> Pool<F, T, S> {
    /// Checks all invariants. Takes time in proportion to blocks and, for trees, their logarithm.
    ///
    /// # Errors
    /// The first that does not hold.
    pub fn verify(&self) -> Result<(), Broken> {
        let (mut free, mut granted) = (0, 0);
        let (mut from, mut last_end) = (0, 0);
        while let Some(at) = self.site.plots.from(from) {
            let record: Record = at.read(0);
            let end = record.memory + record.bytes;
            let inside = match record.single {
                0 => record.plot.first().0 >= record.memory && record.plot.end() <= at,
                single => single >= record.memory && single + record.single_bytes <= at.0,
            };
            if record.memory < last_end || !inside || at.0 >= end {
                return Err(broken(Rule::Ranges, record.memory));
            }
            if record.single == 0 {
                free += self.verify_plot(&record)?;
            }
            granted += if record.granted { record.bytes } else { 0 };
            last_end = end;
            from = record.memory + 1;
        }
        if granted != self.granted {
            return Err(broken(Rule::Granted, 0));
        }
        let indexed = self.index.check(&self.site);
        match indexed.map_err(|(rule, at)| broken(rule, at.0))? {
            count if count == free => Ok(()),
            _ => Err(broken(Rule::Indexed, 0)),
        }
    }

    /// Whether one of two free blocks waits to be joined.
    fn one_waits(&self, one: Extent, other: Extent) -> bool {
        let place = |block| self.index.place(&self.site, block);
        let waits = |block| place(block).is_some_and(|place| place.waits);
        F::WAITS && (waits(one) || waits(other))
    }

    /// Checks the blocks of one plot; how many are free.
    fn verify_plot(&self, record: &Record) -> Result<usize, Broken> {
        let plot = &record.plot;
        let (mut at, mut free, mut was_free) = (plot.first(), 0, None);
        while at < plot.end() {
            if !T::is_start(plot, at) {
                return Err(broken(Rule::Chain, at.0));
            }
            let stride = T::stride(plot, at).map_err(|torn| broken(Rule::Tags, torn.0.0))?;
            let is_free = T::is_free(plot, at).map_err(|torn| broken(Rule::Tags, torn.0.0))?;
            if stride < T::MIN || stride > plot.end().0 - at.0 {
                return Err(broken(Rule::Chain, at.0));
            }
            if !T::agrees(plot, at, stride) {
                return Err(broken(Rule::Tags, at.0));
            }
            if is_free && was_free.is_some_and(|before| !self.one_waits(before, (at, stride))) {
                return Err(broken(Rule::Coalesced, at.0));
            }
            free += usize::from(is_free);
            was_free = is_free.then_some((at, stride));
            at = at.plus(stride);
        }
        match T::is_free(plot, plot.end()) {
            Ok(false) => Ok(free),
            _ => Err(broken(Rule::Chain, plot.end().0)),
        }
    }
}

const fn broken(rule: Rule, address: usize) -> Broken {
    Broken { rule, address }
}
