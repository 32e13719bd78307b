//! The system calls of the hosted engine: reserve, open, purge, move.
//!
//! Every call here can be refused (`ulimit -v`, overcommit, seccomp, an old kernel); callers get
//! `false` or `None` and turn it into a null pointer. None touches `errno`: the calls are made
//! directly, not through libc. Under test, [`faults`] refuses the n-th call.

use core::ffi::c_void;
use core::ptr::null_mut;
use rustix::io::Errno;
use rustix::mm::{self, Advice, MapFlags, MprotectFlags, MremapFlags, ProtFlags};

/// Bytes of a supplier's block; every supplier of the hosted engine deals in multiples of it.
pub const BLOCK: usize = 4096;

/// The system's page size in bytes: 4096 on x86-64; 4, 16 or 64 KiB elsewhere, read at run time.
#[cfg(target_arch = "x86_64")]
#[inline]
pub fn page_size() -> usize {
    4096
}

/// The system's page size in bytes: 4096 on x86-64; 4, 16 or 64 KiB elsewhere, read at run time.
#[cfg(not(target_arch = "x86_64"))]
#[inline]
pub fn page_size() -> usize {
    unsafe extern "C" {
        fn getauxval(kind: usize) -> usize;
    }
    const AT_PAGESZ: usize = 6;
    // SAFETY: getauxval reads the process's auxiliary vector and has no preconditions.
    unsafe { getauxval(AT_PAGESZ) }
}

/// Reserves `len` bytes of address space that nobody can touch yet.
pub fn reserve(len: usize) -> Option<*mut u8> {
    if faults::refuse() {
        return None;
    }
    let flags = MapFlags::PRIVATE | MapFlags::NORESERVE;
    // SAFETY: a fresh anonymous mapping at an address of the kernel's choice aliases nothing.
    let mapped = unsafe { mm::mmap_anonymous(null_mut(), len, ProtFlags::empty(), flags) };
    mapped.ok().map(|address| address.cast())
}

/// Gives back a reservation that was never used.
///
/// # Safety
/// `start..start + len` came from [`reserve`], and nothing refers to it.
pub unsafe fn release(start: *mut u8, len: usize) {
    // SAFETY: the caller owns the range and nothing refers to it.
    let _ = unsafe { mm::munmap(start.cast(), len) };
}

/// Makes part of a reservation readable and writable; it reads as zero until written.
///
/// # Safety
/// The range lies in a reservation of the caller's.
pub unsafe fn open(start: *mut u8, len: usize) -> bool {
    if faults::refuse() {
        return false;
    }
    // SAFETY: the caller owns the range; widening access invalidates no reference.
    unsafe {
        mm::mprotect(
            start.cast(),
            len,
            MprotectFlags::READ | MprotectFlags::WRITE,
        )
        .is_ok()
    }
}

/// Gives the pages of a range back; they read as zero from now on.
///
/// # Safety
/// The range is open, page-aligned, and holds nothing that anyone will read again.
pub unsafe fn purge(start: *mut u8, len: usize) -> bool {
    if faults::refuse() {
        return false;
    }
    // SAFETY: the caller gives up the contents.
    unsafe { mm::madvise(start.cast(), len, Advice::LinuxDontNeed).is_ok() }
}

/// Keeps huge pages away from a range.
///
/// # Safety
/// The range lies in a reservation of the caller's.
pub unsafe fn prefer_small_pages(start: *mut u8, len: usize) {
    // SAFETY: the advice changes no contents. A kernel without huge pages refuses it, rightly.
    let _ = unsafe { mm::madvise(start.cast(), len, Advice::LinuxNoHugepage) };
}

/// Asks for huge pages in a range.
///
/// # Safety
/// The range lies in a reservation of the caller's.
pub unsafe fn prefer_huge_pages(start: *mut u8, len: usize) {
    // SAFETY: the advice changes no contents. A kernel without huge pages refuses it, rightly.
    let _ = unsafe { mm::madvise(start.cast(), len, Advice::LinuxHugepage) };
}

