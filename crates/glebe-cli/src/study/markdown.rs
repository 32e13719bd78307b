//! The study as Markdown: answers and tables, for the project's own documents.

use super::answers;
use super::figures;
use super::results::Study;
use crate::page::parts::Table;

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
        out += &format!("\n## {}\n\n", section.title);
        for answer in &section.answers {
            out += &format!("{answer}\n\n");
        }
        out += &format!("*Method.* {}\n", section.method);
        for each in section.tables.iter().filter(|table| !table.detail) {
            out += &table(each);
        }
    }
    if !study.failures.is_empty() {
        out += "\n## Failed\n\n";
        for failure in &study.failures {
            out += &format!("- {}: {}\n", failure.what, failure.why.replace('\n', " "));
        }
    }
    out
}

fn table(table: &Table) -> String {
    let line = |cells: &mut dyn Iterator<Item = &String>| {
        let cells: Vec<String> = cells.map(|cell| cell.replace('|', "\\|")).collect();
        format!("| {} |\n", cells.join(" | "))
    };
    let mut out = format!("\n**{}**\n\n", table.title);
    out += &line(&mut table.head.iter());
    out += &format!("|--|{}\n", "--:|".repeat(table.head.len() - 1));
    for row in &table.rows {
        let name = match row.ours {
            true => format!("**{}**", row.name),
            false => row.name.clone(),
        };
        out += &line(&mut std::iter::once(&name).chain(&row.cells));
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::page::parts::Row;

    #[test]
    fn every_row_has_as_many_cells_as_the_head() {
        let text = table(&Table {
            title: "t".into(),
            head: vec!["arm".into(), "a|b".into()],
            rows: vec![Row {
                name: "x".into(),
                ours: true,
                cells: vec!["1".into()],
            }],
            ours: None,
            detail: false,
        });
        assert_eq!(
            text,
            "\n**t**\n\n| arm | a\\|b |\n|--|--:|\n| **x** | 1 |\n"
        );
    }
}
