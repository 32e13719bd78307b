//! Peers as arms: the hosted engine, and the crates that serve fixed ranges.
//!
//! Each is used by its own calls, without the lock of its wrapper. embedded-alloc has no other
//! calls than those within a critical section; the section here costs nothing, as on a machine
//! with one core and interrupts off.

use std::alloc::{GlobalAlloc, Layout};
use std::cell::Cell;
use std::io;
use std::ptr::{self, NonNull};

use glebe::Glebe;
use talc::DefaultBinning;
use talc::base::Talc;
use talc::source::Manual;

use super::arm::{Arm, move_to_new};
use super::land::Land;
use super::name::Peer;

struct NoSection;

critical_section::set_impl!(NoSection);

// SAFETY: processes that use the only client of critical sections here, a worker of the study or a
// replay, allocate by it on one thread, and no signal handler does.
unsafe impl critical_section::Impl for NoSection {
    unsafe fn acquire() -> critical_section::RawRestoreState {}

    unsafe fn release(_: critical_section::RawRestoreState) {}
}

/// Opens a peer over so many bytes.
pub fn open(peer: Peer, bytes: usize) -> io::Result<Box<dyn Arm>> {
    let land = Land::in_place(bytes)?;
    let (start, bytes) = (land.start(), land.bytes());
    // SAFETY, for the whole match: the range is the peer's alone and is kept as long as it.
    Ok(match peer {
        Peer::Engine => {
            // What one before has freed is not this one's.
            glebe::raw::purge();
            Box::new(Engine)
        }
        Peer::Talc => {
            let mut heap = Talc::<Manual, DefaultBinning>::new(Manual);
            // SAFETY: as above.
            unsafe { heap.claim(start, bytes) };
            Box::new(Over { heap, _land: land })
        }
        Peer::Rlsf => {
            let mut heap = Tlsf::new();
            // SAFETY: as above.
            unsafe { heap.insert_free_block_ptr(land.slice()) };
            Box::new(Over { heap, _land: land })
        }
        Peer::Dlmalloc => {
            let heap = dlmalloc::Dlmalloc::new_with_allocator(Once(Cell::new(Some(land.slice()))));
            Box::new(Over { heap, _land: land })
        }
        Peer::LinkedList => {
            // SAFETY: as above.
            let heap = unsafe { linked_list_allocator::Heap::new(start, bytes) };
            Box::new(Over { heap, _land: land })
        }
        Peer::Buddy => {
            let mut heap = Box::new(Buddies::empty());
            // SAFETY: as above.
            unsafe { heap.init(start.expose_provenance(), bytes) };
            Box::new(Over { heap, _land: land })
        }
        Peer::EmbeddedLlff => {
            let heap = Box::new(embedded_alloc::LlffHeap::empty());
            // SAFETY: as above.
            unsafe { heap.init(start.expose_provenance(), bytes) };
            Box::new(Over {
                heap: Global(heap),
                _land: land,
            })
        }
        Peer::EmbeddedTlsf => {
            let heap = Box::new(embedded_alloc::TlsfHeap::empty());
            // SAFETY: as above.
            unsafe { heap.init(start.expose_provenance(), bytes) };
            Box::new(Over {
                heap: Global(heap),
                _land: land,
            })
        }
    })
}

/// The hosted engine. All of these are the one heap of the process.
struct Engine;

impl Arm for Engine {
    #[inline(always)]
    fn alloc(&mut self, layout: Layout) -> *mut u8 {
        // SAFETY: the engine serves layouts of no bytes, too.
        unsafe { Glebe.alloc(layout) }
    }

    #[inline(always)]
    unsafe fn free(&mut self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { Glebe.dealloc(block, layout) }
    }

    unsafe fn realloc(&mut self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's promise.
        unsafe { Glebe.realloc(block, layout, size) }
    }

    fn held(&self) -> Option<usize> {
        let stats = glebe::raw::stats();
        Some(stats.slab_bytes + stats.large_bytes + stats.dirty_bytes)
    }
}

/// A peer's heap and the range under it, which goes after it.
struct Over<H> {
    heap: H,
    _land: Land,
}

type Tlsf = rlsf::Tlsf<'static, usize, usize, { usize::BITS as usize - 12 }, 64>;
type Buddies = buddy_system_allocator::Heap<40>;

impl Arm for Over<Talc<Manual, DefaultBinning>> {
    #[inline(always)]
    fn alloc(&mut self, layout: Layout) -> *mut u8 {
        // SAFETY: every layout of the workloads has a size.
        let block = unsafe { self.heap.allocate(layout) };
        block.map_or(ptr::null_mut(), NonNull::as_ptr)
    }

    #[inline(always)]
    unsafe fn free(&mut self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { self.heap.deallocate(block, layout) }
    }

    unsafe fn realloc(&mut self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's promise.
        unsafe {
            if self.heap.try_realloc_in_place(block, layout, size) {
                return block;
            }
            move_to_new(self, block, layout, size)
        }
    }
}

