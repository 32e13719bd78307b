//! PostgreSQL under pgbench: four clients that sort, join, group and take texts and documents
//! apart. They only read, so that every run finds the same tables.
//!
//! The server refuses to run as root, so root gives its folder to `nobody`. Its cache, which all of
//! its processes share, is small: it counts in the peak of each.

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

const CLIENTS: u64 = 4;
/// Of each client.
const TRANSACTIONS: u64 = 75;

const INITDB: Program = of_server("initdb");
const PSQL: Program = of_server("psql");
const PGBENCH: Program = of_server("pgbench");

const TABLE: &str = "create table item as select i as id, i % 1000 as owner, \
                     md5(i::text) || repeat('n', i % 60) as name from generate_series(1, 50000) i; \
                     create index on item(owner); vacuum analyze item; select 'made'";

/// See the module's text.
pub struct Postgres;

impl Load for Postgres {
    fn title(&self) -> Title {
        Title {
            name: "postgres",
            about: "a server: queries that sort, join, group and take texts apart",
            program: of_server("postgres"),
            short: &["--version"],
            others: &[INITDB, PSQL, PGBENCH],
        }
    }

    fn prepare(&self, stage: &mut Stage, libc: &Path) -> io::Result<()> {
        stage.write("transaction.sql", include_str!("inputs/transaction.sql"))?;
        stage.leave_root()?;
        let arguments = "--pgdata=data --username=tester --auth=trust --no-locale --no-sync";
        let initialise = Launch {
            program: INITDB,
            arguments: arguments.split(' ').map(String::from).collect(),
            ..self.launch(stage, libc)
        };
        initialise.run()?.map_err(io::Error::other)?;
        let mut command = client(stage, PSQL)?;
        command.args(["-XAtq", "-v", "ON_ERROR_STOP=1"]);
        // One statement each: a vacuum is none of a transaction.
        TABLE.split("; ").for_each(|statement| {
            command.args(["-c", statement]);
        });
        let expect = vec!["made".into()];
        let made = self.serve(stage, libc, Client { command, expect })?;
        made.map(drop).map_err(io::Error::other)
    }

    fn run(&self, stage: &Stage, library: &Path) -> io::Result<Result<Sample, Failure>> {
        let each = stage.size(TRANSACTIONS);
        let mut command = client(stage, PGBENCH)?;
        command.args(["--no-vacuum", "--file=transaction.sql", "--jobs=1"]);
        command.args([
            format!("--client={CLIENTS}"),
            format!("--transactions={each}"),
            format!("--random-seed={}", stage.seed()),
        ]);
        let all = each * CLIENTS;
        let expect = vec![format!("actually processed: {all}/{all}")];
        self.serve(stage, library, Client { command, expect })
    }
}

impl Postgres {
    fn serve(
        &self,
        stage: &Stage,
        library: &Path,
        client: Client,
    ) -> io::Result<Result<Sample, Failure>> {
        let folder = stage.folder().display();
        let settings = [
            "listen_addresses=".to_owned(),
            format!("unix_socket_directories={folder}"),
            "shared_buffers=1MB".to_owned(),
            "work_mem=16MB".to_owned(),
            "max_parallel_workers_per_gather=0".to_owned(),
            "autovacuum=off".to_owned(),
            "fsync=off".to_owned(),
            "jit=off".to_owned(),
        ];
        let settings = settings.into_iter().flat_map(|one| ["-c".to_owned(), one]);
        let data = ["-D".to_owned(), "data".to_owned()];
        let launch = Launch {
            arguments: data.into_iter().chain(settings).collect(),
            stop: Some(Signal::SIGINT),
            ..self.launch(stage, library)
        };
        let ready = || {
            let mut command = self::client(stage, PSQL)?;
            command.args(["-XAtqc", "select 1"]);
            Ok(command)
        };
        server::serve(&launch, ready, vec![client])
    }
}

const fn of_server(name: &'static str) -> Program {
    Program {
        name,
        package: "postgresql",
    }
}

/// A client of the server in the row's folder.
fn client(stage: &Stage, program: Program) -> io::Result<Command> {
    let mut command = Command::new(program.path()?);
    command
        .current_dir(stage.folder())
        .env("PGHOST", stage.folder())
        .env("PGUSER", "tester")
        .env("PGDATABASE", "postgres");
    Ok(command)
}
