//! `glebe-fuzz` itself: what it finds in allocators with a known defect, how it ends, and that the
//! same seed gives the same.

use glebe_trace::case::Choice;
use glebe_trace::{Case, Mix, Op, Profile, recording};
use serde_json::Value;
use std::fs::{self, File};
use std::path::Path;
use std::process::{Command, Output};
use tempfile::TempDir;

fn fuzz(arguments: &[&str]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_glebe-fuzz"))
        .args(arguments)
        .output()
        .expect("the program starts")
}

#[track_caller]
fn ends(output: &Output, status: i32) {
    assert_eq!(output.status.code(), Some(status), "{output:?}");
}

fn stdout(output: &Output) -> &str {
    str::from_utf8(&output.stdout).expect("text")
}

fn stderr(output: &Output) -> &str {
    str::from_utf8(&output.stderr).expect("text")
}

/// Runs on a target that has a defect; what was found, its file, and the report of all.
fn found(folder: &TempDir, target: &str, more: &[&str]) -> (Value, Vec<Op>) {
    let out = folder.path().to_str().expect("text");
    let arguments = [
        &[
            "--json",
            "--quiet",
            "--ops",
            "20000",
            "--seed-out",
            out,
            "--target",
            target,
        ],
        more,
    ];
    let output = fuzz(&arguments.concat());
    ends(&output, 1);
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let finding = report["finding"].clone();
    let again = finding["again"].as_str().expect("a command");
    assert!(stderr(&output).contains(again), "{output:?}");
    let file = File::open(finding["recording"].as_str().expect("a path")).expect("a file");
    let events = recording::read(file).expect("a recording");
    (finding, events.into_iter().map(|event| event.op).collect())
}

/// Has a finding again by the command that it names.
#[track_caller]
fn shows_again(finding: &Value) -> String {
    let again = finding["again"].as_str().expect("a command");
    let (_, arguments) = again.split_once(" -- ").expect("arguments");
    let output = fuzz(&arguments.split(' ').collect::<Vec<_>>());
    ends(&output, 1);
    let text = stdout(&output).to_owned();
    assert!(text.starts_with("FOUND: "), "{text}");
    text
}

#[test]
fn an_overlap_is_cut_down_to_two_blocks() {
    let folder = TempDir::new().unwrap();
    let more = ["--seed", "1", "--threads", "1", "--profile", "uniform-fifo"];
    let (finding, ops) = found(&folder, "broken-twice", &more);
    assert_eq!(finding["kind"], "overlap: ");
    assert!(
        matches!(*ops, [one, two] if one.allocates() && two.allocates()),
        "{ops:?}"
    );
    assert!(shows_again(&finding).contains("overlap: 0x"));
    let report = fs::read_to_string(finding["report"].as_str().unwrap()).unwrap();
    assert!(
        report.contains(&format!("0: {}\n0: {}\n", ops[0], ops[1])),
        "{report}"
    );
}

#[test]
fn an_abort_is_a_finding() {
    let folder = TempDir::new().unwrap();
    let (finding, ops) = found(&folder, "broken-abort", &["--seed", "2"]);
    assert_eq!(finding["kind"], "SIGABRT\n");
    assert_eq!(ops.len(), 1, "{ops:?}");
    assert!(shows_again(&finding).contains("SIGABRT"));
}

#[test]
fn a_hang_is_a_finding() {
    let folder = TempDir::new().unwrap();
    let more = [
        "--seed",
        "3",
        "--time-limit",
        "1",
        "--ops",
        "64",
        "--profile",
        "large-lifo",
    ];
    let arguments = ["--json", "--quiet", "--target", "broken-hang", "--seed-out"];
    let out = folder.path().to_str().unwrap();
    let output = fuzz(&[&arguments[..], &[out], &more].concat());
    ends(&output, 1);
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["finding"]["kind"], "hangs: no end after ");
    assert_eq!(report["finding"]["least"], 1);
}

/// On threads at once, the least events are found too.
#[test]
fn a_free_by_another_thread_is_a_finding() {
    let mut choice = Choice {
        seed: 0,
        profiles: Profile::all().collect(),
        threads: 3,
        bad_frees: false,
    };
    while choice.case(0).mix != Mix::Abreast {
        choice.seed += 1;
    }
    let folder = TempDir::new().unwrap();
    let seed = choice.seed.to_string();
    let more = ["--seed", &seed, "--threads", "3", "--jobs", "1"];
    let (finding, ops) = found(&folder, "broken-remote", &more);
    assert!(
        finding["case"]
            .as_str()
            .unwrap()
            .starts_with("--mix abreast"),
        "{finding}"
    );
    assert_eq!(finding["kind"], "SIGABRT\n");
    // What lives at the end is freed by another thread.
    assert!(matches!(*ops, [op] if op.allocates()), "{ops:?}");
    assert!(
        finding["again"]
            .as_str()
            .unwrap()
            .contains(" --abreast --tries "),
        "{finding}"
    );
    shows_again(&finding);
}

