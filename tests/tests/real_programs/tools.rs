//! The everyday tools: compression, sorting, searching and text, on input from a fixed generator.

use std::fmt::Write;

use crate::bindings::assert_all_bound;
use crate::programs::data;
use crate::stage::{Stage, same_with_and_without};

/// `count` lines of words and numbers, the same every time.
fn lines(count: u32) -> String {
    let mut state = 1u32;
    let mut text = String::new();
    for _ in 0..count {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let (a, b, c) = (state >> 8, state >> 20, state >> 12 & 1023);
        writeln!(text, "{a:07x} word{b} {}", "tail ".repeat(c as usize % 5))
            .expect("a string grows");
    }
    text
}

/// A folder with many small files and some large ones.
fn tree(stage: &Stage) {
    for file in 0..300 {
        stage.write(
            &format!("tree/d{}/f{file}.txt", file % 13),
            lines(file % 50),
        );
    }
    stage.write("tree/large.txt", lines(60_000));
}

#[test]
fn tar_gzip_and_xz() {
    same_with_and_without(|stage| {
        tree(stage);
        let tar = [
            "--sort=name",
            "--mtime=@0",
            "--owner=0",
            "--group=0",
            "-cf",
            "tree.tar",
            "tree",
        ];
        assert_all_bound(stage, stage.command("tar").args(tar));
        stage.record_file("tree.tar");
        stage.run(stage.command("gzip").args(["-n", "-9", "-k", "tree.tar"]));
        stage.record_file("tree.tar.gz");
        let xz = ["-3", "-k", "--threads=2", "--block-size=1MiB", "tree.tar"];
        assert_all_bound(stage, stage.command("xz").args(xz));
        stage.record_file("tree.tar.xz");
        stage.write("out/.keep", "");
        stage.run(
            stage
                .command("tar")
                .args(["-xJf", "tree.tar.xz", "-C", "out"]),
        );
        stage.run(stage.command("diff").args(["-r", "tree", "out/tree"]));
    });
}

#[test]
fn sort_of_a_large_file() {
    same_with_and_without(|stage| {
        stage.write("lines.txt", lines(300_000));
        let memory = [
            "--parallel=2",
            "-S",
            "4M",
            "-T",
            ".",
            "-k2,2",
            "-k1,1r",
            "lines.txt",
        ];
        stage.run(stage.command("sort").args(memory));
        stage.run(
            stage
                .command("sort")
                .args(["--parallel=2", "-u", "lines.txt"]),
        );
        assert_all_bound(stage, stage.command("sort").args(["-c", "/dev/null"]));
    });
}

#[test]
fn awk_find_and_grep() {
    same_with_and_without(|stage| {
        tree(stage);
        let count = "{ n[$2]++; text = text $1 } \
                     END { for (w in n) print w, n[w] | \"sort\"; \
                     close(\"sort\"); print length(text) }";
        stage.run(stage.command("awk").args([count, "tree/large.txt"]));
        let find = [
            "tree", "-name", "*3*.txt", "-size", "+1", "-exec", "wc", "-c", "{}", "+",
        ];
        let found = stage.run_unrecorded(stage.command("find").args(find));
        let mut found: Vec<&str> = found.lines().collect();
        found.sort_unstable();
        stage.record("what find found", found.join("\n").as_bytes());
        stage.run(stage.command("grep").args([
            "-E",
            "-o",
            "w(or)d(1|2+)3 (tail ){2}",
            "tree/large.txt",
        ]));
        assert_all_bound(stage, stage.command("find").args(["tree", "-name", "x"]));
    });
}

#[test]
fn bash_script() {
    same_with_and_without(|stage| {
        assert_all_bound(
            stage,
            stage
                .command("bash")
                .args(["-c", "x=$(echo a | cat); echo $x"]),
        );
        stage.run(stage.command("bash").arg(data("script.sh")));
    });
}

#[test]
fn perl_workload() {
    same_with_and_without(|stage| {
        assert_all_bound(stage, stage.command("perl").args(["-e", "print 'a' x 9"]));
        stage.run(stage.command("perl").arg(data("workload.pl")));
    });
}
