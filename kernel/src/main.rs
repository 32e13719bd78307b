//! A kernel on the pool: it boots, takes in the machine's page frames, drills every kind of pool
//! over them, and ends with a verdict.
//!
//! | module | what it is for |
//! |--|--|
//! | `boot` | from QEMU's entry to Rust |
//! | `start` | what the loader tells: command line, map of memory |
//! | `memory` | rights of pages |
//! | `traps` | exceptions are reported |
//! | `serial`, `verdict` | what is said, and how it ends |
//! | `bytes` | `memcpy` and its like |
//! | `frames` | page frames, the supplier of blocks |
//! | `heap` | the global allocator |
//! | `drill` | what is done with pools |
//! | `failures` | runs that must fail, by the command line |
#![no_std]
#![no_main]

extern crate alloc;

mod boot;
mod bytes;
mod drill;
mod failures;
mod frames;
mod heap;
mod memory;
mod serial;
mod start;
mod traps;
mod verdict;

use start::StartInfo;

/// Called once by `boot`, with the address of the loader's start information.
#[unsafe(no_mangle)]
extern "C" fn kernel_main(start: usize) -> ! {
    serial::set_up();
    traps::set_up();
    let work = take_over(start);
    // SAFETY: nothing else knows of the page tables.
    unsafe { memory::protect() };
    work();
    verdict::pass()
}

/// Takes from the loader what it left, the last of which is what to do.
fn take_over(start: usize) -> fn() {
    // SAFETY: the address is the loader's; what it left lies below the frames, and all is mapped
    // as long as it is used here.
    let start = unsafe { StartInfo::at(start) };
    let frames: usize = start
        .ram()
        // SAFETY: all that is in use, image and start information, lies below where frames begin.
        .map(|range| unsafe { frames::MACHINE.lock().add(range) })
        .sum();
    assert!(
        frames > 0,
        "no page frames: the machine has less than 6 MiB"
    );
    say!("glebe kernel: {frames} page frames");
    match start.command_line() {
        "" => drill::run,
        word => failures::find(word),
    }
}
