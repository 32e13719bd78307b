//! Two-level segregated fit: lists of free blocks by size, and bits that tell which have blocks.
//!
//! Up to 63 granules every size has a class of its own; above, every doubling has 32 classes.
//!
//! ```text
//! granules  1 2 3 … 63 │ 64–65 66–67 … 126–127 │ 128–131 … 252–255 │ …
//! class     1 2 3 … 63 │ 64    65    … 95      │ 96      … 127     │ …
//! word      0          │ 1                                         │ 2 …    64 classes a word
//! ```
//!
//! A request looks into its own class first, at a few blocks, then takes the first block of the
//! first class whose every block is large enough: two searches for the lowest bit. (Masmano,
//! Ripoll, Crespo, Real: *TLSF*, 2004.) The last class holds all larger blocks as well.

use super::{Extent, Fault, Index, Place, Want};
use crate::pool::Rule;
use crate::site::{Site, Torn};
use crate::tags::{NEAR, Survey, Tags};
use crate::word::{At, GRANULE, WORD};

const NEXT: usize = 0;
const PREVIOUS: usize = 1;

/// Classes to a doubling, as a power of two.
const STEPS_LOG2: u32 = 5;
const CLASSES_OF_WORD: usize = 64;
/// Every class below this is of one size.
const EXACT: usize = 64;
const _: () = assert!(NEAR / GRANULE <= EXACT);
/// How many blocks of its own class a request looks at before and after it looks at larger ones.
const TRIES: usize = 4;
const TRIES_BEFORE_REFUSAL: usize = 64;

/// A free block that is large enough, and hardly larger, in constant time.
///
/// With `WORDS` words of classes it holds `512 × WORDS` bytes (64-bit), and tells sizes apart up
/// to `GRANULE << 2 × WORDS + 4` bytes; larger requests look at the 64 last freed only. The
/// default serves up to 1 TiB, `TwoLevel<2>` is right for a few kilobytes.
#[derive(Debug)]
pub struct TwoLevel<const WORDS: usize = 16> {
    /// Bit w: word w of `classes`, which is not the first, is not zero.
    words: u64,
    classes: [u64; WORDS],
    /// The first block of each class, 0 for none. Its link to the one before means nothing.
    heads: [[usize; CLASSES_OF_WORD]; WORDS],
}

/// The class of a number of granules, if there were no last one.
#[inline(always)]
fn class_of(granules: usize) -> usize {
    let shift = (granules | 1 << STEPS_LOG2).ilog2() - STEPS_LOG2;
    ((shift as usize) << STEPS_LOG2) + (granules >> shift)
}

/// The first class of which every block has so many granules.
#[inline(always)]
fn class_above(granules: usize) -> usize {
    let shift = (granules | 1 << STEPS_LOG2).ilog2() - STEPS_LOG2;
    class_of(granules.saturating_add((1 << shift) - 1))
}

impl<const WORDS: usize> TwoLevel<WORDS> {
    const LAST: usize = {
        assert!(WORDS >= 1 && WORDS <= 16, "1 to 16 words of classes");
        WORDS * CLASSES_OF_WORD - 1
    };

    #[inline(always)]
    fn class(stride: usize) -> usize {
        class_of(stride / GRANULE).min(Self::LAST)
    }

    #[inline(always)]
    fn head(&mut self, class: usize) -> &mut usize {
        &mut self.heads[class / CLASSES_OF_WORD % WORDS][class % CLASSES_OF_WORD]
    }

    fn first(&self, class: usize) -> Option<At> {
        let head = self.heads[class / CLASSES_OF_WORD % WORDS][class % CLASSES_OF_WORD];
        (head != 0).then_some(At(head))
    }

    #[inline(always)]
    fn push<T>(&mut self, site: &Site<T>, at: At, class: usize) {
        let head = self.head(class);
        let next = core::mem::replace(head, at.0);
        at.store(NEXT * WORD, site.seal(next));
        if next != 0 {
            At(next).store(PREVIOUS * WORD, site.seal(at.0));
            return;
        }
        self.classes[class / CLASSES_OF_WORD % WORDS] |= 1 << (class % CLASSES_OF_WORD);
        if class >= CLASSES_OF_WORD {
            self.words |= 1 << (class / CLASSES_OF_WORD);
        }
    }

    /// Makes another block, or none (0), the first of a class.
    #[inline(always)]
    fn pop(&mut self, class: usize, next: usize) {
        *self.head(class) = next;
        if next == 0 {
            let word = class / CLASSES_OF_WORD % WORDS;
            self.classes[word] &= !(1 << (class % CLASSES_OF_WORD));
            // The bit of the first word is never asked for.
            if word != 0 && self.classes[word] == 0 {
                self.words &= !(1 << word);
            }
        }
    }

