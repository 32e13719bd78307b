//! Threads that free what they allocated.

use super::spread;
use crate::engine::region::DECAY;
use crate::machine::Machine;
use crate::world::{Step, TURNS, Work, World};

/// How the system moves threads.
#[derive(Clone, Copy, Debug)]
pub struct Moves {
    /// Calls between two moves of a thread.
    every: u64,
    /// Of a hundred, how many stay within the complex, and how many within the node.
    near: [usize; 2],
}

impl Moves {
    pub const USUAL: Moves = Moves {
        every: 250,
        near: [60, 85],
    };
}

/// Replaces blocks.
pub struct Churn {
    live: usize,
    moves: Option<Moves>,
    alone: bool,
    /// How many of the 16 to 1024 bytes' doublings are drawn.
    most: usize,
}

impl Churn {
    pub fn new(live: usize, moves: Option<Moves>) -> Churn {
        Churn {
            live,
            moves,
            alone: false,
            most: 1024,
        }
    }

    /// One thread, with a mean of 95 bytes.
    pub fn alone(live: usize) -> Churn {
        Churn {
            live,
            moves: None,
            alone: true,
            most: 256,
        }
    }

    fn wander(&self, world: &mut World, thread: usize, moves: Moves) {
        let machine = world.engine.memory.machine.clone();
        let own = &mut world.threads[thread];
        let core = own.who.core;
        let (lot, any) = (own.rng.below(100), own.rng.below(machine.all_cores()));
        let (node, complex) = (machine.node_of(core), machine.complex_of(core));
        own.who.core = if lot < moves.near[0] {
            machine.core(node, complex % machine.complexes, any)
        } else if lot < moves.near[1] {
            machine.core(node, any / machine.cores, any)
        } else {
            any
        };
    }
}

impl Work for Churn {
    fn cores(&self, machine: &Machine) -> Vec<usize> {
        let mut cores = spread(machine);
        cores.truncate(if self.alone { 1 } else { cores.len() });
        cores
    }

    fn prepare(&mut self, world: &mut World, thread: usize) {
        for _ in 0..self.live / TURNS {
            let bytes = world.bytes(thread, 16, self.most);
            world.keep(thread, bytes);
        }
    }

    fn step(&mut self, world: &mut World, thread: usize) -> Step {
        let own = &mut world.threads[thread];
        if own.left == 0 {
            return Step::Over;
        }
        own.stage += 2;
        if let Some(moves) = self.moves.filter(|moves| own.stage % moves.every < 2) {
            self.wander(world, thread, moves);
        }
        let bytes = world.bytes(thread, 16, self.most);
        world.drop_any(thread);
        world.keep(thread, bytes);
        Step::Done
    }
}

/// Calls that a thread makes to grow.
const GROWTH: u64 = 250;

/// Halves of the machine that grow and shrink in turn: nodes if there are several, else complexes,
/// else cores.
pub struct Tide {
    turn: f64,
}

impl Tide {
    pub fn lasting(decays: f64) -> Tide {
        Tide {
            turn: decays * DECAY,
        }
    }

    fn half(machine: &Machine, core: usize) -> u64 {
        let half = match (machine.nodes, machine.complexes) {
            (1, 1) => core % 2,
            (1, _) => machine.complex_of(core) % 2,
            _ => machine.node_of(core) % 2,
        };
        half as u64
    }
}

impl Work for Tide {
    fn cores(&self, machine: &Machine) -> Vec<usize> {
        spread(machine)
    }

    fn step(&mut self, world: &mut World, thread: usize) -> Step {
        let half = Tide::half(&world.engine.memory.machine, world.threads[thread].who.core);
        let own = &mut world.threads[thread];
        if own.left == 0 {
            return Step::Over;
        }
        // Each time it grows in one turn and shrinks in the next.
        let (time, done) = (own.stage / (2 * GROWTH), own.stage % (2 * GROWTH));
        let turn = 2 * time + half + done / GROWTH;
        let begin = turn as f64 * self.turn;
        if own.clock < begin {
            return Step::Idle(begin);
        }
        own.stage += 1;
        if done >= GROWTH {
            world.drop_any(thread);
            return Step::Done;
        }
        let large = own.rng.once_in(32);
        let bytes = match large {
            true => world.bytes(thread, 64 << 10, 256 << 10),
            false => world.bytes(thread, 16, 8 << 10),
        };
        world.keep(thread, bytes);
        Step::Done
    }
}

/// Replaces large objects.
pub struct Large;

impl Work for Large {
    fn cores(&self, machine: &Machine) -> Vec<usize> {
        spread(machine)
    }

    fn step(&mut self, world: &mut World, thread: usize) -> Step {
        let own = &world.threads[thread];
        if own.left == 0 {
            return Step::Over;
        }
        if own.blocks.len() == 4 {
            world.drop_any(thread);
        }
        let bytes = world.bytes(thread, 128 << 10, 512 << 10);
        world.keep(thread, bytes);
        Step::Done
    }
}
