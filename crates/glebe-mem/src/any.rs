//! [`AnyPool`], a pool whose policy and tags were chosen when the program ran.

use crate::source::Source;
use glebe_pool::{
    BestFit, Block, BlockSource, FirstFit, Fit, Heap, Hook, InlineTags, NextFit, Pool, QuickFit,
    SideTags, Tags, TwoLevel,
};

/// What the functions here ask of a pool.
pub trait View: Heap {
    /// Calls `each` for all blocks by address, without their places in the index: O(n), where
    /// [`Heap::walk`] takes O(n + f²).
    fn blocks(&self, each: &mut dyn FnMut(Block));
}

impl<F: Fit, T: Tags, S: BlockSource> View for Pool<F, T, S> {
    fn blocks(&self, each: &mut dyn FnMut(Block)) {
        Pool::blocks(self).for_each(each);
    }
}

/// Which free block serves a request.
#[derive(Clone, Copy)]
pub enum FitKind {
    Constant,
    First,
    Next,
    Best,
    Quick,
}

/// Where the records are kept.
#[derive(Clone, Copy)]
pub enum TagKind {
    Side,
    Inline,
}

/// Settings of a pool beside its kind.
#[derive(Clone, Copy)]
pub struct Settings {
    pub hook: Hook,
    pub spare: usize,
}

macro_rules! kinds {
    ($($name:ident: $kind:ident $fit:ty, $tag:ident $tags:ty;)*) => {
        /// A pool of one of the kinds.
        #[allow(clippy::large_enum_variant, reason = "there is one, and it is never moved about")]
        pub enum AnyPool {
            $($name(Pool<$fit, $tags, Source>),)*
        }

        impl AnyPool {
            pub fn new(fit: FitKind, tags: TagKind, source: Source, with: Settings) -> AnyPool {
                match (fit, tags) {
                    $((FitKind::$kind, TagKind::$tag) => AnyPool::$name(
                        Pool::new(source)
                            .with_hook(with.hook)
                            .with_spare(with.spare),
                    ),)*
                }
            }

            pub fn view(&self) -> &dyn View {
                match self {
                    $(AnyPool::$name(pool) => pool,)*
                }
            }

            pub fn heap(&mut self) -> &mut dyn View {
                match self {
                    $(AnyPool::$name(pool) => pool,)*
                }
            }

            pub fn source_mut(&mut self) -> &mut Source {
                match self {
                    $(AnyPool::$name(pool) => pool.source_mut(),)*
                }
            }

            pub fn source(&self) -> &Source {
                match self {
                    $(AnyPool::$name(pool) => pool.source(),)*
                }
            }
        }
    };
}

kinds! {
    ConstantSide: Constant TwoLevel, Side SideTags;
    ConstantInline: Constant TwoLevel, Inline InlineTags;
    FirstSide: First FirstFit, Side SideTags;
    FirstInline: First FirstFit, Inline InlineTags;
    NextSide: Next NextFit, Side SideTags;
    NextInline: Next NextFit, Inline InlineTags;
    BestSide: Best BestFit, Side SideTags;
    BestInline: Best BestFit, Inline InlineTags;
    QuickSide: Quick QuickFit, Side SideTags;
    QuickInline: Quick QuickFit, Inline InlineTags;
}
