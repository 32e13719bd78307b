//! The C face of the pools, `libglebe_mem`: whole programs in C, examples among them, compiled
//! against the header and linked with the library.
//!
//! | module | holds |
//! |--|--|
//! | `program` | how a program is compiled and linked, statically or not |
//! | `calls` | every function, corner and kind of pool; the programs `pools.c` and `pools_os.c` |
//! | `faults` | every bad pointer ends the process with one line: `pools_faults.c` |
//! | `dumps` | `mem_dump` and `mem_dump_to` against recorded output: `pools_dump.c` |
//! | `linking` | what the libraries ask for and offer, the header in C and C++, no C library |
//! | `examples` | the programs in `examples/` |

mod calls;
mod dumps;
mod examples;
mod faults;
mod linking;
mod program;
