//! [`Plan`]: a recording as the steps of its threads.
//!
//! The player finds blocks in slots, words that hold an address. A thread has slots of its own,
//! which it uses again and again. Where a block comes to another thread, the two share a slot that
//! nobody else uses, and the second waits until the first has put the block there. That is all
//! the recorded order that is kept between threads, but for two things: a thread is started by the
//! thread that was recorded last before it, and not before all threads have ended that had ended
//! then. So no more threads are there at a time than were.
//!
//! A step waits for steps that were recorded before it, only. So there is always one that can go
//! on.
//!
//! A plan is a file that workers map: reading the recording itself would need memory of the
//! allocator under test.

use std::collections::HashMap;
use std::io::{self, Write};

use bytemuck::{Pod, Zeroable, bytes_of, cast_slice};
use glebe_trace::op::IMPOSSIBLE;
use glebe_trace::{Event, Op};
use strum::FromRepr;

/// In place of a slot.
pub const NOWHERE: u32 = u32::MAX;

/// What a step does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, FromRepr)]
#[repr(u8)]
pub enum Call {
    /// `malloc`
    Alloc,
    /// `calloc`
    Zeroed,
    /// `posix_memalign`
    Aligned,
    /// `realloc`
    Realloc,
    /// `free`. Sized frees are frees: not every allocator has them.
    Free,
    /// `malloc_usable_size`
    Usable,
    /// Starts the thread whose number is in `to`.
    Start,
    /// Puts a word in `to`: the thread has ended.
    End,
    /// Waits for the word in `from`.
    Await,
}

/// One step of a thread.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Step {
    /// Bytes requested.
    pub size: u64,
    /// The slot with the block.
    pub from: u32,
    /// The slot where the block goes.
    pub to: u32,
    /// Bytes that the block had before, for `realloc`.
    pub before: u32,
    /// A [`Call`].
    pub call: u8,
    /// Log2 of the alignment requested.
    pub align: u8,
    /// Not 0: `from` is another thread's to fill.
    pub waits: u8,
    unused: u8,
}

impl Step {
    fn new(call: Call, from: u32, to: u32) -> Step {
        Step {
            from,
            to,
            call: call as u8,
            ..Step::zeroed()
        }
    }
}

/// The start of a plan's file. The parts follow, and all their steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Head {
    /// Threads.
    pub parts: u64,
    /// Slots.
    pub slots: u64,
    /// Calls of the allocator.
    pub calls: u64,
}

/// Where a thread's steps are among all steps. The first thread starts all others.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Pod, Zeroable)]
#[repr(C)]
pub struct Part {
    /// The first.
    pub first: u64,
    /// How many.
    pub steps: u64,
}

/// A thread being planned.
#[derive(Default)]
struct Actor {
    steps: Vec<Step>,
    /// Slots of its own that hold no block.
    unused: Vec<u32>,
    /// So many of the threads that ended it has waited for.
    awaited: usize,
}

/// A block that lives.
struct Live {
    /// Who used it last, by which step.
    actor: usize,
    step: usize,
    /// That thread's own slot for it.
    slot: u32,
    size: usize,
}

/// See the module's text.
#[derive(Default)]
pub struct Plan {
    actors: Vec<Actor>,
    numbers: HashMap<u32, usize>,
    live: HashMap<u32, Live>,
    /// The slots that tell the end of threads, in the order of their ends.
    ended: Vec<u32>,
    slots: u32,
    calls: u64,
}

impl Plan {
    /// Deals out events. Those that mean nothing are passed over, and so are purges and bad frees,
    /// which other allocators do not know.
    pub fn new(events: &[Event]) -> Plan {
        let mut plan = Plan::default();
        let mut last = HashMap::new();
        for (index, event) in events.iter().enumerate() {
            last.insert(event.thread, index);
        }
        let mut before = None;
        for (index, event) in events.iter().enumerate() {
            let actor = plan.actor(event.thread, before);
            plan.step(actor, event.op);
            if last[&event.thread] == index {
                let slot = plan.slot();
                plan.push(actor, Step::new(Call::End, NOWHERE, slot));
                plan.ended.push(slot);
            }
            before = Some(actor);
        }
        plan
    }

    fn slot(&mut self) -> u32 {
        self.slots += 1;
        self.slots - 1
    }

    fn own_slot(&mut self, actor: usize) -> u32 {
        let unused = self.actors[actor].unused.pop();
        unused.unwrap_or_else(|| self.slot())
    }

    fn push(&mut self, actor: usize, step: Step) {
        self.actors[actor].steps.push(step);
    }

    /// The number of a thread here; a new one is started by the thread `before`.
    fn actor(&mut self, thread: u32, before: Option<usize>) -> usize {
        if let Some(&actor) = self.numbers.get(&thread) {
            return actor;
        }
        let actor = self.actors.len();
        self.numbers.insert(thread, actor);
        self.actors.push(Actor::default());
        if let Some(starter) = before {
            for at in self.actors[starter].awaited..self.ended.len() {
                self.push(starter, Step::new(Call::Await, self.ended[at], NOWHERE));
            }
            self.actors[starter].awaited = self.ended.len();
            self.push(starter, Step::new(Call::Start, NOWHERE, actor as u32));
        }
        actor
    }

