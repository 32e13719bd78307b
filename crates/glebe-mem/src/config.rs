//! `struct mem_config` and `mem_init`: what the pool behind `mem_*` is.

use crate::any::{AnyPool, FitKind, Settings, TagKind};
use crate::blocks;
use crate::fault::{self, Callbacks, OnFault, OnWrite};
use crate::outcome::Outcome;
use crate::source::{Source, Supplier};
use crate::state;
use crate::system;
use crate::twin::{Thresholds, Twin};
use core::ffi::{c_int, c_void};
use core::ptr::{self, NonNull};
use glebe_pool::{BlockAlloc, BlockFree, Buffer, Kernel};

/// The pool's measures where the configuration names none.
const LARGE: usize = 128 * 1024;
const STEP: usize = 64 * 1024;

/// `struct mem_config`; the header says what the fields mean.
#[repr(C)]
#[derive(Clone, Copy)]
pub struct MemConfig {
    supplier: c_int,
    fit: c_int,
    tags: c_int,
    initial: usize,
    step: usize,
    limit: usize,
    single_from: usize,
    spare: usize,
    buffer: *mut c_void,
    buffer_size: usize,
    block_alloc: Option<BlockAlloc>,
    block_free: Option<BlockFree>,
    fault: Option<OnFault>,
    write: Option<OnWrite>,
    reserved: [usize; 3],
}

const _: () = assert!(size_of::<MemConfig>() == 128, "as the header has it");

/// `enum mem_supplier`, with what it takes.
#[derive(Clone, Copy)]
enum From {
    /// The kernel that the program is linked with, if there is one; else mappings.
    Linked,
    Mmap,
    Break,
    Calls(BlockAlloc, BlockFree),
    Buffer(NonNull<[u8]>),
}

/// A configuration that was checked.
pub struct Plan {
    from: From,
    fit: FitKind,
    tags: TagKind,
    initial: usize,
    step: Option<usize>,
    limit: usize,
    single_from: Option<usize>,
    spare: Option<usize>,
}

impl Plan {
    pub const DEFAULT: Plan = Plan {
        from: From::Linked,
        fit: FitKind::Constant,
        tags: TagKind::Side,
        initial: 0,
        step: None,
        limit: usize::MAX,
        single_from: None,
        spare: None,
    };

    /// None if a field has no meaning, or fields contradict each other.
    fn of(config: &MemConfig) -> Option<Plan> {
        if config.reserved != [0; 3] {
            return None;
        }
        let given = |value: usize| (value != 0).then_some(value);
        let from = config.from()?;
        // A buffer is granted whole, so nothing is left for large blocks.
        if matches!(from, From::Buffer(_)) && !matches!(config.single_from, 0 | usize::MAX) {
            return None;
        }
        Some(Plan {
            from,
            fit: match config.fit {
                0 => FitKind::Constant,
                1 => FitKind::First,
                2 => FitKind::Next,
                3 => FitKind::Best,
                4 => FitKind::Quick,
                _ => return None,
            },
            tags: match config.tags {
                0 => TagKind::Side,
                1 => TagKind::Inline,
                _ => return None,
            },
            initial: config.initial,
            step: given(config.step),
            limit: given(config.limit).unwrap_or(usize::MAX),
            single_from: given(config.single_from),
            spare: given(config.spare),
        })
    }

    fn supplier(&self) -> Supplier {
        match self.from {
            From::Mmap => Supplier::Mmap,
            From::Linked => match system::block_calls() {
                Some(calls) if !blocks::is_own(calls) => kernel(calls.0, calls.1),
                _ => Supplier::Mmap,
            },
            From::Calls(alloc, free) => kernel(alloc, free),
            From::Break => Supplier::Break(system::program_break()),
            // SAFETY: `mem_init` was promised that the memory is the pool's.
            From::Buffer(memory) => Supplier::Buffer(unsafe { Buffer::from_raw(memory) }),
        }
    }

