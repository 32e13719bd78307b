//! `HashMap` and `BTreeMap`: entries come and go at random.

use std::collections::{BTreeMap, HashMap};
use std::hash::{BuildHasherDefault, DefaultHasher};

use fastrand::Rng;

use super::{Account, row};
use crate::pattern::Pattern;

pub fn rows() -> Vec<Pattern> {
    vec![
        row(
            "hashmap/churn",
            "insert or remove one of 20000 short texts, with a text of 1 to 100 bytes",
            800_000,
            hash_map,
        ),
        row(
            "hashmap/grow",
            "insert 50000 words into an empty HashMap",
            6_000_000,
            hash_map_grows,
        ),
        row(
            "btree/churn",
            "insert or remove one of 40000 words in a BTreeMap",
            1_200_000,
            b_tree,
        ),
    ]
}

/// As std's own, but with the same key in every run.
type Hasher = BuildHasherDefault<DefaultHasher>;

fn hash_map(random: &mut Rng) -> u64 {
    const KEYS: u32 = 20_000;
    const OPS: u64 = 100_000;
    let mut account = Account::default();
    let mut map: HashMap<String, Box<str>, Hasher> = HashMap::default();
    for _ in 0..OPS {
        let key = random.u32(..KEYS).to_string();
        if let Some(text) = map.remove(&key) {
            account.take(text.len() as u64);
        } else {
            let length = account.put(random.u64(1..=100));
            map.insert(key, "x".repeat(length as usize).into());
        }
    }
    account.settle(map.values().map(|text| text.len() as u64));
    OPS
}

fn hash_map_grows(random: &mut Rng) -> u64 {
    const OPS: u64 = 50_000;
    let mut account = Account::default();
    let mut map: HashMap<u64, u64, Hasher> = HashMap::default();
    for _ in 0..OPS {
        let (key, value) = (random.u64(..), account.put(random.u64(..)));
        if let Some(old) = map.insert(key, value) {
            account.take(old);
        }
    }
    account.settle(map.into_values());
    OPS
}

fn b_tree(random: &mut Rng) -> u64 {
    const KEYS: u64 = 40_000;
    const OPS: u64 = 150_000;
    let mut account = Account::default();
    let mut map = BTreeMap::new();
    for _ in 0..OPS {
        let key = random.u64(..KEYS);
        if let Some(value) = map.remove(&key) {
            account.take(value);
        } else {
            map.insert(key, account.put(random.u64(..)));
        }
    }
    account.settle(map.into_values());
    OPS
}
