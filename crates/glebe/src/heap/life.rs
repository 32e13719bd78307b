//! The life of heaps: found, lived on, parked when their thread ends, taken by the next thread.
//!
//! ```text
//!            attach                 thread exit             attach
//!  (none) ───────────▶ live ─────────────────────▶ parked ─────────▶ live …
//! ```
//! A heap is parked whole, with its key, so that what other threads read in D stays true. It is
//! tidied first: no cursor stands, no empty slab is kept. Frees that arrive while it is parked are
//! taken back by whoever brings them, under the registry's lock.
//!
//! Threads past their exit, and threads for which there is no heap left, share the *late heap*
//! (number 1) under its own lock.
//!
//! Locks, in order: late, registry, region.
//!
//! Invariants
//! 1. A heap with stage `PARKED` is touched only under the registry's lock.
//! 2. Who pushes on an inbox looks at the stage afterwards; who parks a heap stores the stage and
//!    looks at the inboxes afterwards: one of the two sees the other.

use super::tls::{self, EMPTY, LATE};
use super::{Heap, fork, reap};
use crate::blocks::{clock, system};
use crate::records::layout::TABLES;
use crate::region::REGION;
use crate::slab::remote;
use crate::sync::{AtomicU32, Guard, Lock, Ordering};
use core::cell::Cell;
use core::ffi::c_void;
use core::ptr;

const LIVE: u32 = 1;
const PARKED: u32 = 2;
/// How many parked heaps are looked at for that of the thread's predecessor.
const PARKED_LOOK: u32 = 8;

/// The late heap's number.
const LATE_NUMBER: u32 = 1;

/// All heaps there ever were.
pub(super) struct Registry {
    lock: Lock,
    /// Heaps with numbers up to this exist; may be read without the lock.
    made: AtomicU32,
    /// The heap parked last, linked through `next_parked`.
    parked: Cell<u32>,
    /// After a fork: heaps up to this number belonged to the parent's threads.
    orphans: Cell<u32>,
    /// The heap of the thread that forked: no orphan.
    survivor: Cell<u32>,
    /// 1 while that is unknown: a thread of the child noticed the fork before the one that forked.
    sought: AtomicU32,
    /// How many forks ago the first process was.
    generation: Cell<u32>,
    /// The thread-specific key plus one; 0 before there is one.
    exit_key: Cell<u32>,
}

// SAFETY: the cells are touched under `lock` only, or by the one thread of a fresh child.
unsafe impl Sync for Registry {}

pub(super) static REGISTRY: Registry = Registry {
    lock: Lock::new(),
    made: AtomicU32::new(LATE_NUMBER),
    parked: Cell::new(0),
    orphans: Cell::new(0),
    survivor: Cell::new(0),
    sought: AtomicU32::new(0),
    generation: Cell::new(0),
    exit_key: Cell::new(0),
};

pub(super) static LATE_LOCK: Lock = Lock::new();

unsafe extern "C" {
    fn pthread_key_create(key: *mut u32, on_exit: extern "C" fn(*mut c_void)) -> i32;
    fn pthread_setspecific(key: u32, value: *const c_void) -> i32;
}

/// Runs `f` on the thread's heap; `None` if there is no memory for one.
pub(super) fn with_heap<R>(f: impl FnOnce(&Heap) -> R) -> Option<R> {
    let heap = tls::heap();
    if ptr::eq(heap, &EMPTY) {
        return if attach() { with_heap(f) } else { None };
    }
    if ptr::eq(heap, &LATE) {
        fork::notice();
        let _held = LATE_LOCK.lock();
        Some(f(late_heap()))
    } else {
        Some(f(heap))
    }
}

/// The late heap; its lock is held.
fn late_heap() -> &'static Heap {
    let heap = Heap::numbered(LATE_NUMBER);
    if heap.number.get() == 0 {
        heap.found(LATE_NUMBER);
    }
    heap
}

/// Rebuilds the late heap, in which a thread of the parent was at work.
pub(super) fn rebuild_late(_held: Guard<'_>) {
    let late = Heap::numbered(LATE_NUMBER);
    late.found(LATE_NUMBER);
    late.rebuild();
}

/// Puts a thread that only frees so far on a heap, for the sake of its outbox.
pub(super) fn settle() {
    if ptr::eq(tls::heap(), &EMPTY) {
        attach();
    }
}

