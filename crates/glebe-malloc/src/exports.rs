//! The symbols under which functions are exported.
//!
//! Most functions have several: every call of the malloc family has a twin `glebe_…`, for programs
//! that choose the allocator call by call, and every array form of a C++ operator does what the
//! plain form does. Rust has no aliases. So the functions are `#[inline(always)]`, each symbol gets
//! a copy, the compiler sees that the copies are the same, and keeps one under all the symbols.

/// Exports functions: `["symbol", …] = function(arguments) -> result;`. A caller may pass more
/// arguments than are named: the ABI lets a function ignore them.
macro_rules! exports {
    ($([$($symbol:literal),+] = $function:ident $arguments:tt -> $result:ty;)*) => {$($(
        $crate::exports::export! { $symbol = $function $arguments -> $result }
    )+)*};
}

macro_rules! export {
    ($symbol:literal = $function:ident($($argument:ident: $type:ty),*) -> $result:ty) => {
        const _: () = {
            #[unsafe(export_name = $symbol)]
            #[allow(unused_unsafe)]
            unsafe extern "C" fn exported($($argument: $type),*) -> $result {
                // SAFETY: the contract is the function's own, passed on to the caller.
                unsafe { $function($($argument),*) }
            }
        };
    };
}

pub(crate) use {export, exports};
