//! `alloc`'s collections on the global allocator.

use crate::frames::{MACHINE, all_are_back};
use crate::heap::HEAP;
use crate::memory::PAGE;
use crate::say;
use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::format;
use alloc::rc::Rc;
use alloc::string::String;
use alloc::vec::Vec;
use fastrand::Rng;

fn verify() {
    assert_eq!(HEAP.lock().verify(), Ok(()));
}

/// A vector grows by reallocation, is sorted with a buffer, and shrinks.
fn vectors() {
    let mut random = Rng::with_seed(1);
    let mut numbers: Vec<u64> = Vec::new();
    for _ in 0..20_000 {
        numbers.push(random.u64(..));
    }
    verify();
    numbers.sort();
    assert!(numbers.is_sorted());
    numbers.truncate(100);
    numbers.shrink_to_fit();
    assert_eq!((numbers.len(), numbers.capacity()), (100, 100));
    verify();
}

/// A map of many small nodes and texts, of which half go again.
fn maps() {
    let mut map: BTreeMap<u32, String> = BTreeMap::new();
    for number in 0..2000_u32 {
        map.insert(number.wrapping_mul(0x9e37_79b1), format!("number {number}"));
    }
    verify();
    map.retain(|_, text| text.len() % 2 == 0);
    verify();
    let even = (0..2000_u32).filter(|number| format!("number {number}").len() % 2 == 0);
    assert_eq!(map.len(), even.count());
    for (key, text) in &map {
        let number: u32 = text["number ".len()..].parse().expect("it was a number");
        assert_eq!(number.wrapping_mul(0x9e37_79b1), *key);
    }
}

/// Boxes of closures, and shared ones of pages.
fn boxes() {
    let sum: Vec<Box<dyn Fn(u64) -> u64>> = (0..100_u64)
        .map(|n| Box::new(move |m| n * m) as Box<dyn Fn(u64) -> u64>)
        .collect();
    assert_eq!(sum.iter().map(|times| times(2)).sum::<u64>(), 9900);

    #[repr(align(4096))]
    struct Page([u8; PAGE]);
    let page = Rc::new(Page([7; PAGE]));
    let all: Vec<Rc<Page>> = (0..10).map(|_| Rc::clone(&page)).collect();
    assert!(all.iter().all(|page| page.0.iter().all(|byte| *byte == 7)));
    assert_eq!(Rc::strong_count(&page), 11);
    verify();
}

/// Too much is refused without harm, again and again, and the machine's last frame can be used.
fn limits() {
    let mut bytes: Vec<u8> = Vec::from(*b"stays");
    assert!(bytes.try_reserve(1 << 40).is_err());
    let total = MACHINE.lock().total();
    assert!(bytes.try_reserve(total * PAGE).is_err());
    assert_eq!(bytes, b"stays");
    let mut chunks: Vec<Box<[u8]>> = Vec::with_capacity(64);
    let mut chunk = Vec::new();
    while chunk.try_reserve_exact(2 << 20).is_ok() {
        chunk.push(chunks.len() as u8);
        chunk.resize(2 << 20, 0);
        chunks.push(core::mem::take(&mut chunk).into_boxed_slice());
    }
    verify();
    assert!(
        chunks
            .iter()
            .zip(0..)
            .all(|(chunk, number)| chunk[0] == number)
    );
    bytes.extend_from_slice(b" and grows");
    assert_eq!(bytes, b"stays and grows");
}

pub fn run() {
    say!("\n== collections on the global allocator");
    let steps: [(&str, fn()); 4] = [
        ("vectors", vectors),
        ("maps", maps),
        ("boxes", boxes),
        ("limits", limits),
    ];
    for (name, step) in steps {
        step();
        let frames = MACHINE.lock().most_used();
        say!("{name}: {frames} frames at most");
        all_are_back();
    }
}
