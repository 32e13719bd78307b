//! Runs this program as a child for one case or recording, and judges how it ended.

use crate::args::{On, TargetName};
use crate::child::{BAD_FREE, OR};
use anyhow::Context;
use glebe_trace::case::Manner;
use glebe_trace::{Care, Case};
use std::ffi::OsString;
use std::fs::File;
use std::io::{Read, Seek};
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::{Command, ExitStatus, Stdio};
use std::time::Duration;
use wait_timeout::ChildExt;

/// More of what a child says is cut off.
const MOST_OUTPUT: u64 = 64 << 10;

/// One list of events, to be played in a child.
#[derive(Clone, Debug)]
pub struct Play {
    arguments: Vec<OsString>,
    target: TargetName,
    limit: Duration,
}

impl Play {
    /// A case.
    pub fn case(case: &Case, on: &On) -> Play {
        let case = case.to_string();
        let arguments = ["case"].into_iter().chain(case.split(' '));
        Play::new(arguments.map(OsString::from).collect(), on)
    }

    /// A recording.
    pub fn recording(file: &Path, manner: Manner, on: &On) -> Play {
        let mut arguments = vec![OsString::from("replay"), file.into()];
        match manner {
            Manner::Abreast => arguments.push("--abreast".into()),
            Manner::Turns(care) if care.verify_every == Care::UTMOST.verify_every => {
                arguments.push("--checked".into());
            }
            Manner::Turns(_) => {}
        }
        Play::new(arguments, on)
    }

    fn new(arguments: Vec<OsString>, on: &On) -> Play {
        Play {
            arguments,
            target: on.target,
            limit: Duration::from_secs(on.time_limit),
        }
    }

    /// The command for a person.
    pub fn command(&self, more: &str) -> String {
        let words = self.arguments.iter().map(|word| word.to_string_lossy());
        let words: Vec<_> = words.collect();
        let target = match self.target {
            TargetName::Glebe => String::new(),
            other => format!(" --target {other}"),
        };
        format!(
            "cargo run -p glebe-trace --release --bin glebe-fuzz -- {}{more}{target}",
            words.join(" ")
        )
    }

    /// Plays it in a child; what it showed, if anything.
    pub fn run(&self) -> anyhow::Result<Option<Shown>> {
        let this = std::env::current_exe().context("cannot find this program's own file")?;
        let mut streams = [tempfile::tempfile(), tempfile::tempfile()];
        let mut stream = |n: usize| -> anyhow::Result<Stdio> {
            let file = streams[n].as_mut().map_err(|error| {
                anyhow::anyhow!("cannot create a temporary file: {error}; is TMPDIR full?")
            })?;
            Ok(Stdio::from(file.try_clone()?))
        };
        let mut child = Command::new(this)
            .args(&self.arguments)
            .args(["--here", "--target", &self.target.to_string()])
            .stdin(Stdio::null())
            .stdout(stream(0)?)
            .stderr(stream(1)?)
            .spawn()
            .context("cannot start a child process")?;
        let status = child
            .wait_timeout(self.limit)
            .context("cannot wait for a child")?;
        if status.is_none() {
            child.kill().context("cannot end a child that hangs")?;
            child.wait().context("cannot wait for a child")?;
        }
        let [stdout, stderr] = streams.map(|stream| text(&mut stream?));
        judge(status, &stdout?, &stderr?, self.limit)
    }
}

fn text(file: &mut File) -> std::io::Result<String> {
    file.rewind()?;
    let mut bytes = Vec::new();
    file.take(MOST_OUTPUT).read_to_end(&mut bytes)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// What a child showed to be wrong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Shown {
    /// The same for the same defect, whatever the addresses and numbers.
    pub kind: String,
    /// All that is known.
    pub text: String,
    /// It did not end.
    pub hangs: bool,
}

