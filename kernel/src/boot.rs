//! From QEMU's 32-bit entry to Rust: page tables, long mode, SSE, a stack.
//!
//! QEMU finds the entry by the note (PVH: `XEN_ELFNOTE_PHYS32_ENTRY`) and jumps there in 32-bit
//! protected mode, flat segments, paging off, `ebx` holding the address of the start information.
//!
//! The first GiB is mapped onto itself: the first 4 MiB by pages of 4 KiB, so that single ones can
//! be taken out, the rest by pages of 2 MiB. All may be written and executed until
//! [`crate::memory::protect`], page 0 too, where the loader may have left something.

use core::arch::global_asm;

global_asm!(
    r#"
    .section .note.pvh, "a", @note
    .balign 4
    .long 4, 8, 18                  // bytes of the name and of the entry; the kind of note
    .asciz "Xen"
    .quad boot32

    .section .data.boot, "aw", @progbits
    .balign 4096
pml4:
    .quad pdpt + 3                  // present, writable
    .fill 511, 8, 0
pdpt:
    .quad page_directory + 3
    .fill 511, 8, 0
page_directory:
    .quad page_tables + 3
    .quad page_tables + 4096 + 3
    .set at, 2
    .rept 510
    .quad (at << 21) + 0x83         // present, writable, large
    .set at, at + 1
    .endr
    .global page_directory
page_tables:
    .set at, 0
    .rept 1024
    .quad (at << 12) + 3
    .set at, at + 1
    .endr
    .global page_tables

    .balign 8
boot_gdt:
    .quad 0
    .quad 0x00af9a000000ffff        // 0x08: code of 64 bits
    .quad 0x00cf92000000ffff        // 0x10: data
boot_gdt_pointer:
    .short 23
    .long boot_gdt

    .section .boot, "ax", @progbits
    .code32
    .global boot32
boot32:
    cli
    cld
    movl $stack_top, %esp
    movl %ebx, %edi                 // the first argument of `kernel_main`

    movl $pml4, %eax
    movl %eax, %cr3
    movl %cr4, %eax
    orl $0x620, %eax                // PAE; SSE and its exceptions
    movl %eax, %cr4
    movl $0xc0000080, %ecx          // EFER: long mode, no-execute
    rdmsr
    orl $0x900, %eax
    wrmsr
    movl %cr0, %eax
    andl $0xfffffffb, %eax          // no emulation of floating point
    orl $0x80010003, %eax           // paging, write protection, monitoring, protection
    movl %eax, %cr0

    lgdt boot_gdt_pointer
    ljmp $0x08, $boot64

    .code64
boot64:
    movw $0x10, %ax
    movw %ax, %ds
    movw %ax, %es
    movw %ax, %fs
    movw %ax, %gs
    movw %ax, %ss
    movl %edi, %edi                 // clears the upper half
    xorl %ebp, %ebp
    call kernel_main
    ud2
    .text
"#,
    options(att_syntax)
);
