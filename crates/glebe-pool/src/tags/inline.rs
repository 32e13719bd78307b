//! Inline tags: a header before and a footer after the user's bytes of every block, alike.
//!
//! ```text
//!          at − 8        at                         at + stride − 16   at + stride − 8
//! …footer │ header      │ user's bytes             │ footer          │ header …
//!          63       40 39                    4 3   0
//!         │ checksum  │ stride, a multiple of 16 │ state: 1 if free │
//! ```
//!
//! The checksum covers the other bits and the tag's own address: a tag that was overwritten, or
//! bytes that look like one elsewhere, pass once in 2²⁴ times. The header of a block that becomes
//! part of another is wiped.
//!
//! Invariants:
//! 1. Before the first block stands the footer, after the last the header, of a block that is not
//!    free: the marks.
//! 2. Header and footer of a block tell the same stride and state.

use super::{Layout, explain};
use crate::fault::{Fault, Torn};
use crate::plot::{Plot, Record};
use crate::word::{At, GRANULE, round_down, round_up};

/// Header and footer with size, state and checksum.
#[derive(Clone, Copy, Debug)]
pub struct InlineTags;

/// Bytes of one tag.
const TAG: usize = 8;
/// Bits of a tag that are not its checksum.
const BODY: u32 = 40;
const FREE: u64 = 1;

/// Stride and state, with the checksum for a tag at `place`.
#[inline(always)]
fn seal(place: usize, body: u64) -> u64 {
    let mixed = (body ^ (place as u64).rotate_left(32)).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    body | mixed >> BODY << BODY
}

#[inline(always)]
fn put(at: At, body: u64) {
    at.write(0, seal(at.0, body));
}

/// Stride and state of the tag at `at`, if it is one.
#[inline(always)]
fn get(at: At) -> Option<(usize, bool)> {
    let tag: u64 = at.read(0);
    let body = tag & ((1 << BODY) - 1);
    (seal(at.0, body) == tag).then_some(((body & !FREE) as usize, body & FREE != 0))
}

#[inline(always)]
fn header(start: At) -> Result<(usize, bool), Torn> {
    get(start.minus(TAG)).ok_or(Torn(start))
}

impl Layout for InlineTags {
    const OVERHEAD: usize = 2 * TAG;
    const MIN: usize = 2 * TAG + GRANULE;
    const NAME: &'static str = "inline";

    type View = ();

    fn plan(memory: usize, bytes: usize) -> Option<(Plot, At)> {
        let record = Record::place(memory, bytes)?;
        // Granule 0 holds the first mark and the first header.
        let base = round_up(memory, GRANULE)?;
        let room = record.0.checked_sub(base)?;
        // No block may outgrow the bits of its tag.
        let most = usize::try_from(1u64 << (BODY - 1)).unwrap_or(usize::MAX);
        let room = room.min(round_down(most, GRANULE));
        if room < GRANULE + Self::MIN {
            return None;
        }
        let limit = room / GRANULE;
        let table = At(base);
        Some((Plot { base, limit, table }, record))
    }

    fn bytes_for(land: usize) -> Option<usize> {
        land.checked_add(3 * GRANULE)
    }

    fn lay(plot: &Plot) {
        put(At(plot.base), 0);
        put(plot.end().minus(TAG), 0);
        Self::set(plot, plot.first(), plot.len(), true);
    }

    fn relay(old: &Plot, new: &Plot) {
        put(new.end().minus(TAG), 0);
        if new.limit > old.limit {
            Self::set(new, old.end(), new.len() - old.len(), false);
        }
    }

    #[inline(always)]
    fn is_start(plot: &Plot, at: At) -> bool {
        plot.index(at.0).wrapping_sub(1) < plot.limit - 1 && header(at).is_ok()
    }

    #[inline(always)]
    fn is_free(_: &Plot, start: At) -> Result<bool, Torn> {
        header(start).map(|(_, free)| free)
    }

    #[inline(always)]
    fn stride(plot: &Plot, start: At) -> Result<usize, Torn> {
        let (stride, _) = header(start)?;
        // A tag that was forged well enough to pass must not lead out of the plot.
        if stride < Self::MIN || stride > plot.end().0 - start.0 {
            return Err(Torn(start));
        }
        Ok(stride)
    }

    #[inline(always)]
    fn free_before(plot: &Plot, start: At) -> Result<Option<usize>, Torn> {
        match get(start.minus(2 * TAG)) {
            Some((_, false)) => Ok(None),
            Some((stride, true)) if stride <= start.0 - plot.first().0 => Ok(Some(stride)),
            _ => Err(Torn(start)),
        }
    }

    fn start_before(plot: &Plot, start: At) -> Result<Option<At>, Torn> {
        if start == plot.first() {
            return Ok(None);
        }
        match get(start.minus(2 * TAG)) {
            Some((stride, _)) if stride <= start.0 - plot.first().0 && stride >= Self::MIN => {
                Ok(Some(start.minus(stride)))
            }
            _ => Err(Torn(start)),
        }
    }

    #[inline(always)]
    fn set(_: &Plot, at: At, stride: usize, free: bool) {
        let body = stride as u64 | if free { FREE } else { 0 };
        put(at.minus(TAG), body);
        put(at.plus(stride - 2 * TAG), body);
    }

    #[inline(always)]
    fn forget(_: &Plot, start: At) {
        start.minus(TAG).write(0, 0u64);
    }

    #[inline(always)]
    fn live(plot: &Plot, address: usize) -> Result<usize, Fault> {
        let start = At(address);
        if plot.index(address).wrapping_sub(1) < plot.limit - 1
            && let Some((stride, false)) = get(start.minus(TAG))
            && stride >= Self::MIN
            && stride <= plot.end().0 - address
        {
            return match get(start.plus(stride - 2 * TAG)) {
                Some(footer) if footer == (stride, false) => Ok(stride),
                _ => Err(Fault::TornTag(address)),
            };
        }
        Err(explain::<Self>(plot, address))
    }

    fn agrees(plot: &Plot, start: At, stride: usize) -> bool {
        let _ = plot;
        get(start.plus(stride - 2 * TAG)) == get(start.minus(TAG))
    }
}
