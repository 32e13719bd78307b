//! The end of every run: a line that says how it went, and the exit code for whoever started QEMU.

use core::panic::PanicInfo;
use x86_64::instructions::{hlt, port::Port};

/// Where `isa-debug-exit` listens. QEMU ends with twice the value written, plus one.
const EXIT_PORT: u16 = 0xf4;

/// All went well: QEMU ends with 33.
const PASS: u32 = 0x10;

/// Something did not: QEMU ends with 35.
const FAIL: u32 = 0x11;

/// Ends a run in which everything was as it should be.
pub fn pass() -> ! {
    crate::say!("verdict: pass");
    exit(PASS)
}

/// Ends a run in which something was not, after what has been printed of it.
pub fn fail() -> ! {
    crate::say!("verdict: FAIL");
    exit(FAIL)
}

fn exit(code: u32) -> ! {
    // SAFETY: writing there only ends the machine, or does nothing where there is no such device.
    unsafe { Port::<u32>::new(EXIT_PORT).write(code) }
    loop {
        hlt();
    }
}

#[panic_handler]
fn panicked(panic: &PanicInfo<'_>) -> ! {
    crate::say!("{panic}");
    fail()
}
