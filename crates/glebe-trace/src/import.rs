//! Traces of others as [`Event`]s: CS:APP `.rep` and Android's `memory_replay`.
//!
//! **`.rep`**, of the malloc lab: four numbers (suggested heap, ids, ops, weight), then lines of
//! `a ID SIZE`, `r ID SIZE`, `f ID`. To reallocate an id that does not live is to allocate it, and
//! to 0 bytes is to free it, as in C.
//!
//! **`memory_replay`**: lines of `TID: malloc ADDR SIZE`, `calloc ADDR COUNT SIZE`,
//! `realloc NEW OLD SIZE`, `memalign ADDR ALIGN SIZE`, `free ADDR`, `thread_done ADDR`, which may
//! end in two time stamps. Calls that failed, with an address of 0, are left out. An address whose
//! free the trace has missed is freed before it is allocated again.

use crate::op::Op;
use crate::recording::Event;
use std::collections::HashMap;
use std::collections::hash_map::Entry;

/// A line that is not what the format says.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("line {line}: {what}: `{text}`")]
pub struct ImportError {
    /// From 1.
    pub line: usize,
    /// What is wrong.
    pub what: &'static str,
    /// The line.
    pub text: String,
}

type Wrong = &'static str;

/// Applies `each` to every line that is not blank, and says where it went wrong.
fn lines(text: &str, mut each: impl FnMut(&str) -> Result<(), Wrong>) -> Result<(), ImportError> {
    for (number, line) in text.lines().enumerate() {
        if !line.trim().is_empty() {
            each(line).map_err(|what| ImportError {
                line: number + 1,
                what,
                text: line.to_owned(),
            })?;
        }
    }
    Ok(())
}

/// Reads a CS:APP trace.
///
/// # Errors
/// The first line that is none of it, or a count in the head that is wrong.
pub fn rep(text: &str) -> Result<Vec<Event>, ImportError> {
    let mut head: Vec<usize> = Vec::new();
    let mut live = HashMap::new();
    let mut events: Vec<Event> = Vec::new();
    let mut count = 0;
    lines(text, |line| {
        if head.len() < 4 {
            head.push(line.trim().parse().map_err(|_| "a number was expected")?);
            return Ok(());
        }
        count += 1;
        if let Some(op) = rep_op(line, &mut live)? {
            events.push(op.into());
        }
        Ok(())
    })?;
    let at_head = |line, what, text: usize| ImportError {
        line,
        what,
        text: text.to_string(),
    };
    match *head {
        [_, _, ops, _] if ops == count => Ok(events),
        [_, _, ops, _] => Err(at_head(3, "the trace has another number of ops", ops)),
        _ => Err(at_head(
            head.len() + 1,
            "the head has four numbers",
            head.len(),
        )),
    }
}

fn rep_op(line: &str, live: &mut HashMap<u32, ()>) -> Result<Option<Op>, Wrong> {
    let words: Vec<&str> = line.split_whitespace().collect();
    let id = |word: &str| word.parse().map_err(|_| "the id is no number");
    let size = |word: &str| word.parse().map_err(|_| "the size is no number");
    Ok(match *words {
        ["a", block, bytes] => {
            let (id, size) = (id(block)?, size(bytes)?);
            if live.insert(id, ()).is_some() {
                return Err("this id lives already");
            }
            Some(Op::Alloc { id, size })
        }
        ["r", block, bytes] => {
            let (id, size) = (id(block)?, size(bytes)?);
            Some(match live.entry(id) {
                Entry::Vacant(place) => {
                    place.insert(());
                    Op::Alloc { id, size }
                }
                Entry::Occupied(place) if size == 0 => {
                    place.remove();
                    Op::Free { id }
                }
                Entry::Occupied(_) => Op::Realloc { id, size },
            })
        }
        // As in C, to free nothing does nothing; the lab's own traces write it with id -1.
        ["f", "-1"] => None,
        ["f", block] => {
            let id = id(block)?;
            live.remove(&id).ok_or("this id does not live")?;
            Some(Op::Free { id })
        }
        _ => return Err("no line begins so: `a ID SIZE`, `r ID SIZE` or `f ID` was expected"),
    })
}

/// Reads a `memory_replay` trace.
///
/// # Errors
/// The first line that is none of it.
pub fn memory_replay(text: &str) -> Result<Vec<Event>, ImportError> {
    let mut import = Import::default();
    lines(text, |line| import.line(line))?;
    Ok(import.events)
}

