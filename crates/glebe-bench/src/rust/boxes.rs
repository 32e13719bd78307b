//! `Box`: sizes that the compiler knows.

use std::hint::black_box;

use fastrand::Rng;

use super::{Account, row};
use crate::pattern::Pattern;

pub fn rows() -> Vec<Pattern> {
    vec![
        row(
            "box/pair",
            "make a Box of 48 bytes and drop it",
            45_000_000,
            pair,
        ),
        row(
            "box/churn",
            "replace a random one of 10000 Boxes of 16, 32, 64 or 128 bytes",
            5_000_000,
            churn,
        ),
        row(
            "box/list",
            "build a linked list of 10000 Boxes and take it apart",
            40_000_000,
            list,
        ),
    ]
}

fn pair(random: &mut Rng) -> u64 {
    const OPS: u64 = 100_000;
    let first = random.u64(..);
    let mut account = Account::default();
    for value in first..first.saturating_add(OPS) {
        let boxed = black_box(Box::new([account.put(value); 6]));
        account.take(boxed[5]);
    }
    account.settle([].into_iter());
    OPS
}

/// A block of one of four sizes.
enum Shape {
    Two(Box<[u64; 2]>),
    Four(Box<[u64; 4]>),
    Eight(Box<[u64; 8]>),
    Sixteen(Box<[u64; 16]>),
}

impl Shape {
    fn new(value: u64) -> Self {
        match value % 4 {
            0 => Self::Two(Box::new([value; 2])),
            1 => Self::Four(Box::new([value; 4])),
            2 => Self::Eight(Box::new([value; 8])),
            _ => Self::Sixteen(Box::new([value; 16])),
        }
    }

    fn value(&self) -> u64 {
        match self {
            Self::Two(words) => words[1],
            Self::Four(words) => words[3],
            Self::Eight(words) => words[7],
            Self::Sixteen(words) => words[15],
        }
    }
}

fn churn(random: &mut Rng) -> u64 {
    const LIVE: usize = 10_000;
    const OPS: u64 = 500_000;
    let mut account = Account::default();
    let mut shapes: Vec<_> = (0..LIVE)
        .map(|_| Shape::new(account.put(random.u64(..))))
        .collect();
    for _ in 0..OPS {
        let place = random.usize(..LIVE);
        account.take(shapes[place].value());
        shapes[place] = Shape::new(account.put(random.u64(..)));
    }
    account.settle(shapes.iter().map(Shape::value));
    OPS + LIVE as u64
}

struct Node {
    value: u64,
    next: Option<Box<Node>>,
}

fn list(random: &mut Rng) -> u64 {
    const LENGTH: u64 = 10_000;
    let first = random.u32(..).into();
    let mut account = Account::default();
    let mut head = None;
    for value in first..first + LENGTH {
        let value = account.put(value);
        head = Some(Box::new(Node { value, next: head }));
    }
    // The compiler's own drop would go down by recursion.
    let mut rest = black_box(head);
    while let Some(node) = rest {
        account.take(node.value);
        rest = node.next;
    }
    account.settle([].into_iter());
    LENGTH
}
