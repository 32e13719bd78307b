//! Sections as text for a terminal: aligned tables, no plots.

use std::fmt::Write;

use comfy_table::presets::NOTHING;
use comfy_table::{Attribute, Cell, CellAlignment, Color, Table as Grid, TableComponent};

use super::parts::{Section, Table};
use super::{Tone, tone};

/// How it is shown.
#[derive(Debug, Clone, Copy)]
pub struct Style {
    /// Colours and bold letters.
    pub colours: bool,
    /// The tables for those who want to know more, too.
    pub detail: bool,
}

/// A section.
pub fn render(section: &Section, style: Style) -> String {
    let mut out = format!("\n{}\n", section.title);
    let wanted = |table: &&Table| style.detail || !table.detail;
    for table in section.tables.iter().filter(wanted) {
        // Writing to a string cannot fail.
        let _ = write!(out, "\n{}\n{}\n", table.title, grid(table, style.colours));
    }
    let _ = write!(out, "\n{}\n", section.method);
    for answer in &section.answers {
        let _ = writeln!(out, "{answer}");
    }
    out
}

fn grid(table: &Table, colours: bool) -> Grid {
    let mut grid = Grid::new();
    let heads = table.head.iter().enumerate();
    grid.set_header(heads.map(|(at, head)| {
        let head = Cell::new(broken(head));
        match at.checked_sub(1) {
            None => head,
            Some(column) => {
                mark(head, table.ours == Some(column)).set_alignment(CellAlignment::Right)
            }
        }
    }));
    for row in &table.rows {
        let name = mark(Cell::new(&row.name), row.ours);
        let cells = row.cells.iter().enumerate().map(|(column, text)| {
            let cell = mark(Cell::new(text), row.ours || table.ours == Some(column));
            let cell = cell.set_alignment(CellAlignment::Right);
            match tone(text) {
                Some(Tone::Good) => cell.fg(Color::Green),
                Some(Tone::Bad) => cell.fg(Color::Red),
                None => cell,
            }
        });
        grid.add_row(std::iter::once(name).chain(cells));
    }
    grid.load_preset(NOTHING);
    grid.set_style(TableComponent::HeaderLines, '─');
    grid.set_style(TableComponent::MiddleHeaderIntersections, '─');
    match colours {
        true => grid.enforce_styling(),
        false => grid.force_no_tty(),
    };
    grid
}

/// A long name on two lines, so that a column is as narrow as its figures.
fn broken(name: &str) -> String {
    name.replace('-', "-\n").replace('/', "/\n")
}

/// Marks what is this project's.
fn mark(cell: Cell, ours: bool) -> Cell {
    match ours {
        true => cell.add_attribute(Attribute::Bold).fg(Color::Cyan),
        false => cell,
    }
}
