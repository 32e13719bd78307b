//! Threads that start, allocate a little and end: what an allocator spends on the heap of a thread.
//! After the thread tests of the benchmarks of Hoard (threadtest, Emery Berger and others, ASPLOS
//! 2000), with lives as short as can be.

use std::thread;

use crate::bench::patterns::heap::{consume, obtain};
use crate::bench::patterns::pattern::{Load, Pattern};

/// What a thread allocates: two of each of these.
const SIZES: [usize; 8] = [16, 24, 48, 80, 128, 256, 512, 1024];

pub fn patterns() -> Vec<Pattern> {
    let one = "start a thread that allocates and frees 16 objects, and wait for its end";
    let four = "the same with 4 threads at once";
    vec![
        Pattern::new("threads/1", one, 5_000, |_| Threads(1)),
        Pattern::new("threads/4", four, 3_000, |_| Threads(4)),
    ]
}

/// How many are alive at once.
struct Threads(u64);

/// The life of a thread.
fn live() {
    let objects = [(); 2].map(|()| SIZES.map(obtain));
    for (size, object) in SIZES.iter().cycle().zip(objects.into_iter().flatten()) {
        // SAFETY: just obtained.
        assert_eq!(unsafe { consume(object) }, *size, "contents were lost");
    }
}

impl Load for Threads {
    fn run(&mut self, ops: u64) -> u64 {
        let rounds = ops.div_ceil(self.0);
        for _ in 0..rounds {
            let threads: Vec<_> = (0..self.0).map(|_| thread::spawn(live)).collect();
            let ends = threads.into_iter().map(|thread| thread.join());
            ends.for_each(|end| end.expect("no thread panics"));
        }
        rounds * self.0
    }
}
