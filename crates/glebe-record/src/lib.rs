//! The recorder: `libglebe_record.so`, preloaded in front of an allocator by `glebe run --trace`.
//!
//! ```text
//! program ─ malloc, operator new … ─▶ this library ─▶ the next library's malloc (dlsym)
//!                                          │
//!                                          ▼
//!                          raw file, mapped: one record a call
//! ```
//! | module | what it decides |
//! |--|--|
//! | `family` | which calls are recorded, and what stands for each |
//! | `operators` | the same for operator new and delete |
//! | `log` | where records go, and which process writes any |
//! | `next` | the allocator behind |
//! | `early` | memory while the allocator behind is being looked up |
//! | `record` | what a record is |
//!
//! # What has to hold
//! Everything here runs inside malloc. So nothing here allocates, takes a lock, or has data that a
//! thread's end would destroy. Records are written into a shared mapping of the file: there is
//! nothing to flush, and nothing is lost when the process is killed, calls `_exit` or becomes
//! another program. Each call is recorded once: what an allocator calls by itself it calls inside
//! its own library. It is built in release mode only: else it would bring more of Rust along.

#![no_std]

#[cfg(not(all(target_arch = "x86_64", target_os = "linux")))]
compile_error!("the recorder is written for Linux on x86-64: see src/log.rs for its assembly");

mod early;
mod family;
mod log;
mod next;
mod operators;
#[allow(dead_code, reason = "records are only written here")]
#[path = "../../glebe-trace/src/raw/record.rs"]
mod record;

/// There is nobody to tell what is broken: to print could allocate.
#[panic_handler]
fn panic(_: &core::panic::PanicInfo) -> ! {
    // SAFETY: ends the process.
    unsafe { libc::abort() }
}
