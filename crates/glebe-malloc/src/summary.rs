//! A few lines about the heap on standard error: `malloc_stats()`, and at the end of every process
//! that is started with `GLEBE_STATS=1`, or of process 1234 only with `GLEBE_STATS=1234`: a program
//! keeps its number when it becomes another, its children have others.
//!
//! The environment is looked at once, when the library is loaded, so that programs may do with it
//! what they like; programs that run with more rights than their user ignore it. A process prints
//! if it ends by `exit` or by returning from `main`, not by `_exit` or a signal. All lines are
//! written by one system call.

use crate::exports::exports;
use crate::libc;
use crate::text::Text;
use core::sync::atomic::{AtomicU32, Ordering::Relaxed};
use glebe_core::raw;

/// Who prints at the end: 0 nobody, 1 every process, else the one with this number.
static AT_EXIT: AtomicU32 = AtomicU32::new(0);

#[used]
#[unsafe(link_section = ".init_array")]
static LOADED: extern "C" fn() = {
    extern "C" fn loaded() {
        AT_EXIT.store(libc::switch(c"GLEBE_STATS"), Relaxed);
    }
    loaded
};

#[used]
#[unsafe(link_section = ".fini_array")]
static ENDING: extern "C" fn() = {
    extern "C" fn ending() {
        let who = AT_EXIT.load(Relaxed) as usize;
        if who == 1 || who != 0 && who == libc::process_id() {
            summary("at its end").write_to_stderr();
        }
    }
    ending
};

/// `void malloc_stats(void)`
#[inline(always)]
pub fn malloc_stats() {
    summary("now").write_to_stderr();
}

fn summary(when: &str) -> Text<1024> {
    let stats = raw::stats();
    let small = stats.live_bytes - stats.large_bytes;
    let share = small.saturating_mul(100) / stats.slab_bytes.max(1);
    let mut text = Text::new();
    text.text("glebe: heap of process ")
        .decimal(libc::process_id());
    text.text(" ").text(when).text(", in bytes");

    line(&mut text, "live", stats.live_bytes, "in ");
    text.grouped(stats.live_objects).text(" objects");
    line(&mut text, "  large", stats.large_bytes, "in ");
    text.grouped(stats.large_objects).text(" of them");
    line(&mut text, "slabs", stats.slab_bytes, "live: ");
    text.decimal(share).text(" %");
    for (what, bytes, note) in [
        ("dirty", stats.dirty_bytes, "free, but still with pages"),
        ("mapped", stats.mapped_bytes, "opened for use so far"),
        (
            "peak RSS",
            libc::peak_resident_bytes(),
            "of the whole process",
        ),
    ] {
        line(&mut text, what, bytes, note);
    }
    text.text("\nglebe: ").grouped(stats.heaps).text(" heaps, ");
    text.grouped(stats.parked_heaps)
        .text(" of them parked: their threads ended\n");
    text
}

/// Begins a line; the number ends where those of the other lines do.
fn line(text: &mut Text<1024>, what: &str, bytes: usize, note: &str) {
    /// Room for names and 100 TB.
    const WIDTH: usize = 26;
    text.text("\nglebe: ").text(what);
    text.column(bytes, WIDTH - what.len()).text("  ").text(note);
}

exports! {
    ["malloc_stats", "glebe_malloc_stats"] = malloc_stats() -> ();
}
