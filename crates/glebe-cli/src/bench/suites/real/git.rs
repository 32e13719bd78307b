//! The repository that `git log` reads: a linear history of small changes to a few files.

use std::fs::{self, File};
use std::io::{self, Write};
use std::process::{Command, Stdio};

use super::stage::Stage;
use crate::bench::child;

/// Git cut off from the settings of the machine and the user.
pub const ENVIRONMENT: [(&str, &str); 2] = [
    ("GIT_CONFIG_GLOBAL", "/dev/null"),
    ("GIT_CONFIG_NOSYSTEM", "1"),
];

/// The message of the first commit, which the log shows last.
pub const FIRST: &str = "the first commit";

const FILES: usize = 120;
const CHANGED_FILES: usize = 3;
const NEW_LINES: usize = 10;
/// A file that has grown to this loses its first half.
const MAX_LINES: usize = 200;

/// Makes a repository of so many commits.
pub fn history(stage: &Stage, commits: u64) -> io::Result<()> {
    stage.generate("stream", |out| write_stream(stage, commits, out))?;
    let git = || {
        let mut command = Command::new("git");
        command
            .current_dir(stage.folder())
            .envs(ENVIRONMENT)
            .stdin(Stdio::null());
        command
    };
    let mut create = git();
    create.args(["init", "--quiet", "--bare", "repository"]);
    finish(create)?;
    let mut import = git();
    import.args(["--git-dir=repository", "fast-import", "--quiet"]);
    let stream = stage.folder().join("stream");
    import.stdin(File::open(&stream)?);
    finish(import)?;
    fs::remove_file(stream)
}

fn finish(command: Command) -> io::Result<()> {
    let ended = child::start(command)?.end(child::TIME_LIMIT)?;
    ended.map(drop).map_err(io::Error::other)
}

/// The history as `git fast-import` reads it.
fn write_stream(stage: &Stage, commits: u64, out: &mut impl Write) -> io::Result<()> {
    let mut rng = stage.rng();
    let mut files = vec![Vec::<String>::new(); FILES];
    for number in 0..commits {
        let message = match number {
            0 => FIRST.to_owned(),
            _ => format!("commit {number}"),
        };
        let moment = 1_700_000_000 + number * 60;
        writeln!(out, "commit refs/heads/main")?;
        writeln!(out, "committer Test <test@example.org> {moment} +0000")?;
        writeln!(out, "data {}\n{message}", message.len())?;
        for _ in 0..CHANGED_FILES {
            let file = rng.below(FILES);
            let lines = &mut files[file];
            for _ in 0..NEW_LINES {
                let line = format!("{:x} {}\n", rng.next(), "text ".repeat(rng.below(9)));
                lines.insert(rng.below(lines.len() + 1), line);
            }
            if lines.len() > MAX_LINES {
                lines.drain(..MAX_LINES / 2);
            }
            let text = lines.concat();
            let path = format!("folder{}/file{file}", file % 10);
            writeln!(out, "M 100644 inline {path}\ndata {}\n{text}", text.len())?;
        }
    }
    Ok(())
}
