//! Tiny, short-lived objects of symbolic algebra, after cfrac (Dave Barrett's factoring by
//! continued fractions, in the allocator studies of Zorn, Grunwald and others): numerators of the
//! convergents of a continued fraction. Every intermediate number is a block of its own, of some
//! digits of 32 bits; few live longer than two steps.

use crate::bench::patterns::pattern::{Load, Pattern, repeat};
use crate::bench::patterns::sizes::Random;

/// Digits at which a fraction ends and another begins.
const MAX_DIGITS: usize = 16;
/// Numbers that live longer, as the relations of a factoring do.
const RELATIONS: usize = 1_000;
/// One of so many steps yields a relation.
const RELATION_SHARE: usize = 8;

pub fn patterns() -> Vec<Pattern> {
    let about = "numerators of continued fractions: numbers of 4 to 68 bytes, most short-lived";
    let make = |seed| Fractions {
        random: Random::new(seed),
        relations: vec![Number::new(); RELATIONS],
    };
    vec![Pattern::new("cfrac/512bit", about, 24_000_000, make)]
}

/// Digits, the least significant one first.
type Number = Vec<u32>;

struct Fractions {
    random: Random,
    relations: Vec<Number>,
}

impl Fractions {
    /// One continued fraction; the number of blocks allocated.
    fn once(&mut self) -> u64 {
        let (mut last, mut current) = (vec![1], vec![1]);
        let mut allocated = 2;
        while current.len() < MAX_DIGITS {
            let next = convergent(&current, &last, self.random.between(1, 1 << 16) as u32);
            last = std::mem::replace(&mut current, next);
            allocated += 2;
            if self.random.below(RELATION_SHARE) == 0 {
                self.relations[self.random.below(RELATIONS)] = current.clone();
                allocated += 1;
            }
        }
        allocated
    }
}

/// The numerator that follows two others.
fn convergent(current: &[u32], last: &[u32], quotient: u32) -> Number {
    plus(&times(current, quotient), last)
}

fn times(number: &[u32], factor: u32) -> Number {
    let mut product = Number::with_capacity(number.len() + 1);
    let mut carry = 0;
    for &digit in number {
        carry += u64::from(digit) * u64::from(factor);
        product.push(carry as u32);
        carry >>= 32;
    }
    end(product, carry)
}

/// The sum of a number and one that has no more digits.
fn plus(long: &[u32], short: &[u32]) -> Number {
    let mut sum = Number::with_capacity(long.len() + 1);
    let mut carry = 0;
    for (at, &digit) in long.iter().enumerate() {
        carry += u64::from(digit) + u64::from(short.get(at).copied().unwrap_or(0));
        sum.push(carry as u32);
        carry >>= 32;
    }
    end(sum, carry)
}

fn end(mut number: Number, carry: u64) -> Number {
    if carry > 0 {
        number.push(carry as u32);
    }
    number
}

impl Load for Fractions {
    fn run(&mut self, ops: u64) -> u64 {
        repeat(ops, || self.once())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotients_of_one_yield_the_numbers_of_fibonacci() {
        let (mut last, mut current) = (vec![1], vec![1]);
        for _ in 2..90 {
            let next = convergent(&current, &last, 1);
            last = std::mem::replace(&mut current, next);
        }
        let value = u64::from(current[0]) | u64::from(current[1]) << 32;
        assert_eq!((value, current.len()), (2_880_067_194_370_816_120, 2));
    }

    #[test]
    fn relations_are_kept() {
        let mut fractions = Fractions {
            random: Random::new(1),
            relations: vec![Number::new(); RELATIONS],
        };
        assert!(fractions.run(10_000) >= 10_000);
        let full = fractions.relations.iter().filter(|one| !one.is_empty());
        assert!(full.count() > RELATIONS / 4);
    }
}
