//! [`Decoded`]: any bytes whatever as a list of ops that mean something, for coverage-guided
//! fuzzers, which then change single ops by changing single bytes.
//!
//! An op is a byte for the kind, one for the id, and for requests two that say the size. Whether an
//! op allocates or works on a live block follows from the id: what does not fit is read as the
//! nearest that does.

use crate::op::{IMPOSSIBLE, Op};

/// Ids below this may have large blocks; all others stay below 16 KiB, so that memory is bounded.
const LARGE_IDS: u8 = 16;

/// Ops from bytes.
#[derive(Clone, Debug)]
pub struct Decoded<'b> {
    bytes: std::slice::Iter<'b, u8>,
    live: [bool; 256],
}

impl<'b> Decoded<'b> {
    pub(crate) fn new(bytes: &'b [u8]) -> Decoded<'b> {
        Decoded {
            bytes: bytes.iter(),
            live: [false; 256],
        }
    }

    /// The next byte; zeros after the end, so that the last op is whole.
    fn byte(&mut self) -> u8 {
        self.bytes.next().copied().unwrap_or(0)
    }

    fn size(&mut self, id: u8) -> usize {
        let (scale, rest) = (self.byte(), usize::from(self.byte()));
        match scale % 16 {
            0..8 => (rest << 1) | usize::from(scale & 1),
            8..12 => (usize::from(scale >> 2) << 8) | rest,
            // Around the ends of classes.
            12..14 => (16_usize << (rest % 11)) + usize::from(scale >> 4) - 8,
            _ if id < LARGE_IDS => (rest << 14) + usize::from(scale),
            _ => rest << 5,
        }
    }

    fn request(&mut self, kind: u8, id: u8) -> Op {
        let size = self.size(id);
        let id = u32::from(id);
        match kind % 8 {
            0 => Op::Zeroed { id, size },
            1 => Op::Aligned {
                id,
                size,
                align: 1 << (kind >> 3).min(22),
            },
            _ => Op::Alloc { id, size },
        }
    }

    fn of_live(&mut self, kind: u8, id: u8) -> Op {
        let block = u32::from(id);
        match kind % 8 {
            0 if kind >> 3 == 31 => Op::Realloc {
                id: block,
                size: IMPOSSIBLE,
            },
            0 => Op::Usable { id: block },
            1..4 => Op::Realloc {
                id: block,
                size: self.size(id).max(1),
            },
            kind => {
                self.live[usize::from(id)] = false;
                if kind < 6 {
                    Op::Free { id: block }
                } else {
                    Op::FreeSized { id: block }
                }
            }
        }
    }
}

impl Iterator for Decoded<'_> {
    type Item = Op;

    fn next(&mut self) -> Option<Op> {
        let kind = *self.bytes.next()?;
        if kind == u8::MAX {
            return Some(Op::Purge);
        }
        let id = self.byte();
        if self.live[usize::from(id)] {
            return Some(self.of_live(kind, id));
        }
        self.live[usize::from(id)] = true;
        Some(self.request(kind, id))
    }
}
