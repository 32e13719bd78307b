//! A tree as a reader of JSON makes it: objects, lists, texts and numbers, built and dropped.

use std::collections::BTreeMap;

use fastrand::Rng;

use super::{Account, row};
use crate::pattern::Pattern;

pub fn rows() -> Vec<Pattern> {
    let about = "build and drop trees of objects, lists, texts and numbers, as of JSON";
    vec![row("tree/json", about, 4_500_000, json)]
}

enum Value {
    Number(u64),
    Text(String),
    List(Vec<Value>),
    Object(BTreeMap<String, Value>),
}

const DEPTH: u32 = 4;
const CHILDREN: u64 = 8;

impl Value {
    fn new(random: &mut Rng, account: &mut Account, depth: u32) -> Self {
        let children = 0..CHILDREN;
        match random.u32(..2) {
            0 if depth == 0 => Self::Number(account.put(random.u32(..).into())),
            _ if depth == 0 => Self::Text(account.put(random.u32(..).into()).to_string()),
            0 => Self::List(
                children
                    .map(|_| Self::new(random, account, depth - 1))
                    .collect(),
            ),
            _ => Self::Object(
                children
                    .map(|at| (format!("key {at}"), Self::new(random, account, depth - 1)))
                    .collect(),
            ),
        }
    }

    fn sum(&self) -> u64 {
        match self {
            Self::Number(value) => *value,
            Self::Text(text) => text.parse().unwrap_or_default(),
            Self::List(values) => values.iter().map(Self::sum).sum(),
            Self::Object(values) => values.values().map(Self::sum).sum(),
        }
    }
}

fn json(random: &mut Rng) -> u64 {
    let mut account = Account::default();
    let value = Value::new(random, &mut account, DEPTH);
    account.settle([value.sum()].into_iter());
    (0..=DEPTH).map(|depth| CHILDREN.pow(depth)).sum()
}
