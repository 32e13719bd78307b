//! The generator of random numbers behind every stream: SplitMix64, pinned here so that a seed
//! means the same stream for ever, whatever crates do.

/// Mixes a number into one that looks random; a bijection.
pub const fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}

/// SplitMix64.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// Numbers that follow from `seed` alone.
    pub const fn new(seed: u64) -> Rng {
        Rng(seed)
    }

    /// The next number.
    pub const fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// A number below `bound`; 0 if that is 0.
    pub const fn below(&mut self, bound: usize) -> usize {
        ((self.next() as u128 * bound as u128) >> 64) as usize
    }

    /// A number from `low` to `high`, both included.
    pub const fn between(&mut self, low: usize, high: usize) -> usize {
        low + self.below(high - low + 1)
    }

    /// True once in `many` times.
    pub const fn once_in(&mut self, many: usize) -> bool {
        self.below(many) == 0
    }

    /// A number from `low` to `high`, every doubling as likely as the next.
    pub fn log_between(&mut self, low: usize, high: usize) -> usize {
        let top = self.between(low.ilog2() as usize, high.ilog2() as usize);
        let floor = 1 << top;
        (floor + self.below(floor)).clamp(low, high)
    }
}

#[cfg(test)]
mod tests {
    use super::Rng;

    /// The published first outputs for seed 1234567.
    #[test]
    fn is_splitmix64() {
        let mut rng = Rng::new(1_234_567);
        let numbers = [rng.next(), rng.next(), rng.next()];
        assert_eq!(
            numbers,
            [
                6_457_827_717_110_365_317,
                3_203_168_211_198_807_973,
                9_817_491_932_198_370_423
            ]
        );
    }

    #[test]
    fn stays_within_bounds() {
        let mut rng = Rng::new(7);
        for _ in 0..10_000 {
            assert!((3..=5).contains(&rng.between(3, 5)));
            assert!((100..=3000).contains(&rng.log_between(100, 3000)));
            assert_eq!(rng.below(0), 0);
        }
    }
}
