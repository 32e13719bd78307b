//! How fast the machine is just now, told by a fixed piece of work that touches no memory.
//!
//! On a virtual machine each processor is mostly half of a core. While the other half works for
//! somebody else, everything takes half as long again; such spells last from a few milliseconds
//! to minutes, and may make up two thirds of all time. So a run is cut into slices with a look at
//! the machine between them, and the slices count in which it was at its fastest: they are chosen
//! by the looks, and not by how long they took themselves, which would favour whoever does some
//! of his work seldom. Runs with threads are not cut, for each slice would start them anew.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// A fifth of a millisecond.
const STEPS: u64 = 200_000;

/// How long the fixed work takes: independent chains of additions, multiplications and shifts, as
/// much at once as a core can do, of which a neighbour takes its share.
pub fn look() -> Duration {
    let start = Instant::now();
    let [mut a, mut b, mut c, mut d] = black_box([1u64, 2, 3, 4]);
    for step in 0..STEPS {
        a = a.wrapping_mul(3).wrapping_add(step);
        b = (b ^ (b << 1)).wrapping_add(step);
        c = c.wrapping_add(a >> 3);
        d = d.wrapping_mul(5).wrapping_add(7) ^ (b >> 2);
    }
    black_box([a, b, c, d]);
    start.elapsed()
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_look_takes_time() {
        // The compiler has not computed it beforehand.
        assert!(super::look().as_micros() > 10);
    }
}
