//! The allocator behind: the next library's functions, looked up all at once at the first call of
//! any, when the process has one thread.

use core::ffi::{CStr, c_int, c_void};
use core::mem::transmute;
use core::ptr::null_mut;
use core::sync::atomic::{AtomicBool, AtomicPtr, Ordering};

use crate::early;

/// A function, once it is known.
struct Symbol {
    name: &'static CStr,
    address: AtomicPtr<c_void>,
}

impl Symbol {
    const fn new(name: &'static CStr) -> Symbol {
        Symbol {
            name,
            address: AtomicPtr::new(null_mut()),
        }
    }

    #[inline(always)]
    fn get(&self) -> Option<*mut c_void> {
        let address = self.address.load(Ordering::Acquire);
        if address.is_null() {
            return self.look_up();
        }
        Some(address)
    }

    #[cold]
    fn look_up(&self) -> Option<*mut c_void> {
        static BEGUN: AtomicBool = AtomicBool::new(false);
        if BEGUN.swap(true, Ordering::Relaxed) {
            return None;
        }
        for symbol in ALL {
            symbol.address.store(find(symbol.name), Ordering::Release);
        }
        Some(self.address.load(Ordering::Relaxed)).filter(|address| !address.is_null())
    }
}

/// The address of a function in the libraries behind this one, or null.
pub fn find(name: &CStr) -> *mut c_void {
    // SAFETY: the name is a C string.
    unsafe { libc::dlsym(libc::RTLD_NEXT, name.as_ptr()) }
}

/// Functions of the allocator behind: `symbol NAME: function(arguments) -> result, else`. The last
/// is what stands for them while they are looked up.
macro_rules! next {
    ($($symbol:ident $name:literal: $function:ident($($argument:ident: $type:ty),*) -> $result:ty,
        $otherwise:expr;)*) => {
        $(static $symbol: Symbol = Symbol::new($name);)*

        const ALL: &[&Symbol] = &[$(&$symbol),*];

        $(
            /// As the C function of this name.
            ///
            /// # Safety
            /// As of that function.
            #[inline(always)]
            pub unsafe fn $function($($argument: $type),*) -> $result {
                let Some(address) = $symbol.get() else {
                    return $otherwise;
                };
                // SAFETY: the C library declares a function of this name with this type; the rest
                // is the caller's.
                unsafe {
                    transmute::<*mut c_void, unsafe extern "C" fn($($type),*) -> $result>(address)(
                        $($argument),*
                    )
                }
            }
        )*
    };
}

next! {
    MALLOC c"malloc": malloc(size: usize) -> *mut u8, early::alloc(size);
    CALLOC c"calloc": calloc(count: usize, size: usize) -> *mut u8,
        count.checked_mul(size).map_or(null_mut(), early::alloc);
    REALLOC c"realloc": realloc(block: *mut u8, size: usize) -> *mut u8, {
        let _ = block;
        early::alloc(size)
    };
    FREE c"free": free(block: *mut u8) -> (), {
        let _ = block;
    };
    ALIGNED_ALLOC c"aligned_alloc": aligned_alloc(align: usize, size: usize) -> *mut u8, {
        let _ = (align, size);
        null_mut()
    };
    POSIX_MEMALIGN c"posix_memalign":
        posix_memalign(place: *mut *mut u8, align: usize, size: usize) -> c_int, {
            let _ = (place, align, size);
            libc::ENOMEM
        };
    MEMALIGN c"memalign": memalign(align: usize, size: usize) -> *mut u8, {
        let _ = (align, size);
        null_mut()
    };
    USABLE_SIZE c"malloc_usable_size": malloc_usable_size(block: *mut u8) -> usize, {
        let _ = block;
        0
    };
}
