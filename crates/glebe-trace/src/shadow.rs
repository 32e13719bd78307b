//! [`Shadow`], the oracle: it makes every call on the target, knows what should have come of it,
//! and keeps every live block filled with a pattern of its own.
//!
//! It stops at the first thing that is wrong and then lets go of all blocks unfreed, for an
//! allocator that has shown a fault cannot be trusted with them.

use crate::bad::{Announce, Bad, Call, Way};
use crate::fault::Wrong;
use crate::op::{IMPOSSIBLE, Op};
use crate::pattern;
use crate::rng::Rng;
use crate::target::Target;
use indexmap::IndexMap;
use std::alloc::Layout;
use std::collections::{BTreeMap, HashMap};

/// Requests up to this many bytes may not be refused.
const MODEST: usize = 1 << 30;

/// A live block and what it should hold.
#[derive(Debug)]
pub(crate) struct Block {
    start: *mut u8,
    layout: Layout,
    usable: usize,
    key: u64,
}

// SAFETY: whoever has a `Block` owns the memory; allocators give blocks that any thread may use.
unsafe impl Send for Block {}

/// What lives in a target.
pub struct Shadow<'t, T: ?Sized> {
    target: &'t T,
    live: IndexMap<u32, Block>,
    /// End and id of every live block, by its start.
    places: BTreeMap<usize, (usize, u32)>,
    keys: Rng,
    picks: Rng,
    passed_over: u64,
    bad_frees: Option<BadFrees>,
}

/// What bad frees need.
struct BadFrees {
    announce: Announce,
    /// Where blocks lived last.
    graves: HashMap<u32, (usize, Layout)>,
}

impl<'t, T: Target + ?Sized> Shadow<'t, T> {
    /// A shadow over nothing.
    pub fn new(target: &'t T) -> Shadow<'t, T> {
        Shadow {
            target,
            live: IndexMap::new(),
            places: BTreeMap::new(),
            keys: Rng::new(0x0bad_5eed),
            picks: Rng::new(0x0c0f_fee0),
            passed_over: 0,
            bad_frees: None,
        }
    }

    /// Lets [`Op::Bad`] mean something.
    ///
    /// # Safety
    /// The target ends the process at every bad free, at the latest when it is purged after its
    /// threads have ended; nothing else is done with it after one.
    pub unsafe fn with_bad_frees(mut self, announce: Announce) -> Shadow<'t, T> {
        let graves = HashMap::new();
        self.bad_frees = Some(BadFrees { announce, graves });
        self
    }

    /// Plays one op.
    ///
    /// # Errors
    /// What it shows to be wrong.
    pub fn play(&mut self, op: Op) -> Result<(), Wrong> {
        if let Some(id) = op.id()
            && !matches!(op, Op::Bad { .. })
            && op.allocates() == self.live.contains_key(&id)
        {
            self.passed_over += 1;
            return Ok(());
        }
        match op {
            Op::Alloc { id, .. } | Op::Zeroed { id, .. } | Op::Aligned { id, .. } => {
                self.allocate(id, op)
            }
            Op::Realloc { id, size } => self.realloc(id, size),
            Op::Free { id } => self.free(id, false),
            Op::FreeSized { id } => self.free(id, true),
            Op::Usable { id } => self.live[&id].check(self.target),
            Op::Purge => {
                self.target.purge();
                self.check_any()
            }
            Op::Bad { id, bad, way } => self.free_badly(id, bad, way),
        }
    }

    /// Checks one live block, any.
    ///
    /// # Errors
    /// What is wrong with it.
    pub fn check_any(&mut self) -> Result<(), Wrong> {
        match self.live.get_index(self.picks.below(self.live.len())) {
            Some((_, block)) => block.check(self.target),
            None => Ok(()),
        }
    }

    /// Checks and frees everything.
    ///
    /// # Errors
    /// What is wrong with the first block that is not as it was.
    pub fn finish(&mut self) -> Result<(), Wrong> {
        while let Some((&id, _)) = self.live.last() {
            self.free(id, false)?;
        }
        Ok(())
    }

    /// Live blocks.
    pub fn live(&self) -> usize {
        self.live.len()
    }

    /// Ops so far that meant nothing.
    pub fn passed_over(&self) -> u64 {
        self.passed_over
    }

