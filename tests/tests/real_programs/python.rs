//! Python: its own objects, sqlite3, threads and processes; with its small-object allocator in
//! front of `malloc`, as usual, and without it, when every object comes to us.

use std::process::Command;

use crate::bindings::assert_all_bound;
use crate::programs::data;
use crate::stage::{Stage, same_with_and_without};

fn script(stage: &Stage, name: &str, arguments: &[&str]) -> Command {
    let mut command = stage.command("python3");
    command.arg("-B").arg(data(name)).args(arguments);
    command
}

#[test]
fn python_calls_reach_the_library() {
    same_with_and_without(|stage| {
        assert_all_bound(
            stage,
            stage
                .command("python3")
                .args(["-c", "import sqlite3, zlib, json"]),
        );
        stage.run(stage.command("python3").arg("--version"));
    });
}

#[test]
fn python_objects() {
    same_with_and_without(|stage| {
        stage.run(&mut script(stage, "objects.py", &[]));
    });
}

#[test]
fn python_objects_all_by_malloc() {
    same_with_and_without(|stage| {
        stage.run(script(stage, "objects.py", &[]).env("PYTHONMALLOC", "malloc"));
    });
}

#[test]
fn python_sqlite() {
    same_with_and_without(|stage| {
        stage.run(&mut script(stage, "database.py", &[]));
        stage.record_file("people.db");
    });
}

#[test]
fn python_threads() {
    same_with_and_without(|stage| {
        stage.run(script(stage, "threads.py", &[]).env("PYTHONMALLOC", "malloc"));
    });
}

#[test]
fn python_processes_by_fork() {
    same_with_and_without(|stage| {
        stage.run(script(stage, "processes.py", &["fork"]).env("PYTHONMALLOC", "malloc"));
    });
}

#[test]
fn python_processes_by_spawn() {
    same_with_and_without(|stage| {
        stage.run(&mut script(stage, "processes.py", &["spawn"]));
    });
}
