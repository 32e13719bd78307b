//! What a stream looks like: a mix of sizes times a mix of lifetimes, and bounds on what lives.
//!
//! A profile is named by both, as in `skewed-random`; [`Profile::all`] is the whole product.

use crate::rng::Rng;
use std::fmt;
use std::str::FromStr;
use strum::{Display, EnumIter, EnumString, IntoEnumIterator, VariantNames};

/// Which sizes are asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Display, EnumIter, EnumString, VariantNames)]
#[strum(serialize_all = "lowercase")]
pub enum Sizes {
    /// One size, which the seed chooses, up to 4 KiB.
    Fixed,
    /// Every size up to 32 KiB as likely as the next.
    Uniform,
    /// As programs ask: mostly up to 128 bytes, ever fewer above, seldom up to 256 KiB.
    Skewed,
    /// Where the classes of common allocators meet, and one byte to either side.
    Classes,
    /// From 32 KiB to 6 MiB.
    Large,
    /// Aligned to 32 bytes up to 4 MiB.
    Aligned,
}

/// Which block goes next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Display, EnumIter, EnumString, VariantNames)]
#[strum(serialize_all = "lowercase")]
pub enum Lifetimes {
    /// Any.
    Random,
    /// The youngest.
    Lifo,
    /// The oldest.
    Fifo,
    /// Any, and half of all ops are reallocations, mostly to grow.
    Growth,
}

/// A size and an alignment, as drawn from [`Sizes`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Request {
    /// Bytes.
    pub size: usize,
    /// A power of two, or 0 if the call names none.
    pub align: usize,
}

/// The look of a stream.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Profile {
    /// Which sizes are asked for.
    pub sizes: Sizes,
    /// Which block goes next.
    pub lifetimes: Lifetimes,
    /// Most blocks that live at a time.
    pub max_live: usize,
    /// About the most bytes that live at a time.
    pub max_bytes: usize,
    /// Threads, each with a stream of its own.
    pub threads: u32,
}

impl Profile {
    /// The profile of two mixes, on one thread, with the bounds that suit them.
    pub const fn new(sizes: Sizes, lifetimes: Lifetimes) -> Profile {
        let (max_live, max_bytes) = match sizes {
            Sizes::Fixed | Sizes::Classes => (4096, 64 << 20),
            Sizes::Uniform => (2048, 64 << 20),
            Sizes::Skewed => (20_000, 64 << 20),
            Sizes::Large => (64, 128 << 20),
            Sizes::Aligned => (256, 64 << 20),
        };
        Profile {
            sizes,
            lifetimes,
            max_live,
            max_bytes,
            threads: 1,
        }
    }

    /// The same on so many threads.
    pub const fn on_threads(self, threads: u32) -> Profile {
        Profile { threads, ..self }
    }

    /// Every mix of sizes with every mix of lifetimes.
    pub fn all() -> impl Iterator<Item = Profile> {
        Sizes::iter()
            .flat_map(|sizes| Lifetimes::iter().map(move |lives| Profile::new(sizes, lives)))
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.sizes, self.lifetimes)
    }
}

/// A name that is no profile's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "no profile is called `{0}`: say sizes-lifetimes, with sizes one of {sizes} and lifetimes one \
     of {lives}",
    sizes = Sizes::VARIANTS.join(", "),
    lives = Lifetimes::VARIANTS.join(", ")
)]
pub struct UnknownProfile(String);

impl FromStr for Profile {
    type Err = UnknownProfile;

    fn from_str(name: &str) -> Result<Profile, UnknownProfile> {
        let parse = || {
            let (sizes, lifetimes) = name.split_once('-')?;
            Some(Profile::new(sizes.parse().ok()?, lifetimes.parse().ok()?))
        };
        parse().ok_or_else(|| UnknownProfile(name.to_owned()))
    }
}

impl Sizes {
    /// Draws a request; `fixed` is the size that [`Sizes::Fixed`] keeps to.
    pub fn draw(self, rng: &mut Rng, fixed: usize) -> Request {
        let size = match self {
            Sizes::Fixed => fixed,
            Sizes::Uniform => rng.between(1, 32 << 10),
            Sizes::Skewed => skewed(rng),
            Sizes::Classes => boundary(rng) + rng.below(3) - 1,
            Sizes::Large => rng.log_between(32 << 10, 6 << 20),
            Sizes::Aligned => return aligned(rng),
        };
        Request { size, align: 0 }
    }

    /// The size past which a block that grows starts again small.
    pub const fn ceiling(self) -> usize {
        match self {
            Sizes::Fixed | Sizes::Classes => 128 << 10,
            Sizes::Uniform | Sizes::Aligned => 256 << 10,
            Sizes::Skewed => 1 << 20,
            Sizes::Large => 12 << 20,
        }
    }
}

fn skewed(rng: &mut Rng) -> usize {
    match rng.below(1000) {
        0..10 => 0,
        10..700 => rng.between(1, 128),
        700..920 => rng.between(129, 1024),
        920..985 => rng.log_between(1 << 10, 8 << 10),
        985..998 => rng.log_between(8 << 10, 64 << 10),
        _ => rng.log_between(64 << 10, 256 << 10),
    }
}

/// A size at which some allocator's class ends: a multiple of 16, an eighth of a doubling, a page.
fn boundary(rng: &mut Rng) -> usize {
    match rng.below(16) {
        0..7 => 16 * rng.between(1, 16),
        7..14 => {
            let floor = 256 << rng.below(8);
            floor + floor / 8 * rng.between(0, 8)
        }
        14 => 4096 * rng.between(1, 16),
        _ => 1 << rng.between(1, 17),
    }
}

/// Alignments with every power of two as likely as the next, and sizes below, at and above them.
fn aligned(rng: &mut Rng) -> Request {
    let align: usize = 32 << rng.below(18);
    let size = match rng.below(8) {
        0 => align,
        1 => align + rng.below(align),
        2 => align - rng.below(align.min(64)),
        3 => 0,
        _ => rng.log_between(1, 64 << 10),
    };
    // Seldom as large as that: most of the time would go into filling the block.
    let size = if size > 256 << 10 && !rng.once_in(16) {
        size % 4099
    } else {
        size
    };
    Request { size, align }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for profile in Profile::all() {
            assert_eq!(profile.to_string().parse(), Ok(profile));
        }
        assert_eq!(Profile::all().count(), 24);
        let error = "large".parse::<Profile>().unwrap_err().to_string();
        assert!(error.contains("`large`") && error.contains("skewed") && error.contains("lifo"));
    }

    #[test]
    fn draws_what_the_names_say() {
        let mut rng = Rng::new(3);
        let mut aligns = std::collections::BTreeSet::new();
        for _ in 0..20_000 {
            assert_eq!(Sizes::Fixed.draw(&mut rng, 77).size, 77);
            assert!((32 << 10..=6 << 20).contains(&Sizes::Large.draw(&mut rng, 0).size));
            assert!(Sizes::Skewed.draw(&mut rng, 0).size <= 256 << 10);
            assert!(Sizes::Classes.draw(&mut rng, 0).size >= 1);
            let request = Sizes::Aligned.draw(&mut rng, 0);
            assert!(request.align.is_power_of_two());
            aligns.insert(request.align);
        }
        assert_eq!(aligns.first(), Some(&32));
        assert_eq!(aligns.last(), Some(&(4 << 20)));
    }
}
