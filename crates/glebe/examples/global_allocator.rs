//! A Rust program on Glebe: one static, and every `Box`, `Vec`, `String` and map is Glebe's.
//!
//! Four threads count the words of a text that the program makes up, send their counts to the main
//! thread and end; the main thread adds the counts up and frees what the others allocated. Nothing
//! but the two lines below the imports is there for the allocator's sake.
//!
//! ```text
//! cargo run --release --package glebe --example global_allocator
//! ```

use std::collections::HashMap;
use std::sync::mpsc::channel;
use std::thread;

#[global_allocator]
static ALLOCATOR: glebe::Glebe = glebe::Glebe;

const THREADS: usize = 4;
const WORDS_A_THREAD: usize = 250_000;
const SHOWN: usize = 5;

const SYLLABLES: [&str; 8] = ["gle", "be", "acre", "fur", "long", "til", "lage", "plot"];

/// A xorshift generator: the same text in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % limit as u64) as usize
    }
}

fn word(random: &mut Random) -> String {
    (0..1 + random.below(3))
        .map(|_| SYLLABLES[random.below(SYLLABLES.len())])
        .collect()
}

fn count_words(seed: u64) -> HashMap<String, usize> {
    let mut random = Random(seed);
    let mut counts = HashMap::new();
    for _ in 0..WORDS_A_THREAD {
        *counts.entry(word(&mut random)).or_default() += 1;
    }
    counts
}

fn main() {
    let (sender, receiver) = channel();
    let threads: Vec<_> = (0..THREADS)
        .map(|number| {
            let sender = sender.clone();
            thread::spawn(move || sender.send(count_words(number as u64 + 1)))
        })
        .collect();
    // The channel ends when the last thread has dropped its sender.
    drop(sender);

    let mut totals: HashMap<String, usize> = HashMap::new();
    for (word, count) in receiver.into_iter().flatten() {
        *totals.entry(word).or_default() += count;
    }
    for thread in threads {
        let sent = thread.join().expect("no thread panics");
        sent.expect("the receiver is there until all have sent");
    }

    let mut order: Vec<_> = totals.into_iter().collect();
    order.sort_by(|(a, m), (b, n)| n.cmp(m).then_with(|| a.cmp(b)));
    for (word, count) in order.iter().take(SHOWN) {
        println!("{count:7}  {word}");
    }
    let sum: usize = order.iter().map(|(_, count)| count).sum();
    println!("{sum:7}  words, {} of them different", order.len());
    assert_eq!(sum, THREADS * WORDS_A_THREAD);
}
