//! What the documented costs are held to: steps a call, as the number of live blocks grows.

use super::Pool;
use crate::fit::{BestFit, FirstFit, Fit, NextFit, QuickFit, TwoLevel};
use crate::source::NoSource;
use crate::tags::{InlineTags, SideTags, Tags};
use core::alloc::Layout;
use std::vec::Vec;

/// Random numbers, not good ones.
struct Rng(u64);

impl Rng {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(0x5851_f42d_4c95_7f2d)
            .wrapping_add(0x1405_7b7e_f767_814f);
        (self.0 >> 33) as usize % bound
    }
}

/// Most and mean steps of a replacement of a random one of so many live blocks.
fn steps<F: Fit, T: Tags>(live: usize) -> (u64, f64) {
    const ROUNDS: usize = 2_000;
    let mut land = std::vec![0u128; live * 20];
    let mut pool: Pool<F, T> = Pool::new(NoSource);
    let mut rng = Rng(live as u64);
    let draw = |rng: &mut Rng| {
        Layout::from_size_align(1 + rng.below(256), 1 << rng.below(6)).expect("a layout")
    };
    // SAFETY: the land outlives the pool, and nobody else uses it.
    unsafe { pool.add(land.as_mut_ptr().cast(), size_of_val(land.as_slice())) }.expect("land");
    let mut blocks: Vec<_> = (0..live)
        .map(|_| {
            let layout = draw(&mut rng);
            (pool.alloc(layout).expect("room"), layout)
        })
        .collect();
    let start = pool.steps();
    let mut most = 0;
    for _ in 0..ROUNDS {
        let before = pool.steps();
        let (block, layout) = &mut blocks[rng.below(live)];
        // SAFETY: the block lives and is replaced.
        unsafe { pool.free(block.as_ptr(), Some(*layout)) }.expect("it lives");
        *layout = draw(&mut rng);
        *block = pool.alloc(*layout).expect("room");
        most = most.max(pool.steps() - before);
    }
    pool.verify().expect("a sound pool");
    (most, (pool.steps() - start) as f64 / ROUNDS as f64)
}

fn constant<F: Fit, T: Tags>() {
    let (few, _) = steps::<F, T>(300);
    let (many, _) = steps::<F, T>(20_000);
    assert!(
        few > 0 && few <= 24 && many <= 24,
        "{few} steps at 300 live, {many} at 20,000"
    );
}

fn constant_on_average<F: Fit, T: Tags>() {
    let [(_, few), (_, many)] = [300, 20_000].map(steps::<F, T>);
    assert!(
        few > 0.0 && few <= 16.0 && many <= 16.0,
        "{few} steps at 300 live, {many} at 20,000"
    );
}

fn logarithmic<F: Fit, T: Tags>() {
    let (few, mean_few) = steps::<F, T>(300);
    let (many, mean) = steps::<F, T>(20_000);
    // 66 times the blocks: 6 levels more of 1.4, in each of up to six descents.
    assert!(
        many < few * 4,
        "at most {few} steps at 300 live, {many} at 20,000"
    );
    assert!(
        mean < mean_few * 2.5,
        "{mean_few} steps at 300 live, {mean} at 20,000"
    );
}

fn linear<F: Fit, T: Tags>() {
    let (few, mean_few) = steps::<F, T>(300);
    let (many, mean) = steps::<F, T>(6_000);
    assert!(
        many < few * 60 + 6_000,
        "at most {few} steps at 300 live, {many} at 6,000"
    );
    assert!(
        mean > mean_few,
        "a list takes longer when it is longer: {mean_few}, {mean}"
    );
}

#[test]
fn two_level_fit_is_constant() {
    constant::<TwoLevel, SideTags>();
    constant::<TwoLevel, InlineTags>();
    constant::<TwoLevel<4>, SideTags>();
}

#[test]
fn quick_fit_is_constant_on_average() {
    constant_on_average::<QuickFit, SideTags>();
    constant_on_average::<QuickFit, InlineTags>();
}

#[test]
fn best_fit_is_logarithmic() {
    logarithmic::<BestFit, SideTags>();
    logarithmic::<BestFit, InlineTags>();
}

#[test]
fn list_fits_are_linear_at_most() {
    linear::<FirstFit, SideTags>();
    linear::<FirstFit, InlineTags>();
    linear::<NextFit, SideTags>();
}
