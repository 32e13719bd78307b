//! What the loader tells: the command line and the map of memory (PVH start information).

use core::ffi::{CStr, c_char};
use core::ops::Range;
use core::ptr;
use core::slice;

/// `hvm_start_info` of the PVH boot protocol, version 1. Addresses are physical.
#[repr(C)]
pub struct StartInfo {
    magic: u32,
    version: u32,
    flags: u32,
    modules: u32,
    module_list: u64,
    command_line: u64,
    rsdp: u64,
    map: u64,
    map_entries: u32,
    reserved: u32,
}

/// `hvm_memmap_table_entry`.
#[repr(C)]
struct MapEntry {
    address: u64,
    size: u64,
    kind: u32,
    reserved: u32,
}

const MAGIC: u32 = 0x336e_c578;
const RAM: u32 = 1;

impl StartInfo {
    /// The start information at an address.
    ///
    /// # Safety
    /// The loader left it there; it and all it refers to stays mapped and unwritten for as long as
    /// the reference is used.
    pub unsafe fn at<'a>(address: usize) -> &'a StartInfo {
        let info = ptr::with_exposed_provenance::<StartInfo>(address);
        assert!(!info.is_null() && info.is_aligned(), "no start information");
        // SAFETY: the caller's promise.
        let info = unsafe { &*info };
        assert_eq!(info.magic, MAGIC, "not started by the PVH protocol");
        assert!(info.version >= 1, "start information without a memory map");
        info
    }

    /// The words after `-append`; empty if there are none.
    pub fn command_line(&self) -> &str {
        if self.command_line == 0 {
            return "";
        }
        let line = ptr::with_exposed_provenance::<c_char>(self.command_line as usize);
        // SAFETY: by the promise to `at`; the protocol ends the line by a zero.
        let line = unsafe { CStr::from_ptr(line) };
        line.to_str().expect("the command line is UTF-8").trim()
    }

    /// The ranges of memory that may be used freely, but for what the loader put there.
    pub fn ram(&self) -> impl Iterator<Item = Range<usize>> {
        let map = ptr::with_exposed_provenance::<MapEntry>(self.map as usize);
        // SAFETY: by the promise to `at`, and there are so many entries.
        let map = unsafe { slice::from_raw_parts(map, self.map_entries as usize) };
        map.iter()
            .filter(|entry| entry.kind == RAM)
            .map(|entry| entry.address as usize..(entry.address + entry.size) as usize)
    }
}
