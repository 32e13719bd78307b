//! `glebe bench` from outside, with glibc, small broken libraries, and the peer that builds
//! fastest.

mod common;

use std::path::Path;
use std::process::Command;

use common::{crashing, folder, glebe, json, marker, stderr, stdout};

/// One short pattern under glibc alone.
fn micro() -> Command {
    let mut command = glebe();
    command.args([
        "bench",
        "micro",
        "--quick",
        "--pattern",
        "pair/16",
        "--base",
        "glibc",
    ]);
    command.args(["--allocator", "glibc"]);
    command
}

#[test]
fn every_sample_and_the_null_arm_are_in_the_json() {
    let output = micro()
        .args(["--rounds", "2", "--seed", "9", "--json", "-"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let results = json(&output);
    assert_eq!(results["settings"]["seed"], 9);
    assert!(
        results["machine"]["kernel"]
            .as_str()
            .unwrap()
            .starts_with("Linux")
    );
    let names: Vec<_> = results["suites"][0]["allocators"]
        .as_array()
        .unwrap()
        .iter()
        .map(|arm| &arm["name"])
        .collect();
    assert_eq!(names, ["glibc", "glibc/null"]);
    for cell in results["suites"][0]["rows"][0]["cells"].as_array().unwrap() {
        let samples = cell["samples"].as_array().unwrap();
        assert_eq!(samples.len(), 2);
        for sample in samples {
            assert!(sample["ns_per_op"].as_f64().unwrap() > 0.1, "{sample}");
            assert!(sample["peak_rss_kib"].as_u64().unwrap() > 500, "{sample}");
            assert!(
                sample["library"].as_str().unwrap().contains("libc"),
                "{sample}"
            );
        }
    }
    assert!(
        stderr(&output).contains("glibc/null"),
        "the report goes to standard error"
    );
}

#[test]
fn a_report_in_a_pipe_has_no_escapes() {
    let output = micro()
        .args(["--rounds", "1", "--detail"])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let text = stdout(&output);
    assert!(text.contains("pair/16") && text.contains("not here: ") == text.contains("not here"));
    assert!(!text.contains('\x1b'), "{text}");
}

#[test]
fn all_suites_write_one_page_and_are_shown_again() {
    let folder = folder();
    let file = |name: &str| folder.path().join(name);
    let mut command = glebe();
    command.args([
        "bench", "all", "--quick", "--rounds", "1", "--row", "pair/16",
    ]);
    command.args(["--base", "glibc", "--allocator", "glibc", "--html"]);
    command
        .arg(file("bench.html"))
        .arg("--json")
        .arg(file("bench.json"));
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let page = std::fs::read_to_string(file("bench.html")).unwrap();
    assert!(page.starts_with("<!DOCTYPE html>") && page.contains("pair/16"));
    let mut command = glebe();
    command.args(["bench", "show"]).arg(file("bench.json"));
    let again = command.arg("--markdown").arg(file("bench.md")).output();
    assert_eq!(stdout(&again.unwrap()), stdout(&output));
    let document = std::fs::read_to_string(file("bench.md")).unwrap();
    assert!(document.contains("| pair/16 |"), "{document}");
}

#[test]
fn what_is_no_result_is_not_shown() {
    let folder = folder();
    let file = folder.path().join("other.json");
    std::fs::write(&file, "{\"schema\": 2}").unwrap();
    let mut command = glebe();
    let output = command.args(["bench", "show"]).arg(file).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(
        stderr(&output).contains("holds no results"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn an_allocator_that_crashes_is_a_failed_cell() {
    let folder = folder();
    let (early, late) = (crashing(folder.path(), 1), crashing(folder.path(), 100_000));
    let mut command = micro();
    command.args(["--rounds", "2", "--json", "-"]);
    command
        .arg("--with")
        .arg(format!("early={}", early.display()));
    command
        .arg("--with")
        .arg(format!("late={}", late.display()));
    command.args(["--allocator", "early", "--allocator", "late"]);
    let output = command.output().unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let results = json(&output);
    let failures: Vec<_> = results["suites"][0]["rows"][0]["cells"]
        .as_array()
        .unwrap()
        .iter()
        .map(|cell| {
            cell["failure"]["what"]
                .as_str()
                .unwrap_or("none")
                .to_owned()
        })
        .collect();
    assert_eq!(failures, ["none", "none", "SIGABRT", "SIGABRT"]);
    assert!(
        stderr(&output).contains("failed: late in pair/16: SIGABRT"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn a_library_that_does_not_serve_malloc_is_not_measured() {
    let folder = folder();
    let library = marker(folder.path(), "idle");
    let mut command = micro();
    command.args(["--rounds", "1", "--allocator", "idle"]);
    let output = command
        .arg("--with")
        .arg(format!("idle={}", library.display()))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stdout(&output).contains("malloc comes from"),
        "{}",
        stdout(&output)
    );
}

#[test]
fn wrong_names_are_errors_that_say_what_to_do() {
    for (suite, arguments, words) in [
        ("micro", ["--pattern", "no-such-pattern"], "--list"),
        ("micro", ["--base", "no-such-allocator"], "--list"),
        ("micro", ["--with", "path-only"], "NAME=PATH"),
        ("micro", ["--with", "x=/no/such.so"], "/no/such.so"),
        ("rust", ["--with", "x=/no/such.so"], "preloads none"),
        ("pools", ["--library", "/no/such.so"], "preloads none"),
    ] {
        let output = glebe()
            .args(["bench", suite])
            .args(arguments)
            .output()
            .unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(
            stderr(&output).contains(words),
            "{arguments:?}: {}",
            stderr(&output)
        );
    }
}

#[test]
fn the_list_names_patterns_and_says_how_to_get_what_is_absent() {
    let nowhere = folder();
    let mut command = glebe();
    command
        .args(["bench", "micro", "--list"])
        .env("GLEBE_PEERS", nowhere.path());
    let text = stdout(&command.output().unwrap());
    assert!(
        text.contains("random/3M") && text.contains("glibc"),
        "{text}"
    );
    assert!(
        text.contains("not here: build it with `glebe bench peers`"),
        "{text}"
    );
}

/// Builds a peer twice: the second time there is nothing to do.
fn build_twice(place: &Path, name: &str, package: &str) {
    for words in [format!("built from {package}"), "up to date".into()] {
        let mut command = glebe();
        command
            .args(["bench", "peers", name])
            .env("GLEBE_PEERS", place);
        // The peers' manifest is found from the current folder upwards.
        command.current_dir(env!("CARGO_MANIFEST_DIR"));
        let output = command.output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        assert!(stderr(&output).contains(&words), "{}", stderr(&output));
    }
}

#[test]
fn a_peer_is_built_once_and_then_measured() {
    let place = folder();
    build_twice(place.path(), "rpmalloc", "rpmalloc-sys");
    let mut command = micro();
    command.args(["--rounds", "1", "--allocator", "rpmalloc", "--json", "-"]);
    let results = json(&command.env("GLEBE_PEERS", place.path()).output().unwrap());
    assert_eq!(results["suites"][0]["allocators"][2]["name"], "rpmalloc");
    assert!(
        results["suites"][0]["rows"][0]["cells"][2]["failure"].is_null(),
        "{results}"
    );
}

#[test]
fn an_executable_is_built_once_and_then_measured() {
    let place = folder();
    build_twice(place.path(), "rust-glibc", "glebe-peers-rust");
    let mut command = glebe();
    command.args(["bench", "rust", "--quick", "--rounds", "1", "--json", "-"]);
    command.args(["--base", "glibc", "--row", "box/pair"]);
    let output = command.env("GLEBE_PEERS", place.path()).output().unwrap();
    let results = json(&output);
    let suite = &results["suites"][0];
    assert!(
        suite["absent"].as_array().unwrap().len() > 4,
        "{}",
        stderr(&output)
    );
    for (arm, cell) in ["glibc", "glibc/null"].iter().zip(0..) {
        assert_eq!(suite["allocators"][cell]["name"], *arm);
        let version = suite["allocators"][cell]["version"].as_str();
        assert!(version.unwrap().starts_with("2."), "{version:?}");
        let sample = &suite["rows"][0]["cells"][cell]["samples"][0];
        assert_eq!(sample["library"], "glibc");
        assert!(sample["ns_per_op"].as_f64().unwrap() > 0.1, "{sample}");
    }
}

#[test]
fn stress_starts_processes_and_times_every_single_call() {
    let mut command = glebe();
    command.args(["bench", "stress", "--quick", "--rounds", "1", "--json", "-"]);
    command.args(["--base", "glibc", "--allocator", "glibc"]);
    command.args(["--row", "start/100", "--row", "latency/1M"]);
    let output = command.output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let results = json(&output);
    let sample = |row: usize| &results["suites"][0]["rows"][row]["cells"][0]["samples"][0];
    let (latency, start) = (sample(0), sample(1));
    for function in ["malloc", "free"] {
        let quantiles = &latency["latency"][function];
        assert_eq!(quantiles["calls"], latency["ops"], "{latency}");
        assert!(quantiles["max"].as_u64().unwrap() > 0, "{latency}");
    }
    assert!(start["latency"].is_null(), "{start}");
    let process = start["ns_per_op"].as_f64().unwrap();
    assert!(process > 50_000.0, "{process} ns are no process");
    assert!(
        stderr(&output).contains("latency/1M: single calls in ns"),
        "{}",
        stderr(&output)
    );
}
