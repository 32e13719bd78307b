//! What is used of the C library, if the program has one, and of the Linux kernel otherwise.
//!
//! All of it is referred to weakly, in a table that the linker fills in: null stands for what the
//! program does not have. So the library can be linked into programs without a C library, and
//! brings nothing into those that have one.
//!
//! | symbol | use | without it |
//! |--|--|--|
//! | `sbrk` | the program break, which the C library also moves and must know of | `brk` itself |
//! | `stdout`, `fflush` | what the program has printed comes before a dump | nothing is buffered |
//! | `__errno_location` | `ENOMEM` | only the null pointer tells |
//! | `abort` | the end after a bad free | SIGABRT to the process |
//! | `mem_block_alloc`, `mem_block_free` | the kernel's blocks: see `blocks` | never null |

use core::arch::{asm, global_asm};
use core::ffi::{c_int, c_void};
use glebe_pool::{BlockAlloc, BlockFree, Break, Sbrk};
use rustix::fd::{BorrowedFd, RawFd};
use rustix::io::Errno;
use rustix::process::{Signal, getpid, kill_process};

/// Bytes of a page: the least that a mapping takes.
pub const PAGE: usize = 4096;

pub const STDOUT: c_int = 1;
const STDERR: c_int = 2;

/// What the table holds, in its order.
#[repr(C)]
#[derive(Clone, Copy)]
struct Weak {
    sbrk: Option<Sbrk>,
    stdout: Option<&'static Stream>,
    fflush: Option<unsafe extern "C" fn(*mut c_void) -> c_int>,
    errno: Option<unsafe extern "C" fn() -> *mut c_int>,
    abort: Option<extern "C" fn() -> !>,
    block_alloc: Option<BlockAlloc>,
    block_free: Option<BlockFree>,
}

/// The C library's variable `stdout`, which is read as it is at the moment.
#[repr(transparent)]
struct Stream(core::sync::atomic::AtomicPtr<c_void>);

global_asm!(
    ".pushsection .data.rel.ro.glebe_mem_weak,\"aw\",@progbits",
    ".p2align 3",
    ".globl glebe_mem_weak",
    ".hidden glebe_mem_weak",
    "glebe_mem_weak:",
    ".irp name, sbrk, stdout, fflush, __errno_location, abort, mem_block_alloc, mem_block_free",
    ".weak \\name",
    ".8byte \\name",
    ".endr",
    ".popsection",
);

const _: () = assert!(size_of::<Weak>() == 7 * size_of::<usize>());

unsafe extern "C" {
    safe static glebe_mem_weak: Weak;
}

/// The program break.
pub fn program_break() -> Break {
    let sbrk = glebe_mem_weak.sbrk.unwrap_or(bare_sbrk);
    // SAFETY: it is the C library's own, or does the same where there is none.
    unsafe { Break::new(sbrk) }
}

/// `sbrk` for programs without a C library, in which nobody else moves the break.
unsafe extern "C" fn bare_sbrk(increment: isize) -> *mut c_void {
    const FAILED: *mut c_void = core::ptr::without_provenance_mut(usize::MAX);
    let old = brk(core::ptr::null_mut());
    let new = old.wrapping_byte_offset(increment);
    if increment == 0 || brk(new) == new {
        return old;
    }
    FAILED
}

/// Linux's `brk`: where the break is then, moved or not. Null, which is too low, only asks.
fn brk(to: *mut c_void) -> *mut c_void {
    const BRK: usize = 12;
    let now;
    // SAFETY: the pool moves the break up into nobody's land, and down over what it gave up. The
    // kernel overwrites just the two registers that are named.
    unsafe {
        asm!("syscall", inlateout("rax") BRK => now, in("rdi") to, out("rcx") _, out("r11") _,
            options(nostack));
    }
    now
}

/// The kernel's calls for blocks: the program's own, or the weak ones of `blocks`.
pub fn block_calls() -> Option<(BlockAlloc, BlockFree)> {
    Some((glebe_mem_weak.block_alloc?, glebe_mem_weak.block_free?))
}

/// Tells C callers that memory is out.
#[cold]
pub fn set_out_of_memory() {
    if let Some(place) = glebe_mem_weak.errno {
        // SAFETY: the function gives the address of the thread's own `errno`.
        unsafe { *place() = Errno::NOMEM.raw_os_error() };
    }
}

/// Writes out what the program has printed so far, so that it comes before what is written next.
pub fn flush_stdout() {
    if let (Some(stdout), Some(fflush)) = (glebe_mem_weak.stdout, glebe_mem_weak.fflush) {
        let stream = stdout.0.load(core::sync::atomic::Ordering::Relaxed);
        if !stream.is_null() {
            // SAFETY: it is an open stream, and the function locks it. An error is remembered in
            // the stream and seen by whoever prints next.
            unsafe { fflush(stream) };
        }
    }
}

/// Writes all bytes to a descriptor; false if it cannot take them.
pub fn write(descriptor: RawFd, mut bytes: &[u8]) -> bool {
    if descriptor < 0 {
        return false;
    }
    // SAFETY: it is only written to. If the caller has closed it, the kernel says so.
    let descriptor = unsafe { BorrowedFd::borrow_raw(descriptor) };
    while !bytes.is_empty() {
        match rustix::io::write(descriptor, bytes) {
            Ok(0) => return false,
            Ok(written) => bytes = &bytes[written..],
            Err(Errno::INTR) => {}
            Err(_) => return false,
        }
    }
    true
}

/// Writes a line to standard error, in one piece if the kernel takes it so.
pub fn write_line(line: &[u8]) {
    let mut whole = [b'\n'; 257];
    let length = line.len().min(whole.len() - 1);
    whole[..length].copy_from_slice(&line[..length]);
    // There is nobody left to tell of an error.
    write(STDERR, &whole[..=length]);
}

/// Ends the process by SIGABRT.
#[cold]
pub fn abort() -> ! {
    if let Some(abort) = glebe_mem_weak.abort {
        abort();
    }
    let _ = kill_process(getpid(), Signal::ABORT);
    // A handler came back, or the signal is blocked.
    let _ = kill_process(getpid(), Signal::KILL);
    // There is no such kernel. What is left is a trap.
    // SAFETY: the instruction is there to be refused.
    unsafe { asm!("ud2", options(noreturn)) }
}
