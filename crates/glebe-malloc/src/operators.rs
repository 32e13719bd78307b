//! C++ `operator new` and `operator delete`, all forms, under their Itanium names.
//!
//! The C++ runtime is used where the program has it and never needed: its functions are weak
//! references. When memory runs out, `new` calls the program's new-handler again and again until
//! there is memory or no handler, then throws `std::bad_alloc`, or, without a runtime, ends the
//! process with a line. The nothrow forms return null instead, also when a handler throws.
//!
//! Every function through which an exception may pass has the `C-unwind` ABI: in a crate that aborts
//! on panics, a function with Rust's own ABI would end the process when one arrives.

use crate::catching::glebe_call_catching;
use crate::text::Text;
use core::arch::{asm, global_asm};
use core::ptr::null_mut;
use glebe_core::raw;

global_asm!(
    ".weak _ZSt15get_new_handlerv",
    ".weak _ZSt17__throw_bad_allocv"
);

/// `std::nothrow_t`, only ever passed by address.
type Nothrow = *const u8;
/// `std::new_handler`.
pub type Handler = extern "C-unwind" fn();

/// The address of a weak symbol, or 0.
macro_rules! weak {
    ($name:literal) => {{
        let address: usize;
        // SAFETY: reads a word of the global offset table.
        unsafe {
            #[cfg(target_arch = "x86_64")]
            asm!(
                concat!("mov {address}, qword ptr [rip + ", $name, "@GOTPCREL]"),
                address = out(reg) address,
                options(pure, readonly, nostack, preserves_flags),
            );
            #[cfg(target_arch = "aarch64")]
            asm!(
                concat!("adrp {address}, :got:", $name),
                concat!("ldr {address}, [{address}, :got_lo12:", $name, "]"),
                address = out(reg) address,
                options(pure, readonly, nostack, preserves_flags),
            );
        }
        address
    }};
}

/// The program's new-handler.
fn new_handler() -> Option<Handler> {
    let getter = weak!("_ZSt15get_new_handlerv");
    if getter == 0 {
        return None;
    }
    // SAFETY: `std::get_new_handler` takes nothing and returns a pointer to a function or null.
    unsafe { core::mem::transmute::<usize, extern "C" fn() -> Option<Handler>>(getter)() }
}

/// Allocates until that succeeds or there is no new-handler. `align` 0 is malloc. The handler's
/// exceptions pass if it `may_throw`; else they are caught, and the result is null.
extern "C-unwind" fn with_handler(size: usize, align: usize, may_throw: bool) -> *mut u8 {
    loop {
        let block = match align {
            0 => raw::malloc_slowly(size),
            _ => raw::memalign(align, size),
        };
        if !block.is_null() {
            return block;
        }
        let Some(handler) = new_handler() else {
            return null_mut();
        };
        if may_throw {
            handler();
        // SAFETY: defined in `catching`, calls the handler and nothing else.
        } else if unsafe { glebe_call_catching(handler) } {
            return null_mut();
        }
    }
}

extern "C-unwind" fn throw_bad_alloc() -> ! {
    let thrower = weak!("_ZSt17__throw_bad_allocv");
    if thrower != 0 {
        // SAFETY: `std::__throw_bad_alloc` takes nothing and does not return.
        unsafe { core::mem::transmute::<usize, extern "C-unwind" fn() -> !>(thrower)() }
    }
    Text::new()
        .add("glebe: operator new is out of memory, and there is no C++ runtime to throw\n")
        .write_to_stderr();
    crate::abort()
}

#[cold]
#[inline(never)]
extern "C-unwind" fn new_slowly(size: usize, align: usize) -> *mut u8 {
    let block = with_handler(size, align, true);
    if block.is_null() {
        throw_bad_alloc()
    } else {
        block
    }
}

#[cold]
#[inline(never)]
extern "C-unwind" fn new_slowly_nothrow(size: usize, align: usize) -> *mut u8 {
    with_handler(size, align, false)
}

