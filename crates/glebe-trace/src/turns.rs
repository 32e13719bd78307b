//! Plays events on several threads that take turns: every call is made by its thread, one call at a
//! time, so that frees and reallocations by other threads, thread ends and what they leave behind
//! happen just so again. What this shows can be minimised, and recordings of threads be replayed.

use crate::fault::{Fault, Origin, Wrong};
use crate::op::Op;
use crate::recording::Event;
use crate::replay::{Care, Summary};
use crate::rng::{Rng, mix};
use crate::shadow::Shadow;
use crate::target::Target;
use std::collections::HashMap;
use std::ops::Range;
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread::{self, Scope, ScopedJoinHandle};

/// Spreads ops over so many threads, which end now and then and give way to new ones.
pub fn spread(
    ops: impl Iterator<Item = Op>,
    seed: u64,
    threads: u32,
) -> impl Iterator<Item = Event> {
    let mut rng = Rng::new(mix(seed ^ 0x07a2));
    let mut next = threads.max(1);
    let mut threads: Vec<u32> = (0..next).collect();
    let mut current = 0;
    ops.map(move |op| {
        if rng.once_in(12) {
            current = rng.below(threads.len());
        }
        if rng.once_in(1500) {
            threads[current] = next;
            next += 1;
        }
        let thread = threads[current];
        Event { thread, op }
    })
}

/// The shadow on its way to a thread, and the events to play there.
struct Turn<'t, T: ?Sized> {
    shadow: Shadow<'t, T>,
    events: Range<usize>,
}

/// What comes back.
type Played<'t, T> = (Shadow<'t, T>, Result<(), (usize, Wrong)>);

/// Plays `events`, and then frees what still lives on a thread of its own. Every thread starts at
/// its first event and ends after its last. No other thread may be inside the target.
///
/// # Errors
/// The first thing that is wrong.
pub fn replay<T: Target + ?Sized>(
    target: &T,
    events: &[Event],
    care: Care,
    origin: &Origin,
) -> Result<Summary, Box<Fault>> {
    let fault = |index: Option<usize>, wrong| {
        let event = index.map(|index| (index as u64, events[index]));
        Box::new(Fault {
            wrong,
            op: event.map(|(index, event)| (index, event.op)),
            thread: event.map_or(0, |(_, event)| event.thread),
            origin: origin.clone(),
        })
    };
    let mut last = HashMap::new();
    for (index, event) in events.iter().enumerate() {
        last.insert(event.thread, index);
    }
    let mut shadow = care.shadow(target);
    let mut summary = Summary::default();
    thread::scope(|scope| {
        let mut stage = Stage::new(scope, events, care);
        let mut start = 0;
        for same in events.chunk_by(|one, next| one.thread == next.thread) {
            let turn = start..start + same.len();
            let (back, result) = stage.play(same[0].thread, shadow, turn.clone(), target);
            shadow = back;
            if let Err((index, wrong)) = result {
                if let Wrong::Accepted { .. } = wrong {
                    stage.last_occasion(target);
                }
                return Err(fault(Some(index), wrong));
            }
            summary.most_live = summary.most_live.max(shadow.live());
            if last[&same[0].thread] + 1 == turn.end {
                stage.end(same[0].thread);
            }
            start = turn.end;
        }
        summary.ops = events.len() as u64;
        summary.passed_over = shadow.passed_over();
        let finish = move || {
            shadow.finish()?;
            target.verify().map_err(Wrong::Records)
        };
        join(scope.spawn(finish)).map_err(|wrong| fault(None, wrong))
    })?;
    Ok(summary)
}

/// Waits for a thread and the end of its own data, and passes on its panic.
pub(crate) fn join<R>(thread: ScopedJoinHandle<'_, R>) -> R {
    match thread.join() {
        Ok(result) => result,
        Err(panic) => std::panic::resume_unwind(panic),
    }
}

/// The threads that have begun and not ended.
struct Stage<'s, 't, T: ?Sized> {
    scope: &'s Scope<'s, 't>,
    events: &'t [Event],
    care: Care,
    actors: HashMap<u32, Actor<'s, 't, T>>,
}

struct Actor<'s, 't, T: ?Sized> {
    turns: Sender<Turn<'t, T>>,
    played: Receiver<Played<'t, T>>,
    thread: ScopedJoinHandle<'s, ()>,
}

impl<'s, 't, T: Target + ?Sized> Stage<'s, 't, T> {
    fn new(scope: &'s Scope<'s, 't>, events: &'t [Event], care: Care) -> Self {
        Stage {
            scope,
            events,
            care,
            actors: HashMap::new(),
        }
    }

    fn play(
        &mut self,
        thread: u32,
        shadow: Shadow<'t, T>,
        events: Range<usize>,
        target: &'t T,
    ) -> Played<'t, T> {
        let (scope, list, care) = (self.scope, self.events, self.care);
        let actor = self.actors.entry(thread).or_insert_with(|| {
            let (turns, to_play) = channel::<Turn<'t, T>>();
            let (done, played) = channel();
            let thread = scope.spawn(move || {
                for turn in to_play {
                    // Whoever waits for it is there.
                    let _ = done.send(turn.play(list, care, target));
                }
            });
            Actor {
                turns,
                played,
                thread,
            }
        });
        let sent = actor.turns.send(Turn { shadow, events });
        sent.ok()
            .and_then(|()| actor.played.recv().ok())
            .expect("a thread that plays ends only by a panic, which has been reported")
    }

    fn end(&mut self, thread: u32) {
        if let Some(actor) = self.actors.remove(&thread) {
            drop(actor.turns);
            join(actor.thread);
        }
    }

    /// Ends all threads and purges: bad frees on their way between threads are noticed then.
    fn last_occasion(&mut self, target: &T) {
        let threads: Vec<u32> = self.actors.keys().copied().collect();
        threads.into_iter().for_each(|thread| self.end(thread));
        target.purge();
    }
}

impl<'t, T: Target + ?Sized> Turn<'t, T> {
    fn play(mut self, list: &[Event], care: Care, target: &T) -> Played<'t, T> {
        let result = self.events.clone().try_for_each(|index| {
            let op: Op = list[index].op;
            care.step(&mut self.shadow, target, op, index as u64)
                .map_err(|wrong| (index, wrong))
        });
        (self.shadow, result)
    }
}
