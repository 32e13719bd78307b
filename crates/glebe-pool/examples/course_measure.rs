//! Chapter 8 of the course: what a policy is worth, in figures. `docs/course/c/measure.c` is the
//! same in C, and prints the same.

mod course_lab;

use course_lab::{LAND, Lab, POLICIES, Policy, Records};

const SLOTS: usize = 48;
const STEPS: usize = 20_000;

/// Numbers that look random and are the same everywhere.
struct Random(u32);

impl Random {
    fn below(&mut self, n: u32) -> usize {
        self.0 = self.0.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        ((self.0 >> 8) % n) as usize
    }
}

/// How much of the land users get, filled with blocks of one size.
fn inside() {
    println!("-- 8.1 inside of blocks");
    for size in [1, 16, 24, 100, 1000] {
        let counted =
            [("side", Records::Side), ("inline", Records::Inline)].map(|(name, records)| {
                let mut lab = Lab::new(Policy::TwoLevel, records);
                let mut count = 0;
                while lab.try_take(size).is_some() {
                    count += 1;
                }
                format!(
                    "{name} tags {count} blocks, {} %",
                    count * size * 100 / LAND
                )
            });
        println!("{size} bytes: {}", counted.join("; "));
    }
}

/// What a long run of random calls adds up to.
#[derive(Default)]
struct Run {
    served: usize,
    refused: usize,
    free_blocks: usize,
    lost: usize,
    looked_at: usize,
    distance: usize,
}

/// How many free blocks a search from the lowest one looks at for a request.
fn search_length(lab: &Lab, size: usize) -> usize {
    let sizes = lab.free_sizes();
    match sizes.iter().position(|&free| free >= size) {
        Some(before) => before + 1,
        None => sizes.len(),
    }
}

/// Takes and frees blocks of 1 to 800 bytes at random.
fn run(policy: Policy) -> Run {
    let mut run = Run::default();
    let mut slots = [None; SLOTS];
    let mut last = 0;
    let mut lab = Lab::new(policy, Records::Inline);
    let mut random = Random(1);
    for _ in 0..STEPS {
        let (slot, size) = (random.below(SLOTS as u32), random.below(800) + 1);
        if let Some(block) = slots[slot].take() {
            lab.put_back(block);
            continue;
        }
        run.looked_at += search_length(&lab, size);
        slots[slot] = lab.try_take(size);
        let Some(block) = slots[slot] else {
            run.refused += 1;
            continue;
        };
        run.served += 1;
        run.distance += block.abs_diff(last);
        last = block;
        let stats = lab.stats();
        run.free_blocks += stats.free_blocks;
        let outside = 1000 * (stats.free_bytes - stats.largest_free);
        run.lost += outside.checked_div(stats.free_bytes).unwrap_or(0);
    }
    run
}

fn compare() {
    println!("-- 8.2 a long run of random calls");
    for (name, policy) in POLICIES {
        let run = run(policy);
        println!(
            "{name}: refused {} of {}, free blocks {}, fragmentation {} %",
            run.refused,
            run.refused + run.served,
            run.free_blocks / run.served,
            run.lost / run.served / 10
        );
    }
}

fn cost() {
    println!("-- 8.3 how far first fit looks");
    let run = run(Policy::First);
    let tenths = 10 * run.looked_at / (run.served + run.refused);
    let free = run.free_blocks / run.served;
    let (whole, tenth) = (tenths / 10, tenths % 10);
    println!("free blocks: {free}, looked at for one request: {whole}.{tenth}");
}

fn locality() {
    println!("-- 8.4 from one new block to the next");
    for (name, policy) in POLICIES {
        let run = run(policy);
        println!("{name}: {} bytes", run.distance / run.served);
    }
}

fn main() {
    inside();
    compare();
    cost();
    locality();
}
