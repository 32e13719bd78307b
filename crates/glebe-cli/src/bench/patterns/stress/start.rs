//! Processes that start, allocate a little and exit, as the commands of a shell script do. The load
//! starts this executable again and again, with the allocator preloaded as into itself, and takes
//! the time from start to exit as seen from outside. The workload is our own.

use std::env;
use std::process::{Command, Stdio};

use crate::bench::patterns::heap::obtain;
use crate::bench::patterns::pattern::{Load, Pattern};
use crate::bench::patterns::sizes::Random;

/// Objects that a process allocates.
const OBJECTS: usize = 100;
/// The only argument of the processes.
const ARGUMENT: &str = "bench-start";

pub fn patterns() -> Vec<Pattern> {
    let about = "start a process that allocates 100 objects of 8 to 512 bytes, and wait for it";
    let make = |_| {
        // The peak of memory is that of the process which starts the others: it does the same.
        allocate();
        Start
    };
    vec![Pattern::new("start/100", about, 200, make)]
}

struct Start;

/// What a process does.
fn allocate() {
    let mut random = Random::new(1);
    for _ in 0..OBJECTS {
        obtain(random.between(8, 512));
    }
}

/// Whether this process was started by the load `start`. If so, its work has been done, and it must
/// exit.
pub fn short_life() -> bool {
    let mut arguments = env::args_os().skip(1);
    let short = arguments.next().is_some_and(|one| one == ARGUMENT) && arguments.next().is_none();
    if short {
        allocate();
    }
    short
}

impl Load for Start {
    fn run(&mut self, ops: u64) -> u64 {
        let program = env::current_exe().expect("this executable can be found");
        for _ in 0..ops {
            let mut command = Command::new(&program);
            let status = command.arg(ARGUMENT).stdin(Stdio::null()).status();
            let status = status.expect("this executable can be started");
            assert!(status.success(), "a process ended with {status}");
        }
        ops
    }
}
