//! A zip tree: a balanced search tree whose nodes hold two links and nothing else.
//!
//! The tree is a treap with the priorities taken from a hash of the nodes' addresses. Insertion
//! unzips one path in two, removal zips two paths into one; there are no rotations, no parents and
//! no colours. Expected depth is 1.4 log₂ n. (Tarjan, Levy, Timmel: *Zip Trees*, 2019.)
//!
//! ```text
//!        insert x: descend while parents outrank x, then unzip
//!              p                    p
//!               \                    \
//!                c        →           x        a, b … are dealt out to the left and right
//!               / \                  / \       spines of x, by their keys
//!              a   b                a   c
//! ```

use crate::word::At;

/// Which child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Side {
    Left,
    Right,
}

/// Where the nodes of a tree lie, and how they are ordered.
pub(crate) trait Nodes {
    /// What is wrong with a link that cannot be followed.
    type Torn;
    /// What nodes are ordered by, all different.
    type Key: Ord + Copy;

    fn child(&self, node: At, side: Side) -> Result<Option<At>, Self::Torn>;
    fn set_child(&self, node: At, side: Side, child: Option<At>);
    fn key(&self, node: At) -> Result<Self::Key, Self::Torn>;
}

/// The place that names a subtree: the root, or a child of a node.
type Place = Option<(At, Side)>;

fn rank(node: At) -> u32 {
    // The top half of a product by the golden ratio: neighbours come out far apart.
    let mixed = (node.0 as u64 >> 4).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    ((mixed ^ (mixed >> 29)).wrapping_mul(0xbf58_476d_1ce4_e5b9) >> 32) as u32
}

fn outranks(a: At, b: At) -> bool {
    (rank(a), a) > (rank(b), b)
}

/// Its root, which is all that there is of a tree beside the nodes.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tree {
    root: Option<At>,
}

impl Tree {
    pub(crate) const EMPTY: Tree = Tree { root: None };

    fn set<N: Nodes>(&mut self, nodes: &N, place: Place, child: Option<At>) {
        match place {
            None => self.root = child,
            Some((node, side)) => nodes.set_child(node, side, child),
        }
    }

    pub(crate) fn insert<N: Nodes>(
        &mut self,
        nodes: &N,
        new: At,
        key: N::Key,
    ) -> Result<(), N::Torn> {
        let mut place = None;
        let mut next = self.root;
        while let Some(node) = next.filter(|node| outranks(*node, new)) {
            let side = side(nodes.key(node)? < key);
            place = Some((node, side));
            next = nodes.child(node, side)?;
        }
        self.set(nodes, place, Some(new));
        // Unzip what was there: smaller keys to the left of the new node, larger to its right.
        let mut left = Some((new, Side::Left));
        let mut right = Some((new, Side::Right));
        while let Some(node) = next {
            if nodes.key(node)? < key {
                self.set(nodes, left, next);
                left = Some((node, Side::Right));
                next = nodes.child(node, Side::Right)?;
            } else {
                self.set(nodes, right, next);
                right = Some((node, Side::Left));
                next = nodes.child(node, Side::Left)?;
            }
        }
        self.set(nodes, left, None);
        self.set(nodes, right, None);
        Ok(())
    }

    /// Takes a node out; false if it is not in the tree under this key.
    pub(crate) fn remove<N: Nodes>(
        &mut self,
        nodes: &N,
        old: At,
        key: N::Key,
    ) -> Result<bool, N::Torn> {
        let mut place = None;
        let mut next = self.root;
        while let Some(node) = next.filter(|node| *node != old) {
            let side = side(nodes.key(node)? < key);
            place = Some((node, side));
            next = nodes.child(node, side)?;
        }
        if next.is_none() {
            return Ok(false);
        }
        let mut left = nodes.child(old, Side::Left)?;
        let mut right = nodes.child(old, Side::Right)?;
        loop {
            match (left, right) {
                (Some(low), Some(high)) if outranks(low, high) => {
                    self.set(nodes, place, left);
                    place = Some((low, Side::Right));
                    left = nodes.child(low, Side::Right)?;
                }
                (Some(_), Some(high)) => {
                    self.set(nodes, place, right);
                    place = Some((high, Side::Left));
                    right = nodes.child(high, Side::Left)?;
                }
                _ => {
                    self.set(nodes, place, left.or(right));
                    return Ok(true);
                }
            }
        }
    }

    /// The node with the lowest key that is not below `key`.
    pub(crate) fn at_least<N: Nodes>(&self, nodes: &N, key: N::Key) -> Result<Option<At>, N::Torn> {
        let (mut best, mut next) = (None, self.root);
        while let Some(node) = next {
            let too_low = nodes.key(node)? < key;
            if !too_low {
                best = next;
            }
            next = nodes.child(node, side(too_low))?;
        }
        Ok(best)
    }

    /// The node with the highest key that is not above `key`.
    pub(crate) fn at_most<N: Nodes>(&self, nodes: &N, key: N::Key) -> Result<Option<At>, N::Torn> {
        let (mut best, mut next) = (None, self.root);
        while let Some(node) = next {
            let low = nodes.key(node)? <= key;
            if low {
                best = next;
            }
            next = nodes.child(node, side(low))?;
        }
        Ok(best)
    }
}

const fn side(right: bool) -> Side {
    if right { Side::Right } else { Side::Left }
}
