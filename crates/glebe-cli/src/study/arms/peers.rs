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
use strum::{Display, EnumIter, EnumString, VariantNames};
use talc::DefaultBinning;
use talc::base::Talc;
use talc::source::Manual;

use super::{Arm, Land, move_to_new};

/// An allocator that is no pool.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Display,
    EnumIter,
    EnumString,
    VariantNames,
)]
#[strum(serialize_all = "kebab-case")]
pub enum Peer {
    /// This project's allocator for hosted systems.
    Engine,
    /// talc 5.
    Talc,
    /// rlsf, TLSF with 64 × 64 lists.
    Rlsf,
    /// dlmalloc's port to Rust.
    Dlmalloc,
    /// `linked_list_allocator`, first fit.
    LinkedList,
    /// `buddy_system_allocator`.
    Buddy,
    /// embedded-alloc's linked list.
    EmbeddedLlff,
    /// embedded-alloc's TLSF.
    EmbeddedTlsf,
}

/// The versions that are built in are those of the lock file.
const LOCK: &str = include_str!("../../../../../Cargo.lock");

impl Peer {
    /// The crate, if it is another project's.
    fn package(self) -> Option<&'static str> {
        match self {
            Peer::Engine => None,
            Peer::Talc => Some("talc"),
            Peer::Rlsf => Some("rlsf"),
            Peer::Dlmalloc => Some("dlmalloc"),
            Peer::LinkedList => Some("linked_list_allocator"),
            Peer::Buddy => Some("buddy_system_allocator"),
            Peer::EmbeddedLlff | Peer::EmbeddedTlsf => Some("embedded-alloc"),
        }
    }

    /// `linked-list is linked_list_allocator 0.10.6`, if it is another project's.
    pub fn origin(self) -> Option<String> {
        let package = self.package()?;
        let entry = format!("name = \"{package}\"\nversion = \"");
        let (_, rest) = LOCK.split_once(&entry)?;
        let (version, _) = rest.split_once('"')?;
        Some(match package == self.to_string() {
            true => format!("{package} {version}"),
            false => format!("{self} is {package} {version}"),
        })
    }
}

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
    let land = Land::of(bytes)?;
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
        // SAFETY: every layout of the study has a size.
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
                // SAFETY: every layout of the study has a size.
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

#[cfg(test)]
mod tests {
    use super::*;
    use strum::IntoEnumIterator;

    #[test]
    fn every_peer_has_a_version() {
        for peer in Peer::iter().filter(|peer| *peer != Peer::Engine) {
            let origin = peer.origin().unwrap();
            let version = origin.rsplit(' ').next().unwrap();
            assert_eq!(version.split('.').count(), 3, "{origin}");
        }
        assert!(Peer::Talc.origin().unwrap().starts_with("talc 5."));
    }
}
