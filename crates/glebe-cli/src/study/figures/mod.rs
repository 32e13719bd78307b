//! The figures of a study as tables and plots, apart from how they are shown: here what they are
//! made of, and a file for each question.

mod cost;
mod fragmentation;
mod growth;
mod locality;
mod targets;

use std::collections::BTreeSet;

pub use fragmentation::mean_life;

use super::arms::Name;
use super::results::Study;

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
    fn new(title: &str, head: impl IntoIterator<Item = String>, rows: Vec<Row>) -> Table {
        let arm = std::iter::once("arm".to_owned());
        Table {
            title: title.into(),
            head: arm.chain(head).collect(),
            rows,
            detail: false,
        }
    }

    /// Of a title whose first column is not of arms.
    fn of_rows<const COLUMNS: usize>(
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
    fn detail(mut self) -> Table {
        self.detail = true;
        self
    }
}

impl Row {
    fn new(arm: Name, cells: Vec<String>) -> Row {
        Row {
            name: arm.to_string(),
            ours: arm.is_ours(),
            cells,
        }
    }

    /// The row of a lane: an arm, and whether it is the null arm.
    fn of_lane((arm, null): (Name, bool), cells: Vec<String>) -> Row {
        let mut row = Row::new(arm, cells);
        if null {
            row.name += " (null arm)";
        }
        row
    }
}

impl Bars {
    fn plot(
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

/// A number with three significant figures.
pub fn figure(value: f64) -> String {
    match value.abs() {
        size if size < 9.995 => format!("{value:.2}"),
        size if size < 99.95 => format!("{value:.1}"),
        size if size < 9999.5 => format!("{value:.0}"),
        size if size < 999_500.0 => format!("{:.0}k", value / 1e3),
        _ => format!("{:.1}M", value / 1e6),
    }
}

/// A share of 1 as a percentage.
pub fn percent(share: f64) -> String {
    format!("{:.1} %", share * 100.0)
}

/// A number of live blocks.
pub fn count(number: usize) -> String {
    match number {
        _ if number >= 1_000_000 && number.is_multiple_of(1_000_000) => {
            format!("{}M", number / 1_000_000)
        }
        _ if number >= 1000 && number.is_multiple_of(1000) => format!("{}k", number / 1000),
        _ => number.to_string(),
    }
}

fn cell(value: Option<f64>, text: impl Fn(f64) -> String) -> String {
    value.map_or_else(|| "–".into(), text)
}

/// All parts that were measured.
pub fn sections(study: &Study) -> Vec<Section> {
    let all = [
        cost::section(study),
        fragmentation::section(study),
        locality::section(study),
        growth::section(study),
        targets::section(study),
    ];
    all.into_iter().flatten().collect()
}

/// Without repetitions, in the order of first appearance.
fn distinct<T: Ord + Copy>(all: impl Iterator<Item = T>) -> Vec<T> {
    let mut seen = BTreeSet::new();
    all.filter(|one| seen.insert(*one)).collect()
}

/// Whether an arm belongs into the tables of suppliers.
fn is_supplied(name: Name) -> bool {
    matches!(name, Name::Pool(..)) && !name.is_fixed()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_three_figures() {
        for (value, text) in [
            (0.0, "0.00"),
            (9.994, "9.99"),
            (9.996, "10.0"),
            (99.96, "100"),
            (1234.4, "1234"),
            (45_600.0, "46k"),
            (999_600.0, "1.0M"),
        ] {
            assert_eq!(figure(value), text);
        }
        assert_eq!(
            [999, 1000, 1500, 1_000_000].map(count),
            ["999", "1k", "1500", "1M"]
        );
    }
}