/// Puts the thread on a heap: the one parked last, or a new one. False without memory.
#[cold]
fn attach() -> bool {
    fork::notice();
    if !REGION.create() {
        return false;
    }
    let (heap, key) = {
        let _held = REGISTRY.enter();
        let heap = REGISTRY.find_heap();
        if let Some(heap) = heap {
            heap.thread.set(tls::thread());
        }
        (heap, REGISTRY.exit_key())
    };
    let Some(heap) = heap else {
        tls::set(&LATE);
        return true;
    };
    tls::set(heap);
    if let Some(key) = key {
        // SAFETY: the key is valid; the value is only handed back to `on_thread_exit`. If it
        // cannot be stored the heap is never parked: memory is lost, nothing else.
        unsafe { pthread_setspecific(key, ptr::from_ref(heap).cast()) };
    }
    true
}

/// Parks the heap of a thread that ends. Later calls of that thread, from destructors that run
/// after this one, go to the late heap.
extern "C" fn on_thread_exit(heap: *mut c_void) {
    fork::notice();
    tls::set(&LATE);
    // SAFETY: the value stored in `attach`.
    let heap = unsafe { &*heap.cast::<Heap>() };
    heap.tidy();
    let _held = REGISTRY.enter();
    heap.shared
        .next_parked
        .store(REGISTRY.parked.get(), Ordering::Relaxed);
    REGISTRY.parked.set(heap.number.get());
    heap.shared.stage.store(PARKED, Ordering::Release);
    // Invariant 2.
    remote::told_before_looking();
    heap.drain_all();
}

/// Pushes a unit with remote frees on its owner's inbox; if nobody lives there, takes them back at
/// once.
pub(super) fn tell_owner(owner: u32, class: usize, unit: u32) {
    let heap = Heap::numbered(owner);
    remote::push(&heap.shared.inboxes[class], unit, |next| {
        TABLES.link(unit).set(next)
    });
    reap::now_and_then();
    remote::told_before_looking();
    if heap.shared.stage.load(Ordering::Acquire) == PARKED {
        let _held = REGISTRY.enter();
        let parked = heap.shared.stage.load(Ordering::Relaxed) == PARKED;
        if parked && heap.generation.get() == REGISTRY.generation.get() {
            heap.drain(class);
        }
    } else if owner == LATE_NUMBER {
        let _held = LATE_LOCK.lock();
        late_heap().drain(class);
    }
}

/// Publishes the frees of other heaps' slots that wait in the calling thread.
pub fn publish() {
    tls::heap().send_all();
}

/// Gives back all that can be given back now: the bytes purged.
pub fn purge() -> usize {
    fork::notice();
    if with_heap(Heap::tidy).is_none() {
        return 0;
    }
    REGION.purge(clock::now(), 0) + reap::all_holes()
}

/// Whether there was never more than one thread with a heap.
pub(super) fn is_alone() -> bool {
    REGISTRY.made() <= LATE_NUMBER + 1
}

/// Heaps ever made, and how many of them are parked.
pub fn count() -> (usize, usize) {
    let _held = REGISTRY.enter();
    let made = REGISTRY.made();
    let parked = (LATE_NUMBER + 1..=made)
        .filter(|&number| Heap::numbered(number).shared.stage.load(Ordering::Relaxed) == PARKED);
    (made as usize, parked.count())
}

impl Heap {
    /// The heap with a number in the list of parked ones.
    fn parked(number: u32) -> Option<&'static Heap> {
        (number != 0).then(|| Heap::numbered(number))
    }
}

