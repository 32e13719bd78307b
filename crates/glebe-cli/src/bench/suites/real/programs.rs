//! Compilers, databases and other programs that read one generated input and end.

use super::generate;
use super::git;
use super::job::{Expect, Job};
use super::launch::Program;
use super::load::Title;

/// The rows.
pub static JOBS: [Job; 7] = [
    Job {
        title: Title {
            name: "sqlite3",
            about: "inserts, indexes, groups and deletes in a database in memory",
            program: same("sqlite3"),
            short: &["--version"],
            others: &[],
        },
        size: 100_000,
        input: generate::inserts,
        arguments: &["-batch", ":memory:", ".read input.sql"],
        environment: &[],
        // Half of the rows, and all of them by their owners.
        expect: Expect::Output("done {size}"),
    },
    Job {
        title: Title {
            name: "g++",
            about: "compiles templates over the standard library's containers",
            program: same("g++"),
            short: &["-fsyntax-only", "-x", "c++", "/dev/null"],
            others: &[],
        },
        size: 5,
        input: generate::templates,
        arguments: &["-O1", "-S", "-o", "-", "input.cpp"],
        environment: &[],
        expect: Expect::Output("all_of_them"),
    },
    Job {
        title: Title {
            name: "rustc",
            about: "compiles generic types and traits; Debian's, which has no allocator inside",
            program: same("rustc"),
            short: &["--version"],
            others: &[],
        },
        size: 15,
        input: generate::traits,
        arguments: &[
            "--edition=2021",
            "--crate-type=lib",
            "--emit=llvm-ir",
            "-Copt-level=0",
            "-Ccodegen-units=1",
            "-ooutput",
            "input.rs",
        ],
        environment: &[],
        expect: Expect::File("output", "all_of_them"),
    },
    Job {
        title: Title {
            name: "ghostscript",
            about: "the bounding boxes of many pages of text and curves",
            program: Program {
                name: "gs",
                package: "ghostscript",
            },
            short: &["--version"],
            others: &[],
        },
        size: 50,
        input: |stage, _| stage.write("pages.ps", include_str!("inputs/pages.ps")),
        arguments: &[
            "-q",
            "-dBATCH",
            "-dNOPAUSE",
            "-sDEVICE=bbox",
            "-c",
            "/size {size} def /seed {seed} def",
            "-f",
            "pages.ps",
        ],
        environment: &[],
        expect: Expect::Output("done {size}"),
    },
    Job {
        title: Title {
            name: "z3",
            about: "solves inequalities of bit vectors",
            program: same("z3"),
            short: &["--version"],
            others: &[],
        },
        size: 200,
        input: generate::inequalities,
        arguments: &["input.smt2"],
        environment: &[],
        expect: Expect::Output("sat"),
    },
    Job {
        title: Title {
            name: "rocksdb",
            about: "fills, reads and overwrites a database without compression",
            program: Program {
                name: "db_bench",
                package: "rocksdb-tools",
            },
            short: &["--version"],
            others: &[],
        },
        size: 150_000,
        input: |_, _| Ok(()),
        arguments: &[
            "--benchmarks=fillseq,overwrite,readseq,readrandom",
            "--db=database",
            "--num={size}",
            "--seed={seed}",
            "--compression_type=none",
            "--disable_wal=1",
        ],
        environment: &[],
        expect: Expect::Output("({size} of {size} found)"),
    },
    Job {
        title: Title {
            name: "git",
            about: "the whole history of a repository as patches with statistics",
            program: same("git"),
            short: &["--version"],
            others: &[],
        },
        size: 5000,
        input: git::history,
        arguments: &["--git-dir=repository", "log", "-p", "--stat", "main"],
        environment: &git::ENVIRONMENT,
        expect: Expect::Output(git::FIRST),
    },
];

/// A program that is named as its package.
const fn same(name: &'static str) -> Program {
    Program {
        name,
        package: name,
    }
}
