//! Sections as Markdown, without plots: for documents of the project.

use super::parts::{Section, Table};

/// A section.
pub fn render(section: &Section) -> String {
    let mut out = format!("\n## {}\n\n", section.title);
    for answer in &section.answers {
        out += &format!("{answer}\n\n");
    }
    out += &format!("*Method.* {}\n", section.method);
    let tables = section.tables.iter().filter(|table| !table.detail);
    tables.for_each(|each| out += &table(each));
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
