//! Git: a repository with a history, branches and merges, packed by several threads and checked.

use std::process::Command;

use crate::bindings::assert_all_bound;
use crate::stage::{Stage, same_with_and_without};

/// `git` cut off from the user's settings, with fixed names and dates.
fn git(stage: &Stage, moment: u32) -> Command {
    let mut command = stage.command("git");
    let date = format!("{} +0000", 1_700_000_000 + moment * 60);
    command
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .env("GIT_AUTHOR_DATE", &date)
        .env("GIT_COMMITTER_DATE", &date)
        .args(["-c", "user.name=Test", "-c", "user.email=test@example.org"])
        .args([
            "-c",
            "init.defaultBranch=main",
            "-c",
            "gc.auto=0",
            "-c",
            "pack.threads=2",
        ])
        .args([
            "-c",
            "commit.gpgSign=false",
            "-c",
            "core.hooksPath=/dev/null",
        ]);
    command
}

/// Text of `lines` lines that differs a little in every `version`.
fn text(file: u32, version: u32, lines: u32) -> String {
    (0..lines)
        .map(|line| {
            let changed = (line * 7 + file) % 23 == version % 23;
            format!(
                "line {line} of file {file}, version {}\n",
                if changed { version } else { 0 }
            )
        })
        .collect()
}

fn build_history(stage: &Stage) {
    stage.run_unrecorded(git(stage, 0).args(["init", "--quiet", "."]));
    for commit in 0..12 {
        for file in 0..60 {
            stage.write(
                &format!("src/d{}/f{file}.txt", file % 7),
                text(file, commit, 120),
            );
        }
        stage.run(git(stage, commit).args(["add", "--all", "."]));
        stage.run(git(stage, commit).args(["commit", "--message", &format!("change {commit}")]));
        if commit == 6 {
            stage.run(git(stage, commit).args(["checkout", "-q", "-b", "side"]));
            stage.write("side.txt", text(99, 6, 4000));
            stage.run(git(stage, 40).args(["add", "side.txt"]));
            stage.run(git(stage, 40).args(["commit", "--message", "aside"]));
            stage.run(git(stage, 41).args(["checkout", "-q", "main"]));
        }
    }
    stage.run(git(stage, 50).args(["merge", "--quiet", "--no-edit", "side"]));
}

#[test]
fn git_history_is_the_same() {
    same_with_and_without(|stage| {
        build_history(stage);
        stage.run(git(stage, 60).args(["log", "--stat", "--patch", "--graph"]));
        stage.run(git(stage, 60).args(["blame", "src/d3/f3.txt"]));
        stage.run(git(stage, 60).args(["grep", "--threads=2", "-n", "version 11"]));
        stage.run(git(stage, 60).args(["gc", "--quiet", "--aggressive", "--prune=now"]));
        stage.run(git(stage, 60).args(["fsck", "--full", "--strict", "--no-progress"]));
        stage.run(git(stage, 60).args(["rev-list", "--objects", "--all"]));
        stage.run_unrecorded(git(stage, 60).args(["clone", "-q", "--no-local", ".", "copy"]));
        stage.run(git(stage, 60).args(["-C", "copy", "status", "--short"]));
        stage.run(git(stage, 60).args(["-C", "copy", "rev-parse", "HEAD^{tree}"]));
    });
}

#[test]
fn git_calls_reach_the_library() {
    same_with_and_without(|stage| {
        assert_all_bound(stage, git(stage, 0).args(["init", "--quiet", "."]));
        stage.run(git(stage, 0).args(["status", "--short", "--branch"]));
    });
}
