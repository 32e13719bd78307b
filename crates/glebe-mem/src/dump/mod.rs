//! `mem_dump` and `mem_dump_to`: what is in the pool, for people and for programs.
//!
//! ```text
//! pools ─ View::blocks ─▶ Picture: blocks in order, with range and offset ─▶ table, JSON or SVG
//! ```
//! | module | decides |
//! |--|--|
//! | `out` | how text gets to its descriptor |
//! | `picture` | what a dump tells, whatever its format |
//! | `table`, `json`, `svg` | how it looks |

mod json;
mod out;
mod picture;
mod svg;
mod table;

use crate::outcome::Outcome;
use crate::state::{self, State};
use crate::{fault, mem, os, system};
use core::ffi::{c_int, c_uint};
use core::fmt;
use out::Out;
use picture::{Part, Picture};

/// `enum mem_dump_flags`.
const RELATIVE: c_uint = 1;
const OS: c_uint = 2;

/// `enum mem_dump_format`.
type Format = fn(&Picture, &mut Out) -> fmt::Result;

fn write(state: &mut State, format: Format, flags: c_uint, out: &mut Out) -> fmt::Result {
    let twin = if flags & OS == 0 {
        mem::twin(state)
    } else {
        os::twin(state)
    };
    let [(land, grants), (singles, single_grants)] = twin.views();
    let parts = [
        Part::land(land, grants),
        Part::large(singles, single_grants),
    ];
    // Where there are no large blocks nobody misses them.
    let shown = if parts[1].stats.ranges == 0 {
        &parts[..1]
    } else {
        &parts
    };
    format(&Picture::new(shown, flags & RELATIVE != 0), out)
}

/// Writes a table of all blocks to standard output.
#[unsafe(no_mangle)]
pub extern "C" fn mem_dump() {
    // Without an error to return: what a closed stream does not take is lost.
    let _ = mem_dump_to(system::STDOUT, 0, 0);
}

/// Writes all blocks to a descriptor, as a table, JSON or SVG.
#[unsafe(no_mangle)]
pub extern "C" fn mem_dump_to(descriptor: c_int, format: c_int, flags: c_uint) -> c_int {
    let format: Format = match format {
        0 => table::write,
        1 => json::write,
        2 => svg::write,
        _ => return Outcome::Invalid as c_int,
    };
    if flags & !(RELATIVE | OS) != 0 {
        return Outcome::Invalid as c_int;
    }
    if descriptor == system::STDOUT {
        system::flush_stdout();
    }
    let mut out = Out::new(descriptor, fault::callbacks());
    let written = state::with(|state| write(state, format, flags, &mut out));
    match written.and_then(|()| out.flush()) {
        Ok(()) => Outcome::Done as c_int,
        Err(fmt::Error) => Outcome::Unwritten as c_int,
    }
}
