//! What the recorder leaves behind, and how it becomes a recording.
//!
//! `libglebe_record.so` writes [`Record`]s with addresses into a file that all threads share, each
//! at the place that one atomic counter gives it. The order in the file is exact, which means that
//! for each address the records say in turn that a block is there and that it goes:
//!
//! - A free takes its place *before* the allocator is called, an allocation *after* it. The
//!   allocator gives an address out only after its free was called, so the free's place is lower.
//! - A `realloc` takes two places: before the call the old address goes, after it the new one is
//!   there. Between the two another thread may well be given the old address; it takes its place in
//!   between, too. If the call fails, nobody could be given the old address, and the block is there
//!   again. The op stands where the call ended. No other thread may use the block in between, so
//!   whatever comes between is of other blocks.
//!
//! An address that is given out while its block lives was freed by a call that the recorder does
//! not see; the free is put in. A free of an unknown address is of such an allocation and is left
//! out. Ids of dead blocks are used again, the last first, which keeps ids close to each other.

mod record;

pub use record::{Head, Kind, Record};

use crate::op::Op;
use crate::recording::{Event, Writer};
use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::sync::atomic::AtomicU64;

/// A file with room for so many bytes of records. Only what is written takes up space on disk.
pub const CAPACITY: u64 = 64 << 30;

/// What became of raw records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Converted {
    /// Records that were begun.
    pub records: u64,
    /// Events written.
    pub events: u64,
    /// Calls that the file had no room for.
    pub lost: u64,
}

/// Turns raw records into events of a recording.
///
/// # Errors
/// Those of reading and writing.
pub fn convert<W: Write>(mut raw: impl Read, output: &mut Writer<W>) -> io::Result<Converted> {
    let mut head = [0; size_of::<Head>()];
    raw.read_exact(&mut head)?;
    let counter = head.first_chunk().expect("a head starts with a counter");
    let mut blocks = Blocks::default();
    let mut converted = Converted {
        records: u64::from_ne_bytes(*counter),
        ..Converted::default()
    };
    for at in 0..converted.records {
        let mut words = [[0; size_of::<AtomicU64>()]; 2];
        match raw.read_exact(words.as_flattened_mut()) {
            Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
                converted.lost = converted.records - at;
                break;
            }
            result => result?,
        }
        // A thread that was ended between taking a place and writing to it leaves it empty.
        let Some(record) = Record::unpack(words.map(u64::from_ne_bytes)) else {
            continue;
        };
        for op in blocks.follow(record).into_iter().flatten() {
            let thread = record.thread;
            output.write(Event { thread, op })?;
            converted.events += 1;
        }
    }
    Ok(converted)
}

/// The blocks that live, by address.
#[derive(Default)]
struct Blocks {
    live: HashMap<u64, u32>,
    /// Being reallocated, by thread: the old address and the block.
    resizing: HashMap<u32, (u64, u32)>,
    /// Ids of dead blocks.
    unused: Vec<u32>,
    ids: u32,
}

impl Blocks {
    /// The ops that a record stands for: at most a free that was missed, and its own.
    fn follow(&mut self, record: Record) -> [Option<Op>; 2] {
        let size = usize::try_from(record.size).unwrap_or(usize::MAX);
        match record.kind {
            Kind::Alloc => self.allocated(record.address, |id| Op::Alloc { id, size }),
            Kind::Zeroed => self.allocated(record.address, |id| Op::Zeroed { id, size }),
            Kind::Aligned => {
                let align = 1_usize.checked_shl(record.align.into()).unwrap_or(1);
                self.allocated(record.address, |id| Op::Aligned { id, size, align })
            }
            Kind::Resizing => {
                if let Some(id) = self.live.remove(&record.address) {
                    self.resizing.insert(record.thread, (record.address, id));
                }
                [None; 2]
            }
            Kind::Resized => self.resized(record, size),
            Kind::Free => [None, self.freed(record.address).map(|id| Op::Free { id })],
            Kind::FreeSized => {
                let freed = self.freed(record.address);
                [None, freed.map(|id| Op::FreeSized { id })]
            }
            Kind::Usable => {
                let id = self.live.get(&record.address).copied();
                [None, id.map(|id| Op::Usable { id })]
            }
            Kind::Image => {
                self.live.clear();
                self.resizing.clear();
                [None; 2]
            }
        }
    }

    fn allocated(&mut self, address: u64, op: impl FnOnce(u32) -> Op) -> [Option<Op>; 2] {
        let missed = self.freed(address).map(|id| Op::Free { id });
        let id = self.unused.pop().unwrap_or_else(|| {
            self.ids += 1;
            self.ids - 1
        });
        self.live.insert(address, id);
        [missed, Some(op(id))]
    }

    fn freed(&mut self, address: u64) -> Option<u32> {
        let id = self.live.remove(&address)?;
        self.unused.push(id);
        Some(id)
    }