impl Arm for Over<Tlsf> {
    #[inline(always)]
    fn alloc(&mut self, layout: Layout) -> *mut u8 {
        self.heap
            .allocate(layout)
            .map_or(ptr::null_mut(), NonNull::as_ptr)
    }

    #[inline(always)]
    unsafe fn free(&mut self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise; a live block is not at 0.
        unsafe {
            self.heap
                .deallocate(NonNull::new_unchecked(block), layout.align())
        }
    }

    unsafe fn realloc(&mut self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        let Ok(wanted) = Layout::from_size_align(size, layout.align()) else {
            return ptr::null_mut();
        };
        // SAFETY: the caller's promise; a live block is not at 0.
        let new = unsafe { self.heap.reallocate(NonNull::new_unchecked(block), wanted) };
        new.map_or(ptr::null_mut(), NonNull::as_ptr)
    }
}

/// Grants its range once.
struct Once(Cell<Option<NonNull<[u8]>>>);

// SAFETY: the range is reached by the heap that it was granted to, wherever that is.
unsafe impl Send for Once {}

// SAFETY: a range is granted to one heap, and never comes back.
unsafe impl dlmalloc::Allocator for Once {
    fn alloc(&self, size: usize) -> (*mut u8, usize, u32) {
        match self.0.take().filter(|range| range.len() >= size) {
            Some(range) => (range.as_ptr().cast(), range.len(), 1),
            None => (ptr::null_mut(), 0, 0),
        }
    }

    fn remap(&self, _: *mut u8, _: usize, _: usize, _: bool) -> *mut u8 {
        ptr::null_mut()
    }

    fn free_part(&self, _: *mut u8, _: usize, _: usize) -> bool {
        false
    }

    fn free(&self, _: *mut u8, _: usize) -> bool {
        false
    }

    fn can_release_part(&self, _: u32) -> bool {
        false
    }

    fn allocates_zeros(&self) -> bool {
        false
    }

    fn page_size(&self) -> usize {
        4096
    }
}

impl Arm for Over<dlmalloc::Dlmalloc<Once>> {
    #[inline(always)]
    fn alloc(&mut self, layout: Layout) -> *mut u8 {
        // SAFETY: the alignment is a power of two.
        unsafe { self.heap.malloc(layout.size(), layout.align()) }
    }

    #[inline(always)]
    unsafe fn free(&mut self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise.
        unsafe { self.heap.free(block, layout.size(), layout.align()) }
    }

    unsafe fn realloc(&mut self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's promise.
        unsafe {
            self.heap
                .realloc(block, layout.size(), layout.align(), size)
        }
    }
}

impl Arm for Over<linked_list_allocator::Heap> {
    #[inline(always)]
    fn alloc(&mut self, layout: Layout) -> *mut u8 {
        self.heap
            .allocate_first_fit(layout)
            .map_or(ptr::null_mut(), NonNull::as_ptr)
    }

    #[inline(always)]
    unsafe fn free(&mut self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise; a live block is not at 0.
        unsafe { self.heap.deallocate(NonNull::new_unchecked(block), layout) }
    }

    unsafe fn realloc(&mut self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's promise.
        unsafe { move_to_new(self, block, layout, size) }
    }
}

impl Arm for Over<Box<Buddies>> {
    #[inline(always)]
    fn alloc(&mut self, layout: Layout) -> *mut u8 {
        self.heap
            .alloc(layout)
            .map_or(ptr::null_mut(), NonNull::as_ptr)
    }

    #[inline(always)]
    unsafe fn free(&mut self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise; a live block is not at 0.
        unsafe { self.heap.dealloc(NonNull::new_unchecked(block), layout) }
    }

    unsafe fn realloc(&mut self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's promise.
        unsafe { move_to_new(self, block, layout, size) }
    }
}

/// A heap that is known by `GlobalAlloc` alone.
struct Global<H>(H);

macro_rules! global {
    ($($heap:ty),*) => { $(
        impl Arm for Over<Global<$heap>> {
            #[inline(always)]
            fn alloc(&mut self, layout: Layout) -> *mut u8 {
                // SAFETY: every layout of the workloads has a size.
                unsafe { GlobalAlloc::alloc(&*self.heap.0, layout) }
            }

            #[inline(always)]
            unsafe fn free(&mut self, block: *mut u8, layout: Layout) {
                // SAFETY: the caller's promise.
                unsafe { GlobalAlloc::dealloc(&*self.heap.0, block, layout) }
            }

            unsafe fn realloc(&mut self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
                // SAFETY: the caller's promise.
                unsafe { GlobalAlloc::realloc(&*self.heap.0, block, layout, size) }
            }
        }
    )* };
}

global!(Box<embedded_alloc::LlffHeap>, Box<embedded_alloc::TlsfHeap>);
