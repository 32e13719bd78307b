//! One line of text on the stack: strings, decimal and hexadecimal numbers, one raw write.

/// Longest line; what does not fit is cut.
const CAPACITY: usize = 256;

pub(super) struct Line {
    bytes: [u8; CAPACITY],
    len: usize,
}

impl Line {
    pub(super) const fn new() -> Self {
        Line {
            bytes: [0; CAPACITY],
            len: 0,
        }
    }

    pub(super) fn text(&mut self, text: &str) -> &mut Self {
        for &byte in text.as_bytes() {
            self.byte(byte);
        }
        self
    }

    pub(super) fn hex(&mut self, value: usize) -> &mut Self {
        self.number(value, 16)
    }

    pub(super) fn decimal(&mut self, value: usize) -> &mut Self {
        self.number(value, 10)
    }

    fn number(&mut self, mut value: usize, base: usize) -> &mut Self {
        let mut digits = [0; 20];
        let mut count = 0;
        while {
            digits[count] = b"0123456789abcdef"[value % base];
            count += 1;
            value /= base;
            value != 0
        } {}
        while count > 0 {
            count -= 1;
            self.byte(digits[count]);
        }
        self
    }

    fn byte(&mut self, byte: u8) {
        if self.len < CAPACITY {
            self.bytes[self.len] = byte;
            self.len += 1;
        }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// A closed or full standard error loses the line; there is nobody left to tell.
    pub(super) fn write_to_stderr(&self) {
        // SAFETY: descriptor 2 is only borrowed for the call; if it is closed the call fails.
        let stderr = unsafe { rustix::fd::BorrowedFd::borrow_raw(2) };
        let _ = rustix::io::write(stderr, self.as_bytes());
    }
}

#[cfg(test)]
mod tests {
    use super::{CAPACITY, Line};

    #[test]
    fn puts_a_line_together() {
        let mut line = Line::new();
        line.text("at 0x")
            .hex(0xdead_beef)
            .text(", ")
            .decimal(0)
            .text(" of ")
            .decimal(1_048_576);
        assert_eq!(line.as_bytes(), b"at 0xdeadbeef, 0 of 1048576");
    }

    #[test]
    fn cuts_what_does_not_fit() {
        let mut line = Line::new();
        for _ in 0..100 {
            line.hex(usize::MAX);
        }
        assert_eq!(line.as_bytes().len(), CAPACITY);
    }
}