    fn forget(&mut self, id: u32) -> Option<Block> {
        let block = self.live.swap_remove(&id)?;
        self.places.remove(&block.address());
        if let Some(bad_frees) = &mut self.bad_frees {
            bad_frees.graves.insert(id, (block.address(), block.layout));
        }
        Some(block)
    }

    fn allocate(&mut self, id: u32, op: Op) -> Result<(), Wrong> {
        if let Some(mut block) = Block::allocate(self.target, op)? {
            // Before the contents are judged: an overlap explains why they are not zero.
            self.place(id, &block)?;
            block.settle(op, self.keys.next())?;
            self.live.insert(id, block);
        }
        Ok(())
    }

    fn realloc(&mut self, id: u32, size: usize) -> Result<(), Wrong> {
        let Some(old) = self.forget(id) else {
            return Ok(());
        };
        let (mut now, before) = old.resized(self.target, size)?;
        // Before the contents are judged: an overlap explains why they are lost.
        self.place(id, &now)?;
        if let Some(before) = before {
            now.inherit(&before, self.keys.next())?;
        }
        self.live.insert(id, now);
        Ok(())
    }

    fn free(&mut self, id: u32, sized: bool) -> Result<(), Wrong> {
        match self.forget(id) {
            Some(block) => block.dispose(self.target, sized),
            None => Ok(()),
        }
    }

    fn free_badly(&mut self, id: u32, bad: Bad, way: Way) -> Result<(), Wrong> {
        let Some((announce, call)) = self.bad_call(id, bad) else {
            self.passed_over += 1;
            return Ok(());
        };
        if bad == Bad::Twice {
            self.free(id, false)?;
        }
        let (address, words) = (call.address, bad.words());
        announce(address, words);
        // SAFETY: the target refuses it, so says whoever allowed bad frees.
        unsafe { call.make(self.target, way) };
        Err(Wrong::Accepted { address, words })
    }

    /// The pointer of a bad free, if they are allowed and the block is in the state for it.
    fn bad_call(&self, id: u32, bad: Bad) -> Option<(Announce, Call)> {
        let bad_frees = self.bad_frees.as_ref()?;
        let call = match (self.live.get(&id), bad) {
            (None, Bad::Stale) => {
                let &(address, layout) = bad_frees.graves.get(&id)?;
                if self.places.contains_key(&address) {
                    return None;
                }
                Call { address, layout }
            }
            (Some(_), Bad::Stale) | (None, _) => return None,
            (Some(_), Bad::Beyond) => {
                let (_, &(end, _)) = self.places.last_key_value()?;
                bad.call(end, Layout::new::<u64>(), 0)?
            }
            (Some(block), _) => bad.call(block.address(), block.layout, block.usable)?,
        };
        Some((bad_frees.announce, call))
    }

    /// Notes where a block lies, if there is room.
    fn place(&mut self, id: u32, block: &Block) -> Result<(), Wrong> {
        let (address, length) = (block.address(), block.usable.max(1));
        let end = address.saturating_add(length);
        // Blocks that live are apart, so only the last that starts below the end can be in the way.
        if let Some((&other_address, &(other_end, other))) = self.places.range(..end).next_back()
            && other_end > address
        {
            return Err(Wrong::Overlap {
                address,
                length: block.usable,
                other,
                other_address,
                other_length: other_end - other_address,
            });
        }
        self.places.insert(address, (end, id));
        Ok(())
    }
}

/// Whether a request was rightly granted, and its layout, or rightly refused.
fn granted(start: *mut u8, size: usize, align: usize) -> Result<Option<Layout>, Wrong> {
    let address = start as usize;
    match Layout::from_size_align(size, align) {
        _ if start.is_null() && size <= MODEST => Err(Wrong::Refused { size }),
        _ if start.is_null() => Ok(None),
        Ok(layout) if size < IMPOSSIBLE => Ok(Some(layout)),
        _ => Err(Wrong::Impossible { size, address }),
    }
}

impl Block {
    /// What comes of an op that allocates; none if it was rightly refused.
    pub(crate) fn allocate<T: Target + ?Sized>(target: &T, op: Op) -> Result<Option<Block>, Wrong> {
        let (start, size, align) = match op {
            Op::Alloc { size, .. } => (target.alloc(size), size, T::ALIGN),
            Op::Zeroed { size, .. } => (target.zeroed(size), size, T::ALIGN),
            Op::Aligned { size, align, .. } => (target.aligned(align, size), size, align),
            _ => return Ok(None),
        };
        match granted(start, size, align)? {
            Some(layout) => Block::new(target, start, layout).map(Some),
            None => Ok(None),
        }
    }

