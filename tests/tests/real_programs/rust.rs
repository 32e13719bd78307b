//! A Rust build: cargo, rustc and the linker with the library in front, offline and without
//! dependencies. Cargo and the linker call us; rustc exports a jemalloc of its own, so its process
//! is a mixture that must work, too. The program built must be identical and run the same.

use crate::bindings::{assert_all_bound, assert_bound_except};
use crate::stage::{Stage, same_with_and_without};

const MANIFEST: &str = "[package]\nname = \"sample\"\nversion = \"0.1.0\"\nedition = \"2021\"\n\
                        [workspace]\n[profile.release]\nopt-level = 2\ndebug = true\n";

const PROGRAM: &str = r#"
mod shapes;
use std::collections::{BTreeMap, HashMap};
use std::sync::mpsc;
use std::thread;

fn churn(seed: u64) -> (usize, u64) {
    let mut table: HashMap<u64, Vec<String>> = HashMap::new();
    let mut state = seed;
    for i in 0..100_000u64 {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        table.entry(state >> 52).or_default().push("x".repeat((state >> 40) as usize % 60));
        if i % 7 == 0 {
            table.remove(&(state >> 51 & 4095));
        }
    }
    (table.len(), table.values().flatten().map(|s| s.len() as u64).sum())
}

fn main() {
    let (send, receive) = mpsc::channel();
    let threads: Vec<_> = (0..4)
        .map(|seed| {
            let send = send.clone();
            thread::spawn(move || send.send((seed, churn(seed), vec![seed; 5000])).unwrap())
        })
        .collect();
    drop(send);
    let results: BTreeMap<_, _> = receive.iter().map(|(s, r, v)| (s, (r, v.len()))).collect();
    threads.into_iter().for_each(|thread| thread.join().unwrap());
    println!("{results:?} {}", shapes::total(1000));
}
"#;

/// Fifty generated types behind one trait: work for the compiler.
fn shapes() -> String {
    let kinds = 0..50;
    let types: String = kinds
        .clone()
        .map(|kind| {
            format!(
                "#[derive(Debug, Clone, PartialEq)]\n\
                 pub struct Shape{kind}(pub Vec<u64>, String);\n\
                 impl Shape for Shape{kind} {{\n    fn area(&self) -> u64 {{\n        \
                 self.0.iter().map(|x| x ^ {kind}).sum::<u64>() + self.1.len() as u64\n    }}\n}}\n"
            )
        })
        .collect();
    let made: String = kinds
        .map(|kind| {
            format!("        Box::new(Shape{kind}(vec![n; {kind}], \"s\".repeat({kind}))),\n")
        })
        .collect();
    format!(
        "pub trait Shape: std::fmt::Debug {{\n    fn area(&self) -> u64;\n}}\n{types}\
         pub fn total(n: u64) -> u64 {{\n    \
         let all: Vec<Box<dyn Shape>> = vec![\n{made}    ];\n    \
         all.iter().map(|shape| shape.area() + format!(\"{{shape:?}}\").len() as u64).sum()\n}}\n"
    )
}

fn build(stage: &Stage) -> std::process::Command {
    let mut command = stage.command("cargo");
    command.args(["build", "--release", "--offline", "--quiet", "--jobs", "2"]);
    command
        .env("CARGO_TARGET_DIR", stage.folder().join("target"))
        .env_remove("RUSTC_WRAPPER");
    command
        .env_remove("RUSTFLAGS")
        .env_remove("CARGO_ENCODED_RUSTFLAGS");
    command
}

#[test]
fn cargo_builds_the_same_program() {
    same_with_and_without(|stage| {
        stage.write("Cargo.toml", MANIFEST);
        stage.write("src/main.rs", PROGRAM);
        stage.write("src/shapes.rs", shapes());
        stage.run(&mut build(stage));
        stage.record_file("target/release/sample");
        let program = stage.folder().join("target/release/sample");
        stage.run(&mut stage.command_at(&program));
        assert_all_bound(stage, &mut stage.command_at(&program));
    });
}

#[test]
fn cargo_calls_reach_the_library() {
    same_with_and_without(|stage| {
        stage.write("Cargo.toml", MANIFEST);
        stage.write(
            "src/main.rs",
            "fn main() { println!(\"{}\", vec![1; 9].len()); }\n",
        );
        assert_bound_except(stage, &mut build(stage), &["/rustc"]);
        stage.run(&mut stage.command_at(&stage.folder().join("target/release/sample")));
    });
}
