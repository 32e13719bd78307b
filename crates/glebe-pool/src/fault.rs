//! [`Fault`], what a pool refuses, the [`Hook`] that hears of it, and [`Torn`], what it finds
//! overwritten.

use crate::word::At;
use core::fmt;

/// A word at this block was overwritten.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Torn(pub(crate) At);

/// Why a call was refused. Addresses are those that the caller named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// The block, or the block that it has since become part of, is free already.
    DoubleFree(usize),
    /// Inside a live block, which starts at the second address.
    Interior(usize, usize),
    /// No multiple of the granule, so no block; inside the pool's land.
    Misaligned(usize),
    /// In no range of the pool.
    Foreign(usize),
    /// In one of the pool's own tables.
    Table(usize),
    /// The layout that the caller gives back is not the block's.
    WrongSize {
        /// The block.
        at: usize,
        /// Bytes that the caller named.
        named: usize,
        /// Bytes that the block has.
        real: usize,
    },
    /// The header or the footer of the block was overwritten: a write past an end of a neighbour.
    /// Inline tags only.
    TornTag(usize),
    /// The links in a free block were overwritten: a write after free. The index of free blocks
    /// has been made anew from the tags, so that nothing else is lost.
    TornLink(usize),
}

impl Fault {
    /// What happened, in two or three words.
    pub const fn words(&self) -> &'static str {
        match self {
            Fault::DoubleFree(_) => "double free",
            Fault::Interior(..) => "interior pointer",
            Fault::Misaligned(_) => "misaligned pointer",
            Fault::Foreign(_) => "foreign pointer",
            Fault::Table(_) => "pointer into the allocator's tables",
            Fault::WrongSize { .. } => "wrong size in sized free",
            Fault::TornTag(_) => "overwritten header",
            Fault::TornLink(_) => "write after free",
        }
    }

    /// The address that the caller named, or the block that was overwritten.
    pub const fn address(&self) -> usize {
        match *self {
            Fault::DoubleFree(at)
            | Fault::Interior(at, _)
            | Fault::Misaligned(at)
            | Fault::Foreign(at)
            | Fault::Table(at)
            | Fault::WrongSize { at, .. }
            | Fault::TornTag(at)
            | Fault::TornLink(at) => at,
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.words())?;
        match *self {
            Fault::TornTag(at) => write!(f, " of {at:#x}"),
            Fault::DoubleFree(at) => write!(f, " of {at:#x}"),
            Fault::TornLink(at) => write!(f, " to {at:#x}"),
            Fault::Interior(at, start) => write!(f, " {at:#x}, inside the block at {start:#x}"),
            Fault::WrongSize { at, named, real } => {
                write!(f, " of {at:#x}: {named} bytes named, the block has {real}")
            }
            _ => write!(f, " {:#x}", self.address()),
        }
    }
}

impl core::error::Error for Fault {}

/// Called at every fault. If it comes back, the call that was refused does nothing.
pub type Hook = fn(&Fault);

/// The hook of every pool that was given no other: a line `glebe: …`, then the end.
///
/// With the feature `std` the line goes to stderr and the process ends by SIGABRT. Without, it is
/// a panic, which the system's panic handler prints; it never unwinds.
pub fn abort(fault: &Fault) {
    die(fault)
}

#[cfg(feature = "std")]
fn die(fault: &Fault) -> ! {
    use std::io::Write;
    // Standard error has no buffer, so nothing is allocated here. There is nobody to tell of an
    // error in writing.
    let _ = writeln!(std::io::stderr(), "glebe: {fault}");
    std::process::abort()
}

/// A panic in a function of this ABI ends the program instead of unwinding.
#[cfg(not(feature = "std"))]
extern "C" fn die(fault: &Fault) -> ! {
    panic!("glebe: {fault}")
}
