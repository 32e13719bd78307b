//! Text on the stack: strings and decimal numbers, one raw write. No allocation, no formatting.

const CAPACITY: usize = 1024;

unsafe extern "C" {
    fn write(descriptor: i32, bytes: *const u8, length: usize) -> isize;
}

/// Up to 1023 bytes of text and a final zero; what does not fit is cut.
pub struct Text {
    bytes: [u8; CAPACITY],
    length: usize,
}

impl Text {
    /// No text.
    pub const fn new() -> Self {
        Text {
            bytes: [0; CAPACITY],
            length: 0,
        }
    }

    /// Adds a string.
    pub fn add(&mut self, text: &str) -> &mut Self {
        text.bytes().for_each(|byte| self.byte(byte));
        self
    }

    /// Adds a number.
    pub fn number(&mut self, mut value: usize) -> &mut Self {
        let mut digits = [0; 20];
        let mut count = 0;
        loop {
            digits[count] = b'0' + (value % 10) as u8;
            count += 1;
            value /= 10;
            if value == 0 {
                break;
            }
        }
        digits[..count]
            .iter()
            .rev()
            .for_each(|&digit| self.byte(digit));
        self
    }

    /// Adds a number of bytes in the largest unit that leaves it readable, such as `12.3 MiB`.
    pub fn size(&mut self, bytes: usize) -> &mut Self {
        const UNITS: [&str; 5] = ["B", "KiB", "MiB", "GiB", "TiB"];
        let mut unit = 0;
        let mut tenths = bytes * 10;
        while tenths >= 10_240 && unit + 1 < UNITS.len() {
            tenths /= 1024;
            unit += 1;
        }
        self.number(tenths / 10);
        if unit > 0 {
            self.add(".").number(tenths % 10);
        }
        self.add(" ").add(UNITS[unit])
    }

    fn byte(&mut self, byte: u8) {
        if self.length < CAPACITY - 1 {
            self.bytes[self.length] = byte;
            self.length += 1;
        }
    }

    /// The text, with a zero at its end, for C.
    pub fn as_c(&self) -> *const u8 {
        self.bytes.as_ptr()
    }

    /// Writes the text to standard error; if that is closed, nowhere.
    pub fn write_to_stderr(&self) {
        // SAFETY: the bytes are initialised and `length` long.
        let _ = unsafe { write(2, self.bytes.as_ptr(), self.length) };
    }
}
