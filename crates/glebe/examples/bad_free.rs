//! What a bad free looks like: commits each kind in a child process, and shows how that ended.
//!
//! A bad free ends its process at the call that was handed the pointer, so each needs a process of
//! its own. Started without arguments this program starts itself once for every fault; with the
//! name of a fault it commits that one.
//!
//! ```text
//! cargo run --release --package glebe --example bad_free
//! cargo run --release --package glebe --example bad_free -- double
//! ```

use glebe::raw;
use std::env;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, ExitCode};

#[global_allocator]
static ALLOCATOR: glebe::Glebe = glebe::Glebe;

const SIGABRT: i32 = 6;

/// A fault's name, what its process does, and the words by which Glebe calls it.
struct Fault {
    name: &'static str,
    about: &'static str,
    commit: fn(),
    words: &'static str,
}

const FAULTS: [Fault; 6] = [
    Fault {
        name: "double",
        about: "free(p); free(p)",
        commit: || {
            let block = raw::malloc(100);
            free(block);
            free(block);
        },
        words: "double free",
    },
    Fault {
        name: "other-thread",
        about: "free(p) here, free(p) in another thread",
        commit: || {
            let block = raw::malloc(100);
            free(block);
            let address = block as usize;
            let other = std::thread::spawn(move || free(address as *mut u8));
            other.join().expect("the free never returns");
        },
        words: "double free",
    },
    Fault {
        name: "interior",
        about: "free(p + 16)",
        commit: || free(raw::malloc(100).wrapping_add(16)),
        words: "interior pointer",
    },
    Fault {
        name: "misaligned",
        about: "free(p + 1)",
        commit: || free(raw::malloc(100).wrapping_add(1)),
        words: "misaligned pointer",
    },
    Fault {
        name: "stack",
        about: "free(&local)",
        commit: || {
            let mut local = 0u128;
            free((&raw mut local).cast());
        },
        words: "foreign pointer",
    },
    Fault {
        name: "size",
        about: "free_sized(p, 300) after malloc(100)",
        commit: || {
            let block = raw::malloc(100);
            // SAFETY: not at all safe; the process ends here, which is what we want to see.
            unsafe { raw::free_sized(block, 300) };
        },
        words: "wrong size in sized free",
    },
];

/// Frees what need not be a live block.
fn free(block: *mut u8) {
    // SAFETY: whatever is no live block ends the process; live ones are the callers' to give up.
    unsafe { raw::free(block) };
}

/// Commits a fault in a child; whether it ended as promised: by SIGABRT, after one line.
fn show(fault: &Fault) -> std::io::Result<bool> {
    println!("{}", fault.about);
    let child = Command::new(env::current_exe()?).arg(fault.name).output()?;
    let line = String::from_utf8_lossy(&child.stderr);
    println!("    {}\n    {}\n", line.trim_end(), child.status);
    let one_line = line.lines().count() == 1 && line.starts_with("glebe: ");
    let named = line.contains(fault.words);
    Ok(child.status.signal() == Some(SIGABRT) && one_line && named)
}

fn main() -> ExitCode {
    if let Some(name) = env::args().nth(1) {
        let Some(fault) = FAULTS.iter().find(|fault| fault.name == name) else {
            let names = FAULTS.map(|fault| fault.name).join(", ");
            eprintln!("bad_free: there is no fault `{name}`; there are {names}");
            return ExitCode::from(2);
        };
        (fault.commit)();
        eprintln!("bad_free: `{name}` went unnoticed");
        return ExitCode::FAILURE;
    }
    for fault in &FAULTS {
        match show(fault) {
            Ok(true) => {}
            Ok(false) => {
                eprintln!("bad_free: `{}` did not end as it should", fault.name);
                return ExitCode::FAILURE;
            }
            Err(error) => {
                eprintln!("bad_free: cannot start myself: {error}");
                return ExitCode::FAILURE;
            }
        }
    }
    ExitCode::SUCCESS
}