impl Registry {
    /// Takes the lock.
    fn enter(&self) -> Guard<'_> {
        fork::notice();
        self.lock.lock()
    }

    /// How many heaps there are, the late one included.
    fn made(&self) -> u32 {
        self.made.load(Ordering::Relaxed)
    }

    /// Calls `f` for every heap until it fails.
    pub(super) fn each(
        &self,
        mut f: impl FnMut(&Heap) -> Result<(), &'static str>,
    ) -> Result<(), &'static str> {
        let _held = self.enter();
        (LATE_NUMBER..=self.made()).try_for_each(|number| f(Heap::numbered(number)))
    }

    /// A heap for a thread that has none; the lock is held.
    fn find_heap(&self) -> Option<&'static Heap> {
        self.before_relocation()
            .or_else(|| self.take_parked())
            .or_else(|| self.make())
    }

    /// The process's first heap, if its thread's word was overwritten while `ld.so` relocated the
    /// program: nobody else can have a word at that address.
    fn before_relocation(&self) -> Option<&'static Heap> {
        if self.made() == LATE_NUMBER {
            return None;
        }
        let first = Heap::numbered(LATE_NUMBER + 1);
        let live = first.shared.stage.load(Ordering::Relaxed) == LIVE
            && first.generation.get() == self.generation.get();
        (live && first.thread.get() == tls::thread()).then_some(first)
    }

    /// A parked heap, or one that a fork orphaned; the lock is held.
    fn take_parked(&self) -> Option<&'static Heap> {
        if let Some(heap) = self.unpark() {
            heap.shared.stage.store(LIVE, Ordering::Release);
            return Some(heap);
        }
        // None is taken before it is known which one is not.
        while self.orphans.get() > LATE_NUMBER && self.sought.load(Ordering::Relaxed) == 0 {
            let number = self.orphans.get();
            self.orphans.set(number - 1);
            if number != self.survivor.get() {
                let heap = Heap::numbered(number);
                // Its thread may have been about to.
                heap.found(number);
                heap.rebuild();
                heap.generation.set(self.generation.get());
                heap.shared.stage.store(LIVE, Ordering::Release);
                return Some(heap);
            }
        }
        None
    }

    /// Takes a heap off the list of parked ones: that of the thread which lived on the same stack,
    /// if it is among the last ones, else the last. C libraries give the stack of an ended thread
    /// to the next that the same thread starts, who often goes on with the same work: so the
    /// objects that it frees are its own.
    fn unpark(&self) -> Option<&'static Heap> {
        let last = Heap::parked(self.parked.get())?;
        let mut before = last;
        for _ in 1..PARKED_LOOK {
            let Some(heap) = Heap::parked(before.shared.next_parked.load(Ordering::Relaxed)) else {
                break;
            };
            if heap.thread.get() == tls::thread() && last.thread.get() != tls::thread() {
                let next = heap.shared.next_parked.load(Ordering::Relaxed);
                before.shared.next_parked.store(next, Ordering::Relaxed);
                return Some(heap);
            }
            before = heap;
        }
        self.parked
            .set(last.shared.next_parked.load(Ordering::Relaxed));
        Some(last)
    }

    /// A new heap, unless there are as many as there is room for; the lock is held.
    fn make(&self) -> Option<&'static Heap> {
        let number = self.made() + 1;
        if number >= REGION.enter().max_heaps {
            return None;
        }
        self.made.store(number, Ordering::Relaxed);
        let heap = Heap::numbered(number);
        heap.found(number);
        heap.generation.set(self.generation.get());
        heap.shared.stage.store(LIVE, Ordering::Release);
        Some(heap)
    }

    /// The key whose destructor parks heaps; the lock is held.
    fn exit_key(&self) -> Option<u32> {
        if self.exit_key.get() == 0 {
            let mut key = 0;
            // SAFETY: `key` is valid for writing, the destructor is a function of ours.
            if unsafe { pthread_key_create(&mut key, on_thread_exit) } != 0 {
                return None;
            }
            self.exit_key.set(key + 1);
        }
        Some(self.exit_key.get() - 1)
    }

    /// In a fresh child: every heap but that of the thread that forked lost its owner. The late
    /// heap's lock, if that heap has to be rebuilt.
    pub(super) fn orphan_all(&self) -> Option<Guard<'static>> {
        self.lock.reset();
        self.generation.set(self.generation.get() + 1);
        self.parked.set(0);
        self.orphans.set(self.made());
        let survivor = tls::heap();
        self.survivor.set(survivor.number.get());
        if survivor.number.get() != 0 {
            survivor.generation.set(self.generation.get());
        }
        // A child's first thread is the one that forked.
        let unknown = survivor.number.get() == 0 && !system::is_first_thread();
        self.sought.store(unknown.into(), Ordering::Relaxed);
        let torn = LATE_LOCK.try_lock().is_none();
        if torn {
            LATE_LOCK.reset();
        }
        torn.then(|| LATE_LOCK.lock())
    }

    /// Whether a fork was noticed by another thread than that which forked, and that has not
    /// [answered](Self::answer) yet.
    #[inline]
    pub(super) fn is_seeking(&self) -> bool {
        self.sought.load(Ordering::Relaxed) != 0
    }

    /// If the calling thread is the one that forked: its heap is no orphan. The lock is not held.
    #[cold]
    pub(super) fn answer(&self) {
        let heap = tls::heap();
        // Only that heap can be older than the child; and the thread of such a heap is its owner.
        if heap.number.get() != 0 && heap.generation.get() != TABLES.forks() {
            let _held = self.lock.lock();
            heap.generation.set(self.generation.get());
            self.survivor.set(heap.number.get());
            self.sought.store(0, Ordering::Relaxed);
        }
    }

    /// Calls `f` while, as it seems, a thread makes a heap and has only counted it so far.
    #[cfg(test)]
    pub(super) fn while_one_is_made<R>(&self, f: impl FnOnce() -> R) -> R {
        let _held = self.enter();
        let made = self.made();
        self.made.store(made + 1, Ordering::Relaxed);
        let result = f();
        self.made.store(made, Ordering::Relaxed);
        result
    }
}
