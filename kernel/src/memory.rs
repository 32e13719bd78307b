//! Rights of pages: the image's parts get theirs, and nothing that can be written is executed.

use core::ops::Range;
use x86_64::PhysAddr;
use x86_64::instructions::tlb;
use x86_64::structures::paging::{PageTable, PageTableFlags as Flags};

/// Bytes of a page, which is also a frame.
pub const PAGE: usize = 4096;

/// Bytes of a large page.
pub const LARGE_PAGE: usize = 2 << 20;

/// Where the part ends that is mapped by small pages: the image is below, frames are above.
pub const SMALL_PAGES_END: usize = 2 * LARGE_PAGE;

/// Where the map of all memory ends.
pub const MAPPED_END: usize = 1 << 30;

unsafe extern "C" {
    // By the linker script; only their addresses mean anything.
    static image_start: u8;
    static text_end: u8;
    static rodata_end: u8;
    static stack_guard: u8;
    // By `boot`.
    static mut page_directory: PageTable;
    static mut page_tables: [PageTable; 2];
}

/// A part of the image that has rights of its own.
fn part(start: *const u8, end: *const u8) -> Range<usize> {
    start.addr()..end.addr()
}

/// Takes away the rights that the image's parts and the rest of memory do not need. Null pointers
/// and running out of stack fault from now on.
///
/// # Safety
/// Nothing else uses the page tables, and what the loader left in page 0 is not needed any more.
pub unsafe fn protect() {
    let text = part(&raw const image_start, &raw const text_end);
    let rodata = part(&raw const text_end, &raw const rodata_end);
    let guard = (&raw const stack_guard).addr();
    let data = Flags::PRESENT | Flags::WRITABLE | Flags::NO_EXECUTE;

    let (tables, directory) = (&raw mut page_tables, &raw mut page_directory);
    // SAFETY: the caller's promise; `boot` made them.
    let (tables, directory) = unsafe { (&mut *tables, &mut *directory) };
    let entries = tables.iter_mut().flat_map(PageTable::iter_mut);
    for (number, entry) in entries.enumerate() {
        let address = number * PAGE;
        let flags = match address {
            0 => Flags::empty(),
            _ if address == guard => Flags::empty(),
            _ if text.contains(&address) => Flags::PRESENT,
            _ if rodata.contains(&address) => Flags::PRESENT | Flags::NO_EXECUTE,
            _ => data,
        };
        entry.set_addr(PhysAddr::new(address as u64), flags);
    }
    for (number, entry) in directory
        .iter_mut()
        .enumerate()
        .skip(SMALL_PAGES_END / LARGE_PAGE)
    {
        let address = PhysAddr::new((number * LARGE_PAGE) as u64);
        entry.set_addr(address, data | Flags::HUGE_PAGE);
    }
    tlb::flush_all();
}
