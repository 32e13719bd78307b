//! Where results go: the terminal, and the files that were asked for.

use std::fs;
use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::{Context, Result, ensure};

use super::report;
use super::results::{Results, SCHEMA};
use crate::page::terminal::Style;

/// Arguments about output.
#[derive(clap::Args, Debug, Clone, Default)]
pub struct Output {
    /// Write every sample, the machine and the versions to a file, or to standard output with "-"
    #[arg(long, value_name = "FILE")]
    pub json: Option<String>,
    /// Write a page with plots to a file
    #[arg(long, value_name = "FILE")]
    pub html: Option<PathBuf>,
    /// Write the tables as Markdown to a file
    #[arg(long, value_name = "FILE")]
    pub markdown: Option<PathBuf>,
    /// Show every allocator's spread, processor time and faults for every row
    #[arg(long)]
    pub detail: bool,
}

impl Output {
    /// Prints the report, and writes the files. With samples on standard output the report goes to
    /// standard error.
    pub fn publish(&self, results: &Results) -> Result<()> {
        let json = || serde_json::to_string_pretty(results).map(|json| json + "\n");
        let mut files = Vec::new();
        files.extend(self.html.clone().map(|file| (file, report::page(results))));
        let markdown = |file| (file, report::markdown(results));
        files.extend(self.markdown.clone().map(markdown));
        let plain = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
        let style = |terminal: bool| Style {
            colours: terminal && !plain,
            detail: self.detail,
        };
        if self.json.as_deref() == Some("-") {
            eprint!(
                "{}",
                report::text(results, style(io::stderr().is_terminal()))
            );
            write!(io::stdout(), "{}", json()?)?;
        } else {
            let text = report::text(results, style(io::stdout().is_terminal()));
            write!(io::stdout(), "{text}")?;
            if let Some(file) = &self.json {
                files.push((file.into(), json()?));
            }
        }
        for (file, text) in files {
            fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
        }
        Ok(())
    }
}

/// Arguments of `glebe bench show`.
#[derive(clap::Args, Debug)]
pub struct Args {
    /// Results that --json has written
    #[arg(value_name = "FILE")]
    file: PathBuf,
    #[command(flatten)]
    output: Output,
}

/// Shows results again.
pub fn show(args: &Args) -> Result<ExitCode> {
    let file = args.file.display();
    let text = fs::read_to_string(&args.file).with_context(|| format!("cannot read {file}"))?;
    let results: Results = serde_json::from_str(&text)
        .with_context(|| format!("{file} holds no results of this version of glebe bench"))?;
    ensure!(
        results.schema == SCHEMA,
        "{file} has layout {}, this glebe reads {SCHEMA}: measure again",
        results.schema
    );
    args.output.publish(&results)?;
    Ok(ExitCode::SUCCESS)
}
