//! Question c as a table and plots.

use crate::page::parts::{Bars, Row, Section, Table};
use crate::study::answers;
use crate::study::locality::Locality;
use crate::study::results::{LocalityRow, Study};
use crate::words::{figure, percent};

const HEAD: [&str; 7] = [
    "pages",
    "lines",
    "median reuse distance",
    "hits in 32 KiB",
    "hits in 1 MiB",
    "pages of a list",
    "lines of a list",
];

/// The section.
pub fn section(study: &Study) -> Option<Section> {
    if study.locality.is_empty() {
        return None;
    }
    let row = |row: &LocalityRow| {
        let found = &row.found;
        let cells = vec![
            found.pages.to_string(),
            found.lines.to_string(),
            figure(found.median_distance),
            percent(found.near),
            percent(found.mid),
            figure(found.list_pages),
            figure(found.list_lines),
        ];
        Row::new(row.arm, cells)
    };
    let table = |title: &str, supplied: bool| {
        let rows = study
            .locality
            .iter()
            .filter(|row| row.arm.has_supplier() == supplied);
        Table::new(title, HEAD.map(String::from), rows.map(row).collect())
    };
    let mut tables = vec![
        table("Lines, pages and reuse", false),
        table("Lines, pages and reuse, pools with a supplier", true).detail(),
    ];
    tables.retain(|table| !table.rows.is_empty());
    let bars = |title: &str, value: fn(&Locality) -> f64, text: fn(f64) -> String| {
        let rows = study.locality.iter().filter(|row| !row.arm.has_supplier());
        Bars::plot(title, rows.map(|row| (row.arm, value(&row.found))), text)
    };
    Some(Section {
        id: "c".into(),
        title: "(c) Locality".into(),
        answers: answers::locality(study),
        method: "On an aged heap, mostly young blocks are replaced; each is written whole when it \
            is new, and its first line is read before it is freed. Then lists of 50 nodes of 48 \
            bytes are built, other blocks replaced between, and walked. Lines (64 B) and pages \
            (4096 B) are those of the blocks' addresses, not of hardware counters; an allocator's \
            own records are not among them. The reuse distance of a touch is the number of other \
            lines since the same line; a cache (LRU) larger than that hits."
            .into(),
        plots: vec![
            bars(
                "Distinct lines touched (less is better)",
                |found| found.lines as f64,
                figure,
            ),
            bars(
                "Touches that a cache of 32 KiB hits (more is better)",
                |found| found.near,
                percent,
            ),
            bars(
                "Pages of a list of 50 nodes (less is better)",
                |found| found.list_pages,
                figure,
            ),
        ],
        tables,
    })
}
