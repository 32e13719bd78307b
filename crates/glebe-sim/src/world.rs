//! Threads on cores, each with its own clock: the one that is behind takes the next step.

use std::cmp::Ordering;
use std::collections::BinaryHeap;

use glebe_trace::rng::Rng;
use serde::Serialize;

use crate::engine::{Block, CALL, Engine, Who};
use crate::machine::Machine;
use crate::memory::{PAGE, Source, Touch, Traffic};
use crate::policy::Policy;

/// How often pages are looked at in a run.
const LOOKS: u64 = 16;
/// In so many turns threads get what they have in the beginning.
pub const TURNS: usize = 16;

/// What a thread has.
pub struct Thread {
    /// Its core and heap.
    pub who: Who,
    /// Nanoseconds since the run began.
    pub clock: f64,
    /// Its choices.
    pub rng: Rng,
    /// Its blocks.
    pub blocks: Vec<Block>,
    /// Calls that it still has to make.
    pub left: u64,
    /// What a workload counts.
    pub stage: u64,
}

/// What a step did.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Step {
    /// Something.
    Done,
    /// Nothing, and will not before this time.
    Idle(f64),
    /// The last there was to do.
    Over,
}

/// Something for threads to do.
pub trait Work {
    /// Where the threads are in the beginning.
    fn cores(&self, machine: &Machine) -> Vec<usize>;

    /// A part of what a thread has before anything is counted: one of [`TURNS`].
    fn prepare(&mut self, _world: &mut World, _thread: usize) {}

    /// A step of a thread.
    fn step(&mut self, world: &mut World, thread: usize) -> Step;

    /// Blocks that live and that no thread has.
    fn elsewhere(&self) -> usize {
        0
    }
}

/// The engine, and who calls it.
pub struct World {
    /// The engine.
    pub engine: Engine,
    /// The threads.
    pub threads: Vec<Thread>,
    /// Users write but the first line of a block.
    pub brief: bool,
    /// Calls that each thread makes before anything is counted, and then.
    efforts: [u64; 2],
    calls: u64,
}

/// What a run has shown.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Figures {
    /// Mallocs and frees.
    pub calls: u64,
    /// Nanoseconds of a call, the user's touches of the block included, time without work not.
    pub ns: f64,
    /// Nanoseconds from the first step to the last, for each call.
    pub elapsed: f64,
    /// The share of lines that came from beyond the complex, the node's memory not counted.
    pub beyond_complex: f64,
    /// The share of lines that came from another node.
    pub beyond_node: f64,
    /// The share of pages in use that are not on the node of the thread that has them.
    pub far_pages: f64,
    /// Most bytes resident.
    pub peak: f64,
    /// What was touched.
    pub traffic: Traffic,
}

impl World {
    /// Threads on new heaps.
    pub fn new(
        machine: Machine,
        policy: Policy,
        huge_pages: bool,
        cores: &[usize],
        efforts: [u64; 2],
        seed: u64,
    ) -> World {
        let mut engine = Engine::new(machine, policy, huge_pages);
        let mut seeds = Rng::new(seed);
        let threads = cores.iter().map(|&core| Thread {
            who: engine.attach(core),
            clock: 0.0,
            rng: Rng::new(seeds.next()),
            blocks: Vec::new(),
            left: 0,
            stage: 0,
        });
        let threads = threads.collect();
        World {
            engine,
            threads,
            brief: false,
            efforts,
            calls: 0,
        }
    }

    /// A thread allocates a block and writes it.
    pub fn obtain(&mut self, thread: usize, bytes: u32) -> Block {
        self.count(thread);
        let who = &mut self.threads[thread].who;
        let block = self.engine.malloc(who, bytes);
        match self.brief {
            true => self.engine.touch(who.core, block, Touch::Write),
            false => self.engine.write(who.core, block),
        }
        block
    }

    /// A thread allocates a block for itself.
    pub fn keep(&mut self, thread: usize, bytes: u32) {
        let block = self.obtain(thread, bytes);
        self.threads[thread].blocks.push(block);
    }

    /// A thread frees a block.
    pub fn release(&mut self, thread: usize, block: Block) {
        self.count(thread);
        self.engine.free(&self.threads[thread].who, block);
    }

    /// A thread frees one of its own, whichever.
    pub fn drop_any(&mut self, thread: usize) {
        let own = &mut self.threads[thread];
        let which = own.rng.below(own.blocks.len());
        let block = own.blocks.swap_remove(which);
        self.release(thread, block);
    }

