//! Redis under load: four I/O threads, 100,000 requests of every kind, a snapshot by `fork` in the
//! midst, a reload, and the same data as without the library.
//!
//! Debian links redis-server to jemalloc, and `INFO memory` names the allocator it was *built* for;
//! what counts is what the linker binds its calls to, and that is checked.

use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use crate::bindings::assert_all_bound;
use crate::stage::{Server, Stage, same_with_and_without};

fn socket(stage: &Stage) -> PathBuf {
    stage.folder().join("redis.socket")
}

/// A server on a unix socket; it alone in its folder, without the machine's configuration.
fn start(stage: &Stage) -> Server {
    let mut command = stage.command("redis-server");
    command
        .args(["--port", "0", "--save", "", "--appendonly", "no", "--dir"])
        .arg(stage.folder());
    command.args([
        "--io-threads",
        "4",
        "--io-threads-do-reads",
        "yes",
        "--activedefrag",
        "no",
    ]);
    command.args(["--enable-debug-command", "yes", "--rdbcompression", "yes"]);
    command.arg("--unixsocket").arg(socket(stage));
    let mut server = stage.serve(&mut command, &stage.folder().join("redis.log"));
    server.wait_until("an answer to PING", || {
        let finished = stage.finish(client(stage).arg("ping"));
        finished.succeeded() && finished.stdout == "PONG\n"
    });
    server
}

fn client(stage: &Stage) -> Command {
    let mut command = stage.command("redis-cli");
    command.arg("-s").arg(socket(stage));
    command
}

fn ask(stage: &Stage, question: &[&str]) -> String {
    stage
        .run_unrecorded(client(stage).args(question))
        .trim()
        .to_owned()
}

/// Every kind of request, on random keys.
fn benchmark(stage: &Stage) {
    let mut command = stage.command("redis-benchmark");
    command.arg("-s").arg(socket(stage));
    // The plain run only shows what to expect; the idle I/O threads of four on two cores are slow.
    let requests = if stage.preload().is_some() {
        "100000"
    } else {
        "5000"
    };
    command.args([
        "-n", requests, "-c", "50", "-P", "100", "-r", "20000", "-d", "100",
    ]);
    command.arg("--csv");
    let report = stage.run_unrecorded(&mut command);
    let kinds: Vec<&str> = report
        .lines()
        .filter_map(|line| line.split(',').next())
        .collect();
    for kind in [
        "\"SET\"",
        "\"LPUSH\"",
        "\"HSET\"",
        "\"ZADD\"",
        "\"MSET (10 keys)\"",
    ] {
        assert!(
            kinds.contains(&kind),
            "the benchmark ran no {kind}:\n{report}"
        );
    }
    stage.record("the kinds of requests", kinds.join("\n").as_bytes());
}

/// Data that is the same each time, of every type, with values that grow, shrink and go.
fn fill(stage: &Stage) {
    let script = "for i = 1, 40000 do \
                  redis.call('set', 'k' .. i % 700, string.rep('v', i * 7919 % 3000)) \
                  redis.call('hset', 'h' .. i % 90, i, string.rep('f', i % 120)) \
                  redis.call('zadd', 'z' .. i % 50, i, 'm' .. i * 31 % 9000) \
                  redis.call('rpush', 'l' .. i % 40, i) \
                  if i % 5 == 0 then redis.call('del', 'h' .. i % 77, 'k' .. i % 91) end \
                  if i % 3 == 0 then redis.call('append', 'a' .. i % 20, 'x' .. i) end \
                  end return 'done'";
    assert_eq!(ask(stage, &["eval", script, "0"]), "done");
}

#[test]
fn redis_under_load_with_io_threads() {
    same_with_and_without(|stage| {
        let server = start(stage);
        benchmark(stage);
        assert_eq!(ask(stage, &["bgsave"]), "Background saving started");
        fill(stage);
        while ask(stage, &["info", "persistence"]).contains("rdb_bgsave_in_progress:1") {
            std::thread::sleep(Duration::from_millis(50));
        }
        let persistence = ask(stage, &["info", "persistence"]);
        assert!(
            persistence.contains("rdb_last_bgsave_status:ok"),
            "{persistence}"
        );
        let before = ask(stage, &["debug", "digest"]);
        assert_eq!(ask(stage, &["debug", "reload"]), "OK");
        assert_eq!(
            ask(stage, &["debug", "digest"]),
            before,
            "the data after a reload"
        );
        stage.run(client(stage).args(["flushall", "async"]));
        fill(stage);
        stage.run(client(stage).arg("dbsize"));
        stage.run(client(stage).args(["debug", "digest"]));
        // The answer to a shutdown is the end of the connection.
        stage.finish(client(stage).args(["shutdown", "save"]));
        server.end_cleanly(None);
        stage.run_unrecorded(stage.command("redis-check-rdb").arg("dump.rdb"));
    });
}

#[test]
fn redis_calls_reach_the_library() {
    same_with_and_without(|stage| {
        assert_all_bound(stage, stage.command("redis-server").arg("--version"));
        stage.run(stage.command("redis-cli").arg("--version"));
    });
}
