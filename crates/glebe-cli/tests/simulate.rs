//! `glebe simulate` from outside.

mod common;

use std::fs;

use common::{folder, glebe, stderr, stdout};
use serde_json::Value;

fn figures(arguments: &[&str]) -> Value {
    let mut command = glebe();
    command.args(["simulate", "--quick", "--rounds", "2", "--json", "-"]);
    let output = command.args(arguments).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    serde_json::from_str(&stdout(&output)).unwrap()
}

#[test]
fn the_same_seed_gives_the_same_figures() {
    let of = |seed| {
        let some = [
            "--workload",
            "births",
            "--policy",
            "strides",
            "--seed",
            seed,
        ];
        figures(&some)["rows"].clone()
    };
    let rows = of("3");
    assert_eq!(rows, of("3"));
    assert_ne!(rows, of("4"));
    // flat, flat again, strides; on small and on huge pages.
    let names: Vec<&str> = rows
        .as_array()
        .unwrap()
        .iter()
        .map(|row| row["policy"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        ["flat", "flat", "strides", "flat", "flat", "strides"]
    );
    assert_eq!(
        (&rows[0]["null"], &rows[1]["null"]),
        (&false.into(), &true.into())
    );
}

#[test]
fn tables_tell_what_the_figures_do() {
    let out = folder();
    let file = out.path().join("simulated.md");
    let mut command = glebe();
    command.args([
        "simulate",
        "--quick",
        "--rounds",
        "1",
        "--machine",
        "chiplets,here",
    ]);
    command.args([
        "--workload",
        "pairs",
        "--policy",
        "gather",
        "--detail",
        "--markdown",
    ]);
    let output = command.arg(&file).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    let (shown, markdown) = (stdout(&output), fs::read_to_string(&file).unwrap());
    for text in [&shown, &markdown] {
        for part in [
            "chiplets: one socket",
            "here: two cores",
            "null arm",
            "gather",
            "handoff/1:1",
        ] {
            assert!(text.contains(part), "{part} is missing in {text}");
        }
        // There is but one node.
        assert!(!text.contains("pairs-apart"), "{text}");
    }
    assert!(shown.contains("waiting for locks") && !markdown.contains("waiting for locks"));
}

#[test]
fn what_is_unknown_is_refused() {
    for arguments in [
        ["--machine", "abacus"],
        ["--policy", "hope"],
        ["--workload", "leisure"],
        ["--overlap", "0"],
        ["--rounds", "0"],
    ] {
        let output = glebe().arg("simulate").args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        let told = stderr(&output);
        assert!(told.contains(arguments[1]), "{told}");
    }
    let output = glebe().args(["simulate", "--list"]).output().unwrap();
    let listed = stdout(&output);
    for name in [
        "machine   two-monoliths",
        "workload  tide-slow",
        "policy    parked-near",
    ] {
        assert!(listed.contains(name), "{name} is missing in {listed}");
    }
}
