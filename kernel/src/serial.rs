//! The serial port, and [`say!`], which prints a line to it.

use core::fmt::{self, Write};
use x86_64::instructions::port::Port;

/// The first serial port of a PC, a 16550.
const PORT: u16 = 0x3f8;

/// Bytes that the port holds back at most.
const FIFO: usize = 16;

/// The port has room for [`FIFO`] bytes.
const EMPTY: u8 = 0x20;

/// 115200 baud, 8 bits, no parity, 1 stop bit, FIFO on, no interrupts.
pub fn set_up() {
    let settings = [
        (1, 0),
        (3, 0x80),
        (0, 1),
        (1, 0),
        (3, 0x03),
        (2, 0xc7),
        (4, 0x03),
    ];
    for (register, value) in settings {
        // SAFETY: these are the port's own registers, which nothing else uses.
        unsafe { Port::<u8>::new(PORT + register).write(value) }
    }
}

/// Writes by busy waiting, and holds no state: it can be used from a fault within a print.
struct Serial;

impl Write for Serial {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut status = Port::<u8>::new(PORT + 5);
        let mut data = Port::<u8>::new(PORT);
        for part in text.as_bytes().chunks(FIFO) {
            // SAFETY: as above; reading the status changes nothing that is used here.
            while unsafe { status.read() } & EMPTY == 0 {
                core::hint::spin_loop();
            }
            for byte in part {
                // SAFETY: as above; the port has room.
                unsafe { data.write(*byte) }
            }
        }
        Ok(())
    }
}

/// Prints the line that `say!` has put together.
pub fn print(text: fmt::Arguments<'_>) {
    // Writing to the port never fails, but a `Display` may; its text then ends early.
    let _ = Serial.write_fmt(text);
    let _ = Serial.write_str("\n");
}

/// Prints a line to the serial port.
#[macro_export]
macro_rules! say {
    ($($arguments:tt)+) => {
        $crate::serial::print(format_args!($($arguments)+))
    };
}
