//! What a live block is filled with: words that follow from its key and their place, so that any
//! change by another's hand is seen, and whose bytes they are can be told.
//!
//! Small blocks are filled whole. Past [`WHOLE`], where allocators deal in pages, most blocks are
//! stamped at both ends and at the start of every page, and one in 16 is filled whole.

use crate::rng::mix;
use std::ops::Range;

/// Blocks up to this many bytes are always filled whole.
pub const WHOLE: usize = 64 << 10;
const PAGE: usize = 4096;
const STAMP: usize = 32;
const WORD: usize = size_of::<u64>();
const STEP: u64 = 0x9e37_79b9_7f4a_7c15;

/// A byte that is not what it should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Difference {
    /// Where in the block.
    pub offset: usize,
    /// What was written there.
    pub expected: u8,
    /// What stands there.
    pub found: u8,
}

fn word(key: u64, index: usize) -> u64 {
    key.wrapping_add((index as u64).wrapping_mul(STEP))
}

/// The parts that are filled of a block of `length` bytes; each starts at a multiple of a word.
fn parts(length: usize, key: u64) -> impl Iterator<Item = Range<usize>> {
    let whole = length <= WHOLE || mix(key).is_multiple_of(16);
    let head = if whole { length } else { PAGE };
    let stamps = (1..length / PAGE)
        .map(|page| page * PAGE..page * PAGE + STAMP)
        .take(if whole { 0 } else { usize::MAX });
    let tail = (length - STAMP.min(length)) / WORD * WORD..length;
    std::iter::once(0..head)
        .chain(stamps)
        .chain((!whole).then_some(tail))
}

/// Fills a block.
///
/// # Safety
/// `block` has `length` bytes that nobody else uses.
pub unsafe fn fill(block: *mut u8, length: usize, key: u64) {
    for part in parts(length, key) {
        // SAFETY: parts lie within the length.
        let bytes = unsafe { std::slice::from_raw_parts_mut(block.add(part.start), part.len()) };
        let first = part.start / WORD;
        let mut words = bytes.chunks_exact_mut(WORD);
        let mut index = first;
        for chunk in &mut words {
            chunk.copy_from_slice(&word(key, index).to_le_bytes());
            index += 1;
        }
        let rest = words.into_remainder();
        rest.copy_from_slice(&word(key, index).to_le_bytes()[..rest.len()]);
    }
}

/// Finds the first changed byte below `upto` in a block of `length` bytes.
///
/// # Safety
/// `block` has `upto` bytes that nobody writes meanwhile, and `upto` ≤ `length`.
pub unsafe fn check(block: *const u8, length: usize, upto: usize, key: u64) -> Option<Difference> {
    parts(length, key).find_map(|part| {
        let (start, end) = (part.start.min(upto), part.end.min(upto));
        // SAFETY: clipped to `upto`.
        let bytes = unsafe { std::slice::from_raw_parts(block.add(start), end - start) };
        difference(bytes, key, start)
    })
}

/// Compares bytes that start at `start`, a multiple of a word unless there are none.
fn difference(bytes: &[u8], key: u64, start: usize) -> Option<Difference> {
    let first = start / WORD;
    let (words, rest) = bytes.as_chunks::<WORD>();
    let same = words
        .iter()
        .enumerate()
        .all(|(n, bytes)| u64::from_le_bytes(*bytes) == word(key, first + n));
    let last = word(key, first + words.len()).to_le_bytes();
    if same && *rest == last[..rest.len()] {
        return None;
    }
    bytes.iter().enumerate().find_map(|(n, &found)| {
        let expected = word(key, first + n / WORD).to_le_bytes()[n % WORD];
        let offset = start + n;
        (found != expected).then_some(Difference {
            offset,
            expected,
            found,
        })
    })
}

/// Finds the first byte that is not zero.
///
/// # Safety
/// `block` has `length` bytes that nobody writes meanwhile.
pub unsafe fn check_zero(block: *const u8, length: usize) -> Option<Difference> {
    // SAFETY: the caller's promise.
    let bytes = unsafe { std::slice::from_raw_parts(block, length) };
    let (words, rest) = bytes.as_chunks::<64>();
    if words.iter().all(|words| *words == [0; 64]) && rest.iter().all(|&byte| byte == 0) {
        return None;
    }
    let (offset, &found) = bytes.iter().enumerate().find(|(_, byte)| **byte != 0)?;
    Some(Difference {
        offset,
        expected: 0,
        found,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_lie_within_and_start_at_words() {
        for length in (0..300).chain([WHOLE - 1, WHOLE, WHOLE + 1, WHOLE + 4095, 1 << 20]) {
            for key in 0..40 {
                let mut last = 0;
                for part in parts(length, key) {
                    assert!(part.start % WORD == 0 && part.start <= part.end);
                    assert!(part.end <= length);
                    last = last.max(part.end);
                }
                assert_eq!(last, length);
            }
        }
    }

    #[test]
    fn every_change_in_a_small_block_is_seen() {
        for length in [1, 7, 8, 16, 48, 61, 200] {
            let mut bytes = vec![0_u8; length];
            // SAFETY: the vector is that long, here and below.
            unsafe { fill(bytes.as_mut_ptr(), length, 99) };
            for place in 0..length {
                bytes[place] ^= 4;
                // SAFETY: as above.
                let found = unsafe { check(bytes.as_ptr(), length, length, 99) }.unwrap();
                assert_eq!((found.offset, found.expected ^ 4), (place, found.found));
                // SAFETY: as above.
                assert_eq!(unsafe { check(bytes.as_ptr(), length, place, 99) }, None);
                bytes[place] ^= 4;
            }
        }
    }

    #[test]
    fn a_lost_page_is_seen_in_every_large_block() {
        let length = 10 * WHOLE + 777;
        let mut bytes = vec![0_u8; length];
        for key in 0..32 {
            // SAFETY: the vector is that long, here and below.
            unsafe { fill(bytes.as_mut_ptr(), length, mix(key)) };
            for page in (0..length - PAGE).step_by(PAGE) {
                let saved = bytes[page..page + PAGE].to_vec();
                bytes[page..page + PAGE].fill(0);
                // SAFETY: as above.
                let found = unsafe { check(bytes.as_ptr(), length, length, mix(key)) };
                assert!(found.is_some_and(|found| found.offset / PAGE == page / PAGE));
                bytes[page..page + PAGE].copy_from_slice(&saved);
            }
            // SAFETY: as above.
            let found = unsafe { check(bytes.as_ptr(), length, length, mix(key)) };
            assert_eq!(found, None);
        }
    }

    #[test]
    fn zeros_are_told_from_the_rest() {
        let mut bytes = [0_u8; 200];
        for place in 0..200 {
            bytes[place] = 1;
            // SAFETY: the vector is that long.
            let found = unsafe { check_zero(bytes.as_ptr(), 200) };
            assert_eq!(found.map(|found| found.offset), Some(place));
            bytes[place] = 0;
        }
    }
}
