//! Replace a random one of many live objects: the long-lived heap of a server or a compiler, from
//! one that fits the first cache to one that misses in every table.

use super::heap::{obtain, release};
use super::pattern::{Load, Pattern};
use super::sizes::{Random, Sizes};
use super::table::Table;

pub fn patterns() -> Vec<Pattern> {
    let about = "replace a random live object; sizes 8 to 4096, mostly small, mean 95 bytes";
    [
        ("1k", 1_000, 6_000_000),
        ("100k", 100_000, 6_000_000),
        ("3M", 3_000_000, 4_000_000),
    ]
    .map(|(name, live, ops)| {
        Pattern::new(format!("random/{name}"), about, ops, move |seed| {
            Replace::new(live, seed)
        })
    })
    .into()
}

struct Replace {
    objects: Table<*mut u8>,
    sizes: Sizes,
    random: Random,
}

impl Replace {
    fn new(live: usize, seed: u64) -> Self {
        let mut sizes = Sizes::skewed(seed);
        let mut objects = Table::new(live);
        objects
            .iter_mut()
            .for_each(|slot| *slot = obtain(sizes.next()));
        Self {
            objects,
            sizes,
            random: Random::new(!seed),
        }
    }
}

impl Load for Replace {
    fn run(&mut self, ops: u64) -> u64 {
        let live = self.objects.len();
        for _ in 0..ops {
            let slot = &mut self.objects[self.random.below(live)];
            // SAFETY: every slot always holds a live object.
            unsafe { release(*slot) };
            *slot = obtain(self.sizes.next());
        }
        ops
    }
}
