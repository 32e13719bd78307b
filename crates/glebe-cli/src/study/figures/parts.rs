//! Parts of a page whose rows and bars are arms.

use crate::arms::Name;
use crate::page::parts::{Bar, Bars, Plot, Row, Table};

impl Table {
    /// A table whose rows are arms.
    pub fn new(title: &str, head: impl IntoIterator<Item = String>, rows: Vec<Row>) -> Table {
        let arm = std::iter::once("arm".to_owned());
        Table {
            title: title.into(),
            head: arm.chain(head).collect(),
            rows,
            ours: None,
            detail: false,
        }
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
