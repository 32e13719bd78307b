//! Keeps the disposition of `SIGPIPE` that this process was started with.
//!
//! The Rust runtime ignores the signal before `main`, and an ignored signal stays ignored across
//! `execve`: a program started by `glebe run` would see write errors where its user expects the
//! end of a pipeline. So the disposition is read before the runtime starts, and put back before
//! the program does.

use std::sync::atomic::{AtomicBool, Ordering};

use nix::sys::signal::{SigHandler, Signal, signal};

static IGNORED_AT_START: AtomicBool = AtomicBool::new(false);

/// Runs before the Rust runtime, as a constructor of the executable.
#[used]
#[unsafe(link_section = ".init_array")]
static RECORD: extern "C" fn() = record;

extern "C" fn record() {
    let mut now = std::mem::MaybeUninit::<libc::sigaction>::zeroed();
    // SAFETY: a null new action only reads the current one into `now`, which is large enough;
    // zeroed memory is a valid sigaction if the call should fail.
    let ignored = unsafe {
        libc::sigaction(libc::SIGPIPE, std::ptr::null(), now.as_mut_ptr());
        now.assume_init().sa_sigaction == libc::SIG_IGN
    };
    IGNORED_AT_START.store(ignored, Ordering::Relaxed);
}

/// Puts the disposition from before the start back.
pub fn restore() {
    let handler = if IGNORED_AT_START.load(Ordering::Relaxed) {
        SigHandler::SigIgn
    } else {
        SigHandler::SigDfl
    };
    // SAFETY: neither disposition runs code in this process. Setting a valid signal to one of
    // them cannot fail.
    let _ = unsafe { signal(Signal::SIGPIPE, handler) };
}
