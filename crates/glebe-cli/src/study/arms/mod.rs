//! The arms of the study: every allocator under one trait, over memory of its own.
//!
//! | file | arms |
//! |--|--|
//! | `pools` | each fit policy × tag layout × supplier |
//! | `peers` | the hosted engine, and other allocators' crates over a fixed range |
//! | `land` | the memory that they get |
//! | `kernel` | a stand-in for a kernel's calls for blocks |

mod kernel;
mod land;
mod peers;
mod pools;

use std::alloc::Layout;
use std::fmt;
use std::str::FromStr;

use glebe_pool::Stats;
use serde::{Deserialize, Serialize};
use strum::{Display, EnumIter, EnumString, IntoEnumIterator, VariantNames};

pub use land::Land;
pub use peers::Peer;

use crate::study::pairs::{Plan, Replaced};

/// An allocator of one thread.
pub trait Arm {
    /// A block, or null.
    fn alloc(&mut self, layout: Layout) -> *mut u8;

    /// Frees a block.
    ///
    /// # Safety
    /// The block lives and has this layout.
    unsafe fn free(&mut self, block: *mut u8, layout: Layout);

    /// Gives a block another size, or null: then the block is as it was.
    ///
    /// # Safety
    /// The block lives and has this layout; after success only the new one does.
    unsafe fn realloc(&mut self, block: *mut u8, layout: Layout, size: usize) -> *mut u8;

    /// Bytes held from a supplier or the system; none over a fixed range.
    fn held(&self) -> Option<usize> {
        None
    }

    /// Exact sums, where the arm can tell them.
    fn stats(&self) -> Option<Stats> {
        None
    }

    /// Replaces blocks by a plan. A method, so that the loop is compiled for each arm.
    fn replace(&mut self, plan: &mut Plan) -> Replaced {
        plan.run(self)
    }
}

/// What `realloc` is where an allocator has none of its own.
///
/// # Safety
/// As [`Arm::realloc`].
pub unsafe fn move_to_new(
    arm: &mut (impl Arm + ?Sized),
    block: *mut u8,
    layout: Layout,
    size: usize,
) -> *mut u8 {
    let Ok(wanted) = Layout::from_size_align(size, layout.align()) else {
        return std::ptr::null_mut();
    };
    let new = arm.alloc(wanted);
    if !new.is_null() {
        // SAFETY: both blocks live, apart from each other, and the old one is given up.
        unsafe {
            new.copy_from_nonoverlapping(block, layout.size().min(size));
            arm.free(block, layout);
        }
    }
    new
}

/// A fit policy of the pools.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Display,
    EnumIter,
    EnumString,
    VariantNames,
)]
#[strum(serialize_all = "kebab-case")]
pub enum Fit {
    /// The lowest that fits.
    #[strum(serialize = "first-fit")]
    First,
    /// The first after the last one taken.
    #[strum(serialize = "next-fit")]
    Next,
    /// The smallest.
    #[strum(serialize = "best-fit")]
    Best,
    /// Two-level segregated fit.
    TwoLevel,
}

/// A tag layout of the pools.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Display,
    EnumIter,
    EnumString,
    VariantNames,
)]
#[strum(serialize_all = "kebab-case")]
pub enum Tags {
    /// Bits beside the land.
    Side,
    /// A header and a footer around each block.
    Inline,
}

/// A supplier of the pools.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Display,
    EnumIter,
    EnumString,
    VariantNames,
)]
#[strum(serialize_all = "kebab-case")]
pub enum Supplier {
    /// One range, given at the start.
    Fixed,
    /// A kernel's calls for blocks of 4096 bytes.
    Kernel,
    /// Anonymous mappings.
    Mmap,
    /// The program break.
    Break,
}

/// Which arm.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub enum Name {
    /// A pool.
    Pool(Fit, Tags, Supplier),
    /// Another allocator.
    Peer(Peer),
}

impl Name {
    /// The pool that the targets are promised for.
    pub const SUBJECT: Name = Name::Pool(Fit::TwoLevel, Tags::Side, Supplier::Fixed);

    /// Every arm: pools by supplier, then the others.
    pub fn all() -> Vec<Name> {
        let mut names = Vec::new();
        for supplier in Supplier::iter() {
            for fit in Fit::iter() {
                names.extend(Tags::iter().map(|tags| Name::Pool(fit, tags, supplier)));
            }
        }
        names.extend(Peer::iter().map(Name::Peer));
        names
    }

