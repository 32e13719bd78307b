//! Text put together in a buffer on the stack: strings and decimal numbers, no allocation and no
//! formatting machinery, so that it works inside malloc and when the heap is broken.

use crate::libc;

/// At most `N` bytes of text; what does not fit is cut.
pub struct Text<const N: usize> {
    bytes: [u8; N],
    len: usize,
}

/// Digits of the largest number, with its separators.
const WIDEST: usize = 26;

impl<const N: usize> Text<N> {
    pub const fn new() -> Self {
        Text {
            bytes: [0; N],
            len: 0,
        }
    }

    pub fn text(&mut self, text: &str) -> &mut Self {
        let room = &mut self.bytes[self.len..];
        let fitting = text.len().min(room.len());
        room[..fitting].copy_from_slice(&text.as_bytes()[..fitting]);
        self.len += fitting;
        self
    }

    /// A number as machines read it.
    pub fn decimal(&mut self, number: usize) -> &mut Self {
        self.digits(number, false, 0)
    }

    /// A number as people read it: `1,234,567`.
    pub fn grouped(&mut self, number: usize) -> &mut Self {
        self.digits(number, true, 0)
    }

    /// As [`Self::grouped`], at the right end of a column.
    pub fn column(&mut self, number: usize, width: usize) -> &mut Self {
        self.digits(number, true, width)
    }

    fn digits(&mut self, mut number: usize, grouped: bool, width: usize) -> &mut Self {
        let mut digits = [b' '; WIDEST];
        let mut start = WIDEST;
        let mut count = 0;
        while {
            if grouped && count > 0 && count % 3 == 0 {
                start -= 1;
                digits[start] = b',';
            }
            start -= 1;
            digits[start] = b'0' + (number % 10) as u8;
            number /= 10;
            count += 1;
            number != 0
        } {}
        let start = start.min(WIDEST.saturating_sub(width));
        for &digit in &digits[start..] {
            self.byte(digit);
        }
        self
    }

    fn byte(&mut self, byte: u8) {
        if let Some(place) = self.bytes.get_mut(self.len) {
            *place = byte;
            self.len += 1;
        }
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len]
    }

    /// One system call, if the system takes it whole, so that the lines of several processes do not
    /// get mixed.
    pub fn write_to_stderr(&self) {
        libc::write_to_stderr(self.as_bytes());
    }
}
