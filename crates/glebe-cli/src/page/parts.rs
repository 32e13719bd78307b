//! What a page is made of: sections of plots and tables.

use std::collections::BTreeSet;

/// A part of a page: words, and the figures they are about.
#[derive(Debug)]
pub struct Section {
    /// A word for links.
    pub id: String,
    /// A few words.
    pub title: String,
    /// What is found, a paragraph each.
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
    /// Which of the columns behind the names is this project's, if one is.
    pub ours: Option<usize>,
    /// Only for those who want to know more: left out of Markdown, and of terminals at first.
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
            ours: None,
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
    /// A row that is nobody's.
    pub fn plain(name: &str, cells: impl IntoIterator<Item = String>) -> Row {
        Row {
            name: name.into(),
            ours: false,
            cells: cells.into_iter().collect(),
        }
    }
}

/// A figure as `text` writes it, or the mark for none.
pub fn cell<T>(value: Option<T>, text: impl Fn(T) -> String) -> String {
    value.map_or_else(|| "–".into(), text)
}

/// Without repetitions, in the order of first appearance.
pub fn distinct<T: Ord + Copy>(all: impl Iterator<Item = T>) -> Vec<T> {
    let mut seen = BTreeSet::new();
    all.filter(|one| seen.insert(*one)).collect()
}
