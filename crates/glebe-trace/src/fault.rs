//! [`Fault`], what the oracle found, where, and the command that shows it again.

use crate::op::Op;
use crate::pattern::Difference;
use std::fmt;

/// What is wrong.
#[derive(Clone, Debug, PartialEq, Eq, strum::EnumDiscriminants, thiserror::Error)]
#[strum_discriminants(name(Kind), doc = "A [`Wrong`] without its particulars.")]
pub enum Wrong {
    /// Null for a request that is no more than the machine can give.
    #[error("out of memory: {size} bytes were refused")]
    Refused {
        /// Bytes requested.
        size: usize,
    },
    /// A block where none can be.
    #[error("impossible: a request of {size} bytes gave {address:#x}")]
    Impossible {
        /// Bytes requested.
        size: usize,
        /// What came of it.
        address: usize,
    },
    /// Too little alignment.
    #[error("misaligned: {address:#x} is not a multiple of {align}")]
    Misaligned {
        /// The block.
        address: usize,
        /// Alignment requested, or what every block has.
        align: usize,
    },
    /// Fewer usable bytes than were asked for.
    #[error("too short: {address:#x} has {usable} usable bytes of {size} requested")]
    TooShort {
        /// The block.
        address: usize,
        /// Usable bytes.
        usable: usize,
        /// Bytes requested.
        size: usize,
    },
    /// The usable size of a block is not what it was.
    #[error("usable size of {address:#x} changed: {before} bytes at first, {now} now")]
    UsableChanged {
        /// The block.
        address: usize,
        /// When it was allocated.
        before: usize,
        /// Now.
        now: usize,
    },
    /// Two live blocks share bytes.
    #[error(
        "overlap: {address:#x} of {length} bytes lies over #{other} at {other_address:#x} of \
         {other_length} bytes"
    )]
    Overlap {
        /// The new block.
        address: usize,
        /// Its usable bytes.
        length: usize,
        /// The id of the block that was there before.
        other: u32,
        /// Where that lies.
        other_address: usize,
        /// Its usable bytes.
        other_length: usize,
    },
    /// Somebody else wrote into a live block.
    #[error(
        "clobbered: byte {} of {address:#x} is {:#04x} and was {:#04x}",
        .at.offset, .at.found, .at.expected
    )]
    Clobbered {
        /// The block.
        address: usize,
        /// The first byte.
        at: Difference,
    },
    /// Memory from `zeroed` is not.
    #[error("not zeroed: byte {} of {address:#x} is {:#04x}", .at.offset, .at.found)]
    NotZeroed {
        /// The block.
        address: usize,
        /// The first byte.
        at: Difference,
    },
    /// A reallocation did not keep the contents.
    #[error(
        "not preserved: byte {} of {address:#x}, before at {before:#x}, is {:#04x} and was {:#04x}",
        .at.offset, .at.found, .at.expected
    )]
    NotPreserved {
        /// The block now.
        address: usize,
        /// The block before.
        before: usize,
        /// The first byte.
        at: Difference,
    },
    /// A bad free came back.
    #[error("accepted: a bad free of {address:#x} was not refused with {}", .words.join(" or "))]
    Accepted {
        /// The pointer.
        address: usize,
        /// What the refusal should have said.
        words: &'static [&'static str],
    },
    /// The allocator's own records are broken.
    #[error("records broken: {0}")]
    Records(String),
}

impl Wrong {
    /// The block concerned.
    pub fn address(&self) -> Option<usize> {
        match *self {
            Wrong::Refused { .. } | Wrong::Records(_) => None,
            Wrong::Impossible { address, .. }
            | Wrong::Misaligned { address, .. }
            | Wrong::TooShort { address, .. }
            | Wrong::UsableChanged { address, .. }
            | Wrong::Overlap { address, .. }
            | Wrong::Clobbered { address, .. }
            | Wrong::NotZeroed { address, .. }
            | Wrong::NotPreserved { address, .. }
            | Wrong::Accepted { address, .. } => Some(address),
        }
    }

    /// Which kind it is.
    pub fn kind(&self) -> Kind {
        Kind::from(self)
    }
}

/// Where the ops come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A command that plays them again.
    Command(String),
    /// A list that the caller holds.
    List,
}

/// What the oracle found.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub struct Fault {
    /// What is wrong.
    pub wrong: Wrong,
    /// Number, from 0, of the op that brought it to light, and the op; none at the end.
    pub op: Option<(u64, Op)>,
    /// The thread that made the call.
    pub thread: u32,
    /// How to have it again.
    pub origin: Origin,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\n  at ", self.wrong)?;
        match self.op {
            Some((index, op)) => write!(f, "op {index} ({op})")?,
            None => write!(f, "the end")?,
        }
        write!(f, " on thread {}", self.thread)?;
        match &self.origin {
            Origin::Command(command) => write!(f, "\n  again: {command}"),
            Origin::List => Ok(()),
        }
    }
}
