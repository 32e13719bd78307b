//! [`Rule`], the invariants of a pool, and [`Broken`], one that does not hold.

use core::fmt;

/// The invariants, by number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Rule {
    /// 1. Ranges lie apart from each other, and their plots inside them.
    Ranges = 1,
    /// 2. From its start to its end mark, a plot is blocks without a gap, each as long as a block
    ///    must be.
    Chain = 2,
    /// 3. What the tags say of a block at its start and at its end agrees.
    Tags = 3,
    /// 4. No two free blocks are neighbours, unless one waits to be joined.
    Coalesced = 4,
    /// 5. The index holds every free block, once, and nothing else.
    Indexed = 5,
    /// 6. The index keeps its own order.
    Index = 6,
    /// 7. The links in free blocks are as the pool wrote them.
    Links = 7,
    /// 8. The pool's count of granted bytes is the sum over the granted ranges.
    Granted = 8,
}

/// An invariant that does not hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Broken {
    /// Which.
    pub rule: Rule,
    /// At which block or range; 0 for the pool as a whole.
    pub address: usize,
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let what = match self.rule {
            Rule::Ranges => "ranges overlap",
            Rule::Chain => "blocks leave a gap",
            Rule::Tags => "the tags of a block disagree",
            Rule::Coalesced => "two free blocks are neighbours",
            Rule::Indexed => "the index does not hold just the free blocks",
            Rule::Index => "the index is out of order",
            Rule::Links => "links in a free block were overwritten",
            Rule::Granted => "the sum of grants is wrong",
        };
        let number = self.rule as u8;
        write!(f, "invariant {number} at {:#x}: {what}", self.address)
    }
}

impl core::error::Error for Broken {}
