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
            Replace::new(live, Sizes::skewed(seed), seed)
        })
    })
    .into()
}

/// More sets for `stress`.
pub fn stress() -> Vec<Pattern> {
    let skewed = "replace a random live object; sizes 8 to 4096, mostly small, mean 95 bytes";
    let skewed =
        [("10k", 10_000, 12_000_000), ("1M", 1_000_000, 2_500_000)].map(|(name, live, ops)| {
            Pattern::new(format!("random/{name}"), skewed, ops, move |seed| {
                Replace::new(live, Sizes::skewed(seed), seed)
            })
        });
    let even = "replace a random live object; sizes evenly from the range";
    let even = [
        ("10kx8-256", 10_000, 256, 20_000_000),
        ("1Mx8-256", 1_000_000, 256, 3_000_000),
        ("10Mx8-64", 10_000_000, 64, 4_000_000),
    ]
    .map(|(name, live, high, ops)| {
        Pattern::new(format!("random/{name}"), even, ops, move |seed| {
            Replace::new(live, Sizes::uniform(seed, 8, high), seed)
        })
    });
    skewed.into_iter().chain(even).collect()
}

/// A set of live objects.
pub struct Replace {
    objects: Table<*mut u8>,
    sizes: Sizes,
    random: Random,
}

impl Replace {
    /// `live` objects of the given sizes.
    pub fn new(live: usize, mut sizes: Sizes, seed: u64) -> Self {
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
