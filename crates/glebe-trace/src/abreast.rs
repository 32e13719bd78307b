//! Plays events on several threads at once: each thread makes its own calls as fast as it can, and
//! waits only where it needs a block that another has not let go of yet.
//!
//! So frees and reallocations by other threads run beside the owner's work, threads start and end
//! beside the others, and still every part of a list of events can be played: what this shows can
//! be minimised, if it shows again.
//!
//! There is no table of all blocks: it would be a lock that every op takes, and would order what
//! is to run unordered. Blocks given out twice are seen by their patterns.

use crate::fault::{Fault, Origin, Wrong};
use crate::op::{IMPOSSIBLE, Op};
use crate::recording::Event;
use crate::replay::Summary;
use crate::rng::mix;
use crate::shadow::Block;
use crate::target::Target;
use crate::turns::join;
use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread::{self, Scope, ScopedJoinHandle};

/// From the allocation of a block to its free.
#[derive(Default)]
struct Life {
    /// How many of its ops are done.
    turn: AtomicU32,
    block: Mutex<Option<Block>>,
}

/// An op of one thread.
struct Step {
    index: usize,
    op: Op,
    /// The block's life, and which of its ops this is.
    life: Option<(usize, u32)>,
    /// The thread that the next event starts.
    starts: Option<u32>,
}

/// The events, dealt out to their threads.
#[derive(Default)]
struct Plan {
    lives: Vec<Life>,
    threads: HashMap<u32, Vec<Step>>,
    /// The thread of the first event.
    first: Option<u32>,
    passed_over: u64,
    handed_over: u64,
    most_live: usize,
}

/// What lives while events are dealt out.
struct Lived {
    life: usize,
    ops: u32,
    /// The thread that allocated it.
    owner: u32,
}

impl Plan {
    fn new(events: &[Event]) -> Plan {
        let mut plan = Plan::default();
        let mut live: HashMap<u32, Lived> = HashMap::new();
        let mut last: Option<u32> = None;
        for (index, &event) in events.iter().enumerate() {
            let Some(life) = plan.life(event, &mut live) else {
                plan.passed_over += 1;
                continue;
            };
            let Event { thread, op } = event;
            if !plan.threads.contains_key(&thread)
                && let Some(last) = last.and_then(|last| plan.threads.get_mut(&last)?.last_mut())
            {
                last.starts = Some(thread);
            }
            plan.most_live = plan.most_live.max(live.len());
            plan.threads.entry(thread).or_default().push(Step {
                index,
                op,
                life,
                starts: None,
            });
            plan.first = plan.first.or(Some(thread));
            last = Some(thread);
        }
        plan
    }

    /// The life that an event is part of, if it is about a block; none if it means nothing.
    fn life(
        &mut self,
        event: Event,
        live: &mut HashMap<u32, Lived>,
    ) -> Option<Option<(usize, u32)>> {
        let id = match event.op {
            Op::Purge => return Some(None),
            Op::Bad { .. } => return None,
            op => op.id()?,
        };
        if event.op.allocates() == live.contains_key(&id) {
            return None;
        }
        match event.op {
            Op::Alloc { size, .. } | Op::Zeroed { size, .. } | Op::Aligned { size, .. } => {
                let (life, ops, owner) = (self.lives.len(), 1, event.thread);
                self.lives.push(Life::default());
                if size < IMPOSSIBLE {
                    live.insert(id, Lived { life, ops, owner });
                }
                Some(Some((life, 0)))
            }
            Op::Free { .. } | Op::FreeSized { .. } => {
                let lived = live.remove(&id)?;
                self.handed_over += u64::from(lived.owner != event.thread);
                Some(Some((lived.life, lived.ops)))
            }
            _ => {
                let lived = live.get_mut(&id)?;
                lived.ops += 1;
                Some(Some((lived.life, lived.ops - 1)))
            }
        }
    }
}

/// The first fault: the number of its event, if it shows before the end, and what is wrong.
type Found = Option<(Option<usize>, Wrong)>;

struct Stage<'p, T: ?Sized> {
    target: &'p T,
    plan: &'p Plan,
    /// Some thread has found a fault.
    stop: AtomicBool,
    found: Mutex<Found>,
}

/// Where started threads go, to be waited for.
type Started<'s> = Sender<ScopedJoinHandle<'s, ()>>;

