//! Counting instructions by callgrind: requests to it from inside, and its profile afterwards.
//!
//! Callgrind counts only between [`start_counting`] and [`stop_counting`], so that ageing a heap
//! runs without its instruments. In the profile every call has its own line with the instructions
//! inside; the calls of `counted_alloc` and `counted_free` are summed.

use std::arch::asm;
use std::path::Path;
use std::process::Command;

/// `CALLGRIND_START_INSTRUMENTATION` and `CALLGRIND_STOP_INSTRUMENTATION`.
const TOOL: usize = (b'C' as usize) << 24 | (b'T' as usize) << 16;
const START: usize = TOOL + 4;
const STOP: usize = TOOL + 5;

/// A client request. Does nothing in a process without valgrind.
fn request(number: usize) {
    let words = [number, 0, 0, 0, 0, 0];
    // SAFETY: four rotations by 128 bits in sum and an exchange of a register with itself change
    // nothing but flags; valgrind knows them, reads the words and puts a result into rdx.
    unsafe {
        asm!(
            "rol rdi, 3",
            "rol rdi, 13",
            "rol rdi, 61",
            "rol rdi, 51",
            "xchg rbx, rbx",
            in("rax") &raw const words,
            inout("rdx") 0_usize => _,
            options(nostack),
        );
    }
}

/// From here on callgrind counts.
pub fn start_counting() {
    request(START);
}

/// From here on it does not.
pub fn stop_counting() {
    request(STOP);
}

/// The version of valgrind, if it is there.
pub fn version() -> Option<String> {
    let output = Command::new("valgrind").arg("--version").output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    output.status.success().then(|| text.trim().to_owned())
}

/// Starts a program under callgrind, which writes to `profile`.
pub fn command(program: &Path, profile: &Path) -> Command {
    let mut command = Command::new("valgrind");
    command
        .args([
            "--tool=callgrind",
            "--instr-atstart=no",
            "--quiet",
            "--read-inline-info=no",
        ])
        .arg(format!("--callgrind-out-file={}", profile.display()))
        .arg(program);
    command
}

/// Instructions of one call each, on average.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Counts {
    /// Of an alloc.
    pub alloc: f64,
    /// Of a free.
    pub free: f64,
}

/// Reads a profile; none if it does not know the two functions.
pub fn counts(profile: &str) -> Option<Counts> {
    let alloc = per_call(profile, "counted_alloc")?;
    let free = per_call(profile, "counted_free")?;
    Some(Counts { alloc, free })
}

/// Instructions inside the functions with `part` in their names, divided by their calls.
fn per_call(profile: &str, part: &str) -> Option<f64> {
    // Names are written out once and then known by their numbers, for callers and callees alike.
    let mut numbers = Vec::new();
    let (mut calls, mut instructions) = (0_u64, 0_u64);
    let mut called = false;
    let mut lines = profile.lines();
    while let Some(line) = lines.next() {
        if let Some((kind, name)) = line.split_once('=')
            && matches!(kind, "fn" | "cfn")
        {
            let number = name.split(' ').next()?;
            if name.contains(part) {
                numbers.push(number);
            }
            if kind == "cfn" {
                called = numbers.contains(&number);
            }
        } else if let Some(call) = line.strip_prefix("calls=") {
            let inside = lines.next()?.split(' ').nth(1)?;
            if called {
                calls += call.split(' ').next()?.parse::<u64>().ok()?;
                instructions += inside.parse::<u64>().ok()?;
            }
        }
    }
    (calls > 0).then(|| instructions as f64 / calls as f64)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_summed_by_name() {
        let profile = "events: Ir\n\
            fn=(1) run\n3 10\ncfn=(2) x::counted_free\ncalls=4 0\n3 200\n\
            cfn=(3) x::counted_alloc\ncalls=4 0\n3 400\n\
            fn=(3)\n9 400\n\
            fn=(4) other\ncfn=(3)\ncalls=1 0\n5 50\ncfn=(5) else\ncalls=9 0\n5 999\n";
        let counts = counts(profile).unwrap();
        assert_eq!(
            counts,
            Counts {
                alloc: 90.0,
                free: 50.0
            }
        );
        assert_eq!(super::counts("events: Ir\n"), None);
    }

    /// Outside of valgrind a request is nothing.
    #[test]
    fn a_request_changes_nothing() {
        let before = [1, 2, 3];
        start_counting();
        stop_counting();
        assert_eq!(before, [1, 2, 3]);
    }
}
