//! Traces of the classic shapes, each from a seed alone: what trips up one allocator or another.

use std::fmt::Write;

use glebe_trace::rng::Rng;
use strum::{Display, EnumIter, EnumString};

/// The seed of the traces that are shipped.
pub const SEED: u64 = 20_260_101;

/// A shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Display, EnumIter, EnumString)]
#[strum(serialize_all = "kebab-case")]
pub enum Shape {
    /// Sizes to 32 KiB, any order.
    Random,
    /// Mostly small sizes, any order.
    Skewed,
    /// Pairs that are one block again when both are freed; then one block of both.
    Coalescing,
    /// 64 and 448 bytes in turn; the large ones are freed, and blocks of 512 do not fit there.
    Binary,
    /// The same with 16 and 112, then 128.
    Binary2,
    /// One block grows, a small one allocated and freed at each step.
    ReallocGrowth,
    /// Two blocks grow in turn.
    ReallocPair,
    /// The youngest goes first.
    Stack,
    /// The oldest goes first.
    Queue,
    /// Every second of many is freed, then blocks twice as large come.
    Checkerboard,
    /// Waves of ever larger sizes, of each of which a tenth stays.
    Phases,
    /// Many short strings, few long-lived tables, as an interpreter has.
    Interpreter,
}

/// Lines of a trace, with its ids counted.
#[derive(Default)]
struct Trace {
    lines: String,
    ops: usize,
    ids: usize,
}

impl Trace {
    fn alloc(&mut self, size: usize) -> usize {
        let id = self.ids;
        self.ids += 1;
        self.op('a', id, Some(size));
        id
    }

    fn realloc(&mut self, id: usize, size: usize) {
        self.op('r', id, Some(size));
    }

    fn free(&mut self, id: usize) {
        self.op('f', id, None);
    }

    fn op(&mut self, letter: char, id: usize, size: Option<usize>) {
        self.ops += 1;
        // Writing to a string does not fail.
        let _ = match size {
            Some(size) => writeln!(self.lines, "{letter} {id} {size}"),
            None => writeln!(self.lines, "{letter} {id}"),
        };
    }

    fn free_all(&mut self, ids: impl IntoIterator<Item = usize>) {
        for id in ids {
            self.free(id);
        }
    }

    /// Allocates, keeping at most so many; which goes is for `pick` to say.
    fn churn(
        &mut self,
        rounds: usize,
        most: usize,
        mut size: impl FnMut() -> usize,
        mut pick: impl FnMut(usize) -> usize,
    ) {
        let mut live = Vec::new();
        for _ in 0..rounds {
            live.push(self.alloc(size()));
            if live.len() > most {
                let id = live.remove(pick(live.len()));
                self.free(id);
            }
        }
        while !live.is_empty() {
            let id = live.remove(pick(live.len()));
            self.free(id);
        }
    }
}

impl Shape {
    /// The whole file.
    pub fn trace(self, seed: u64) -> String {
        let mut trace = Trace::default();
        let mut rng = Rng::new(seed ^ (self as u64) << 56);
        match self {
            Shape::Random => {
                let mut sizes = rng.clone();
                let size = || sizes.between(1, 32 << 10);
                trace.churn(2400, 400, size, |count| rng.below(count));
            }
            Shape::Skewed => {
                let mut sizes = rng.clone();
                let size = || sizes.log_between(8, 4096);
                trace.churn(2400, 600, size, |count| rng.below(count));
            }
            Shape::Coalescing => coalescing(&mut trace, &mut rng),
            Shape::Binary => binary(&mut trace, 64, 448, 1000),
            Shape::Binary2 => binary(&mut trace, 16, 112, 2000),
            Shape::ReallocGrowth => growth(&mut trace, &mut rng),
            Shape::ReallocPair => pair(&mut trace, &mut rng),
            Shape::Stack => trace.churn(2400, 300, || rng.between(16, 1024), |count| count - 1),
            Shape::Queue => trace.churn(2400, 300, || rng.between(16, 1024), |_| 0),
            Shape::Checkerboard => checkerboard(&mut trace, &mut rng),
            Shape::Phases => phases(&mut trace, &mut rng),
            Shape::Interpreter => interpreter(&mut trace, &mut rng),
        }
        // Suggested heap size, ids, ops, weight.
        format!("20000000\n{}\n{}\n1\n{}", trace.ids, trace.ops, trace.lines)
    }
}

