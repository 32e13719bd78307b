//! [`Pool`]: blocks cut from plots of land, by a fit policy and a kind of tags.
//!
//! | file | what it decides |
//! |--|--|
//! | this one | what a pool is and how it is set up |
//! | `land` | plots come in, grow, shrink and go back |
//! | `alloc` | the block for a request |
//! | `free` | what becomes of a block that is given up |
//! | `wait` | blocks that are joined with their neighbours later |
//! | `resize` | growing and shrinking in place |
//! | `walk` | all blocks in order, and sums over them |
//! | `verify` | the pool's invariants |

mod alloc;
mod free;
mod land;
mod resize;
mod verify;
mod wait;
mod walk;

#[cfg(test)]
mod steps;

pub use land::Unusable;
pub use resize::Unresized;
pub use walk::{Block, Blocks, State, Stats};

use crate::fault::{self, Fault, Hook, Torn};
use crate::fit::{Fit, TwoLevel};
use crate::site::Site;
use crate::source::{BlockSource, NoSource};
use crate::tags::{SideTags, Tags};
use core::fmt;

/// A heap over blocks of memory: `F` chooses among free blocks, `T` keeps the records, `S` is the
/// supplier.
///
/// ```
/// use core::alloc::Layout;
/// use glebe_pool::{BestFit, InlineTags, NoSource, Pool};
///
/// let mut land = [0u64; 512];
/// let mut pool: Pool<BestFit, InlineTags, NoSource> = Pool::new(NoSource);
/// // SAFETY: the land outlives the pool, which alone uses it.
/// unsafe { pool.add((&raw mut land).cast(), size_of_val(&land)) }?;
///
/// let layout = Layout::new::<[u32; 20]>();
/// let block = pool.alloc(layout).expect("4 KiB are enough for 80 bytes");
/// // SAFETY: the block is live and has this layout.
/// unsafe { pool.free(block.as_ptr(), Some(layout)) }?;
/// pool.verify()?;
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
///
/// A pool is `Send` and not `Sync`; [`Locked`](crate::Locked) shares one. It may be moved while
/// blocks live. When it is dropped, its grants go back to the supplier, whatever lives in them.
pub struct Pool<F: Fit = TwoLevel, T: Tags = SideTags, S: BlockSource = NoSource> {
    site: Site<T>,
    index: F,
    source: S,
    settings: Settings,
    /// Bytes granted by the supplier and not given back, and how often the index was made anew.
    granted: usize,
    rebuilt: usize,
}

#[derive(Clone, Copy)]
struct Settings {
    hook: Hook,
    single_from: usize,
    spare: usize,
}

impl<F: Fit, T: Tags, S: BlockSource> Pool<F, T, S> {
    /// Of no land yet. It asks the supplier when a request comes that does not fit.
    pub const fn new(source: S) -> Pool<F, T, S> {
        Pool {
            site: Site::new(),
            index: F::EMPTY,
            source,
            settings: Settings {
                hook: fault::abort,
                single_from: usize::MAX,
                spare: 0,
            },
            granted: 0,
            rebuilt: 0,
        }
    }

    /// Calls `hook` at every fault, instead of [`abort`](crate::abort).
    #[must_use]
    pub const fn with_hook(mut self, hook: Hook) -> Pool<F, T, S> {
        self.settings.hook = hook;
        self
    }

    /// Requests of so many bytes and more get blocks of their own from the supplier.
    #[must_use]
    pub const fn with_single_from(mut self, bytes: usize) -> Pool<F, T, S> {
        self.settings.single_from = bytes;
        self
    }

    /// Keeps grants that are wholly free, and the free end of the program break, as long as no
    /// more than so many bytes are granted in all. By default everything goes back at once; a
    /// program that frees its last block and allocates anew then pays for a grant each time.
    #[must_use]
    pub const fn with_spare(mut self, bytes: usize) -> Pool<F, T, S> {
        self.settings.spare = bytes;
        self
    }

    /// Replaces the hook.
    pub const fn set_hook(&mut self, hook: Hook) {
        self.settings.hook = hook;
    }

    /// The supplier.
    pub const fn source(&self) -> &S {
        &self.source
    }

    /// The supplier, to change its own settings.
    pub const fn source_mut(&mut self) -> &mut S {
        &mut self.source
    }

    /// How often links in free blocks were found overwritten, and the index made anew.
    pub const fn rebuilt(&self) -> usize {
        self.rebuilt
    }

    /// Blocks, nodes and bins looked at so far; 0 without the feature `count-steps`.
    pub fn steps(&self) -> u64 {
        self.site.steps()
    }

    /// The names of the fit policy and of the tags.
    pub const fn policy(&self) -> (&'static str, &'static str) {
        (F::NAME, T::NAME)
    }

    #[cold]
    fn report(&self, fault: Fault) -> Fault {
        (self.settings.hook)(&fault);
        fault
    }

    /// Reports overwritten links, and puts all free blocks into the index anew.
    #[cold]
    fn recover(&mut self, torn: Torn) {
        self.report(Fault::TornLink(torn.0.0));
        self.rebuilt += 1;
        self.rebuild();
    }
}

impl<F: Fit, T: Tags, S: BlockSource + Default> Default for Pool<F, T, S> {
    fn default() -> Pool<F, T, S> {
        Pool::new(S::default())
    }
}

impl<F: Fit, T: Tags, S: BlockSource> fmt::Debug for Pool<F, T, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("fit", &F::NAME)
            .field("tags", &T::NAME)
            .field("stats", &self.stats())
            .finish_non_exhaustive()
    }
}

impl<F: Fit, T: Tags, S: BlockSource> Drop for Pool<F, T, S> {
    fn drop(&mut self) {
        self.release_all();
    }
}
