//! Redis under its own load generator: small values, lists, and values of many pages.
//!
//! Debian links the server to jemalloc. A preloaded library comes first all the same, and for the
//! arm of the C library that is the C library itself.

use std::io;
use std::path::Path;
use std::process::Command;

use nix::sys::signal::Signal;

use super::launch::{Launch, Program};
use super::load::{Load, Title};
use super::server::{self, Client};
use super::stage::Stage;
use crate::bench::child::Failure;
use crate::bench::worker::Sample;

const SOCKET: &str = "socket";
const REQUESTS: u64 = 60_000;
const LARGE_REQUESTS: u64 = 10_000;

const BENCHMARK: Program = Program {
    name: "redis-benchmark",
    package: "redis-tools",
};
const CLIENT: Program = Program {
    name: "redis-cli",
    package: "redis-tools",
};

/// See the module's text.
pub struct Redis;

impl Load for Redis {
    fn title(&self) -> Title {
        Title {
            name: "redis",
            about: "a server: values of 200 B and of 40 kB set and read, lists pushed and read",
            program: Program {
                name: "redis-server",
                package: "redis-server",
            },
            short: &["--version"],
            others: &[BENCHMARK, CLIENT],
        }
    }

    fn prepare(&self, _stage: &mut Stage, _libc: &Path) -> io::Result<()> {
        Ok(())
    }

    fn run(&self, stage: &Stage, library: &Path) -> io::Result<Result<Sample, Failure>> {
        let settings = "--port 0 --unixsocket socket --save  --appendonly no --activedefrag no";
        let launch = Launch {
            arguments: settings.split(' ').map(String::from).collect(),
            stop: Some(Signal::SIGTERM),
            ..self.launch(stage, library)
        };
        let ping = || {
            let mut command = client(stage, CLIENT)?;
            command.args(["-e", "ping"]);
            Ok(command)
        };
        let clients = vec![
            benchmark(stage, &["SET", "GET", "LPUSH", "LRANGE_100"], REQUESTS, 200)?,
            benchmark(stage, &["SET", "GET"], LARGE_REQUESTS, 40_000)?,
        ];
        server::serve(&launch, ping, clients)
    }
}

fn client(stage: &Stage, program: Program) -> io::Result<Command> {
    let mut command = Command::new(program.path()?);
    command.current_dir(stage.folder()).args(["-s", SOCKET]);
    Ok(command)
}

/// Requests of these kinds, on random keys, with values of so many bytes.
fn benchmark(stage: &Stage, kinds: &[&str], requests: u64, bytes: u64) -> io::Result<Client> {
    let requests = stage.size(requests);
    let mut command = client(stage, BENCHMARK)?;
    command.args(["-t", &kinds.join(",").to_lowercase()]);
    command.args(["-n", &requests.to_string(), "-d", &bytes.to_string()]);
    command.args([
        "-r",
        &(requests / 10).to_string(),
        "-c",
        "20",
        "-P",
        "16",
        "--csv",
    ]);
    // With `--csv`, each kind that was served ends in a line that starts with its name.
    let line = |kind: &&str| match *kind {
        "LRANGE_100" => "\"LRANGE_100 (first 100 elements)\",".to_owned(),
        kind => format!("\"{kind}\","),
    };
    Ok(Client {
        command,
        expect: kinds.iter().map(line).collect(),
    })
}
