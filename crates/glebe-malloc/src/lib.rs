//! The C face of Glebe: `libglebe.so` for `LD_PRELOAD` or linking, `libglebe.a` for linking.
//!
//! | file | what it exports |
//! |--|--|
//! | `family` | malloc, calloc, realloc, free and their kin, `errno` as the C library sets it |
//! | `aligned` | memalign and its kin |
//! | `operators`, `catching` | C++ `operator new` and `delete` in all forms |
//! | `info` | figures: mallinfo, malloc_info, malloc_stats, and `GLEBE_STATS` at exit |
//!
//! Every function of the C library's family has a twin with the prefix `glebe_`. What is exported is
//! what is `no_mangle` here; a test holds the list, and the list of what may be undefined.

#![no_std]

mod aligned;
mod catching;
mod errno;
mod family;
mod info;
mod operators;
mod text;

use core::arch::global_asm;
use core::panic::PanicInfo;

unsafe extern "C" {
    safe fn abort() -> !;
}

/// Nothing in the allocator panics; if something did, unwinding out of malloc would be worse.
#[panic_handler]
fn panic(_: &PanicInfo) -> ! {
    text::Text::new()
        .add("glebe: internal error, please report it\n")
        .write_to_stderr();
    abort()
}

// What the unwinder asks about our frames when an exception passes: "nothing to do here, go on", as
// no function here has anything to clean up. The answer is the 8 of the Itanium C++ ABI.
#[cfg(target_arch = "x86_64")]
macro_rules! go_on {
    () => {
        "mov eax, 8"
    };
}
#[cfg(target_arch = "aarch64")]
macro_rules! go_on {
    () => {
        "mov w0, 8"
    };
}

global_asm!(
    ".pushsection .text.rust_eh_personality,\"ax\"",
    ".weak rust_eh_personality",
    ".hidden rust_eh_personality",
    "rust_eh_personality:",
    go_on!(),
    "ret",
    ".popsection",
);

/// Defines a function and its twin.
macro_rules! export {
    ($(
        $(#[$about:meta])*
        $name:ident = $twin:ident ($($arg:ident: $type:ty),*) $(-> $result:ty)? $body:block
    )*) => {$(
        $(#[$about])*
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $name($($arg: $type),*) $(-> $result)? {
            // SAFETY: the caller keeps to the C contract of the function.
            #[allow(unused_unsafe)]
            unsafe { $body }
        }

        #[doc = concat!("`", stringify!($name), "` under a name of our own.\n\n# Safety\nAs there.")]
        #[unsafe(no_mangle)]
        pub unsafe extern "C" fn $twin($($arg: $type),*) $(-> $result)? {
            // SAFETY: passed on to the caller.
            unsafe { $name($($arg),*) }
        }
    )*};
}
pub(crate) use export;
