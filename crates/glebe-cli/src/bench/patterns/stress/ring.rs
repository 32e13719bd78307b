//! Threads in a ring: each may send objects to the next one, which frees them.

use std::thread;

use crate::bench::patterns::handoff::{CAPACITY, MESSAGE, Message, retry};
use crate::bench::patterns::heap::{MIN_BYTES, consume};

/// The largest object that may travel.
const MAX_BYTES: usize = 64 << 10;

/// A thread's place in the ring.
pub struct Link {
    next: rtrb::Producer<Message<MESSAGE>>,
    previous: rtrb::Consumer<Message<MESSAGE>>,
    sent: u64,
    received: u64,
}

/// Runs `work` on every worker, each in a thread of its own and with a place in the ring. All must
/// send equally many messages.
pub fn run<W: Send>(workers: &mut [W], work: impl Fn(&mut W, &mut Link) + Sync) {
    let queues = workers.iter().map(|_| rtrb::RingBuffer::new(CAPACITY));
    let (mut senders, receivers): (Vec<_>, Vec<_>) = queues.unzip();
    senders.rotate_left(1);
    thread::scope(|scope| {
        let links = senders.into_iter().zip(receivers);
        for (worker, (next, previous)) in workers.iter_mut().zip(links) {
            let work = &work;
            let mut link = Link {
                next,
                previous,
                sent: 0,
                received: 0,
            };
            scope.spawn(move || {
                work(worker, &mut link);
                link.finish();
            });
        }
    });
}

impl Link {
    /// Gives objects made by `obtain` away. Frees what arrives while it waits for room, so that a
    /// ring of full queues does not stand still.
    pub fn send(&mut self, message: Message<MESSAGE>) {
        retry(|| {
            self.free_arrived();
            (!self.next.is_full()).then_some(())
        });
        let sent = self.next.push(message);
        debug_assert!(sent.is_ok(), "only this thread fills the queue");
        self.sent += 1;
    }

    /// Frees what the thread before has sent up to now.
    pub fn free_arrived(&mut self) {
        while let Ok(Message(objects)) = self.previous.pop() {
            for object in objects {
                // SAFETY: the message is the only owner of its objects.
                let size = unsafe { consume(object) };
                let sound = (MIN_BYTES..=MAX_BYTES).contains(&size);
                assert!(sound, "an object lost its contents on the way");
            }
            self.received += 1;
        }
    }

    fn finish(&mut self) {
        retry(|| {
            self.free_arrived();
            (self.received == self.sent).then_some(())
        });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bench::patterns::heap::obtain;

    #[test]
    fn what_is_sent_arrives_at_the_next_thread_even_through_full_queues() {
        let mut received = [0u64; 3];
        run(&mut received, |received, link| {
            for _ in 0..5 * CAPACITY {
                link.send(Message([(); MESSAGE].map(|()| obtain(16))));
            }
            link.finish();
            *received = link.received;
        });
        assert_eq!(received, [5 * CAPACITY as u64; 3]);
    }

    #[test]
    #[should_panic(expected = "a scoped thread panicked")]
    fn lost_contents_are_noticed() {
        run(&mut [()], |(), link| {
            let objects = [(); MESSAGE].map(|()| obtain(16));
            // SAFETY: the object is live and holds a word.
            unsafe { objects[5].cast::<usize>().write(0) };
            link.send(Message(objects));
        });
    }
}
