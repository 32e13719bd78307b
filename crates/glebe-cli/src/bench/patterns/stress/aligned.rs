//! Aligned requests, as from vector code, page buffers and direct input and output: alignments from
//! 16 bytes to 4 KiB by both functions that programs use. The workload is our own; the functions
//! are those of POSIX.1-2001 and C11.

use std::ffi::c_void;

use crate::bench::patterns::heap::{checked, release};
use crate::bench::patterns::pattern::{Load, Pattern};
use crate::bench::patterns::sizes::{Random, Sizes};
use crate::bench::patterns::table::Table;

const LIVE: usize = 10_000;
/// Alignments are the powers of two from this one on.
const FIRST: usize = 16;
const ALIGNMENTS: usize = 9;

pub fn patterns() -> Vec<Pattern> {
    let about = "replace one of 10000 objects of 16 to 4096 bytes, aligned to 16 to 4096 bytes";
    let functions: [(_, Function); 2] = [("posix", posix_memalign), ("c11", aligned_alloc)];
    functions
        .map(|(name, function)| {
            Pattern::new(format!("aligned/{name}"), about, 1_500_000, move |seed| {
                Aligned {
                    objects: Table::new(LIVE),
                    sizes: Sizes::logarithmic(seed, 16, 4096),
                    random: Random::new(!seed),
                    function,
                }
            })
        })
        .into()
}

/// Of an alignment and a size.
type Function = fn(usize, usize) -> *mut c_void;

fn posix_memalign(alignment: usize, size: usize) -> *mut c_void {
    let mut object = std::ptr::null_mut();
    // SAFETY: there is room for the result, and the alignment is a power of two of at least 16.
    match unsafe { libc::posix_memalign(&mut object, alignment, size) } {
        0 => object,
        _ => std::ptr::null_mut(),
    }
}

fn aligned_alloc(alignment: usize, size: usize) -> *mut c_void {
    // SAFETY: the alignment is a power of two, and the size a multiple of it, as C11 wants.
    unsafe { libc::aligned_alloc(alignment, size.next_multiple_of(alignment)) }
}

struct Aligned {
    objects: Table<*mut u8>,
    sizes: Sizes,
    random: Random,
    function: Function,
}

impl Load for Aligned {
    fn run(&mut self, ops: u64) -> u64 {
        for _ in 0..ops {
            let alignment = FIRST << self.random.below(ALIGNMENTS);
            let slot = &mut self.objects[self.random.below(LIVE)];
            // SAFETY: every slot holds null, which may be freed, or a live object.
            unsafe { release(*slot) };
            let size = self.sizes.next();
            *slot = checked((self.function)(alignment, size), size);
            // SAFETY: the object is fresh, aligned for a word, and at least a word long.
            unsafe { slot.cast::<usize>().write(size) };
            assert!(
                slot.addr().is_multiple_of(alignment),
                "not aligned to {alignment}"
            );
        }
        ops
    }
}
