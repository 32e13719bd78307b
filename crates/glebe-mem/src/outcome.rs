//! `enum mem_error`: what C hears of `mem_init` and of dumps.

/// How a call ended.
#[repr(i32)]
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    Done = 0,
    Invalid = 1,
    Busy = 2,
    NoMemory = 3,
    Unwritten = 4,
}
