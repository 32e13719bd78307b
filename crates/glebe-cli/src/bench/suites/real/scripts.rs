//! Interpreters. Each runs a script that takes a size and a seed, checks what it does and ends
//! with `done` and the size.

use std::io;

use super::job::{Expect, Job};
use super::launch::Program;
use super::load::Title;
use super::stage::Stage;

/// What every script is called where it runs.
const SCRIPT: &str = "program";

/// The rows.
pub static JOBS: [Job; 5] = [
    Job {
        environment: &[("PYTHONMALLOC", "malloc")],
        ..script(
            Program {
                name: "python3",
                package: "python3",
            },
            "dictionaries, strings, JSON and objects, without Python's own pools",
            &["--version"],
            60_000,
            |stage, _| stage.write(SCRIPT, include_str!("inputs/program.py")),
        )
    },
    script(
        Program {
            name: "lua5.4",
            package: "lua5.4",
        },
        "tables, strings and closures",
        &["-v"],
        120_000,
        |stage, _| stage.write(SCRIPT, include_str!("inputs/program.lua")),
    ),
    script(
        Program {
            name: "perl",
            package: "perl",
        },
        "hashes, regular expressions and sorting",
        &["-v"],
        100_000,
        |stage, _| stage.write(SCRIPT, include_str!("inputs/program.pl")),
    ),
    script(
        Program {
            name: "ruby",
            package: "ruby",
        },
        "objects, strings and arrays",
        &["--version"],
        80_000,
        |stage, _| stage.write(SCRIPT, include_str!("inputs/program.rb")),
    ),
    script(
        Program {
            name: "node",
            package: "nodejs",
        },
        "objects, buffers and JSON",
        &["--version"],
        80_000,
        |stage, _| stage.write(SCRIPT, include_str!("inputs/program.js")),
    ),
];

const fn script(
    program: Program,
    about: &'static str,
    short: &'static [&'static str],
    size: u64,
    input: fn(&Stage, u64) -> io::Result<()>,
) -> Job {
    Job {
        title: Title {
            name: program.name,
            about,
            program,
            short,
            others: &[],
        },
        size,
        input,
        arguments: &[SCRIPT, "{size}", "{seed}"],
        environment: &[],
        expect: Expect::Output("done {size}"),
    }
}
