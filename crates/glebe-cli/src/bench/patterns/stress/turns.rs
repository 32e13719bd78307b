//! Many buffers that grow by `realloc` in turns, as the vectors and strings of a program do that
//! fills all of them at once: no buffer finds free room behind it that the last one did not want
//! too. After the reallocations in the application traces of Mark Johnstone and Paul Wilson, "The
//! Memory Fragmentation Problem: Solved?", ISMM 1998.

use crate::bench::patterns::grow::Buffer;
use crate::bench::patterns::pattern::{Load, Pattern};
use crate::bench::patterns::sizes::Random;

const BUFFERS: usize = 1_000;
const FIRST_BYTES: usize = 16;

pub fn patterns() -> Vec<Pattern> {
    let double: Next = |bytes, _| 2 * bytes;
    let append: Next = |bytes, random| bytes + random.between(1, 64);
    let by_double = "1000 vectors grow from 16 bytes to 64 KiB by doubling, in random turns";
    let by_append = "1000 strings grow from 16 bytes to 4 KiB by 1 to 64, in random turns";
    let make = |next, limit| {
        move |seed| Turns {
            buffers: (0..BUFFERS).map(|_| Buffer::new(FIRST_BYTES)).collect(),
            random: Random::new(seed),
            next,
            limit,
        }
    };
    vec![
        Pattern::new(
            "turns/vectors",
            by_double,
            2_000_000,
            make(double, 64 << 10),
        ),
        Pattern::new("turns/strings", by_append, 6_000_000, make(append, 4 << 10)),
    ]
}

/// How the next size follows from the last.
type Next = fn(usize, &mut Random) -> usize;

struct Turns {
    buffers: Vec<Buffer>,
    random: Random,
    next: Next,
    limit: usize,
}

impl Load for Turns {
    fn run(&mut self, ops: u64) -> u64 {
        for _ in 0..ops {
            let buffer = &mut self.buffers[self.random.below(BUFFERS)];
            let wanted = (self.next)(buffer.bytes(), &mut self.random);
            if wanted > self.limit {
                *buffer = Buffer::new(FIRST_BYTES);
            } else {
                buffer.grow(wanted);
            }
        }
        ops
    }
}