#[test]
fn a_bad_free_that_is_accepted_is_a_finding() {
    let folder = TempDir::new().unwrap();
    let more = ["--seed", "5", "--profile", "fixed-fifo"];
    let (finding, ops) = found(&folder, "broken-lax", &more);
    let kind = finding["kind"].as_str().unwrap();
    assert!(kind.contains("accepted: a bad free of "), "{kind}");
    assert!(
        matches!(*ops, [.., Op::Bad { .. }]) && ops.len() <= 3,
        "{ops:?}"
    );
    shows_again(&finding);
}

#[test]
fn the_same_seed_gives_the_same_cases_and_findings() {
    let run = |seed: &str| {
        let folder = TempDir::new().unwrap();
        let (finding, ops) = found(&folder, "broken-twice", &["--seed", seed, "--jobs", "3"]);
        (finding["case"].clone(), ops)
    };
    let (first, again, other) = (run("6"), run("6"), run("7"));
    assert_eq!(first, again);
    assert_ne!(first.0, other.0);
}

#[test]
fn nothing_is_found_where_nothing_is_wrong() {
    for target in ["glebe", "glebe-global", "system"] {
        let ops = ["--ops", "6000", "--seed", "8", "--target", target];
        let output = fuzz(&[&ops[..], &["--profile", "skewed-random", "--json"]].concat());
        ends(&output, 0);
        let report: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert_eq!((&report["ops"], &report["seed"]), (&6000.into(), &8.into()));
        assert_eq!(report["finding"], Value::Null);
    }
}

/// Bad frees of every kind, on the engine: each ends its child with the right line.
#[test]
fn the_engine_refuses_bad_frees() {
    let mut kinds = std::collections::BTreeSet::new();
    for seed in 0..60 {
        let profile: Profile = "skewed-random".parse().unwrap();
        let case = Case {
            mix: Mix::Bad,
            seed,
            profile: profile.on_threads(1 + seed as u32 % 3),
            ops: 300,
        };
        if let Some(Op::Bad { bad, .. }) = case.events().last().map(|event| event.op) {
            kinds.insert(bad.to_string());
        }
        let case = format!("case {case}");
        ends(&fuzz(&case.split(' ').collect::<Vec<_>>()), 0);
    }
    assert_eq!(kinds.len(), 7, "{kinds:?}");
}

#[test]
fn stops_when_the_time_is_up_and_names_its_seed() {
    let output = fuzz(&["--seconds", "1", "--profile", "fixed-lifo", "--jobs", "1"]);
    ends(&output, 0);
    assert!(
        stderr(&output).starts_with("glebe-fuzz: seed "),
        "{output:?}"
    );
    assert!(
        stdout(&output).starts_with("glebe-fuzz: nothing found in "),
        "{output:?}"
    );
    let quiet = fuzz(&["--ops", "10", "--quiet", "--profile", "fixed-lifo"]);
    ends(&quiet, 0);
    assert_eq!((stdout(&quiet), stderr(&quiet)), ("", ""));
}

#[test]
fn misuse_ends_with_2_and_says_what_to_do() {
    let folder = TempDir::new().unwrap();
    let no_recording = folder.path().join("text");
    fs::write(&no_recording, "text").unwrap();
    let no_recording = no_recording.to_str().unwrap();
    for (arguments, says) in [
        (&["--seconds", "0"][..], "--seconds"),
        (
            &["--profile", "odd"],
            "no profile is called `odd`: say sizes-lifetimes",
        ),
        (&["--seconds", "1", "--ops", "1"], "cannot be used with"),
        (&["--threads", "0"], "--threads"),
        (
            &["--target", "odd"],
            "possible values: glebe, glebe-global, system",
        ),
        (&["odd"], "odd"),
        (&["replay"], "<FILE>"),
        (&["replay", "/nowhere"], "/nowhere: No such file"),
        (&["replay", no_recording], "this is no recording"),
        (&["case", "--mix", "odd"], "--mix"),
    ] {
        let output = fuzz(arguments);
        ends(&output, 2);
        assert!(stderr(&output).contains(says), "{output:?}");
    }
    assert!(Path::new(no_recording).exists());
}

/// The finding is told even if it cannot be written down.
#[test]
fn a_folder_that_cannot_be_written_is_an_error() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let out = file.path().to_str().unwrap();
    let arguments = ["--quiet", "--seed", "2", "--ops", "500", "--seed-out", out];
    let output = fuzz(&[&arguments[..], &["--target", "broken-abort"]].concat());
    ends(&output, 2);
    assert!(stderr(&output).contains("say --seed-out DIR"), "{output:?}");
    assert!(stderr(&output).contains("FOUND: SIGABRT"), "{output:?}");
}