    #[inline(always)]
    fn unlink<T>(&mut self, site: &Site<T>, at: At, class: usize) -> Result<(), Torn> {
        let to_next = at.load(NEXT * WORD);
        let next = site.unseal(at, to_next)?;
        if *self.head(class) == at.0 {
            self.pop(class, next);
            return Ok(());
        }
        let to_previous = at.load(PREVIOUS * WORD);
        let previous = At(site.unseal(at, to_previous)?);
        if previous.0 == 0 || previous.load(NEXT * WORD) != site.seal(at.0) {
            return Err(Torn(at));
        }
        previous.store(NEXT * WORD, to_next);
        if next != 0 {
            At(next).store(PREVIOUS * WORD, to_previous);
        }
        Ok(())
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
        let mut next = self.first(class);
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
        let Some(class) = self.occupied(class_above(stride / GRANULE)) else {
            return Ok(None);
        };
        let Some(at) = self.first(class) else {
            return Ok(None);
        };
        if class < EXACT && class < Self::LAST {
            return Ok(Some((at, class * GRANULE)));
        }
        Ok(Some((at, site.free_stride(at)?)))
    }
}

impl<const WORDS: usize> Index for TwoLevel<WORDS> {
    const EMPTY: TwoLevel<WORDS> = TwoLevel {
        words: 0,
        classes: [0; WORDS],
        heads: [[0; CLASSES_OF_WORD]; WORDS],
    };
    const QUICK: bool = true;
    const NAME: &'static str = "two-level segregated fit";

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
    fn quick<T: Tags>(&mut self, site: &Site<T>, stride: usize) -> Option<Extent> {
        let granules = stride / GRANULE;
        if granules >= EXACT.min(Self::LAST) {
            return None;
        }
        let larger = self.classes[0] >> granules;
        let class = granules + larger.trailing_zeros() as usize;
        // With one word of classes, the last is not of one size.
        if larger == 0 || class >= NEAR / GRANULE || Self::LAST < EXACT && class == Self::LAST {
            return None;
        }
        site.step();
        let at = At(self.heads[0][class % EXACT]);
        let next = site.unseal(at, at.load(NEXT * WORD)).ok()?;
        self.pop(class % EXACT, next);
        Some((at, class * GRANULE))
    }

    #[inline(always)]
    fn quick_insert<T: Tags>(&mut self, site: &Site<T>, (at, stride): Extent) {
        site.step();
        let class = stride / GRANULE % EXACT;
        let next = core::mem::replace(&mut self.heads[0][class], at.0);
        at.store(NEXT * WORD, site.seal(next));
        match next {
            0 => self.classes[0] |= 1 << class,
            next => At(next).store(PREVIOUS * WORD, site.seal(at.0)),
        }
    }

    #[inline(always)]
    fn quick_join<T: Tags>(&mut self, site: &Site<T>, at: At, glance: Survey) -> Result<(), Torn> {
        let (mut start, mut stride) = (at, glance.stride);
        if glance.after != 0 {
            let class = glance.after / GRANULE % EXACT;
            self.unlink(site, at.plus(stride), class)?;
            stride += glance.after;
        }
        if glance.before != 0 {
            start = at.minus(glance.before);
            self.unlink(site, start, glance.before / GRANULE % EXACT)?;
            stride += glance.before;
        }
        self.quick_insert(site, (start, stride));
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
            let (mut previous, mut next) = (None, self.first(class));
            let marked = self.classes[word] >> bit & 1 != 0;
            if marked != next.is_some()
                || word != 0 && (self.words >> word & 1 != 0) != (self.classes[word] != 0)
            {
                return Err((Rule::Index, next.unwrap_or(At(0))));
            }
            while let Some(at) = next {
                let right = site
                    .free_stride(at)
                    .is_ok_and(|is| Self::class(is) == class);
                if !right || previous.is_some() && site.link(at, PREVIOUS) != Ok(previous) {
                    return Err((Rule::Index, at));
                }
                count += 1;
                previous = next;
                next = site.link(at, NEXT).map_err(|_| (Rule::Links, at))?;
            }
        }
        Ok(count)
    }

    fn place<T: Tags>(&self, site: &Site<T>, block: Extent) -> Option<Place> {
        let list = Self::class(block.1);
        let (mut position, mut next) = (0, self.first(list));
        while next? != block.0 {
            position += 1;
            next = site.link(next?, NEXT).ok()?;
        }
        Some(Place { list, position })
    }
}
