//! Playing a trace on an arm: once with every block filled, checked and measured for utilisation,
//! then by the clock.

use std::alloc::Layout;
use std::collections::HashMap;
use std::time::{Duration, Instant};

use glebe_trace::{Event, Op};
use serde::Serialize;

use crate::arms::{Arm, Held, Name, free_all};

/// As the lab has it.
const ALIGN: usize = 8;
/// So long, or at least once, is played by the clock.
const TIMED: Duration = Duration::from_millis(50);

/// What the malloc lab counts.
#[derive(Clone, Copy, Debug, Serialize)]
pub struct Score {
    /// Operations of the trace.
    pub ops: usize,
    /// Most bytes that lived at a time, as requested.
    pub peak_bytes: usize,
    /// Bytes used for them.
    pub used_bytes: usize,
    /// The one over the other.
    pub utilisation: f64,
    /// Throughput, the fastest of several plays.
    pub ops_per_second: f64,
}

/// Why a trace was not played to its end.
#[derive(Debug, thiserror::Error)]
pub enum Failure {
    /// No memory for the range.
    #[error("cannot get memory for the range: {0}")]
    Memory(#[from] std::io::Error),
    /// A request found no room.
    #[error("op {op}: no room for {size} bytes: try a larger --range")]
    Room {
        /// From 1.
        op: usize,
        /// As requested.
        size: usize,
    },
    /// A block is not aligned.
    #[error("op {op}: block {id} is at {address:#x}, no multiple of {ALIGN}")]
    Misaligned {
        /// From 1.
        op: usize,
        /// Of the trace.
        id: u32,
        /// Where it is.
        address: usize,
    },
    /// Somebody else has written into a block.
    #[error("op {op}: block {id} does not hold what was written into it")]
    Damaged {
        /// From 1.
        op: usize,
        /// Of the trace.
        id: u32,
    },
    /// Traces of other formats may hold it.
    #[error("op {op}: `{what}` is no op of a .rep trace")]
    Foreign {
        /// From 1.
        op: usize,
        /// The op.
        what: Op,
    },
}

/// Each op with the place of its block in a table, so that looking blocks up takes no time that
/// would be counted as the arm's. Ids may be any numbers; places are reused once a block is freed.
fn placed(events: &[Event]) -> Result<Vec<(Op, usize)>, Failure> {
    let mut places = HashMap::new();
    let mut free = Vec::new();
    let mut placed = Vec::with_capacity(events.len());
    for (number, event) in events.iter().enumerate() {
        let what = event.op;
        let foreign = Failure::Foreign {
            op: number + 1,
            what,
        };
        let place = match what {
            Op::Alloc { id, .. } => {
                let next = free.pop().unwrap_or(places.len());
                places.insert(id, next);
                Some(next)
            }
            Op::Realloc { id, .. } => places.get(&id).copied(),
            Op::Free { id } => places.remove(&id).inspect(|place| free.push(*place)),
            _ => None,
        };
        placed.push((what, place.ok_or(foreign)?));
    }
    Ok(placed)
}

/// Plays a trace.
pub fn play(name: Name, events: &[Event], range: usize) -> Result<Score, Failure> {
    let ops = placed(events)?;
    let (peak_bytes, used_bytes) = {
        let mut arm = name.open(range)?;
        Player::new(arm.as_mut(), true).play(&ops)?
    };
    let start = Instant::now();
    let mut fastest = Duration::MAX;
    while fastest == Duration::MAX || start.elapsed() < TIMED {
        let mut arm = name.open(range)?;
        let mut player = Player::new(arm.as_mut(), false);
        let start = Instant::now();
        player.play(&ops)?;
        fastest = fastest.min(start.elapsed());
    }
    Ok(Score {
        ops: ops.len(),
        peak_bytes,
        used_bytes,
        utilisation: peak_bytes as f64 / used_bytes.max(1) as f64,
        ops_per_second: ops.len() as f64 / fastest.as_secs_f64().max(1e-9),
    })
}

struct Player<'a> {
    arm: &'a mut dyn Arm,
    /// Fill, check and measure.
    careful: bool,
    /// Ids and blocks by their places.
    live: Vec<Option<(u32, Held)>>,
    bytes: usize,
    peak: usize,
    /// The lowest and the highest address that blocks have had.
    span: (usize, usize),
    held: usize,
    held_before: usize,
}

