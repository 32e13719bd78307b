//! A call that no C++ exception leaves, written out as a compiler would: Rust cannot catch them.
//!
//! `try { handler(); return false; } catch (...) { return true; }`
//!
//! The personality routine and the two functions of the C++ runtime are weak references: without a
//! runtime there are no exceptions, and the handler is never set.

use crate::operators::Handler;
use core::arch::global_asm;

unsafe extern "C-unwind" {
    /// Calls the handler; true if it threw.
    pub fn glebe_call_catching(handler: Handler) -> bool;
}

#[cfg(target_arch = "x86_64")]
global_asm!(
    ".weak __gxx_personality_v0",
    ".weak __cxa_begin_catch",
    ".weak __cxa_end_catch",
    ".pushsection .data.rel.glebe_personality,\"aw\",@progbits",
    ".p2align 3",
    ".Lglebe_personality: .quad __gxx_personality_v0",
    ".popsection",
    ".pushsection .text.glebe_call_catching,\"ax\",@progbits",
    ".globl glebe_call_catching",
    ".hidden glebe_call_catching",
    ".type glebe_call_catching, @function",
    "glebe_call_catching:",
    ".cfi_startproc",
    ".cfi_personality 0x9b, .Lglebe_personality", // indirect, relative to here, four bytes
    ".cfi_lsda 0x1b, .Lglebe_exceptions",         // relative to here, four bytes
    "push rbx",
    ".cfi_adjust_cfa_offset 8",
    "4: call rdi",
    "5: xor eax, eax",
    "pop rbx",
    ".cfi_adjust_cfa_offset -8",
    "ret",
    ".cfi_adjust_cfa_offset 8",
    // The unwinder comes here with the exception in rax.
    "6: mov rdi, rax",
    "call qword ptr [rip + __cxa_begin_catch@GOTPCREL]",
    "call qword ptr [rip + __cxa_end_catch@GOTPCREL]",
    "mov eax, 1",
    "pop rbx",
    ".cfi_adjust_cfa_offset -8",
    "ret",
    "7:",
    ".cfi_endproc",
    ".size glebe_call_catching, . - glebe_call_catching",
    ".popsection",
    // What to do where: one call site that catches everything, and none for the rest.
    ".pushsection .gcc_except_table.glebe_call_catching,\"a\",@progbits",
    ".p2align 2",
    ".Lglebe_exceptions: .byte 0xff", // landing pads count from the function's start
    ".byte 0x9b",                     // types: indirect, relative, four bytes
    ".uleb128 12f - 8f",              // where the types end
    "8: .byte 1",                     // call sites in uleb128
    ".uleb128 10f - 9f",
    "9: .uleb128 4b - glebe_call_catching",
    ".uleb128 5b - 4b",
    ".uleb128 6b - glebe_call_catching",
    ".uleb128 1", // the first action
    ".uleb128 5b - glebe_call_catching",
    ".uleb128 7b - 5b",
    ".uleb128 0",
    ".uleb128 0",
    "10: .byte 1", // action: the first type, and no further one
    ".byte 0",
    ".p2align 2",
    ".long 0", // the type: any
    "12:",
    ".popsection",
);

/// Elsewhere an exception of the handler passes, and ends the program in its `noexcept` caller.
#[cfg(not(target_arch = "x86_64"))]
#[unsafe(no_mangle)]
extern "C-unwind" fn glebe_call_catching(handler: Handler) -> bool {
    handler();
    false
}
