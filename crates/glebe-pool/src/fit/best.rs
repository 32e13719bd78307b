//! Best fit: a tree of all free blocks, by size and then by address.

use super::{Extent, Fault, Index, Place, Want};
use crate::broken::Rule;
use crate::fault::Torn;
use crate::site::Site;
use crate::tags::Tags;
use crate::tree::{Nodes, Side, Tree};
use crate::word::At;

/// The smallest free block in which a request fits, and of these the lowest.
#[derive(Debug)]
pub struct BestFit {
    tree: Tree,
}

/// The free blocks of a site as nodes.
struct Free<'a, T>(&'a Site<T>);

impl<T: Tags> Nodes for Free<'_, T> {
    type Torn = Torn;
    type Key = (usize, At);

    fn child(&self, node: At, side: Side) -> Result<Option<At>, Torn> {
        self.0.link(node, side as usize)
    }

    fn set_child(&self, node: At, side: Side, child: Option<At>) {
        self.0.set_link(node, side as usize, child);
    }

    fn key(&self, node: At) -> Result<(usize, At), Torn> {
        Ok((self.0.free_stride(node)?, node))
    }
}

impl BestFit {
    /// Goes through the subtree of a node in order; `each` tells whether to go on.
    ///
    /// Finds every next node from the root, so that it needs no memory.
    fn visit<T: Tags>(
        &self,
        site: &Site<T>,
        from: (usize, At),
        mut each: impl FnMut(Extent) -> bool,
    ) -> Result<(), Torn> {
        let nodes = Free(site);
        let mut key = from;
        while let Some(at) = self.tree.at_least(&nodes, key)? {
            let stride = site.free_stride(at)?;
            if !each((at, stride)) {
                break;
            }
            key = (stride, at.plus(1));
        }
        Ok(())
    }
}

impl Index for BestFit {
    const EMPTY: BestFit = BestFit { tree: Tree::EMPTY };
    const NAME: &'static str = "best fit";

    fn find<T: Tags>(&mut self, site: &Site<T>, want: Want) -> Result<Option<Extent>, Torn> {
        let nodes = Free(site);
        let smallest = |stride| match self.tree.at_least(&nodes, (stride, At(0)))? {
            None => Ok(None),
            Some(at) => Ok(Some((at, site.free_stride(at)?))),
        };
        let Some(best) = smallest(want.stride)? else {
            return Ok(None);
        };
        if want.fit::<T>(best).is_some() {
            return Ok(Some(best));
        }
        if let Some(padded) = want.padded::<T>()
            && let Some(found) = smallest(padded)?
        {
            return Ok(Some(found));
        }
        let mut found = None;
        self.visit(site, (best.1, best.0), |block| {
            found = want.fit::<T>(block).map(|_| block);
            found.is_none()
        })?;
        Ok(found)
    }

    fn insert<T: Tags>(&mut self, site: &Site<T>, (at, stride): Extent) -> Result<(), Torn> {
        self.tree.insert(&Free(site), at, (stride, at))
    }

    fn remove<T: Tags>(&mut self, site: &Site<T>, (at, stride): Extent) -> Result<(), Torn> {
        match self.tree.remove(&Free(site), at, (stride, at))? {
            true => Ok(()),
            false => Err(Torn(at)),
        }
    }

    fn check<T: Tags>(&self, site: &Site<T>) -> Result<usize, Fault> {
        let (mut count, mut last) = (0, (0, At(0)));
        let mut disorder = None;
        let visited = self.visit(site, last, |(at, stride)| {
            if (stride, at) <= last {
                disorder = Some((Rule::Index, at));
            }
            last = (stride, at);
            count += 1;
            disorder.is_none()
        });
        match (visited, disorder) {
            (Err(Torn(at)), _) => Err((Rule::Links, at)),
            (Ok(()), Some(disorder)) => Err(disorder),
            (Ok(()), None) => Ok(count),
        }
    }

    fn place<T: Tags>(&self, site: &Site<T>, block: Extent) -> Option<Place> {
        let (mut position, mut found) = (0, false);
        self.visit(site, (0, At(0)), |(at, _)| {
            found = at == block.0;
            position += usize::from(!found);
            !found
        })
        .ok()?;
        found.then_some(Place {
            list: 0,
            position,
            waits: false,
        })
    }
}
