//! `String`: formatted and kept for a while; sorted.

use fastrand::Rng;

use super::{Account, row};
use crate::pattern::Pattern;

pub fn rows() -> Vec<Pattern> {
    vec![
        row(
            "string/format",
            "replace the oldest of 1000 Strings by one that is formatted",
            2_500_000,
            format_and_keep,
        ),
        row(
            "string/sort",
            "clone 20000 Strings of 1 to 60 letters, sort and drop them",
            1_200_000,
            sort,
        ),
    ]
}

fn format_and_keep(random: &mut Rng) -> u64 {
    const LIVE: usize = 1_000;
    const OPS: usize = 50_000;
    let mut account = Account::default();
    let mut kept = vec![String::new(); LIVE];
    // The number stands at the end of the text.
    let number = |text: &str| -> u64 {
        let digits = text.rsplit(' ').next().unwrap_or_default();
        digits.parse().unwrap_or_default()
    };
    for at in 0..OPS {
        let place = &mut kept[at % LIVE];
        account.take(number(place));
        let value = account.put(random.u32(..).into());
        let name = ["log", "request", "a session of some user"][random.usize(..3)];
        *place = format!("{name} {value}");
    }
    account.settle(kept.iter().map(|text| number(text)));
    OPS as u64
}

fn sort(random: &mut Rng) -> u64 {
    const COUNT: usize = 20_000;
    const CLONES: usize = 4;
    let word = |random: &mut Rng| -> String {
        let length = random.usize(1..=60);
        (0..length).map(|_| random.lowercase()).collect()
    };
    let words: Vec<String> = (0..COUNT).map(|_| word(random)).collect();
    for _ in 0..CLONES {
        let mut account = Account::default();
        for word in &words {
            account.put(sum(word));
        }
        let mut sorted = words.clone();
        sorted.sort();
        assert!(sorted.is_sorted(), "the order was lost");
        account.settle(sorted.iter().map(|word| sum(word)));
    }
    (COUNT * CLONES) as u64
}

fn sum(word: &str) -> u64 {
    word.bytes().map(u64::from).sum()
}
