//! What a program may ask about the heap, and tell it: `mallinfo`, `malloc_info`, `malloc_trim`,
//! `mallopt`, and Glebe's own `glebe_purge` and `glebe_version`.
//!
//! The figures are read from the engine's tables when asked for; they cost a walk then and nothing
//! otherwise. Names come from glibc, whose heap is built otherwise. They mean here:
//!
//! | glibc's name | figure |
//! |--|--|
//! | `arena` | address space opened for use so far, without large objects |
//! | `uordblks` | bytes in live slots, rounding included |
//! | `fordblks` | `arena` − `uordblks` |
//! | `hblks`, `hblkhd` | large objects, and their bytes |
//! | `keepcost` | bytes in free runs that still hold pages: what `malloc_trim` gives back |
//! | the others | 0 |

use crate::errno::{EINVAL, refuse};
use crate::exports::exports;
use crate::libc::{self, File};
use crate::text::Text;
use core::ffi::{c_char, c_int};
use glebe_core::raw;

/// `struct mallinfo2`; with `c_int` `struct mallinfo`
#[repr(C)]
#[derive(Default)]
pub struct Info<T> {
    arena: T,
    ordblks: T,
    smblks: T,
    hblks: T,
    hblkhd: T,
    usmblks: T,
    fsmblks: T,
    uordblks: T,
    fordblks: T,
    keepcost: T,
}

impl<T: Default> Info<T> {
    fn read(number: impl Fn(usize) -> T) -> Self {
        let stats = raw::stats();
        let live = stats.live_bytes - stats.large_bytes;
        Info {
            arena: number(live + not_live(&stats)),
            hblks: number(stats.large_objects),
            hblkhd: number(stats.large_bytes),
            uordblks: number(live),
            fordblks: number(not_live(&stats)),
            keepcost: number(stats.dirty_bytes),
            ..Info::default()
        }
    }
}

/// `struct mallinfo2 mallinfo2(void)`
#[inline(always)]
pub fn mallinfo2() -> Info<usize> {
    Info::read(|number| number)
}

/// `struct mallinfo mallinfo(void)`: what does not fit an `int` reads as `INT_MAX`
#[inline(always)]
pub fn mallinfo() -> Info<c_int> {
    Info::read(|number| c_int::try_from(number).unwrap_or(c_int::MAX))
}

/// `int malloc_trim(size_t pad)`: gives back all that can be given back; 1 if that was something.
/// `pad`, which bytes to keep at the top of glibc's heap, has no meaning here.
#[inline(always)]
pub fn malloc_trim(_pad: usize) -> c_int {
    c_int::from(raw::purge() > 0)
}

/// `size_t glebe_purge(void)`: gives back all that can be given back; how many bytes that were
#[inline(always)]
pub fn purge() -> usize {
    raw::purge()
}

/// `const char *glebe_version(void)`
#[inline(always)]
pub fn version() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}

/// `int mallopt(int option, int value)`: 1 if the option is known, 0 otherwise.
///
/// glibc's tunables of placement and reuse (`M_MXFAST` … `M_KEEP`, `M_TRIM_THRESHOLD`, `M_TOP_PAD`,
/// `M_MMAP_THRESHOLD`, `M_MMAP_MAX`, `M_CHECK_ACTION`, `M_ARENA_TEST`, `M_ARENA_MAX`) are accepted
/// and change nothing: there is nothing here that they describe, or it needs no tuning. `M_PERTURB`
/// is refused, because it promises contents that blocks would not have.
#[inline(always)]
pub fn mallopt(option: c_int, _value: c_int) -> c_int {
    const M_KEEP: c_int = 4;
    const M_MXFAST: c_int = 1;
    const M_CHECK_ACTION: c_int = -5;
    const M_TRIM_THRESHOLD: c_int = -1;
    const M_ARENA_TEST: c_int = -7;
    const M_ARENA_MAX: c_int = -8;
    c_int::from(matches!(
        option,
        M_MXFAST..=M_KEEP | M_CHECK_ACTION..=M_TRIM_THRESHOLD | M_ARENA_MAX..=M_ARENA_TEST
    ))
}

