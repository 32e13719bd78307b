//! Chapter 2 of the course: the records around a block, what they cost, and where blocks may start.
//! `docs/course/c/tags.c` is the same in C, and prints the same.

mod course_lab;

use course_lab::{LAND, Lab, Policy, Records, Tag};

fn lab() -> Lab {
    Lab::new(Policy::First, Records::Inline)
}

/// From one block to the next of the same size.
fn strides() {
    println!("-- 2.1 from block to block");
    for size in [1, 16, 17, 32, 100, 1000] {
        let mut lab = lab();
        let (first, second) = (lab.take(size), lab.take(size));
        println!("{size} bytes: next block {} bytes on", second - first);
    }
}

fn print_tag(name: &str, tag: &Tag) {
    let state = if tag.is_free { "free" } else { "used" };
    println!("{name}: {} bytes, {state}", tag.stride);
}

/// The records of one block, while it lives and after.
fn tags() {
    println!("-- 2.2 header and footer");
    let mut lab = lab();
    let block = lab.take(100);
    lab.take(16);
    print_tag("header", &lab.header(block));
    print_tag("footer", &lab.footer(block));
    let stride = lab.header(block).stride;
    println!("header of the next block {stride} bytes behind this one");
    lab.put_back(block);
    print_tag("header after free", &lab.header(block));
    print_tag("footer after free", &lab.footer(block));
}

/// Where blocks may start, and what is no block at all.
fn corners() {
    println!("-- 2.3 alignment and corners");
    let mut lab = lab();
    let mut low_bits = 0;
    for size in 1..=100 {
        let block = lab.take(size);
        low_bits |= block & 15;
        lab.put_back(block);
    }
    println!("low four bits seen in 100 addresses: {low_bits}");
    let named = |block: Option<usize>| if block.is_none() { "null" } else { "a block" };
    println!("0 bytes: {}", named(lab.try_take(0)));
    println!(
        "{LAND} bytes, all of the land: {}",
        named(lab.try_take(LAND))
    );
    // Rust has no null blocks: an `Option` is freed if it is some.
    println!("free of null: nothing");
}

fn main() {
    strides();
    tags();
    corners();
}