    /// Where large blocks come from.
    fn large_supplier(&self) -> Supplier {
        match self.from {
            From::Break => Supplier::Mmap,
            _ => self.supplier(),
        }
    }

    /// The pool, which asks for nothing yet.
    pub fn build(&self) -> Twin {
        let supplier = self.supplier();
        let maps = matches!(supplier, Supplier::Mmap | Supplier::Break(_));
        // A kernel's blocks are taken one by one, and given back at once: it may have few.
        let (step, large, spare) = if maps {
            (STEP, LARGE, STEP)
        } else {
            (0, usize::MAX, 0)
        };
        let spare = match (&supplier, self.spare) {
            (Supplier::Buffer(_), _) => usize::MAX,
            (_, spare_here) => spare_here.unwrap_or(spare).max(self.initial),
        };
        let step = self.step.unwrap_or(step);
        let initial = if self.initial == 0 {
            step
        } else {
            self.initial
        };
        let settings = Settings {
            hook: fault::note,
            spare,
        };
        let large = self.single_from.unwrap_or(large);
        let thresholds = Thresholds {
            alloc: large,
            alloc_zeroed: large,
            are_strict: false,
        };
        let land = Source::new(supplier, initial, step);
        let land = AnyPool::new(self.fit, self.tags, land, settings);
        let singles = Source::new(self.large_supplier(), 0, 0);
        Twin::new(land, singles, thresholds, self.limit, maps)
    }

    /// The same, with the land it starts with; none if there is not so much.
    fn start(&self) -> Option<Twin> {
        let mut twin = self.build();
        if self.initial == 0 && !matches!(self.from, From::Buffer(_)) {
            return Some(twin);
        }
        let taken = twin.take_land()?;
        (taken >= self.initial).then_some(twin)
    }
}

fn kernel(alloc: BlockAlloc, free: BlockFree) -> Supplier {
    // SAFETY: `mem_init`, or the linker, was given calls that do as their types' descriptions say.
    Supplier::Kernel(unsafe { Kernel::new(alloc, free) })
}

impl MemConfig {
    fn from(&self) -> Option<From> {
        let calls = self.block_alloc.zip(self.block_free);
        let has_calls = self.block_alloc.is_some() || self.block_free.is_some();
        let has_buffer = !self.buffer.is_null() || self.buffer_size != 0;
        match self.supplier {
            0 if !has_calls && !has_buffer => Some(From::Linked),
            1 if !has_calls && !has_buffer => Some(From::Mmap),
            2 if !has_calls && !has_buffer => Some(From::Break),
            3 if !has_buffer && has_calls => calls.map(|(alloc, free)| From::Calls(alloc, free)),
            3 if !has_buffer => system::block_calls().map(|(a, f)| From::Calls(a, f)),
            4 if !has_calls => {
                let memory = ptr::slice_from_raw_parts_mut(self.buffer.cast(), self.buffer_size);
                NonNull::new(memory)
                    .filter(|m| m.len() <= isize::MAX as usize)
                    .map(From::Buffer)
            }
            _ => None,
        }
    }
}

/// Chooses the pool behind `mem_*`; null chooses what there is without this call.
///
/// # Safety
/// `config` is null or points to a configuration whose buffer and callbacks are as the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn mem_init(config: *const MemConfig) -> c_int {
    // SAFETY: the caller's promise.
    let config = unsafe { config.as_ref() };
    let Some(plan) = config.map_or(Some(Plan::DEFAULT), Plan::of) else {
        return Outcome::Invalid as c_int;
    };
    let outcome = state::with(|state| {
        if state.mem.as_ref().is_some_and(Twin::is_in_use) {
            return Outcome::Busy;
        }
        // The old pool gives its land back first: the new one may be over the same memory.
        state.mem = None;
        fault::set_callbacks(config.map_or(Callbacks::NONE, |config| Callbacks {
            fault: config.fault,
            write: config.write,
        }));
        state.mem = plan.start();
        match state.mem {
            Some(_) => Outcome::Done,
            None => Outcome::NoMemory,
        }
    });
    outcome as c_int
}