fn coalescing(trace: &mut Trace, rng: &mut Rng) {
    for _ in 0..800 {
        let size = 16 * rng.between(1, 256);
        let pair = [trace.alloc(size), trace.alloc(size)];
        trace.free_all(pair);
        let both = trace.alloc(2 * size);
        trace.free(both);
    }
}

fn binary(trace: &mut Trace, small: usize, large: usize, pairs: usize) {
    let (mut kept, mut freed) = (Vec::new(), Vec::new());
    for _ in 0..pairs {
        kept.push(trace.alloc(small));
        freed.push(trace.alloc(large));
    }
    trace.free_all(freed);
    for _ in 0..pairs {
        kept.push(trace.alloc(small + large));
    }
    trace.free_all(kept);
}

fn growth(trace: &mut Trace, rng: &mut Rng) {
    let mut size = 512;
    let block = trace.alloc(size);
    for _ in 0..1200 {
        let small = trace.alloc(128);
        size += rng.between(1, 256);
        trace.realloc(block, size);
        trace.free(small);
    }
    trace.free(block);
}

fn pair(trace: &mut Trace, rng: &mut Rng) {
    let blocks = [trace.alloc(64), trace.alloc(64)];
    let mut sizes = [64, 64];
    for step in 0..2000 {
        sizes[step % 2] += rng.between(1, 128);
        trace.realloc(blocks[step % 2], sizes[step % 2]);
    }
    trace.free_all(blocks);
}

fn checkerboard(trace: &mut Trace, rng: &mut Rng) {
    let all: Vec<usize> = (0..1200)
        .map(|_| trace.alloc(rng.between(33, 64)))
        .collect();
    trace.free_all(all.iter().copied().step_by(2));
    let large: Vec<usize> = (0..600)
        .map(|_| trace.alloc(rng.between(65, 128)))
        .collect();
    trace.free_all(all.into_iter().skip(1).step_by(2));
    trace.free_all(large);
}

fn phases(trace: &mut Trace, rng: &mut Rng) {
    let mut kept = Vec::new();
    for phase in 0..8 {
        let size = 32 << phase;
        let wave: Vec<usize> = (0..200)
            .map(|_| trace.alloc(rng.between(size / 2, size)))
            .collect();
        for id in wave {
            match rng.once_in(10) {
                true => kept.push(id),
                false => trace.free(id),
            }
        }
    }
    trace.free_all(kept);
}

fn interpreter(trace: &mut Trace, rng: &mut Rng) {
    let mut strings = Vec::new();
    let mut tables: Vec<(usize, usize)> = Vec::new();
    for step in 0..1500 {
        strings.push(trace.alloc(rng.log_between(8, 128)));
        if strings.len() > 200 {
            let id = strings.swap_remove(rng.below(200));
            trace.free(id);
        }
        if step % 25 == 0 {
            tables.push((trace.alloc(64), 64));
        }
        if rng.once_in(8) {
            let which = rng.below(tables.len());
            let (id, size) = &mut tables[which];
            *size = (*size * 2).min(64 << 10);
            trace.realloc(*id, *size);
        }
    }
    trace.free_all(strings);
    trace.free_all(tables.into_iter().map(|table| table.0));
}

#[cfg(test)]
mod tests {
    use super::*;
    use glebe_trace::import::rep;
    use strum::IntoEnumIterator;

    #[test]
    fn every_shape_is_a_trace_that_frees_all() {
        assert_eq!(Shape::iter().count(), 12);
        for shape in Shape::iter() {
            let events = rep(&shape.trace(7)).unwrap_or_else(|error| panic!("{shape}: {error}"));
            let frees = events
                .iter()
                .filter(|event| matches!(event.op, glebe_trace::Op::Free { .. }));
            let allocs = events.iter().filter(|event| event.op.allocates());
            assert_eq!(frees.count(), allocs.count(), "{shape}");
            assert!(
                (2000..=12_000).contains(&events.len()),
                "{shape}: {}",
                events.len()
            );
        }
    }

    /// The files that ship are what the default seed makes.
    #[test]
    fn the_traces_that_ship_can_be_made_again() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../traces");
        for shape in Shape::iter() {
            let path = format!("{folder}/{shape}.rep");
            let shipped = std::fs::read_to_string(&path)
                .unwrap_or_else(|error| panic!("{path}: {error}: glebe replay --generate all"));
            assert!(
                shipped == shape.trace(SEED),
                "{path} differs: generate anew"
            );
        }
    }

    #[test]
    fn another_seed_is_another_trace() {
        assert_ne!(Shape::Random.trace(1), Shape::Random.trace(2));
        assert_eq!(Shape::Random.trace(1), Shape::Random.trace(1));
    }
}