/// Makes a range read as zero in every forked child.
///
/// # Safety
/// The range lies in a reservation of the caller's.
pub unsafe fn wipe_on_fork(start: *mut u8, len: usize) -> bool {
    if faults::refuse() {
        return false;
    }
    // SAFETY: the contents change only in a child, which expects it.
    unsafe { mm::madvise(start.cast(), len, Advice::LinuxWipeOnFork).is_ok() }
}

/// What [`move_pages`] did.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Move {
    /// The pages are at their target.
    Done,
    /// Nothing.
    Refused,
    /// The pages are where they were, but the target may not be mapped any more.
    Torn,
}

/// Moves the pages of `from` to `to` without copying; `from` stays mapped and reads as zero.
///
/// The system moves pages of one mapping only, and finds that out when the target is gone. So it
/// is asked first, by a request to grow in place, which comes to nothing as something lies behind.
///
/// # Safety
/// Both ranges of `len` bytes are open, page-aligned, apart from each other and the caller's;
/// what `to` held is lost. The page behind `from` is part of a reservation.
pub unsafe fn move_pages(from: *mut u8, to: *mut u8, len: usize) -> Move {
    let (from, to): (*mut c_void, *mut c_void) = (from.cast(), to.cast());
    // SAFETY: the page behind is mapped, so that nothing can grow.
    let probe = unsafe { mm::mremap(from, len, len + page_size(), MremapFlags::empty()) };
    if faults::refuse() || probe != Err(Errno::NOMEM) {
        return Move::Refused;
    }
    if faults::refuse() {
        return Move::Torn;
    }
    let flags = MremapFlags::MAYMOVE | MremapFlags::DONTUNMAP;
    // SAFETY: the caller owns both ranges and gives up the contents of `to`.
    match unsafe { mm::mremap_fixed(from, len, len, flags, to) } {
        Ok(_) => Move::Done,
        // An old kernel, or a filter: nothing was begun.
        Err(Errno::INVAL | Errno::NOSYS | Errno::PERM) => Move::Refused,
        Err(_) => Move::Torn,
    }
}

/// Whether the calling thread is its process's first: in a child, the one that forked.
pub fn is_first_thread() -> bool {
    rustix::thread::gettid() == rustix::process::getpid()
}

/// Lets other threads run.
pub fn give_way() {
    rustix::thread::sched_yield();
}

/// Replaces a range by a fresh mapping that reads as zero: purges it, and makes it one mapping
/// with its neighbours again after [`move_pages`] brought foreign pages there, as soon as the same
/// pages are preferred in both.
///
/// # Safety
/// As [`purge`].
pub unsafe fn renew(start: *mut u8, len: usize) -> bool {
    if faults::refuse() {
        return false;
    }
    let flags = MapFlags::PRIVATE | MapFlags::NORESERVE | MapFlags::FIXED;
    let access = ProtFlags::READ | ProtFlags::WRITE;
    // SAFETY: the caller owns the range and gives up its contents.
    unsafe { mm::mmap_anonymous(start.cast(), len, access, flags).is_ok() }
}

/// Refuses the n-th system call, so that tests see every failure handled.
pub mod faults {
    #[cfg(not(test))]
    #[inline(always)]
    pub(super) fn refuse() -> bool {
        false
    }

    #[cfg(test)]
    pub(crate) use testing::{after, refuse};

    #[cfg(test)]
    mod testing {
        extern crate std;
        use std::cell::Cell;

        std::thread_local! {
            static LEFT: Cell<Option<u64>> = const { Cell::new(None) };
        }

        /// Lets `calls` more system calls of this thread pass, then refuses all until `None`.
        pub(crate) fn after(calls: Option<u64>) {
            LEFT.with(|left| left.set(calls));
        }

        pub(crate) fn refuse() -> bool {
            LEFT.with(|left| match left.get() {
                None => false,
                Some(0) => true,
                Some(n) => {
                    left.set(Some(n - 1));
                    false
                }
            })
        }
    }
}