/// Finds in the end of a child what is wrong, if anything.
fn judge(
    status: Option<ExitStatus>,
    stdout: &str,
    stderr: &str,
    limit: Duration,
) -> anyhow::Result<Option<Shown>> {
    let bad_free = stdout
        .lines()
        .rev()
        .find_map(|line| line.strip_prefix(BAD_FREE));
    let code = status.and_then(|status| status.code());
    let end = match (code, status.and_then(|status| status.signal())) {
        (Some(0), _) => return Ok(None),
        // As `main` ends when it could not play at all.
        (Some(2), _) => anyhow::bail!("a child could not go on: {}", stderr.trim_end()),
        (Some(1), _) => String::new(),
        (Some(code), _) => format!("exit status {code}\n"),
        (None, Some(6)) if bad_free.is_some_and(|expected| refused(expected, stderr)) => {
            return Ok(None);
        }
        (None, Some(signal)) => format!("{}\n", name(signal)),
        (None, None) => format!("hangs: no end after {} s\n", limit.as_secs()),
    };
    let expected = match bad_free {
        Some(expected) => format!("expected to refuse a bad free of {expected}\n"),
        None => String::new(),
    };
    let text = format!("{end}{expected}{stderr}");
    let first_line = stderr
        .lines()
        .find(|line| !line.is_empty())
        .unwrap_or_default();
    let kind = [&end, &expected, first_line].map(without_numbers).concat();
    let hangs = status.is_none();
    Ok(Some(Shown { kind, text, hangs }))
}

/// A line up to its first digit, which begins an address or a count.
fn without_numbers(line: &str) -> &str {
    line.split(|letter: char| letter.is_ascii_digit())
        .next()
        .unwrap_or_default()
}

/// Whether a refusal of a bad free is one line that says the right thing of the right address.
fn refused(expected: &str, stderr: &str) -> bool {
    let Some((address, words)) = expected.split_once(": ") else {
        return false;
    };
    let mut lines = stderr.lines();
    let (Some(line), None) = (lines.next(), lines.next()) else {
        return false;
    };
    let names_address = line
        .split(|letter: char| !letter.is_ascii_alphanumeric())
        .any(|word| word == address);
    line.starts_with("glebe: ") && names_address && words.split(OR).any(|word| line.contains(word))
}

fn name(signal: i32) -> String {
    match signal {
        4 => "SIGILL".to_owned(),
        6 => "SIGABRT".to_owned(),
        7 => "SIGBUS".to_owned(),
        8 => "SIGFPE".to_owned(),
        9 => "SIGKILL (out of memory?)".to_owned(),
        11 => "SIGSEGV".to_owned(),
        other => format!("signal {other}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ABORT: i32 = 6;
    const EXPECTED: &str = "bad free of 0x7f40: double free or never allocated\n";
    const LINE: &str = "glebe: double free: 0x7f40 (size class 64): it was freed before\n";

    fn judged(status: i32, stdout: &str, stderr: &str) -> Option<String> {
        let limit = Duration::from_secs(3);
        let status = Some(ExitStatus::from_raw(status));
        judge(status, stdout, stderr, limit)
            .unwrap()
            .map(|shown| shown.kind)
    }

    #[test]
    fn a_right_refusal_is_no_finding() {
        assert_eq!(judged(ABORT, EXPECTED, LINE), None);
    }

    #[test]
    fn any_other_end_after_a_bad_free_is_one() {
        for line in [
            LINE.replace("double free", "interior pointer"),
            LINE.replace("0x7f40", "0x7f41"),
            LINE.replace("glebe: ", "libc: "),
            format!("{LINE}{LINE}"),
            String::new(),
        ] {
            let kind = judged(ABORT, EXPECTED, &line).unwrap();
            assert!(kind.starts_with("SIGABRT\nexpected to refuse"), "{kind}");
        }
        assert!(judged(11, EXPECTED, LINE).unwrap().starts_with("SIGSEGV"));
    }

    #[test]
    fn ends_are_told_apart_without_their_numbers() {
        let line = |address: &str| format!("\noverlap: {address} of 16 bytes\n  at op 3\n");
        assert_eq!(judged(0, "", ""), None);
        assert_eq!(judged(1 << 8, "", &line("0x10")).unwrap(), "overlap: ");
        assert_eq!(judged(1 << 8, "", &line("0x99")).unwrap(), "overlap: ");
        assert_eq!(
            judged(ABORT, "", LINE).unwrap(),
            "SIGABRT\nglebe: double free: "
        );
        let hang = judge(None, "", "", Duration::from_secs(3))
            .unwrap()
            .unwrap();
        assert_eq!(hang.text, "hangs: no end after 3 s\n");
        assert!(judge(Some(ExitStatus::from_raw(2 << 8)), "", "x", Duration::ZERO).is_err());
    }
}