impl<'a> Player<'a> {
    fn new(arm: &'a mut dyn Arm, careful: bool) -> Player<'a> {
        let held_before = if careful { arm.held().unwrap_or(0) } else { 0 };
        Player {
            arm,
            careful,
            live: Vec::new(),
            bytes: 0,
            peak: 0,
            span: (usize::MAX, 0),
            held: 0,
            held_before,
        }
    }

    /// The most bytes that lived, and the bytes used for them.
    fn play(&mut self, ops: &[(Op, usize)]) -> Result<(usize, usize), Failure> {
        let places = ops.iter().map(|op| op.1 + 1).max().unwrap_or(0);
        self.live.resize(places, None);
        for (number, (what, place)) in ops.iter().enumerate() {
            self.step(number + 1, *what, *place)?;
        }
        let live: Vec<(u32, Held)> = self.live.drain(..).flatten().collect();
        if self.careful {
            for (id, held) in &live {
                self.check(ops.len(), *id, held, held.size())?;
            }
        }
        let used = match self.arm.held() {
            Some(_) => self.held.saturating_sub(self.held_before),
            None => self.span.1.saturating_sub(self.span.0),
        };
        free_all(self.arm, live.into_iter().map(|one| one.1));
        Ok((self.peak, used))
    }

    fn step(&mut self, op: usize, what: Op, place: usize) -> Result<(), Failure> {
        let old = self.live[place].take();
        match what {
            Op::Alloc { id, size } => {
                let layout = layout(op, size)?;
                let held = Held::new(self.arm, layout).ok_or(Failure::Room { op, size })?;
                self.admit(op, id, held, place)
            }
            Op::Realloc { id, size } => {
                let Some((_, mut held)) = old else {
                    return Err(Failure::Foreign { op, what });
                };
                let kept = held.size().min(size);
                self.bytes -= held.size();
                layout(op, size)?;
                if !held.resize(self.arm, size.max(1)) {
                    return Err(Failure::Room { op, size });
                }
                if self.careful {
                    self.check(op, id, &held, kept)?;
                }
                self.admit(op, id, held, place)
            }
            Op::Free { id } => {
                let Some((_, held)) = old else {
                    return Err(Failure::Foreign { op, what });
                };
                if self.careful {
                    self.check(op, id, &held, held.size())?;
                }
                self.bytes -= held.size();
                held.free(self.arm);
                Ok(())
            }
            _ => Err(Failure::Foreign { op, what }),
        }
    }

    fn admit(&mut self, op: usize, id: u32, held: Held, place: usize) -> Result<(), Failure> {
        self.bytes += held.size();
        self.live[place] = Some((id, held));
        if !self.careful {
            return Ok(());
        }
        self.peak = self.peak.max(self.bytes);
        let address = held.block.addr();
        if !address.is_multiple_of(ALIGN) {
            return Err(Failure::Misaligned { op, id, address });
        }
        // SAFETY: the block lives and has so many bytes.
        unsafe { held.block.write_bytes(id as u8, held.size()) };
        self.span.0 = self.span.0.min(address);
        self.span.1 = self.span.1.max(address + held.size());
        self.held = self.held.max(self.arm.held().unwrap_or(0));
        Ok(())
    }

    /// Whether the first bytes are what was written.
    fn check(&self, op: usize, id: u32, held: &Held, bytes: usize) -> Result<(), Failure> {
        // SAFETY: the block lives, and so many of its bytes were written.
        let bytes = unsafe { std::slice::from_raw_parts(held.block, bytes) };
        match bytes.iter().all(|byte| *byte == id as u8) {
            true => Ok(()),
            false => Err(Failure::Damaged { op, id }),
        }
    }
}

/// The layout of a request; a size of 0 counts as 1.
fn layout(op: usize, size: usize) -> Result<Layout, Failure> {
    Layout::from_size_align(size.max(1), ALIGN).map_err(|_| Failure::Room { op, size })
}

#[cfg(test)]
mod tests {
    use super::*;
    use glebe_trace::import::rep;

    fn scored(pool: &str, ops: &[&str]) -> Result<Score, Failure> {
        let text = format!("0\n9\n{}\n1\n{}\n", ops.len(), ops.join("\n"));
        play(pool.parse().unwrap(), &rep(&text).unwrap(), 1 << 20)
    }

    /// Two blocks of 64 bytes: with side tags nothing lies between, with inline tags 16 bytes.
    #[test]
    fn utilisation_is_peak_over_span() {
        let ops = ["a 0 64", "a 1 64", "f 0", "f 1"];
        let side = scored("first-fit,side", &ops).unwrap();
        assert_eq!((side.peak_bytes, side.used_bytes), (128, 128));
        let inline = scored("first-fit,inline", &ops).unwrap();
        assert_eq!((inline.peak_bytes, inline.used_bytes), (128, 144));
        assert!((inline.utilisation - 128.0 / 144.0).abs() < 1e-12);
        assert!(side.ops == 4 && side.ops_per_second > 1000.0);
    }

    #[test]
    fn reused_memory_is_not_counted_twice() {
        let ops = ["a 0 64", "f 0", "a 1 64", "r 1 128", "r 1 32", "f 1"];
        let score = scored("best-fit,side", &ops).unwrap();
        assert_eq!((score.peak_bytes, score.used_bytes), (128, 128));
    }

    #[test]
    fn with_a_supplier_whole_blocks_count() {
        let score = scored("first-fit,side,mmap", &["a 0 64", "f 0"]).unwrap();
        assert_eq!((score.peak_bytes, score.used_bytes), (64, 4096));
    }

    #[test]
    fn a_range_that_is_too_small_is_named() {
        let failure = scored("first-fit,side", &["a 0 64", "a 1 2000000"]).unwrap_err();
        let text = failure.to_string();
        assert!(text.contains("op 2") && text.contains("--range"), "{text}");
    }

    /// An arm that hands out the same memory again and again.
    struct Careless(Vec<u64>);

    impl Arm for Careless {
        fn alloc(&mut self, _: Layout) -> *mut u8 {
            self.0.as_mut_ptr().cast()
        }

        unsafe fn free(&mut self, _: *mut u8, _: Layout) {}

        unsafe fn realloc(&mut self, block: *mut u8, _: Layout, _: usize) -> *mut u8 {
            block
        }
    }

    #[test]
    fn damage_is_seen() {
        let events = rep("0\n2\n3\n1\na 0 8\na 1 8\nf 0\n").unwrap();
        let mut arm = Careless(vec![0; 8]);
        let ops = placed(&events).unwrap();
        let failure = Player::new(&mut arm, true).play(&ops).unwrap_err();
        assert!(
            matches!(failure, Failure::Damaged { op: 3, id: 0 }),
            "{failure}"
        );
    }
}
