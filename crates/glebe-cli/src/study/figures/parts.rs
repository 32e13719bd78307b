//! What the figures are made of: sections of plots and tables.

use std::collections::BTreeSet;

use crate::study::arms::Name;

/// A question, its answer and its figures.
#[derive(Debug)]
pub struct Section {
    /// A letter.
    pub id: &'static str,
    /// A few words.
    pub title: &'static str,
    /// The answer, a paragraph each.
    pub answers: Vec<String>,
    /// What is measured, and how.
    pub method: String,
    /// Plots.
    pub plots: Vec<Plot>,
    /// Tables.
    pub tables: Vec<Table>,
}

/// A table with a column of names.
#[derive(Debug)]
pub struct Table {
    /// What it shows.
    pub title: String,
    /// The heads of all columns.
    pub head: Vec<String>,
    /// The rows.
    pub rows: Vec<Row>,
    /// Left out of the Markdown.
    pub detail: bool,
}

/// A row of a table.
#[derive(Debug)]
pub struct Row {
    /// Its name.
    pub name: String,
    /// Whether it is one of this project's.
    pub ours: bool,
    /// What stands behind the name.
    pub cells: Vec<String>,
}

/// A plot.
#[derive(Debug)]
pub enum Plot {
    /// Lines over the number of live blocks, both scales logarithmic.
    Lines(Lines),
    /// A bar for each arm.
    Bars(Bars),
}

/// Lines over the number of live blocks.
#[derive(Debug)]
pub struct Lines {
    /// What it shows.
    pub title: String,
    /// What the upright axis counts.
    pub unit: &'static str,
    /// The lines.
    pub series: Vec<Series>,
}

/// A line.
#[derive(Debug)]
pub struct Series {
    /// Its name.
    pub name: String,
    /// Which of the colours.
    pub colour: usize,
    /// Dashed, as inline tags are.
    pub dashed: bool,
    /// Live blocks and cost.
    pub points: Vec<(f64, f64)>,
}

/// A bar for each arm.
#[derive(Debug)]
pub struct Bars {
    /// What it shows, and which way is better.
    pub title: String,
    /// The bars.
    pub bars: Vec<Bar>,
}

/// A bar.
#[derive(Debug)]
pub struct Bar {
    /// Its name.
    pub name: String,
    /// Whether it is one of this project's.
    pub ours: bool,
    /// Its length, in any unit.
    pub length: f64,
    /// What stands beside it.
    pub text: String,
}

impl Table {
    pub fn new(title: &str, head: impl IntoIterator<Item = String>, rows: Vec<Row>) -> Table {
        let arm = std::iter::once("arm".to_owned());
        Table {
            title: title.into(),
            head: arm.chain(head).collect(),
            rows,
            detail: false,
        }
    }

    /// Of a title whose first column is not of arms.
    pub fn of_rows<const COLUMNS: usize>(
        title: String,
        head: [&str; COLUMNS],
        rows: Vec<Row>,
    ) -> Table {
        Table {
            title,
            head: head.map(String::from).into(),
            rows,
            detail: false,
        }
    }

    /// More than most want to know.
    pub fn detail(mut self) -> Table {
        self.detail = true;
        self
    }
}

impl Row {
    pub fn new(arm: Name, cells: Vec<String>) -> Row {
        Row {
            name: arm.to_string(),
            ours: arm.is_ours(),
            cells,
        }
    }

    /// The row of a lane: an arm, and whether it is the null arm.
    pub fn of_lane((arm, null): (Name, bool), cells: Vec<String>) -> Row {
        let mut row = Row::new(arm, cells);
        if null {
            row.name += " (null arm)";
        }
        row
    }
}

impl Bars {
    pub fn plot(
        title: &str,
        values: impl Iterator<Item = (Name, f64)>,
        text: impl Fn(f64) -> String,
    ) -> Plot {
        let bar = |(arm, length): (Name, f64)| Bar {
            name: arm.to_string(),
            ours: arm.is_ours(),
            length,
            text: text(length),
        };
        Plot::Bars(Bars {
            title: title.into(),
            bars: values.map(bar).collect(),
        })
    }
}

/// A figure as `text` writes it, or the mark for none.
pub fn cell(value: Option<f64>, text: impl Fn(f64) -> String) -> String {
    value.map_or_else(|| "–".into(), text)
}

/// Without repetitions, in the order of first appearance.
pub fn distinct<T: Ord + Copy>(all: impl Iterator<Item = T>) -> Vec<T> {
    let mut seen = BTreeSet::new();
    all.filter(|one| seen.insert(*one)).collect()
}
