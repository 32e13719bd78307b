//! A futex lock of four bytes: no allocation, no poisoning, no thread-local state.
//!
//! ```text
//! 0 free · 1 held, nobody waits · 2 held, somebody may wait
//! ```
//!
//! Invariants
//! 1. Only the holder stores 0.
//! 2. Whoever sleeps has stored 2 first, so the holder's unlock wakes it.
//!
//! No Glebe lock is held over a system call that can block, so waiting is short. A forked child
//! may find a lock held by a thread that does not exist there; `region::fork` notices before it
//! waits and calls [`Lock::reset`].

use super::{AtomicU32, Ordering};
use core::hint::spin_loop;
use rustix::thread::futex;

const FREE: u32 = 0;
const HELD: u32 = 1;
const CONTENDED: u32 = 2;

/// Spins before the first sleep: about a microsecond, longer than nearly all critical sections.
const SPINS: u32 = 100;

/// The lock. The data it guards stands beside it; see the users.
pub struct Lock {
    state: AtomicU32,
}

impl Default for Lock {
    fn default() -> Self {
        Self::new()
    }
}

impl Lock {
    /// A free lock.
    pub const fn new() -> Self {
        Lock {
            state: AtomicU32::new(FREE),
        }
    }

    /// Waits until the lock is free and takes it.
    #[inline]
    pub fn lock(&self) -> Guard<'_> {
        if self
            .state
            .compare_exchange(FREE, HELD, Ordering::Acquire, Ordering::Relaxed)
            .is_err()
        {
            self.wait();
        }
        Guard { lock: self }
    }

    /// Takes the lock if it is free.
    #[inline]
    pub fn try_lock(&self) -> Option<Guard<'_>> {
        self.state
            .compare_exchange(FREE, HELD, Ordering::Acquire, Ordering::Relaxed)
            .ok()
            .map(|_| Guard { lock: self })
    }

    /// Frees the lock whoever holds it: only for the one thread of a freshly forked child.
    pub fn reset(&self) {
        self.state.store(FREE, Ordering::Release);
    }

    #[cold]
    fn wait(&self) {
        for _ in 0..SPINS {
            spin_loop();
            if self.state.load(Ordering::Relaxed) == FREE
                && self
                    .state
                    .compare_exchange(FREE, HELD, Ordering::Acquire, Ordering::Relaxed)
                    .is_ok()
            {
                return;
            }
        }
        while self.state.swap(CONTENDED, Ordering::Acquire) != FREE {
            // A spurious return or a signal only means another turn of the loop.
            let _ = futex::wait(&self.state, futex::Flags::PRIVATE, CONTENDED, None);
        }
    }

    #[inline]
    fn unlock(&self) {
        if self.state.swap(FREE, Ordering::Release) == CONTENDED {
            self.wake();
        }
    }

    #[cold]
    fn wake(&self) {
        let _ = futex::wake(&self.state, futex::Flags::PRIVATE, 1);
    }
}

/// Holds the lock until dropped.
pub struct Guard<'a> {
    lock: &'a Lock,
}

impl Drop for Guard<'_> {
    #[inline]
    fn drop(&mut self) {
        self.lock.unlock();
    }
}

#[cfg(test)]
mod tests {
    extern crate std;
    use super::Lock;
    use std::cell::UnsafeCell;
    use std::sync::Arc;

    struct Counter {
        lock: Lock,
        value: UnsafeCell<u64>,
    }
    // SAFETY: `value` is touched only under `lock`.
    unsafe impl Sync for Counter {}

    #[test]
    fn excludes_and_wakes() {
        let counter = Arc::new(Counter {
            lock: Lock::new(),
            value: UnsafeCell::new(0),
        });
        let threads: std::vec::Vec<_> = (0..4)
            .map(|_| {
                let counter = counter.clone();
                std::thread::spawn(move || {
                    for _ in 0..50_000 {
                        let _held = counter.lock.lock();
                        // SAFETY: the lock is held.
                        unsafe { *counter.value.get() += 1 };
                    }
                })
            })
            .collect();
        threads.into_iter().for_each(|t| t.join().unwrap());
        assert!(counter.lock.try_lock().is_some());
        // SAFETY: the threads have ended.
        assert_eq!(unsafe { *counter.value.get() }, 200_000);
    }

    #[test]
    fn try_lock_refuses_while_held() {
        let lock = Lock::new();
        let held = lock.lock();
        assert!(lock.try_lock().is_none());
        drop(held);
        assert!(lock.try_lock().is_some());
    }
}
