//! What the tests share: the list of policies, land for pools, a hook that remembers, processes.

use glebe_pool::{BlockSource, Fault, Fit, Pool, Tags};
use std::alloc::{Layout, alloc_zeroed, dealloc};
use std::cell::Cell;
use std::process::{Command, Output};

/// Memory of a chosen size and alignment, freed at the end.
pub struct Land {
    start: *mut u8,
    layout: Layout,
}

impl Land {
    pub fn new(bytes: usize, align: usize) -> Land {
        let layout = Layout::from_size_align(bytes, align).expect("a layout for land");
        // SAFETY: the size is not 0.
        let start = unsafe { alloc_zeroed(layout) };
        assert!(!start.is_null(), "no memory for the test");
        Land { start, layout }
    }

    pub fn start(&self) -> *mut u8 {
        self.start
    }

    pub fn bytes(&self) -> usize {
        self.layout.size()
    }

    /// Gives all of it to a pool.
    pub fn give<F: Fit, T: Tags, S: BlockSource>(&self, pool: &mut Pool<F, T, S>) -> usize {
        // SAFETY: tests keep the land until their pool is gone.
        unsafe { pool.add(self.start, self.layout.size()) }.expect("land that can be used")
    }
}

impl Drop for Land {
    fn drop(&mut self) {
        // SAFETY: it was allocated with this layout.
        unsafe { dealloc(self.start, self.layout) }
    }
}

thread_local! {
    static LAST: Cell<Option<Fault>> = const { Cell::new(None) };
}

/// A hook that remembers the fault and comes back.
pub fn remember(fault: &Fault) {
    LAST.set(Some(*fault));
}

/// The last fault that [`remember`] was told of on this thread, once.
pub fn remembered() -> Option<Fault> {
    LAST.take()
}

/// Runs a test, called `name`, in a process of its own with one thread; or is that process, and
/// comes back with None. Else what it printed and how it ended.
pub fn in_a_process(name: &str) -> Option<Output> {
    const VARIABLE: &str = "GLEBE_POOL_TEST";
    if std::env::var_os(VARIABLE).is_some() {
        return None;
    }
    let mut command = Command::new(std::env::current_exe().expect("this program"));
    command.args([name, "--exact", "--nocapture", "--test-threads=1"]);
    Some(command.env(VARIABLE, name).output().expect("it runs"))
}

/// Gives each fit with each kind of tags to a macro, as `name: Fit, Tags;`, and `more` of the sort.
macro_rules! every_policy {
    ($matrix:ident! { $($more:tt)* }) => {
        $matrix! {
            first_inline: glebe_pool::FirstFit, glebe_pool::InlineTags;
            first_side: glebe_pool::FirstFit, glebe_pool::SideTags;
            next_inline: glebe_pool::NextFit, glebe_pool::InlineTags;
            next_side: glebe_pool::NextFit, glebe_pool::SideTags;
            best_inline: glebe_pool::BestFit, glebe_pool::InlineTags;
            best_side: glebe_pool::BestFit, glebe_pool::SideTags;
            two_level_inline: glebe_pool::TwoLevel, glebe_pool::InlineTags;
            two_level_side: glebe_pool::TwoLevel, glebe_pool::SideTags;
            quick_inline: glebe_pool::QuickFit, glebe_pool::InlineTags;
            quick_side: glebe_pool::QuickFit, glebe_pool::SideTags;
            $($more)*
        }
    };
}
pub(crate) use every_policy;
