//! `Vec`: one that grows step by step, and large ones.

use std::hint::black_box;

use fastrand::Rng;

use super::{Account, row};
use crate::pattern::Pattern;

pub fn rows() -> Vec<Pattern> {
    vec![
        row(
            "vec/grow",
            "push 1 to 1000 words to an empty Vec",
            900_000,
            grow,
        ),
        row(
            "vec/large",
            "replace one of 16 Vecs of 64 KiB to 1 MiB, and write a word to each page",
            8_000,
            large,
        ),
    ]
}

fn grow(random: &mut Rng) -> u64 {
    const OPS: u64 = 1_000;
    for _ in 0..OPS {
        let mut account = Account::default();
        let mut words = Vec::new();
        for value in 0..random.u64(1..=1_000) {
            words.push(account.put(value));
        }
        account.settle(black_box(words).into_iter());
    }
    OPS
}

fn large(random: &mut Rng) -> u64 {
    const LIVE: usize = 16;
    const OPS: u64 = 500;
    const WORDS: usize = (64 << 10) / size_of::<u64>();
    const PAGE: usize = 4096 / size_of::<u64>();
    let mut account = Account::default();
    let mut live: [Vec<u64>; LIVE] = Default::default();
    let words_of_pages = |words: &[u64]| -> u64 { words.iter().step_by(PAGE).sum() };
    for _ in 0..OPS {
        let mut fresh = vec![0; random.usize(WORDS..=16 * WORDS)];
        for word in fresh.iter_mut().step_by(PAGE) {
            *word = account.put(random.u32(..).into());
        }
        let old = std::mem::replace(&mut live[random.usize(..LIVE)], fresh);
        account.take(words_of_pages(&old));
    }
    account.settle(live.iter().map(|words| words_of_pages(words)));
    OPS
}
