//! Frees that an allocator must refuse by ending the process: which pointer, by which call, and the
//! words of which one must stand in its last line.
//!
//! They are played only where somebody has promised that the target refuses them, see
//! [`crate::Care::with_bad_frees`]; everywhere else they are passed over.

use crate::target::Target;
use std::alloc::Layout;
use strum::{Display, EnumIter, FromRepr};

/// What is wrong with the pointer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Display, EnumIter, FromRepr)]
#[strum(serialize_all = "kebab-case")]
#[repr(u8)]
pub enum Bad {
    /// A live block, freed twice on the spot.
    Twice,
    /// Where a block has lived, and none begins now.
    Stale,
    /// Inside a live block, at a multiple of 16.
    Inside,
    /// Inside a live block, at no multiple of 16.
    Askew,
    /// A static variable of the program.
    Foreign,
    /// Far above all that lives.
    Beyond,
    /// A live block with a size that is not its own.
    WrongSize,
}

/// By which call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Display, EnumIter, FromRepr)]
#[strum(serialize_all = "kebab-case")]
#[repr(u8)]
pub enum Way {
    /// As `free`.
    Free,
    /// As `free_sized`.
    Sized,
    /// As `realloc`, to a size that no block can grow to in place.
    Realloc,
    /// As `malloc_usable_size`.
    Usable,
}

/// Called with the address and [`Bad::words`] before a bad free.
pub type Announce = fn(address: usize, words: &[&str]);

/// What [`Bad::Foreign`] points at.
static FOREIGN: [u128; 4] = [0; 4];

impl Bad {
    /// One of these must stand in the line with which the process ends.
    pub const fn words(self) -> &'static [&'static str] {
        match self {
            // Large blocks and emptied slabs are free land, of which no more is known.
            Bad::Twice => &["double free", "never allocated"],
            // Something else may lie there by now.
            Bad::Stale => &["double free", "never allocated", "interior pointer"],
            Bad::Inside => &["interior pointer"],
            Bad::Askew => &["misaligned pointer"],
            Bad::Foreign => &["foreign pointer"],
            Bad::Beyond => &["never allocated", "foreign pointer"],
            Bad::WrongSize => &["wrong size in sized free"],
        }
    }

    /// The pointer and the layout to claim, made from a live block; none if it is too small.
    pub(crate) fn call(self, start: usize, layout: Layout, usable: usize) -> Option<Call> {
        let inner = usable.saturating_sub(1) / 16;
        let (address, size) = match self {
            Bad::Twice | Bad::Stale => (start, layout.size()),
            Bad::Inside if inner == 0 => return None,
            // Any, but the same in every run.
            Bad::Inside => (start + 16 * (1 + layout.size() % inner), layout.size()),
            Bad::Askew => (start + 1 + layout.size() % 15, layout.size()),
            Bad::Foreign => (&raw const FOREIGN as usize, layout.size()),
            Bad::Beyond => (start.checked_add(1 << 30)? & !15, layout.size()),
            Bad::WrongSize => (start, usable + 1),
        };
        let layout = Layout::from_size_align(size, layout.align()).ok()?;
        Some(Call { address, layout })
    }
}

/// A bad free about to be made.
pub(crate) struct Call {
    pub(crate) address: usize,
    pub(crate) layout: Layout,
}

impl Call {
    /// Makes it; returns only if it was not refused.
    ///
    /// # Safety
    /// The target refuses it.
    pub(crate) unsafe fn make<T: Target + ?Sized>(&self, target: &T, way: Way) {
        let block = std::ptr::with_exposed_provenance_mut(self.address);
        let larger = self.layout.size().saturating_mul(64) + (64 << 10);
        // SAFETY: the target refuses what is not live, so says the caller.
        unsafe {
            match way {
                Way::Free => target.free(block, self.layout),
                Way::Sized => target.free_sized(block, self.layout),
                Way::Realloc => _ = target.realloc(block, self.layout, larger),
                Way::Usable => _ = target.usable_size(block, self.layout),
            }
        }
    }
}
