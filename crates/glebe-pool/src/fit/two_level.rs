//! Two-level segregated fit: lists of free blocks by size, and bits that tell which have blocks.
//!
//! Up to 64 granules every size has a class of its own; above, every doubling has 32 classes.
//!
//! ```text
//! granules  1 2 3 … 64 │ 65–66 67–68 … 127–128 │ 129–132 … 253–256 │ …
//! class     0 1 2 … 63 │ 64    65    … 95      │ 96      … 127     │ …
//! word      0          │ 1                                         │ 2 …    64 classes a word
//! ```
//!
//! A request looks into its own class first, at a few blocks, then takes the first block of the
//! first class whose every block is large enough: two searches for the lowest bit. (Masmano,
//! Ripoll, Crespo, Real: *TLSF*, 2004.) The last class holds all larger blocks as well.

use super::{Extent, Fault, Index, NEXT, PREVIOUS, Place, Want, follow, position_in};
use crate::broken::Rule;
use crate::fault::Torn;
use crate::site::Site;
use crate::tags::{NEAR, Survey, Tags};
use crate::word::{At, GRANULE, WORD};
use core::num::NonZeroU64;

/// Classes to a doubling, as a power of two.
const STEPS_LOG2: u32 = 5;
const CLASSES_OF_WORD: usize = 64;
/// Every class below this is of one size.
pub(super) const EXACT: usize = 64;
/// Classes from here on are not looked at by [`Index::quick`].
const QUICK: usize = NEAR / GRANULE;
const _: () = assert!(QUICK <= EXACT && EXACT == CLASSES_OF_WORD);
/// How many blocks of its own class a request looks at before and after it looks at larger ones.
const TRIES: usize = 2;
const TRIES_BEFORE_REFUSAL: usize = 64;

/// A free block that is large enough, and hardly larger, in constant time.
///
/// With `WORDS` words of classes it holds `512 × WORDS` bytes (64-bit), and tells sizes apart up
/// to `GRANULE << 2 × WORDS + 4` bytes; larger requests look at the 64 last freed only. The
/// default serves up to 1 TiB, `TwoLevel<2>` is right for a few kilobytes.
#[derive(Debug)]
pub struct TwoLevel<const WORDS: usize = 16> {
    /// Bit w: word w of `classes` is not zero. Nobody asks for bit 0, which means nothing.
    words: u64,
    classes: [u64; WORDS],
    /// The first block of each class, [`Site::nothing`] for none. Its link to the one before means
    /// nothing.
    heads: [[usize; CLASSES_OF_WORD]; WORDS],
    /// Where the link to the one before is written if there is none behind.
    nowhere: usize,
}

/// The class of a number of granules, one more than `but_one`, if there were no last one.
#[inline(always)]
const fn class_of(but_one: usize) -> usize {
    let shift = (but_one | 1 << STEPS_LOG2).ilog2() - STEPS_LOG2;
    ((shift as usize) << STEPS_LOG2) + (but_one >> shift)
}

/// The first class of which every block has one granule more than `but_one`.
#[inline(always)]
fn class_above(but_one: usize) -> usize {
    let shift = (but_one | 1 << STEPS_LOG2).ilog2() - STEPS_LOG2;
    class_of(but_one.saturating_add((1 << shift) - 1))
}

/// Checks a list whose first block's link to the one before means nothing; how many blocks it has,
/// all of which must have strides that belong there.
pub(super) fn check_list<T: Tags>(
    site: &Site<T>,
    first: Option<At>,
    belongs: impl Fn(usize) -> bool,
) -> Result<usize, Fault> {
    let (mut count, mut previous) = (0, None);
    for at in follow(site, first) {
        let at = at.map_err(|torn| (Rule::Links, torn.0))?;
        let right = site.free_stride(at).is_ok_and(&belongs);
        if !right || previous.is_some_and(|is| at.load(PREVIOUS * WORD) != is) {
            return Err((Rule::Index, at));
        }
        previous = Some(at.0);
        count += 1;
    }
    Ok(count)
}