    /// A thread ends.
    pub fn end(&mut self, thread: usize) {
        self.engine.exit(self.threads[thread].who);
    }

    /// Another one begins in its place, on a core.
    pub fn begin(&mut self, thread: usize, core: usize) {
        self.threads[thread].who = self.engine.attach(core);
    }

    /// A number of bytes, every doubling as likely as the next.
    pub fn bytes(&mut self, thread: usize, low: usize, high: usize) -> u32 {
        self.threads[thread].rng.log_between(low, high) as u32
    }

    fn count(&mut self, thread: usize) {
        self.calls += 1;
        let left = &mut self.threads[thread].left;
        *left = left.saturating_sub(1);
    }

    /// Blocks that live.
    fn live(&self, work: &impl Work) -> usize {
        let own = self.threads.iter().map(|thread| thread.blocks.len());
        own.sum::<usize>() + work.elsewhere()
    }

    /// Checks everything.
    pub fn verify(&self, work: &impl Work) -> Result<(), String> {
        self.engine.verify(self.live(work))
    }

    /// Lets all threads work to their end.
    pub fn run(&mut self, work: &mut impl Work) -> Figures {
        for _ in 0..TURNS {
            (0..self.threads.len()).for_each(|thread| work.prepare(self, thread));
        }
        self.engine.memory.take_spent();
        let [before, counted] = self.efforts;
        if before > 0 {
            self.play(work, before);
        }
        self.play(work, counted)
    }

    /// Lets each thread make some calls.
    fn play(&mut self, work: &mut impl Work, calls: u64) -> Figures {
        let start = self.clocks();
        for thread in &mut self.threads {
            thread.left = calls;
        }
        self.engine.memory.forget();
        self.calls = 0;
        let turn = |(thread, own): (usize, &Thread)| Turn {
            at: own.clock,
            thread,
        };
        let mut queue: BinaryHeap<Turn> = self.threads.iter().enumerate().map(turn).collect();
        let look = (calls * self.threads.len() as u64 / LOOKS).max(1);
        let (mut busy, mut pages, mut far, mut look_at) = (0.0, 0, 0, look);
        while let Some(Turn { at, thread }) = queue.pop() {
            self.engine.begin(at);
            let calls = self.calls;
            let step = work.step(self, thread);
            let ns = self.engine.memory.take_spent() + (self.calls - calls) as f64 * CALL;
            busy += ns;
            let clock = &mut self.threads[thread].clock;
            *clock = at + ns;
            match step {
                Step::Done => {}
                Step::Idle(until) => *clock = clock.max(until),
                Step::Over => continue,
            }
            queue.push(Turn { at: *clock, thread });
            if self.calls >= look_at {
                look_at += look;
                let (all, off) = self.engine.pages();
                (pages, far) = (pages + all, far + off);
            }
        }
        let elapsed = self.clocks() - start;
        self.figures(busy, elapsed, far as f64 / pages.max(1) as f64)
    }

    /// When the last thread is.
    fn clocks(&self) -> f64 {
        let clocks = self.threads.iter().map(|thread| thread.clock);
        clocks.fold(0.0, f64::max)
    }

    fn figures(&self, busy: f64, elapsed: f64, far_pages: f64) -> Figures {
        let traffic = self.engine.memory.traffic.clone();
        let lines: u64 = traffic.lines.iter().sum();
        let from = |sources: &[Source]| {
            let some = sources.iter().map(|&source| traffic.lines[source as usize]);
            some.sum::<u64>() as f64 / lines.max(1) as f64
        };
        let calls = self.calls.max(1) as f64;
        Figures {
            calls: self.calls,
            ns: busy / calls,
            elapsed: elapsed / calls,
            beyond_complex: from(&[Source::Complex, Source::Node, Source::Remote]),
            beyond_node: from(&[Source::Node, Source::Remote]),
            far_pages,
            peak: (self.engine.memory.resident()[1] * PAGE) as f64,
            traffic,
        }
    }
}

/// A thread's turn; the earliest is the greatest.
#[derive(PartialEq)]
struct Turn {
    at: f64,
    thread: usize,
}

impl Eq for Turn {}

impl Ord for Turn {
    fn cmp(&self, other: &Turn) -> Ordering {
        let time = other.at.total_cmp(&self.at);
        time.then(other.thread.cmp(&self.thread))
    }
}

impl PartialOrd for Turn {
    fn partial_cmp(&self, other: &Turn) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}
