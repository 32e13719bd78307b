//! Blocks that go from hand to hand.

use std::collections::VecDeque;

use super::spread;
use crate::engine::Block;
use crate::machine::Machine;
use crate::memory::Touch;
use crate::world::{Step, Work, World};

/// Blocks in a message, and messages on their way at most: as in the benchmark's hand-off.
const MESSAGE: usize = 64;
const CAPACITY: usize = 16;
/// How long a thread with nothing to do waits before it looks again.
const NAP: f64 = 200.0;
/// Where the queues' own lines lie: below the engine's tables.
const QUEUES: u64 = 64 << 10;

/// How far the other of a pair is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum To {
    Inside,
    Across,
    Apart,
}

#[derive(Debug, Default)]
struct Queue {
    /// Blocks, and when they were sent.
    messages: VecDeque<(f64, Vec<Block>)>,
    sent: u64,
    over: bool,
}

impl Queue {
    /// The lines of the message that is sent or received.
    fn touch(world: &mut World, core: usize, queue: usize, number: u64, touch: Touch) {
        let message = (MESSAGE * 8) as u64;
        let start = QUEUES + (queue * CAPACITY) as u64 * message;
        let start = start + number % CAPACITY as u64 * message;
        for line in 0..message / 64 {
            world.engine.memory.touch(core, start + line * 64, touch);
        }
    }
}

/// Threads 0, 2, 4 … allocate and send; 1, 3, 5 … receive, read and free.
pub struct Pairs {
    to: To,
    sizes: [usize; 2],
    queues: Vec<Queue>,
}

impl Pairs {
    pub fn new(to: To) -> Pairs {
        Pairs {
            to,
            sizes: [16, 1024],
            queues: Vec::new(),
        }
    }

    /// With the sizes of the benchmark.
    pub fn measured(to: To) -> Pairs {
        Pairs {
            sizes: [64, 511],
            ..Pairs::new(to)
        }
    }

    fn send(&mut self, world: &mut World, thread: usize) -> Step {
        let queue = thread / 2;
        let own = &world.threads[thread];
        if own.left == 0 {
            self.queues[queue].over = true;
            return Step::Over;
        }
        let clock = own.clock;
        if self.queues[queue].messages.len() == CAPACITY {
            return Step::Idle(clock + NAP);
        }
        let [low, high] = self.sizes;
        let blocks = (0..MESSAGE).map(|_| {
            let bytes = world.bytes(thread, low, high);
            world.obtain(thread, bytes)
        });
        let blocks = blocks.collect();
        let core = world.threads[thread].who.core;
        let number = self.queues[queue].sent;
        Queue::touch(world, core, queue, number, Touch::Write);
        let sent_at = clock + world.engine.memory.spent();
        self.queues[queue].messages.push_back((sent_at, blocks));
        self.queues[queue].sent += 1;
        Step::Done
    }

    fn receive(&mut self, world: &mut World, thread: usize) -> Step {
        let (queue, clock) = (thread / 2, world.threads[thread].clock);
        let ready = self.queues[queue].messages.front().map(|(at, _)| *at);
        match ready {
            None if self.queues[queue].over => return Step::Over,
            None => return Step::Idle(clock + NAP),
            Some(at) if at > clock => return Step::Idle(at),
            Some(_) => {}
        }
        let number = self.queues[queue].sent - self.queues[queue].messages.len() as u64;
        let message = self.queues[queue].messages.pop_front();
        let core = world.threads[thread].who.core;
        Queue::touch(world, core, queue, number, Touch::Read);
        for block in message.into_iter().flat_map(|(_, blocks)| blocks) {
            world.engine.touch(core, block, Touch::Read);
            world.release(thread, block);
        }
        Step::Done
    }
}

impl Work for Pairs {
    fn cores(&self, machine: &Machine) -> Vec<usize> {
        let all = spread(machine).len() / 2;
        let cores = (0..all).flat_map(|pair| {
            let (node, rest) = (pair % machine.nodes, pair / machine.nodes);
            let (complex, number) = (rest % machine.complexes, rest / machine.complexes * 2);
            let other = match self.to {
                To::Inside => machine.core(node, complex, number + 1),
                To::Across => machine.core(node, complex + 1, number + 1),
                To::Apart => machine.core(node + 1, complex, number + 1),
            };
            [machine.core(node, complex, number), other]
        });
        cores.collect()
    }

    fn prepare(&mut self, world: &mut World, _thread: usize) {
        self.queues
            .resize_with(world.threads.len() / 2, Queue::default);
    }

    fn step(&mut self, world: &mut World, thread: usize) -> Step {
        match thread % 2 {
            0 => self.send(world, thread),
            _ => self.receive(world, thread),
        }
    }

    fn elsewhere(&self) -> usize {
        let messages = self.queues.iter().flat_map(|queue| &queue.messages);
        messages.map(|(_, blocks)| blocks.len()).sum()
    }
}

