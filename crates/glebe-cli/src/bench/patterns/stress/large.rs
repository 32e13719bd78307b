//! Large objects that come and go: images, columns of a table, buffers of a video. After the large
//! objects of mstress (Daan Leijen) and of the benchmark of rpmalloc (Mattias Jansson). Each is
//! touched once a page.

use glebe_bench::PAGE;

use crate::bench::patterns::heap::{release, untouched};
use crate::bench::patterns::pattern::{Load, Pattern};
use crate::bench::patterns::sizes::{Random, Sizes};
use crate::bench::patterns::table::Table;

const LIVE: usize = 32;

pub fn patterns() -> Vec<Pattern> {
    let about = "replace a random one of 32 large objects, and touch each of its pages";
    [("64K-1M", 1 << 20, 30_000), ("64K-16M", 16 << 20, 2_000)]
        .map(|(name, high, ops)| {
            Pattern::new(format!("large/{name}"), about, ops, move |seed| Large {
                objects: Table::new(LIVE),
                sizes: Sizes::logarithmic(seed, 64 << 10, high),
                random: Random::new(!seed),
            })
        })
        .into()
}

struct Large {
    objects: Table<*mut u8>,
    sizes: Sizes,
    random: Random,
}

/// Writes to each page of an object.
///
/// # Safety
/// The object is live, and holds `size` bytes.
pub unsafe fn touch(object: *mut u8, size: usize) {
    for at in (0..size).step_by(PAGE) {
        // SAFETY: passed on to the caller.
        unsafe { object.add(at).write_volatile(1) };
    }
}

impl Load for Large {
    fn run(&mut self, ops: u64) -> u64 {
        for _ in 0..ops {
            let slot = &mut self.objects[self.random.below(LIVE)];
            // SAFETY: every slot holds null, which may be freed, or a live object.
            unsafe { release(*slot) };
            let size = self.sizes.next();
            *slot = untouched(size);
            // SAFETY: just obtained.
            unsafe { touch(*slot, size) };
        }
        ops
    }
}
