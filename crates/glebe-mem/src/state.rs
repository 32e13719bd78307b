//! The state of the library and the one lock that guards it.
//!
//! The lock is a futex: free, held, or held with somebody waiting. Without a second thread it is
//! two atomic instructions and no system call. It is held over calls of the supplier, and over the
//! writing of a dump, and over nothing else that the program has written: suppliers and
//! `mem_config.write` must not call the functions of this library, `mem_config.fault` may.
//! `mem_block_alloc` and `mem_block_free` of this library have a lock of their own, so that a
//! supplier may use even those; it is always taken after this one.
//!
//! After a `fork` of a program with several threads the child finds the lock as it was at that
//! moment, and waits forever if another thread held it. As after any such fork, only what is safe
//! in signal handlers may be called there before `exec`.

use crate::fault;
use crate::twin::Twin;
use rustix_futex_sync::Mutex;

/// What there is; each made at its first use, by `mem` and by `os`.
pub struct State {
    pub mem: Option<Twin>,
    pub os: Option<Twin>,
}

static STATE: Mutex<State> = Mutex::new(State {
    mem: None,
    os: None,
});

/// Works on the state, then reports the fault that came up, if one did.
pub fn with<R>(work: impl FnOnce(&mut State) -> R) -> R {
    fault::under(&STATE, work)
}
