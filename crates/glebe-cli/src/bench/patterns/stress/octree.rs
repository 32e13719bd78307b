//! Trees built and freed as a whole, after barnes (the gravitation of n bodies by Josh Barnes and
//! Piet Hut, in the SPLASH-2 programs of Woo and others, ISCA 1995): each step sorts the bodies
//! into an octree, a block for each body and each cell, sums the masses up, moves the bodies and
//! frees the tree.

use crate::bench::patterns::pattern::{Load, Pattern, repeat};
use crate::bench::patterns::sizes::Random;

const BODIES: usize = 16_384;
/// Cells within cells; bodies that are still together then become one.
const MAX_DEPTH: u32 = 24;
/// Coordinates lie from 0 to this.
const EDGE: u32 = 1 << MAX_DEPTH;

pub fn patterns() -> Vec<Pattern> {
    let about = "sort 16384 bodies into an octree, sum masses up, free the tree, move the bodies";
    vec![Pattern::new("barnes/16k", about, 4_000_000, |seed| {
        Steps::new(seed, BODIES)
    })]
}

#[derive(Clone, Copy)]
struct Body {
    place: [u32; 3],
    speed: [u32; 3],
}

struct Steps {
    bodies: Vec<Body>,
}

#[derive(Default)]
enum Node {
    #[default]
    Empty,
    Leaf(Box<Leaf>),
    Cell(Box<Cell>),
}

struct Leaf {
    place: [u32; 3],
    mass: u64,
}

#[derive(Default)]
struct Cell {
    parts: [Node; 8],
    mass: u64,
    centre: [f64; 3],
}

impl Node {
    /// Puts a body of mass 1 in; the number of blocks allocated.
    fn insert(&mut self, place: [u32; 3], depth: u32) -> u64 {
        match self {
            Self::Empty => {
                *self = Self::Leaf(Box::new(Leaf { place, mass: 1 }));
                1
            }
            Self::Leaf(leaf) if depth == MAX_DEPTH => {
                leaf.mass += 1;
                0
            }
            Self::Leaf(leaf) => {
                let mut cell = Box::<Cell>::default();
                let part = octant(leaf.place, depth);
                cell.parts[part] = std::mem::take(self);
                *self = Self::Cell(cell);
                1 + self.insert(place, depth)
            }
            Self::Cell(cell) => cell.parts[octant(place, depth)].insert(place, depth + 1),
        }
    }

    /// Sums mass and centre up from the leaves.
    fn gather(&mut self) -> (u64, [f64; 3]) {
        match self {
            Self::Empty => (0, [0.0; 3]),
            Self::Leaf(leaf) => (leaf.mass, leaf.place.map(f64::from)),
            Self::Cell(cell) => {
                let (mut mass, mut centre) = (0, [0.0; 3]);
                for part in &mut cell.parts {
                    let (own, place) = part.gather();
                    mass += own;
                    for axis in 0..3 {
                        centre[axis] += own as f64 * place[axis];
                    }
                }
                cell.mass = mass;
                cell.centre = centre.map(|sum| sum / mass as f64);
                (mass, cell.centre)
            }
        }
    }
}

/// Which of the eight parts of a cell holds a place.
fn octant(place: [u32; 3], depth: u32) -> usize {
    let bits = place.map(|coordinate| (coordinate >> (MAX_DEPTH - 1 - depth) & 1) as usize);
    bits[0] | bits[1] << 1 | bits[2] << 2
}

impl Steps {
    fn new(seed: u64, bodies: usize) -> Self {
        let mut random = Random::new(seed);
        let mut vector = |limit: u32| [(); 3].map(|()| random.below(limit as usize) as u32);
        let body = |_| Body {
            place: vector(EDGE),
            speed: vector(EDGE >> 8),
        };
        Self {
            bodies: (0..bodies).map(body).collect(),
        }
    }

    fn tree(&self) -> (Node, u64) {
        let mut root = Node::Empty;
        let bodies = self.bodies.iter();
        let allocated = bodies.map(|body| root.insert(body.place, 0)).sum();
        (root, allocated)
    }

    /// One step; the number of blocks allocated.
    fn once(&mut self) -> u64 {
        let (mut root, allocated) = self.tree();
        let (mass, _) = root.gather();
        assert_eq!(mass, self.bodies.len() as u64, "bodies were lost");
        for body in &mut self.bodies {
            for axis in 0..3 {
                body.place[axis] = (body.place[axis] + body.speed[axis]) % EDGE;
            }
        }
        allocated
    }
}

impl Load for Steps {
    fn run(&mut self, ops: u64) -> u64 {
        repeat(ops, || self.once())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_centre_of_the_tree_is_that_of_the_bodies() {
        let steps = Steps::new(3, 500);
        let (mut root, allocated) = steps.tree();
        let (mass, centre) = root.gather();
        assert!(allocated > 500 && mass == 500);
        for (axis, centre) in centre.into_iter().enumerate() {
            let sum: f64 = steps
                .bodies
                .iter()
                .map(|body| f64::from(body.place[axis]))
                .sum();
            assert!(
                (centre - sum / 500.0).abs() < 1.0,
                "{centre} on axis {axis}"
            );
        }
    }

    #[test]
    fn bodies_in_one_place_become_one() {
        let mut root = Node::Empty;
        let allocated = [7, 7, 7].map(|at| root.insert([at; 3], 0));
        assert_eq!((root.gather().0, allocated[2]), (3, 0));
    }
}
