//! [`Name`]: which arm, by what it is made of, and as users write it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use strum::{Display, EnumIter, EnumString, IntoEnumIterator, VariantNames};

/// Enumerations whose values are words of a name.
macro_rules! words {
    ($($(#[$about:meta])* pub enum $name:ident { $($values:tt)* })*) => { $(
        $(#[$about])*
        #[derive(
            Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord,
            Display, EnumIter, EnumString, VariantNames,
        )]
        #[strum(serialize_all = "kebab-case")]
        pub enum $name { $($values)* }
    )* };
}

words! {
    /// A fit policy of the pools.
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
        /// Lists of single sizes in front of it.
        #[strum(serialize = "quick-fit")]
        Quick,
    }

    /// A tag layout of the pools.
    pub enum Tags {
        /// Bits beside the land.
        Side,
        /// A header and a footer around each block.
        Inline,
    }

    /// A supplier of the pools.
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

    /// An allocator that is no pool.
    pub enum Peer {
        /// This project's allocator for hosted systems.
        Engine,
        /// talc 5.
        Talc,
        /// rlsf, TLSF with 64 × 64 lists.
        Rlsf,
        /// dlmalloc's port to Rust.
        Dlmalloc,
        /// `linked_list_allocator`, first fit.
        LinkedList,
        /// `buddy_system_allocator`.
        Buddy,
        /// embedded-alloc's linked list.
        EmbeddedLlff,
        /// embedded-alloc's TLSF.
        EmbeddedTlsf,
    }
}

/// The versions that are built in are those of the lock file.
const LOCK: &str = include_str!("../../../../Cargo.lock");

impl Peer {
    /// The crate, if it is another project's.
    fn package(self) -> Option<&'static str> {
        match self {
            Peer::Engine => None,
            Peer::Talc => Some("talc"),
            Peer::Rlsf => Some("rlsf"),
            Peer::Dlmalloc => Some("dlmalloc"),
            Peer::LinkedList => Some("linked_list_allocator"),
            Peer::Buddy => Some("buddy_system_allocator"),
            Peer::EmbeddedLlff | Peer::EmbeddedTlsf => Some("embedded-alloc"),
        }
    }

    /// The crate's version, if it is another project's.
    pub fn version(self) -> Option<String> {
        let entry = format!("name = \"{}\"\nversion = \"", self.package()?);
        let (_, rest) = LOCK.split_once(&entry)?;
        let (version, _) = rest.split_once('"')?;
        Some(version.to_owned())
    }

    /// `linked-list is linked_list_allocator 0.10.6`, if it is another project's.
    pub fn origin(self) -> Option<String> {
        let (package, version) = (self.package()?, self.version()?);
        Some(match package == self.to_string() {
            true => format!("{package} {version}"),
            false => format!("{self} is {package} {version}"),
        })
    }
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
    pub const SUBJECT: Name = Name::Pool(Fit::Quick, Tags::Side, Supplier::Fixed);

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

    /// Whether it is a pool that gets its memory from a supplier.
    pub fn has_supplier(self) -> bool {
        matches!(self, Name::Pool(_, _, supplier) if supplier != Supplier::Fixed)
    }

    /// Whether the program break is its supplier.
    pub fn is_on_the_break(self) -> bool {
        matches!(self, Name::Pool(_, _, Supplier::Break))
    }

    /// Whether it is one of this project's.
    pub fn is_ours(self) -> bool {
        matches!(self, Name::Pool(..) | Name::Peer(Peer::Engine))
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
        assert_eq!(all.len(), 5 * 2 * 4 + Peer::iter().count());
        for name in all {
            assert_eq!(name.to_string().parse::<Name>().unwrap(), name);
        }
        let error = "first-fit".parse::<Name>().unwrap_err().to_string();
        assert!(
            error.contains("`first-fit`") && error.contains("talc"),
            "{error}"
        );
    }

    #[test]
    fn every_peer_has_a_version() {
        for peer in Peer::iter().filter(|peer| *peer != Peer::Engine) {
            let origin = peer.origin().unwrap();
            let version = origin.rsplit(' ').next().unwrap();
            assert_eq!(version.split('.').count(), 3, "{origin}");
        }
        assert!(Peer::Talc.origin().unwrap().starts_with("talc 5."));
    }
}
