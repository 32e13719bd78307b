//! Two threads: what one allocates the other drops.

use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread;

use fastrand::Rng;

use super::{Account, row};
use crate::pattern::Pattern;

pub fn rows() -> Vec<Pattern> {
    vec![
        row(
            "mpsc/strings",
            "one thread sends Vecs of 64 Strings of 1 to 100 bytes, another drops them",
            2_400_000,
            strings,
        ),
        row(
            "arc/shared",
            "two threads share Arcs of 64 bytes, in messages of 64; either drops the last",
            2_400_000,
            arcs,
        ),
    ]
}

/// A message is long enough that the allocator weighs more than the channel.
const MESSAGE: u64 = 64;
const MESSAGES: u64 = 4_000;
/// Messages in flight at most.
const CAPACITY: usize = 16;

/// Has one thread make messages and another take them in, and compares what they sum up.
fn exchange<T: Send>(
    mut make: impl FnMut(&mut Account) -> T + Send,
    take: impl Fn(&mut Account, T) + Send,
) -> u64 {
    let (sender, receiver) = sync_channel(CAPACITY);
    thread::scope(|scope| {
        let sent = scope.spawn(move || {
            let mut account = Account::default();
            for _ in 0..MESSAGES {
                let message = make(&mut account);
                sender.send(message).expect("the receiver waits for all");
            }
            account
        });
        let mut received = Account::default();
        receiver
            .iter()
            .for_each(|message| take(&mut received, message));
        let mut sent = sent.join().expect("the sender does not panic");
        sent.put(received.0);
        sent.settle([].into_iter());
    });
    MESSAGE * MESSAGES
}

fn strings(random: &mut Rng) -> u64 {
    let mut text = |account: &mut Account| "x".repeat(account.put(random.u64(1..=100)) as usize);
    exchange(
        |account| -> Vec<String> { (0..MESSAGE).map(|_| text(account)).collect() },
        |account, texts| {
            texts
                .iter()
                .for_each(|text| account.take(text.len() as u64))
        },
    )
}

fn arcs(random: &mut Rng) -> u64 {
    // The last message stays with the sender until the next one: then its drop may be the last.
    let mut last = Vec::new();
    exchange(
        |account| {
            let mut arc = || Arc::new([account.put(random.u32(..).into()); 6]);
            last = (0..MESSAGE).map(|_| arc()).collect::<Vec<_>>();
            last.clone()
        },
        |account, arcs: Vec<Arc<[u64; 6]>>| arcs.iter().for_each(|arc| account.take(arc[5])),
    )
}
