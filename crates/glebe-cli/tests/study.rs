//! `glebe study` from outside: short runs of a few arms.

mod common;

use std::fs;
use std::process::{Command, Output};

use common::{folder, glebe, stderr, stdout};
use serde_json::Value;

fn study(out: &std::path::Path, arguments: &[&str]) -> Output {
    let mut command: Command = glebe();
    command
        .args(["study", "--quick", "--out"])
        .arg(out)
        .args(arguments);
    let output = command.output().unwrap();
    assert!(
        output.status.success(),
        "{}{}",
        stdout(&output),
        stderr(&output)
    );
    output
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

#[test]
fn three_files_tell_the_same_study() {
    let out = folder();
    let arms = "two-level,side first-fit,inline,mmap engine talc buddy";
    study(
        out.path(),
        &["--only", "b,c,d", "--policies", arms, "--seed", "7"],
    );
    let read = |name: &str| fs::read_to_string(out.path().join(name)).unwrap();
    let (html, markdown, results) = (
        read("study.html"),
        read("study.md"),
        json(&read("study.json")),
    );
    assert_eq!(results["setting"]["seed"], 7);
    assert_eq!(results["ageing"].as_array().unwrap().len(), 5 * 5);
    assert_eq!(results["locality"].as_array().unwrap().len(), 5);
    assert_eq!(results["growth"].as_array().unwrap().len(), 5 * 5);
    for row in results["ageing"].as_array().unwrap() {
        let is_fixed = !row["fixed"].is_null();
        assert_ne!(is_fixed, !row["held"].is_null(), "{row}");
    }
    for name in arms.split(' ') {
        assert!(html.contains(name) && markdown.contains(name), "{name}");
    }
    assert!(markdown.contains("## (b) Fragmentation") && !markdown.contains("## (a)"));
    assert!(html.contains("prefers-color-scheme") && !html.contains("<script"));
}

#[test]
fn the_same_seed_gives_the_same_figures() {
    let of = |question: &str, seed: &str| {
        let out = folder();
        let arms = "next-fit,side rlsf";
        let arguments = [
            "--only",
            question,
            "--policies",
            arms,
            "--seed",
            seed,
            "--json",
            "-",
        ];
        let results = json(&stdout(&study(out.path(), &arguments)));
        (results["growth"].clone(), results["ageing"].clone())
    };
    assert_eq!(of("d,b", "3"), of("b,d", "3"));
    assert_ne!(of("b", "3"), of("b", "4"));
}

#[test]
fn cost_and_targets_come_with_their_null_arm() {
    let out = folder();
    let arguments = [
        "--only",
        "a,e",
        "--policies",
        "quick-fit,side talc",
        "--json",
        "-",
    ];
    let results = json(&stdout(&study(out.path(), &arguments)));
    assert!(results["setting"]["noise"].as_f64().unwrap() >= 0.0);
    let costs = results["costs"].as_array().unwrap();
    assert!(costs.iter().any(|row| row["null"] == true));
    for row in costs {
        assert!(row["nanoseconds"].as_f64().unwrap() > 1.0, "{row}");
        let counted = results["setting"]["valgrind"].is_string();
        assert_eq!(
            row["alloc"].is_number() && row["free"].is_number(),
            counted,
            "{row}"
        );
    }
    let targets = results["targets"].as_array().unwrap();
    assert_eq!(targets.len(), 6);
    let holds = |at: usize| targets[at]["holds"].as_bool();
    assert_eq!(
        (holds(0), holds(2)),
        (Some(true), Some(true)),
        "{targets:?}"
    );
}

#[test]
fn without_valgrind_it_says_so() {
    let out = folder();
    let nowhere = folder();
    let mut command = glebe();
    command.args([
        "study",
        "--quick",
        "--only",
        "a",
        "--policies",
        "two-level,side",
        "--out",
    ]);
    let output = command
        .arg(out.path())
        .env("PATH", nowhere.path())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let page = fs::read_to_string(out.path().join("study.html")).unwrap();
    assert!(page.contains("valgrind is not installed"));
}

#[test]
fn wrong_words_are_errors_that_say_what_to_do() {
    for (arguments, words) in [
        (&["--policies", "worst-fit,side"][..], "first-fit"),
        (&["--policies", " "], "without it all are measured"),
        (&["--only", "z"], "possible values"),
        (&["--out", "/proc/no/such"], "cannot make the folder"),
    ] {
        let output = glebe().arg("study").args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(
            stderr(&output).contains(words),
            "{arguments:?}: {}",
            stderr(&output)
        );
    }
}
