//! What operator new does when memory is out: it calls the new handler again and again, until there
//! is memory or no handler. Then it throws `std::bad_alloc` or, if it may not throw, returns null.
//!
//! # Exceptions and Rust
//! In a library that aborts on panic no exception may pass a call made in Rust. So all that may
//! throw is called from two small functions in assembly, and none of their callers' frames lies
//! between:
//!
//! ```text
//! C++ ─call─▶ operator new ─jump─▶ new_or_throw ─call─▶ handler, __throw_bad_alloc
//!                (Rust)            (assembly) └─call─▶ attempt (Rust): what is to be done next
//!
//! C++ ─call─▶ operator new(nothrow) ─▶ new_or_null (Rust) ─▶ catch (assembly) ─▶ handler
//! ```
//! [`new_or_throw`] has unwind tables and lets exceptions pass. Operator new's own frame is gone by
//! then; in builds without optimisation it is still there, but has unwind tables, too, and nothing
//! to clean up.
//!
//! [`catch`] stops every exception, as `catch (...)` would: it has the tables that C++ compilers
//! write, and C++'s own personality routine reads them. libstdc++'s and libc++'s operator new do
//! the same, with the same consequence for a thread that is cancelled, or exits, inside a new
//! handler: the process ends.
//!
//! Without a C++ run-time library nobody can catch anything, and the process ends with one line. So
//! does a static program that uses nothing of C++'s library that may throw, for the linker leaves
//! out what is only referred to weakly: `-Wl,-u,_ZSt17__throw_bad_allocv` brings it in.

use crate::libc;
use crate::runtime::{Runtime, Symbol, Throwing};
use crate::text::Text;
use core::arch::naked_asm;
use core::ffi::c_void;
use core::mem::MaybeUninit;
use core::ptr::{NonNull, null_mut};
use core::sync::atomic::{AtomicPtr, Ordering::Relaxed};
use glebe_core::raw;

/// One call of operator new, on the stack of [`new_or_throw`], which knows where its fields are.
#[repr(C)]
struct Request {
    size: usize,
    alignment: usize,
    /// To be called when `attempt` returned null; nothing before.
    next: MaybeUninit<Throwing>,
}

const _: () = assert!(size_of::<Request>() == 24);

/// A block; throws without memory. Only to be called last in a function that has nothing to clean.
#[unsafe(naked)]
pub extern "C" fn new_or_throw(size: usize, alignment: usize) -> *mut u8 {
    naked_asm!(
        ".cfi_startproc",
        "sub rsp, 24",
        ".cfi_adjust_cfa_offset 24",
        "mov qword ptr [rsp], rdi",
        "mov qword ptr [rsp + 8], rsi",
        "2:",
        "mov rdi, rsp",
        "call {attempt}",
        "test rax, rax",
        "jnz 3f",
        "call qword ptr [rsp + 16]",
        "jmp 2b",
        "3:",
        "add rsp, 24",
        ".cfi_adjust_cfa_offset -24",
        "ret",
        ".cfi_endproc",
        attempt = sym attempt,
    )
}

/// The routine that reads [`catch`]'s table, for the unwinder; null until it is needed.
static PERSONALITY: AtomicPtr<c_void> = AtomicPtr::new(null_mut());

