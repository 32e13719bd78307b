//! Recordings: ops and the threads that called them, in order, in few bytes.
//!
//! ```text
//! recording: "GLBT"  version u8  event*  end
//! event:     tag u8 (kind, low bits of the id's step)  the rest as varints
//! end:       tag 0, number of events as a varint, CRC-32 of all before, little endian
//! ```
//! | tag, low 4 bits | then |
//! |--|--|
//! | 1 alloc, 2 zeroed, 4 realloc | id, size |
//! | 3 aligned | id, size, log2 of the alignment |
//! | 5 free, 6 sized free, 7 usable | id |
//! | 8 purge | |
//! | 9 the events that follow are of thread | thread |
//! | 10 bad free | id, what is wrong + 16 × by which call |
//!
//! All of it may be one gzip stream ([`packed`]), a tenth as long: programs repeat themselves.
//!
//! An id is written as its distance from the last one, zigzag. The tag's high 4 bits hold that if
//! it is below 15, else they are 15 and a varint follows. Most events take 2 or 3 bytes.

use crate::bad::{Bad, Way};
use crate::op::Op;
use flate2::{Compression, read::MultiGzDecoder, write::GzEncoder};
use std::io::{self, BufRead, BufReader, Read, Write};

/// How a recording begins.
const MAGIC: [u8; 4] = *b"GLBT";
const VERSION: u8 = 1;
const END: u8 = 0;
const THREAD: u8 = 9;
/// In a tag's high bits: a varint follows.
const MORE: u64 = 15;
/// How a gzip stream begins.
const GZIP: u8 = 0x1f;
/// The best of gzip's levels that takes less time than making the recording.
const LEVEL: Compression = Compression::new(4);

/// An op and the thread that called it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Event {
    /// Numbers of threads count from 0.
    pub thread: u32,
    /// What it called.
    pub op: Op,
}

impl From<Op> for Event {
    fn from(op: Op) -> Event {
        Event { thread: 0, op }
    }
}

/// What is wrong with a recording.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// Reading failed.
    #[error("cannot read the recording: {0}")]
    Io(io::Error),
    /// Other bytes than a recording's.
    #[error(
        "this is no recording: it does not begin with GLBT; `.rep` and memory_replay traces have \
         to be imported"
    )]
    NoRecording,
    /// Written by a later version.
    #[error("version {0} of recordings is not known here; this program reads version {VERSION}")]
    Version(u8),
    /// The end is missing.
    #[error("the recording breaks off after {0} events; record or copy it again")]
    BrokenOff(u64),
    /// No event looks like this.
    #[error("event {index} makes no sense ({what}); the recording is damaged")]
    Senseless {
        /// Its number from 0.
        index: u64,
        /// What about it.
        what: &'static str,
    },
    /// Bytes were changed or lost.
    #[error("the checksum does not fit; the recording is damaged")]
    Damaged,
}

/// Writes a recording.
pub struct Writer<W> {
    output: W,
    crc: crc32fast::Hasher,
    /// Encoded, but not passed on yet.
    buffer: Vec<u8>,
    events: u64,
    last_id: u32,
    thread: u32,
}

const PASS_ON: usize = 64 << 10;

impl<W: Write> Writer<W> {
    /// Begins a recording.
    ///
    /// # Errors
    /// Those of `output`, here and below.
    pub fn new(output: W) -> io::Result<Writer<W>> {
        let mut buffer = MAGIC.to_vec();
        buffer.push(VERSION);
        Ok(Writer {
            output,
            crc: crc32fast::Hasher::new(),
            buffer,
            events: 0,
            last_id: 0,
            thread: 0,
        })
    }

    /// Appends an event. The alignment of an [`Op::Aligned`] has to be a power of two.
    ///
    /// # Errors
    /// Those of the output.
    pub fn write(&mut self, event: Event) -> io::Result<()> {
        if event.thread != self.thread {
            self.thread = event.thread;
            self.buffer.push(THREAD);
            self.varint(u64::from(event.thread));
        }
        let (kind, sizes) = encoded(event.op);
        match event.op.id() {
            Some(id) => self.tag(kind, id),
            None => self.buffer.push(kind),
        }
        for size in sizes.into_iter().flatten() {
            self.varint(size);
        }
        self.events += 1;
        if self.buffer.len() >= PASS_ON {
            self.pass_on()?;
        }
        Ok(())
    }

    /// Ends the recording; without, it counts as broken off.
    ///
    /// # Errors
    /// Those of the output.
    pub fn finish(mut self) -> io::Result<W> {
        self.buffer.push(END);
        self.varint(self.events);
        self.pass_on()?;
        self.output.write_all(&self.crc.finalize().to_le_bytes())?;
        self.output.flush()?;
        Ok(self.output)
    }

