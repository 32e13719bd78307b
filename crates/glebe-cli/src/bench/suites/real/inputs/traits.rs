//! A generic trait, exercised below for generated types.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::hash::Hash;

pub trait Shape: std::fmt::Debug {
    fn area(&self) -> u64;
    fn name(&self) -> String;
}

pub fn exercise<T: Shape + Clone + Hash + Ord + Default>(seed: u32) -> u64 {
    let mut counts: HashMap<T, Vec<String>> = HashMap::new();
    let mut ordered: BTreeMap<T, usize> = BTreeMap::new();
    let mut all: Vec<T> = (0..seed).map(|_| T::default()).collect();
    all.sort_by(|a, b| b.cmp(a).then_with(|| a.area().cmp(&b.area())));
    for one in &all {
        counts.entry(one.clone()).or_default().push(one.name());
        *ordered.entry(one.clone()).or_insert(0) += 1;
    }
    let names: HashSet<String> = counts.values().flatten().cloned().collect();
    let total: u64 = ordered.iter().map(|(one, count)| one.area() * *count as u64).sum();
    names.iter().map(|name| name.len() as u64).sum::<u64>() + total
}