/// Calls a handler; false if it threw something, which `begin` and `end` have put an end to. A
/// program that lacks them cannot throw.
///
/// The call site from 2 to 3 has the landing pad 5, whose action is the first: to catch what has
/// the first type, which is null: everything.
#[unsafe(naked)]
#[allow(named_asm_labels)] // a naked function is never copied, and `.cfi_lsda` wants a name
extern "C" fn catch(handler: Throwing, begin: Symbol, end: Symbol) -> bool {
    naked_asm!(
        "1:",
        ".cfi_startproc",
        ".cfi_personality 0x9b, {personality}", // indirect and relative
        ".cfi_lsda 0x1b, .Lglebe_catch_table", // relative
        "sub rsp, 24",
        ".cfi_adjust_cfa_offset 24",
        "mov qword ptr [rsp], rsi",
        "mov qword ptr [rsp + 8], rdx",
        "2:",
        "call rdi",
        "3:",
        "mov eax, 1",
        "4:",
        "add rsp, 24",
        ".cfi_adjust_cfa_offset -24",
        "ret",
        ".cfi_adjust_cfa_offset 24",
        "5:",
        "mov rdi, rax",
        "call qword ptr [rsp]",
        "call qword ptr [rsp + 8]",
        "xor eax, eax",
        "jmp 4b",
        ".cfi_endproc",
        ".pushsection .gcc_except_table.glebe_catch,\"a\",@progbits",
        ".p2align 2",
        ".Lglebe_catch_table:",
        ".byte 0xff", // landing pads count from the function's start
        ".byte 0x9b", // types are indirect and relative
        ".uleb128 24f - 23f",
        "23:",
        ".byte 0x01", // call sites are in uleb128
        ".uleb128 22f - 21f",
        "21:",
        ".uleb128 2b - 1b",
        ".uleb128 3b - 2b",
        ".uleb128 5b - 1b",
        ".uleb128 1",
        "22:",
        ".byte 1", // the first type
        ".byte 0", // and no further action
        ".p2align 2",
        ".long 0", // the first type: everything
        "24:",
        ".popsection",
        personality = sym PERSONALITY,
    )
}

/// Tries to serve a request; if there is no memory, says what to call before the next attempt.
///
/// # Safety
/// `request` is valid, and nobody else's.
unsafe extern "C" fn attempt(request: *mut Request) -> *mut u8 {
    // SAFETY: the caller's contract.
    let request = unsafe { &mut *request };
    let block = serve(request.size, request.alignment);
    if block.is_null() {
        request
            .next
            .write(after_failure(request.size, request.alignment));
    }
    block
}

/// A block, or null. An alignment that is no power of two is an error in the program for which C++
/// has no better name than `bad_alloc`.
fn serve(size: usize, alignment: usize) -> *mut u8 {
    match alignment {
        0..=16 if alignment.is_power_of_two() => raw::malloc_slowly(size),
        _ if alignment.is_power_of_two() => raw::memalign(alignment, size),
        _ => null_mut(),
    }
}

/// The new handler, if there is one and it can help; otherwise what throws `bad_alloc`.
#[cold]
fn after_failure(size: usize, alignment: usize) -> Throwing {
    let runtime = Runtime::find();
    handler(&runtime, alignment)
        .or(runtime.throw_bad_alloc)
        .unwrap_or_else(|| nobody_to_tell(size))
}

fn handler(runtime: &Runtime, alignment: usize) -> Option<Throwing> {
    // No handler can help with an alignment that is none.
    runtime
        .new_handler()
        .filter(|_| alignment.is_power_of_two())
}

/// A block; null without memory.
#[cold]
#[inline(never)]
pub fn new_or_null(size: usize, alignment: usize) -> *mut u8 {
    loop {
        let block = serve(size, alignment);
        if !block.is_null() {
            return block;
        }
        let runtime = Runtime::find();
        let Some(handler) = handler(&runtime, alignment) else {
            return null_mut();
        };
        let personality = runtime.personality.map_or(null_mut(), NonNull::as_ptr);
        PERSONALITY.store(personality, Relaxed);
        if !catch(handler, runtime.begin_catch, runtime.end_catch) {
            return null_mut();
        }
    }
}

fn nobody_to_tell(size: usize) -> ! {
    let mut line = Text::<256>::new();
    line.text("glebe: operator new: no memory for ")
        .grouped(size);
    line.text(
        " bytes, and no C++ run-time library to throw std::bad_alloc: use new (std::nothrow)",
    );
    line.text(" or, in a static program, link with -Wl,-u,_ZSt17__throw_bad_allocv\n");
    line.write_to_stderr();
    libc::abort()
}