/// Takes a block that is not the first out of its list.
///
/// Its link to the one before lies open: the other's link to this block vouches for it.
#[inline(always)]
pub(super) fn delist<T>(site: &Site<T>, at: At) -> Result<(), Torn> {
    let to_next = at.load(NEXT * WORD);
    let next = site.unsealed(to_next);
    let previous = At(at.load(PREVIOUS * WORD));
    if !site.are_inside(next, previous.0) || previous.load(NEXT * WORD) != site.seal(at.0) {
        return Err(Torn(at));
    }
    previous.store(NEXT * WORD, to_next);
    if next != site.nothing() {
        At(next).store(PREVIOUS * WORD, previous.0);
    }
    Ok(())
}

impl<const WORDS: usize> TwoLevel<WORDS> {
    const LAST: usize = {
        assert!(WORDS >= 1 && WORDS <= 16, "1 to 16 words of classes");
        WORDS * CLASSES_OF_WORD - 1
    };

    #[inline(always)]
    fn class(stride: usize) -> usize {
        class_of(stride / GRANULE - 1).min(Self::LAST)
    }

    #[inline(always)]
    fn head(&mut self, class: usize) -> &mut usize {
        &mut self.heads[class / CLASSES_OF_WORD % WORDS][class % CLASSES_OF_WORD]
    }

    fn first<T>(&self, site: &Site<T>, class: usize) -> Option<At> {
        let head = self.heads[class / CLASSES_OF_WORD % WORDS][class % CLASSES_OF_WORD];
        (head != site.nothing()).then_some(At(head))
    }

    /// The head of a class below [`EXACT`].
    #[inline(always)]
    fn exact(&mut self, class: usize) -> &mut usize {
        debug_assert!(class < CLASSES_OF_WORD);
        // SAFETY: callers have the class from a bit of `classes[0]`, or from a stride of at least
        // a granule and at most `NEAR`, which is `EXACT` granules or less.
        unsafe { self.heads[0].get_unchecked_mut(class) }
    }

    /// Writes the links of a block that comes before `next`, and the link back.
    #[inline(always)]
    pub(super) fn enlist<T>(&mut self, site: &Site<T>, at: At, next: usize) {
        at.store(NEXT * WORD, site.seal(next));
        let mut back = At(next).pointer().wrapping_add(PREVIOUS * WORD).cast();
        // No branch: whether a list is empty is not to be foretold.
        if next == site.nothing() {
            back = &raw mut self.nowhere;
        }
        // SAFETY: a word of the pool's memory in a block that a head named, or a field of its own.
        unsafe { back.write(at.0) };
    }

    #[inline(always)]
    fn push_exact<T>(&mut self, site: &Site<T>, at: At, class: usize) {
        let next = core::mem::replace(self.exact(class), at.0);
        self.classes[0] |= 1 << (class % CLASSES_OF_WORD);
        self.enlist(site, at, next);
    }

    #[inline(always)]
    fn push<T>(&mut self, site: &Site<T>, at: At, class: usize) {
        let next = core::mem::replace(self.head(class), at.0);
        let word = class / CLASSES_OF_WORD % WORDS;
        self.classes[word] |= 1 << (class % CLASSES_OF_WORD);
        self.words |= 1 << word;
        self.enlist(site, at, next);
    }

    /// Makes the block after the first, or none, the first of a class below [`EXACT`].
    #[inline(always)]
    fn pop_exact<T>(&mut self, site: &Site<T>, class: usize, next: usize) {
        *self.exact(class) = next;
        self.classes[0] ^= u64::from(next == site.nothing()) << (class % CLASSES_OF_WORD);
    }

    /// The same for any class.
    #[inline(always)]
    fn pop<T>(&mut self, site: &Site<T>, class: usize, next: usize) {
        *self.head(class) = next;
        let word = class / CLASSES_OF_WORD % WORDS;
        self.classes[word] ^= u64::from(next == site.nothing()) << (class % CLASSES_OF_WORD);
        self.words ^= u64::from(self.classes[word] == 0) << word;
    }