/// Addresses and threads as ids and small numbers.
#[derive(Default)]
struct Import {
    events: Vec<Event>,
    threads: HashMap<u64, u32>,
    /// Live ids by address.
    ids: HashMap<u64, u32>,
    dead: Vec<u32>,
}

impl Import {
    fn line(&mut self, line: &str) -> Result<(), Wrong> {
        let (thread, call) = line.split_once(':').ok_or("`TID: call …` was expected")?;
        let thread = self.thread(number(thread.trim())?);
        let words: Vec<&str> = call.split_whitespace().collect();
        let Some((&name, rest)) = words.split_first() else {
            return Err("the call is missing");
        };
        let numbers: Vec<u64> = rest
            .iter()
            .map(|word| number(word))
            .collect::<Result<_, _>>()?;
        // Two time stamps may follow.
        let wanted = match name {
            "malloc" => 2,
            "calloc" | "realloc" | "memalign" => 3,
            "free" | "thread_done" => 1,
            _ => return Err("this call is not known"),
        };
        if numbers.len() != wanted && numbers.len() != wanted + 2 {
            return Err("the call has another number of arguments");
        }
        self.call(thread, name, &numbers[..wanted])
    }

    fn call(&mut self, thread: u32, name: &str, numbers: &[u64]) -> Result<(), Wrong> {
        match (name, numbers) {
            (_, [0, ..]) if name != "realloc" => {}
            ("malloc", &[address, size]) => {
                let size = self.size(size)?;
                let id = self.born(thread, address);
                self.push(thread, Op::Alloc { id, size });
            }
            ("calloc", &[address, count, size]) => {
                let bytes = count.checked_mul(size).ok_or("the product is too large")?;
                let size = self.size(bytes)?;
                let id = self.born(thread, address);
                self.push(thread, Op::Zeroed { id, size });
            }
            ("memalign", &[address, align, size]) => {
                let (align, size) = (self.size(align)?, self.size(size)?);
                if !align.is_power_of_two() {
                    return Err("the alignment is no power of two");
                }
                let id = self.born(thread, address);
                self.push(thread, Op::Aligned { id, size, align });
            }
            ("realloc", &[new, old, size]) => {
                let size = self.size(size)?;
                self.realloc(thread, new, old, size);
            }
            ("free", &[address]) => self.free(thread, address),
            _ => {}
        }
        Ok(())
    }

    fn realloc(&mut self, thread: u32, new: u64, old: u64, size: usize) {
        match self.ids.remove(&old) {
            // It failed, and the old block lives on; or it was a free.
            Some(id) if new == 0 => {
                self.ids.insert(old, id);
                if size == 0 {
                    self.free(thread, old);
                }
            }
            Some(id) => {
                // Whatever lived there has gone unseen.
                self.free(thread, new);
                self.ids.insert(new, id);
                self.push(thread, Op::Realloc { id, size });
            }
            None if new == 0 => {}
            None => {
                let id = self.born(thread, new);
                self.push(thread, Op::Alloc { id, size });
            }
        }
    }

    fn free(&mut self, thread: u32, address: u64) {
        // Blocks from before the trace are none of it.
        if let Some(id) = self.ids.remove(&address) {
            self.dead.push(id);
            self.push(thread, Op::Free { id });
        }
    }

    fn born(&mut self, thread: u32, address: u64) -> u32 {
        self.free(thread, address);
        let next = (self.ids.len() + self.dead.len()) as u32;
        let id = self.dead.pop().unwrap_or(next);
        self.ids.insert(address, id);
        id
    }

    fn thread(&mut self, number: u64) -> u32 {
        let next = self.threads.len() as u32;
        *self.threads.entry(number).or_insert(next)
    }

    fn push(&mut self, thread: u32, op: Op) {
        self.events.push(Event { thread, op });
    }

    fn size(&self, size: u64) -> Result<usize, Wrong> {
        usize::try_from(size).map_err(|_| "a size beyond this machine's")
    }
}

/// A decimal number, or a hexadecimal one after 0x.
fn number(word: &str) -> Result<u64, Wrong> {
    match word.strip_prefix("0x") {
        Some(digits) => u64::from_str_radix(digits, 16),
        None => word.parse(),
    }
    .map_err(|_| "a number was expected")
}
