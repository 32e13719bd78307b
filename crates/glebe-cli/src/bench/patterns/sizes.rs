//! Request sizes and random numbers, made before the clock starts.

use super::table::Table;

/// A small generator (xorshift64*), so that drawing an index costs about a nanosecond.
pub struct Random(u64);

impl Random {
    /// Any seed will do.
    pub fn new(seed: u64) -> Self {
        // The state must not be zero; the multiplier spreads small seeds over all bits.
        Self((seed ^ 0x9E37_79B9_7F4A_7C15).wrapping_mul(0xBF58_476D_1CE4_E5B9) | 1)
    }

    fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_F491_4F6C_DD1D)
    }

    /// A number below `limit`, which must fit 32 bits.
    #[inline(always)]
    pub fn below(&mut self, limit: usize) -> usize {
        // The upper half times the limit: no division, and a bias below 2^-32 * limit.
        (((self.next() >> 32) * limit as u64) >> 32) as usize
    }

    /// A number from `low` to `high`, both included.
    pub fn between(&mut self, low: usize, high: usize) -> usize {
        low + self.below(high - low + 1)
    }
}

/// What programs ask for: mostly small, with a thin tail. Percent of requests, and their range.
/// The mean is about 95 bytes.
const SKEWED: [(usize, usize, usize); 5] = [
    (40, 8, 32),
    (30, 33, 64),
    (20, 65, 128),
    (9, 129, 512),
    (1, 513, 4096),
];

/// A cycle of sizes, drawn beforehand.
pub struct Sizes {
    cycle: Table<u32>,
    next: usize,
}

impl Sizes {
    /// Length of the cycle: 256 KiB of table, long enough not to be learnt by branch predictors.
    const LENGTH: usize = 1 << 16;

    fn draw(mut size: impl FnMut() -> usize) -> Self {
        let mut cycle = Table::new(Self::LENGTH);
        cycle.iter_mut().for_each(|slot| *slot = size() as u32);
        Self { cycle, next: 0 }
    }

    /// Evenly drawn from `low` to `high`.
    pub fn uniform(seed: u64, low: usize, high: usize) -> Self {
        let mut random = Random::new(seed);
        Self::draw(|| random.between(low, high))
    }

    /// From `low` to `high`, each doubling as often as any other: the smaller, the more.
    pub fn logarithmic(seed: u64, low: usize, high: usize) -> Self {
        let mut random = Random::new(seed);
        let doublings = (high as f64 / low as f64).log2();
        Self::draw(|| {
            let share = random.below(1 << 20) as f64 / f64::from(1 << 20);
            (low as f64 * (doublings * share).exp2()) as usize
        })
    }

    /// Drawn from the skewed mix of small sizes.
    pub fn skewed(seed: u64) -> Self {
        let mut random = Random::new(seed);
        Self::draw(|| {
            let mut ticket = random.below(100);
            for (share, low, high) in SKEWED {
                match ticket.checked_sub(share) {
                    None => return random.between(low, high),
                    Some(rest) => ticket = rest,
                }
            }
            unreachable!("the shares sum to 100")
        })
    }

    /// Always `size`.
    pub fn fixed(size: usize) -> Self {
        Self::draw(|| size)
    }

    /// The next size of the cycle.
    #[inline(always)]
    pub fn next(&mut self) -> usize {
        self.next = (self.next + 1) % Self::LENGTH;
        self.cycle[self.next] as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_skewed_mix_is_as_described() {
        assert_eq!(SKEWED.iter().map(|(share, ..)| share).sum::<usize>(), 100);
        let mut sizes = Sizes::skewed(1);
        let drawn: Vec<_> = (0..Sizes::LENGTH).map(|_| sizes.next()).collect();
        let mean = drawn.iter().sum::<usize>() / drawn.len();
        assert!((85..105).contains(&mean), "mean {mean}");
        assert!(drawn.iter().all(|size| (8..=4096).contains(size)));
        let small = drawn.iter().filter(|&&size| size <= 64).count() * 100 / drawn.len();
        assert!((68..=72).contains(&small), "{small} % up to 64 bytes");
    }

    #[test]
    fn every_doubling_is_as_frequent_on_a_logarithmic_scale() {
        let mut sizes = Sizes::logarithmic(1, 64 << 10, 16 << 20);
        let drawn: Vec<_> = (0..Sizes::LENGTH).map(|_| sizes.next()).collect();
        let range = 64 << 10..=16 << 20;
        assert!(drawn.iter().all(|size| range.contains(size)));
        for limit in [1, 2, 4, 7].map(|doublings| (64 << 10) << doublings) {
            let below = drawn.iter().filter(|&&size| size < limit).count();
            let expected = Sizes::LENGTH * (limit.ilog2() as usize - 16) / 8;
            assert!(
                below.abs_diff(expected) < Sizes::LENGTH / 100,
                "{below} below {limit}"
            );
        }
    }

    #[test]
    fn the_same_seed_draws_the_same_and_another_does_not() {
        let draw = |seed| {
            let mut random = Random::new(seed);
            (0..100)
                .map(|_| random.between(16, 512))
                .collect::<Vec<_>>()
        };
        assert_eq!(draw(3), draw(3));
        assert_ne!(draw(3), draw(4));
        assert!(draw(0).iter().all(|size| (16..=512).contains(size)));
    }
}
