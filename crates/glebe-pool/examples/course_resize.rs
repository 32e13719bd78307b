//! Chapter 6 of the course: blocks get another size, where they are, into a neighbour, or by a
//! move. `docs/course/c/resize.c` is the same in C, and prints the same.

mod course_lab;

use course_lab::{Lab, Policy, Records};

fn lab() -> Lab {
    Lab::new(Policy::First, Records::Inline)
}

/// Gives a block another size, and prints whether it is where it was.
fn print_resize(lab: &mut Lab, what: &str, old: usize, size: usize) -> usize {
    match lab.resize(old, size) {
        None => println!("{what}: null"),
        Some(new) if new == old => println!("{what}: in place, now {} bytes", lab.usable(new)),
        Some(new) => {
            let usable = lab.usable(new);
            println!("{what}: moved from {old} to {new}, now {usable} bytes");
            return new;
        }
    }
    old
}

/// Three blocks of 240 bytes and a wall.
fn make_row() -> (Lab, [usize; 3]) {
    let mut lab = lab();
    let row = [b'a', b'b', b'c'].map(|letter| {
        let block = lab.take(240);
        lab.write(block, &[letter; 240]);
        block
    });
    lab.take(16);
    (lab, row)
}

fn ways() {
    println!("-- 6.1 five ways");
    let (mut lab, row) = make_row();
    print_resize(&mut lab, "shrink to 100", row[1], 100);

    let (mut lab, row) = make_row();
    lab.put_back(row[2]);
    print_resize(&mut lab, "grow to 400, free behind", row[1], 400);

    let (mut lab, row) = make_row();
    lab.put_back(row[0]);
    let slid = print_resize(&mut lab, "grow to 400, free in front", row[1], 400);
    let ([first], [last]) = (lab.read(slid), lab.read(slid + 239));
    let (first, last) = (char::from(first), char::from(last));
    println!("first and last byte of the old contents: {first} {last}");

    let (mut lab, row) = make_row();
    print_resize(&mut lab, "grow to 400, nothing free beside", row[1], 400);

    let (mut lab, row) = make_row();
    print_resize(&mut lab, "grow to 20000", row[1], 20000);
    let ([first], usable) = (lab.read(row[1]), lab.usable(row[1]));
    let first = char::from(first);
    println!("the block that could not grow: {usable} bytes, first byte {first}");
}

/// `realloc` as C has it: no block is allocated, a size of 0 is freed.
fn realloc(lab: &mut Lab, block: Option<usize>, size: usize) -> Option<usize> {
    match block {
        None => lab.try_take(size),
        Some(block) if size == 0 => {
            lab.put_back(block);
            None
        }
        Some(block) => lab.resize(block, size),
    }
}

fn edges() {
    println!("-- 6.2 null and 0");
    let named = |block: Option<usize>| if block.is_some() { "a block" } else { "null" };
    let mut lab = lab();
    let block = realloc(&mut lab, None, 100);
    println!("null to 100 bytes: {}", named(block));
    println!("a block to 0 bytes: {}", named(realloc(&mut lab, block, 0)));
    println!("free blocks then: {}", lab.stats().free_blocks);
}

/// Two arrays that grow to 2000 bytes by turns, and so stand in each other's way.
fn grow(name: &str, doubles: bool) {
    let mut lab = lab();
    let mut arrays = [16; 2].map(|size| lab.take(size));
    let mut room = [16; 2];
    let (mut calls, mut moves, mut copied) = (0, 0, 0);
    for used in (32..=2000).step_by(16) {
        for i in 0..2 {
            if used <= room[i] {
                continue;
            }
            let wanted = if doubles { 2 * room[i] } else { used };
            let new = lab.resize(arrays[i], wanted).expect("there is room");
            calls += 1;
            if new != arrays[i] {
                moves += 1;
                copied += room[i];
            }
            (arrays[i], room[i]) = (new, wanted);
        }
    }
    println!("{name}: {calls} calls, {moves} moves, {copied} bytes copied");
}

fn arrays() {
    println!("-- 6.3 arrays that grow");
    grow("16 bytes more each time", false);
    grow("twice as much each time", true);
}

fn clearing() {
    println!("-- 6.4 zeroed memory");
    let mut lab = lab();
    let dirty = lab.take(160);
    lab.write(dirty, &[0xff; 160]);
    lab.put_back(dirty);
    let clean = lab.take_zeroed(10, 16).expect("there is room");
    let bytes: [u8; 160] = lab.read(clean);
    let sum: u32 = bytes.into_iter().map(u32::from).sum();
    let same = if clean == dirty { "yes" } else { "no" };
    println!("same place: {same}, sum of its bytes: {sum}");
    let wrapped = lab.take_zeroed(usize::MAX / 8 + 2, 8);
    let named = if wrapped.is_none() { "null" } else { "a block" };
    println!("a product that wraps around to 8: {named}");
}

fn main() {
    ways();
    edges();
    arrays();
    clearing();
}
