//! `glebe replay` from outside.

mod common;

use std::fs;
use std::path::Path;

use common::{folder, glebe, stderr, stdout};
use serde_json::Value;

fn traces() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../traces")
}

#[test]
fn every_trace_that_ships_is_played_and_scored() {
    let mut command = glebe();
    command.args(["replay", "--json", "-"]);
    command.args([
        "--pool",
        "first-fit,inline",
        "--pool",
        "two-level,side,kernel",
        "--pool",
        "best-fit,inline,break",
    ]);
    command.args(["--pool", "engine", "--pool", "talc"]);
    let files: Vec<_> = fs::read_dir(traces())
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    assert_eq!(files.len(), 12);
    let output = command.args(&files).output().unwrap();
    assert!(
        output.status.success(),
        "{}{}",
        stdout(&output),
        stderr(&output)
    );
    let scores: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(scores.len(), 12 * 5);
    for score in scores {
        let utilisation = score["utilisation"].as_f64().unwrap();
        // The engine's slabs count whole, however little of them is touched.
        let least = if score["pool"] == "engine" { 0.0 } else { 0.05 };
        assert!(utilisation > least && utilisation <= 1.0, "{score}");
        assert!(
            score["ops_per_second"].as_f64().unwrap() > 1000.0,
            "{score}"
        );
    }
}

#[test]
fn a_generated_trace_goes_through_a_pipe() {
    let generated = glebe()
        .args(["replay", "--generate", "binary"])
        .output()
        .unwrap();
    assert!(generated.status.success(), "{}", stderr(&generated));
    assert_eq!(
        generated.stdout,
        fs::read(traces().join("binary.rep")).unwrap()
    );
    let folder = folder();
    let other = folder.path().join("b.rep");
    let mut command = glebe();
    command.args(["replay", "--generate", "random", "--seed", "5"]);
    assert!(command.arg(&other).status().unwrap().success());
    assert_ne!(
        fs::read(&other).unwrap(),
        fs::read(traces().join("random.rep")).unwrap()
    );
    let mut command = glebe();
    let output = command
        .args(["replay", "--pool", "best-fit,side"])
        .arg(&other)
        .output()
        .unwrap();
    let text = stdout(&output);
    assert!(
        text.contains("utilisation") && text.contains("best-fit,side"),
        "{text}"
    );
    assert!(!text.contains('\x1b'), "{text}");
}

#[test]
fn what_does_not_fit_is_a_failed_row() {
    let folder = folder();
    let trace = folder.path().join("large.rep");
    fs::write(&trace, "0\n1\n2\n1\na 0 3000000\nf 0\n").unwrap();
    let output = glebe()
        .args(["replay", "--range", "2"])
        .arg(&trace)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        stdout(&output).contains("try a larger --range"),
        "{}",
        stdout(&output)
    );
    let output = glebe()
        .args(["replay", "--range", "2", "--json", "-"])
        .arg(&trace)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let rows: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert!(rows[0]["failure"].is_string() && rows[0]["utilisation"].is_null());
}

#[test]
fn wrong_words_are_errors_that_say_what_to_do() {
    let folder = folder();
    let broken = folder.path().join("broken.rep");
    fs::write(&broken, "0\n1\n1\n1\nx 0 1\n").unwrap();
    let broken = broken.to_str().unwrap();
    for (arguments, words) in [
        (&[][..], "--generate random"),
        (&["--pool", "worst-fit,side", "x"], "first-fit"),
        (&["--generate", "round"], "checkerboard"),
        (&["--generate", "all"], "one folder"),
        (&["/no/such.rep"], "cannot read /no/such.rep"),
        (&[broken], "line 5"),
        (&["--seed", "1"], "--generate"),
    ] {
        let output = glebe().arg("replay").args(arguments).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{arguments:?}");
        assert!(
            stderr(&output).contains(words),
            "{arguments:?}: {}",
            stderr(&output)
        );
    }
}
