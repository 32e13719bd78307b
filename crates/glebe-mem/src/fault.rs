//! What becomes of a call that was refused: one line, then the end, or the program's own callback.
//!
//! A pool tells its hook of a fault while the pool is locked. So the hook only notes it; the line
//! is written, or the callback called, when the lock is free again. Callbacks may therefore use
//! the functions of this library.

use crate::system;
use crate::text::Line;
use core::ffi::{c_char, c_int, c_void};
use core::fmt::Write;
use core::sync::atomic::{AtomicBool, Ordering};
use glebe_pool::Fault;
use rustix_futex_sync::Mutex;

/// `mem_config.fault`: called with the line and the address instead of ending the process.
pub type OnFault = unsafe extern "C" fn(line: *const c_char, address: *mut c_void);

/// `mem_config.write`: writes to a descriptor; how many bytes, or negative.
pub type OnWrite = unsafe extern "C" fn(c_int, *const c_void, usize) -> isize;

/// What the program wants to do itself.
#[derive(Clone, Copy)]
pub struct Callbacks {
    pub fault: Option<OnFault>,
    pub write: Option<OnWrite>,
}

impl Callbacks {
    pub const NONE: Callbacks = Callbacks {
        fault: None,
        write: None,
    };

    /// Writes all bytes to a descriptor; false if it cannot take them.
    pub fn write(&self, descriptor: c_int, mut bytes: &[u8]) -> bool {
        let Some(write) = self.write else {
            return system::write(descriptor, bytes);
        };
        while !bytes.is_empty() {
            // SAFETY: the bytes are valid for reading, the callback is the program's.
            let written = unsafe { write(descriptor, bytes.as_ptr().cast(), bytes.len()) };
            match usize::try_from(written) {
                Ok(written @ 1..) => bytes = &bytes[written.min(bytes.len())..],
                _ => return false,
            }
        }
        true
    }
}

/// Held only to copy what is inside.
static CALLBACKS: Mutex<Callbacks> = Mutex::new(Callbacks::NONE);

/// The first fault that was noted and not reported yet, and whether there is one.
static NOTED: Mutex<Option<Fault>> = Mutex::new(None);
static IS_NOTED: AtomicBool = AtomicBool::new(false);

pub fn callbacks() -> Callbacks {
    *CALLBACKS.lock()
}

pub fn set_callbacks(callbacks: Callbacks) {
    *CALLBACKS.lock() = callbacks;
}

/// The hook of all pools.
#[cold]
pub fn note(fault: &Fault) {
    NOTED.lock().get_or_insert(*fault);
    IS_NOTED.store(true, Ordering::Release);
}

/// Works on what is behind a lock, then reports the fault that came up, if one did.
pub fn under<T, R>(lock: &Mutex<T>, work: impl FnOnce(&mut T) -> R) -> R {
    let result = work(&mut lock.lock());
    if IS_NOTED.load(Ordering::Acquire) {
        report();
    }
    result
}

/// Reports what was noted. No lock is held.
#[cold]
fn report() {
    IS_NOTED.store(false, Ordering::Release);
    let noted = NOTED.lock().take();
    let Some(fault) = noted else {
        return;
    };
    let mut line = Line::new();
    // A line never fails.
    let _ = describe(&mut line, &fault);
    let callbacks = callbacks();
    if let Some(callback) = callbacks.fault {
        let address = core::ptr::without_provenance_mut(fault.address());
        // SAFETY: the text ends with NUL, the callback is the program's.
        unsafe { callback(line.c_text().as_ptr(), address) };
        return;
    }
    if callbacks.write.is_some() {
        let _ = line.write_char('\n');
        callbacks.write(2, line.text());
    } else {
        system::write_line(line.text());
    }
    system::abort();
}

/// What happened, where, and what to look for.
fn describe(line: &mut Line, fault: &Fault) -> core::fmt::Result {
    write!(line, "glebe: {}: {:#x}: ", fault.words(), fault.address())?;
    match *fault {
        Fault::DoubleFree(_) => line.write_str("this block is free: it was freed before"),
        Fault::Interior(_, start) => {
            write!(
                line,
                "it lies inside the block {start:#x}, which is what may be freed"
            )
        }
        Fault::Misaligned(_) => line.write_str("blocks start at multiples of 16"),
        Fault::Foreign(_) => line.write_str("it is not from this pool: free it where it came from"),
        Fault::Table(_) => line.write_str("the pool keeps its own records there"),
        Fault::WrongSize { named, real, .. } => {
            write!(line, "{named} bytes were named, the block has {real}")
        }
        Fault::TornTag(_) => line.write_str(
            "its header or footer was overwritten: look for a write past the end of a block",
        ),
        Fault::TornLink(_) => {
            line.write_str("this free block was overwritten: look for a use of it after its free")
        }
    }
}
