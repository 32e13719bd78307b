//! Chapter 4 of the course: blocks are split when they are taken, and joined when they are freed.
//! `docs/course/c/neighbours.c` is the same in C, and prints the same.

mod course_lab;

use course_lab::{Lab, Policy, Records};

fn lab() -> Lab {
    Lab::new(Policy::First, Records::Inline)
}

const fn state(is_free: bool) -> &'static str {
    if is_free { "free" } else { "used" }
}

/// A hole of a thousand bytes serves smaller requests.
fn split() {
    println!("-- 4.1 splitting");
    let mut lab = lab();
    let hole = lab.take(1000);
    lab.take(16);
    println!("hole: {} bytes", lab.header(hole).stride);
    lab.put_back(hole);
    let mut rest = hole;
    for i in 1..=3 {
        let block = lab.take(200);
        let stride = lab.header(block).stride;
        println!("block {i}: {stride} bytes, {} into the hole", block - hole);
        rest = block + stride;
    }
    let tag = lab.header(rest);
    println!("rest: {} bytes, {}", tag.stride, state(tag.is_free));
}

/// A rest too small for a block stays with what was asked for.
fn too_small_to_split() {
    println!("-- 4.2 when not to split");
    for size in (64..=112).step_by(16) {
        let mut lab = lab();
        let hole = lab.take(112);
        lab.take(16);
        lab.put_back(hole);
        let block = lab.take(size);
        assert_eq!(block, hole);
        let stride = lab.header(block).stride;
        println!("{size} bytes from a hole of 128: a block of {stride}");
    }
}

/// The four cases of Knuth: either neighbour may be free.
fn four_cases() {
    println!("-- 4.3 four cases");
    for (left_free, right_free) in [(false, false), (true, false), (false, true), (true, true)] {
        let mut lab = lab();
        let [left, middle, right] = [112; 3].map(|size| lab.take(size));
        lab.take(16);
        if left_free {
            lab.put_back(left);
        }
        if right_free {
            lab.put_back(right);
        }
        lab.put_back(middle);
        let (joined, name) = if left_free {
            (left, "left")
        } else {
            (middle, "middle")
        };
        println!(
            "left {}, right {}: free block of {} at {name}",
            state(left_free),
            state(right_free),
            lab.header(joined).stride
        );
    }
}

/// Eight neighbours, freed in three orders.
fn orders() {
    println!("-- 4.4 the order does not matter");
    let orders = [
        ("upwards", [0, 1, 2, 3, 4, 5, 6, 7]),
        ("downwards", [7, 6, 5, 4, 3, 2, 1, 0]),
        ("odd, then even", [1, 3, 5, 7, 0, 2, 4, 6]),
    ];
    for (name, order) in orders {
        let mut lab = lab();
        let blocks = [112; 8].map(|size| lab.take(size));
        lab.take(16);
        for which in order {
            lab.put_back(blocks[which]);
        }
        println!("{name}: one free block of {}", lab.header(blocks[0]).stride);
    }
}

fn main() {
    split();
    too_small_to_split();
    four_cases();
    orders();
}
