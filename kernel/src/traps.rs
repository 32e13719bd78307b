//! Exceptions of the processor: each is a fault of the kernel, so it is printed and ends the run.
//!
//! They are handled on a stack of their own, so that running out of stack is reported, too.

use core::arch::naked_asm;
use spin::Once;
use x86_64::VirtAddr;
use x86_64::instructions::tables::load_tss;
use x86_64::registers::segmentation::{CS, DS, ES, SS, Segment};
use x86_64::structures::gdt::{Descriptor, GlobalDescriptorTable};
use x86_64::structures::idt::InterruptDescriptorTable;
use x86_64::structures::tss::TaskStateSegment;

const STACK_BYTES: usize = 16 << 10;

/// The stack, in words of which each keeps it aligned.
static mut STACK: [u128; STACK_BYTES / size_of::<u128>()] = [0; STACK_BYTES / size_of::<u128>()];

static TSS: Once<TaskStateSegment> = Once::new();
static GDT: Once<GlobalDescriptorTable> = Once::new();
static IDT: Once<InterruptDescriptorTable> = Once::new();

/// The entry of exception `VECTOR`. `CODE` is the size of the error code that the processor pushes
/// for it, 0 or 8 bytes; above that lies the address of the instruction.
#[unsafe(naked)]
extern "C" fn entry<const VECTOR: usize, const CODE: usize>() {
    naked_asm!(
        "mov edi, {vector}",
        "mov rsi, [rsp + {code}]",
        "mov rdx, cr2",
        "and rsp, -16",
        "call {report}",
        "ud2",
        vector = const VECTOR,
        code = const CODE,
        report = sym report,
    )
}

const PAGE_FAULT: usize = 14;

extern "C" fn report(vector: usize, instruction: usize, address: usize) -> ! {
    match vector {
        PAGE_FAULT => crate::say!("page fault at {address:#x}, by the code at {instruction:#x}"),
        _ => crate::say!("exception {vector}, by the code at {instruction:#x}"),
    }
    crate::verdict::fail()
}

/// Sets the entries of the table: `field: vector, bytes of error code`.
macro_rules! entries {
    ($table:ident: $($field:ident: $vector:literal, $code:literal;)+) => {$({
        let handler = entry::<$vector, $code> as *const () as u64;
        // SAFETY: the handler never returns, so it may have any signature, and leave any
        // register changed; the stack of index 0 is set in the TSS.
        unsafe { $table.$field.set_handler_addr(VirtAddr::new(handler)).set_stack_index(0) };
    })+};
}

fn idt() -> InterruptDescriptorTable {
    let mut table = InterruptDescriptorTable::new();
    entries! { table:
        divide_error: 0, 0;
        debug: 1, 0;
        non_maskable_interrupt: 2, 0;
        breakpoint: 3, 0;
        overflow: 4, 0;
        bound_range_exceeded: 5, 0;
        invalid_opcode: 6, 0;
        device_not_available: 7, 0;
        double_fault: 8, 8;
        invalid_tss: 10, 8;
        segment_not_present: 11, 8;
        stack_segment_fault: 12, 8;
        general_protection_fault: 13, 8;
        page_fault: 14, 8;
        x87_floating_point: 16, 0;
        alignment_check: 17, 8;
        machine_check: 18, 0;
        simd_floating_point: 19, 0;
    }
    table
}

/// Reports exceptions from now on.
pub fn set_up() {
    let tss = TSS.call_once(|| {
        let mut tss = TaskStateSegment::new();
        let end = (&raw const STACK).addr() + STACK_BYTES;
        tss.interrupt_stack_table[0] = VirtAddr::new(end as u64);
        tss
    });
    let mut segments = GlobalDescriptorTable::new();
    let code = segments.append(Descriptor::kernel_code_segment());
    let data = segments.append(Descriptor::kernel_data_segment());
    let task = segments.append(Descriptor::tss_segment(tss));
    GDT.call_once(|| segments).load();
    // SAFETY: these are the selectors of the table that was loaded just now.
    unsafe {
        CS::set_reg(code);
        SS::set_reg(data);
        DS::set_reg(data);
        ES::set_reg(data);
        load_tss(task);
    }
    IDT.call_once(idt).load();
}
