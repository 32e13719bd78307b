//! How a misuse of the heap ends the process: one line, then `abort`.
//!
//! No allocation, no formatting machinery, no lock: the line is put together in a buffer on the
//! stack and written by one system call, so it comes out even if the heap's user is broken.

mod line;

use line::Line;

unsafe extern "C" {
    safe fn abort() -> !;
}

/// What was wrong with a pointer handed to `free` or one of its kin.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Misuse {
    /// A slot start or a run start that is not live.
    DoubleFree,
    /// Inside a live object or a slot, not at its start.
    Interior,
    /// Not a multiple of 16 bytes.
    Misaligned,
    /// Outside the heap's address range.
    Foreign,
    /// Inside the allocator's own tables.
    Tables,
    /// In the heap's range, but on land that holds no object.
    NeverAllocated,
    /// A sized free whose size belongs to another size class.
    WrongSize,
}

impl Misuse {
    const fn words(self) -> &'static str {
        match self {
            Misuse::DoubleFree => "double free",
            Misuse::Interior => "interior pointer",
            Misuse::Misaligned => "misaligned pointer",
            Misuse::Foreign => "foreign pointer",
            Misuse::Tables => "pointer into the allocator's tables",
            Misuse::NeverAllocated => "never allocated",
            Misuse::WrongSize => "wrong size in sized free",
        }
    }

    const fn meaning(self) -> &'static str {
        match self {
            Misuse::DoubleFree => "this block is not live: it was freed before",
            Misuse::Interior => "this is not the start of a block",
            Misuse::Misaligned => "every block starts at a multiple of 16",
            Misuse::Foreign => "this address does not belong to the heap",
            Misuse::Tables => "this address holds the allocator's records",
            Misuse::NeverAllocated => {
                "no block starts here, nor ever did since the page was opened"
            }
            Misuse::WrongSize => "the block was allocated with another size",
        }
    }
}

/// Ends the process with a line such as
/// `glebe: double free: 0x7f12a4c04040 (size class 64): this block is not live: …`.
///
/// `class_size` is the slot size in bytes, or the size of a large run; 0 when unknown.
#[cold]
#[inline(never)]
pub fn misuse(what: Misuse, address: usize, class_size: usize) -> ! {
    let mut line = Line::new();
    line.text("glebe: ")
        .text(what.words())
        .text(": 0x")
        .hex(address);
    if class_size != 0 {
        line.text(" (size class ").decimal(class_size).text(")");
    }
    line.text(": ").text(what.meaning()).text("\n");
    line.write_to_stderr();
    abort()
}