    fn step(&mut self, actor: usize, op: Op) {
        let lives = op.id().is_some_and(|id| self.live.contains_key(&id));
        let (id, call, size) = match op {
            Op::Alloc { id, size } if !lives => (id, Call::Alloc, size),
            Op::Zeroed { id, size } if !lives => (id, Call::Zeroed, size),
            Op::Aligned { id, size, .. } if !lives => (id, Call::Aligned, size),
            Op::Realloc { id, size } if lives => (id, Call::Realloc, size),
            Op::Free { id } | Op::FreeSized { id } if lives => (id, Call::Free, 0),
            Op::Usable { id } if lives => (id, Call::Usable, self.live[&id].size),
            _ => return,
        };
        if size >= IMPOSSIBLE {
            return;
        }
        self.calls += 1;
        let old = self.live.remove(&id);
        let mut step = Step::new(call, NOWHERE, NOWHERE);
        step.size = size.max(1) as u64;
        if let Op::Aligned { align, .. } = op {
            step.align = align.trailing_zeros() as u8;
        }
        if let Some(old) = old {
            step.before = u32::try_from(old.size).unwrap_or(u32::MAX);
            step.waits = u8::from(old.actor != actor);
            step.from = self.taken(&old, actor);
        }
        if call != Call::Free {
            let slot = self.own_slot(actor);
            step.to = slot;
            let live = Live {
                actor,
                step: self.actors[actor].steps.len(),
                slot,
                size,
            };
            self.live.insert(id, live);
        }
        self.push(actor, step);
    }

    /// The slot in which `actor` finds a block.
    fn taken(&mut self, block: &Live, actor: usize) -> u32 {
        self.actors[block.actor].unused.push(block.slot);
        if block.actor == actor {
            return block.slot;
        }
        let shared = self.slot();
        self.actors[block.actor].steps[block.step].to = shared;
        shared
    }

    /// Writes the file.
    pub fn write(&self, mut output: impl Write) -> io::Result<()> {
        let head = Head {
            parts: self.actors.len() as u64,
            slots: self.slots.into(),
            calls: self.calls,
        };
        output.write_all(bytes_of(&head))?;
        let mut first = 0;
        for actor in &self.actors {
            let steps = actor.steps.len() as u64;
            output.write_all(bytes_of(&Part { first, steps }))?;
            first += steps;
        }
        for actor in &self.actors {
            output.write_all(cast_slice(&actor.steps))?;
        }
        output.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calls(plan: &Plan, actor: usize) -> Vec<(Call, u32, u32, bool)> {
        let steps = plan.actors[actor].steps.iter();
        let call = |step: &Step| Call::from_repr(step.call).unwrap();
        steps
            .map(|step| (call(step), step.from, step.to, step.waits != 0))
            .collect()
    }

    fn event(thread: u32, op: Op) -> Event {
        Event { thread, op }
    }

    #[test]
    fn a_thread_uses_its_slots_again() {
        let pair = |id| [Op::Alloc { id, size: 8 }, Op::Free { id }];
        let events: Vec<Event> = [pair(3), pair(9)]
            .concat()
            .into_iter()
            .map(Event::from)
            .collect();
        let expected = [
            (Call::Alloc, NOWHERE, 0, false),
            (Call::Free, 0, NOWHERE, false),
            (Call::Alloc, NOWHERE, 0, false),
            (Call::Free, 0, NOWHERE, false),
            (Call::End, NOWHERE, 1, false),
        ];
        assert_eq!(calls(&Plan::new(&events), 0), expected);
    }

    #[test]
    fn a_block_goes_to_another_thread_in_a_slot_of_its_own() {
        let events = [
            event(5, Op::Alloc { id: 0, size: 8 }),
            event(6, Op::Realloc { id: 0, size: 9 }),
            event(5, Op::Alloc { id: 1, size: 8 }),
            event(5, Op::Free { id: 0 }),
        ];
        let plan = Plan::new(&events);
        let first = [
            (Call::Alloc, NOWHERE, 1, false),
            (Call::Start, NOWHERE, 1, false),
            (Call::Alloc, NOWHERE, 0, false),
            (Call::Free, 4, NOWHERE, true),
            (Call::End, NOWHERE, 5, false),
        ];
        assert_eq!(calls(&plan, 0), first);
        let second = [(Call::Realloc, 1, 4, true), (Call::End, NOWHERE, 3, false)];
        assert_eq!(calls(&plan, 1), second);
        assert_eq!((plan.slots, plan.calls), (6, 4));
    }

    #[test]
    fn a_thread_starts_after_those_that_had_ended() {
        let alloc = |thread, id| event(thread, Op::Alloc { id, size: 8 });
        let events = [
            alloc(0, 0),
            alloc(1, 1),
            alloc(0, 2),
            alloc(2, 3),
            alloc(0, 4),
        ];
        let expected = [
            (Call::Alloc, NOWHERE, 0, false),
            (Call::Start, NOWHERE, 1, false),
            (Call::Alloc, NOWHERE, 3, false),
            (Call::Await, 2, NOWHERE, false),
            (Call::Start, NOWHERE, 2, false),
            (Call::Alloc, NOWHERE, 6, false),
            (Call::End, NOWHERE, 7, false),
        ];
        assert_eq!(calls(&Plan::new(&events), 0), expected);
    }

    #[test]
    fn events_without_a_meaning_are_passed_over() {
        let events = [
            Op::Free { id: 0 },
            Op::Alloc { id: 0, size: 8 },
            Op::Alloc { id: 0, size: 9 },
            Op::Realloc {
                id: 0,
                size: IMPOSSIBLE,
            },
            Op::Purge,
        ];
        assert_eq!(Plan::new(&events.map(Event::from)).calls, 1);
    }
}
