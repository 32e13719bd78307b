//! [`Line`], a line of text in a buffer on the stack.

use core::ffi::CStr;
use core::fmt;

/// Room for the longest line, with its end.
const ROOM: usize = 256;

/// A line of text. What does not fit is cut.
pub struct Line {
    bytes: [u8; ROOM],
    length: usize,
}

impl Line {
    pub const fn new() -> Line {
        Line {
            bytes: [0; ROOM],
            length: 0,
        }
    }

    pub fn text(&self) -> &[u8] {
        &self.bytes[..self.length]
    }

    /// The same for C.
    pub fn c_text(&self) -> &CStr {
        // The last byte is never written, so there is always one that ends it.
        CStr::from_bytes_until_nul(&self.bytes).unwrap_or(c"")
    }
}

impl fmt::Write for Line {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = ROOM - 1 - self.length;
        let taken = text.len().min(room);
        self.bytes[self.length..self.length + taken].copy_from_slice(&text.as_bytes()[..taken]);
        self.length += taken;
        Ok(())
    }
}