/// The fast path of `new`; everything else is `$slowly`. A macro, for the ABI's sake.
macro_rules! new {
    ($size:expr, $slowly:ident) => {{
        let block = raw::malloc_or($size, |_| null_mut());
        if block.is_null() {
            $slowly($size, 0)
        } else {
            block
        }
    }};
    ($size:expr, $align:expr, $slowly:ident) => {{
        // The standard promises a power of two; an alignment of ours can be nothing else.
        let align = $align.next_power_of_two();
        let block = raw::memalign(align, $size);
        if block.is_null() {
            $slowly($size, align)
        } else {
            block
        }
    }};
}

macro_rules! operators {
    ($( $name:ident ($($arg:ident: $type:ty),*) $(-> $result:ty)? $body:block )*) => {$(
        /// See the module's text.
        ///
        /// # Safety
        /// The caller is C++ and keeps to the contract of the operator.
        #[unsafe(no_mangle)]
        pub unsafe extern "C-unwind" fn $name($($arg: $type),*) $(-> $result)? {
            // SAFETY: passed on to the caller.
            #[allow(unused_unsafe)]
            unsafe { $body }
        }
    )*};
}

operators! {
    // new, new[]: plain, nothrow, aligned, aligned nothrow
    _Znwm(size: usize) -> *mut u8 { new!(size, new_slowly) }
    _Znam(size: usize) -> *mut u8 { new!(size, new_slowly) }
    _ZnwmRKSt9nothrow_t(size: usize, _tag: Nothrow) -> *mut u8 { new!(size, new_slowly_nothrow) }
    _ZnamRKSt9nothrow_t(size: usize, _tag: Nothrow) -> *mut u8 { new!(size, new_slowly_nothrow) }
    _ZnwmSt11align_val_t(size: usize, align: usize) -> *mut u8 { new!(size, align, new_slowly) }
    _ZnamSt11align_val_t(size: usize, align: usize) -> *mut u8 { new!(size, align, new_slowly) }
    _ZnwmSt11align_val_tRKSt9nothrow_t(size: usize, align: usize, _tag: Nothrow) -> *mut u8 {
        new!(size, align, new_slowly_nothrow)
    }
    _ZnamSt11align_val_tRKSt9nothrow_t(size: usize, align: usize, _tag: Nothrow) -> *mut u8 {
        new!(size, align, new_slowly_nothrow)
    }
    // delete, delete[]: plain, nothrow, sized, aligned, aligned nothrow, sized aligned
    _ZdlPv(block: *mut u8) { raw::free(block) }
    _ZdaPv(block: *mut u8) { raw::free(block) }
    _ZdlPvRKSt9nothrow_t(block: *mut u8, _tag: Nothrow) { raw::free(block) }
    _ZdaPvRKSt9nothrow_t(block: *mut u8, _tag: Nothrow) { raw::free(block) }
    _ZdlPvm(block: *mut u8, size: usize) { raw::free_sized(block, size) }
    _ZdaPvm(block: *mut u8, size: usize) { raw::free_sized(block, size) }
    _ZdlPvSt11align_val_t(block: *mut u8, _align: usize) { raw::free(block) }
    _ZdaPvSt11align_val_t(block: *mut u8, _align: usize) { raw::free(block) }
    _ZdlPvSt11align_val_tRKSt9nothrow_t(block: *mut u8, _align: usize, _tag: Nothrow) {
        raw::free(block)
    }
    _ZdaPvSt11align_val_tRKSt9nothrow_t(block: *mut u8, _align: usize, _tag: Nothrow) {
        raw::free(block)
    }
    _ZdlPvmSt11align_val_t(block: *mut u8, size: usize, align: usize) {
        raw::free_aligned_sized(block, align, size)
    }
    _ZdaPvmSt11align_val_t(block: *mut u8, size: usize, align: usize) {
        raw::free_aligned_sized(block, align, size)
    }
}