    fn tag(&mut self, kind: u8, id: u32) {
        let step = i64::from(id) - i64::from(self.last_id);
        self.last_id = id;
        let zigzag = ((step << 1) ^ (step >> 63)) as u64;
        self.buffer.push(kind | ((zigzag.min(MORE) as u8) << 4));
        if zigzag >= MORE {
            self.varint(zigzag - MORE);
        }
    }

    fn varint(&mut self, mut number: u64) {
        while number >= 0x80 {
            self.buffer.push(number as u8 | 0x80);
            number >>= 7;
        }
        self.buffer.push(number as u8);
    }

    fn pass_on(&mut self) -> io::Result<()> {
        self.crc.update(&self.buffer);
        self.output.write_all(&self.buffer)?;
        self.buffer.clear();
        Ok(())
    }
}

fn encoded(op: Op) -> (u8, [Option<u64>; 2]) {
    match op {
        Op::Alloc { size, .. } => (1, [Some(size as u64), None]),
        Op::Zeroed { size, .. } => (2, [Some(size as u64), None]),
        Op::Aligned { size, align, .. } => (
            3,
            [
                Some(size as u64),
                Some(u64::from(align.max(1).trailing_zeros())),
            ],
        ),
        Op::Realloc { size, .. } => (4, [Some(size as u64), None]),
        Op::Free { .. } => (5, [None; 2]),
        Op::FreeSized { .. } => (6, [None; 2]),
        Op::Usable { .. } => (7, [None; 2]),
        Op::Purge => (8, [None; 2]),
        Op::Bad { bad, way, .. } => (10, [Some(bad as u64 | ((way as u64) << 4)), None]),
    }
}

/// Writes a whole recording.
///
/// # Errors
/// Those of `output`.
pub fn write<W: Write>(
    output: W,
    events: impl IntoIterator<Item = impl Into<Event>>,
) -> io::Result<W> {
    let mut writer = Writer::new(output)?;
    for event in events {
        writer.write(event.into())?;
    }
    writer.finish()
}

/// Reads a recording, event by event. Give it a buffered input.
pub struct Reader<R> {
    input: R,
    crc: crc32fast::Hasher,
    events: u64,
    last_id: u32,
    thread: u32,
    /// The end was reached, or an error.
    over: bool,
}

impl<R: Read> Reader<R> {
    /// Looks at the head of a recording.
    ///
    /// # Errors
    /// It is none.
    pub fn new(input: R) -> Result<Reader<R>, ReadError> {
        let mut reader = Reader {
            input,
            crc: crc32fast::Hasher::new(),
            events: 0,
            last_id: 0,
            thread: 0,
            over: false,
        };
        let mut magic = [0; MAGIC.len()];
        for byte in &mut magic {
            *byte = reader.byte().map_err(|error| match error {
                ReadError::BrokenOff(_) => ReadError::NoRecording,
                other => other,
            })?;
        }
        if magic != MAGIC {
            return Err(ReadError::NoRecording);
        }
        match reader.byte()? {
            VERSION => Ok(reader),
            other => Err(ReadError::Version(other)),
        }
    }

    fn byte(&mut self) -> Result<u8, ReadError> {
        let mut byte = [0];
        self.input
            .read_exact(&mut byte)
            .map_err(|error| self.failure(error))?;
        self.crc.update(&byte);
        Ok(byte[0])
    }

    fn failure(&self, error: io::Error) -> ReadError {
        match error.kind() {
            io::ErrorKind::UnexpectedEof => ReadError::BrokenOff(self.events),
            _ => ReadError::Io(error),
        }
    }

    fn senseless(&self, what: &'static str) -> ReadError {
        let index = self.events;
        ReadError::Senseless { index, what }
    }

    fn varint(&mut self) -> Result<u64, ReadError> {
        let mut number = 0;
        for shift in (0..64).step_by(7) {
            let byte = self.byte()?;
            let bits = u64::from(byte & 0x7f);
            if bits << shift >> shift != bits {
                break;
            }
            number |= bits << shift;
            if byte & 0x80 == 0 {
                return Ok(number);
            }
        }
        Err(self.senseless("a number of more than 64 bits"))
    }

    fn size(&mut self) -> Result<usize, ReadError> {
        let size = self.varint()?;
        usize::try_from(size).map_err(|_| self.senseless("a size beyond this machine's"))
    }