    fn resized(&mut self, record: Record, size: usize) -> [Option<Op>; 2] {
        let Some((old, id)) = self.resizing.remove(&record.thread) else {
            // Of a block that the recorder knows nothing of: from here on it does.
            return match record.address {
                0 => [None; 2],
                address => self.allocated(address, |id| Op::Alloc { id, size }),
            };
        };
        if record.address == 0 && size == 0 {
            self.unused.push(id);
            return [None, Some(Op::Free { id })];
        }
        if record.address == 0 {
            self.live.insert(old, id);
            return [None; 2];
        }
        let missed = self.freed(record.address).map(|id| Op::Free { id });
        self.live.insert(record.address, id);
        [missed, Some(Op::Realloc { id, size })]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::recording;

    fn record(thread: u32, kind: Kind, address: u64, size: u64) -> Record {
        let align = if kind == Kind::Aligned { 6 } else { 0 };
        Record {
            kind,
            address,
            size,
            align,
            thread,
        }
    }

    fn converted(records: &[Option<Record>], begun: u64) -> (Vec<Event>, Converted) {
        let mut raw = vec![0; size_of::<Head>()];
        raw[..8].copy_from_slice(&begun.to_ne_bytes());
        for record in records {
            let words = record.map_or([0; 2], Record::pack);
            raw.extend(words.map(u64::to_ne_bytes).as_flattened());
        }
        let mut writer = Writer::new(Vec::new()).unwrap();
        let done = convert(&raw[..], &mut writer).unwrap();
        let bytes = writer.finish().unwrap();
        (recording::read(&bytes[..]).unwrap(), done)
    }

    fn events(records: &[Record]) -> Vec<Event> {
        let records: Vec<_> = records.iter().copied().map(Some).collect();
        converted(&records, records.len() as u64).0
    }

    fn event(thread: u32, op: Op) -> Event {
        Event { thread, op }
    }

    #[test]
    fn a_record_comes_back_as_it_was() {
        let full = Record {
            kind: Kind::Image,
            address: (1 << 48) - 1,
            size: (1 << 44) - 1,
            align: 47,
            thread: (1 << 20) - 1,
        };
        assert_eq!(Record::unpack(full.pack()), Some(full));
        assert_eq!(Record::unpack([0; 2]), None);
        let more = Record {
            size: u64::MAX,
            thread: u32::MAX,
            ..full
        };
        assert_eq!(Record::unpack(more.pack()), Some(full));
    }

    #[test]
    fn an_address_may_be_given_to_another_while_its_block_moves() {
        use Kind::{Alloc, Free, Resized, Resizing};
        let list = [
            record(0, Alloc, 0x10, 8),
            record(0, Resizing, 0x10, 0),
            record(1, Alloc, 0x10, 16),
            record(0, Resized, 0x90, 99),
            record(1, Free, 0x90, 0),
            record(0, Free, 0x10, 0),
        ];
        let expected = [
            event(0, Op::Alloc { id: 0, size: 8 }),
            event(1, Op::Alloc { id: 1, size: 16 }),
            event(0, Op::Realloc { id: 0, size: 99 }),
            event(1, Op::Free { id: 0 }),
            event(0, Op::Free { id: 1 }),
        ];
        assert_eq!(events(&list), expected);
    }

    #[test]
    fn a_realloc_that_fails_leaves_its_block_and_one_to_nothing_frees_it() {
        use Kind::{Alloc, Resized, Resizing, Usable};
        let list = [
            record(0, Alloc, 0x10, 8),
            record(0, Resizing, 0x10, 0),
            record(0, Resized, 0, 1 << 40),
            record(0, Usable, 0x10, 0),
            record(0, Resizing, 0x10, 0),
            record(0, Resized, 0, 0),
            record(0, Usable, 0x10, 0),
        ];
        let expected = [
            Op::Alloc { id: 0, size: 8 },
            Op::Usable { id: 0 },
            Op::Free { id: 0 },
        ];
        assert_eq!(events(&list), expected.map(Event::from));
    }

    #[test]
    fn what_the_recorder_does_not_see_is_made_up_for() {
        use Kind::{Aligned, Alloc, Free, FreeSized, Image, Zeroed};
        let list = [
            record(0, Free, 0x70, 0),
            record(0, Alloc, 0x10, 8),
            record(0, Zeroed, 0x10, 9),
            record(0, Image, 0, 0),
            record(1, Free, 0x10, 0),
            record(1, Aligned, 0x10, 10),
            record(1, FreeSized, 0x10, 10),
        ];
        let expected = [
            event(0, Op::Alloc { id: 0, size: 8 }),
            event(0, Op::Free { id: 0 }),
            event(0, Op::Zeroed { id: 0, size: 9 }),
            event(
                1,
                Op::Aligned {
                    id: 1,
                    size: 10,
                    align: 64,
                },
            ),
            event(1, Op::FreeSized { id: 1 }),
        ];
        assert_eq!(events(&list), expected);
    }

    #[test]
    fn places_without_a_record_and_calls_without_a_place_are_no_error() {
        let list = [None, Some(record(0, Kind::Alloc, 0x10, 8))];
        let (events, done) = converted(&list, 7);
        assert_eq!(events, [Op::Alloc { id: 0, size: 8 }].map(Event::from));
        let expected = Converted {
            records: 7,
            events: 1,
            lost: 5,
        };
        assert_eq!(done, expected);
    }
}
