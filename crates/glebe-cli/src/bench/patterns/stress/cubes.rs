//! Many small sets copied and freed, after espresso (Robert Brayton and others, "Logic Minimization
//! Algorithms for VLSI Synthesis", 1984; in most studies of allocators since): the complement of a
//! Boolean function. A function is a list of cubes, each a block of its own, with two bits for each
//! variable. The function splits on a variable, each half is a copy of the cubes that meet it, and
//! the complements of the halves are merged.

use crate::bench::patterns::pattern::{Load, Pattern};
use crate::bench::patterns::sizes::Random;

const VARIABLES: usize = 12;
/// Cubes of a function.
const CUBES: usize = 24;
/// Of so many, a cube says something of a variable once.
const LITERAL_SHARE: usize = 2;
/// Words of outputs that a cube has at most beside its inputs.
const MAX_OUTPUTS: usize = 8;
/// A variable that may have either value.
const EITHER: u64 = 0b11;

pub fn patterns() -> Vec<Pattern> {
    let about = "complement Boolean functions: lists of cubes of 16 to 72 bytes, copied and freed";
    let make = |seed| Complements(Random::new(seed));
    vec![Pattern::new("espresso/12", about, 8_000_000, make)]
}

/// The first word holds two bits for each input, the others the outputs.
type Cube = Box<[u64]>;

struct Complements(Random);

fn function(random: &mut Random) -> Vec<Cube> {
    let outputs = random.between(1, MAX_OUTPUTS);
    let mut cube = || {
        let mut inputs = 0;
        for variable in 0..VARIABLES {
            let literal = random.below(LITERAL_SHARE) == 0;
            let value = if literal {
                1 << random.below(2)
            } else {
                EITHER
            };
            inputs |= value << (2 * variable);
        }
        let words = [inputs].into_iter().chain((0..outputs).map(|at| at as u64));
        words.collect()
    };
    (0..CUBES).map(|_| cube()).collect()
}

/// The variable that most cubes say something of, or none if some cube says nothing of any.
fn splitting(cubes: &[Cube]) -> Option<usize> {
    let says = |cube: &Cube, variable: &usize| cube[0] >> (2 * variable) & EITHER != EITHER;
    let bound = |cube: &Cube| (0..VARIABLES).any(|variable| says(cube, &variable));
    if !cubes.iter().all(bound) {
        return None;
    }
    (0..VARIABLES).max_by_key(|variable| cubes.iter().filter(|cube| says(cube, variable)).count())
}

/// Copies of the cubes that allow the variable this value, and no longer say so.
fn half(cubes: &[Cube], variable: usize, value: u64) -> Vec<Cube> {
    let meets = |cube: &&Cube| cube[0] >> (2 * variable) & value != 0;
    let free = |cube: &Cube| {
        let mut copy = cube.clone();
        copy[0] |= EITHER << (2 * variable);
        copy
    };
    cubes.iter().filter(meets).map(free).collect()
}

/// Cubes that cover what these do not; counts the cubes made.
fn complement(cubes: &[Cube], words: usize, made: &mut u64) -> Vec<Cube> {
    if cubes.is_empty() {
        *made += 1;
        return vec![vec![u64::MAX; words].into()];
    }
    let Some(variable) = splitting(cubes) else {
        return Vec::new();
    };
    let mut merged = Vec::new();
    for value in [0b01, 0b10] {
        let half = half(cubes, variable, value);
        *made += half.len() as u64;
        for mut cube in complement(&half, words, made) {
            cube[0] &= !((EITHER ^ value) << (2 * variable));
            merged.push(cube);
        }
    }
    merged
}

impl Load for Complements {
    fn run(&mut self, ops: u64) -> u64 {
        let mut made = 0;
        while made < ops {
            let function = function(&mut self.0);
            made += CUBES as u64;
            complement(&function, function[0].len(), &mut made);
        }
        made
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_input_is_in_the_function_or_in_its_complement() {
        let function = function(&mut Random::new(5));
        let mut made = 0;
        let complement = complement(&function, function[0].len(), &mut made);
        assert!(made > complement.len() as u64 && complement.len() > 10);
        for input in 0..1u64 << VARIABLES {
            let bits = (0..VARIABLES).map(|at| (1 << (input >> at & 1)) << (2 * at));
            let bits = bits.fold(0, |bits: u64, bit: u64| bits | bit);
            let covers = |cubes: &[Cube]| cubes.iter().any(|cube| cube[0] & bits == bits);
            assert_ne!(covers(&function), covers(&complement), "{input:012b}");
        }
    }
}
