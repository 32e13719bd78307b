//! Reads the heap's figures at four moments, and shows purging give memory back from between
//! objects that live on.
//!
//! A table of 200,000 strings is built, then 11 of every 12 are dropped. Nearly every slab holds a
//! survivor then and cannot be given back whole, but most pages hold no live byte:
//! `glebe::raw::purge` returns those pages to the system and leaves the survivors where they are.
//!
//! ```text
//! cargo run --release --package glebe --example purge
//! ```

use glebe::raw::{self, Stats};
use std::fs;

#[global_allocator]
static ALLOCATOR: glebe::Glebe = glebe::Glebe;

const STRINGS: usize = 200_000;
const LENGTH: usize = 1000;
const KEPT: usize = 12;

const KIB: usize = 1024;

/// Resident bytes of this process, as the system counts them.
fn resident_bytes() -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("/proc is mounted");
    let line = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))
        .expect("every process has a resident size");
    let kib = line.trim().trim_end_matches(" kB");
    kib.parse::<usize>().expect("it is a number of KiB") * KIB
}

fn print_head() {
    println!(
        "{:20} {:>9} {:>11} {:>11} {:>11} {:>11}",
        "", "objects", "live KiB", "slabs KiB", "dirty KiB", "RSS KiB"
    );
}

/// One line of figures; the resident size is returned.
fn print_figures(moment: &str) -> usize {
    let resident = resident_bytes();
    let Stats {
        live_objects,
        live_bytes,
        slab_bytes,
        dirty_bytes,
        ..
    } = raw::stats();
    println!(
        "{moment:20} {live_objects:>9} {:>11} {:>11} {:>11} {:>11}",
        live_bytes / KIB,
        slab_bytes / KIB,
        dirty_bytes / KIB,
        resident / KIB
    );
    resident
}

fn main() {
    print_head();
    print_figures("at the start");

    let mut table: Vec<Option<String>> = (0..STRINGS)
        .map(|number| Some(format!("{number:<LENGTH$}")))
        .collect();
    let full = print_figures("table built");

    for (number, place) in table.iter_mut().enumerate() {
        if number % KEPT != 0 {
            *place = None;
        }
    }
    print_figures("11 of 12 dropped");

    let purged = raw::purge();
    let after = print_figures("purged");
    println!("purge: {} KiB went back to the system", purged / KIB);

    let survivors = table
        .iter()
        .enumerate()
        .filter(|(_, place)| place.is_some());
    for (number, place) in survivors {
        let text = place.as_deref().map(str::trim_end);
        assert_eq!(text, Some(number.to_string().as_str()));
    }
    assert!(after < full / 2, "more than half went back");

    drop(table);
    raw::purge();
    print_figures("all dropped, purged");

    println!("\nsize classes in use:");
    for class in 0..raw::CLASSES {
        let (live, slabs) = raw::class_stats(class);
        if live > 0 {
            let size = raw::class_size(class);
            println!("{size:7} bytes: {live:5} objects in {slabs} slabs");
        }
    }
}
