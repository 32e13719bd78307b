//! [`Source`], the supplier of a pool: one of four, with least sizes of grants and a limit.

use core::num::NonZeroUsize;
use core::ptr::NonNull;
use glebe_pool::{BLOCK, BlockSource, Break, Buffer, Kernel, Mmap, Purpose};

/// Where blocks come from.
pub enum Supplier {
    /// Mappings, each grant one of its own.
    Mmap,
    /// The program break.
    Break(Break),
    /// A kernel's two calls.
    Kernel(Kernel),
    /// The caller's memory.
    Buffer(Buffer),
}

impl Supplier {
    pub const fn name(&self) -> &'static str {
        match self {
            Supplier::Mmap => "mmap",
            Supplier::Break(_) => "break",
            Supplier::Kernel(_) => "kernel",
            Supplier::Buffer(_) => "buffer",
        }
    }

    fn grant(&mut self, blocks: NonZeroUsize, purpose: Purpose) -> Option<NonNull<[u8]>> {
        match self {
            Supplier::Mmap => Mmap.grant(blocks, purpose),
            Supplier::Break(land) => land.grant(blocks, purpose),
            Supplier::Kernel(kernel) => kernel.grant(blocks, purpose),
            Supplier::Buffer(buffer) => buffer.grant(blocks, purpose),
        }
    }
}

/// A supplier with its measures, in bytes.
pub struct Source {
    supplier: Supplier,
    /// The first grant of land is at least so large, each later one as large as `step`; smaller if
    /// the supplier cannot do it.
    initial: usize,
    step: usize,
    /// What may be granted in all.
    pub limit: usize,
    granted: usize,
}

impl Source {
    pub const fn new(supplier: Supplier, initial: usize, step: usize) -> Source {
        Source {
            supplier,
            initial,
            step,
            limit: usize::MAX,
            granted: 0,
        }
    }

    /// Of the supplier.
    pub const fn name(&self) -> &'static str {
        self.supplier.name()
    }

    /// Bytes that are granted.
    pub const fn granted(&self) -> usize {
        self.granted
    }

    /// Whether the limit allows so many bytes more.
    fn allows(&self, bytes: usize) -> bool {
        bytes <= self.limit.saturating_sub(self.granted)
    }

    /// What to ask the supplier for: at best the measure of the configuration, at worst the need.
    fn wishes(&self, need: NonZeroUsize, purpose: Purpose) -> [NonZeroUsize; 2] {
        let least = match purpose {
            Purpose::Land if self.granted == 0 => self.initial,
            Purpose::Land => self.step,
            Purpose::Single => 0,
        };
        let wish = NonZeroUsize::new(least.div_ceil(BLOCK)).unwrap_or(need);
        [wish.max(need), need]
    }

    /// The first wish that the limit allows and the supplier fulfils, of which it tells the bytes.
    fn first<G>(
        &mut self,
        wishes: [NonZeroUsize; 2],
        mut ask: impl FnMut(&mut Supplier, NonZeroUsize) -> Option<(G, usize)>,
    ) -> Option<G> {
        let tries = if wishes[0] == wishes[1] { 1 } else { 2 };
        for blocks in wishes.into_iter().take(tries) {
            let allowed = blocks
                .get()
                .checked_mul(BLOCK)
                .is_some_and(|bytes| self.allows(bytes));
            if allowed && let Some((granted, bytes)) = ask(&mut self.supplier, blocks) {
                self.granted += bytes;
                return Some(granted);
            }
        }
        None
    }
}

// SAFETY: every call goes to the supplier that granted.
unsafe impl BlockSource for Source {
    const RESIZES: bool = true;

    fn grant(&mut self, blocks: NonZeroUsize, purpose: Purpose) -> Option<NonNull<[u8]>> {
        self.first(self.wishes(blocks, purpose), |supplier, blocks| {
            let grant = supplier.grant(blocks, purpose)?;
            Some((grant, grant.len()))
        })
    }

    unsafe fn release(&mut self, grant: NonNull<[u8]>, purpose: Purpose) {
        self.granted -= grant.len();
        // SAFETY: the caller's promise; it was granted by the same one.
        unsafe {
            match &mut self.supplier {
                Supplier::Mmap => Mmap.release(grant, purpose),
                Supplier::Break(land) => land.release(grant, purpose),
                Supplier::Kernel(kernel) => kernel.release(grant, purpose),
                Supplier::Buffer(buffer) => buffer.release(grant, purpose),
            }
        }
    }

    fn top(&mut self) -> Option<usize> {
        match &mut self.supplier {
            Supplier::Break(land) => land.top(),
            _ => None,
        }
    }

    fn extend(&mut self, blocks: NonZeroUsize) -> Option<NonZeroUsize> {
        self.first(
            self.wishes(blocks, Purpose::Land),
            |supplier, blocks| match supplier {
                Supplier::Break(land) => land.extend(blocks).map(|bytes| (bytes, bytes.get())),
                _ => None,
            },
        )
    }

    unsafe fn lower(&mut self, bytes: NonZeroUsize) {
        self.granted -= bytes.get();
        if let Supplier::Break(land) = &mut self.supplier {
            // SAFETY: the caller's promise.
            unsafe { land.lower(bytes) }
        }
    }
}