    /// Whether it lives on one range that it is given at the start.
    pub fn is_fixed(self) -> bool {
        match self {
            Name::Pool(_, _, supplier) => supplier == Supplier::Fixed,
            Name::Peer(peer) => peer != Peer::Engine,
        }
    }

    /// Whether the program break is its supplier.
    pub fn is_on_the_break(self) -> bool {
        matches!(self, Name::Pool(_, _, Supplier::Break))
    }

    /// Whether it is one of this project's.
    pub fn is_ours(self) -> bool {
        matches!(self, Name::Pool(..) | Name::Peer(Peer::Engine))
    }

    /// A fresh one. Those over a fixed range get so many bytes.
    pub fn open(self, bytes: usize) -> std::io::Result<Box<dyn Arm>> {
        match self {
            Name::Pool(fit, tags, supplier) => pools::open(fit, tags, supplier, bytes),
            Name::Peer(peer) => peers::open(peer, bytes),
        }
    }
}

impl fmt::Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Name::Pool(fit, tags, Supplier::Fixed) => write!(f, "{fit},{tags}"),
            Name::Pool(fit, tags, supplier) => write!(f, "{fit},{tags},{supplier}"),
            Name::Peer(peer) => write!(f, "{peer}"),
        }
    }
}

impl From<Name> for String {
    fn from(name: Name) -> String {
        name.to_string()
    }
}

impl TryFrom<String> for Name {
    type Error = Unknown;

    fn try_from(name: String) -> Result<Name, Unknown> {
        name.parse()
    }
}

/// A name that is no arm's.
#[derive(Debug, Clone, thiserror::Error)]
#[error(
    "no pool or peer is called `{0}`: say FIT,TAGS or FIT,TAGS,SUPPLIER with FIT one of {fits}, \
     TAGS one of {tags}, SUPPLIER one of {suppliers}; or one of {peers}",
    fits = Fit::VARIANTS.join(", "),
    tags = Tags::VARIANTS.join(", "),
    suppliers = Supplier::VARIANTS.join(", "),
    peers = Peer::VARIANTS.join(", ")
)]
pub struct Unknown(String);

impl FromStr for Name {
    type Err = Unknown;

    fn from_str(name: &str) -> Result<Name, Unknown> {
        if let Ok(peer) = name.parse() {
            return Ok(Name::Peer(peer));
        }
        let mut words = name.split(',').map(str::trim);
        let mut pool = || {
            let fit = words.next()?.parse().ok()?;
            let tags = words.next()?.parse().ok()?;
            let supplier = words.next().map_or(Ok(Supplier::Fixed), str::parse).ok()?;
            words
                .next()
                .is_none()
                .then_some(Name::Pool(fit, tags, supplier))
        };
        pool().ok_or_else(|| Unknown(name.to_owned()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        let all = Name::all();
        assert_eq!(all.len(), 4 * 2 * 4 + Peer::iter().count());
        for name in all {
            assert_eq!(name.to_string().parse::<Name>().unwrap(), name);
        }
        let error = "first-fit".parse::<Name>().unwrap_err().to_string();
        assert!(
            error.contains("`first-fit`") && error.contains("talc"),
            "{error}"
        );
    }

    /// Blocks are apart and keep what is written into them, also when they are resized.
    #[test]
    fn every_arm_serves() {
        for name in Name::all() {
            let mut arm = name.open(1 << 20).unwrap();
            let mut live = Vec::new();
            for number in 0..200_usize {
                let layout = Layout::from_size_align(8 + number * 5, 8).unwrap();
                let block = arm.alloc(layout);
                assert!(!block.is_null(), "{name}");
                // SAFETY: the block is ours and has so many bytes.
                unsafe { block.write_bytes(number as u8, layout.size()) };
                live.push((block, layout));
            }
            for (number, (block, layout)) in live.iter_mut().enumerate() {
                let size = layout.size() * 2;
                // SAFETY: the block lives, and only the new one is used from here on.
                *block = unsafe { arm.realloc(*block, *layout, size) };
                assert!(!block.is_null(), "{name}");
                // SAFETY: the block has so many bytes, of which the first half was written.
                let kept = unsafe { std::slice::from_raw_parts(*block, layout.size()) };
                assert!(kept.iter().all(|byte| *byte == number as u8), "{name}");
                *layout = Layout::from_size_align(size, 8).unwrap();
            }
            for (block, layout) in live {
                // SAFETY: the block lives and is given up.
                unsafe { arm.free(block, layout) };
            }
        }
    }
}