/// Entries of the cache that all have.
const ENTRIES: usize = 4000;
/// Temporary blocks of a request.
const TEMPORARY: usize = 6;

/// Every fourth thread accepts requests for whichever worker, and frees the answers.
#[derive(Default)]
pub struct Server {
    /// By thread: when they were sent, and what.
    inboxes: Vec<VecDeque<(f64, Block)>>,
    cache: Vec<Block>,
    accepting: usize,
}

impl Server {
    fn pass(&mut self, world: &mut World, from: usize, to: usize, block: Block) {
        let at = world.threads[from].clock + world.engine.memory.spent();
        let core = world.threads[from].who.core;
        let line = QUEUES + 64 * to as u64;
        world.engine.memory.touch(core, line, Touch::Lock);
        self.inboxes[to].push_back((at, block));
    }

    /// Something that was passed to a thread and has arrived.
    fn arrived(&mut self, world: &mut World, thread: usize) -> Option<Block> {
        let clock = world.threads[thread].clock;
        self.inboxes[thread]
            .front()
            .filter(|(at, _)| *at <= clock)?;
        let (_, block) = self.inboxes[thread].pop_front()?;
        let core = world.threads[thread].who.core;
        let line = QUEUES + 64 * thread as u64;
        world.engine.memory.touch(core, line, Touch::Lock);
        world.engine.touch(core, block, Touch::Read);
        Some(block)
    }

    fn accept(&mut self, world: &mut World, thread: usize) -> Step {
        if let Some(answer) = self.arrived(world, thread) {
            world.release(thread, answer);
            return Step::Done;
        }
        let own = &mut world.threads[thread];
        if own.left == 0 {
            // Its workers hear of it by the number of those that still accept.
            self.accepting -= usize::from(own.stage == 0);
            own.stage = 1;
            let done = self.accepting == 0 && self.inboxes.iter().all(VecDeque::is_empty);
            return match done {
                true => Step::Over,
                false => Step::Idle(own.clock + NAP),
            };
        }
        let workers = self.inboxes.len() / 4 * 3;
        let worker = own.rng.below(workers);
        let worker = worker / 3 * 4 + 1 + worker % 3;
        if self.inboxes[worker].len() >= CAPACITY {
            return Step::Idle(own.clock + NAP);
        }
        let bytes = world.bytes(thread, 256, 1024);
        let request = world.obtain(thread, bytes);
        self.pass(world, thread, worker, request);
        Step::Done
    }

    fn work(&mut self, world: &mut World, thread: usize) -> Step {
        let Some(request) = self.arrived(world, thread) else {
            return match self.accepting == 0 && self.inboxes[thread].is_empty() {
                true => Step::Over,
                false => Step::Idle(world.threads[thread].clock + NAP),
            };
        };
        for _ in 0..TEMPORARY {
            let bytes = world.bytes(thread, 16, 1024);
            world.keep(thread, bytes);
        }
        (0..TEMPORARY).for_each(|_| world.drop_any(thread));
        if world.threads[thread].rng.once_in(4) {
            self.store(world, thread);
        }
        let bytes = world.bytes(thread, 64, 512);
        let answer = world.obtain(thread, bytes);
        let acceptor = world.threads[thread].rng.below(self.inboxes.len() / 4) * 4;
        self.pass(world, thread, acceptor, answer);
        world.release(thread, request);
        Step::Done
    }

    /// Puts an entry in the cache, and frees the one that stood there, which may be anybody's.
    fn store(&mut self, world: &mut World, thread: usize) {
        let bytes = world.bytes(thread, 64, 1024);
        let entry = world.obtain(thread, bytes);
        let place = world.threads[thread].rng.below(ENTRIES);
        if place < self.cache.len() {
            let old = std::mem::replace(&mut self.cache[place], entry);
            world.release(thread, old);
        } else {
            self.cache.push(entry);
        }
    }
}

impl Work for Server {
    fn cores(&self, machine: &Machine) -> Vec<usize> {
        let mut cores = spread(machine);
        // Whoever has but two cores has more threads than cores.
        while cores.len() < 4 {
            cores.extend_from_within(..);
        }
        cores
    }

    fn prepare(&mut self, world: &mut World, thread: usize) {
        self.inboxes.resize_with(world.threads.len(), VecDeque::new);
        self.accepting = world.threads.len() / 4;
        if !thread.is_multiple_of(4) {
            for _ in 0..ENTRIES / crate::world::TURNS / world.threads.len() {
                self.store(world, thread);
            }
        }
    }

    fn step(&mut self, world: &mut World, thread: usize) -> Step {
        match thread % 4 {
            0 => self.accept(world, thread),
            _ => self.work(world, thread),
        }
    }

    fn elsewhere(&self) -> usize {
        self.cache.len() + self.inboxes.iter().map(VecDeque::len).sum::<usize>()
    }
}
