//! A server under the allocator and clients that are not: the time is that of the clients.

use std::io;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::launch::{self, Launch};
use crate::bench::child::{self, Failure, Running, TIME_LIMIT};
use crate::bench::worker::Sample;

/// A server that does not answer by then never will.
const START_LIMIT: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(20);

/// A client, and what its output must contain.
pub struct Client {
    /// The program.
    pub command: Command,
    /// Each of them.
    pub expect: Vec<String>,
}

/// Starts the server, waits for `ready` to succeed, runs the clients and stops the server.
pub fn serve(
    launch: &Launch,
    ready: impl Fn() -> io::Result<Command>,
    clients: Vec<Client>,
) -> io::Result<Result<Sample, Failure>> {
    let mut server = launch.start(None)?;
    let served = match wait(&mut server, ready)? {
        Ok(()) => work(clients)?,
        Err(failure) => Err(failure),
    };
    server.close_input();
    // When a server fails, so do its clients; its own failure says more.
    Ok(launch::outcome(server)?.and_then(|sample| {
        Ok(Sample {
            ns_per_op: served?.as_nanos() as f64,
            ..sample
        })
    }))
}

/// Asks until the server answers, as long as it lives.
fn wait(
    server: &mut Running,
    ready: impl Fn() -> io::Result<Command>,
) -> io::Result<Result<(), Failure>> {
    let start = Instant::now();
    while server.is_alive()? && start.elapsed() < START_LIMIT {
        if finish(ready()?)?.is_ok() {
            return Ok(Ok(()));
        }
        std::thread::sleep(PAUSE);
    }
    let message = "the server does not serve".into();
    Ok(Err(Failure::new("no answer", message)))
}

/// Runs one client after the other, and tells how long they took.
fn work(clients: Vec<Client>) -> io::Result<Result<Duration, Failure>> {
    let start = Instant::now();
    for client in clients {
        let output = match finish(client.command)? {
            Ok(output) => output,
            Err(failure) => return Ok(Err(failure)),
        };
        if let Some(lost) = client.expect.iter().find(|text| !output.contains(*text)) {
            let message = format!("the client says no {lost:?}: {:?}", child::tail(&output));
            let what = "wrong output".into();
            return Ok(Err(Failure { what, message }));
        }
    }
    Ok(Ok(start.elapsed()))
}

/// The output of a client.
fn finish(mut command: Command) -> io::Result<Result<String, Failure>> {
    command.stdin(Stdio::null()).env_remove("LD_PRELOAD");
    let ended = child::start(command)?.end(TIME_LIMIT)?;
    Ok(ended.map(|said| said.output))
}
