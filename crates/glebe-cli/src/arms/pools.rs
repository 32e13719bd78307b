//! Pools as arms: each fit policy × tag layout × supplier, every one compiled for itself.

use std::alloc::Layout;
use std::io;
use std::ptr::{self, NonNull};

use glebe_pool::{
    BestFit, BlockSource, Break, FirstFit, InlineTags, Kernel, Mmap, NextFit, NoSource, Pool,
    QuickFit, SideTags, Stats, TwoLevel,
};

use super::arm::Arm;
use super::kernel;
use super::land::Land;
use super::name::{Fit, Supplier, Tags};

/// A pool and, where it has one, its fixed range, which goes after it.
struct Held<F: glebe_pool::Fit, T: glebe_pool::Tags, S: BlockSource> {
    pool: Pool<F, T, S>,
    _land: Option<Land>,
}

impl<F: glebe_pool::Fit, T: glebe_pool::Tags, S: BlockSource> Arm for Held<F, T, S> {
    #[inline(always)]
    fn alloc(&mut self, layout: Layout) -> *mut u8 {
        self.pool
            .alloc(layout)
            .map_or(ptr::null_mut(), NonNull::as_ptr)
    }

    #[inline(always)]
    unsafe fn free(&mut self, block: *mut u8, layout: Layout) {
        // SAFETY: the caller's promise. A refusal goes to the hook, which ends the process.
        unsafe { self.pool.dealloc(block, layout) };
    }

    unsafe fn realloc(&mut self, block: *mut u8, layout: Layout, size: usize) -> *mut u8 {
        // SAFETY: the caller's promise.
        let new = unsafe { self.pool.realloc(block, Some(layout), size) };
        new.map_or(ptr::null_mut(), NonNull::as_ptr)
    }

    fn held(&self) -> Option<usize> {
        S::GRANTS.then(|| self.pool.stats().granted_bytes)
    }

    fn stats(&self) -> Option<Stats> {
        Some(self.pool.stats())
    }
}

/// A pool over what its supplier gives.
pub fn open(fit: Fit, tags: Tags, supplier: Supplier, bytes: usize) -> io::Result<Box<dyn Arm>> {
    Ok(match supplier {
        Supplier::Fixed => with(fit, tags, NoSource, Some(Land::in_place(bytes)?))?,
        Supplier::Kernel => {
            // SAFETY: the stand-in grants each run to one caller until it is freed.
            let kernel = unsafe { Kernel::new(kernel::mem_block_alloc, kernel::mem_block_free) };
            with(fit, tags, kernel, None)?
        }
        Supplier::Mmap => with(fit, tags, Mmap, None)?,
        Supplier::Break => with(fit, tags, Break::of_process(), None)?,
    })
}

fn with<S: BlockSource + 'static>(
    fit: Fit,
    tags: Tags,
    source: S,
    land: Option<Land>,
) -> io::Result<Box<dyn Arm>> {
    match (fit, tags) {
        (Fit::First, Tags::Side) => boxed::<FirstFit, SideTags, S>(source, land),
        (Fit::First, Tags::Inline) => boxed::<FirstFit, InlineTags, S>(source, land),
        (Fit::Next, Tags::Side) => boxed::<NextFit, SideTags, S>(source, land),
        (Fit::Next, Tags::Inline) => boxed::<NextFit, InlineTags, S>(source, land),
        (Fit::Best, Tags::Side) => boxed::<BestFit, SideTags, S>(source, land),
        (Fit::Best, Tags::Inline) => boxed::<BestFit, InlineTags, S>(source, land),
        (Fit::TwoLevel, Tags::Side) => boxed::<TwoLevel, SideTags, S>(source, land),
        (Fit::TwoLevel, Tags::Inline) => boxed::<TwoLevel, InlineTags, S>(source, land),
        (Fit::Quick, Tags::Side) => boxed::<QuickFit, SideTags, S>(source, land),
        (Fit::Quick, Tags::Inline) => boxed::<QuickFit, InlineTags, S>(source, land),
    }
}

fn boxed<F: glebe_pool::Fit, T: glebe_pool::Tags, S: BlockSource + 'static>(
    source: S,
    land: Option<Land>,
) -> io::Result<Box<dyn Arm>> {
    let mut pool: Pool<F, T, S> = Pool::new(source);
    if let Some(land) = &land {
        // SAFETY: the range is this pool's alone, and is kept as long as the pool.
        unsafe { pool.add(land.start(), land.bytes()) }.map_err(io::Error::other)?;
    }
    Ok(Box::new(Held { pool, _land: land }))
}
