//! PostgreSQL under pgbench: a fresh cluster, four clients, and tables whose contents do not depend
//! on the order of the transactions.
//!
//! The server refuses to run as root, so root hands the work to `nobody`.

use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::process::Command;

use nix::sys::signal::Signal;
use nix::unistd::{Uid, User};

use crate::bindings::assert_all_bound;
use crate::stage::{Server, Stage, same_with_and_without};

/// A PostgreSQL program as a user that is not root, with the folder's socket as its server.
fn program(stage: &Stage, name: &str) -> Command {
    let mut command = stage.command(name);
    command
        .env("PGHOST", stage.folder())
        .env("PGUSER", "tester")
        .env("PGDATABASE", "postgres");
    if Uid::effective().is_root() {
        let nobody = User::from_name("nobody")
            .expect("users can be read")
            .expect("nobody exists");
        command.uid(nobody.uid.as_raw()).gid(nobody.gid.as_raw());
        command.env("HOME", stage.folder());
    }
    command
}

/// A folder that the server's user may write to, and a new cluster in it.
fn initialise(stage: &Stage) {
    std::fs::set_permissions(stage.folder(), std::fs::Permissions::from_mode(0o755))
        .expect("modes can be set");
    if Uid::effective().is_root() {
        let nobody = User::from_name("nobody")
            .expect("users can be read")
            .expect("nobody exists");
        chown(
            stage.folder(),
            Some(nobody.uid.as_raw()),
            Some(nobody.gid.as_raw()),
        )
        .expect("root gives files away");
    }
    let mut command = program(stage, "initdb");
    command.args([
        "--pgdata=data",
        "--username=tester",
        "--auth=trust",
        "--no-locale",
    ]);
    stage.run_unrecorded(command.args(["--encoding=UTF8", "--no-sync"]));
}

fn start(stage: &Stage) -> Server {
    let folder = stage.folder().to_str().expect("a plain path");
    let mut command = program(stage, "postgres");
    command.args(["-D", "data", "-c", "listen_addresses=", "-c", "fsync=off"]);
    command.args(["-c", &format!("unix_socket_directories={folder}")]);
    command.args(["-c", "max_parallel_workers_per_gather=2", "-c", "jit=off"]);
    let mut server = stage.serve(&mut command, &folder_log(stage));
    server.wait_until("an answer to a query", || {
        stage
            .finish(program(stage, "psql").args(["-qAtc", "select 1"]))
            .stdout
            == "1\n"
    });
    server
}

fn folder_log(stage: &Stage) -> std::path::PathBuf {
    stage.folder().join("postgres.log")
}

fn query(stage: &Stage, text: &str) -> String {
    stage.run(program(stage, "psql").args(["-XAt", "-v", "ON_ERROR_STOP=1", "-c", text]))
}

#[test]
fn postgres_under_pgbench() {
    same_with_and_without(|stage| {
        initialise(stage);
        let server = start(stage);
        stage.run_unrecorded(program(stage, "pgbench").args(["--initialize", "--scale=1", "-q"]));
        let load = [
            "--client=4",
            "--jobs=2",
            "--transactions=500",
            "--random-seed=5",
        ];
        let report = stage.run_unrecorded(program(stage, "pgbench").args(load));
        let done = "number of transactions actually processed: 2000/2000";
        assert!(report.contains(done), "{report}");
        query(stage, "select count(*), sum(delta) from pgbench_history");
        query(
            stage,
            "select md5(string_agg(aid || ':' || abalance, ',' order by aid)), sum(abalance) \
             from pgbench_accounts",
        );
        query(
            stage,
            "create table words as select i, md5(i::text) w from generate_series(1, 200000) i",
        );
        query(stage, "create index on words(w); analyze words");
        query(
            stage,
            "select substr(w, 1, 1), count(*), min(w), \
             (regexp_match(string_agg(w, '' order by w), '[0-9]{9,}'))[1] \
             from words group by 1 order by 1",
        );
        query(
            stage,
            "select count(*) from words a join words b on substr(a.w, 1, 9) = substr(b.w, 1, 9)",
        );
        server.end_cleanly(Some(Signal::SIGINT));
    });
}

#[test]
fn postgres_calls_reach_the_library() {
    same_with_and_without(|stage| {
        assert_all_bound(stage, stage.command("postgres").arg("--version"));
        stage.run(stage.command("psql").arg("--version"));
    });
}