    fn id(&mut self, tag: u8) -> Result<u32, ReadError> {
        let zigzag = match u64::from(tag >> 4) {
            MORE => MORE.saturating_add(self.varint()?),
            step => step,
        };
        let step = (zigzag >> 1) as i64 ^ -((zigzag & 1) as i64);
        let id = i64::from(self.last_id).checked_add(step);
        let id = id.and_then(|id| u32::try_from(id).ok());
        self.last_id = id.ok_or_else(|| self.senseless("an id out of range"))?;
        Ok(self.last_id)
    }

    fn align(&mut self) -> Result<usize, ReadError> {
        match self.varint()? {
            log @ 0..48 => Ok(1 << log),
            _ => Err(self.senseless("an alignment of more than the address space")),
        }
    }

    /// The next event; none at the end, which has been checked then.
    fn event(&mut self) -> Result<Option<Event>, ReadError> {
        let mut tag = self.byte()?;
        while tag == THREAD {
            let thread = self.varint()?;
            self.thread = u32::try_from(thread)
                .map_err(|_| self.senseless("a thread's number out of range"))?;
            tag = self.byte()?;
        }
        let op = match tag & 15 {
            0 if tag == END => return self.end().map(|()| None),
            8 if tag == 8 => Op::Purge,
            kind @ (1..=7 | 10) => {
                let id = self.id(tag)?;
                self.op(kind, id)?
            }
            _ => return Err(self.senseless("an unknown kind")),
        };
        self.events += 1;
        let thread = self.thread;
        Ok(Some(Event { thread, op }))
    }

    fn op(&mut self, kind: u8, id: u32) -> Result<Op, ReadError> {
        Ok(match kind {
            5 => Op::Free { id },
            6 => Op::FreeSized { id },
            7 => Op::Usable { id },
            10 => self.bad(id)?,
            _ => {
                let size = self.size()?;
                match kind {
                    1 => Op::Alloc { id, size },
                    2 => Op::Zeroed { id, size },
                    3 => Op::Aligned {
                        id,
                        size,
                        align: self.align()?,
                    },
                    _ => Op::Realloc { id, size },
                }
            }
        })
    }

    fn bad(&mut self, id: u32) -> Result<Op, ReadError> {
        let number = self.varint()?;
        let part = |shift: u32| u8::try_from((number >> shift) & 15).ok();
        let bad = part(0).and_then(Bad::from_repr);
        let way = part(4).and_then(Way::from_repr);
        match (bad, way) {
            (Some(bad), Some(way)) if number < 256 => Ok(Op::Bad { id, bad, way }),
            _ => Err(self.senseless("an unknown bad free")),
        }
    }

    fn end(&mut self) -> Result<(), ReadError> {
        let events = self.varint()?;
        let sum = std::mem::take(&mut self.crc).finalize();
        let mut written = [0; 4];
        self.input
            .read_exact(&mut written)
            .map_err(|error| self.failure(error))?;
        if events == self.events && written == sum.to_le_bytes() {
            Ok(())
        } else {
            Err(ReadError::Damaged)
        }
    }
}

impl<R: Read> Iterator for Reader<R> {
    type Item = Result<Event, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.over {
            return None;
        }
        let event = self.event();
        self.over = !matches!(event, Ok(Some(_)));
        event.transpose()
    }
}

/// Packs what is written to it; to be finished when the recording is.
pub fn packed<W: Write>(output: W) -> GzEncoder<W> {
    GzEncoder::new(output, LEVEL)
}

/// The bytes of a recording, packed or not.
fn unpacked<'a>(input: impl Read + 'a) -> io::Result<Box<dyn BufRead + 'a>> {
    let mut input = BufReader::new(input);
    Ok(if input.fill_buf()?.first() == Some(&GZIP) {
        Box::new(BufReader::new(MultiGzDecoder::new(input)))
    } else {
        Box::new(input)
    })
}

/// Whether a file begins as a recording does, packed or not.
pub fn is_one(input: impl Read) -> bool {
    let mut start = [0; MAGIC.len()];
    let read = unpacked(input).and_then(|mut input| input.read_exact(&mut start));
    read.is_ok() && start == MAGIC
}

/// Reads a whole recording, packed or not.
///
/// # Errors
/// What is wrong with it.
pub fn read(input: impl Read) -> Result<Vec<Event>, ReadError> {
    let mut reader = Reader::new(unpacked(input).map_err(ReadError::Io)?)?;
    let events = reader.by_ref().collect::<Result<_, _>>()?;
    // gzip looks at its own end when it is read.
    let behind = reader.input.read(&mut [0]);
    behind.map_err(|error| reader.failure(error))?;
    Ok(events)
}