    #[inline(always)]
    fn unlink_exact<T>(&mut self, site: &Site<T>, at: At, class: usize) -> Result<(), Torn> {
        if *self.exact(class) == at.0 {
            let next = site.unseal(at, at.load(NEXT * WORD))?;
            self.pop_exact(site, class, next);
            return Ok(());
        }
        delist(site, at)
    }

    #[inline(always)]
    fn unlink<T>(&mut self, site: &Site<T>, at: At, class: usize) -> Result<(), Torn> {
        if *self.head(class) == at.0 {
            let next = site.unseal(at, at.load(NEXT * WORD))?;
            self.pop(site, class, next);
            return Ok(());
        }
        delist(site, at)
    }

    /// Whether there is a block in the class of `stride`, or a larger one.
    #[inline(always)]
    pub(super) fn reaches(&self, stride: usize) -> bool {
        let class = Self::class(stride);
        let word = class / CLASSES_OF_WORD % WORDS;
        self.words >> word > 1 || self.classes[word] >> (class % CLASSES_OF_WORD) != 0
    }

    /// The first class from `class` on that has blocks.
    #[inline(always)]
    fn occupied(&self, class: usize) -> Option<usize> {
        if class > Self::LAST {
            return None;
        }
        let word = class / CLASSES_OF_WORD % WORDS;
        let here = self.classes[word] >> (class % CLASSES_OF_WORD);
        if here != 0 {
            return Some(class + here.trailing_zeros() as usize);
        }
        // A word more than there can be, so that the shift is in bounds.
        let words = self.words >> (word + 1);
        if words == 0 {
            return None;
        }
        let word = (word + 1 + words.trailing_zeros() as usize) % WORDS;
        Some(word * CLASSES_OF_WORD + self.classes[word].trailing_zeros() as usize)
    }

    /// The first of so many blocks of a class in which the request fits.
    fn search<T: Tags>(
        &self,
        site: &Site<T>,
        want: Want,
        class: usize,
        tries: usize,
    ) -> Result<Option<Extent>, Torn> {
        let mut next = self.first(site, class);
        for _ in 0..tries {
            let Some(at) = next else { break };
            let block = (at, site.free_stride(at)?);
            if want.fit::<T>(block).is_some() {
                return Ok(Some(block));
            }
            next = site.link(at, NEXT)?;
        }
        Ok(None)
    }

    /// The first block of the first class whose every block has this stride.
    #[inline(always)]
    fn above<T: Tags>(&self, site: &Site<T>, stride: usize) -> Result<Option<Extent>, Torn> {
        site.step();
        let Some(class) = self.occupied(class_above(stride / GRANULE - 1)) else {
            return Ok(None);
        };
        let Some(at) = self.first(site, class) else {
            return Ok(None);
        };
        if class < EXACT && class < Self::LAST {
            return Ok(Some((at, (class + 1) * GRANULE)));
        }
        Ok(Some((at, site.free_stride(at)?)))
    }
}

impl<const WORDS: usize> Index for TwoLevel<WORDS> {
    const EMPTY: TwoLevel<WORDS> = TwoLevel {
        words: 0,
        classes: [0; WORDS],
        heads: [[0; CLASSES_OF_WORD]; WORDS],
        nowhere: 0,
    };
    const QUICK: bool = true;
    const NAME: &'static str = "two-level segregated fit";

    fn prepare<T: Tags>(&mut self, site: &Site<T>) {
        self.heads = [[site.nothing(); CLASSES_OF_WORD]; WORDS];
    }

