//! Models of the protocol of [`super::remote`], every interleaving explored by loom:
//! `RUSTFLAGS="--cfg loom" cargo test -p glebe --lib --release loom`.
//!
//! One slab of two slots in one unit, its word of A and of R, one inbox an owner: the smallest
//! world in which frees can be forgotten, units queued twice, or a slab be closed under a freer.

extern crate std;

use super::remote::{self, Published};
use crate::records::directory::{Cell, Entry};
use crate::sync::{AtomicU32, AtomicU64, Ordering};
use loom::sync::Arc;
use loom::thread;

const UNIT: u32 = 5;
const OWNER: u32 = 2;
const CLASS: u32 = 3;

struct World {
    cell: Cell,
    live: AtomicU64,
    remote: AtomicU64,
    inbox: AtomicU32,
    /// The inbox of whoever gets the unit next.
    other_inbox: AtomicU32,
    link: AtomicU32,
}

impl World {
    fn new() -> Arc<World> {
        Arc::new(World {
            cell: Cell::new(slab_of(OWNER)),
            live: AtomicU64::new(0b11),
            remote: AtomicU64::new(0),
            inbox: AtomicU32::new(0),
            other_inbox: AtomicU32::new(0),
            link: AtomicU32::new(0),
        })
    }

    /// What `heap::free` does for another thread's slot.
    fn free_remotely(&self, bit: u64) {
        let seen = self.cell.get();
        assert!(seen.owned_by(crate::records::directory::Key::of(OWNER)));
        match remote::publish(&self.cell, seen, &self.remote, bit) {
            Published::Done => {}
            Published::TellOwner => self.push(&self.inbox),
            Published::FreedBefore(_) => panic!("a free was taken for a double one"),
        }
    }

    fn push(&self, inbox: &AtomicU32) {
        remote::push(inbox, UNIT, |next| {
            assert_ne!(next, UNIT, "a unit is in an inbox twice");
            self.link.store(next, Ordering::Relaxed);
        });
    }

    /// What `heap::slabs` does with its inbox; how many frees it took back.
    fn drain(&self) -> u32 {
        let unit = remote::take_all(&self.inbox);
        if unit == 0 {
            return 0;
        }
        assert_eq!(self.link.load(Ordering::Relaxed), 0);
        self.cell.clear_shared();
        remote::collect(&self.live, &self.remote)
            .expect("nothing was freed twice")
            .count_ones()
    }
}

fn slab_of(heap: u32) -> Entry {
    Entry::slab(heap, CLASS, 0)
}

#[test]
fn loom_no_free_is_forgotten() {
    loom::model(|| {
        let world = World::new();
        let freers: std::vec::Vec<_> = [0b01, 0b10]
            .map(|bit| {
                let world = world.clone();
                thread::spawn(move || world.free_remotely(bit))
            })
            .into();
        // The owner drains at any moment.
        let early = world.drain();
        freers.into_iter().for_each(|freer| freer.join().unwrap());
        assert_eq!(early + world.drain(), 2);
        assert_eq!(world.live.load(Ordering::Relaxed), 0);
        assert!(
            !world.cell.get().is_shared(),
            "a mark is left though the inbox is empty"
        );
    });
}

#[test]
fn loom_a_slab_is_not_closed_while_a_freer_has_business_with_it() {
    loom::model(|| {
        let world = World::new();
        let freer = {
            let world = world.clone();
            thread::spawn(move || world.free_remotely(0b01))
        };
        // The owner frees the other slot itself, drains, and closes the slab as soon as it is
        // empty; the unit then serves another heap, one of whose slots is freed remotely, too.
        world.live.store(
            world.live.load(Ordering::Relaxed) & !0b10,
            Ordering::Relaxed,
        );
        world.drain();
        let empty = world.live.load(Ordering::Relaxed) == 0;
        let closed = empty && world.cell.blank(slab_of(OWNER));
        if closed {
            let new = slab_of(OWNER + 1);
            world.cell.set(new);
            world.live.store(0b1, Ordering::Relaxed);
            assert_eq!(
                remote::publish(&world.cell, new, &world.remote, 1),
                Published::TellOwner
            );
            world.push(&world.other_inbox);
        }
        freer.join().unwrap();
        if closed {
            // The late freer neither marked the unit again nor put it on its old owner's inbox.
            assert_eq!(world.inbox.load(Ordering::Relaxed), 0);
            assert_eq!(world.other_inbox.load(Ordering::Relaxed), UNIT);
            assert_eq!(world.link.load(Ordering::Relaxed), 0);
        } else {
            world.drain();
            assert!(
                world.cell.blank(slab_of(OWNER)),
                "an empty slab can be closed at last"
            );
        }
    });
}

#[test]
fn loom_the_same_unit_in_the_same_class_again_gives_a_false_alarm_at_most() {
    loom::model(|| {
        let world = World::new();
        world.live.store(0b01, Ordering::Relaxed);
        let freer = {
            let world = world.clone();
            thread::spawn(move || world.free_remotely(0b01))
        };
        world.drain();
        if world.live.load(Ordering::Relaxed) == 0 && world.cell.blank(slab_of(OWNER)) {
            // Opened anew for the same heap and class: the entry is the very same.
            world.cell.set(slab_of(OWNER));
            world.live.store(0b10, Ordering::Relaxed);
        }
        freer.join().unwrap();
        world.drain();
        let live = world.live.load(Ordering::Relaxed);
        assert!(
            live == 0 || live == 0b10,
            "a slot came to life, or a live one was freed"
        );
        assert!(!world.cell.get().is_shared());
        assert_eq!(world.inbox.load(Ordering::Relaxed), 0);
    });
}

#[test]
fn loom_two_frees_of_one_slot_are_told_apart() {
    loom::model(|| {
        let world = World::new();
        let freers: std::vec::Vec<_> = [(), ()]
            .map(|()| {
                let world = world.clone();
                thread::spawn(move || {
                    remote::publish(&world.cell, slab_of(OWNER), &world.remote, 1)
                })
            })
            .into();
        let found: std::vec::Vec<_> = freers.into_iter().map(|f| f.join().unwrap()).collect();
        let twice = found
            .iter()
            .filter(|&&p| p == Published::FreedBefore(1))
            .count();
        assert_eq!(twice, 1);
    });
}

/// Parking against a push: `heap::life` invariant 2.
#[test]
fn loom_who_parks_or_who_pushes_sees_the_other() {
    loom::model(|| {
        let world = World::new();
        let stage = Arc::new(AtomicU32::new(0));
        let freer = {
            let (world, stage) = (world.clone(), stage.clone());
            thread::spawn(move || {
                world.free_remotely(0b01);
                remote::told_before_looking();
                stage.load(Ordering::Relaxed) == 1
            })
        };
        stage.store(1, Ordering::Relaxed);
        remote::told_before_looking();
        let drained = world.drain();
        let freer_saw_it_parked = freer.join().unwrap();
        assert!(
            drained == 1 || freer_saw_it_parked,
            "nobody takes the free back"
        );
    });
}
