//! Heaps found, parked, adopted, and changed by threads that have moved.

use std::collections::VecDeque;

use super::places;
use super::remote::Outbox;
use super::{CLASSES, Cursor, Engine, Heap, Who};
use crate::memory::Touch;
use crate::policy::Adopt;

/// How many parked heaps are looked at for a near one.
const LOOK: usize = 8;

impl Engine {
    /// Puts a thread on a heap: a parked one that it may have, or a new one.
    pub fn attach(&mut self, core: usize) -> Who {
        let (now, lock) = (self.now, places::registry());
        let since = self.registry.enter(&mut self.memory, core, lock, now);
        let heap = match self.adoptable(core) {
            Some(at) => self.parked.remove(at),
            None => self.found(core),
        };
        let adopted = &mut self.heaps[heap];
        (adopted.parked, adopted.core, adopted.home) = (false, core, core);
        self.memory
            .touch(core, places::inbox(heap, 0), Touch::Write);
        self.registry
            .leave(&mut self.memory, core, lock, since, now);
        Who { core, heap }
    }

    /// The place of a parked heap that suits a thread on a core.
    fn adoptable(&mut self, core: usize) -> Option<usize> {
        let machine = &self.memory.machine;
        let [node, complex] = [machine.node_of(core), machine.complex_of(core)];
        let at = |place: usize| self.heaps[self.parked[place]].core;
        let on_node = |&place: &usize| machine.node_of(at(place)) == node;
        let in_complex = |&place: &usize| machine.complex_of(at(place)) == complex;
        let last_first = || (0..self.parked.len()).rev();
        let found = match self.choices.adopt {
            Adopt::Last => last_first().next(),
            Adopt::Node => last_first().find(on_node),
            Adopt::Complex => last_first().find(in_complex),
            Adopt::Near => {
                let some = || last_first().take(LOOK);
                let near = some().find(in_complex).or_else(|| some().find(on_node));
                near.or(last_first().next())
            }
        };
        // Near ones are looked for through their links.
        let looked_at = match self.choices.adopt {
            Adopt::Near => self.parked.len().min(LOOK),
            _ => 1,
        };
        for place in last_first().take(looked_at).collect::<Vec<_>>() {
            let link = places::inbox(self.parked[place], 0);
            self.memory.touch(core, link, Touch::Wait);
        }
        found
    }

    fn found(&mut self, core: usize) -> usize {
        let heap = self.heaps.len();
        for class in 0..CLASSES {
            self.memory
                .touch(core, places::cursor(heap, class), Touch::Write);
        }
        self.heaps.push(Heap {
            core,
            home: core,
            parked: false,
            cursors: vec![Cursor::default(); CLASSES],
            listed: vec![VecDeque::new(); CLASSES],
            outbox: Outbox::default(),
            inbox: vec![Vec::new(); CLASSES],
        });
        heap
    }

    /// A thread ends, or leaves its heap.
    pub fn exit(&mut self, who: Who) {
        self.tidy(who);
        let (core, now, lock) = (who.core, self.now, places::registry());
        let since = self.registry.enter(&mut self.memory, core, lock, now);
        let heap = &mut self.heaps[who.heap];
        (heap.parked, heap.core) = (true, core);
        self.parked.push(who.heap);
        for class in 0..CLASSES {
            self.drain(core, who.heap, class);
        }
        self.registry
            .leave(&mut self.memory, core, lock, since, now);
    }

    /// A thread that finds itself on another node than when it came to its heap changes to another
    /// one: true if so.
    pub(super) fn follow(&mut self, who: &mut Who) -> bool {
        let heap = &self.heaps[who.heap];
        let machine = &self.memory.machine;
        let far = machine.node_of(heap.home) != machine.node_of(who.core);
        if far {
            self.exit(*who);
            *who = self.attach(who.core);
        }
        far
    }
}