    #[inline(never)]
    fn find<T: Tags>(&mut self, site: &Site<T>, want: Want) -> Result<Option<Extent>, Torn> {
        let own = Self::class(want.stride);
        if let Some(found) = self.search(site, want, own, TRIES)? {
            return Ok(Some(found));
        }
        if want.align > GRANULE
            && let Some(class) = self.occupied(own + 1)
            && let Some(found) = self.search(site, want, class, TRIES)?
        {
            return Ok(Some(found));
        }
        if let Some(padded) = want.padded::<T>() {
            if let Some(found) = self.above(site, padded)? {
                return Ok(Some(found));
            }
            if let Some(found) = self.search(site, want, Self::class(padded), TRIES)? {
                return Ok(Some(found));
            }
        }
        let mut class = own;
        let mut tries = TRIES_BEFORE_REFUSAL;
        // In an aligned request, larger classes may have a block that happens to lie right.
        while let Some(found) = self.occupied(class).filter(|_| tries > 0) {
            if let Some(block) = self.search(site, want, found, tries)? {
                return Ok(Some(block));
            }
            class = found + 1;
            tries /= 2;
        }
        Ok(None)
    }

    #[inline(always)]
    fn take<T: Tags>(&mut self, site: &Site<T>, stride: usize) -> Result<Option<Extent>, Torn> {
        let own = Self::class(stride);
        let want = Want::plain(stride);
        let found = match self.search(site, want, own, TRIES)? {
            Some(found) => Some(found),
            None => self.above(site, stride)?,
        };
        if let Some(block) = found {
            self.remove(site, block)?;
        }
        Ok(found)
    }

    #[inline(always)]
    fn quick<T: Tags>(&mut self, site: &Site<T>, granules: usize) -> Option<(At, usize)> {
        let own = granules - 1;
        let larger = NonZeroU64::new(self.classes[0] >> (own % CLASSES_OF_WORD))?;
        let more = larger.trailing_zeros() as usize;
        let class = own + more;
        // With one word of classes, the last is not of one size.
        if QUICK < EXACT && class >= QUICK || Self::LAST < EXACT && class == Self::LAST {
            return None;
        }
        site.step();
        let at = At(*self.exact(class));
        let next = site.unseal(at, at.load(NEXT * WORD)).ok()?;
        self.pop_exact(site, class, next);
        Some((at, more))
    }

    #[inline(always)]
    fn quick_insert<T: Tags>(&mut self, site: &Site<T>, at: At, granules: usize) {
        site.step();
        self.push_exact(site, at, granules - 1);
    }

    #[inline(always)]
    fn quick_join<T: Tags>(&mut self, site: &Site<T>, at: At, glance: Survey) -> Result<(), Torn> {
        let (mut start, mut stride) = (at, glance.stride);
        if glance.after != 0 {
            let class = glance.after / GRANULE - 1;
            self.unlink_exact(site, at.plus(stride), class)?;
            stride += glance.after;
        }
        if glance.before != 0 {
            start = at.minus(glance.before);
            self.unlink_exact(site, start, glance.before / GRANULE - 1)?;
            stride += glance.before;
        }
        self.quick_insert(site, start, stride / GRANULE);
        Ok(())
    }

    #[inline(always)]
    fn insert<T: Tags>(&mut self, site: &Site<T>, (at, stride): Extent) -> Result<(), Torn> {
        site.step();
        self.push(site, at, Self::class(stride));
        Ok(())
    }

    #[inline(always)]
    fn remove<T: Tags>(&mut self, site: &Site<T>, (at, stride): Extent) -> Result<(), Torn> {
        site.step();
        self.unlink(site, at, Self::class(stride))
    }

    fn check<T: Tags>(&self, site: &Site<T>) -> Result<usize, Fault> {
        let mut count = 0;
        for class in 0..=Self::LAST {
            let (word, bit) = (class / CLASSES_OF_WORD, class % CLASSES_OF_WORD);
            let first = self.first(site, class);
            let marked = self.classes[word] >> bit & 1 != 0;
            if marked != first.is_some()
                || word != 0 && (self.words >> word & 1 != 0) != (self.classes[word] != 0)
            {
                return Err((Rule::Index, first.unwrap_or(At(0))));
            }
            count += check_list(site, first, |stride| Self::class(stride) == class)?;
        }
        Ok(count)
    }

    fn place<T: Tags>(&self, site: &Site<T>, block: Extent) -> Option<Place> {
        let list = Self::class(block.1);
        Some(Place {
            list,
            position: position_in(site, self.first(site, list), block.0)?,
            waits: false,
        })
    }
}
