//! Figures for programs and people: mallinfo and its kin, `malloc_stats`, and a summary at exit when
//! `GLEBE_STATS` is set.

use crate::errno::EINVAL;
use crate::export;
use crate::text::Text;
use glebe_core::raw;

/// glibc's `struct mallinfo2`.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Mallinfo2 {
    arena: usize,
    ordblks: usize,
    smblks: usize,
    hblks: usize,
    hblkhd: usize,
    usmblks: usize,
    fsmblks: usize,
    uordblks: usize,
    fordblks: usize,
    keepcost: usize,
}

/// glibc's `struct mallinfo`: the same figures in 32 bits, cut off at the largest.
#[repr(C)]
pub struct Mallinfo {
    fields: [i32; 10],
}

/// A C library stream.
type File = *mut u8;

unsafe extern "C" {
    fn fputs(text: *const u8, stream: File) -> i32;
    fn secure_getenv(name: *const u8) -> *const u8;
}

export! {
    /// Gives back all pages that can be given back now. 1 if there were any.
    ///
    /// # Safety
    /// None beyond C's. `_pad` is ignored: nothing is kept back.
    malloc_trim = glebe_malloc_trim(_pad: usize) -> i32 {
        i32::from(raw::purge() > 0)
    }

    /// Figures of the process: `arena` bytes in use or kept for reuse, `hblks`/`hblkhd` large objects
    /// and their bytes, `uordblks` live bytes, `fordblks` free bytes that may hold pages.
    ///
    /// # Safety
    /// None beyond C's.
    mallinfo2 = glebe_mallinfo2() -> Mallinfo2 {
        let stats = raw::stats();
        let held = stats.slab_bytes + stats.large_bytes + stats.dirty_bytes;
        Mallinfo2 {
            arena: held,
            ordblks: 0,
            smblks: 0,
            hblks: stats.large_objects,
            hblkhd: stats.large_bytes,
            usmblks: 0,
            fsmblks: 0,
            uordblks: stats.live_bytes,
            fordblks: held.saturating_sub(stats.live_bytes),
            keepcost: stats.dirty_bytes,
        }
    }

    /// [`mallinfo2`] in 32 bits.
    ///
    /// # Safety
    /// None beyond C's.
    mallinfo = glebe_mallinfo() -> Mallinfo {
        let all = mallinfo2();
        let fields = [
            all.arena, all.ordblks, all.smblks, all.hblks, all.hblkhd,
            all.usmblks, all.fsmblks, all.uordblks, all.fordblks, all.keepcost,
        ];
        Mallinfo { fields: fields.map(|field| i32::try_from(field).unwrap_or(i32::MAX)) }
    }

    /// glibc's tuning parameters. 1 for those it knows, which have no effect here; 0 for others.
    ///
    /// # Safety
    /// None beyond C's.
    mallopt = glebe_mallopt(parameter: i32, _value: i32) -> i32 {
        // M_MXFAST is 1; M_TRIM_THRESHOLD to M_ARENA_MAX are -1 to -8.
        i32::from(parameter == 1 || (-8..=-1).contains(&parameter))
    }

    /// Writes the figures as XML in glibc's manner. `options` must be 0.
    ///
    /// # Safety
    /// `stream` is an open stream.
    malloc_info = glebe_malloc_info(options: i32, stream: File) -> i32 {
        if options != 0 {
            return EINVAL;
        }
        write_xml(stream)
    }

    /// Writes a summary to standard error.
    ///
    /// # Safety
    /// None beyond C's.
    malloc_stats = glebe_malloc_stats() {
        summary(&raw::stats())
    }
}

/// Gives back all pages that can be given back now; the bytes in them.
#[unsafe(no_mangle)]
pub extern "C" fn glebe_purge() -> usize {
    raw::purge()
}

/// The version, such as `0.1.0`.
#[unsafe(no_mangle)]
pub extern "C" fn glebe_version() -> *const u8 {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr()
}

/// # Safety
/// `stream` is an open stream.
unsafe fn write_xml(stream: File) -> i32 {
    let stats = raw::stats();
    let mut text = Text::new();
    text.add("<malloc version=\"glebe-")
        .add(env!("CARGO_PKG_VERSION"))
        .add("\">\n<heap nr=\"0\">\n");
    text.add("<sizes>\n");
    // SAFETY: the caller's stream; the text ends with a zero.
    let mut written = unsafe { fputs(text.as_c(), stream) };
    for class in 0..raw::CLASSES {
        let (live, slabs) = raw::class_stats(class);
        if slabs > 0 && written >= 0 {
            let mut line = Text::new();
            line.add("  <size class=\"").number(raw::class_size(class));
            line.add("\" live=\"")
                .number(live)
                .add("\" slabs=\"")
                .number(slabs)
                .add("\"/>\n");
            // SAFETY: as above.
            written = unsafe { fputs(line.as_c(), stream) };
        }
    }
    let mut text = Text::new();
    text.add("</sizes>\n");
    for (name, count, size) in [
        ("live", stats.live_objects, stats.live_bytes),
        ("large", stats.large_objects, stats.large_bytes),
    ] {
        text.add("<total type=\"")
            .add(name)
            .add("\" count=\"")
            .number(count);
        text.add("\" size=\"").number(size).add("\"/>\n");
    }
    for (name, size) in [
        ("slabs", stats.slab_bytes),
        ("dirty", stats.dirty_bytes),
        ("clean", stats.clean_bytes),
        ("mapped", stats.mapped_bytes),
    ] {
        text.add("<system type=\"")
            .add(name)
            .add("\" size=\"")
            .number(size)
            .add("\"/>\n");
    }
    text.add("</heap>\n</malloc>\n");
    // SAFETY: as above.
    let last = unsafe { fputs(text.as_c(), stream) };
    if written < 0 || last < 0 { -1 } else { 0 }
}

fn summary(stats: &raw::Stats) {
    let mut text = Text::new();
    text.add("glebe: live    ")
        .size(stats.live_bytes)
        .add(" in ")
        .number(stats.live_objects);
    text.add(" objects, of them large ")
        .size(stats.large_bytes)
        .add(" in ");
    text.number(stats.large_objects)
        .add("\nglebe: slabs   ")
        .size(stats.slab_bytes);
    text.add(", free and dirty ")
        .size(stats.dirty_bytes)
        .add(", given back ");
    text.size(stats.clean_bytes)
        .add(", opened ")
        .size(stats.mapped_bytes);
    text.add("\nglebe: heaps   ")
        .number(stats.heaps)
        .add(", of them parked ");
    text.number(stats.parked_heaps).add("\n").write_to_stderr();
}

/// At exit: the summary, if `GLEBE_STATS` is set to anything but `0`.
extern "C" fn at_exit() {
    // SAFETY: a string that ends with zero; null in programs with raised privileges.
    let value = unsafe { secure_getenv(c"GLEBE_STATS".as_ptr().cast()) };
    // SAFETY: not null, so a string of at least its final zero.
    if !value.is_null() && unsafe { *value } != b'0' {
        summary(&raw::stats());
    }
}

#[used]
#[unsafe(link_section = ".fini_array")]
static AT_EXIT: extern "C" fn() = at_exit;
