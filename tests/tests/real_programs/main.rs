//! Real programs on the allocator: every test runs one job twice, without and with the library in
//! front (`LD_PRELOAD`), and demands the same output, the same files and the same exit status.
//!
//! [`stage`] runs and compares, [`bindings`] proves that the program's `malloc` and `free` truly
//! are the library's, [`programs`] finds the programs; the other modules hold the jobs.

mod bindings;
mod compilers;
mod git;
mod node;
mod postgres;
mod programs;
mod python;
mod redis;
mod rust;
mod sqlite;
mod stage;
mod tools;
