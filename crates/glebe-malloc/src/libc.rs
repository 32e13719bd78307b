//! The few functions asked of the C library, and the constants that go with them.
//!
//! All of them are also in musl. None allocates, except that the stream behind `fwrite` may.

use core::ffi::{CStr, c_char, c_int, c_long, c_ulong, c_void};
use core::mem::zeroed;

/// A stream of the C library's.
#[repr(C)]
pub struct File {
    _opaque: [u8; 0],
}

const STDERR: c_int = 2;
const AT_PAGESZ: c_ulong = 6;
const RUSAGE_SELF: c_int = 0;

/// `struct rusage`; of its 16 numbers only one is of use here.
#[repr(C)]
struct Usage {
    times: [c_long; 4],
    max_rss_kib: c_long,
    others: [c_long; 13],
}

unsafe extern "C" {
    pub safe fn abort() -> !;
    safe fn getpid() -> c_int;
    safe fn getauxval(kind: c_ulong) -> c_ulong;
    fn getrusage(who: c_int, usage: *mut Usage) -> c_int;
    fn secure_getenv(name: *const c_char) -> *const c_char;
    fn write(descriptor: c_int, bytes: *const c_void, count: usize) -> isize;
    fn fwrite(bytes: *const c_void, size: usize, count: usize, stream: *mut File) -> usize;
}

/// The number of this process.
pub fn process_id() -> usize {
    getpid() as usize
}

/// The system's page size in bytes.
pub fn page_size() -> usize {
    getauxval(AT_PAGESZ) as usize
}

/// The most resident memory this process ever had, in bytes.
pub fn peak_resident_bytes() -> usize {
    // SAFETY: all-zero bytes are a valid `Usage`, which is made of integers.
    let mut usage: Usage = unsafe { zeroed() };
    // SAFETY: `usage` is valid for writing a `struct rusage`.
    unsafe { getrusage(RUSAGE_SELF, &mut usage) };
    usage.max_rss_kib as usize * 1024
}

/// A variable of the environment as a switch: 0 if it is not set, empty or `0`; else its number, or
/// 1 if it is none. Programs that run with more rights than their user see no variables.
pub fn switch(variable: &CStr) -> u32 {
    // SAFETY: the name ends with NUL; the value is NULL or a string, which is read at once.
    let value = unsafe {
        let value = secure_getenv(variable.as_ptr());
        if value.is_null() {
            return 0;
        }
        CStr::from_ptr(value).to_bytes()
    };
    let digit = |number: u32, byte: &u8| match byte {
        b'0'..=b'9' => number.checked_mul(10)?.checked_add(u32::from(byte - b'0')),
        _ => None,
    };
    value.iter().try_fold(0, digit).unwrap_or(1)
}

/// Writes to standard error, past all streams. What cannot be written is lost: there is nobody left
/// to tell.
pub fn write_to_stderr(mut bytes: &[u8]) {
    while !bytes.is_empty() {
        // SAFETY: the bytes are valid for reading; a closed descriptor makes the call fail.
        let written = unsafe { write(STDERR, bytes.as_ptr().cast(), bytes.len()) };
        match usize::try_from(written) {
            Ok(1..) => bytes = &bytes[written as usize..],
            _ => return,
        }
    }
}

/// Writes to a stream; whether all of it was taken.
///
/// # Safety
/// `stream` is an open stream.
pub unsafe fn write_to_stream(bytes: &[u8], stream: *mut File) -> bool {
    // SAFETY: the bytes are valid for reading, the stream is the caller's.
    unsafe { fwrite(bytes.as_ptr().cast(), 1, bytes.len(), stream) == bytes.len() }
}
