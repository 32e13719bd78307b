//! operator new and delete, in all their forms.
//!
//! They are a `malloc` or `memalign` and a `free` of the allocator behind: the C++ run-time library
//! does the same, and so does Glebe. When memory is out, the next library's own operator is called
//! with the same arguments: it knows about new handlers and `std::bad_alloc`. It is reached by a
//! jump, so that no frame of Rust's is unwound. What it may find after all is not recorded.

use core::arch::naked_asm;
use core::ffi::{CStr, c_char, c_void};

use crate::family::{freed, malloc, memalign};
use crate::next;
use crate::record::Kind;

extern "C" fn new(size: usize) -> *mut u8 {
    malloc(size)
}

extern "C" fn new_aligned(size: usize, align: usize) -> *mut u8 {
    memalign(align, size)
}

/// The next library's operator.
///
/// # Safety
/// `name` is a C string.
unsafe extern "C" fn behind(name: *const c_char) -> *mut c_void {
    // SAFETY: the caller's promise.
    let address = next::find(unsafe { CStr::from_ptr(name) });
    if address.is_null() {
        // Nobody has one, so nobody could throw.
        // SAFETY: ends the process.
        unsafe { libc::abort() };
    }
    address
}

/// Exports forms of operator new: `"symbol" = function`.
macro_rules! news {
    ($($symbol:literal = $function:ident;)*) => {$(
        const _: () = {
            #[unsafe(naked)]
            #[unsafe(export_name = $symbol)]
            extern "C" fn exported() {
                naked_asm!(
                    // At most three arguments, which also align the stack for a call.
                    "push rdi",
                    "push rsi",
                    "push rdx",
                    "call {serve}",
                    "test rax, rax",
                    "jz 2f",
                    "add rsp, 24",
                    "ret",
                    "2:",
                    "lea rdi, [rip + 3f]",
                    "call {behind}",
                    "pop rdx",
                    "pop rsi",
                    "pop rdi",
                    "jmp rax",
                    "3:",
                    concat!(".asciz \"", $symbol, "\""),
                    serve = sym $function,
                    behind = sym behind,
                )
            }
        };
    )*};
}

news! {
    "_Znwm" = new;
    "_Znam" = new;
    "_ZnwmRKSt9nothrow_t" = new;
    "_ZnamRKSt9nothrow_t" = new;
    "_ZnwmSt11align_val_t" = new_aligned;
    "_ZnamSt11align_val_t" = new_aligned;
    "_ZnwmSt11align_val_tRKSt9nothrow_t" = new_aligned;
    "_ZnamSt11align_val_tRKSt9nothrow_t" = new_aligned;
}

/// Exports forms of operator delete: `kind: "symbol", …`. What comes behind the block is not
/// looked at.
macro_rules! deletes {
    ($($kind:ident: $($symbol:literal),+;)*) => {$($(
        const _: () = {
            #[unsafe(export_name = $symbol)]
            unsafe extern "C" fn exported(block: *mut u8) {
                // SAFETY: the contract is that of free, passed on to the caller.
                unsafe { freed(Kind::$kind, block) }
            }
        };
    )+)*};
}

deletes! {
    Free: "_ZdlPv", "_ZdaPv", "_ZdlPvRKSt9nothrow_t", "_ZdaPvRKSt9nothrow_t",
        "_ZdlPvSt11align_val_t", "_ZdaPvSt11align_val_t",
        "_ZdlPvSt11align_val_tRKSt9nothrow_t", "_ZdaPvSt11align_val_tRKSt9nothrow_t";
    FreeSized: "_ZdlPvm", "_ZdaPvm", "_ZdlPvmSt11align_val_t", "_ZdaPvmSt11align_val_t";
}
