//! Large zeroed tables that are used sparsely, as hash tables and sieves are when they are sized
//! for the worst: an allocator that clears memory which the system has just cleared, or which it
//! could get cleared, pays for every page. The workload is our own.

use glebe_bench::PAGE;

use crate::bench::patterns::heap::{obtain_zeroed, release};
use crate::bench::patterns::pattern::{Load, Pattern};
use crate::bench::patterns::sizes::{Random, Sizes};
use crate::bench::patterns::table::Table;

const LIVE: usize = 16;
/// One of so many pages is used.
const USED_SHARE: usize = 16;

pub fn patterns() -> Vec<Pattern> {
    let about = "replace one of 16 tables of calloc, of 1 to 8 MiB, and use a page of 16";
    vec![Pattern::new("calloc/1M-8M", about, 1_000, |seed| Zeroed {
        objects: Table::new(LIVE),
        sizes: Sizes::uniform(seed, 1 << 20, 8 << 20),
        random: Random::new(!seed),
    })]
}

struct Zeroed {
    objects: Table<*mut u8>,
    sizes: Sizes,
    random: Random,
}

impl Load for Zeroed {
    fn run(&mut self, ops: u64) -> u64 {
        for _ in 0..ops {
            let slot = &mut self.objects[self.random.below(LIVE)];
            // SAFETY: every slot holds null, which may be freed, or a live object.
            unsafe { release(*slot) };
            let size = self.sizes.next();
            *slot = obtain_zeroed(size);
            for at in (0..size).step_by(USED_SHARE * PAGE) {
                // SAFETY: the object holds `size` bytes, all of them initialised.
                unsafe {
                    let byte = slot.add(at);
                    assert_eq!(byte.replace(1), 0, "calloc did not clear the table");
                }
            }
        }
        ops
    }
}
