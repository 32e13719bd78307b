//! Checks every invariant that can be seen in the tables. For tests: no other thread may be inside
//! the allocator meanwhile.

use super::stats::walk;
use crate::heap;
use crate::records::directory::Land;
use crate::records::layout::TABLES;
use crate::region::{Kind, REGION};
use crate::slab::words;
use crate::sync::Ordering::Relaxed;

/// Walks everything; the first invariant found broken, by the module that states it.
pub fn verify() -> Result<(), &'static str> {
    if TABLES.base() == 0 {
        return Ok(());
    }
    let mut result = Ok(());
    let mut used = 0;
    walk(|unit, land| {
        used += TABLES.land(unit).units.get();
        if let Land::Slab { .. } = land {
            result = result.and(slab(unit));
        }
    });
    result?;
    heap::verify()?;
    runs(used)
}

/// records 2, and bits past the last slot.
fn slab(unit: u32) -> Result<(), &'static str> {
    let class = words::class_at(unit);
    for word in 0..usize::from(class.words) {
        let live = TABLES.live(unit, word).load(Relaxed);
        let remote = TABLES.remote(unit, word).load(Relaxed);
        if remote & !live != 0 {
            return Err("records 2: a remote free of a slot that is not live");
        }
        if live & !class.valid(word) != 0 {
            return Err("records 1: a live bit past the last slot");
        }
    }
    Ok(())
}

/// region 1 and the invariants of the free runs.
fn runs(used: u32) -> Result<(), &'static str> {
    let state = REGION.enter();
    let mut result = Ok(());
    let mut free = 0;
    for kind in [Kind::Dirty, Kind::Clean] {
        state.runs.walk(kind, |run| {
            free += run.units;
            let edges =
                [run.unit, run.unit + run.units - 1].map(|u| TABLES.directory(u).get().land());
            let land = if kind == Kind::Dirty {
                Land::Dirty
            } else {
                Land::Clean
            };
            if edges != [land, land] {
                result = Err("runs: an edge is not marked");
            }
            if TABLES.directory(run.unit + run.units).get().land() == land {
                result = Err("runs 1: neighbours of one kind are not joined");
            }
        })?;
    }
    result?;
    if used + free == state.frontier - state.first {
        Ok(())
    } else {
        Err("region 1: units are lost or counted twice")
    }
}
