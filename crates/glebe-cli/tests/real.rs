//! `glebe bench real` from outside: rows whose programs the other tests need, too.

mod common;

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use common::{crashing, folder, glebe, json, stderr};

/// One short round of a row under glibc alone, with all that it writes in `place`.
fn real(row: &str, place: &Path) -> Command {
    let mut command = glebe();
    command
        .args([
            "bench", "real", "--quick", "--rounds", "1", "--base", "glibc",
        ])
        .args(["--allocator", "glibc", "--json", "-", "--row", row])
        .env("TMPDIR", place);
    command
}

/// The programs that work in a folder below `place`.
fn at_work(place: &Path) -> Vec<String> {
    let processes = fs::read_dir("/proc").unwrap().flatten();
    let here = processes.filter(|process| {
        let folder = fs::read_link(process.path().join("cwd"));
        folder.is_ok_and(|folder| folder.starts_with(place) && folder != place)
    });
    here.filter_map(|process| fs::read_to_string(process.path().join("comm")).ok())
        .collect()
}

fn wait_until(what: &str, holds: impl Fn() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < Duration::from_secs(60), "never: {what}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn programs_are_measured_on_the_c_library() {
    let place = folder();
    for row in ["sqlite3", "perl"] {
        let output = real(row, place.path()).output().unwrap();
        assert!(output.status.success(), "{}", stderr(&output));
        let results = json(&output);
        let table = &results["suites"][0];
        assert_eq!(
            (&table["unit"], &table["rows"][0]["name"]),
            (&"ms".into(), &row.into())
        );
        let sample = &table["rows"][0]["cells"][0]["samples"][0];
        assert!(sample["ns_per_op"].as_f64().unwrap() > 1e6, "{sample}");
        assert!(sample["user_ms"].as_f64().unwrap() > 0.0, "{sample}");
        assert!(sample["peak_rss_kib"].as_u64().unwrap() > 500, "{sample}");
        assert_eq!(sample["library"], "libc.so.6");
    }
    assert_eq!(
        fs::read_dir(place.path()).unwrap().count(),
        0,
        "inputs are left"
    );
}

#[test]
fn a_program_that_crashes_is_a_failed_cell() {
    let place = folder();
    let library = crashing(place.path(), 20_000);
    let mut command = real("perl", place.path());
    command.args(["--allocator", "late", "--with"]);
    let output = command
        .arg(format!("late={}", library.display()))
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1), "{}", stderr(&output));
    let cells = &json(&output)["suites"][0]["rows"][0]["cells"];
    assert!(cells[0]["failure"].is_null(), "{cells}");
    assert_eq!(cells[2]["failure"]["what"], "SIGABRT");
    assert!(stderr(&output).contains("failed: late in perl: SIGABRT"));
}

#[test]
fn a_server_is_gone_after_its_row() {
    let place = folder();
    let output = real("redis", place.path()).output().unwrap();
    assert!(output.status.success(), "{}", stderr(&output));
    assert_eq!(at_work(place.path()), Vec::<String>::new());
    let sample = &json(&output)["suites"][0]["rows"][0]["cells"][0]["samples"][0];
    // Some of the large values are held at the same time.
    assert!(
        sample["peak_rss_kib"].as_u64().unwrap() > 10_000,
        "{sample}"
    );
}

#[test]
fn a_server_does_not_outlive_the_command() {
    let place = folder();
    let mut command = real("redis", place.path());
    let mut child = command
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let serves = || {
        at_work(place.path())
            .iter()
            .any(|name| name == "redis-server\n")
    };
    wait_until("the server runs", serves);
    child.kill().unwrap();
    child.wait().unwrap();
    wait_until("the server has ended", || at_work(place.path()).is_empty());
}