/// `int malloc_info(int options, FILE *stream)`: the figures as XML, in the shape of glibc's.
/// `options` must be 0. Returns 0; −1 for other options (`EINVAL`) or if the stream fails.
///
/// # Safety
/// `stream` is an open stream.
#[inline(always)]
pub unsafe fn malloc_info(options: c_int, stream: *mut File) -> c_int {
    if options != 0 {
        refuse(EINVAL);
        return -1;
    }
    // SAFETY: passed on to the caller.
    let print = |text: &Text<LINES>| unsafe { libc::write_to_stream(text.as_bytes(), stream) };
    let written = print(Text::new().text(HEAD))
        && (0..raw::CLASSES).all(|class| print(&mut class_as_xml(class)))
        && print(&mut totals_as_xml(&raw::stats()));
    if written { 0 } else { -1 }
}

/// Room for a few lines of XML.
const LINES: usize = 1024;

const HEAD: &str = "<malloc version=\"1\" allocator=\"glebe\">\n<heap nr=\"0\">\n<sizes>\n";

/// The live objects of one size class; nothing for a class without slabs.
fn class_as_xml(class: usize) -> Text<LINES> {
    let mut xml = Text::new();
    let (live, slabs) = raw::class_stats(class);
    if slabs > 0 {
        let size = raw::class_size(class);
        let from = raw::least_of_class(class);
        xml.text("  <size from=\"").decimal(from);
        xml.text("\" to=\"").decimal(size);
        xml.text("\" total=\"").decimal(live * size);
        xml.text("\" count=\"").decimal(live);
        xml.text("\" slabs=\"").decimal(slabs).text("\"/>\n");
    }
    xml
}

fn totals_as_xml(stats: &raw::Stats) -> Text<LINES> {
    let parts = [
        (
            "</sizes>\n<live count=\"",
            stats.live_objects - stats.large_objects,
        ),
        ("\" size=\"", stats.live_bytes - stats.large_bytes),
        ("\"/>\n<slabs size=\"", stats.slab_bytes),
        ("\"/>\n<free dirty=\"", stats.dirty_bytes),
        ("\" clean=\"", stats.clean_bytes),
        ("\"/>\n</heap>\n<heaps count=\"", stats.heaps),
        ("\" parked=\"", stats.parked_heaps),
        ("\"/>\n<total type=\"fast\" count=\"0\" size=\"", 0),
        ("\"/>\n<total type=\"rest\" size=\"", not_live(stats)),
        ("\"/>\n<total type=\"mmap\" count=\"", stats.large_objects),
        ("\" size=\"", stats.large_bytes),
        ("\"/>\n<system type=\"current\" size=\"", stats.mapped_bytes),
        ("\"/>\n<system type=\"max\" size=\"", stats.mapped_bytes),
        ("\"/>\n<aspace type=\"total\" size=\"", stats.mapped_bytes),
        (
            "\"/>\n<aspace type=\"mprotect\" size=\"",
            stats.mapped_bytes,
        ),
    ];
    let mut xml = Text::new();
    for (before, number) in parts {
        xml.text(before).decimal(number);
    }
    xml.text("\"/>\n</malloc>\n");
    xml
}

/// Bytes opened for use that hold no live object. The figures are not of one moment.
fn not_live(stats: &raw::Stats) -> usize {
    stats.mapped_bytes.saturating_sub(stats.live_bytes)
}

exports! {
    ["mallinfo2", "glebe_mallinfo2"] = mallinfo2() -> Info<usize>;
    ["mallinfo", "glebe_mallinfo"] = mallinfo() -> Info<c_int>;
    ["malloc_trim", "glebe_malloc_trim"] = malloc_trim(pad: usize) -> c_int;
    ["mallopt", "glebe_mallopt"] = mallopt(option: c_int, value: c_int) -> c_int;
    ["malloc_info", "glebe_malloc_info"]
        = malloc_info(options: c_int, stream: *mut File) -> c_int;
    ["glebe_purge"] = purge() -> usize;
    ["glebe_version"] = version() -> *const c_char;
}
