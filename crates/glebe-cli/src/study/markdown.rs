//! The study as Markdown: answers and tables, for the project's own documents.

use super::answers;
use super::figures;
use super::results::Study;
use crate::page::markdown;

/// How to make it again.
const COMMAND: &str = "cargo run --release --package glebe-cli -- study --markdown docs/study.md";

/// The whole document.
pub fn render(study: &Study) -> String {
    let mut out = String::from("# Study\n\n");
    out += "Four questions about allocators, answered by measurement, and the pools' targets.\n";
    out += &format!("Made by\n\n```\n{COMMAND}\n```\n\n");
    out += "which also writes `study/study.html`, with plots and more tables, and \
            `study/study.json`. This file is overwritten by it; do not edit.\n\n";
    for line in answers::setting(study) {
        out += &format!("- {line}\n");
    }
    for section in figures::sections(study) {
        out += &markdown::render(&section);
    }
    if !study.failures.is_empty() {
        out += "\n## Failed\n\n";
        for failure in &study.failures {
            out += &format!("- {}: {}\n", failure.what, failure.why.replace('\n', " "));
        }
    }
    out
}