/// Plays `events`, and then frees what still lives on a thread of its own. Every thread is started
/// before the event that comes before its first, and ends after its last. No other thread may be
/// inside the target, the calling thread is not.
///
/// # Errors
/// The first thing that a thread found wrong.
pub fn replay<T: Target + ?Sized>(
    target: &T,
    events: &[Event],
    origin: &Origin,
) -> Result<Summary, Box<Fault>> {
    let plan = Plan::new(events);
    let stage = Stage {
        target,
        plan: &plan,
        stop: AtomicBool::new(false),
        found: Mutex::new(None),
    };
    thread::scope(|scope| {
        if let Some(first) = plan.first {
            let (started, threads) = channel();
            stage.start(scope, started, first);
            // A scope alone does not wait for the end of the threads' own data.
            threads.into_iter().for_each(join);
        }
        join(scope.spawn(|| stage.finish()));
    });
    let found = stage
        .found
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .take();
    if let Some((index, wrong)) = found {
        let event = index.map(|index| (index as u64, events[index]));
        return Err(Box::new(Fault {
            wrong,
            op: event.map(|(index, event)| (index, event.op)),
            thread: event.map_or(0, |(_, event)| event.thread),
            origin: origin.clone(),
        }));
    }
    Ok(Summary {
        ops: events.len() as u64,
        passed_over: plan.passed_over,
        most_live: plan.most_live,
        handed_over: plan.handed_over,
    })
}

/// Stops the other threads when one panics, or they would wait for it for ever.
struct StopOnPanic<'a>(&'a AtomicBool);

impl Drop for StopOnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.store(true, Ordering::Relaxed);
        }
    }
}

impl<'p, T: Target + ?Sized> Stage<'p, T> {
    fn start<'s>(&'s self, scope: &'s Scope<'s, '_>, started: Started<'s>, thread: u32) {
        let steps = &self.plan.threads[&thread];
        let others = started.clone();
        let handle = scope.spawn(move || {
            let _guard = StopOnPanic(&self.stop);
            for step in steps {
                if let Some(next) = step.starts {
                    self.start(scope, others.clone(), next);
                }
                if let Err(wrong) = self.play(step) {
                    self.report(Some(step.index), wrong);
                }
                if self.stop.load(Ordering::Relaxed) {
                    break;
                }
            }
        });
        started
            .send(handle)
            .expect("whoever waits for the threads is there until the last");
    }

    fn report(&self, index: Option<usize>, wrong: Wrong) {
        self.stop.store(true, Ordering::Relaxed);
        let mut found = self.found.lock().unwrap_or_else(PoisonError::into_inner);
        found.get_or_insert((index, wrong));
    }

    fn play(&self, step: &Step) -> Result<(), Wrong> {
        let Some((life, turn)) = step.life else {
            self.target.purge();
            return Ok(());
        };
        let life = &self.plan.lives[life];
        if !self.wait(life, turn) {
            return Ok(());
        }
        let mut block = life.block.lock().unwrap_or_else(PoisonError::into_inner);
        let key = mix(step.index as u64);
        let old = block.take();
        *block = match (step.op, old) {
            (Op::Realloc { size, .. }, Some(old)) => Some(old.resize(self.target, size, key)?),
            (Op::Usable { .. }, Some(old)) => {
                old.check(self.target)?;
                Some(old)
            }
            (op @ (Op::Free { .. } | Op::FreeSized { .. }), Some(old)) => {
                old.dispose(self.target, matches!(op, Op::FreeSized { .. }))?;
                None
            }
            (op, _) => {
                let mut new = Block::allocate(self.target, op)?;
                if let Some(new) = &mut new {
                    new.settle(op, key)?;
                }
                new
            }
        };
        drop(block);
        life.turn.store(turn + 1, Ordering::Release);
        Ok(())
    }

    /// Waits until a life has come to a turn; false if all is to stop.
    fn wait(&self, life: &Life, turn: u32) -> bool {
        let mut spins = 0_u32;
        while life.turn.load(Ordering::Acquire) != turn {
            if self.stop.load(Ordering::Relaxed) {
                return false;
            }
            spins += 1;
            if spins.is_multiple_of(64) {
                thread::yield_now();
            } else {
                std::hint::spin_loop();
            }
        }
        true
    }

    /// Frees what still lives, unless a fault was found.
    fn finish(&self) {
        if self.stop.load(Ordering::Relaxed) {
            return;
        }
        let free = |life: &Life| {
            let block = life
                .block
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .take();
            block.map_or(Ok(()), |block| block.dispose(self.target, false))
        };
        let freed = self.plan.lives.iter().try_for_each(free);
        let checked = freed.and_then(|()| self.target.verify().map_err(Wrong::Records));
        if let Err(wrong) = checked {
            self.report(None, wrong);
        }
    }
}
