//! A few lines about the heap on standard error: `malloc_stats()`, and at the end of every process
//! that is started with `GLEBE_STATS=1`.
//!
//! The environment is looked at once, when the library is loaded, so that programs may do with it
//! what they like; programs that run with more rights than their user ignore it. A process prints if
//! it ends by `exit` or by returning from `main`, not by `_exit` or a signal. All lines are written
//! by one system call.

use crate::exports::exports;
use crate::libc;
use crate::text::Text;
use core::sync::atomic::{AtomicBool, Ordering::Relaxed};
use glebe_core::raw;

/// Whether to print at the end of the process.
static AT_EXIT: AtomicBool = AtomicBool::new(false);

#[used]
#[unsafe(link_section = ".init_array")]
static LOADED: extern "C" fn() = {
    extern "C" fn loaded() {
        AT_EXIT.store(libc::is_switched_on(c"GLEBE_STATS"), Relaxed);
    }
    loaded
};

#[used]
#[unsafe(link_section = ".fini_array")]
static ENDING: extern "C" fn() = {
    extern "C" fn ending() {
        if AT_EXIT.load(Relaxed) {
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

/// Columns of a number of bytes: room for 100 TB.
const WIDTH: usize = 19;

fn summary(when: &str) -> Text<1024> {
    let stats = raw::stats();
    let mut text = Text::new();
    text.text("glebe: heap of process ")
        .decimal(libc::process_id());
    text.text(" ").text(when).text(", in bytes\n");

    text.text("glebe: live    ").column(stats.live_bytes, WIDTH);
    text.text("  in ")
        .grouped(stats.live_objects)
        .text(" objects\n");

    text.text("glebe:   large ")
        .column(stats.large_bytes, WIDTH);
    text.text("  in ")
        .grouped(stats.large_objects)
        .text(" of them\n");

    text.text("glebe: slabs   ").column(stats.slab_bytes, WIDTH);
    let small = stats.live_bytes - stats.large_bytes;
    let share = small.saturating_mul(100) / stats.slab_bytes.max(1);
    text.text("  of which ").decimal(share).text(" % is live\n");

    text.text("glebe: dirty   ")
        .column(stats.dirty_bytes, WIDTH);
    text.text("  free, but still with pages\n");

    text.text("glebe: mapped  ")
        .column(stats.mapped_bytes, WIDTH);
    text.text("  opened for use so far\n");

    text.text("glebe: peak RSS")
        .column(libc::peak_resident_bytes(), WIDTH);
    text.text("  of the whole process\n");

    text.text("glebe: heaps   ").column(stats.heaps, WIDTH);
    text.text("  made, ").grouped(stats.parked_heaps);
    text.text(" of them parked\n");
    text
}

exports! {
    ["malloc_stats", "glebe_malloc_stats"] = malloc_stats() -> ();
}
