//! Some threads allocate, others free: the stages of a server. Every free is of another thread's
//! object.
//!
//! Objects travel in messages. One object at a time, the threads would pass the queue's own cache
//! lines to and fro for each, and the row would tell how well they happen to keep out of step: an
//! allocator that does nothing at all then takes from 16 to 50 ns an object.

use std::thread::{self, ScopedJoinHandle};

use super::heap::{consume, obtain};
use super::pattern::{Load, Pattern};
use super::sizes::Sizes;

/// Objects in a message.
pub const MESSAGE: usize = 64;
/// Messages in flight at most, from one thread to another.
pub const CAPACITY: usize = 16;
/// Objects of 64 bytes in a message that is as large as a slab of most allocators.
const SLAB: usize = 1024;
/// Tries before a waiting side yields the processor.
const SPINS: u32 = 64;

pub fn patterns() -> Vec<Pattern> {
    let about = "one thread allocates 64 to 512 bytes, another frees, in messages of 64";
    vec![Pattern::new("handoff/1:1", about, 5_000_000, |seed| {
        Handoff::<MESSAGE>::new(1, CAPACITY, |_| Sizes::uniform(seed, 64, 512))
    })]
}

/// Messages that are whole slabs, more sizes, more threads.
pub fn stress() -> Vec<Pattern> {
    let slabs = "one thread allocates 64 KiB in objects of 64 bytes, another frees them all";
    let slabs = Pattern::new("handoff/slabs", slabs, 10_000_000, |_| {
        Handoff::<SLAB>::new(1, 1, |_| Sizes::fixed(64))
    });
    let mixed = "one thread allocates 8 to 4096 bytes, another frees, in messages of 64";
    let mixed = Pattern::new("handoff/mixed", mixed, 2_000_000, |seed| {
        Handoff::<MESSAGE>::new(1, CAPACITY, |_| Sizes::uniform(seed, 8, 4096))
    });
    let many = "as many threads allocate 64 to 512 bytes as free them, each from each";
    let many = [2, 4].map(|pairs| {
        let name = format!("handoff/{pairs}:{pairs}");
        Pattern::new(name, many, 6_000_000, move |seed| {
            let sizes = |pair| Sizes::uniform(seed.wrapping_add(pair), 64, 512);
            Handoff::<MESSAGE>::new(pairs, CAPACITY, sizes)
        })
    });
    [slabs, mixed].into_iter().chain(many).collect()
}

struct Handoff<const LENGTH: usize> {
    /// Of each thread that allocates; as many others free.
    sizes: Vec<Sizes>,
    capacity: usize,
}

/// Objects on their way to the thread that frees them.
pub struct Message<const LENGTH: usize>(pub [*mut u8; LENGTH]);

// SAFETY: the sender does not touch the objects again.
unsafe impl<const LENGTH: usize> Send for Message<LENGTH> {}

type Sender<const LENGTH: usize> = rtrb::Producer<Message<LENGTH>>;
type Receiver<const LENGTH: usize> = rtrb::Consumer<Message<LENGTH>>;

impl<const LENGTH: usize> Handoff<LENGTH> {
    fn new(pairs: u64, capacity: usize, sizes: impl Fn(u64) -> Sizes) -> Self {
        Self {
            sizes: (0..pairs).map(sizes).collect(),
            capacity,
        }
    }
}

impl<const LENGTH: usize> Load for Handoff<LENGTH> {
    fn run(&mut self, ops: u64) -> u64 {
        let pairs = self.sizes.len();
        let all = (pairs * pairs * LENGTH) as u64;
        let messages = ops.div_ceil(all);
        let mut inboxes: Vec<Vec<_>> = (0..pairs).map(|_| Vec::new()).collect();
        let (sent, received) = thread::scope(|scope| {
            let mut producers = Vec::new();
            for sizes in &mut self.sizes {
                let queues = inboxes.iter_mut().map(|inbox| {
                    let (sender, receiver) = rtrb::RingBuffer::new(self.capacity);
                    inbox.push(receiver);
                    sender
                });
                let outbox = queues.collect();
                producers.push(scope.spawn(move || produce::<LENGTH>(sizes, outbox, messages)));
            }
            let consumers = inboxes.into_iter().map(|inbox| {
                let messages = messages * pairs as u64;
                scope.spawn(move || free_all(inbox, messages))
            });
            let consumers = consumers.collect();
            (total(producers), total(consumers))
        });
        assert_eq!(sent, received, "objects lost their contents on the way");
        messages * all
    }
}

/// Sends so many messages to each queue. The bytes that were allocated.
fn produce<const LENGTH: usize>(
    sizes: &mut Sizes,
    mut queues: Vec<Sender<LENGTH>>,
    messages: u64,
) -> usize {
    let mut bytes = 0;
    for _ in 0..messages {
        for queue in &mut queues {
            let mut message = Message([std::ptr::null_mut(); LENGTH]);
            for object in &mut message.0 {
                let size = sizes.next();
                bytes += size;
                *object = obtain(size);
            }
            retry(|| (!queue.is_full()).then_some(()));
            let sent = queue.push(message);
            debug_assert!(sent.is_ok(), "only this thread fills the queue");
        }
    }
    bytes
}

/// Frees so many messages of all queues together. The bytes they held, as their objects say.
fn free_all<const LENGTH: usize>(mut queues: Vec<Receiver<LENGTH>>, messages: u64) -> usize {
    let mut bytes = 0;
    for _ in 0..messages {
        let Message(objects) = retry(|| queues.iter_mut().find_map(|queue| queue.pop().ok()));
        for object in objects {
            // SAFETY: the message is the only owner of its objects.
            bytes += unsafe { consume(object) };
        }
    }
    bytes
}

fn total(threads: Vec<ScopedJoinHandle<'_, usize>>) -> usize {
    let results = threads.into_iter().map(ScopedJoinHandle::join);
    results
        .map(|bytes| bytes.expect("no thread of a handoff panics"))
        .sum()
}

/// Calls `attempt` until it yields something, spinning at first, then giving way.
#[inline(always)]
pub fn retry<T>(mut attempt: impl FnMut() -> Option<T>) -> T {
    loop {
        for _ in 0..SPINS {
            if let Some(value) = attempt() {
                return value;
            }
            std::hint::spin_loop();
        }
        thread::yield_now();
    }
}