    /// Judges the contents of a block that `op` has just allocated, and fills it.
    pub(crate) fn settle(&mut self, op: Op, key: u64) -> Result<(), Wrong> {
        if let Op::Zeroed { size, .. } = op {
            // SAFETY: the block has at least `size` bytes, and it is ours.
            if let Some(at) = unsafe { pattern::check_zero(self.start, size) } {
                let address = self.address();
                return Err(Wrong::NotZeroed { address, at });
            }
        }
        self.stamp(key);
        Ok(())
    }

    /// A block just allocated, if alignment and usable size are what they should be.
    fn new<T: Target + ?Sized>(target: &T, start: *mut u8, layout: Layout) -> Result<Block, Wrong> {
        let address = start as usize;
        let align = layout.align();
        if !address.is_multiple_of(align) {
            return Err(Wrong::Misaligned { address, align });
        }
        let size = layout.size();
        // SAFETY: the block is live and has this layout.
        let usable = unsafe { target.usable_size(start, layout) }.unwrap_or(size);
        if usable < size {
            return Err(Wrong::TooShort {
                address,
                usable,
                size,
            });
        }
        Ok(Block {
            start,
            layout,
            usable,
            key: 0,
        })
    }

    /// Where it starts.
    fn address(&self) -> usize {
        self.start as usize
    }

    fn stamp(&mut self, key: u64) {
        self.key = key;
        // SAFETY: the block is ours and has that many usable bytes.
        unsafe { pattern::fill(self.start, self.usable, key) };
    }

    /// Whether contents and usable size are what they were.
    pub(crate) fn check<T: Target + ?Sized>(&self, target: &T) -> Result<(), Wrong> {
        let address = self.address();
        // SAFETY: the block is live and has this layout.
        if let Some(now) = unsafe { target.usable_size(self.start, self.layout) }
            && now != self.usable
        {
            let before = self.usable;
            return Err(Wrong::UsableChanged {
                address,
                before,
                now,
            });
        }
        // SAFETY: the block is ours and has that many usable bytes.
        match unsafe { pattern::check(self.start, self.usable, self.usable, self.key) } {
            Some(at) => Err(Wrong::Clobbered { address, at }),
            None => Ok(()),
        }
    }

    /// Reallocates: the block now, and what it was before unless the call was refused.
    fn resized<T: Target + ?Sized>(
        self,
        target: &T,
        size: usize,
    ) -> Result<(Block, Option<Block>), Wrong> {
        self.check(target)?;
        // SAFETY: the block is live and has this layout.
        let start = unsafe { target.realloc(self.start, self.layout, size) };
        let align = if T::KEEPS_ALIGNMENT {
            self.layout.align()
        } else {
            T::ALIGN
        };
        match granted(start, size.max(1), align)? {
            Some(layout) => Ok((Block::new(target, start, layout)?, Some(self))),
            None => {
                // It lives on, as it was.
                self.check(target)?;
                Ok((self, None))
            }
        }
    }

    /// Checks that the contents came along, and puts a new pattern over them.
    fn inherit(&mut self, before: &Block, key: u64) -> Result<(), Wrong> {
        let kept = before.layout.size().min(self.layout.size());
        // SAFETY: the block is ours and has at least that many bytes.
        if let Some(at) = unsafe { pattern::check(self.start, before.usable, kept, before.key) } {
            let (address, before) = (self.address(), before.address());
            return Err(Wrong::NotPreserved {
                address,
                before,
                at,
            });
        }
        self.stamp(key);
        Ok(())
    }

    /// Checks and reallocates the block, on whatever thread this is.
    pub(crate) fn resize<T: Target + ?Sized>(
        self,
        target: &T,
        size: usize,
        key: u64,
    ) -> Result<Block, Wrong> {
        let (mut now, before) = self.resized(target, size)?;
        if let Some(before) = before {
            now.inherit(&before, key)?;
        }
        Ok(now)
    }

    /// Checks and frees the block, on whatever thread this is.
    pub(crate) fn dispose<T: Target + ?Sized>(self, target: &T, sized: bool) -> Result<(), Wrong> {
        self.check(target)?;
        // SAFETY: the block is live, the layout is its own, and it is given up.
        unsafe {
            if sized {
                target.free_sized(self.start, self.layout);
            } else {
                target.free(self.start, self.layout);
            }
        }
        Ok(())
    }
}
