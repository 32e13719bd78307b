//! Chapter 5 of the course: pointers that must not be freed, and how they are told from others.
//! `docs/course/c/bad_frees.c` is the same in C, and prints the same.

mod course_lab;

use course_lab::{Lab, Policy, Records};
use glebe_pool::Fault;

/// Called by the pool instead of ending the program: prints what is wrong, without the address.
fn report(fault: &Fault) {
    println!("{}", fault.words());
}

fn lab(records: Records) -> Lab {
    Lab::with_hook(Policy::First, records, report)
}

/// A free that the pool refuses, and so reports.
fn refuse(lab: &mut Lab, what: &str, place: usize) {
    print!("{what}: ");
    assert!(lab.free(place).is_err());
}

/// Frees that are refused.
fn refused() {
    println!("-- 5.1 refused");
    for (name, records) in [
        ("inline tags", Records::Inline),
        ("side tags", Records::Side),
    ] {
        println!("{name}");
        let mut lab = lab(records);
        let (block, gone) = (lab.take(100), lab.take(100));
        let mut variable = [0u8; 32];
        lab.take(16);
        lab.write(block, &[0x55; 100]);
        lab.put_back(gone);
        refuse(&mut lab, "  twice", gone);
        refuse(&mut lab, "  one byte on", block + 1);
        refuse(&mut lab, "  16 bytes on", block + 16);
        print!("  a variable: ");
        assert!(lab.free_pointer(variable.as_mut_ptr()).is_err());
        print!("  realloc of what is free: ");
        let moved = lab.resize(gone, 200);
        println!(
            "  its result: {}",
            if moved.is_none() { "null" } else { "a block" }
        );
    }
}

/// A write one byte too far, into the footer.
fn past_the_end() {
    println!("-- 5.2 a write past the end");
    let mut lab = lab(Records::Inline);
    let block = lab.take(112);
    lab.take(16);
    let [saved] = lab.read(block + 112);
    lab.write(block + 112, &[saved ^ 0xff]);
    refuse(&mut lab, "free", block);
    lab.write(block + 112, &[saved]);
    lab.put_back(block);
    println!("after repair: freed");
}

/// A write into a free block, where the list has its links.
fn after_free() {
    println!("-- 5.3 a write after free");
    let mut lab = lab(Records::Inline);
    let block = lab.take(112);
    lab.take(16);
    lab.put_back(block);
    lab.write(block, &[0x55; 16]);
    print!("the next request: ");
    let other = lab.take(112);
    let place = if other == block {
        "the same place"
    } else {
        "another place"
    };
    println!("and it got: {place}");
}

/// What no allocator can know.
fn unnoticed() {
    println!("-- 5.4 what is not noticed");
    let mut lab = lab(Records::Side);
    let old = lab.take(100);
    lab.put_back(old);
    let new = lab.take(100);
    let same = if new == old { "yes" } else { "no" };
    println!("the new block has the old one's address: {same}");
    lab.put_back(old);
    println!("free by the old pointer: done");
    refuse(&mut lab, "free by the new pointer", new);
}

/// A header copied to another place does not pass: its place is in the checksum.
fn forged() {
    println!("-- 5.5 forged headers");
    let mut lab = lab(Records::Inline);
    let block = lab.take(240);
    let header: [u8; 8] = lab.read(block - 8);
    println!("a header that says: {} bytes", lab.header(block).stride);
    lab.write(block + 56, &header);
    refuse(&mut lab, "free of a copy, 64 bytes on", block + 64);
}

fn main() {
    refused();
    past_the_end();
    after_free();
    unnoticed();
    forged();
}
