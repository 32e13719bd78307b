//! Frees by other threads: the protocol between a freer and a slab's owner.
//!
//! ```text
//! freer (holds the live object)                  owner, in a slow path
//!  1 D: mark the unit as shared, unless it is     a take the whole inbox
//!  2 R: set the slots' bits (was one set? a       b for each unit: D: take the mark away
//!    double free)                                 c R: take all bits of the slab, word by word,
//!  3 D: is the mark (still) there?                  and clear them in A
//!    no → back to 1                               d is the slab empty now? it may go, unless
//!  4 if it was I who marked: push the unit          one of its units is marked
//!    on the owner's inbox
//! ```
//! All of this is exact at once: a second remote free of the same object meets its bit in R, a free
//! by the owner meets the mark in D, leaves the fast path and looks at R. (Small slots wait a while
//! before they come here, see `heap::outbox`.)
//!
//! Why it is right
//! 1. *No free is forgotten.* Step 3 comes after the bit is set, step c after the mark is gone, all
//!    in one order (`SeqCst`). If step 3 still sees the mark, then b, and so c, are yet to come.
//! 2. *A unit is in an inbox at most once:* only who turned the mark on pushes it, and the mark is
//!    taken away only after the unit was taken out.
//! 3. *Slabs do not vanish under a freer.* Until step 2 the object is live. A slab one of whose
//!    units is marked is not given back (d), so until step 4 the one who marked is safe.
//! 4. *After step 2 the others touch only D*, by comparison with the very entry they saw. If the
//!    slab is gone and its unit serves another heap or class, the comparison fails. If it serves
//!    the same heap and class again, the mark and the push are a false alarm that the owner answers
//!    by finding nothing in R.
//!
//! Cost: one locked instruction a word, two more for the first free of a unit in a round. A round
//! ends when the owner runs out of slots of the class, not before: each one moves three lines to
//! and fro.

use crate::records::directory::{Cell, Entry};
use crate::sync::{AtomicU32, AtomicU64, Ordering, fence};

/// Sets the bits of freed slots of one word and marks their unit.
///
/// `seen` is the unit's entry as read while the objects were live.
#[inline]
pub fn publish(cell: &Cell, seen: Entry, word: &AtomicU64, freed: u64) -> Published {
    let plain = seen.unshared();
    let mut marked = !seen.is_shared() && cell.mark_shared(plain);
    let twice = word.fetch_or(freed, Ordering::SeqCst) & freed;
    if twice != 0 {
        return Published::FreedBefore(twice);
    }
    if !marked && !cell.get_in_order().is_shared() {
        // The owner answered an earlier mark before it could see our bits.
        marked = cell.mark_shared(plain);
    }
    if marked {
        Published::TellOwner
    } else {
        Published::Done
    }
}

/// What is left to do after [`publish`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Published {
    /// Nothing: the owner will see it.
    Done,
    /// The unit must be pushed on the owner's inbox.
    TellOwner,
    /// Other remote frees of these slots are pending: double frees.
    FreedBefore(u64),
}

/// Puts a unit on an inbox.
pub fn push(inbox: &AtomicU32, unit: u32, set_link: impl Fn(u32)) {
    let mut head = inbox.load(Ordering::Relaxed);
    loop {
        set_link(head);
        match inbox.compare_exchange_weak(head, unit, Ordering::SeqCst, Ordering::Relaxed) {
            Ok(_) => return,
            Err(now) => head = now,
        }
    }
}

/// Each of two threads calls this between telling the other something and looking at what the other
/// told it: at least one of them sees.
pub fn told_before_looking() {
    fence(Ordering::SeqCst);
}

/// Takes all units off an inbox: the first, whose links lead to the others; 0 if there are none.
#[inline]
pub fn take_all(inbox: &AtomicU32) -> u32 {
    if inbox.load(Ordering::SeqCst) == 0 {
        return 0;
    }
    inbox.swap(0, Ordering::SeqCst)
}

/// Takes the remote frees of one word back: their bits, which are cleared in A. `Err` with the
/// bits that were not live: double frees.
pub fn collect(live: &AtomicU64, remote: &AtomicU64) -> Result<u64, u64> {
    if remote.load(Ordering::SeqCst) == 0 {
        return Ok(0);
    }
    let freed = remote.swap(0, Ordering::SeqCst);
    let alive = live.load(Ordering::Relaxed);
    if freed & !alive != 0 {
        return Err(freed & !alive);
    }
    live.store(alive & !freed, Ordering::Relaxed);
    Ok(freed)
}
