//! [`Out`], a descriptor that takes text, in pieces of a kilobyte.

use crate::fault::Callbacks;
use core::ffi::c_int;
use core::fmt;

/// Bytes gathered before they are written.
const ROOM: usize = 1024;

/// Text on its way to a descriptor. After the first error nothing more is written.
pub struct Out {
    descriptor: c_int,
    callbacks: Callbacks,
    bytes: [u8; ROOM],
    length: usize,
    has_failed: bool,
}

impl Out {
    pub fn new(descriptor: c_int, callbacks: Callbacks) -> Out {
        Out {
            descriptor,
            callbacks,
            bytes: [0; ROOM],
            length: 0,
            has_failed: false,
        }
    }

    pub fn flush(&mut self) -> fmt::Result {
        let bytes = &self.bytes[..self.length];
        self.has_failed |= !self.callbacks.write(self.descriptor, bytes);
        self.length = 0;
        if self.has_failed {
            Err(fmt::Error)
        } else {
            Ok(())
        }
    }
}

impl fmt::Write for Out {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let mut rest = text.as_bytes();
        while !rest.is_empty() {
            if self.has_failed {
                return Err(fmt::Error);
            }
            let taken = rest.len().min(ROOM - self.length);
            self.bytes[self.length..self.length + taken].copy_from_slice(&rest[..taken]);
            self.length += taken;
            rest = &rest[taken..];
            if self.length == ROOM {
                self.flush()?;
            }
        }
        Ok(())
    }
}
