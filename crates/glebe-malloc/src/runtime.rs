//! The C++ run-time library, if the process has one.
//!
//! Nothing here needs it: a C program does not have it, and must not get it because of its
//! allocator. So its symbols are referred to weakly, in a table that the linker fills in with what
//! the program came with. A run-time library may also come later and out of sight, with a plug-in
//! that was opened with `RTLD_LOCAL` (every C++ module of Python's): then the dynamic linker is
//! asked, which is referred to weakly, too, for the sake of static programs.

use core::arch::global_asm;
use core::ffi::{CStr, c_char, c_int, c_void};
use core::mem::transmute;
use core::ptr::NonNull;

/// A function without arguments that may throw: a new handler, or what throws if there is none.
/// Only assembly may call it.
pub type Throwing = NonNull<c_void>;

/// A symbol's address, if there is such a symbol.
pub type Symbol = Option<NonNull<c_void>>;

type Find = unsafe extern "C" fn(Symbol, *const c_char) -> Symbol;
type Open = unsafe extern "C" fn(*const c_char, c_int) -> Symbol;
type Close = unsafe extern "C" fn(NonNull<c_void>) -> c_int;

/// What is needed of the run-time library, each only if it is there. In the order of [`NAMES`].
#[repr(C)]
#[derive(Clone, Copy)]
pub struct Runtime {
    get_new_handler: Option<extern "C" fn() -> Option<Throwing>>,
    /// Throws a `std::bad_alloc`.
    pub throw_bad_alloc: Option<Throwing>,
    /// The functions that begin and end the handling of an exception, and the one that finds out
    /// who handles it.
    pub begin_catch: Symbol,
    pub end_catch: Symbol,
    pub personality: Symbol,
}

/// Defines a table of weak references under a hidden label, and their names.
macro_rules! weak_table {
    ($label:literal, $names:tt: [$($symbol:literal),* $(,)?]) => {
        global_asm!(
            concat!(".pushsection .data.rel.ro.", $label, ",\"aw\",@progbits"),
            ".p2align 3",
            concat!(".globl ", $label),
            concat!(".hidden ", $label),
            concat!($label, ":"),
            $(concat!(".weak ", $symbol), concat!(".8byte ", $symbol),)*
            ".popsection",
        );
        const $names: [&str; [$($symbol),*].len()] = [$(concat!($symbol, "\0")),*];
    };
}

weak_table!("glebe_weak_cxx", NAMES: [
    "_ZSt15get_new_handlerv",
    "_ZSt17__throw_bad_allocv",
    "__cxa_begin_catch",
    "__cxa_end_catch",
    "__gxx_personality_v0",
]);

// Only this one by its symbol: static links warn of `dlopen`.
weak_table!("glebe_weak_dlsym", _: ["dlsym"]);

const _: () = assert!(size_of::<Runtime>() == size_of::<[Symbol; NAMES.len()]>());

unsafe extern "C" {
    safe static glebe_weak_cxx: Runtime;
    safe static glebe_weak_dlsym: Option<Find>;
}

impl Runtime {
    /// What the process has of a run-time library: of the one it came with, or of one that was
    /// loaded later.
    pub fn find() -> Runtime {
        let linked = glebe_weak_cxx;
        if linked.throw_bad_alloc.is_some() || linked.get_new_handler.is_some() {
            linked
        } else {
            Runtime::loaded_later().unwrap_or(linked)
        }
    }

    #[cold]
    fn loaded_later() -> Option<Runtime> {
        const LIBRARIES: [&CStr; 2] = [c"libstdc++.so.6", c"libc++.so.1"];
        const RTLD_DEFAULT: Symbol = None;
        const RTLD_LAZY: c_int = 1;
        const RTLD_NOLOAD: c_int = 4;
        let find = glebe_weak_dlsym?;
        // SAFETY: names end with NUL, and the functions have the types that POSIX gives them.
        // Nothing is loaded that is not there, and while the caller's code runs it stays there, so
        // that what was found is valid after `close`.
        unsafe {
            let open: Open = transmute(find(RTLD_DEFAULT, c"dlopen".as_ptr())?);
            let close: Close = transmute(find(RTLD_DEFAULT, c"dlclose".as_ptr())?);
            let library = LIBRARIES
                .iter()
                .find_map(|name| open(name.as_ptr(), RTLD_LAZY | RTLD_NOLOAD))?;
            let symbols = NAMES.map(|name| find(Some(library), name.as_ptr().cast()));
            close(library);
            // Both are pointers, each of which may be null, in the order of `NAMES`.
            Some(transmute::<[Symbol; NAMES.len()], Runtime>(symbols))
        }
    }

    /// The handler that the program installed.
    pub fn new_handler(&self) -> Option<Throwing> {
        self.get_new_handler?()
    }
}
