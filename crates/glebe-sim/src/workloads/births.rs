//! Threads that end, and leave something behind.

use super::spread;
use crate::engine::Block;
use crate::machine::Machine;
use crate::world::{Step, Work, World};

/// Blocks of a life, and how many of them are allocated or freed in a step.
const LIFE: u64 = 1000;
const STEP: u64 = 10;
/// The step in which a life ends: nine of ten are freed.
const END: u64 = LIFE / STEP * 19 / 10;
/// Nobody is there for so long at most, between the end of one thread and the next one's begin: a
/// fifth of a life or so.
const PAUSE: usize = 20_000;

/// Every life builds, tears down, and leaves a tenth to whoever comes next, on any core.
#[derive(Default)]
pub struct Births {
    left_behind: Vec<Block>,
}

impl Births {
    /// What a thread does in the `stage`th step of its life.
    fn live(&mut self, world: &mut World, thread: usize, stage: u64) {
        for _ in 0..STEP {
            if stage < LIFE / STEP {
                let bytes = world.bytes(thread, 16, 1024);
                world.keep(thread, bytes);
            } else {
                world.drop_any(thread);
            }
        }
        // Of those before him; at last of himself, if nobody came.
        if self.left_behind.len() > 2000
            && let Some(block) = self.left_behind.pop()
        {
            world.release(thread, block);
        }
    }

    fn inherit(&mut self, world: &mut World, thread: usize) {
        let own = &mut world.threads[thread];
        let rng = &mut own.rng;
        for _ in 0..LIFE / 10 {
            if self.left_behind.is_empty() {
                break;
            }
            let which = rng.below(self.left_behind.len());
            let block = self.left_behind.swap_remove(which);
            own.left = own.left.saturating_sub(1);
            world.engine.free(&own.who, block);
        }
    }
}

impl Work for Births {
    fn cores(&self, machine: &Machine) -> Vec<usize> {
        spread(machine)
    }

    fn step(&mut self, world: &mut World, thread: usize) -> Step {
        let own = &mut world.threads[thread];
        let stage = own.stage;
        own.stage += 1;
        if stage < END {
            self.live(world, thread, stage);
            return Step::Done;
        }
        if stage == END {
            self.left_behind.append(&mut own.blocks);
            if own.left == 0 {
                return Step::Over;
            }
            let next = own.clock + own.rng.below(PAUSE) as f64;
            world.end(thread);
            return Step::Idle(next);
        }
        own.stage = 0;
        let any = own.rng.below(world.engine.memory.machine.all_cores());
        world.begin(thread, any);
        self.inherit(world, thread);
        Step::Done
    }

    fn elsewhere(&self) -> usize {
        self.left_behind.len()
    }
}
