//! [`Job`]: a program that runs once over its input and ends. Programs differ in data only.

use std::fs;
use std::io;
use std::path::Path;

use super::launch::Launch;
use super::load::{Load, Title};
use super::stage::Stage;
use crate::bench::child::Failure;
use crate::bench::worker::Sample;

/// See the module's text. In texts, `{size}` and `{seed}` stand for numbers.
pub struct Job {
    /// What it is about.
    pub title: Title,
    /// The size of a whole run, in whatever its input is made of.
    pub size: u64,
    /// Writes the input, given the size.
    pub input: fn(&Stage, u64) -> io::Result<()>,
    /// The program's arguments.
    pub arguments: &'static [&'static str],
    /// Variables that it needs.
    pub environment: &'static [(&'static str, &'static str)],
    /// How one sees that the work is done.
    pub expect: Expect,
}

/// A text, and where it must be found.
#[derive(Debug, Clone, Copy)]
pub enum Expect {
    /// In the standard output.
    Output(&'static str),
    /// In a file that the program writes.
    File(&'static str, &'static str),
}

impl Load for Job {
    fn title(&self) -> Title {
        self.title
    }

    fn prepare(&self, stage: &mut Stage, _libc: &Path) -> io::Result<()> {
        (self.input)(stage, stage.size(self.size))
    }

    fn run(&self, stage: &Stage, library: &Path) -> io::Result<Result<Sample, Failure>> {
        let size = stage.size(self.size).to_string();
        let seed = stage.seed().to_string();
        let fill = |text: &str| text.replace("{size}", &size).replace("{seed}", &seed);
        let mut launch = Launch {
            arguments: self.arguments.iter().map(|text| fill(text)).collect(),
            environment: self.environment,
            ..self.launch(stage, library)
        };
        match self.expect {
            Expect::Output(text) => {
                launch.expect = fill(text);
                launch.run()
            }
            Expect::File(name, text) => {
                let file = stage.folder().join(name);
                let sample = launch.run()?;
                let written = fs::read_to_string(&file).unwrap_or_default();
                // What the next run finds is its own.
                fs::write(file, "")?;
                Ok(sample.and_then(|sample| confirm(sample, name, &written, text)))
            }
        }
    }
}

fn confirm(sample: Sample, name: &str, written: &str, text: &str) -> Result<Sample, Failure> {
    if written.contains(text) {
        return Ok(sample);
    }
    let message = format!("no {text:?} in the file {name:?}");
    Err(Failure::new("wrong output", message))
}
